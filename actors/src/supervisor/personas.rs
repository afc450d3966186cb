//! Commands about personas.

use serde_json::json;

use super::{
    By, CommandError, NewPersona, PersonaPatch,
    desk::{Desk, RACES, busy, check_length, check_text, invalid, refused},
};
use crate::{
    domain::{
        AlertKind, Autoplan, ChainId, Goal, GoalId, Grants, Permissions, Persona, PersonaId, PersonaStatus, Profile,
        Quotas, agents_fault,
    },
    evidence::OPENED,
    ports::{Change, Commit, Guard, Waiting},
};

const LONGEST_NAME: usize = 80;
const LONGEST_DESCRIPTION: usize = 2_000;
const LONGEST_PRIMER: usize = 20_000;
const LONGEST_LINE: usize = 500;
const MOST_LINES: usize = 200;
const HOTTEST: u16 = 2_000;
/// Goals that one delete cancels at once; more go in further commits.
const AT_ONCE: u32 = 200;

impl Desk {
    pub(super) async fn create_persona(&self, new: NewPersona, by: &By) -> Result<Persona, CommandError> {
        let now_ms = self.now_ms();
        let persona = Persona {
            id: PersonaId(self.world().new_id()),
            slug: new.slug,
            name: new.name.trim().to_owned(),
            role: new.role,
            description: new.description,
            status: PersonaStatus::Active,
            version: 1,
            profile: new.profile,
            hosts: new.hosts,
            model: new.model,
            weight: new.weight,
            hours: new.hours,
            quotas: Quotas::new(),
            autoplan: Autoplan::default(),
            permissions: Permissions::default(),
            grants: Grants::default(),
            agents: Vec::new(),
            created_ms: now_ms,
            updated_ms: now_ms,
            resumed_ms: None,
        };
        check(&persona)?;
        let (id, slug) = (persona.id, persona.slug.clone());
        let data = json!({"slug": slug, "name": persona.name, "role": persona.role, "version": 1});
        let mut created = self.decision(id, by, format!("created by {}", by.who), data);
        created.state = Some(PersonaStatus::Active.as_str());
        let opening = json!({"chain": ChainId::Persona(id), "slug": slug});
        let opened = self.system_decision(by, format!("{OPENED} {slug}"), opening);
        let commit = Commit {
            guards: vec![Guard::SlugFree(slug.clone())],
            changes: vec![Change::PersonaCreated(Box::new(persona.clone()))],
            receipts: vec![created, opened],
        };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.office.created(id, slug).await?;
        Ok(persona)
    }

    pub(super) async fn update_persona(
        &self,
        id: PersonaId,
        version: i64,
        patch: PersonaPatch,
        by: &By,
    ) -> Result<Persona, CommandError> {
        let before = self.persona(id).await?;
        let note = patch.note.clone();
        let (mut persona, changed) = patched(before.clone(), patch);
        persona.version = version + 1;
        persona.updated_ms = self.now_ms();
        check(&persona)?;
        let mut guards = vec![Guard::PersonaVersion(id, version)];
        if persona.slug != before.slug {
            guards.push(Guard::SlugFree(persona.slug.clone()));
        }
        let mut data = json!({"changed": changed, "version": persona.version});
        if persona.permissions != before.permissions {
            data["permissions"] = json!(persona.permissions);
        }
        let did = note.as_ref().map_or("updated", |note| note.did.as_str());
        if let Some(note) = &note {
            data["note"] = note.data.clone();
        }
        let commit = Commit {
            guards,
            changes: vec![Change::PersonaUpdated(Box::new(persona.clone()))],
            receipts: vec![self.decision(id, by, format!("{did} by {}", by.who), data)],
        };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.calendar.changed(id);
        self.refresh(id).await;
        self.plans_changed(id);
        Ok(persona)
    }

    pub(super) async fn pause(&self, id: PersonaId, by: &By) -> Result<Persona, CommandError> {
        let persona = self.set_status(id, PersonaStatus::Paused, by).await?;
        self.office.pause(id).await?;
        Ok(persona)
    }

    pub(super) async fn resume(&self, id: PersonaId, by: &By) -> Result<Persona, CommandError> {
        let persona = self.set_status(id, PersonaStatus::Active, by).await?;
        if let Some(record) = self.ports.records.roster_record(id).await? {
            self.office.resume(record).await?;
        }
        self.calendar.changed(id);
        self.plans_changed(id);
        Ok(persona)
    }

