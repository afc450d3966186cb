//! Carries one run through its steps: each through the broker, then the proof, then the last commit.
//!
//! A run is a value of its persona's task: it asks for a slice, gives it back while it waits, offers it between two
//! steps to whom it is owed (`turns.rs`), and can be stopped there without losing anything. What it must know after a crash it reads from the goal's receipts
//! (`history.rs`); what to do with each step then is decided in `resume.rs`, without any I/O.

mod agent;
pub(crate) mod approval;
pub(crate) mod arguments;
mod attempt;
mod broker;
mod budget;
mod charge;
mod claims;
mod deed;
mod drafts;
mod drift;
mod ends;
mod fork;
mod granted;
mod handing;
mod history;
mod judging;
mod now;
mod plan;
mod policy;
pub mod proof;
mod quota;
mod recorded;
pub mod replay;
mod resume;
mod ruled;
mod settle;
mod side_by_side;
mod stage;
mod steps;
#[cfg(test)]
mod tests;
mod turns;
mod waits;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use self::deed::{came_to_nothing, rolled_back_by};
pub use self::deed::{deed, rollbacks};
pub use self::handing::{Colleagues, Given, Handed, NotGiven, Repeated};
pub(crate) use self::now::Working;
pub(crate) use self::policy::{Rules, Verdict as Judged, disclosed, judge, reaches};
use self::{attempt::Attempt, broker::Broker, stage::Stage};
pub(crate) use self::{ends::ends_with, history::History, quota::may_have_happened, steps::Steps};
pub use self::{now::Now, policy::standing_rules};
use crate::{
    domain::{Limits, Persona, Weight},
    evidence::Evidence,
    ports::{Ports, Records, Waiting},
    scheduler::{Ended, Place, Scheduler, Wish},
};

/// How long saving what must survive a crash may take at the end of a slice.
const REST_WITHIN: Duration = Duration::from_secs(5);

/// Carries runs. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    broker: Broker,
    stage: Stage,
    limits: Arc<Limits>,
    /// Who can be given work; none: nobody.
    colleagues: Option<Arc<dyn Colleagues>>,
}

/// How a run ended, as far as its persona must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// The goal is over and its message settled.
    Over { failure_streak: u32, open_circuit: bool },
    /// Parked or backing off; none: a person must act.
    Later { due_ms: Option<i64> },
    /// `stop` fired: what was done is durable and can be carried on.
    Stopped,
    /// The store is gone; try again later.
    Unavailable,
}

impl Runner {
    /// `limits` hold for every run.
    pub fn new(ports: Ports, evidence: Evidence, scheduler: Scheduler, limits: Arc<Limits>) -> Self {
        let broker = Broker {
            ports,
            evidence,
            node: limits.node.clone(),
            standing: policy::standing_rules(&limits.standing_hosts).into(),
            step_limit: limits.step,
            hosts: scheduler.hosts().clone(),
            record: None,
        };
        Self { broker, stage: Stage::Company(scheduler), limits, colleagues: None }
    }

    /// What the journal says.
    pub(crate) fn records(&self) -> &dyn Records {
        &*self.broker.ports.records
    }

    /// With others whom its runs may give work.
    #[must_use]
    pub fn among(self, colleagues: Arc<dyn Colleagues>) -> Self {
        Self { colleagues: Some(colleagues), ..self }
    }

    /// Waits for the slice in which `work` is worked at; none: `stop` fired, or the company is ending. Thousands may
    /// wait here, so little is held meanwhile. `since`: since when it waits, and since when it could have begun.
    pub(crate) async fn turn(
        &self,
        work: &Waiting,
        weight: Weight,
        since: (i64, Option<i64>),
        stop: &CancellationToken,
        now: &Now,
    ) -> Option<Working> {
        let place = self.queue(work, weight, since).ok()?;
        let slice = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            slice = place.granted() => slice.ok()?,
        };
        Some(now.work(slice, work.goal.payload.kind(), self.limits.clone()))
    }

    fn queue(&self, work: &Waiting, weight: Weight, (since_ms, ready_ms): (i64, Option<i64>)) -> Result<Place, Ended> {
        let priority = work.message.priority_at(self.broker.ports.world.now_ms());
        self.stage.queue(Wish { persona: work.goal.persona, priority, weight, since_ms, ready_ms })
    }

    /// Carries the goal of `work` through one attempt, or carries its open run on.
    pub(crate) async fn carry(
        &self,
        persona: Arc<Persona>,
        work: Arc<Waiting>,
        failure_streak: u32,
        stop: CancellationToken,
        now: Now,
        slice: Working,
    ) -> RunEnd {
        let (id, work) = (persona.id, Arc::unwrap_or_clone(work));
        let begun = Attempt::begin(self, persona, work, failure_streak, stop, now, Some(slice)).await;
        let mut attempt = match begun {
            Ok(attempt) => attempt,
            Err(end) => return end,
        };
        let end = attempt.carry().await;
        if tokio::time::timeout(REST_WITHIN, self.broker.ports.performer.rest(id)).await.is_err() {
            warn!(persona = %id, "persona {id} could not save its browser state in time");
        }
        end
    }

    /// The task that carried the run panicked: says so in the evidence and fails the attempt.
    pub(crate) async fn after_panic(&self, persona: Arc<Persona>, work: Arc<Waiting>, text: String) -> RunEnd {
        settle::after_panic(self, persona, Arc::unwrap_or_clone(work), text).await
    }
}
