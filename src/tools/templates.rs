//! Goals that come with their proof. Pure: what is wanted in, title, payload and proof out.
//!
//! Everything here happens on the rehearsal site, known as a persona knows it: by its address and the ids on its pages.

mod catalogue;
mod fields;
mod handed_in;
mod letters;
mod posts;

use actors::domain::{
    AiPayload, ArtifactKind, Assertion, Effect, Length, Payload, PictureFormat, Proof, ReadBack, ReportPayload, Step,
    StepsPayload, Unit,
};

pub use self::{
    catalogue::{Named, Templates, all, make},
    fields::{BadField, Field, Sort},
};
use crate::egress::REHEARSAL_HOST;

/// Opens every account there; its login page says so.
pub const REHEARSAL_PASSWORD: &str = "rehearsal";

/// Filled with the goal's own key by the runtime: the same in every attempt, another one in every goal.
pub const GOAL_KEY: &str = "{{idempotency_key}}";

/// A goal to be given to a persona.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub title: String,
    pub payload: Payload,
    pub proof: Proof,
}

/// A proposal on the rehearsal job board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalWanted {
    /// Finds the posting: the first one that matches is taken.
    pub niche: String,
    pub rate: String,
    /// Tells this submission from every other one when it is read back; [`GOAL_KEY`] does without a thought.
    pub reference: String,
    /// E-mail to sign in with.
    pub email: String,
    /// What is typed as password; `${secret:name}` keeps it out of the plan.
    pub password: String,
    /// Use the form that takes an idempotency key.
    pub with_key: bool,
}

impl ProposalWanted {
    /// With the rehearsal site's own password, on the form without a key.
    pub fn new(niche: &str, email: &str, reference: &str) -> Self {
        Self {
            niche: niche.to_owned(),
            rate: "$2,400 fixed".to_owned(),
            reference: reference.to_owned(),
            email: email.to_owned(),
            password: REHEARSAL_PASSWORD.to_owned(),
            with_key: false,
        }
    }
}

/// Opens the inbox and shows what is in it.
pub fn open_rehearsal_mail() -> Template {
    let steps = vec![goto("/inbox"), wait_for("#mails"), screenshot("The inbox", "inbox"), expect_title("Inbox")];
    Template {
        title: "Open the rehearsal mail".to_owned(),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof {
            assertions: vec![Assertion::TitleContains("Inbox".to_owned())],
            artifacts: vec![ArtifactKind::Screenshot],
            ..Proof::default()
        },
    }
}

/// Composes the outline of a note and keeps it as a file.
pub fn master_note_outline() -> Template {
    let file = "master-note-outline-v0.md";
    Template {
        title: "Master note outline v0".to_owned(),
        payload: Payload::Ai(AiPayload {
            prompt:
                "Write the outline of the \"Master note outline v0\".\n\nThe note tells a client how we audit a data \
                     pipeline. It names what is checked, what is evidence, and what the client gets at the end."
                    .to_owned(),
            file: Some(file.to_owned()),
            length: Length::Long,
        }),
        proof: Proof {
            assertions: vec![Assertion::File(file.to_owned())],
            artifacts: vec![ArtifactKind::Text, ArtifactKind::File],
            ..Proof::default()
        },
    }
}

/// Signs in, finds a posting, composes a proposal, submits it and proves it by title, screenshot, CSV row and read-back.
pub fn submit_proposal(wanted: &ProposalWanted) -> Template {
    let mut steps = sign_in(&wanted.email, &wanted.password);
    steps.extend(find_posting(&wanted.niche));
    steps.push(Step::Compose {
        prompt: "Write a proposal for \"{{posting}}\" to {{client}}.\n\n{{description}}".to_owned(),
        save_as: "cover".to_owned(),
        length: Length::Long,
        model: None,
    });
    steps.extend(send(wanted));
    let fields = [
        ("posting", "{{posting}}"),
        ("client", "{{client}}"),
        ("reference", &wanted.reference),
        ("rate", &wanted.rate),
    ];
    steps.push(Step::AppendCsv {
        path: "proposals.csv".to_owned(),
        row: fields.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect(),
        description: "Proposals submitted".to_owned(),
    });
    Template {
        title: format!("Submit a proposal: {}", wanted.niche),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof {
            assertions: vec![Assertion::TitleContains(SUBMITTED.to_owned())],
            artifacts: vec![ArtifactKind::Screenshot, ArtifactKind::CsvRow],
            read_back: Some(ReadBack { url: address("/proposals"), contains: wanted.reference.clone() }),
            counts_as: Some(Unit::Proposal),
            units: None,
        },
    }
}

