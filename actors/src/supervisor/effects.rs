//! What a goal's receipts say about its effects: which may not be changed, which a person must settle. Pure.

use crate::{
    domain::{Effect, Receipt, ReceiptKind, RunId, Step, StepIndex},
    run::History,
};

/// An effect that may or may not have happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Uncertain {
    pub(super) step: StepIndex,
    pub(super) run: Option<RunId>,
    pub(super) effect: Option<Effect>,
    pub(super) kind: ReceiptKind,
    pub(super) tool: Option<String>,
}

/// Effects of which nobody knows how they ended, in the order of their steps.
pub(super) fn uncertain(receipts: Vec<Receipt>) -> Vec<Uncertain> {
    let history = History::new(receipts);
    let about = |step| {
        let intent = history.intent(step)?;
        let Receipt { run, effect, kind, ref tool, .. } = *intent;
        Some(Uncertain { step, run, effect, kind, tool: tool.clone() })
    };
    history.unknown_steps().into_iter().filter_map(about).collect()
}

/// The intents of effects of which nobody knows how they ended, in the order of their steps: what a person is asked about.
/// `receipts`: all of a goal, in order.
pub fn unresolved(receipts: Vec<Receipt>) -> Vec<Receipt> {
    let history = History::new(receipts);
    history.unknown_steps().into_iter().filter_map(|step| history.intent(step).cloned()).collect()
}

/// The first step with an intent that would not stay as it is.
pub(super) fn touched(before: &[Step], after: &[Step], receipts: &[Receipt]) -> Option<StepIndex> {
    let begun = receipts.iter().filter(|receipt| receipt.intends_effect()).filter_map(|receipt| receipt.step);
    let differs = |step: &StepIndex| {
        let at = usize::try_from(*step).unwrap_or(usize::MAX);
        before.get(at) != after.get(at)
    };
    begun.filter(differs).min()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{ChainId, Draft, Ended, PersonaId, Phase},
        evidence::chain::Heads,
        ports::World,
        testing::{self, TestWorld},
    };

    /// Receipts of effects: step, phase, how it ended.
    fn receipts(of: &[(StepIndex, Phase, Option<Ended>)]) -> Vec<Receipt> {
        let world = TestWorld::new(1);
        let chain = ChainId::Persona(PersonaId(Uuid::from_u128(1)));
        let mut heads = Heads::new(0);
        let mut batch = heads.begin();
        let link = |(step, phase, ended): &(StepIndex, Phase, Option<Ended>)| {
            let draft = testing::draft(&world, chain.clone(), Some(*phase), "said so");
            let (step, state) = (Some(*step), ended.map(Ended::as_str));
            batch
                .link(Draft {
                    step,
                    state,
                    tool: Some("browser_click".into()),
                    run: Some(RunId(world.new_id())),
                    ..draft
                })
                .to_receipt()
        };
        of.iter().map(link).collect()
    }

    fn open_steps(of: &[(StepIndex, Phase, Option<Ended>)]) -> Vec<StepIndex> {
        uncertain(receipts(of)).iter().map(|uncertain| uncertain.step).collect()
    }

    #[test]
    fn an_effect_is_uncertain_until_someone_knows() {
        let (intent, unknown) = ((4, Phase::Intent, None), (4, Phase::Unknown, Some(Ended::Unknown)));
        assert_eq!(open_steps(&[intent]), [4]);
        assert_eq!(open_steps(&[intent, unknown]), [4]);
        let (refused, not_begun) =
            ((4, Phase::Denied, Some(Ended::NotBegun)), (4, Phase::Outcome, Some(Ended::NotBegun)));
        for settled in [(Phase::Outcome, Ended::Done), (Phase::Reconciled, Ended::NotBegun)] {
            let settled = (4, settled.0, Some(settled.1));
            assert_eq!(open_steps(&[intent, unknown, settled]), [0; 0]);
            assert_eq!(open_steps(&[intent, unknown, intent, not_begun, refused, settled, intent, refused]), [0; 0]);
        }
        for later in [&[refused][..], &[intent, not_begun], &[intent, refused], &[intent, not_begun, refused]] {
            let all = [&[intent, unknown], later].concat();
            assert_eq!(open_steps(&all), [4], "the first try may have gone through: {all:?}");
        }
        let of_files = receipts(&[intent, unknown, intent, not_begun]).into_iter();
        let of_files = of_files.map(|receipt| Receipt { kind: ReceiptKind::File, ..receipt }).collect();
        assert_eq!(uncertain(of_files), [], "the file was looked at");
        assert_eq!((open_steps(&[intent, not_begun]), open_steps(&[intent, refused])), (vec![], vec![]));
        let again = [intent, (4, Phase::Reconciled, Some(Ended::NotBegun)), intent, (2, Phase::Intent, None)];
        assert_eq!(open_steps(&again), [2, 4]);
        assert_eq!(open_steps(&[(3, Phase::Outcome, Some(Ended::Unknown))]), [0; 0], "a look that was cut off is none");
    }

    #[test]
    fn a_call_that_only_reserved_money_is_no_effect() {
        let paid = |of: &[_]| receipts(of).into_iter().map(|receipt| Receipt { effect: Some(Effect::Pure), ..receipt });
        let cut_off: Vec<_> = paid(&[(1, Phase::Intent, None), (1, Phase::Unknown, Some(Ended::Unknown))]).collect();
        assert_eq!(touched(&[], &[Step::Snapshot {}, Step::Snapshot {}], &cut_off), None, "its prompt may change");
        assert_eq!(uncertain(cut_off), [], "nobody is asked whether it happened");
    }

    #[test]
    fn a_step_with_an_intent_stays_as_it_is() {
        let step = |selector: &str| Step::Click { selector: selector.into(), effect: None, timeout_ms: None };
        let before = [step("a"), step("b"), step("c")];
        let begun = receipts(&[(1, Phase::Intent, None)]);
        assert_eq!(touched(&before, &[step("x"), step("b"), step("y")], &begun), None);
        assert_eq!(touched(&before, &[step("a"), step("x"), step("c")], &begun), Some(1));
        assert_eq!(touched(&before, &[step("b")], &begun), Some(1), "removed or moved counts as changed");
    }
}
