//! A persona at a glance: its light, what it does now, and figures that are true today.

use actors::{
    domain::{Level, Persona, PersonaStatus, Vitals},
    supervisor::{ActorInfo, ActorState},
};

use super::show;
use crate::storage::PersonaNumbers;

/// Counts of one persona, as the store knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Messages waiting or running; each has its open goal.
    pub inbox: u64,
    pub done: u64,
    pub failed: u64,
    pub unconfirmed: u64,
    pub receipts_today: u64,
    /// The newest receipt in one line.
    pub last: Option<String>,
}

impl From<PersonaNumbers> for Numbers {
    fn from(numbers: PersonaNumbers) -> Self {
        Self {
            inbox: numbers.waiting + numbers.running,
            done: numbers.goals_done,
            failed: numbers.goals_failed,
            unconfirmed: numbers.goals_unconfirmed,
            receipts_today: numbers.receipts_today,
            last: numbers.last_summary,
        }
    }
}

/// The status light and the word beside it: never colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// A class of `.light`.
    pub light: &'static str,
    pub word: &'static str,
}

impl Standing {
    /// What the roster says about a persona.
    pub fn of(persona: &Persona, actor: Option<&ActorInfo>) -> Self {
        let (light, word) = match (persona.status, actor) {
            (PersonaStatus::Paused, _) => ("paused", "paused"),
            (PersonaStatus::Deleted, _) => ("paused", "deleted"),
            (_, Some(actor)) if actor.on_stage => ("active", "working"),
            (_, Some(actor)) => match actor.state {
                ActorState::Paused => ("paused", "paused"),
                ActorState::Restarting => ("overwhelmed", "restarting"),
                ActorState::Awake | ActorState::Retiring | ActorState::Asleep => {
                    let mood = actor.vitals.mood.as_str();
                    (mood, mood)
                }
            },
            (_, None) => ("idle", "idle"),
        };
        Self { light, word }
    }
}

/// A figure with a bar under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    pub label: &'static str,
    pub value: String,
    pub percent: u8,
    /// Empty, `warn` or `bad`.
    pub tone: &'static str,
    /// What the bar is a part of.
    pub means: String,
}

/// One persona on the first page.
#[derive(Debug, Clone)]
pub struct Card {
    pub slug: String,
    pub name: String,
    pub role: &'static str,
    pub standing: Standing,
    pub inbox: String,
    pub now: String,
    pub working: bool,
    pub paused: bool,
    pub meters: Vec<Meter>,
}

/// What all personas together have today: the whole that a bar is a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub inbox: u64,
    pub done: u64,
    pub failed: u64,
    pub receipts_today: u64,
}

impl Totals {
    /// The sum over these personas.
    pub fn of<'a>(numbers: impl IntoIterator<Item = &'a Numbers>) -> Self {
        numbers.into_iter().fold(Self::default(), |sum, one| Self {
            inbox: sum.inbox + one.inbox,
            done: sum.done + one.done,
            failed: sum.failed + one.failed,
            receipts_today: sum.receipts_today + one.receipts_today,
        })
    }
}

impl Card {
    /// A card from what the store and the roster know.
    pub fn new(persona: &Persona, actor: Option<&ActorInfo>, numbers: &Numbers, all: &Totals) -> Self {
        let standing = Standing::of(persona, actor);
        let inbox = actor.map_or(numbers.inbox, |actor| u64::from(actor.inbox));
        Self {
            slug: persona.slug.to_string(),
            name: persona.name.clone(),
            role: persona.role.map_or("", |role| role.as_str()),
            standing,
            inbox: show::count(inbox),
            now: now(actor, numbers, standing),
            working: actor.is_some_and(|actor| actor.on_stage),
            paused: standing.light == "paused",
            meters: meters(actor.map(|actor| actor.vitals), numbers, inbox, all),
        }
    }
}

impl Card {
    /// Whether every word, in small letters, is in its name, role or state.
    pub fn has(&self, words: &[String]) -> bool {
        let text = format!("{} {} {}", self.name, self.role, self.standing.word).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }
}

/// What a persona does at this moment, in one line.
pub fn now(actor: Option<&ActorInfo>, numbers: &Numbers, standing: Standing) -> String {
    let doing = actor.and_then(|actor| actor.now.as_deref()).filter(|now| !now.is_empty());
    match (doing, &numbers.last) {
        (Some(doing), _) if standing.light == "active" => format!("▸ {doing}"),
        (Some(doing), _) => doing.to_owned(),
        (None, Some(last)) => format!("last: {last}"),
        (None, None) => "nothing yet: send it a message or a goal".to_owned(),
    }
}

/// How it feels, as two bars.
fn feelings(vitals: Vitals) -> [Meter; 2] {
    let meter = |label, level: Level, means: &str| Meter {
        label,
        value: format!("{}%", level.percent()),
        percent: level.percent(),
        tone: if level.thousandths() < 300 { "warn" } else { "" },
        means: means.to_owned(),
    };
    [
        meter("energy", vitals.energy, "falls with work, comes back with rest"),
        meter("attention", vitals.attention, "falls when it works tired, comes back with rest"),
    ]
}

/// The figures of a persona; each bar says what it is a part of.
pub fn meters(vitals: Option<Vitals>, numbers: &Numbers, inbox: u64, all: &Totals) -> Vec<Meter> {
    let goals = numbers.inbox + numbers.done + numbers.failed + numbers.unconfirmed;
    let share = |label, part: u64, whole: u64| Meter {
        label,
        value: show::count(part),
        percent: show::percent(part, whole),
        tone: "",
        means: format!("{} of {} over all personas", show::count(part), show::count(whole)),
    };
    let done = Meter {
        label: "goals done",
        value: format!("{}/{}", show::count(numbers.done), show::count(goals)),
        percent: show::percent(numbers.done, goals),
        tone: "",
        means: format!("{} of {} done", show::count(numbers.done), show::counted(goals, "goal")),
    };
    let failed = Meter {
        label: "failed",
        value: show::count(numbers.failed),
        percent: show::percent(numbers.failed, goals),
        tone: "bad",
        means: format!("{} of {} failed", show::count(numbers.failed), show::counted(goals, "goal")),
    };
    let load = Meter { tone: if inbox > 100 { "warn" } else { "" }, ..share("inbox", inbox, all.inbox.max(inbox)) };
    let figures = [done, share("receipts today", numbers.receipts_today, all.receipts_today), load, failed];
    vitals.map(feelings).into_iter().flatten().chain(figures).collect()
}
