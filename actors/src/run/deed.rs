//! What a step of a run did, and who takes it back already: read from the receipts of its goal. Pure.

use serde_json::{Value, json};

use super::history::{History, Key};
use crate::domain::{Body, Deed, Draft, Goal, GoalId, NoRollback, Payload, Receipt, Run, StepIndex, Undoes};

/// Where a receipt about a goal names the goal that takes one of its steps back.
const ROLLED_BACK_BY: &str = "rolled_back_by";

/// What the step of this number did, from 1 as pages number it. `receipts`: all of the goal, in order.
pub fn deed(goal: &Goal, run: &Run, receipts: Vec<Receipt>, number: u32) -> Result<Deed, NoRollback> {
    let own = || receipts.iter().filter(|receipt| receipt.run == Some(run.id)).cloned().collect();
    let first = match goal.payload {
        // Each attempt of an agent has steps of its own.
        Payload::Agent(_) => History::new(own()).first_step(run.id),
        _ => 0,
    };
    let step = number.checked_sub(1).and_then(|place| first.checked_add(place)).ok_or(NoRollback::NotDone)?;
    let history = History::new(receipts);
    if let Key::Open = history.key(step)
        && let Some(earlier) = history.skipped(step)
    {
        return Err(elsewhere(&history, earlier.seq));
    }
    let done = match history.key(step) {
        Key::Done(recorded) if recorded.holds => recorded,
        Key::Unknown { .. } => return Err(NoRollback::Unknown(goal.id)),
        Key::Done(_) | Key::Open => return Err(NoRollback::NotDone),
    };
    let receipt = history.receipts().iter().find(|receipt| receipt.seq == done.seq).ok_or(NoRollback::NotDone)?;
    let tool = receipt.tool.clone().ok_or(NoRollback::NotDone)?;
    if let Some(effect) = receipt.effect.filter(|effect| !effect.needs_intent()) {
        return Err(NoRollback::Harmless { tool, effect });
    }
    let body = receipt.body.as_ref().ok_or(NoRollback::NotOnRecord)?;
    if let Some(from) = body.data.get("forked_from") {
        // A fork's first steps stand at the places that they have in the run which did them.
        let run = from.get("run").and_then(Value::as_str).and_then(|run| run.parse().ok());
        return Err(run.map_or(NoRollback::NotDone, |run| NoRollback::DoneElsewhere { run, step: number }));
    }
    // An intent tells what was asked; the outcome alone does not.
    let asked = history.intent(step).and_then(|intent| intent.body.as_ref()?.data.get("args")?.get("args"));
    let args = asked.and_then(Value::as_object).cloned();
    let undoes =
        Undoes { goal: goal.id, run: receipt.run.unwrap_or(run.id), step, seq: receipt.seq, receipt: receipt.hash };
    let value = body.data.get("value").cloned();
    match args {
        Some(args) => Ok(Deed { tool, args, value, undoes }),
        // What is no call of a tool with arguments has no inverse, whatever its record says.
        None if history.intent(step).is_some_and(|intent| intent.body.is_none()) => Err(NoRollback::NotOnRecord),
        None => Err(NoRollback::NoInverse(tool)),
    }
}

fn elsewhere(history: &History, seq: i64) -> NoRollback {
    let done = history.receipts().iter().find(|receipt| receipt.seq == seq);
    let place = done.and_then(|receipt| Some((receipt.run?, receipt.step?)));
    place.map_or(NoRollback::NotDone, |(run, step)| {
        let place = step.saturating_sub(history.first_step(run));
        NoRollback::DoneElsewhere { run, step: place.saturating_add(1) }
    })
}

/// Steps of a goal for which a rollback was confirmed, each with the goal that it became, in that order. `receipts`: those
/// about the goal.
pub fn rollbacks(receipts: &[Receipt]) -> Vec<(StepIndex, GoalId)> {
    let said = |receipt: &Receipt| {
        let told = receipt.body.as_ref()?.data.get(ROLLED_BACK_BY)?;
        let step = u32::try_from(told.get("step")?.as_u64()?).ok()?;
        Some((step, told.get("goal")?.as_str()?.parse().ok()?))
    };
    receipts.iter().filter(|receipt| receipt.step.is_none()).filter_map(said).collect()
}

/// What a receipt about a goal says when one of its steps is to be taken back.
pub(crate) fn rolled_back_by(undoes: &Undoes, goal: GoalId) -> Value {
    json!({"run": undoes.run, ROLLED_BACK_BY: {"step": undoes.step, "goal": goal}})
}

/// Whether nothing came of a goal, for sure: none of its effects happened. `receipts`: all of the goal, in order.
pub(crate) fn came_to_nothing(goal: &Goal, receipts: Vec<Receipt>) -> bool {
    goal.state.is_over() && !History::new(receipts).has_effect(None)
}

/// A receipt of a rollback's step names what it takes back.
pub(super) fn named(mut draft: Draft, goal: &Goal) -> Draft {
    if let (Some(undoes), Value::Object(fields)) = (goal.payload.undoes(), &mut draft.body.data) {
        fields.insert("undoes".to_owned(), json!(undoes));
    }
    draft
}

