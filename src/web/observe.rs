//! What operators and load balancers ask: health, version, status, metrics, the log.

mod metrics;
mod seed;
mod turns;

use actix_web::{HttpResponse, http::StatusCode, web};
use actors::{domain::Load, persona::tally::InboxFigures, supervisor::Climate};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::turns::Turns;
use super::{
    Deps,
    errors::Problem,
    input::LooseQuery,
    routes::{Route, Table, Who},
};
use crate::telemetry;

/// Health, version, status, metrics, log tail, seeding.
pub fn routes() -> Table {
    let mut table = vec![
        Route::get("/healthz", Who::Anyone, "The process answers", health).gives::<Health>(),
        Route::get("/health", Who::Anyone, "The process answers", health).gives::<Health>(),
        Route::get("/readyz", Who::Anyone, "Work can be taken; 503 with the reason when not", ready).gives::<Health>(),
        Route::get("/version", Who::Anyone, "What is running", version).gives::<Version>(),
        Route::get("/status", Who::Observer, "The company at a glance", status).gives::<Status>(),
        Route::get("/logs/tail", Who::Observer, "The newest lines of the log", tail).query::<Tail>(),
    ];
    table.extend(metrics::routes());
    table.extend(seed::routes());
    table
}

/// All is well.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    pub ok: bool,
}

/// What is running.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    pub version: String,
    /// `GIT_SHA`, or `dev`.
    pub git_sha: String,
}

/// The company at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// Slices held now.
    pub active_personas: usize,
    /// How many there may be at once.
    pub cap: usize,
    pub queue_depths: Depths,
    pub last_deploy: Deploy,
    pub awake: usize,
    pub registered: usize,
    pub waiting_for_slice: usize,
    /// How hot the machine is (`level`: `calm`, `warm` or `hot`), the slots that are open therefore (`cap`), those
    /// there are when it is calm (`configured`), and why.
    #[schema(value_type = Object)]
    pub load: Load,
    /// Messages waiting or running, over all personas.
    pub inbox: u64,
    /// What inboxes did since the start: looks, messages weighed (`evaluations_per_message`: for each one begun), and
    /// what was coalesced, expired or dropped.
    #[schema(value_type = Object)]
    pub inboxes: InboxFigures,
    /// How slices were granted of late; none while the company ends.
    pub turns: Option<Turns>,
    /// Why no work can be taken; none: it can.
    pub store_trouble: Option<String>,
    /// Personas by mood (`idle`, `active`, `tired`, `overwhelmed`) and their mean `energy`, 0 to 1.
    #[schema(value_type = Object)]
    pub climate: Climate,
}

/// Goals by what they wait for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Depths {
    pub waiting: u64,
    pub running: u64,
    pub parked: u64,
}

/// When this version was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deploy {
    /// RFC 3339, UTC.
    pub at: String,
    pub git_sha: String,
}

#[derive(Debug, Deserialize, IntoParams)]
struct Tail {
    /// How many; 200 when left out, at most 2,000.
    lines: Option<u16>,
}

async fn health() -> web::Json<Health> {
    web::Json(Health { ok: true })
}

async fn ready(deps: web::Data<Deps>) -> HttpResponse {
    match deps.company.store_trouble() {
        None => HttpResponse::Ok().json(Health { ok: true }),
        Some(reason) => HttpResponse::from_error(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-ready",
            "Not ready",
            format!("The store cannot take work: {reason}."),
        )),
    }
}

async fn version(deps: web::Data<Deps>) -> web::Json<Version> {
    web::Json(Version { version: env!("CARGO_PKG_VERSION").into(), git_sha: git_sha(&deps) })
}

fn git_sha(deps: &Deps) -> String {
    let sha = &deps.config.server.git_sha;
    if sha.is_empty() { "dev".into() } else { sha.clone() }
}

async fn status(deps: web::Data<Deps>) -> Result<web::Json<Status>, Problem> {
    let figures = deps.company.figures();
    let depths = deps.db.queue_depths().await?;
    let at = chrono::DateTime::from_timestamp_millis(deps.started_ms).unwrap_or_default();
    Ok(web::Json(Status {
        active_personas: figures.active_personas,
        cap: figures.cap,
        queue_depths: Depths { waiting: depths.waiting, running: depths.running, parked: depths.parked },
        last_deploy: Deploy { at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true), git_sha: git_sha(&deps) },
        awake: figures.awake,
        registered: figures.registered,
        waiting_for_slice: figures.waiting_for_slice,
        inbox: figures.inbox,
        inboxes: deps.company.inbox_figures(),
        climate: deps.company.climate(),
        load: deps.company.load(),
        turns: deps.company.turn_figures().await.map(Turns::from),
        store_trouble: deps.company.store_trouble(),
    }))
}

async fn tail(query: LooseQuery<Tail>, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let most = u16::try_from(telemetry::MOST_TAIL_LINES).unwrap_or(u16::MAX);
    let lines = query.lines.unwrap_or(200);
    if !(1..=most).contains(&lines) {
        return Err(Problem::field("lines", format!("must be between 1 and {most}")));
    }
    let root = deps.config.data_root.clone();
    let read = web::block(move || telemetry::tail(&root, usize::from(lines))).await;
    let lines = match read {
        Ok(Ok(lines)) => lines,
        Ok(Err(error)) => return Err(Problem::unavailable(format!("The log file cannot be read: {error}."))),
        Err(error) => return Err(Problem::unavailable(format!("The log was not read: {error}."))),
    };
    let mut text = lines.join("\n");
    text.push('\n');
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}

/// The start of the day (UTC) a moment lies in.
pub(super) fn day_start_ms(now_ms: i64) -> i64 {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    now_ms - now_ms.rem_euclid(DAY_MS)
}
