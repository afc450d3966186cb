//! Goals that wait for others: released, or failed, when those are over.
//!
//! One task decides, in a commit of its own right after the one that ended a prerequisite: the evidence tells it
//! after COMMIT. It keeps nothing in memory. What it missed (a crash between the two commits, a store that was gone)
//! it finds by looking at every goal that is parked on others: at start, and after anything went wrong.
//!
//! A decision rests on the goals as it read them, so their versions guard it: nothing is released twice, and a
//! prerequisite that a person retried meanwhile is waited for again. A dependent that fails is over itself, so chains
//! fail from link to link the same way. Once decided, it stays: a later retry of the prerequisite changes nothing
//! for goals that were released or failed already; a person may retry those.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tracing::warn;

use super::{By, desk, drafts, office::Office};
use crate::{
    domain::{ChainId, Draft, Goal, GoalId, GoalState, IfFailed, Limits, MessageState, ParkedOn},
    evidence::{Evidence, GoalTurn, RecordError},
    ports::{Change, Commit, GoalMove, Guard, Ports, Prerequisite, Unavailable},
};

/// Dependents decided at the same time; their commits share transactions.
const AT_ONCE: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What becomes of a goal that waits for these.
#[derive(Debug, PartialEq)]
enum Decision<'a> {
    Wait,
    Release,
    /// Because of this one.
    Fail(&'a Goal),
}

/// A failed prerequisite counts at once, unless it releases: then all must be over.
fn decide(prerequisites: &[Prerequisite]) -> Decision<'_> {
    let failed = |p: &&Prerequisite| p.goal.state.is_over() && p.goal.state != GoalState::Done;
    let fails = prerequisites.iter().filter(failed).find(|p| p.if_failed == IfFailed::Fail);
    match fails {
        Some(failed) => Decision::Fail(&failed.goal),
        None if prerequisites.iter().all(|p| p.goal.state.is_over()) => Decision::Release,
        None => Decision::Wait,
    }
}

/// The one who releases.
pub(super) struct Releaser {
    ports: Ports,
    evidence: Evidence,
    office: Office,
    limits: Arc<Limits>,
}

impl Releaser {
    pub(super) fn new(ports: &Ports, evidence: &Evidence, office: &Office, limits: &Arc<Limits>) -> Self {
        let (ports, evidence) = (ports.clone(), evidence.clone());
        Self { ports, evidence, office: office.clone(), limits: limits.clone() }
    }

    /// Until the receipts are closed.
    pub(super) async fn keep(self, mut turns: broadcast::Receiver<GoalTurn>) {
        let mut pause = FIRST_PAUSE;
        let mut missed = true;
        loop {
            let seen = if missed { self.look_at_all().await } else { self.hear(&mut turns).await };
            match seen {
                Ok(()) => (missed, pause) = (false, FIRST_PAUSE),
                Err(Trouble::Missed) => missed = true,
                Err(Trouble::Store(error)) => {
                    warn!("goals that wait for others are looked at again in {} s: {error}", pause.as_secs());
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    missed = true;
                }
                Err(Trouble::Ended) => return,
            }
        }
    }

    async fn hear(&self, turns: &mut broadcast::Receiver<GoalTurn>) -> Result<(), Trouble> {
        match turns.recv().await {
            Ok(GoalTurn::Over(id)) => self.look_at(self.ports.records.dependents(id).await?).await,
            Ok(GoalTurn::Waits(id)) => self.look(id).await,
            Ok(GoalTurn::Room(_)) => Ok(()),
            Err(RecvError::Lagged(_)) => Err(Trouble::Missed),
            Err(RecvError::Closed) => Err(Trouble::Ended),
        }
    }

    async fn look_at_all(&self) -> Result<(), Trouble> {
        self.look_at(self.ports.records.parked_on_goals().await?).await
    }

    async fn look_at(&self, goals: Vec<GoalId>) -> Result<(), Trouble> {
        stream::iter(goals).map(Ok).try_for_each_concurrent(AT_ONCE, |id| self.look(id)).await
    }

