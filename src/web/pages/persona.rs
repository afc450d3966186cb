//! `/personas/{slug}`: one persona, in five tabs.

pub mod budgets;
pub mod calendar;
pub mod container;
pub mod goal;
pub mod input;
pub mod load;
pub mod logs;
pub mod output;
pub mod progress;
pub mod receipt;
pub mod settings;
pub mod today;
pub mod tools;

use actors::{
    domain::{Persona, PersonaStatus},
    supervisor::ActorInfo,
};
use askama::Template;

use crate::{
    tools::templates::{Named, Sort},
    web::readiness::Missing,
};

use super::{
    card::{self, Meter, Numbers, Standing},
    evidence::{ReceiptRow, Shot},
    frame::Frame,
    personas::AlertRow,
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "persona.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct PersonaPage {
    pub frame: Frame,
    pub head: Head,
    pub alerts: Vec<AlertRow>,
    /// What it lacks before it can do its work.
    pub missing: Vec<Missing>,
    pub body: Body,
    /// None: the tab takes the whole width.
    pub side: Option<Side>,
    /// What goals can be made from.
    pub templates: &'static [Named],
    /// A host policy lets somebody be written to.
    pub outreach: bool,
}

/// What stands above the tabs.
#[derive(Debug, Clone)]
pub struct Head {
    pub slug: String,
    pub name: String,
    pub role: &'static str,
    pub standing: Standing,
    pub now: String,
    pub paused: bool,
    /// In per cent; none: it is not on the roster yet.
    pub energy: Option<u8>,
    /// Times its actor was restarted, when it was.
    pub restarts: u32,
}

/// The five tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Progress,
    Input,
    Logs,
    Output,
    Settings,
}

impl Tab {
    /// In the order shown.
    pub const ALL: [Self; 5] = [Self::Progress, Self::Input, Self::Logs, Self::Output, Self::Settings];

    /// Its word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Progress => "progress",
            Self::Input => "input",
            Self::Logs => "logs",
            Self::Output => "output",
            Self::Settings => "settings",
        }
    }

    /// Its word on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Progress => "Progress",
            Self::Input => "Input",
            Self::Logs => "Logs",
            Self::Output => "Output",
            Self::Settings => "Settings",
        }
    }

    /// The tab an address asks for; the first one when it asks for none that exists.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|tab| tab.word() == word).unwrap_or(Self::Progress)
    }
}

/// What the current tab shows.
#[derive(Debug)]
pub enum Body {
    Progress(progress::Progress),
    Input(input::Input),
    Logs(logs::Logs),
    Output(output::Output),
    Settings(Box<settings::Settings>),
}

impl PersonaPage {
    /// The tab that is shown.
    pub const fn tab(&self) -> Tab {
        match self.body {
            Body::Progress(_) => Tab::Progress,
            Body::Input(_) => Tab::Input,
            Body::Logs(_) => Tab::Logs,
            Body::Output(_) => Tab::Output,
            Body::Settings(_) => Tab::Settings,
        }
    }

    /// For the tab bar.
    pub fn is_tab(&self, tab: &Tab) -> bool {
        self.tab() == *tab
    }
}

impl Head {
    /// The head from what the store and the roster know.
    pub fn new(persona: &Persona, actor: Option<&ActorInfo>, numbers: &Numbers) -> Self {
        let standing = Standing::of(persona, actor);
        Self {
            slug: persona.slug.to_string(),
            name: persona.name.clone(),
            role: persona.role.map_or("", |role| role.as_str()),
            standing,
            now: card::now(actor, numbers, standing),
            paused: persona.status == PersonaStatus::Paused || standing.word == "paused",
            energy: actor.map(|actor| actor.vitals.energy.percent()),
            restarts: actor.map_or(0, |actor| actor.restarts),
        }
    }
}

/// What stands beside a tab.
#[derive(Debug)]
pub struct Side {
    pub today: today::Today,
    pub meters: Vec<Meter>,
    pub last_shot: Option<Shot>,
    pub feed: Vec<ReceiptRow>,
}
