//! `/api/personas/{persona}/schedules`: what a persona starts again and again.

use actix_web::{HttpResponse, http::Method, web};
use actors::{
    domain::{GoalId, GoalKind, Payload, Persona, PersonaId, PersonaStatus, Proof, Schedule, ScheduleId, Starts},
    supervisor::{NewSchedule, SchedulePatch},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    goals::{known, payload, priority_of},
    personas,
};
use crate::web::{
    Deps,
    auth::Caller,
    cursor::Page,
    errors::{FieldError, Problem},
    input::{Checks, IfMatch, Loose, version_read},
    routes::{Route, Table, Who},
};

const ALL: &str = "/api/personas/{persona}/schedules";
const ONE: &str = "/api/schedules/{schedule}";

/// `/api/personas/{persona}/schedules` and `/api/schedules/{schedule}`.
pub fn routes() -> Table {
    vec![
        Route::get(ALL, Who::Member, "Its calendar, oldest line first", list).gives_page::<ScheduleView>(),
        Route::post(ALL, Who::Member, "Puts a line on its calendar", create)
            .takes::<ScheduleInput>()
            .gives::<ScheduleView>(),
        Route::get(ONE, Who::Member, "One line of a calendar", show).gives::<ScheduleView>(),
        Route::new(Method::PATCH, ONE, Who::Member, "Changes it, or switches it on and off", change)
            .takes::<ScheduleChange>()
            .gives::<ScheduleView>(),
        Route::new(Method::DELETE, ONE, Who::Member, "Takes it off the calendar", remove),
    ]
}

/// A line of a calendar.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleView {
    #[schema(value_type = String)]
    pub id: ScheduleId,
    #[schema(value_type = String)]
    pub persona: PersonaId,
    pub name: String,
    /// In the persona's time zone; or a cadence, in its waking hours.
    pub cron: String,
    /// The expression in words.
    pub reads: String,
    /// The persona's time zone.
    pub zone: String,
    pub on: bool,
    /// What a due time starts: `{"as": "chat", "text"}` or `{"as": "goal", "title", "payload", "proof"}`.
    #[schema(value_type = Object)]
    pub starts: Starts,
    /// When it is due next; none: switched off, the persona may not work, or it does not come again.
    pub next_ms: Option<i64>,
    pub last: Option<LastView>,
    /// Send it back with a change.
    pub version: i64,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// The last due time that started something.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastView {
    pub due_ms: i64,
    #[schema(value_type = String)]
    pub goal: GoalId,
    /// Earlier due times that nobody was there for.
    pub missed: u32,
}

impl ScheduleView {
    fn new(line: Schedule, persona: &Persona, now_ms: i64) -> Self {
        Self {
            id: line.id,
            persona: line.persona,
            reads: line.cron.described(),
            zone: persona.hours.zone.to_string(),
            next_ms: next_ms(&line, persona, now_ms),
            last: line.last.map(|last| LastView { due_ms: last.due_ms, goal: last.goal, missed: last.missed }),
            name: line.name,
            cron: line.cron.into(),
            on: line.on,
            starts: line.starts,
            version: line.version,
            created_by: line.created_by,
            created_ms: line.created_ms,
            updated_ms: line.updated_ms,
        }
    }
}

/// When a line is due next; none: it starts nothing as things are.
pub fn next_ms(line: &Schedule, persona: &Persona, now_ms: i64) -> Option<i64> {
    let works = line.on && persona.status == PersonaStatus::Active;
    works.then(|| line.cron.next_after(line.handled_ms.max(now_ms), &persona.hours)).flatten()
}

/// What a due time starts: a message (`text`), or a goal (`kind`, `title`, `payload`, `proof`, `priority`).
#[derive(Deserialize, ToSchema)]
pub struct ScheduleInput {
    /// 1 to 80 characters.
    pub name: String,
    /// Minute, hour, day of month, month, day of week: `0 9 * * 1-5`. In the persona's time zone, at most once a
    /// minute. Or a cadence in its waking hours: `every 45m`.
    pub cron: String,
    /// Left out: true.
    pub on: Option<bool>,
    /// A message to the persona.
    pub text: Option<String>,
    /// `chat`, `browser`, `io`, `ai` or `report`; may stand in the payload instead.
    pub kind: Option<String>,
    pub title: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Proof>,
    /// A goal's: 0 to 1; 0.5 when left out. Above 0.8 it starts within ten seconds.
    pub priority: Option<f64>,
    /// A goal's: nobody waits for it; the persona makes it when its mood permits. Left out: false.
    pub optional: Option<bool>,
}

/// What is to change; what is left out stays. `text`, or `kind`, `title` and `payload`: it starts that instead.
#[derive(Deserialize, ToSchema)]
pub struct ScheduleChange {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    pub name: Option<String>,
    /// Counts from now on.
    pub cron: Option<String>,
    /// Switched on again, it counts from now on.
    pub on: Option<bool>,
    pub text: Option<String>,
    pub kind: Option<String>,
    pub title: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Proof>,
    pub priority: Option<f64>,
    /// A goal's: nobody waits for it; the persona makes it when its mood permits. Left out: false.
    pub optional: Option<bool>,
}

/// The parts that say what is started.
struct Said {
    text: Option<String>,
    kind: Option<String>,
    title: Option<String>,
    payload: Option<Value>,
    proof: Option<Proof>,
    priority: Option<f64>,
    optional: Option<bool>,
}

