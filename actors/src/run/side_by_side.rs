//! Calls of one thought that can be made at the same time: they only look, and need no page.
//!
//! They are begun in their order, made side by side, and their receipts are written in their order, each as soon as those
//! before it are. So the record does not show who was faster, and a resume finds a beginning and no gaps.

use futures::{StreamExt, stream::FuturesOrdered};

use super::{
    attempt::{Attempt, Halt, failed},
    broker::{Act, Acted, Seen, StoreGone},
    charge::Begun,
    policy::Verdict,
};
use crate::{
    domain::{Effect, Step},
    ledger::Charge,
};

/// Calls under way at once.
const AT_ONCE: usize = 8;

/// Whether it may be made beside others like it.
fn may_go_beside(step: &Step) -> bool {
    let looks = matches!(step.effect(), Effect::Pure | Effect::Read);
    let alone = step.is_browser() || step.is_handed_over() || step.is_outreach();
    looks && !alone && !matches!(step, Step::Think { .. } | Step::Compose { .. } | Step::Speak { .. })
}

impl Attempt<'_> {
    /// How many steps from this one on are made side by side; 1: it is made alone.
    pub(super) async fn beside(&mut self, at: usize) -> Result<usize, Halt> {
        let most = if self.is_agent() { AT_ONCE } else { 1 };
        let mut many = 0;
        while many < most
            && let Some(step) = self.steps.get(at + many).cloned()
            && may_go_beside(&step)
            && self.not_granted(&step).is_none()
            && (many == 0 || self.goes_in_circles(at + many).is_none())
        {
            self.renew_terms(&step).await?;
            if !self.asks_nobody(&step) {
                break;
            }
            many += 1;
        }
        Ok(many.max(1))
    }

    /// Neither a person nor a rule need be asked about it.
    fn asks_nobody(&self, step: &Step) -> bool {
        let verdict = self.runner.broker.judge(step, self.page(), &self.persona.permissions, self.terms_for(step));
        matches!(verdict, Verdict::Allow { .. })
    }

    /// Carries these steps out at the same time, and takes in what came of them in their order.
    pub(super) async fn act_beside(&mut self, at: usize, many: usize) -> Result<(), Halt> {
        let steps: Vec<Step> = self.steps[at..at + many].to_vec();
        for step in &steps {
            let filled = self.filled(step).await.map_err(failed)?;
            self.keep_pace(&filled).await?;
        }
        let acted = self.carry_out_beside(at, &steps).await?;
        let mut end = Ok(());
        for (place, acted) in acted.into_iter().enumerate() {
            // What was done is taken in whole, also when the run cannot go on after one of them.
            let taken = self.take(at + place, &steps[place], acted).await;
            end = end.and(taken);
        }
        end
    }

    async fn carry_out_beside(&self, at: usize, steps: &[Step]) -> Result<Vec<Acted>, StoreGone> {
        let (about, broker) = (self.about(), &self.runner.broker);
        let mut acts = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let place_in_day = self.place_at(at + place, step).await?;
            acts.push(Act { place: place_in_day, ..self.act_of(&about, at + place, step) });
        }
        let mut begun = Vec::with_capacity(acts.len());
        let mut refused = None;
        for act in &acts {
            let call = broker.call(act);
            match broker.clear(act, &call).await? {
                Begun::Yes(charge) => begun.push(Way::Made(act, call, charge)),
                Begun::No(acted) if ends_run(&acted) => {
                    refused = Some(*acted);
                    break;
                }
                Begun::No(acted) => begun.push(Way::Refused(*acted)),
            }
        }
        let mut came: FuturesOrdered<_> = begun.into_iter().map(|way| self.make(way)).collect();
        let mut acted = Vec::with_capacity(acts.len());
        while let Some(came) = came.next().await {
            acted.push(match came {
                Came::Seen(act, seen, charge) => broker.end(act, seen, charge.as_ref()).await?,
                Came::Refused(acted) => acted,
            });
        }
        acted.extend(refused);
        Ok(acted)
    }

    async fn make<'b>(&'b self, way: Way<'b>) -> Came<'b> {
        match way {
            Way::Made(act, call, charge) => Came::Seen(act, self.runner.broker.see(call, &self.stop).await, charge),
            Way::Refused(acted) => Came::Refused(acted),
        }
    }
}

/// A call that is to be made, or was refused before.
enum Way<'a> {
    Made(&'a Act<'a>, crate::domain::Call, Option<Charge>),
    Refused(Acted),
}

enum Came<'a> {
    Seen(&'a Act<'a>, Seen, Option<Charge>),
    Refused(Acted),
}

const fn ends_run(acted: &Acted) -> bool {
    matches!(acted, Acted::Ended | Acted::Full(_) | Acted::OverBudget(_))
}
