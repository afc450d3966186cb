//! A persona fell while it carried a message. The journal counts it; the second fall makes the message a dead
//! letter, which a person may retry or discard: it would only bring the persona down again.
//!
//! A panic of the run alone counts as well, in the commit that ends its attempt (`run/settle.rs`). The end of the whole
//! process does not: who was killed twice in the middle of a step, by a deployment or for want of memory, cannot be told
//! from who killed the process, and every persona at work would lose its message. Nor does a call that panics: the
//! broker makes an outcome of it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tracing::warn;

use super::{By, desk, drafts};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, ChainId, Draft, FATAL_FALLS, GoalId, GoalState, MessageState, Phase, ReceiptKind,
        RunState, TraceId, set_aside,
    },
    evidence::RecordError,
    persona::Stage,
    ports::{Change, Commit, GoalMove, Guard, Unavailable},
    run::ends_with,
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Counts the fall as soon as the store can, and only then goes on: the message must not begin again uncounted.
pub(super) fn count(stage: Arc<Stage>, goal: GoalId, why: String, then: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        while !counted(&stage, goal, &why).await {
            warn!(goal = %goal, "the fall over goal {goal} is not counted yet, trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        then();
    });
}

/// Whether nothing is left to do.
async fn counted(stage: &Stage, goal: GoalId, why: &str) -> bool {
    match commit(stage, goal, why).await {
        Ok(Some(commit)) => matches!(stage.evidence.record(commit).await, Ok(_) | Err(RecordError::Ended)),
        Ok(None) => true,
        Err(_) => false,
    }
}

/// What the fall changes; none: the goal ended before.
async fn commit(stage: &Stage, id: GoalId, why: &str) -> Result<Option<Commit>, Unavailable> {
    let records = &stage.ports.records;
    let (Some(goal), Some(message)) = (records.goal(id).await?, records.message_of(id).await?) else { return Ok(None) };
    if goal.state.is_over() {
        return Ok(None);
    }
    let world = &*stage.ports.world;
    let (at_ms, falls) = (world.now_ms(), message.falls + 1);
    let by = By { who: "system".to_owned(), trace: TraceId(world.new_id()) };
    let data = json!({"message": message.id, "falls": falls, "cause": why});
    let chain = ChainId::Persona(goal.persona);
    let draft = |summary| drafts::decision(&stage.limits.node, world, chain, &by, summary, data);
    let guards = vec![Guard::GoalVersion(id, goal.version)];
    let mut changes = vec![Change::MessageFalls(message.id, falls)];
    if falls < FATAL_FALLS {
        let draft = drafts::about(draft(format!("fell over “{}”", goal.title)), id, goal.project, None);
        let receipts = vec![Draft { kind: ReceiptKind::Log, phase: None, ..draft }];
        return Ok(Some(Commit { guards, changes, receipts }));
    }
    let error = format!("its persona fell {falls} times over it, the last time with: {why}");
    let step = GoalMove { last_error: Some(error.clone()), ..desk::moved(&goal, GoalState::Failed, at_ms) };
    changes.extend([Change::MessageMoved(message.id, MessageState::DeadLettered), Change::GoalMoved(step)]);
    if let Some(run) = records.open_run(id).await? {
        let (state, error) = (RunState::Failed, Some(error.clone()));
        changes.push(Change::RunMoved { id: run.id, state, ended_ms: Some(at_ms), error });
    }
    changes.extend(ends_with(&**records, &goal, at_ms).await?);
    changes.push(Change::AlertRaised(Box::new(Alert {
        id: AlertId(world.new_id()),
        kind: AlertKind::DeadLetter,
        persona: Some(goal.persona),
        goal: Some(id),
        text: set_aside(&goal.title, &error),
        raised_ms: at_ms,
        resolved_ms: None,
    })));
    let summary = format!("set “{}” aside as a dead letter", goal.title);
    let mut draft = drafts::about(draft(summary), id, goal.project, Some(GoalState::Failed.as_str()));
    draft.phase = Some(Phase::Decision);
    draft.body.error = Some(error);
    Ok(Some(Commit { guards, changes, receipts: vec![draft] }))
}
