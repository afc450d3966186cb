//! What is killed: goals of every kind, each with its table of end states.

use std::collections::BTreeMap;

use actors::domain::{AgentPayload, ArtifactKind, Assertion, Cue, Effect, Payload, Proof, Step, StepsPayload};
use greenroom::tools::templates::{self, ProposalWanted, Template};
use serde_json::{Map, json};

use super::{
    boundary::Places,
    end_states::{BROWSER, CHOSEN, FAILS, FILES, RELEASED, Rule, TEXTS},
    model,
};
use crate::models::mock::{Mock, Reply, Seen};

/// Work that is given to one persona.
pub(super) struct Subject {
    /// For people.
    pub(super) name: &'static str,
    /// Each waits for the one before it.
    pub(super) goals: Vec<Template>,
    pub(super) rules: &'static [Rule],
    /// What a model makes of a goal in words; else the plan is the goal's own.
    pub(super) chosen: Vec<Step>,
    /// A person who settles what nobody saw lets it go on to its end: a model works on.
    pub(super) goes_on: bool,
    /// Own tools that are there: they look, and leave nothing.
    pub(super) tools: &'static [&'static str],
    /// What stands in the configuration file.
    pub(super) settings: String,
}

/// The goal of the demo: a proposal on the form that takes no key.
pub(super) fn proposal() -> Template {
    templates::submit_proposal(&ProposalWanted::new("data pipeline", "jason@greenroom.example", templates::GOAL_KEY))
}

impl Subject {
    pub(super) fn new(name: &'static str, goals: Vec<Template>, rules: &'static [Rule]) -> Self {
        Self { name, goals, rules, chosen: Vec::new(), goes_on: false, tools: &[], settings: String::new() }
    }

    /// A model counts two things side by side, has a row and a note written, and says so. It is asked over real HTTP, and outlives the server.
    pub(super) fn agent(model: &Mock) -> Self {
        let payload = Payload::Agent(Box::new(AgentPayload {
            task: "Keep the row and a note of it.".to_owned(),
            max_steps: 40,
            max_minutes: 5,
            model: None,
            tools: Vec::new(),
            secrets: BTreeMap::new(),
            agent: None,
            delegated: None,
            fork: None,
        }));
        let proof = Proof {
            assertions: vec![Assertion::File("note.md".to_owned())],
            artifacts: vec![ArtifactKind::CsvRow, ArtifactKind::File],
            ..Proof::default()
        };
        let note = Step::WriteFile { path: "note.md".into(), content: "One row.".into(), description: String::new() };
        Self {
            chosen: vec![Step::think(), looks("count_rows"), looks("count_notes"), row("posting"), note, Step::think()],
            tools: &["count_rows", "count_notes"],
            settings: model::asking(&model.url()),
            ..Self::new("agent", vec![Template { title: "Keep a row".to_owned(), payload, proof }], CHOSEN)
        }
    }

    /// What that model answers, by how often it has answered before.
    pub(super) fn keeps_a_row(seen: &Seen) -> Reply {
        let answered = seen.body["messages"].as_array().unwrap().iter();
        match answered.filter(|message| message["role"] == "assistant").count() {
            0 => Reply::calls([
                ("count_rows", json!({})),
                ("count_notes", json!({})),
                ("csv_append", json!({"path": "rows.csv", "row": {"posting": "Data pipeline audit"}})),
                ("file_write", json!({"path": "note.md", "content": "One row."})),
            ]),
            _ => Reply::text("I saved the row in rows.csv and wrote note.md."),
        }
    }

    /// The steps of a goal of its.
    pub(super) fn steps(&self, goal: &Template) -> Vec<Step> {
        let planned = goal.payload.steps();
        if planned.is_empty() { self.chosen.clone() } else { planned }
    }

    pub(super) fn browser() -> Self {
        Self::new("browser", vec![proposal()], BROWSER)
    }

    /// A row and captions.
    pub(super) fn io() -> Self {
        let cue = |text: &str| Cue { text: text.to_owned(), lasts_ms: 1_500 };
        let captions = Step::RenderCaptions {
            path: "show/intro.vtt".to_owned(),
            cues: vec![cue("Curtain up"), cue("Good evening")],
            description: String::new(),
        };
        let proof = Proof {
            assertions: vec![Assertion::File("show/intro.vtt".to_owned())],
            artifacts: vec![ArtifactKind::CsvRow, ArtifactKind::File],
            ..Proof::default()
        };
        Self::new("io", vec![files(vec![row("posting"), captions], proof)], FILES)
    }

    pub(super) fn ai() -> Self {
        Self::new("ai", vec![templates::master_note_outline()], TEXTS)
    }

    pub(super) fn report() -> Self {
        Self::new("report", vec![templates::daily_report()], TEXTS)
    }

    /// A text that is to be written when the row is there.
    pub(super) fn released() -> Self {
        let proof = Proof { artifacts: vec![ArtifactKind::CsvRow], ..Proof::default() };
        let first = files(vec![row("posting")], proof);
        Self::new("released", vec![first, templates::master_note_outline()], RELEASED)
    }

    /// A text that is to be written when a row is there that never can be.
    pub(super) fn fails() -> Self {
        let proof = Proof { artifacts: vec![ArtifactKind::CsvRow], ..Proof::default() };
        // Greenroom keeps a column of this name itself.
        let first = files(vec![row("key")], proof);
        Self::new("fails", vec![first, templates::master_note_outline()], FAILS)
    }

    pub(super) fn has_browser(&self) -> bool {
        self.first_page().is_some()
    }

    /// The step that opens the browser.
    pub(super) fn first_page(&self) -> Option<usize> {
        self.goals.iter().find_map(|goal| self.steps(goal).iter().position(Step::is_browser))
    }

    /// Where the things happen that rules speak of; of the first goal.
    pub(super) fn places(&self) -> Places {
        Places::of(&self.steps(&self.goals[0]))
    }
}

fn looks(name: &str) -> Step {
    Step::Tool {
        name: name.into(),
        args: Map::new(),
        effect: Effect::Pure,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    }
}

fn row(column: &str) -> Step {
    let row = vec![(column.to_owned(), "Data pipeline audit".to_owned())];
    Step::AppendCsv { path: "rows.csv".to_owned(), row, description: String::new() }
}

fn files(steps: Vec<Step>, proof: Proof) -> Template {
    Template { title: "Keep files".to_owned(), payload: Payload::Io(StepsPayload { steps }), proof }
}