impl Said {
    fn nothing(&self) -> bool {
        let Self { text, kind, title, payload, proof, priority, optional } = self;
        text.is_none()
            && kind.is_none()
            && title.is_none()
            && payload.is_none()
            && proof.is_none()
            && priority.is_none()
            && optional.is_none()
    }

    fn read(self, mut checks: Checks) -> Result<Starts, Problem> {
        let chat = self.kind.as_deref() == Some("chat") || (self.kind.is_none() && self.payload.is_none());
        if chat {
            let both = self.payload.is_some() || self.title.is_some() || self.proof.is_some();
            checks.check("text", !both, "a message has no title, payload or proof: send `kind` for a goal");
            let own = "a message has the priority of what it says: leave it out, or send `kind` for a goal";
            checks.check("priority", self.priority.is_none(), own);
            let owed = "a message is always owed: leave it out, or send `kind` for a goal";
            checks.check("optional", self.optional != Some(true), owed);
            let text = self.text.unwrap_or_default();
            checks.text("text", &text, 1..=20_000);
            checks.done()?;
            return Ok(Starts::Chat { text });
        }
        checks.check("text", self.text.is_none(), "a goal has no text: leave it out, or `kind` and `payload`");
        let kind = self.kind.as_deref().and_then(|kind| checks.parse::<GoalKind>("kind", kind));
        let payload = payload::read(kind, self.payload);
        if let Err(FieldError { field, reason }) = &payload {
            checks.check(field, false, reason.clone());
        }
        let title = self.title.unwrap_or_default();
        checks.line("title", &title, 1..=200);
        let priority = priority_of(self.priority, &mut checks);
        checks.done()?;
        let payload: Payload = payload.map_err(|error| Problem::invalid(vec![error]))?;
        let (proof, optional) = (self.proof.unwrap_or_default(), self.optional.unwrap_or(false));
        Ok(Starts::Goal { title, payload, proof, priority, optional })
    }
}

/// What a goal names must be there now: at a due time nobody is asked.
async fn check(deps: &Deps, persona: PersonaId, starts: &Starts) -> Result<(), Problem> {
    match starts {
        Starts::Goal { payload, .. } => known::check(deps, persona, payload).await,
        Starts::Chat { .. } => Ok(()),
    }
}

async fn list(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<Page<ScheduleView>>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let now_ms = deps.world.now_ms();
    let lines = deps.db.schedules(persona.id).await?;
    let views = lines.into_iter().map(|line| ScheduleView::new(line, &persona, now_ms)).collect();
    Ok(web::Json(Page::whole(views)))
}

async fn create(
    name: web::Path<String>,
    caller: Caller,
    input: Loose<ScheduleInput>,
    deps: web::Data<Deps>,
) -> Result<HttpResponse, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Loose(ScheduleInput { name, cron, on, text, kind, title, payload, proof, priority, optional }) = input;
    let mut checks = Checks::default();
    checks.line("name", &name, 1..=80);
    let starts = Said { text, kind, title, payload, proof, priority, optional }.read(checks)?;
    check(&deps, persona.id, &starts).await?;
    let new = NewSchedule { name, cron, starts, on: on.unwrap_or(true) };
    let line = deps.company.add_schedule(persona.id, new, &caller.by()).await?;
    let address = format!("/api/schedules/{}", line.id);
    let view = ScheduleView::new(line, &persona, deps.world.now_ms());
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view))
}

async fn show(id: web::Path<String>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let (line, persona) = find(&deps, &id).await?;
    let tag = format!("\"{}\"", line.version);
    let view = ScheduleView::new(line, &persona, deps.world.now_ms());
    Ok(HttpResponse::Ok().insert_header(("ETag", tag)).json(view))
}

async fn change(
    id: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<ScheduleChange>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ScheduleView>, Problem> {
    let (line, persona) = find(&deps, &id).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let Loose(ScheduleChange { name, cron, on, text, kind, title, payload, proof, priority, optional, .. }) = input;
    let mut checks = Checks::default();
    if let Some(name) = &name {
        checks.line("name", name, 1..=80);
    }
    let said = Said { text, kind, title, payload, proof, priority, optional };
    let starts = if said.nothing() { checks.done().map(|()| None)? } else { Some(said.read(checks)?) };
    if let Some(starts) = &starts {
        check(&deps, persona.id, starts).await?;
    }
    let patch = SchedulePatch { version, name, cron, starts, on };
    match deps.company.change_schedule(line.id, patch, &caller.by()).await {
        Ok(line) => Ok(web::Json(ScheduleView::new(line, &persona, deps.world.now_ms()))),
        Err(error) => {
            let problem = Problem::from(error);
            let current = deps.db.schedule(line.id).await?.filter(|_| problem.status == 409);
            Err(current.map_or(problem.clone(), |current| problem.with_current_version(current.version)))
        }
    }
}

async fn remove(id: web::Path<String>, caller: Caller, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let (line, _) = find(&deps, &id).await?;
    deps.company.remove_schedule(line.id, &caller.by()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The line a path names, with its persona.
async fn find(deps: &Deps, id: &str) -> Result<(Schedule, Persona), Problem> {
    let not_found = || Problem::not_found("schedule", id);
    let id: ScheduleId = id.parse().map_err(|_| not_found())?;
    let line = deps.db.schedule(id).await?.ok_or_else(not_found)?;
    let persona = personas::find(deps, &line.persona.to_string()).await?;
    Ok((line, persona))
}