/// Whether the tool of a rollback was seen to leave a trace: what it says is no proof.
pub(super) fn left_a_trace(receipt: &Receipt) -> bool {
    let seen = |body: &Body| ["files", "removed", "not_files"].iter().any(|key| body.data.get(key).is_some());
    receipt.body.as_ref().is_some_and(seen)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{AgentPayload, ChainId, Effect, Ended, Phase, RunId, RunState},
        evidence::chain::Heads,
        ports::World as _,
        testing::{self, TestWorld},
    };

    fn run_id(n: u128) -> RunId {
        RunId(Uuid::from_u128(n))
    }

    /// What is on record of one step: its run, phase, how it ended, data.
    type Said = (u128, StepIndex, Phase, Option<Ended>, Value);

    fn said(of: Vec<Said>) -> (Goal, Run, Vec<Receipt>) {
        let world = TestWorld::new(1);
        let ada = testing::persona(&world, "ada").id;
        let goal = Goal { payload: Payload::Agent(Box::new(AgentPayload::new("x"))), ..testing::goal(&world, ada) };
        let mut heads = Heads::new(0);
        let mut batch = heads.begin();
        let receipts = of.into_iter().map(|(run, step, phase, ended, data)| {
            let draft = testing::draft(&world, ChainId::Persona(ada), Some(phase), "said so");
            let (tool, effect) = (Some("book".into()), Some(Effect::Idempotent));
            let (run, step, state) = (Some(run_id(run)), Some(step), ended.map(Ended::as_str));
            let body = Body { data, ..Body::default() };
            batch.link(Draft { run, step, state, tool, effect, body, ..draft }).to_receipt()
        });
        let receipts = receipts.collect();
        let run = Run {
            id: run_id(2),
            goal: goal.id,
            persona: ada,
            attempt: 2,
            state: RunState::Failed,
            started_ms: world.now_ms(),
            ended_ms: None,
            error: None,
            trace: goal.trace,
            waited_ms: 0,
            first_seq: 0,
            last_seq: None,
        };
        (goal, run, receipts)
    }

    fn intent(run: u128, step: StepIndex) -> Said {
        (run, step, Phase::Intent, None, json!({"args": {"args": {"seat": "12a"}}}))
    }

    fn done(run: u128, step: StepIndex, data: Value) -> Said {
        (run, step, Phase::Outcome, Some(Ended::Done), data)
    }

    #[test]
    fn an_agents_steps_are_numbered_within_its_run() {
        let (goal, run, receipts) =
            said(vec![intent(1, 0), done(1, 0, json!({})), intent(2, 5), done(2, 5, json!({"value": 7}))]);
        let deed = deed(&goal, &run, receipts.clone(), 1).unwrap();
        assert_eq!((deed.undoes.run, deed.undoes.step), (run_id(2), 5));
        assert_eq!((deed.undoes.receipt, deed.value), (receipts[3].hash, Some(json!(7))));
        assert_eq!(Value::Object(deed.args), json!({"seat": "12a"}));
        for nowhere in [0, 2, u32::MAX] {
            assert_eq!(super::deed(&goal, &run, receipts.clone(), nowhere), Err(NoRollback::NotDone), "{nowhere}");
        }
    }

    #[test]
    fn what_another_run_did_is_taken_back_there() {
        let skipped = (2, 5, Phase::Skipped, Some(Ended::Done), json!({"done_at_seq": 2}));
        let (goal, run, receipts) = said(vec![intent(1, 0), done(1, 0, json!({})), skipped]);
        assert_eq!(receipts[1].seq, 2);
        let elsewhere = |run| Err(NoRollback::DoneElsewhere { run, step: 1 });
        assert_eq!(deed(&goal, &run, receipts, 1), elsewhere(run_id(1)));
        let forked = done(2, 5, json!({"forked_from": {"run": run_id(9), "step": 3}}));
        let (goal, run, receipts) = said(vec![forked]);
        assert_eq!(deed(&goal, &run, receipts, 1), elsewhere(run_id(9)));
    }

    #[test]
    fn what_is_erased_or_failed_is_not_taken_back() {
        let (goal, run, mut receipts) = said(vec![intent(2, 0), done(2, 0, json!({}))]);
        receipts[0].body = None;
        assert_eq!(deed(&goal, &run, receipts.clone(), 1), Err(NoRollback::NotOnRecord));
        receipts[1].body = None;
        assert_eq!(deed(&goal, &run, receipts, 1), Err(NoRollback::NotOnRecord));
        let (goal, run, receipts) = said(vec![intent(2, 0)]);
        assert_eq!(deed(&goal, &run, receipts.clone(), 1), Err(NoRollback::Unknown(goal.id)));
        let (goal, run, mut receipts) = said(vec![intent(2, 0), done(2, 0, json!({}))]);
        receipts[1].body.as_mut().unwrap().error = Some("it said no".to_owned());
        assert_eq!(deed(&goal, &run, receipts, 1), Err(NoRollback::NotDone));
        let no_call = (2, 0, Phase::Intent, None, json!({"args": {"path": "a.txt"}}));
        let (goal, run, receipts) = said(vec![no_call, done(2, 0, json!({}))]);
        assert_eq!(deed(&goal, &run, receipts, 1), Err(NoRollback::NoInverse("book".into())));
    }
}
