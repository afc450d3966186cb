//! What is answered is on disk: seen in the system calls of the real server, under `strace`.

use std::{
    collections::{HashMap, HashSet},
    fs,
    process::Command,
};

use serde_json::json;

use super::{
    boundary::When,
    place::{Database::Sqlite, Place},
    skip,
    stage::Stage,
};

const GOALS: usize = 20;

/// Something the server did, in its order.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    /// This thread wrote to the log of the database.
    Wrote(u32),
    /// What was written there is on disk.
    Synced(u32),
    /// It told a boundary.
    Told(When, String),
}

/// Reads what `strace` wrote down. A call that others interrupt has two lines; it is over at the second.
fn deeds(calls: &str) -> Vec<Deed> {
    let mut under_way: HashMap<u32, Deed> = HashMap::new();
    let mut deeds = Vec::new();
    for line in calls.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let (thread, call) = (thread.parse().unwrap(), call.trim_start());
        let deed = if call.starts_with("<... ") { under_way.remove(&thread) } else { deed(thread, call) };
        let Some(deed) = deed else { continue };
        // What is told may be heard from its beginning on.
        if call.ends_with("<unfinished ...>") && !matches!(deed, Deed::Told(..)) {
            under_way.insert(thread, deed);
        } else if !matches!(deed, Deed::Synced(_)) || call.ends_with("= 0") {
            deeds.push(deed);
        }
    }
    deeds
}

fn deed(thread: u32, call: &str) -> Option<Deed> {
    let of_log = call.split(['<', '>']).nth(1).is_some_and(|file| file.ends_with("greenroom.db-wal"));
    let (name, _) = call.split_once('(')?;
    match name {
        "write" | "pwrite64" if of_log => Some(Deed::Wrote(thread)),
        "fsync" | "fdatasync" if of_log => Some(Deed::Synced(thread)),
        "write" => {
            let (_, told) = call.split_once("\"failpoint: ")?;
            let (told, _) = told.split_once("\\n\"")?;
            let (when, receipt) = told.split_once(' ')?;
            let when = if when == "before" { When::Before } else { When::After };
            Some(Deed::Told(when, receipt.to_owned()))
        }
        _ => None,
    }
}

/// Between the two boundaries of each receipt one thread writes to the log and then syncs it. The checkpointer syncs
/// too, but does not write there.
fn each_is_synced(deeds: &[Deed]) -> usize {
    let mut after = 0;
    for (at, deed) in deeds.iter().enumerate() {
        let Deed::Told(When::After, receipt) = deed else { continue };
        let before = Deed::Told(When::Before, receipt.clone());
        let begun = deeds[..at].iter().position(|deed| *deed == before).unwrap();
        let mut wrote = HashSet::new();
        let synced = deeds[begun..at].iter().any(|deed| match deed {
            Deed::Wrote(thread) => {
                wrote.insert(*thread);
                false
            }
            Deed::Synced(thread) => wrote.contains(thread),
            Deed::Told(..) => false,
        });
        assert!(synced, "{receipt} was told before it was on disk: {:#?}", &deeds[begun..=at]);
        after += 1;
    }
    after
}

/// Why no program can be traced here.
fn cannot_trace() -> Option<String> {
    match Command::new("strace").args(["-D", "-f", "-qq", "-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("strace: {error} (`make setup` installs it)")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_on_disk_before_anyone_hears_of_it() {
    if let Some(reason) = cannot_trace() {
        return skip("strace", &format!("no program can be traced here: {reason}"));
    }
    let (place, calls) = Place::new(Sqlite).await.traced();
    let stage = Stage::on(place).await;
    let server = stage.begin("").await;
    for number in 0..GOALS {
        let goal = json!({ "kind": "io", "title": format!("note {number}"), "payload": {
            "steps": [{ "action": "write_file", "path": format!("{number}.txt"), "content": "hello" }] } });
        let goal = server.post("/api/personas/jason/goals", &goal).await;
        assert_eq!(server.over(goal["id"].as_str().unwrap()).await["state"], "done");
    }
    server.end().await;
    let deeds = deeds(&fs::read_to_string(calls).unwrap());
    let told = each_is_synced(&deeds);
    assert!(told >= 4 * GOALS, "a goal has a delivery, an intent, an outcome and an end: {told}");
}
