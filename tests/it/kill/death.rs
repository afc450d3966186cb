//! One crash, or one after another: killed there, started again, waited for, looked at from all sides.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    boundary, chromium,
    end_states::{End, Rule},
    left_behind::{accounts_for, holds_nothing_else, holds_what_is_on_record},
    place::Database,
    server::Server,
    stage::{Stage, give, other_work},
    subject::Subject,
};

/// The goals come to the end of the rule after these crashes. How, for people.
pub(super) async fn dies_at(subject: &Subject, database: Database, boundaries: &[String], rule: &Rule) -> String {
    let stage = Stage::of(subject, database).await;
    let server = dead_at(&stage, subject, boundaries, None).await;
    assert_eq!(count(&server, "goals").await, rule.known, "goals on record after the crash");
    // Whoever asked was not answered, or may have forgotten it: asking again with the same key changes nothing.
    let given = give(&server.caller(), &subject.goals).await.unwrap();
    assert_eq!(count(&server, "goals").await, subject.goals.len(), "as many as were asked for, twice");

    let mut ended = Vec::new();
    for (goal, template) in given.iter().zip(&subject.goals) {
        let goal = is_at_its_end(&server, goal["id"].as_str().unwrap(), rule).await;
        let receipts = server.receipts(goal["id"].as_str().unwrap()).await;
        let steps = subject.steps(template);
        is_one_run_that_begins_once(&receipts, subject);
        assert_eq!(
            goal["attempts"],
            i32::from(has_run(&receipts)),
            "an interruption costs no attempt: {}",
            short(&goal)
        );
        holds_what_is_on_record(&stage, &server, &goal, &steps, &receipts).await;
        comes_out_again(&server, &receipts).await;
        ended.push((goal, receipts));
    }
    let steps: Vec<_> = subject.goals.iter().flat_map(|template| subject.steps(template)).collect();
    holds_nothing_else(&stage, &ended[0].0["persona_id"], &steps);
    let id = &ended[0].0["id"];
    saw(&stage, id, rule.submissions);
    asks_a_person_only_if(rule.end == End::AwaitsPerson, &server, id).await;
    accounts_for(&server, ended.iter().map(|(goal, _)| goal)).await;

    assert_eq!(other_work(&server).await["state"], "done", "no other goal waits for it");
    for (goal, _) in &ended {
        let now = server.get(&format!("/api/goals/{}", goal["id"].as_str().unwrap())).await;
        assert_eq!(now["version"], goal["version"], "and it stays as it is");
    }
    let receipts: usize = ended.iter().map(|(_, receipts)| receipts.len()).sum();
    if !subject.goes_on {
        stage.close(server).await;
    } else {
        let of_goal = if rule.end == End::AwaitsPerson {
            a_person_settles(&stage, &server, id, boundaries).await
        } else {
            ended.swap_remove(0).1
        };
        stage.shut(server).await;
        comes_out_again_in_the_dark(&stage, &of_goal).await;
    }
    format!("{}, {} submitted, {receipts} receipts", rule.end.as_shown().0, rule.submissions)
}

/// Killed and carried on: its run comes out of its record again, stretch by stretch.
async fn comes_out_again(server: &Server, receipts: &[Value]) {
    let Some(run) = receipts.iter().find_map(|receipt| receipt["run"].as_str()) else { return };
    let replayed = server.post(&format!("/api/runs/{run}/replay"), &json!({})).await;
    all_are_equal(&replayed, receipts);
}

/// Every receipt of the run came out again, but for those that a person wrote about it.
fn all_are_equal(replayed: &Value, receipts: &[Value]) {
    let own = receipts.iter().filter(|receipt| !receipt["run"].is_null());
    let (of_run, of_people): (Vec<_>, Vec<_>) = own.partition(|receipt| !is_of_person(receipt));
    let came = (&replayed["holds"], &replayed["equal"], &replayed["told"]);
    assert_eq!(came, (&json!(true), &json!(of_run.len()), &json!(of_people.len())), "{replayed:#}");
}

fn is_of_person(receipt: &Value) -> bool {
    receipt["phase"] == "reconciled" && receipt["body"]["data"]["by"] != "read-back"
}

/// Proposals that the site holds: of this goal, and no other.
fn saw(stage: &Stage, goal: &Value, submissions: usize) {
    let references: Vec<_> = stage.submitted().into_iter().map(|proposal| json!(proposal.reference)).collect();
    assert_eq!(references, vec![goal.clone(); submissions], "what the world saw");
}