/// Counts the day from the receipts and keeps the report as a file.
pub fn daily_report() -> Template {
    daily_report_in("daily-report.md")
}

fn daily_report_in(file: &str) -> Template {
    Template {
        title: "Post the daily report".to_owned(),
        payload: Payload::Report(ReportPayload { file: file.to_owned(), from_ms: None, until_ms: None }),
        proof: Proof {
            assertions: vec![Assertion::File(file.to_owned())],
            artifacts: vec![ArtifactKind::Text, ArtifactKind::File],
            ..Proof::default()
        },
    }
}

const SUBMITTED: &str = "Proposal submitted";

fn sign_in(email: &str, password: &str) -> Vec<Step> {
    vec![
        goto("/login"),
        fill("#email", email),
        fill("#password", password),
        // Signing in twice leaves the site as it was.
        click("#sign-in", Effect::Read),
        wait_for("#signed-in"),
    ]
}

fn find_posting(niche: &str) -> Vec<Step> {
    let query: String = url::form_urlencoded::byte_serialize(niche.as_bytes()).collect();
    vec![
        goto(&format!("/jobs?q={query}")),
        wait_for("#jobs"),
        click("#jobs .posting a", Effect::Read),
        wait_for("#posting"),
        extract("#posting h1", "posting"),
        extract("#client", "client"),
        extract("#description", "description"),
    ]
}

fn send(wanted: &ProposalWanted) -> Vec<Step> {
    let (form, effect) =
        if wanted.with_key { ("#propose-once", Effect::Idempotent) } else { ("#propose", Effect::Irreversible) };
    let mut steps = vec![click(form, Effect::Read), wait_for("#proposal")];
    steps.extend(wanted.with_key.then(|| fill("#idempotency_key", GOAL_KEY)));
    steps.extend([
        fill("#reference", &wanted.reference),
        fill("#cover", "{{cover}}"),
        fill("#rate", &wanted.rate),
        click("#submit", effect),
        expect_title(SUBMITTED),
        screenshot("The confirmation", "confirmation"),
    ]);
    steps
}

fn address(path: &str) -> String {
    format!("http://{REHEARSAL_HOST}{path}")
}

fn goto(path: &str) -> Step {
    Step::Goto { url: address(path), timeout_ms: None }
}

fn wait_for(selector: &str) -> Step {
    Step::WaitFor { selector: selector.to_owned(), timeout_ms: None }
}

fn fill(selector: &str, text: &str) -> Step {
    Step::Type { selector: selector.to_owned(), text: text.to_owned(), timeout_ms: None }
}

fn click(selector: &str, effect: Effect) -> Step {
    Step::Click { selector: selector.to_owned(), effect: Some(effect), timeout_ms: None }
}

fn extract(selector: &str, save_as: &str) -> Step {
    Step::Extract { selector: selector.to_owned(), save_as: save_as.to_owned(), attribute: None, timeout_ms: None }
}

fn expect_title(contains: &str) -> Step {
    Step::ExpectTitle { contains: contains.to_owned(), timeout_ms: None }
}

fn screenshot(caption: &str, file: &str) -> Step {
    Step::Screenshot {
        caption: Some(caption.to_owned()),
        file: Some(file.to_owned()),
        full_page: false,
        selector: None,
        format: PictureFormat::Jpeg,
    }
}

#[cfg(test)]
mod tests;