    /// Decides about one goal, anew as long as something it rests on changes.
    async fn look(&self, id: GoalId) -> Result<(), Trouble> {
        loop {
            let Some(goal) = self.ports.records.goal(id).await? else { return Ok(()) };
            if goal.parked_on != Some(ParkedOn::Dependency) {
                return Ok(());
            }
            let prerequisites = self.ports.records.prerequisites(id).await?;
            let Some(commit) = self.decided(&goal, &prerequisites).await? else { return Ok(()) };
            let (office, persona) = (self.office.clone(), goal.persona);
            match self.evidence.record_then(commit, move |_| office.poke(persona)).await {
                Ok(_) => {
                    self.refresh(&goal).await;
                    return Ok(());
                }
                Err(RecordError::Outdated(_)) => {}
                Err(RecordError::Unavailable(error)) => return Err(error.into()),
                Err(RecordError::Ended) => return Err(Trouble::Ended),
            }
        }
    }

    /// The commit that says so; none: it goes on waiting.
    async fn decided(&self, goal: &Goal, prerequisites: &[Prerequisite]) -> Result<Option<Commit>, Trouble> {
        let at_ms = self.ports.world.now_ms();
        let (step, changes, said) = match decide(prerequisites) {
            Decision::Wait => return Ok(None),
            Decision::Release => {
                // Its wait for a slice is counted from here.
                let due_ms = Some(goal.due_ms.unwrap_or(0).max(at_ms));
                let step = GoalMove { due_ms, ..desk::moved(goal, GoalState::Pending, at_ms) };
                (step, Vec::new(), format!("may begin “{}”: what it waited for is over", goal.title))
            }
            Decision::Fail(failed) => {
                let error = because_of(failed);
                let step = GoalMove { last_error: Some(error), ..desk::moved(goal, GoalState::Failed, at_ms) };
                let Some(message) = self.ports.records.message_of(goal.id).await? else { return Ok(None) };
                let moved = Change::MessageMoved(message.id, MessageState::Failed);
                (step, vec![moved], format!("failed “{}”: “{}” is {}", goal.title, failed.title, failed.state))
            }
        };
        let receipts = vec![self.receipt(goal, prerequisites, &step, said)];
        let mut guards = vec![Guard::GoalVersion(goal.id, goal.version)];
        guards.extend(prerequisites.iter().map(|p| Guard::GoalVersion(p.goal.id, p.goal.version)));
        let changes = [vec![Change::GoalMoved(step)], changes].concat();
        Ok(Some(Commit { guards, changes, receipts }))
    }

    fn receipt(&self, goal: &Goal, prerequisites: &[Prerequisite], step: &GoalMove, said: String) -> Draft {
        let by = By { who: "system".to_owned(), trace: goal.trace };
        let ended = |p: &Prerequisite| json!({"goal": p.goal.id, "title": p.goal.title, "state": p.goal.state});
        let data = json!({"waited_for": prerequisites.iter().map(ended).collect::<Vec<_>>()});
        let chain = ChainId::Persona(goal.persona);
        let draft = drafts::decision(&self.limits.node, &*self.ports.world, chain, &by, said, data);
        let mut draft = drafts::about(draft, goal.id, goal.project.clone(), Some(step.state.as_str()));
        draft.body.error.clone_from(&step.last_error);
        draft
    }

    /// The roster takes the journal's word over; what cannot be read now is read after the persona's next look.
    async fn refresh(&self, goal: &Goal) {
        if let Ok(Some(record)) = self.ports.records.roster_record(goal.persona).await {
            self.office.fresh(record);
        }
    }
}

/// Why a look came to nothing.
enum Trouble {
    /// Something was said that nobody heard: look at all.
    Missed,
    Store(Unavailable),
    Ended,
}

impl From<Unavailable> for Trouble {
    fn from(error: Unavailable) -> Self {
        Self::Store(error)
    }
}

fn because_of(failed: &Goal) -> String {
    format!(
        "it waits for “{}” ({}), which is {}: see to that one, then retry this one",
        failed.title, failed.id, failed.state
    )
}
