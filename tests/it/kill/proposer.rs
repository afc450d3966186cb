//! A model that sends a proposal in a real browser: it signs in, fills the form, presses the button and proves it. Two of
//! its clicks cannot be taken back. What it is told of a lost page it answers by looking at the list.

use actors::domain::{AgentPayload, ArtifactKind, Payload, Proof, ReadBack, Step};
use greenroom::tools::templates::{GOAL_KEY, Template};
use serde_json::{Value, json};

use super::{end_states::PROPOSED, model, subject::Subject};
use crate::models::mock::{Mock, Reply, Seen};

const SITE: &str = "http://rehearsal.localhost";
/// In the task: what follows is the goal's key, by which the site and the proof know the proposal.
const REFERENCE: &str = " Its reference: ";
/// The goal in words, and what comes of it undisturbed. The model is asked over real HTTP, and outlives the server.
pub(super) fn subject(model: &Mock) -> Subject {
    let task = format!("Sign in to the board and send one proposal for the data pipeline audit.{REFERENCE}{GOAL_KEY}");
    let payload = Payload::Agent(Box::new(AgentPayload { max_steps: 40, ..AgentPayload::new(&task) }));
    let read_back = ReadBack { url: format!("{SITE}/proposals"), contains: GOAL_KEY.to_owned() };
    let proof = Proof { artifacts: vec![ArtifactKind::Screenshot], read_back: Some(read_back), ..Proof::default() };
    let goal = Template { title: "Propose to a data client".to_owned(), payload, proof };
    Subject {
        goes_on: true,
        chosen: chosen(),
        settings: model::asking(&model.url()),
        ..Subject::new("agent in a browser", vec![goal], PROPOSED)
    }
}

/// What the model answers, by how often it has answered before and what it was told last.
pub(super) fn proposes(seen: &Seen) -> Reply {
    let go = |path: &str| ("browser_navigate", json!({"url": format!("{SITE}{path}")}));
    let fill = |at: &str, text: &str| ("browser_fill", json!({"selector": at, "text": text}));
    let at = |tool: &'static str, selector: &str| (tool, json!({ "selector": selector }));
    let picture = || ("browser_screenshot", json!({"caption": "The proposal"}));
    let messages = seen.body["messages"].as_array().unwrap();
    let mut said = messages.iter().filter_map(|message| message["content"].as_str());
    let reference = said.find_map(|text| Some(text.split_once(REFERENCE)?.1)).unwrap();
    match messages.iter().filter(|message| message["role"] == "assistant").count() {
        0 => Reply::calls([
            go("/login"),
            fill("#email", "jason@greenroom.example"),
            fill("#password", "rehearsal"),
            at("browser_click", "#sign-in"),
            at("browser_wait_for", "#signed-in"),
        ]),
        1 => Reply::calls([
            go("/jobs/data-pipeline-audit/propose"),
            fill("#reference", reference),
            fill("#cover", "We trace every column to its source."),
            fill("#rate", "95"),
            at("browser_click", "#submit"),
            ("browser_expect_title", json!({"contains": "Proposal submitted"})),
            picture(),
        ]),
        2 if was_told_of_a_failure(messages) => {
            Reply::calls([go("/proposals"), ("browser_expect_text", json!({"contains": reference})), picture()])
        }
        _ => Reply::text("I submitted the proposal."),
    }
}

/// Among the results of its newest calls.
fn was_told_of_a_failure(messages: &[Value]) -> bool {
    let newest = messages.iter().rev().take_while(|message| message["role"] == "tool");
    newest.filter_map(|message| message["content"].as_str()).any(|text| text.contains("\"ok\":false"))
}

/// The steps of the undisturbed run, as far as rules speak of them.
fn chosen() -> Vec<Step> {
    let goto = || Step::Goto { url: SITE.to_owned(), timeout_ms: None };
    let click = || Step::Click { selector: "button".to_owned(), effect: None, timeout_ms: None };
    let looks = || Step::Snapshot {};
    let signs_in = [Step::think(), goto(), looks(), looks(), click(), looks()];
    let proposes = [Step::think(), goto(), looks(), looks(), looks(), click(), looks(), looks(), Step::think()];
    signs_in.into_iter().chain(proposes).collect()
}
