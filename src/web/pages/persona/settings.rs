//! Settings: who the persona is, how it writes, what it may reach, its keys.

use actors::domain::{
    Autonomy, Happening, Level, Persona, QuotaRules, Role, Rule, StandingWait, Tone, Unit, Verbosity,
};

use super::{budgets::Budgets, container::Container, today::label, tools::Tools};
use crate::web::pages::show::When;

/// The tab.
#[derive(Debug, Clone)]
pub struct Settings {
    pub persona: Persona,
    pub quotas: Vec<QuotaField>,
    pub budgets: Budgets,
    /// The built-in rules.
    pub standing: Vec<Rule>,
    pub keys: Vec<KeyRow>,
    /// Names of the configured models.
    pub models: Vec<String>,
    pub default_model: String,
    pub waits: Vec<WaitRow>,
    /// Slugs of some it may wait for, as suggestions.
    pub others: Vec<String>,
    pub tools: Tools,
    /// None: no tool of its asks for one.
    pub container: Option<Container>,
}

const EXAMPLE_WORK: &str = r#"[
  {"template": "worker.submit_proposal", "params": {"niche": "data pipeline", "platform": "rehearsal"}},
  {"template": "social.post", "params": {"platform": "rehearsal", "asset": "One order, traced end to end."}}
]"#;

const EXAMPLE_TALK: &str = r#"[{"said": "Is it done?", "answer": "Half of it. The rest by noon."}]"#;

/// A level to be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Slider {
    pub name: &'static str,
    /// As people read it.
    pub label: String,
    /// 0 to 1.
    pub value: f64,
}

impl Slider {
    fn of((name, level): (&'static str, Level)) -> Self {
        let words = name.replace('_', " ");
        let (first, rest) = words.split_at(1);
        Self { name, label: format!("{}{rest}", first.to_uppercase()), value: level.share() }
    }
}

/// What it wants to be told about another one.
#[derive(Debug, Clone)]
pub struct WaitRow {
    pub id: String,
    /// The other's name.
    pub watched: String,
    pub condition: String,
    /// `told 3, last at 14:02`.
    pub told: String,
}

/// A secret's label; the value is never shown.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub name: String,
    pub last_four: String,
    pub updated: When,
}

/// One quota to be edited.
#[derive(Debug, Clone)]
pub struct QuotaField {
    pub unit: &'static str,
    pub label: &'static str,
    /// Its own floor and ceiling, or nothing.
    pub own: [String; 2],
    /// Its role's, as a hint.
    pub role: [String; 2],
    /// Why it counts for nothing now.
    pub forbidden: bool,
}

impl QuotaField {
    /// What the persona has, over what its role has.
    pub fn new(unit: Unit, persona: &Persona, rules: &QuotaRules, outreach: bool) -> Self {
        let bounds = |persona: &Persona| {
            let held = rules.quota(persona, unit, outreach).map(|held| held.forbidden.unwrap_or(held.quota));
            held.map_or_else(Default::default, |held| [held.floor().to_string(), held.ceiling().to_string()])
        };
        let plain = Persona { quotas: Default::default(), ..persona.clone() };
        let own = if persona.quotas.contains_key(&unit) { bounds(persona) } else { Default::default() };
        let (forbidden, role) = (unit == Unit::Message && !outreach, bounds(&plain));
        Self { unit: unit.as_str(), label: label(unit.as_str()), own, role, forbidden }
    }
}

impl WaitRow {
    /// Prepares a wait for a persona of this name.
    pub fn new(wait: &StandingWait, watched: String, now_ms: i64) -> Self {
        let told = match wait.told_ms {
            Some(told_ms) => format!("told {}, last at {}", wait.told, When::at(told_ms, now_ms).minute),
            None => "nothing told yet".to_owned(),
        };
        Self { id: wait.id.to_string(), watched, condition: wait.condition.in_words(), told }
    }
}

