//! Makes one of a burst, durably, right before it is begun.

use serde_json::json;

use super::{
    PersonaActor,
    coalesce::{self, Burst},
    read,
};
use crate::{
    domain::{Body, ChainId, Draft, GoalState, MessageState, Phase, ReceiptKind},
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard, Unavailable, Waiting},
};

/// Messages joined in one commit.
const TOGETHER: u32 = 256;
/// How often it decides anew when a message moved meanwhile.
const RACES: usize = 8;

impl PersonaActor {
    /// The work to begin when `work` is next: the newest of its burst, with the others as its context. None: its
    /// messages keep moving, look again.
    pub(super) async fn gather(&self, work: Waiting) -> Result<Option<Waiting>, Unavailable> {
        let Some(key) = work.message.coalescing.clone() else { return Ok(Some(work)) };
        let mut newest: Option<Waiting> = None;
        let mut place = (0, work.message.id);
        let mut races = 0;
        while races < RACES {
            let found = self.stage.ports.records.burst(self.id, &key, self.now_ms(), TOGETHER);
            let mut burst = read(found).await?;
            if let Some(newest) = &newest {
                // What came in meanwhile waits for the next turn.
                burst.retain(|other| (other.message.received_ms, other.message.id) < place);
                burst.retain(|other| other.message.id != newest.message.id);
                burst.insert(0, newest.clone());
            } else if burst.len() < TOGETHER as usize && burst.iter().all(|other| other.message.id != work.message.id) {
                // It does not belong to a burst after all: it was begun, or others wait for its answer.
                return Ok(Some(work));
            }
            let Some(joined) = coalesce::join(burst, newest.is_some()) else { return Ok(newest.or(Some(work))) };
            match self.stage.evidence.record(self.joined(&key, &joined)).await {
                Ok(_) => {
                    self.stage.tally.coalesced(joined.others.len());
                    let Burst { before, mut trigger, .. } = joined;
                    if newest.is_none() {
                        place = (before.message.received_ms, before.message.id);
                    }
                    trigger.goal.version += i64::from(trigger.goal.payload != before.goal.payload);
                    newest = Some(trigger);
                }
                Err(RecordError::Outdated(_)) if newest.is_some() => return Ok(newest),
                Err(RecordError::Outdated(_)) => races += 1,
                Err(RecordError::Unavailable(error)) => return Err(error),
                Err(RecordError::Ended) => return Ok(None),
            }
        }
        Ok(None)
    }

    fn joined(&self, key: &str, burst: &Burst) -> Commit {
        let Burst { before, trigger, others } = burst;
        let at_ms = self.now_ms();
        let waits = |work: &Waiting| {
            [
                Guard::MessageIs(work.message.id, MessageState::Waiting),
                Guard::GoalVersion(work.goal.id, work.goal.version),
            ]
        };
        let guards = others.iter().chain([before]).flat_map(waits).collect();
        let mut changes = vec![Change::BurstJoined(Box::new(trigger.message.clone()))];
        if trigger.goal.payload != before.goal.payload {
            let goal = trigger.goal.clone();
            // Its times stay: it is no correction by a person, and gains no time by it.
            let (id, title, at_ms) = (goal.id, goal.title, goal.updated_ms);
            changes.push(Change::GoalCorrected { id, title, payload: goal.payload, proof: goal.proof, at_ms });
        }
        let data = json!({"coalescing": key, "messages": others.len(), "priority": trigger.message.priority});
        let summary = format!("takes {} earlier messages as context of “{}”", others.len(), trigger.goal.title);
        let mut receipts = vec![self.told(trigger, None, None, summary, data)];
        for other in others {
            changes.push(Change::MessageMoved(other.message.id, MessageState::Coalesced));
            changes.push(Change::GoalMoved(GoalMove {
                id: other.goal.id,
                state: GoalState::Cancelled,
                parked_on: None,
                attempts: other.goal.attempts,
                last_error: None,
                result: Some(format!(
                    "Answered together with the newer “{}” ({}).",
                    trigger.goal.title, trigger.goal.id
                )),
                due_ms: None,
                at_ms,
            }));
            let data = json!({"message": other.message.id, "into": trigger.message.id, "goal": trigger.goal.id});
            let summary = format!("took “{}” as context of a newer message", other.goal.title);
            let state = Some(GoalState::Cancelled.as_str());
            receipts.push(self.told(other, Some(Phase::Coalesced), state, summary, data));
        }
        Commit { guards, changes, receipts }
    }

    fn told(
        &self,
        work: &Waiting,
        phase: Option<Phase>,
        state: Option<&'static str>,
        summary: String,
        data: serde_json::Value,
    ) -> Draft {
        Draft {
            phase,
            state,
            goal: Some(work.goal.id),
            trace: Some(work.goal.trace),
            project: work.goal.project.clone(),
            ..Draft::new(
                ChainId::Persona(self.id),
                self.now_ms(),
                self.stage.limits.node.clone(),
                ReceiptKind::Log,
                self.stage.ports.world.salt(),
                Body { summary, data, ..Body::default() },
            )
        }
    }
}
