//! What is killed: goals of every kind, each with its table of end states.

use actors::domain::{ArtifactKind, Assertion, Cue, GoalKind, Payload, Proof, Step, StepsPayload};
use greenroom::tools::templates::{self, ProposalWanted, Template};

use super::{
    boundary::Places,
    end_states::{BROWSER, FAILS, FILES, RELEASED, Rule, TEXTS},
};

/// Work that is given to one persona.
pub(super) struct Subject {
    /// For people.
    pub(super) name: &'static str,
    /// Each waits for the one before it.
    pub(super) goals: Vec<Template>,
    pub(super) rules: &'static [Rule],
}

/// The goal of the demo: a proposal on the form that takes no key.
pub(super) fn proposal() -> Template {
    templates::submit_proposal(&ProposalWanted::new("data pipeline", "jason@greenroom.example", templates::GOAL_KEY))
}

impl Subject {
    pub(super) fn browser() -> Self {
        Self { name: "browser", goals: vec![proposal()], rules: BROWSER }
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
        Self { name: "io", goals: vec![files(vec![row("posting"), captions], proof)], rules: FILES }
    }

    pub(super) fn ai() -> Self {
        Self { name: "ai", goals: vec![templates::master_note_outline()], rules: TEXTS }
    }

    pub(super) fn report() -> Self {
        Self { name: "report", goals: vec![templates::daily_report()], rules: TEXTS }
    }

    /// A text that is to be written when the row is there.
    pub(super) fn released() -> Self {
        let proof = Proof { artifacts: vec![ArtifactKind::CsvRow], ..Proof::default() };
        let first = files(vec![row("posting")], proof);
        Self { name: "released", goals: vec![first, templates::master_note_outline()], rules: RELEASED }
    }

    /// A text that is to be written when a row is there that never can be.
    pub(super) fn fails() -> Self {
        let proof = Proof { artifacts: vec![ArtifactKind::CsvRow], ..Proof::default() };
        // Greenroom keeps a column of this name itself.
        let first = files(vec![row("key")], proof);
        Self { name: "fails", goals: vec![first, templates::master_note_outline()], rules: FAILS }
    }

    pub(super) fn has_browser(&self) -> bool {
        self.goals.iter().any(|goal| goal.payload.kind() == GoalKind::Browser)
    }

    /// Where the things happen that rules speak of; of the first goal.
    pub(super) fn places(&self) -> Places {
        Places::of(&self.goals[0].payload.steps())
    }
}

fn row(column: &str) -> Step {
    let row = vec![(column.to_owned(), "Data pipeline audit".to_owned())];
    Step::AppendCsv { path: "rows.csv".to_owned(), row, description: String::new() }
}

fn files(steps: Vec<Step>, proof: Proof) -> Template {
    Template { title: "Keep files".to_owned(), payload: Payload::Io(StepsPayload { steps }), proof }
}
