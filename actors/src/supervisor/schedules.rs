//! Commands about calendars: lines are added, changed and removed, each with its receipt.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::{
    By, CommandError, Company,
    colleagues::title_of,
    desk::{Desk, check_text, invalid, refused},
};
use crate::{
    domain::{AgentPayload, Cron, Goal, Payload, Persona, PersonaId, Proof, Schedule, ScheduleId, Starts},
    ports::{Change, Commit, Guard},
    run::Repeated,
};

const LONGEST_NAME: usize = 80;
const LONGEST_TITLE: usize = 200;
const LONGEST_TEXT: usize = 50_000;
/// Lines of one persona's calendar.
const MOST: usize = 100;
/// With so many lines on its calendar a persona adds none itself: the rest is for people.
const MOST_OWN: usize = 20;

/// A line of a calendar to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    pub name: String,
    /// A cron expression, in the persona's time zone.
    pub cron: String,
    pub starts: Starts,
    pub on: bool,
}

/// What is to change; none: stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchedulePatch {
    pub version: i64,
    pub name: Option<String>,
    pub cron: Option<String>,
    pub starts: Option<Starts>,
    pub on: Option<bool>,
}

impl Company {
    /// From now on each due time starts one goal. Refused: what never comes, or comes too often.
    pub async fn add_schedule(&self, id: PersonaId, new: NewSchedule, by: &By) -> Result<Schedule, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.add_schedule(id, new, &by).await }).await
    }

    /// Refused with `Conflict` when the version is not the current one. Switched on again, or with another
    /// expression, it counts from now.
    pub async fn change_schedule(
        &self,
        id: ScheduleId,
        patch: SchedulePatch,
        by: &By,
    ) -> Result<Schedule, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.change_schedule(id, patch, &by).await }).await
    }

    /// It starts nothing more; what it started goes on.
    pub async fn remove_schedule(&self, id: ScheduleId, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.remove_schedule(id, &by).await }).await
    }
}

