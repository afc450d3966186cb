//! `/personas`: everybody at a glance, what needs a person, and the evidence as it comes.

use actors::domain::{Alert, AlertKind, Persona};
use askama::Template;

use super::{
    card::{Card, Totals},
    evidence::ReceiptRow,
    frame::Frame,
    show::{self, When},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "personas.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct PersonasPage {
    pub frame: Frame,
    /// `6 personas · 3 active · …`
    pub summary: String,
    pub alerts: Vec<AlertRow>,
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
}

impl AlertRow {
    /// Prepares an alert, as seen from now.
    pub fn new(alert: &Alert, about: Option<&Persona>, now_ms: i64) -> Self {
        Self {
            id: alert.id.to_string(),
            title: match alert.kind {
                AlertKind::PersonaPaused => "Persona paused",
                AlertKind::CircuitOpen => "Circuit open",
                AlertKind::Reconcile => "Did it happen?",
                AlertKind::Unavailable => "Not available",
            },
            text: alert.text.clone(),
            at: When::at(alert.raised_ms, now_ms),
            who: about.map(|persona| (persona.name.clone(), format!("/personas/{}", persona.slug))),
        }
    }
}

/// The line under the heading.
pub fn summary(cards: &[Card], all: &Totals) -> String {
    let working = cards.iter().filter(|card| card.working).count();
    [
        show::counted(cards.len() as u64, "persona"),
        format!("{working} active"),
        format!("{} waiting", show::counted(all.inbox, "message")),
        format!("{} done", show::counted(all.done, "goal")),
        format!("{} failed", show::count(all.failed)),
    ]
    .join(" · ")
}