    /// Writes the new status, unless it is so already.
    async fn set_status(&self, id: PersonaId, status: PersonaStatus, by: &By) -> Result<Persona, CommandError> {
        for _ in 0..RACES {
            let before = self.persona(id).await?;
            if before.status == status {
                return Ok(before);
            }
            let (version, now_ms) = (before.version, self.now_ms());
            let mut persona = Persona { status, version: version + 1, updated_ms: now_ms, ..before };
            if status == PersonaStatus::Active {
                persona.resumed_ms = Some(now_ms);
            }
            let mut changes = vec![Change::PersonaUpdated(Box::new(persona.clone()))];
            let mut verb = "paused";
            if status == PersonaStatus::Active {
                verb = "resumed";
                changes.push(Change::FailureStreak(id, 0));
                let mut alerts = self.ports.records.open_alerts(id).await?;
                alerts.retain(|alert| matches!(alert.kind, AlertKind::PersonaPaused | AlertKind::CircuitOpen));
                changes.extend(alerts.iter().map(|alert| Change::AlertResolved(alert.id, now_ms)));
            }
            let mut draft = self.decision(id, by, format!("{verb} by {}", by.who), json!({"version": persona.version}));
            draft.state = Some(status.as_str());
            let guards = vec![Guard::PersonaVersion(id, version)];
            if self.write(Commit { guards, changes, receipts: vec![draft] }).await?.is_ok() {
                return Ok(persona);
            }
        }
        Err(busy("the persona"))
    }

    pub(super) async fn restart(&self, id: PersonaId, by: &By) -> Result<(), CommandError> {
        let persona = self.persona(id).await?;
        if persona.status == PersonaStatus::Paused {
            return Err(CommandError::Conflict(format!("{} is paused: resume it instead", persona.name)));
        }
        let commit = Commit {
            guards: vec![Guard::PersonaExists(id)],
            changes: Vec::new(),
            receipts: vec![self.decision(id, by, format!("restarted by {}", by.who), json!({}))],
        };
        self.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.office.restart(id).await
    }

    /// The first commit deletes; after it nothing more can be delivered, so the rest can be cancelled in lots.
    pub(super) async fn delete_persona(&self, id: PersonaId, by: &By) -> Result<(), CommandError> {
        let ended = self.deleted(id, by).await?;
        self.office.forget(id).await?;
        self.settle_aborted(&ended).await?;
        self.lookout.deleted(id).await;
        let mut refused = 0;
        while refused < RACES {
            let open = self.open_inbox(id).await?;
            if open.is_empty() {
                return Ok(());
            }
            let (mut commit, given) = self.all_cancelled(&open, by).await?;
            let data = json!({"goals": open.iter().map(|work| work.goal.id).collect::<Vec<_>>()});
            let summary = format!("cancelled {} more goals of the deleted persona", open.len());
            commit.receipts.push(self.decision(id, by, summary, data));
            // Refused: one of them ended by itself meanwhile; the next look shows which are left.
            match self.write(commit).await? {
                Ok(_) => self.stopped(given.iter()).await,
                Err(_) => refused += 1,
            }
        }
        Err(busy("the persona's inbox"))
    }

    /// Some of what is open; none: nothing is left.
    async fn open_inbox(&self, id: PersonaId) -> Result<Vec<Waiting>, CommandError> {
        let open = self.ports.records.inbox(id, AT_ONCE).await?;
        Ok(if open.is_empty() { self.ports.records.parked_inbox(id, AT_ONCE).await? } else { open })
    }

    /// A run that was under way may have reserved something behind the commit that ended its goal.
    async fn settle_aborted(&self, goals: &[GoalId]) -> Result<(), CommandError> {
        for goal in goals {
            for entry in self.ports.records.open_entries(*goal).await? {
                self.write(self.left_by_goal(&entry)).await?.map_err(|outdated| refused(&outdated))?;
            }
        }
        Ok(())
    }

    /// Which goals were cancelled with it.
    async fn deleted(&self, id: PersonaId, by: &By) -> Result<Vec<GoalId>, CommandError> {
        for _ in 0..RACES {
            let before = self.persona(id).await?;
            let open = self.open_inbox(id).await?;
            let (mut commit, given) = self.all_cancelled(&open, by).await?;
            commit.guards.push(Guard::PersonaVersion(id, before.version));
            let (version, updated_ms) = (before.version + 1, self.now_ms());
            let persona = Persona { status: PersonaStatus::Deleted, version, updated_ms, ..before };
            commit.changes.push(Change::PersonaUpdated(Box::new(persona)));
            let goals: Vec<_> = open.iter().map(|work| work.goal.id).collect();
            let data = json!({"cancelled_goals": &goals, "version": version});
            let mut draft = self.decision(id, by, format!("deleted by {}", by.who), data);
            draft.state = Some(PersonaStatus::Deleted.as_str());
            commit.receipts.push(draft);
            if self.write(commit).await?.is_ok() {
                self.stopped(given.iter()).await;
                return Ok(goals);
            }
        }
        Err(busy("the persona"))
    }

