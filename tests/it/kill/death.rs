//! One crash, or one after another: killed there, started again, waited for, looked at from all sides.

use std::collections::HashMap;

use greenroom::tools::templates::Template;
use serde_json::{Value, json};

use super::{
    boundary::Places,
    chromium,
    end_states::{End, Rule},
    server::Server,
    stage::{Stage, asks_for, give, other_work, proposal},
};

/// The goal comes to the end of the rule after these crashes. How, for people.
pub(super) async fn dies_at(boundaries: &[String], rule: &Rule) -> String {
    let stage = Stage::open().await;
    let server = dead_at(&stage, boundaries, None, &proposal()).await;
    assert_eq!(count(&server, "goals").await, usize::from(rule.is_known), "goals on record after the crash");
    // Whoever asked was not answered, or may have forgotten it: asking again with the same key changes nothing.
    let goal = give(&server, &proposal()).await;
    let goal = server.at_rest(goal["id"].as_str().unwrap()).await;
    assert_eq!(count(&server, "goals").await, 1, "one goal, asked for twice");

    let (state, parked_on) = rule.end.as_shown();
    assert_eq!(
        (&goal["state"], &goal["parked_on"]),
        (&json!(state), &json!(parked_on)),
        "{}: {}",
        rule.why,
        short(&goal)
    );
    assert_eq!(goal["attempts"], 1, "an interruption costs no attempt: {}", short(&goal));
    let id = goal["id"].as_str().unwrap();
    let references: Vec<_> = stage.submitted().into_iter().map(|proposal| proposal.reference).collect();
    assert_eq!(references, vec![id.to_owned(); rule.submissions], "what the world saw");
    let rows = usize::from(rule.end != End::AwaitsPerson);
    assert_eq!(stage.rows(&goal["persona_id"], "proposals.csv"), rows, "rows of its file");
    let receipts = server.receipts(id).await;
    is_one_run_that_begins_once(&receipts);
    asks_a_person_only_if(rule.end == End::AwaitsPerson, &server, id).await;

    assert_eq!(other_work(&server).await["state"], "done", "no other goal waits for it");
    assert_eq!(server.get(&format!("/api/goals/{id}")).await["version"], goal["version"], "and it stays as it is");
    stage.close(server).await;
    format!("{state}, {} submitted, {} receipts", rule.submissions, receipts.len())
}

/// A server that was killed at each of the boundaries in turn and has been started again.
pub(super) async fn dead_at(stage: &Stage, boundaries: &[String], then: Option<&str>, template: &Template) -> Server {
    let mut server = stage.begin(&boundaries[0]).await;
    let asking = tokio::spawn(asks_for(&server, template).send());
    for (at, boundary) in boundaries.iter().enumerate() {
        server.passes(boundary).await;
        server.kill().await;
        let left = chromium::browsers(&stage.browsers());
        // A run opens its browser with its first step and leaves it open.
        let is_open = !boundary.contains("log/") && !boundary.contains("/unknown/");
        assert_eq!(left.len(), usize::from(is_open), "browsers that the crash at {boundary} left behind");
        let next = boundaries.get(at + 1).map(String::as_str);
        server = stage.server(next.or(then)).await;
        assert!(!left.iter().any(|browser| browser.is_alive()), "the start ends what a crash left behind");
    }
    // The connection ended with the process, whatever was answered.
    let _ = asking.await.unwrap();
    server
}

/// What there is, on one page.
async fn count(server: &Server, what: &str) -> usize {
    server.get(&format!("/api/{what}")).await["items"].as_array().unwrap().len()
}

/// What a failure needs of a goal.
fn short(goal: &Value) -> String {
    ["state", "parked_on", "attempts", "due_ms", "result", "last_error"]
        .map(|key| format!("{key}: {}", goal[key]))
        .join(", ")
}

fn is_one_run_that_begins_once(receipts: &[Value]) {
    let intents = nothing_done_is_done_again(receipts);
    assert_eq!(intents.get(&Places::of(&proposal()).submit), Some(&1), "the submission is begun once");
    let runs: Vec<_> = receipts.iter().map(|receipt| &receipt["run"]).filter(|run| !run.is_null()).collect();
    assert!(runs.iter().all(|run| *run == runs[0]), "the same run went on: {runs:?}");
}

async fn asks_a_person_only_if(awaits: bool, server: &Server, goal: &str) {
    let alerts = server.get("/api/alerts").await["items"].as_array().unwrap().clone();
    assert_eq!(alerts.len(), usize::from(awaits), "{alerts:#?}");
    assert!(alerts.iter().all(|alert| alert["kind"] == "reconcile" && alert["goal"] == goal), "{alerts:#?}");
}

/// How often each effect was begun. Behind its `done` it is never begun again.
pub(super) fn nothing_done_is_done_again(receipts: &[Value]) -> HashMap<usize, usize> {
    let (mut begun, mut done) = (HashMap::new(), Vec::new());
    for receipt in receipts {
        let Some(step) = receipt["step"].as_u64().and_then(|step| usize::try_from(step).ok()) else { continue };
        let phase = receipt["phase"].as_str().unwrap();
        if phase == "intent" {
            assert!(!done.contains(&step), "step {step} was done and is begun again: {receipt:#}");
            *begun.entry(step).or_default() += 1;
        }
        let is_effect = ["idempotent", "irreversible"].iter().any(|effect| receipt["effect"] == *effect);
        if is_effect && receipt["state"] == "done" && matches!(phase, "outcome" | "reconciled") {
            done.push(step);
        }
    }
    begun
}
