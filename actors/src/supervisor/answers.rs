//! What people say to personas that asked: the answer is a receipt of the step that asked, and its run goes on.

use serde_json::json;

use super::{
    By, CommandError,
    desk::{self, Desk, RACES, busy, check_text},
};
use crate::{
    domain::{AlertKind, Draft, Ended, Goal, GoalId, GoalState, MessageState, ParkedOn, Phase, Receipt},
    ports::{Change, Commit, GoalMove, Guard},
};

const LONGEST_ANSWER: usize = 4_000;
const TOOL: &str = "ask_human";

impl Desk {
    pub(super) async fn answer_goal(&self, id: GoalId, answer: &str, by: &By) -> Result<Goal, CommandError> {
        check_text("answer", answer, LONGEST_ANSWER)?;
        for _ in 0..RACES {
            let (goal, message) = self.goal(id).await?;
            let receipts = self.ports.records.goal_receipts(id).await?;
            let Some(asked) = open_question(&receipts).filter(|_| goal.parked_on == Some(ParkedOn::Answer)) else {
                return Err(CommandError::Conflict(format!("goal {id} has not asked anything that is open")));
            };
            let at_ms = self.now_ms();
            let question = asked.body.as_ref().and_then(|body| body.data.get("question")).cloned();
            let data = json!({"question": question, "answer": answer});
            let draft = Draft {
                kind: asked.kind,
                phase: Some(Phase::Outcome),
                state: Some(Ended::Done.as_str()),
                tool: Some(TOOL.into()),
                effect: asked.effect,
                run: asked.run,
                step: asked.step,
                goal: Some(goal.id),
                project: goal.project.clone(),
                ..self.decision(goal.persona, by, format!("answered by {}", by.who), data)
            };
            // It waits from now on: the time until somebody answered was not the scheduler's.
            let step = GoalMove { due_ms: Some(at_ms), ..desk::moved(&goal, GoalState::Pending, at_ms) };
            let mut changes =
                vec![Change::GoalMoved(step.clone()), Change::MessageMoved(message.id, MessageState::Waiting)];
            let alerts = self.ports.records.open_alerts(goal.persona).await?;
            let about = alerts.iter().filter(|alert| alert.kind == AlertKind::Question && alert.goal == Some(id));
            changes.extend(about.map(|alert| Change::AlertResolved(alert.id, at_ms)));
            let guards = vec![Guard::GoalVersion(id, goal.version)];
            if self.write(Commit { guards, changes, receipts: vec![draft] }).await?.is_ok() {
                self.refresh(goal.persona).await;
                self.office.poke(goal.persona);
                return Ok(desk::after(goal, step));
            }
        }
        Err(busy("the goal"))
    }
}

/// What was asked last and is not answered.
fn open_question(receipts: &[Receipt]) -> Option<&Receipt> {
    let of_asking = |receipt: &&Receipt| receipt.tool.as_deref() == Some(TOOL);
    let last = receipts.iter().rev().find(of_asking)?;
    (last.phase == Some(Phase::Decision)).then_some(last)
}