    /// What cancels all of this with what it gave to others, if nothing of it moves meanwhile; and what it gave.
    async fn all_cancelled(&self, open: &[Waiting], by: &By) -> Result<(Commit, Vec<Goal>), CommandError> {
        let (mut commit, mut given) = (Commit::default(), Vec::new());
        for Waiting { message, goal } in open {
            let (also, _) = self.cancelled(goal, message.id).await?;
            commit.guards.extend(also.guards);
            commit.changes.extend(also.changes);
            given.extend(self.cancel_what_was_given(&mut commit, goal, by).await?);
        }
        Ok((commit, given))
    }
}

/// The persona after a patch, and the names of the fields it touched.
fn patched(before: Persona, patch: PersonaPatch) -> (Persona, Vec<&'static str>) {
    let mut persona = before.clone();
    let PersonaPatch {
        slug,
        name,
        role,
        description,
        profile,
        hosts,
        model,
        weight,
        hours,
        quotas,
        autoplan,
        permissions,
        agents,
        note: _,
    } = patch;
    persona.slug = slug.unwrap_or(persona.slug);
    persona.name = name.map_or(persona.name, |name| name.trim().to_owned());
    persona.role = role.unwrap_or(persona.role);
    persona.description = description.unwrap_or(persona.description);
    persona.profile = profile.unwrap_or(persona.profile);
    persona.hosts = hosts.unwrap_or(persona.hosts);
    persona.model = model.unwrap_or(persona.model);
    persona.weight = weight.unwrap_or(persona.weight);
    persona.hours = hours.unwrap_or(persona.hours);
    persona.quotas = quotas.unwrap_or(persona.quotas);
    persona.autoplan = autoplan.unwrap_or(persona.autoplan);
    persona.permissions = permissions.unwrap_or(persona.permissions);
    persona.agents = agents.unwrap_or(persona.agents);
    let touched = [
        ("slug", persona.slug != before.slug),
        ("name", persona.name != before.name),
        ("role", persona.role != before.role),
        ("description", persona.description != before.description),
        ("profile", persona.profile != before.profile),
        ("hosts", persona.hosts != before.hosts),
        ("model", persona.model != before.model),
        ("weight", persona.weight != before.weight),
        ("hours", persona.hours != before.hours),
        ("quotas", persona.quotas != before.quotas),
        ("autoplan", persona.autoplan != before.autoplan),
        ("permissions", persona.permissions != before.permissions),
        ("agents", persona.agents != before.agents),
    ];
    (persona, touched.into_iter().filter(|(_, touched)| *touched).map(|(field, _)| field).collect())
}

fn check(persona: &Persona) -> Result<(), CommandError> {
    check_text("name", &persona.name, LONGEST_NAME)?;
    check_length("description", &persona.description, LONGEST_DESCRIPTION)?;
    check_lines("hosts", &persona.hosts)?;
    if let Some(model) = &persona.model {
        check_text("model", model, LONGEST_LINE)?;
    }
    if let Some((field, reason)) = agents_fault(&persona.agents) {
        return Err(invalid(&field, reason));
    }
    persona.hours.check().map_err(|error| invalid("hours.sleeps", error.to_string()))?;
    if let Some((at, field, reason)) = persona.permissions.fault() {
        return Err(invalid(&format!("permissions.rules[{at}].{field}"), reason));
    }
    check_profile(&persona.profile)
}

fn check_profile(profile: &Profile) -> Result<(), CommandError> {
    check_length("profile.style_primer", &profile.style_primer, LONGEST_PRIMER)?;
    for (field, lines) in [
        ("profile.do", &profile.do_),
        ("profile.dont", &profile.dont),
        ("profile.topics", &profile.topics),
        ("profile.signature_phrases", &profile.signature_phrases),
    ] {
        check_lines(field, lines)?;
    }
    if profile.temperature_thousandths.is_some_and(|temperature| temperature > HOTTEST) {
        return Err(invalid("profile.temperature_thousandths", "must be between 0 and 2000"));
    }
    let words = 1..=10_000;
    if !words.contains(&profile.length.short) || !words.contains(&profile.length.long) {
        return Err(invalid("profile.length", "must be between 1 and 10000 words"));
    }
    match profile.faults().into_iter().next() {
        Some(fault) => Err(invalid(&fault.field, fault.reason)),
        None => Ok(()),
    }
}

fn check_lines(field: &str, lines: &[String]) -> Result<(), CommandError> {
    if lines.len() > MOST_LINES {
        return Err(invalid(field, format!("must hold at most {MOST_LINES} entries")));
    }
    lines.iter().try_for_each(|line| check_text(field, line, LONGEST_LINE))
}
