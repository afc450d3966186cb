//! Commands about dead letters: messages that brought their persona down twice.

use serde_json::json;

use super::{
    By, CommandError,
    desk::{self, Desk, refused},
    drafts,
};
use crate::{
    domain::{AlertKind, Goal, GoalId, GoalState, Message, MessageId, MessageState, Phase},
    ports::{Change, Commit, Guard},
};

impl Desk {
    /// A new first attempt; the falls are forgiven.
    pub(super) async fn retry_letter(&self, id: MessageId, by: &By) -> Result<Goal, CommandError> {
        let (_, message) = self.letter(id).await?;
        self.retry_goal(message.goal, by).await
    }

    /// Nothing more happens to it.
    pub(super) async fn discard_letter(&self, id: MessageId, by: &By) -> Result<Goal, CommandError> {
        let (goal, message) = self.letter(id).await?;
        let step = desk::moved(&goal, GoalState::Cancelled, self.now_ms());
        let data = json!({"message": id, "title": goal.title});
        let draft = self.decision(goal.persona, by, format!("dead letter discarded by {}", by.who), data);
        let mut draft = drafts::about(draft, goal.id, goal.project.clone(), Some(GoalState::Cancelled.as_str()));
        draft.phase = Some(Phase::Dropped);
        let mut changes =
            vec![Change::GoalMoved(step.clone()), Change::MessageMoved(message.id, MessageState::Dropped)];
        changes.extend(self.forgiven(&goal, &message).await?);
        let guards = vec![Guard::MessageIs(id, MessageState::DeadLettered), Guard::GoalVersion(goal.id, goal.version)];
        self.write(Commit { guards, changes, receipts: vec![draft] }).await?.map_err(|outdated| refused(&outdated))?;
        Ok(desk::after(goal, step))
    }

    /// What a decision about a dead letter settles beside it; nothing, when the message is none.
    pub(super) async fn forgiven(&self, goal: &Goal, message: &Message) -> Result<Vec<Change>, CommandError> {
        if message.state != MessageState::DeadLettered {
            return Ok(Vec::new());
        }
        let now_ms = self.now_ms();
        let alerts = self.ports.records.open_alerts(goal.persona).await?;
        let about = alerts.iter().filter(|a| a.kind == AlertKind::DeadLetter && a.goal == Some(goal.id));
        let resolved = about.map(|alert| Change::AlertResolved(alert.id, now_ms));
        Ok(resolved.chain([Change::MessageFalls(message.id, 0)]).collect())
    }

    async fn letter(&self, id: MessageId) -> Result<(Goal, Message), CommandError> {
        let none = || CommandError::NotFound { what: "message", which: id.to_string() };
        let goal: GoalId = self.ports.records.message(id).await?.ok_or_else(none)?.goal;
        let (goal, message) = self.goal(goal).await?;
        if message.state != MessageState::DeadLettered {
            return Err(CommandError::Conflict(format!("message {id} is {}, not a dead letter", message.state)));
        }
        Ok((goal, message))
    }
}
