//! `kill -9` of the real server at every receipt boundary of one browser goal, in a real browser.
//!
//! A clean run tells the boundaries. At each of them a server on a fresh data root is killed and started again; the
//! practice site runs here, so what the world saw survives. Where the goal must come to rest stands in `end_states.rs`.

mod boundary;
mod chromium;
mod disk;
mod end_states;
mod model;
mod persons;
mod server;
mod stage;

use std::{collections::HashMap, io::Write as _, sync::Arc};

use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

use self::{
    boundary::{Boundary, Places},
    end_states::{End, RULES, Rule},
    server::Server,
    stage::{Stage, asks_for, give, other_work, proposal},
};

/// Servers with their browsers at work at once.
const AT_ONCE: usize = 3;

/// A line that is seen while the test runs.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "kill -9: {text}");
}

/// The boundaries of a run that nobody disturbs: all of its receipts', and nothing else.
async fn boundaries() -> Vec<Boundary> {
    let stage = Stage::open().await;
    let server = stage.begin("").await;
    let goal = give(&server, &proposal()).await;
    let goal = server.at_rest(goal["id"].as_str().unwrap()).await;
    assert_eq!(goal["state"], "done", "{goal:#}");
    assert_eq!(stage.submitted().len(), 1);
    let receipts = server.receipts(goal["id"].as_str().unwrap()).await;
    let told = stage.close(server).await;
    assert_eq!(told, boundary::of_receipts(&receipts), "every receipt has its two boundaries");
    told.iter().map(|name| Boundary::parse(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_boundary_the_goal_comes_to_its_written_end() {
    let began = Instant::now();
    let boundaries = boundaries().await;
    let rules = end_states::assigned(&boundaries, Places::of(&proposal()));
    say(&format!("{} boundaries, the clean run took {:.1} s", boundaries.len(), began.elapsed().as_secs_f64()));

    let (places, mut runs) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    let mut names = HashMap::new();
    for (boundary, rule) in boundaries.iter().cloned().zip(rules) {
        let (name, places) = (boundary.name.clone(), places.clone());
        let run = runs.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            dies_at(&boundary, &RULES[rule]).await
        });
        names.insert(run.id(), name);
    }
    let (mut ends, mut faults) = (Vec::new(), Vec::new());
    while let Some(run) = runs.join_next_with_id().await {
        match run {
            Ok((id, end)) => ends.push(format!("{}: {end}", names[&id])),
            Err(error) => faults.push(format!("{}: {}", names[&error.id()], why(error))),
        }
        if (ends.len() + faults.len()).is_multiple_of(10) {
            say(&format!("{} of {} boundaries", ends.len() + faults.len(), boundaries.len()));
        }
    }
    say(&format!("all of it took {:.1} s", began.elapsed().as_secs_f64()));
    ends.sort();
    println!("{}", ends.join("\n"));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n\n"));
}

fn why(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// One boundary: killed there, started again, waited for, looked at from all sides. How it ended, for people.
async fn dies_at(boundary: &Boundary, rule: &Rule) -> String {
    let stage = Stage::open().await;
    let server = dead_at(&stage, &boundary.name, &proposal()).await;
    let known = server.get("/api/goals").await["items"].as_array().unwrap().len();
    assert_eq!(known, usize::from(rule.is_known), "goals on record after the crash");
    // Whoever asked was not answered, or may have forgotten it: asking again with the same key changes nothing.
    let goal = give(&server, &proposal()).await;
    let goal = server.at_rest(goal["id"].as_str().unwrap()).await;

    let (state, parked_on) = rule.end.as_shown();
    assert_eq!((&goal["state"], &goal["parked_on"]), (&json!(state), &json!(parked_on)), "{}\n{goal:#}", rule.why);
    assert_eq!(goal["attempts"], 1, "an interruption costs no attempt: {goal:#}");
    let references: Vec<_> = stage.submitted().into_iter().map(|proposal| proposal.reference).collect();
    let id = goal["id"].as_str().unwrap();
    assert_eq!(references, vec![id.to_owned(); rule.submissions], "what the world saw");
    assert_eq!(server.get("/api/goals").await["items"].as_array().unwrap().len(), 1, "one goal, asked for twice");
    let rows = usize::from(rule.end != End::AwaitsPerson);
    assert_eq!(stage.rows(&goal["persona_id"], "proposals.csv"), rows, "rows of its file");
    let receipts = server.receipts(id).await;
    let intents = nothing_done_is_done_again(&receipts);
    assert_eq!(intents.get(&Places::of(&proposal()).submit), Some(&1), "the submission is begun once");
    let runs: Vec<_> = receipts.iter().map(|receipt| &receipt["run"]).filter(|run| !run.is_null()).collect();
    assert!(runs.iter().all(|run| *run == runs[0]), "the same run went on");
    let alerts = server.get("/api/alerts").await["items"].as_array().unwrap().clone();
    let wanted = usize::from(rule.end == End::AwaitsPerson);
    assert_eq!(alerts.len(), wanted, "{alerts:#?}");
    assert!(alerts.iter().all(|alert| alert["kind"] == "reconcile" && alert["goal"] == id), "{alerts:#?}");

    assert_eq!(other_work(&server).await["state"], "done", "no other goal waits for it");
    assert_eq!(server.get(&format!("/api/goals/{id}")).await["state"], state, "and it stays as it is");
    stage.close(server).await;
    format!("{state}, {} submitted, {} receipts", rule.submissions, receipts.len())
}

/// A server that was killed at the boundary and has been started again.
async fn dead_at(stage: &Stage, boundary: &str, template: &greenroom::tools::templates::Template) -> Server {
    let mut server = stage.begin(boundary).await;
    let asking = tokio::spawn(asks_for(&server, template).send());
    server.passes(boundary).await;
    server.kill().await;
    // The connection ends with the process, whatever was answered.
    let _ = asking.await.unwrap();
    let left = chromium::browsers(&stage.browsers());
    let was_open = !boundary.contains(" log/");
    assert_eq!(left.len(), usize::from(was_open), "browsers that the crash left behind");
    let server = stage.server(None).await;
    assert!(!left.iter().any(|browser| browser.is_alive()), "the start ends what a crash left behind");
    server
}

/// How often each effect was begun. Behind its `done` it is never begun again.
fn nothing_done_is_done_again(receipts: &[Value]) -> HashMap<usize, usize> {
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
