//! The templates people and the planner choose from, by name.

use actors::domain::{OUTREACH_IS_OFF, Persona, Recipe, Unit};
use actors::ports::{MadeGoal, Playbook};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    BadField, Field, GOAL_KEY, ProposalWanted, Sort, Template, daily_report_in,
    fields::Filled,
    handed_in::{Delivery, publish_deliverable},
    letters::send_letters,
    posts::publish_post,
    submit_proposal,
};

/// A template by its name.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// `worker.submit_proposal`.
    pub name: &'static str,
    pub about: &'static str,
    /// What must be shown before the goal counts as done.
    pub proof: &'static str,
    pub fields: &'static [Field],
    /// What a proven goal counts as in its day.
    pub counts_as: Option<Unit>,
    #[serde(skip)]
    make: fn(&Filled, &Persona) -> Result<Template, BadField>,
}

impl Named {
    /// Why it cannot be used now; `outreach`: a host policy lets somebody be written to.
    pub fn off(&self, outreach: bool) -> Option<&'static str> {
        (self.counts_as == Some(Unit::Message) && !outreach).then_some(OUTREACH_IS_OFF)
    }
}

/// Sites that the templates know their way about.
const PLATFORMS: &[&str] = &["rehearsal"];

/// Letters of one goal: its steps are bounded.
const MOST_LETTERS: u32 = 30;

const PLATFORM: Field = Field {
    name: "platform",
    label: "Platform",
    about: "Where; rehearsal is the practice site.",
    sort: Sort::Choice { of: PLATFORMS },
    required: true,
};

const EMAIL: Field = Field {
    name: "email",
    label: "E-mail to sign in with",
    about: "Left out: the persona’s slug at greenroom.example.",
    sort: Sort::Line { most: 200 },
    required: false,
};

const fn line(name: &'static str, label: &'static str, about: &'static str, most: usize, required: bool) -> Field {
    Field { name, label, about, sort: Sort::Line { most }, required }
}

const fn text(name: &'static str, label: &'static str, about: &'static str, most: usize) -> Field {
    Field { name, label, about, sort: Sort::Text { most }, required: true }
}

const ALL: &[Named] = &[
    Named {
        name: "worker.submit_proposal",
        about: "Finds a posting, writes a proposal in its voice and submits it.",
        proof: "confirmation page, screenshot, CSV row, read-back",
        fields: &[
            line("niche", "Niche", "Finds the posting; the first one that fits is taken.", 100, true),
            PLATFORM,
            line("rate", "Rate", "Left out: $2,400 fixed.", 60, false),
            EMAIL,
        ],
        counts_as: Some(Unit::Proposal),
        make: proposal,
    },
    Named {
        name: "social.post",
        about: "Publishes a post in the social feed.",
        proof: "confirmation page, screenshot, link in a CSV row, read-back",
        fields: &[PLATFORM, text("asset", "Asset", "What is posted.", 400), EMAIL],
        counts_as: Some(Unit::Post),
        make: post,
    },
    Named {
        name: "outreach.send_message",
        about: "Writes to a batch of people, as far as the policy of the host lets them be written to.",
        proof: "confirmation page, screenshot, send log (a CSV row for each), read-back",
        fields: &[
            PLATFORM,
            text("to", "To", "Who wants to be written to, one on a line.", 8_000),
            text("text", "Text", "What is said; what the policy wants said with it is put behind it.", 2_000),
            Field {
                name: "batch_size",
                label: "Batch size",
                about: "Messages of one goal, to the first of them; each counts.",
                sort: Sort::Count { least: 1, most: MOST_LETTERS },
                required: true,
            },
            EMAIL,
        ],
        counts_as: Some(Unit::Message),
        make: letters,
    },
    Named {
        name: "deliverable.publish",
        about: "Writes a deliverable in its voice, keeps it as a file and hands it in.",
        proof: "file, page that confirms the upload, screenshot, read-back",
        fields: &[
            PLATFORM,
            line("title", "Title of the work", "As the client sees it.", 120, true),
            text("brief", "Brief", "What it is to say.", 2_000),
            EMAIL,
        ],
        counts_as: Some(Unit::Deliverable),
        make: deliverable,
    },
    Named {
        name: "report.daily_digest",
        about: "Counts the day from the receipts and keeps the report as a file.",
        proof: "file",
        fields: &[line("file", "File", "Left out: daily-report.md.", 120, false)],
        counts_as: None,
        make: digest,
    },
];

/// Every template.
pub const fn all() -> &'static [Named] {
    ALL
}

/// The goal that a template makes of these fields; refused by the name of the field.
pub fn make(name: &str, params: &Map<String, Value>, persona: &Persona) -> Result<Template, BadField> {
    let bad = |reason: String| BadField { field: "template".to_owned(), reason };
    let known = || ALL.iter().map(|named| named.name).collect::<Vec<_>>().join(", ");
    let named = ALL.iter().find(|named| named.name == name);
    let named = named.ok_or_else(|| bad(format!("there is no template `{name}`; known are: {}", known())))?;
    let filled = Filled::read(named.fields, params)?;
    (named.make)(&filled, persona)
}

/// The planner's way to the templates.
pub struct Templates;

impl Playbook for Templates {
    fn make(&self, recipe: &Recipe, persona: &Persona) -> Result<MadeGoal, String> {
        let Template { title, payload, proof } =
            make(&recipe.template, &recipe.params, persona).map_err(|bad| bad.to_string())?;
        Ok(MadeGoal { title, payload, proof })
    }
}

fn email(filled: &Filled, persona: &Persona) -> String {
    filled.or("email", &format!("{}@greenroom.example", persona.slug))
}

fn proposal(filled: &Filled, persona: &Persona) -> Result<Template, BadField> {
    let wanted = ProposalWanted::new(filled.text("niche"), &email(filled, persona), GOAL_KEY);
    Ok(submit_proposal(&ProposalWanted { rate: filled.or("rate", &wanted.rate), ..wanted }))
}

fn post(filled: &Filled, persona: &Persona) -> Result<Template, BadField> {
    Ok(publish_post(filled.text("asset"), &email(filled, persona)))
}

fn deliverable(filled: &Filled, persona: &Persona) -> Result<Template, BadField> {
    let email = email(filled, persona);
    Ok(publish_deliverable(&Delivery { title: filled.text("title"), brief: filled.text("brief"), email: &email }))
}

fn digest(filled: &Filled, _: &Persona) -> Result<Template, BadField> {
    Ok(daily_report_in(&filled.or("file", "daily-report.md")))
}

fn letters(filled: &Filled, persona: &Persona) -> Result<Template, BadField> {
    let most = filled.text("batch_size").parse().unwrap_or(1);
    let all: Vec<&str> = filled.text("to").lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    if all.len() < most {
        return Err(BadField::param("batch_size", format!("is {most}, and `to` names {} people", all.len())));
    }
    Ok(send_letters(&all[..most], filled.text("text"), &email(filled, persona)))
}