/// Who looks says what happened at the crash; then the work is done, and the world has seen it once.
async fn a_person_settles(stage: &Stage, server: &Server, goal: &Value, boundaries: &[String]) -> Vec<Value> {
    let happened = boundaries.iter().all(|boundary| boundary.starts_with("before "));
    let said = if happened { "--done" } else { "--not-done" };
    let id = goal.as_str().unwrap();
    assert_eq!(stage.verb(&["goal", "resolve", id, said, "--note", "looked"]).await.0, 0);
    let after = server.over(id).await;
    assert_eq!((&after["state"], &after["attempts"]), (&json!("done"), &json!(1)), "{}", short(&after));
    saw(stage, goal, 1);
    server.receipts(id).await
}

/// The server, the site and the model are out of reach, and there is no network at all.
async fn comes_out_again_in_the_dark(stage: &Stage, receipts: &[Value]) {
    let run = receipts.iter().find_map(|receipt| receipt["run"].as_str()).unwrap();
    let (code, replayed) = stage.verb_in_the_dark(&["run", "replay", run, "--offline"]).await;
    assert_eq!(code, 0, "{replayed:#}");
    all_are_equal(&replayed, receipts);
}

async fn is_at_its_end(server: &Server, goal: &str, rule: &Rule) -> Value {
    let goal = if rule.end == End::AwaitsPerson { server.at_rest(goal).await } else { server.over(goal).await };
    let (state, parked_on) = rule.end.as_shown();
    let stands = (&goal["state"], &goal["parked_on"]);
    assert_eq!(stands, (&json!(state), &json!(parked_on)), "{}: {}", rule.why, short(&goal));
    goal
}

/// A server that was killed at each of the boundaries in turn and has been started again.
pub(super) async fn dead_at(stage: &Stage, subject: &Subject, boundaries: &[String], then: Option<&str>) -> Server {
    let mut server = stage.begin(&boundaries[0]).await;
    if subject.goals.len() > 1 {
        server.post("/api/personas/jason/pause", &json!({})).await;
    }
    let asking = tokio::spawn({
        let (caller, goals) = (server.caller(), subject.goals.clone());
        async move { give(&caller, &goals).await }
    });
    for (at, boundary) in boundaries.iter().enumerate() {
        server.passes(boundary).await;
        server.kill().await;
        let left = chromium::browsers(&stage.browsers());
        // A run opens its browser with its first step and leaves it open.
        let is_open = is_page_open(subject, boundary);
        assert_eq!(left.len(), usize::from(is_open), "browsers that the crash at {boundary} left behind");
        let next = boundaries.get(at + 1).map(String::as_str);
        server = stage.server(next.or(then)).await;
        assert!(!left.iter().any(|browser| browser.is_alive()), "the start ends what a crash left behind");
    }
    // The connection ended with the process, whatever was answered.
    let _ = asking.await.unwrap();
    server
}

fn is_page_open(subject: &Subject, boundary: &str) -> bool {
    let is_before = |first| boundary::is_of_step_before(boundary, first);
    subject.first_page().is_some_and(|first| !is_before(first))
        && !boundary.contains("log/")
        && !boundary.contains("/unknown/")
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

fn is_one_run_that_begins_once(receipts: &[Value], subject: &Subject) {
    let begun = nothing_done_is_done_again(receipts);
    let submit = subject.places().submit;
    if begun.contains_key(&submit) && subject.has_browser() {
        assert_eq!(begun[&submit], 1, "the submission is begun once");
    }
    let runs: Vec<_> = receipts.iter().map(|receipt| &receipt["run"]).filter(|run| !run.is_null()).collect();
    assert!(runs.iter().all(|run| *run == runs[0]), "the same run went on: {runs:?}");
    let texts = |receipt: &&Value| receipt["tool"] == "compose" && receipt["phase"] == "outcome";
    assert!(receipts.iter().filter(texts).count() <= 1, "what a model said is not asked for again");
    let thoughts = |receipt: &&Value| receipt["tool"] == "think" && receipt["phase"] == "outcome";
    let places: Vec<_> = receipts.iter().filter(thoughts).map(|receipt| receipt["step"].as_u64()).collect();
    assert!(places.is_sorted_by(|before, after| before < after), "no thought on record is thought again: {places:?}");
}

fn has_run(receipts: &[Value]) -> bool {
    receipts.iter().any(|receipt| !receipt["run"].is_null())
}

async fn asks_a_person_only_if(awaits: bool, server: &Server, goal: &Value) {
    let alerts = server.get("/api/alerts").await["items"].as_array().unwrap().clone();
    assert_eq!(alerts.len(), usize::from(awaits), "{alerts:#?}");
    assert!(alerts.iter().all(|alert| alert["kind"] == "reconcile" && alert["goal"] == *goal), "{alerts:#?}");
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