impl Desk {
    async fn add_schedule(&self, id: PersonaId, new: NewSchedule, by: &By) -> Result<Schedule, CommandError> {
        let persona = self.persona(id).await?;
        let now_ms = self.now_ms();
        if self.ports.records.schedule_count(id).await? >= MOST {
            return Err(CommandError::Conflict(format!("this calendar has {MOST} lines already: remove one first")));
        }
        let line = Schedule {
            id: ScheduleId(self.world().new_id()),
            persona: id,
            name: new.name.trim().to_owned(),
            cron: self.cron(&new.cron, &persona)?,
            starts: new.starts,
            on: new.on,
            version: 1,
            handled_ms: now_ms,
            last: None,
            created_by: by.who.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        check(&line)?;
        self.check_started(&line).await?;
        let said = format!("{} put “{}” on the calendar", by.who, line.name);
        self.set_schedule(&line, vec![Guard::PersonaExists(id)], said, by).await?;
        Ok(line)
    }

    /// A line that a persona puts on its own calendar while it works at a goal.
    pub(super) async fn repeat(&self, from: &Persona, goal: &Goal, work: Repeated) -> Result<ScheduleId, CommandError> {
        let id = own_line(goal, &work.key);
        if self.ports.records.schedule(id).await?.is_some() {
            return Ok(id);
        }
        if self.ports.records.schedule_count(from.id).await? >= MOST_OWN {
            let why = format!(
                "with {MOST_OWN} lines on its calendar a persona adds no more: do it another way, or ask a person to \
                 remove one"
            );
            return Err(CommandError::Conflict(why));
        }
        let (now_ms, persona) = (self.now_ms(), self.persona(from.id).await?);
        let title = title_of(&work.task);
        let payload = Payload::Agent(Box::new(AgentPayload::new(work.task)));
        let line = Schedule {
            id,
            persona: from.id,
            name: title.clone(),
            cron: self.cron(&work.cron, &persona)?,
            starts: Starts::Goal { title, payload, proof: Proof::default(), priority: None, optional: false },
            on: true,
            version: 1,
            handled_ms: now_ms,
            last: None,
            created_by: goal.created_by.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        check(&line)?;
        let by = By { who: goal.created_by.clone(), trace: goal.trace };
        let said = format!("{} put “{}” on its own calendar", persona.name, line.name);
        self.set_schedule(&line, vec![Guard::PersonaExists(from.id)], said, &by).await?;
        Ok(id)
    }

    async fn change_schedule(&self, id: ScheduleId, patch: SchedulePatch, by: &By) -> Result<Schedule, CommandError> {
        let before = self.schedule(id).await?;
        let persona = self.persona(before.persona).await?;
        let SchedulePatch { version, name, cron, starts, on } = patch;
        let cron = match cron {
            Some(cron) => self.cron(&cron, &persona)?,
            None => before.cron.clone(),
        };
        let on = on.unwrap_or(before.on);
        let anew = cron != before.cron || (on && !before.on);
        let line = Schedule {
            name: name.map_or_else(|| before.name.clone(), |name| name.trim().to_owned()),
            starts: starts.unwrap_or_else(|| before.starts.clone()),
            handled_ms: if anew { self.now_ms() } else { before.handled_ms },
            cron,
            on,
            version: version + 1,
            updated_ms: self.now_ms(),
            ..before.clone()
        };
        check(&line)?;
        if line.starts != before.starts {
            self.check_started(&line).await?;
        }
        let did = match (before.on, on) {
            (false, true) => "switched on",
            (true, false) => "switched off",
            _ => "changed",
        };
        let said = format!("{} {did} “{}” on the calendar", by.who, line.name);
        self.set_schedule(&line, vec![Guard::ScheduleVersion(id, version)], said, by).await?;
        Ok(line)
    }

    /// What it starts must name an agent that is there: at a due time nobody is asked.
    async fn check_started(&self, line: &Schedule) -> Result<(), CommandError> {
        match &line.starts {
            Starts::Goal { payload, .. } => self.check_agent(line.persona, payload).await,
            Starts::Chat { .. } => Ok(()),
        }
    }

    async fn remove_schedule(&self, id: ScheduleId, by: &By) -> Result<(), CommandError> {
        let line = self.schedule(id).await?;
        let said = format!("{} took “{}” off the calendar", by.who, line.name);
        let receipts = vec![self.decision(line.persona, by, said, json!({"schedule": id, "name": line.name}))];
        let commit = Commit { guards: Vec::new(), changes: vec![Change::ScheduleRemoved(id)], receipts };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.calendar.changed(line.persona);
        Ok(())
    }

    async fn set_schedule(
        &self,
        line: &Schedule,
        guards: Vec<Guard>,
        said: String,
        by: &By,
    ) -> Result<(), CommandError> {
        let data =
            json!({"schedule": line.id, "name": line.name, "cron": line.cron, "on": line.on, "version": line.version});
        let receipts = vec![self.decision(line.persona, by, said, data)];
        let commit = Commit { guards, changes: vec![Change::ScheduleSet(Box::new(line.clone()))], receipts };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.calendar.changed(line.persona);
        Ok(())
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Schedule, CommandError> {
        let found = self.ports.records.schedule(id).await?;
        found.ok_or_else(|| CommandError::NotFound { what: "schedule", which: id.to_string() })
    }

    /// An expression that comes, and not too often.
    fn cron(&self, text: &str, persona: &Persona) -> Result<Cron, CommandError> {
        let cron: Cron = text.parse().map_err(|bad: crate::domain::BadCron| invalid("cron", bad.to_string()))?;
        let shortest = self.limits.calendar.shortest;
        cron.check(&persona.hours, self.now_ms(), shortest).map_err(|bad| invalid("cron", bad.to_string()))?;
        Ok(cron)
    }
}

/// The same for the same step of a goal, whatever comes between; it sorts by the goal's beginning.
fn own_line(goal: &Goal, key: &str) -> ScheduleId {
    let digest = Sha256::digest(key);
    let mut tail = [0; 10];
    tail.copy_from_slice(&digest[..10]);
    ScheduleId(Builder::from_unix_timestamp_millis(goal.created_ms.unsigned_abs(), &tail).into_uuid())
}

fn check(line: &Schedule) -> Result<(), CommandError> {
    check_text("name", &line.name, LONGEST_NAME)?;
    match &line.starts {
        Starts::Chat { text } => check_text("text", text, LONGEST_TEXT),
        Starts::Goal { title, .. } => check_text("title", title, LONGEST_TITLE),
    }
}
