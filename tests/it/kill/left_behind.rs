//! What a crash left behind, once all has come to its end: files as the record says, and every message in one state.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use actors::domain::Step;
use reqwest::Method;
use serde_json::{Value, json};

use super::{server::Server, stage::Stage};

/// Every file that a receipt names is there as it says, a row with its key once.
pub(super) async fn holds_what_is_on_record(
    stage: &Stage,
    server: &Server,
    goal: &Value,
    steps: &[Step],
    receipts: &[Value],
) {
    let folder = stage.files(&goal["persona_id"]);
    for (at, step) in steps.iter().enumerate() {
        let Some(path) = step.file_path() else { continue };
        let file = fs::read(folder.join(path)).ok();
        let Some(outcome) = receipts.iter().rfind(|receipt| left_a_file(receipt, at)) else {
            assert_eq!(file, None, "{path} is there and no receipt says so");
            continue;
        };
        let file = file.unwrap_or_else(|| panic!("{path} is on record and not there"));
        if matches!(step, Step::AppendCsv { .. }) {
            let intent = receipts.iter().find(|receipt| receipt["step"] == at && receipt["phase"] == "intent");
            let key = format!(",{}", intent.unwrap()["body"]["data"]["key"].as_str().unwrap());
            assert!(key[1..].starts_with(goal["id"].as_str().unwrap()), "the key is the goal's: {key}");
            let text = String::from_utf8(file).unwrap();
            assert_eq!(text.lines().filter(|line| line.ends_with(&key)).count(), 1, "{text}");
            assert_eq!(text.lines().count(), 2, "a header and the row: {text}");
        } else {
            let hash = outcome["body"]["artifacts"][0]["hash"].as_str().unwrap();
            assert!(file == artifact(server, hash).await, "{path} is not what its receipt says");
        }
    }
}

/// The persona's folder holds what goals with these steps name, and nothing half done beside it.
pub(super) fn holds_nothing_else(stage: &Stage, persona: &Value, steps: &[Step]) {
    let folder = stage.files(persona);
    let named: BTreeSet<_> = steps.iter().filter_map(Step::file_path).map(|path| folder.join(path)).collect();
    let strange: Vec<_> = below(&folder).into_iter().filter(|file| !named.contains(file)).collect();
    assert!(strange.is_empty(), "no step names these: {strange:?}");
}

fn left_a_file(receipt: &Value, step: usize) -> bool {
    receipt["step"] == step && receipt["phase"] == "outcome" && receipt["state"] == "done"
}

async fn artifact(server: &Server, hash: &str) -> Vec<u8> {
    let sent = server.request(Method::GET, &format!("/api/artifacts/{hash}")).send().await.unwrap();
    assert!(sent.status().is_success(), "the artifact {hash} is kept: {}", sent.status());
    sent.bytes().await.unwrap().to_vec()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// Nothing vanishes: one message for each goal, where the goal stands, and each with its receipts.
pub(super) async fn accounts_for(server: &Server, goals: impl Iterator<Item = &Value>) {
    let messages = server.get("/api/personas/jason/messages").await["items"].as_array().unwrap().clone();
    let stands = |goal: &Value| if goal["state"] == "parked" { json!("waiting") } else { goal["state"].clone() };
    let wanted: BTreeSet<_> = goals.map(|goal| (goal["id"].to_string(), stands(goal).to_string())).collect();
    let found: Vec<_> = messages.iter().map(|one| (one["goal"].to_string(), one["state"].to_string())).collect();
    assert_eq!(found.len(), wanted.len(), "{messages:#?}");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted, "{messages:#?}");
    for message in &messages {
        assert!(!server.receipts(message["goal"].as_str().unwrap()).await.is_empty(), "no receipt of {message:#}");
    }
}
