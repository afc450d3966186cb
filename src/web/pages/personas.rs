//! `/personas`: everybody at a glance, what needs a person, and the evidence as it comes.

use std::{cmp::Reverse, collections::HashMap};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::domain::{Alert, AlertKind, Load, LoadLevel, Persona, PersonaId, PersonaStatus};
use askama::Template;
use serde::Deserialize;

use super::{
    card::{Card, Numbers, Totals},
    evidence::ReceiptRow,
    frame::{Frame, Section},
    persona::goal,
    show::{self, When},
    stage::{self, Stage},
    visit::{self, NoPage, Visit},
};
use crate::{
    storage::ReceiptFilter,
    web::{
        Deps,
        auth::Caller,
        routes::{Route, Table, Who},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "personas.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct PersonasPage {
    pub frame: Frame,
    /// `6 personas · 3 working · …`
    pub summary: String,
    /// Only those with these words are shown; empty: everybody.
    pub asked: String,
    /// How many more there are than are shown.
    pub more: usize,
    pub alerts: Vec<AlertRow>,
    /// None: there is nobody, or the company is ending.
    pub stage: Option<Stage>,
    pub cards: Vec<Card>,
    pub feed: Vec<ReceiptRow>,
}

/// Something a person should see.
#[derive(Debug, Clone)]
pub struct AlertRow {
    pub id: String,
    pub title: &'static str,
    pub text: String,
    pub at: When,
    /// Display name and page of whom it is about.
    pub who: Option<(String, String)>,
    /// What a person does about it and where: what still waits cannot be waved away. None: it can.
    pub see: Option<(&'static str, String)>,
}

impl AlertRow {
    /// Prepares an alert, as seen from now.
    pub fn new(alert: &Alert, about: Option<&Persona>, now_ms: i64) -> Self {
        Self {
            id: alert.id.to_string(),
            title: match alert.kind {
                AlertKind::PersonaPaused => "Persona paused",
                AlertKind::CircuitOpen => "Circuit open",
                AlertKind::Approval => "Approve it?",
                AlertKind::Reconcile => "Did it happen?",
                AlertKind::Question => "Asks a person",
                AlertKind::DeadLetter => "Dead letter",
                AlertKind::MachineHot => "Machine hot",
                AlertKind::OverBudget => "Over budget",
                AlertKind::BudgetLow => "Budget running low",
                AlertKind::Drift => "Not its own voice",
                AlertKind::McpChanged => "A tool has changed",
                AlertKind::Unavailable => "Not available",
            },
            text: alert.text.clone(),
            at: When::at(alert.raised_ms, now_ms),
            who: match alert.kind {
                AlertKind::McpChanged => Some(("MCP servers".to_owned(), "/tools?tab=servers".to_owned())),
                _ => about.map(|persona| (persona.name.clone(), format!("/personas/{}", persona.slug))),
            },
            see: see(alert),
        }
    }
}

/// Where an alert is answered that ends with its answer.
fn see(alert: &Alert) -> Option<(&'static str, String)> {
    let goal = || Some(goal::href(alert.persona?, alert.goal?));
    match alert.kind {
        // An approval and its alert have one id.
        AlertKind::Approval => Some(("Decide", format!("/approvals#approval-{}", alert.id))),
        AlertKind::Question => Some(("Answer", goal()?)),
        AlertKind::Reconcile => Some(("Say what happened", goal()?)),
        _ => None,
    }
}

/// The line under the heading.
pub fn summary(people: usize, cards: &[Card], all: &Totals, load: &Load) -> String {
    let working = cards.iter().filter(|card| card.working).count();
    let slots = format!("{} of {} slots open", load.cap, load.configured);
    let machine = match load.level {
        LoadLevel::Calm => None,
        LoadLevel::Warm => Some(format!("the machine is cooling down, {slots}")),
        LoadLevel::Hot => Some(format!("the machine is hot ({}), {slots}", load.why)),
    };
    let parts = [
        show::counted(people as u64, "persona"),
        format!("{working} working"),
        format!("{} waiting", show::counted(all.inbox, "message")),
        format!("{} done", show::counted(all.done, "goal")),
        format!("{} failed", show::count(all.failed)),
    ];
    parts.into_iter().chain(machine).collect::<Vec<_>>().join(" · ")
}

/// `/` and `/personas`.
pub fn routes() -> Table {
    vec![
        Route::page("/", Who::Member, "Leads to the personas", lead),
        Route::page("/personas", Who::Member, "Everybody at a glance, and the evidence as it comes", show),
    ]
}

async fn lead() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/personas")).finish()
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, &asked.q).await;
    visit::answer(&request, &deps, &caller, page)
}

