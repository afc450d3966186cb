//! One due time of one line: what it starts, or why not, in one commit with its receipt.

use chrono::DateTime;
use serde_json::json;
use tracing::info;

use super::{
    super::{By, CommandError, NewWork, Work, desk::Desk},
    Trouble, WHO,
};
use crate::{
    domain::{Draft, Due, Goal, Hours, PersonaStatus, Phase, Schedule, ScheduleId, Started, Starts, TraceId, WaitsFor},
    ports::{Change, Commit, Guard},
};

/// What is to be begun before the next due time has this long at least.
const LEAST_MS: i64 = 1_000;

/// What became of a due time.
enum Outcome {
    Started,
    /// Something has changed meanwhile: look again.
    Raced,
    /// Why it is not started.
    Refused(String),
}

impl Desk {
    /// Starts what a line is due for, and says when it is due next.
    pub(super) async fn start_line(&self, id: ScheduleId) -> Result<Option<i64>, Trouble> {
        loop {
            let Some(line) = self.ports.records.schedule(id).await?.filter(|line| line.on) else { return Ok(None) };
            let persona = self.ports.records.persona(line.persona).await?;
            // A paused persona's calendar rests; resuming it says so.
            let Some(persona) = persona.filter(|persona| persona.status == PersonaStatus::Active) else {
                return Ok(None);
            };
            let hours = &persona.hours;
            let Some(due) = line.cron.between(line.handled_ms, self.now_ms(), hours) else {
                return Ok(line.cron.next_after(line.handled_ms, hours));
            };
            if self.start_once(&line, hours, due).await? {
                return Ok(line.cron.next_after(due.at_ms, hours));
            }
        }
    }

    /// Whether this due time is dealt with now; if not, something has changed meanwhile.
    async fn start_once(&self, line: &Schedule, hours: &Hours, due: Due) -> Result<bool, Trouble> {
        let by = By { who: WHO.to_owned(), trace: TraceId(self.world().new_id()) };
        let said = self.said(line, hours, due, &by);
        let beside = |goal: &Goal| {
            let last = Some(Started { due_ms: due.at_ms, goal: goal.id, missed: due.missed });
            let mut decision = said.clone();
            decision.goal = Some(goal.id);
            Commit {
                guards: vec![Guard::ScheduleVersion(line.id, line.version)],
                changes: vec![Change::ScheduleSet(Box::new(self.handled(line, due.at_ms, last)))],
                receipts: vec![decision],
            }
        };
        let held = self.held_back(line).await?;
        let reason = match held {
            Some(held) => held,
            None => match self.started(line, hours, due, &by, beside).await? {
                Outcome::Started => return Ok(true),
                Outcome::Raced => return Ok(false),
                Outcome::Refused(reason) => reason,
            },
        };
        // It is not to be started now, never can be, or was: it is dealt with all the same.
        let mut skipped = Draft { phase: Some(Phase::Skipped), ..said };
        skipped.body.summary = format!("the calendar did not start “{}”: {reason}", line.name);
        let commit = Commit {
            guards: vec![Guard::ScheduleVersion(line.id, line.version)],
            changes: vec![Change::ScheduleSet(Box::new(self.handled(line, due.at_ms, line.last)))],
            receipts: vec![skipped],
        };
        match self.write(commit).await {
            Ok(written) => Ok(written.is_ok()),
            Err(CommandError::Unavailable(error)) => Err(error.into()),
            Err(_) => Err(Trouble::Ended),
        }
    }

    /// Delivers what a due time starts.
    async fn started(
        &self,
        line: &Schedule,
        hours: &Hours,
        due: Due,
        by: &By,
        beside: impl FnOnce(&Goal) -> Commit,
    ) -> Result<Outcome, Trouble> {
        match self.deliver_beside(self.due_work(line, hours, due.at_ms), by, beside).await {
            Ok(Ok(delivered)) if delivered.repeated => Ok(Outcome::Refused("it has been started already".to_owned())),
            Ok(Ok(delivered)) => {
                info!(goal = %delivered.goal.id, missed = due.missed, "the calendar started “{}”", line.name);
                Ok(Outcome::Started)
            }
            Ok(Err(_)) | Err(CommandError::Conflict(_)) => Ok(Outcome::Raced),
            Err(CommandError::Unavailable(error)) => Err(error.into()),
            Err(CommandError::Ending) => Err(Trouble::Ended),
            Err(
                refused @ (CommandError::Invalid { .. } | CommandError::NotFound { .. } | CommandError::NoRollback(_)),
            ) => Ok(Outcome::Refused(refused.to_string())),
        }
    }

    fn handled(&self, line: &Schedule, due_ms: i64, last: Option<Started>) -> Schedule {
        let updated_ms = self.now_ms();
        Schedule { handled_ms: due_ms, last, version: line.version + 1, updated_ms, ..line.clone() }
    }

    /// What is its persona's own choice is begun before the next of it is due, or expires.
    fn due_work(&self, line: &Schedule, hours: &Hours, due_ms: i64) -> NewWork {
        let (what, priority) = match line.starts.clone() {
            Starts::Chat { text } => (Work::Chat { text }, None),
            Starts::Goal { title, payload, proof, priority, optional: false } => {
                (Work::Goal { title, payload, proof }, priority)
            }
            Starts::Goal { title, payload, proof, priority, optional: true } => {
                (Work::Chosen { title, payload, proof }, priority)
            }
        };
        let now_ms = self.now_ms();
        let within_ms = i64::try_from(self.limits.serve_within.as_millis()).unwrap_or(i64::MAX);
        let next_ms = line.cron.next_after(due_ms, hours).unwrap_or(i64::MAX).max(now_ms + LEAST_MS);
        NewWork {
            persona: line.persona,
            what,
            priority,
            serve_by_ms: line.starts.is_optional().then(|| now_ms.saturating_add(within_ms).min(next_ms)),
            due_ms: None,
            correlation: Some(line.key(due_ms)),
            project: None,
            waits_for: WaitsFor::default(),
        }
    }

    fn said(&self, line: &Schedule, hours: &Hours, due: Due, by: &By) -> Draft {
        let missed = match due {
            Due { missed: 0, .. } => String::new(),
            Due { missed, more: true, .. } => format!("; more than {missed} earlier times were missed"),
            Due { missed, .. } => format!("; {missed} earlier times were missed"),
        };
        let summary = format!("the calendar started “{}”, due {}{missed}", line.name, written(hours, due.at_ms));
        let data = json!({
            "schedule": line.id, "name": line.name, "cron": line.cron, "zone": hours.zone, "due_ms": due.at_ms,
            "missed": due.missed, "missed_more": due.more,
        });
        self.decision(line.persona, by, summary, data)
    }
}

/// The moment as the clock on the persona's wall shows it.
fn written(hours: &Hours, at_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    format!("{} ({})", at.with_timezone(&hours.zone.tz()).format("%Y-%m-%d %H:%M"), hours.zone)
}
