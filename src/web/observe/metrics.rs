//! `/metrics`: today's counts as JSON, or everything as Prometheus text when `Accept` asks for it.

use std::{collections::BTreeMap, fmt::Write as _};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::{
    domain::{BudgetPeriod, BudgetScope, Unit, Zone},
    ledger,
    persona::tally::InboxFigures,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{day_start_ms, turns::Turns};
use crate::web::{
    Deps,
    errors::Problem,
    routes::{Route, Table, Who},
};

/// Today's counts, UTC.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metrics {
    pub posts_today: u64,
    pub messages_today: u64,
    pub proposals_today: u64,
    pub deliverables_today: u64,
    pub errors_24h: u64,
    /// What models were paid today, in micro-dollars, and the tokens in and out.
    pub spent_micro_usd_today: u64,
    pub spent_tokens_today: u64,
    /// The worst case of calls that are under way.
    pub reserved_micro_usd: u64,
    /// The most that all personas together may do today, by unit.
    #[schema(value_type = Object)]
    pub day_caps: BTreeMap<Unit, u32>,
}

pub(super) fn routes() -> Table {
    vec![
        Route::get("/metrics", Who::Observer, "Today's counts; Prometheus text by `Accept: text/plain`", metrics)
            .gives::<Metrics>(),
        Route::get("/metrics/prometheus", Who::Observer, "The same and more as Prometheus text", prometheus),
    ]
}

async fn metrics(request: HttpRequest, deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("text/plain") || accept.contains("application/openmetrics-text") {
        return prometheus(deps).await;
    }
    Ok(HttpResponse::Ok().json(today(&deps).await?))
}

async fn today(deps: &Deps) -> Result<Metrics, Problem> {
    let now_ms = deps.world.now_ms();
    let today = deps.db.today(day_start_ms(now_ms)).await?;
    let day = ledger::span(BudgetScope::Company, BudgetPeriod::Day, Zone::UTC, now_ms);
    let money = deps.db.totals(&day).await?;
    Ok(Metrics {
        posts_today: today.posts,
        messages_today: today.messages,
        proposals_today: today.proposals,
        deliverables_today: today.deliverables,
        errors_24h: today.errors_24h,
        spent_micro_usd_today: money.spent.micro_usd,
        spent_tokens_today: money.spent.tokens,
        reserved_micro_usd: money.reserved.micro_usd,
        day_caps: deps.config.day_caps.clone(),
    })
}

async fn prometheus(deps: web::Data<Deps>) -> Result<HttpResponse, Problem> {
    let (today, depths, figures) = (today(&deps).await?, deps.db.queue_depths().await?, deps.company.figures());
    let (climate, load) = (deps.company.climate(), deps.company.load());
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let gauges = [
        ("posts_today", "Posts proven since midnight UTC.", today.posts_today),
        ("messages_today", "Messages received since midnight UTC.", today.messages_today),
        ("proposals_today", "Proposals proven since midnight UTC.", today.proposals_today),
        ("deliverables_today", "Deliverables proven since midnight UTC.", today.deliverables_today),
        ("errors_24h", "Steps that failed in the last 24 hours.", today.errors_24h),
        ("spent_micro_usd_today", "Micro-dollars paid to models since midnight UTC.", today.spent_micro_usd_today),
        ("spent_tokens_today", "Tokens in and out since midnight UTC.", today.spent_tokens_today),
        ("reserved_micro_usd", "Worst case of the calls that are under way.", today.reserved_micro_usd),
        ("active_personas", "Slices held now.", count(figures.active_personas)),
        ("active_personas_cap", "Slices there may be at once.", count(figures.cap)),
        (
            "active_personas_cap_when_calm",
            "Slices there may be at once while the machine is calm.",
            count(load.configured),
        ),
        ("load_level", "How hot the machine is: 0 calm, 1 cooling down, 2 hot.", load.level as u64),
        ("waiting_for_slice", "Personas waiting for a slice.", count(figures.waiting_for_slice)),
        ("awake_personas", "Personas in memory.", count(figures.awake)),
        ("registered_personas", "Personas there are.", count(figures.registered)),
        ("idle_personas", "Personas that are idle.", count(climate.idle)),
        ("lively_personas", "Personas that are active: energy, and an answer lately.", count(climate.active)),
        ("tired_personas", "Personas that are tired.", count(climate.tired)),
        ("overwhelmed_personas", "Personas with more messages than they can see through.", count(climate.overwhelmed)),
        ("energy_thousandths", "Mean energy of all personas.", climate.energy.thousandths().into()),
        ("inbox_messages", "Messages waiting or running.", figures.inbox),
        ("goals_waiting", "Goals waiting.", depths.waiting),
        ("goals_running", "Goals running.", depths.running),
        ("goals_parked", "Goals parked.", depths.parked),
        ("store_ready", "1 when the store takes work.", u64::from(deps.company.store_trouble().is_none())),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "# HELP greenroom_{name} {help}\n# TYPE greenroom_{name} gauge\ngreenroom_{name} {value}");
    }
    text.push_str(&inboxes(&deps.company.inbox_figures()));
    if let Some(figures) = deps.company.turn_figures().await {
        text.push_str(&Turns::from(figures).prometheus());
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

fn inboxes(figures: &InboxFigures) -> String {
    let mut text = String::new();
    let counts = [
        ("inbox_looks_total", "Looks into an inbox since the start.", figures.looks),
        ("messages_evaluated_total", "Messages weighed against each other since the start.", figures.evaluated),
        ("messages_begun_total", "Messages begun or gone on with since the start.", figures.begun),
        ("messages_held_by_mood_total", "Looks that held optional work back since the start.", figures.held_by_mood),
        ("messages_coalesced_total", "Messages that became part of a newer one since the start.", figures.coalesced),
        ("messages_expired_total", "Messages not begun in time since the start.", figures.expired),
        ("messages_dropped_total", "Messages beyond an inbox's limit since the start.", figures.dropped),
    ];
    for (name, help, value) in counts {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "# HELP greenroom_{name} {help}\n# TYPE greenroom_{name} counter\ngreenroom_{name} {value}");
    }
    let each = figures.evaluations_per_message;
    let help = "Messages weighed for each one that was begun.";
    let _ = writeln!(
        text,
        "# HELP greenroom_evaluations_per_message {help}\n# TYPE greenroom_evaluations_per_message gauge\n\
         greenroom_evaluations_per_message {each}"
    );
    text
}