const MOST_CARDS: usize = 200;
const MOST_ALERTS: u32 = 20;
const FEED: u32 = 40;

async fn load(deps: &Deps, caller: &Caller, asked: &str) -> Result<PersonasPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let people = deps.db.personas(false).await?;
    let numbers: HashMap<PersonaId, Numbers> =
        deps.db.persona_numbers().await?.into_iter().map(|(id, numbers)| (id, numbers.into())).collect();
    let by_id: HashMap<PersonaId, &Persona> = people.iter().map(|persona| (persona.id, persona)).collect();
    let alerts = deps.db.alerts(true, MOST_ALERTS).await?;
    let newest =
        deps.db.receipts(ReceiptFilter { newest_first: true, limit: FEED, ..ReceiptFilter::default() }).await?;
    let totals = Totals::of(by_id.keys().filter_map(|id| numbers.get(id)));
    let cards = cards(&visit, &people, &numbers, &totals);
    let stage = match people.is_empty() {
        true => None,
        false => Stage::of(&deps.company, &stage::cast(people.iter().map(|one| (one.id, one.name.as_str())))).await,
    };
    let summary = summary(people.len(), &cards, &totals, &deps.company.load());
    let words: Vec<String> = asked.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut cards: Vec<Card> = cards.into_iter().filter(|card| card.has(&words)).collect();
    let more = cards.len().saturating_sub(MOST_CARDS);
    cards.truncate(MOST_CARDS);
    let about = |alert: &Alert| alert.persona.and_then(|id| by_id.get(&id).copied());
    Ok(PersonasPage {
        frame: visit.frame("Personas", Section::Personas),
        summary,
        asked: show::clip(asked, 100),
        more,
        alerts: alerts.iter().map(|alert| AlertRow::new(alert, about(alert), visit.now_ms)).collect(),
        stage,
        cards,
        feed: visit.rows(&newest, &by_id),
    })
}

/// Everybody's card in a steady order: those with work first would jump about, so the oldest first, the paused last.
fn cards(visit: &Visit<'_>, people: &[Persona], numbers: &HashMap<PersonaId, Numbers>, all: &Totals) -> Vec<Card> {
    let (actors, nothing) = (visit.actors(), Numbers::default());
    let mut sorted: Vec<&Persona> = people.iter().collect();
    sorted.sort_by_key(|persona| (Reverse(persona.status == PersonaStatus::Active), persona.created_ms));
    let card = |persona: &&Persona| {
        let numbers = numbers.get(&persona.id).unwrap_or(&nothing);
        Card::new(persona, actors.get(&persona.id), numbers, all)
    };
    sorted.iter().map(card).collect()
}

#[cfg(test)]
mod tests {
    use actors::domain::{AlertId, GoalId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_alert_that_ends_with_its_answer_leads_to_it_and_cannot_be_waved_away() {
        let id = Uuid::from_u128(7);
        let of = |kind| {
            let (id, persona, goal) = (AlertId(id), Some(PersonaId(id)), Some(GoalId(id)));
            let alert = Alert { id, kind, persona, goal, text: String::new(), raised_ms: 0, resolved_ms: None };
            AlertRow::new(&alert, None, 0).see
        };
        assert_eq!(of(AlertKind::Approval), Some(("Decide", format!("/approvals#approval-{id}"))));
        for kind in [AlertKind::Question, AlertKind::Reconcile] {
            let (_, href) = of(kind).unwrap();
            assert!(href.starts_with("/personas/") && href.ends_with(&format!("#goal-{id}")), "{href}");
        }
        assert_eq!(of(AlertKind::CircuitOpen), None);
    }
}