impl Settings {
    /// Every autonomy.
    pub const fn autonomies(&self) -> &'static [Autonomy] {
        Autonomy::ALL
    }

    /// For the list: it has this autonomy.
    pub fn is_autonomy(&self, one: &Autonomy) -> bool {
        self.persona.permissions.autonomy == *one
    }

    /// What an autonomy means.
    pub const fn autonomy_says(&self, one: &Autonomy) -> &'static str {
        match one {
            Autonomy::ReadOnly => "looks, and keeps files in its own folder",
            Autonomy::Supervised => "asks before what cannot be taken back",
            Autonomy::Full => "asks nobody",
        }
    }

    /// Its rules, one per line.
    pub fn rules(&self) -> String {
        self.persona.permissions.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// Every kind of happening.
    pub const fn happenings(&self) -> &'static [Happening] {
        Happening::ALL
    }

    /// What its days are planned from, as JSON to edit; empty while there is nothing.
    pub fn work(&self) -> String {
        let work = &self.persona.autoplan.work;
        let text = if work.is_empty() { None } else { serde_json::to_string_pretty(work).ok() };
        text.unwrap_or_default()
    }

    /// How what its days are planned from is written.
    pub const fn example(&self) -> &'static str {
        EXAMPLE_WORK
    }

    /// The traits that everybody has.
    pub fn traits(&self) -> Vec<Slider> {
        self.persona.profile.personality.traits().map(Slider::of).into()
    }

    /// The levels of its style.
    pub fn levels(&self) -> Vec<Slider> {
        self.persona.profile.response_style.levels().map(Slider::of).into()
    }

    /// Traits of its own: `name = 0.7`, one per line.
    pub fn custom(&self) -> String {
        let own = self.persona.profile.personality.custom.iter();
        own.map(|(name, level)| format!("{name} = {}", level.share())).collect::<Vec<_>>().join("\n")
    }

    /// 0 to 1; 1: no text is told.
    pub fn drift_limit(&self) -> f64 {
        self.persona.profile.drift_limit.map_or(1.0, Level::share)
    }

    /// Every verbosity.
    pub const fn verbosities(&self) -> &'static [Verbosity] {
        Verbosity::ALL
    }

    /// For the list of verbosities.
    pub fn is_verbosity(&self, word: &Verbosity) -> bool {
        self.persona.profile.response_style.verbosity == *word
    }

    /// Every tone.
    pub const fn tones(&self) -> &'static [Tone] {
        Tone::ALL
    }

    /// For the list of tones.
    pub fn is_tone(&self, word: &Tone) -> bool {
        self.persona.profile.response_style.tone == *word
    }

    /// Its examples as JSON to edit; empty while there are none.
    pub fn examples(&self) -> String {
        let examples = &self.persona.profile.conversation_examples;
        let text = if examples.is_empty() { None } else { serde_json::to_string_pretty(examples).ok() };
        text.unwrap_or_default()
    }

    /// How examples are written.
    pub const fn example_of_talk(&self) -> &'static str {
        EXAMPLE_TALK
    }

    /// Every role.
    pub const fn roles(&self) -> &'static [Role] {
        Role::ALL
    }

    /// For the list of roles.
    pub fn is_role(&self, role: &Role) -> bool {
        self.persona.role == Some(*role)
    }

    /// A list as a text area shows it: one per line.
    pub fn lines(&self, list: &[String]) -> String {
        list.join("\n")
    }

    /// For the list of models: the persona's own choice is this one.
    pub fn is_model(&self, name: &str) -> bool {
        self.persona.model.as_deref() == Some(name)
    }

    /// A model that is named by the persona but not configured (any more).
    pub fn odd_model(&self) -> Option<&str> {
        self.persona.model.as_deref().filter(|name| !self.models.iter().any(|known| known == name))
    }

    /// The share of time as people write it.
    pub fn weight(&self) -> f64 {
        self.persona.weight.into()
    }

    /// Sampling temperature as people write it; empty when none is set.
    pub fn temperature(&self) -> String {
        let of = |thousandths: u16| format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        self.persona.profile.temperature_thousandths.map(of).unwrap_or_default()
    }
}
