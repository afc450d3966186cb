//! What was not started in time ends here, with a receipt: nothing vanishes.

use serde_json::json;
use tracing::warn;

use super::PersonaActor;
use crate::{
    domain::{Body, ChainId, Draft, GoalId, GoalState, MessageState, Phase, ReceiptKind},
    ports::{Change, Commit, GoalMove, Guard, Waiting},
};

impl PersonaActor {
    /// Not started by its time: it expires with a receipt, and its goal with it.
    pub(super) async fn expire(&self, late: &[Waiting], in_hand: Option<GoalId>) {
        let expired: Vec<_> = late.iter().filter(|work| Some(work.goal.id) != in_hand).collect();
        if expired.is_empty() {
            return;
        }
        for work in expired {
            match self.stage.evidence.record(self.expiry(work)).await {
                Ok(_) => self.stage.tally.expired(1),
                Err(error) => warn!(persona = %self.id, "message {} could not expire: {error}", work.message.id),
            }
        }
        self.tell_fresh().await;
    }

    fn expiry(&self, work: &Waiting) -> Commit {
        let Waiting { message, goal } = work;
        let at_ms = self.now_ms();
        let reason = "it was not started by the time it had to be; give it again with more time".to_owned();
        let step = GoalMove {
            id: goal.id,
            state: GoalState::Cancelled,
            parked_on: None,
            attempts: goal.attempts,
            last_error: Some(reason.clone()),
            result: None,
            due_ms: None,
            at_ms,
        };
        let draft = Draft {
            phase: Some(Phase::Expired),
            state: Some(GoalState::Cancelled.as_str()),
            goal: Some(goal.id),
            trace: Some(goal.trace),
            project: goal.project.clone(),
            ..Draft::new(
                ChainId::Persona(self.id),
                at_ms,
                self.stage.limits.node.clone(),
                ReceiptKind::Log,
                self.stage.ports.world.salt(),
                Body {
                    summary: format!("let “{}” expire", goal.title),
                    data: json!({"message": message.id, "serve_by_ms": message.serve_by_ms}),
                    error: Some(reason),
                    ..Body::default()
                },
            )
        };
        Commit {
            guards: vec![
                Guard::MessageIs(message.id, MessageState::Waiting),
                Guard::GoalVersion(goal.id, goal.version),
            ],
            changes: vec![Change::MessageMoved(message.id, MessageState::Expired), Change::GoalMoved(step)],
            receipts: vec![draft],
        }
    }
}
