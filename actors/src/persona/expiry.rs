//! What was not started in time ends here, with a receipt: nothing vanishes.
//!
//! An awake persona does it when it looks. For one that is paused its supervisor does ([`sweep`]): a pause is no
//! promise that everything is still wanted after it.

use serde_json::json;

use super::{Stage, read};
use crate::{
    domain::{Body, ChainId, Draft, GoalId, GoalState, MessageState, PersonaId, Phase, ReceiptKind},
    evidence::RecordError,
    ports::{Change, Commit, GoalMove, Guard, Unavailable, Waiting},
};

/// Overdue messages read at once.
pub(super) const TOGETHER: u32 = 64;

/// Each but the one in hand expires with a receipt, and its goal with it. How many are out of the way; one that
/// somebody moved meanwhile is.
pub(super) async fn expire(stage: &Stage, late: &[Waiting], in_hand: Option<GoalId>) -> Result<usize, Unavailable> {
    let mut gone = 0;
    for work in late.iter().filter(|work| Some(work.goal.id) != in_hand) {
        match stage.evidence.record(expiry(stage, work)).await {
            Ok(_) => stage.tally.expired(1),
            Err(RecordError::Outdated(_)) => {}
            Err(RecordError::Unavailable(error)) => return Err(error),
            Err(RecordError::Ended) => return Ok(gone),
        }
        gone += 1;
    }
    Ok(gone)
}

/// Everything of this persona that is overdue expires. When the next may; none: nothing waits.
pub(crate) async fn sweep(stage: &Stage, id: PersonaId) -> Result<Option<i64>, Unavailable> {
    loop {
        let overdue = read(stage.ports.records.overdue(id, stage.ports.world.now_ms(), TOGETHER)).await?;
        let gone = expire(stage, &overdue.late, None).await?;
        if gone < TOGETHER as usize {
            return Ok(overdue.again_ms);
        }
    }
}

fn expiry(stage: &Stage, work: &Waiting) -> Commit {
    let Waiting { message, goal } = work;
    let at_ms = stage.ports.world.now_ms();
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
            ChainId::Persona(message.persona),
            at_ms,
            stage.limits.node.clone(),
            ReceiptKind::Log,
            stage.ports.world.salt(),
            Body {
                summary: format!("let “{}” expire", goal.title),
                data: json!({"message": message.id, "serve_by_ms": message.serve_by_ms}),
                error: Some(reason),
                ..Body::default()
            },
        )
    };
    Commit {
        guards: vec![Guard::MessageIs(message.id, MessageState::Waiting), Guard::GoalVersion(goal.id, goal.version)],
        changes: vec![Change::MessageMoved(message.id, MessageState::Expired), Change::GoalMoved(step)],
        receipts: vec![draft],
    }
}
