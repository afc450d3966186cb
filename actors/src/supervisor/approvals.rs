//! A person says yes or no to a call that waits for it.

use serde_json::Value;

use super::{
    By, CommandError, Company,
    desk::{self, Desk, RACES, busy, refused},
    drafts,
};
use crate::{
    domain::{Approval, ApprovalId, ApprovalState, Decided, Goal, GoalState, MessageState, ParkedOn},
    ports::{ApprovalChange, ApprovalGuard, Change, Commit, GoalMove, Guard},
    run::approval,
};

const LONGEST_NOTE: usize = 2_000;

impl Company {
    /// Says yes or no to the very call that was asked about; its goal goes on at once, with the one or the other.
    pub async fn decide_approval(
        &self,
        id: ApprovalId,
        yes: bool,
        note: String,
        by: &By,
    ) -> Result<Approval, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.decide_approval(id, yes, &note, &by).await }).await
    }
}

impl Desk {
    async fn decide_approval(&self, id: ApprovalId, yes: bool, note: &str, by: &By) -> Result<Approval, CommandError> {
        desk::check_length("note", note, LONGEST_NOTE)?;
        for _ in 0..RACES {
            let none = || CommandError::NotFound { what: "approval", which: id.to_string() };
            let approval = self.ports.records.approval(id).await?.ok_or_else(none)?;
            let at_ms = self.now_ms();
            let stands = approval.state_at(at_ms);
            if stands != ApprovalState::Waiting {
                let reason = format!("approval {id} is {stands} already: there is nothing to decide");
                return Err(CommandError::Conflict(reason));
            }
            let (goal, message) = self.goal(approval.goal).await?;
            let decided = Decided { by: by.who.clone(), at_ms, note: note.trim().to_owned() };
            let state = if yes { ApprovalState::Approved } else { ApprovalState::Denied };
            let moved = ApprovalChange::Moved { id, state, decided: Some(decided.clone()) };
            let mut changes = vec![Change::Approval(moved), Change::AlertResolved(approval::alert_of(id), at_ms)];
            let waits = goal.state == GoalState::Parked && goal.parked_on == Some(ParkedOn::Approval);
            let step = waits.then(|| GoalMove { due_ms: Some(at_ms), ..desk::moved(&goal, GoalState::Pending, at_ms) });
            if let Some(step) = step.clone() {
                changes.push(Change::GoalMoved(step));
                changes.push(Change::MessageMoved(message.id, MessageState::Waiting));
            }
            let verb = if yes { "approved" } else { "denied" };
            let said = format!("{} {verb} “{}”", by.who, approval.subject.label);
            let mut data = approval::told(&approval, state);
            data["note"] = Value::from(decided.note.as_str());
            let draft = self.decision(goal.persona, by, said, data);
            let became = step.as_ref().map(|step| step.state.as_str());
            let draft = drafts::about(draft, goal.id, goal.project.clone(), became);
            let guards = vec![
                Guard::GoalOpen(goal.id),
                Guard::GoalVersion(goal.id, goal.version),
                Guard::Approval(ApprovalGuard::Is(id, ApprovalState::Waiting)),
            ];
            match self.write(Commit { guards, changes, receipts: vec![draft] }).await? {
                Ok(_) => {
                    self.wake(&goal).await;
                    return Ok(Approval { state, decided: Some(decided), ..approval });
                }
                Err(outdated) if matches!(outdated.guard, Guard::GoalVersion(..)) => {}
                Err(outdated) => return Err(refused(&outdated)),
            }
        }
        Err(busy("the goal"))
    }

    pub(super) async fn wake(&self, goal: &Goal) {
        self.refresh(goal.persona).await;
        self.office.poke(goal.persona);
    }
}
