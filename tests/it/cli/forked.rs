//! `run fork`: another goal that takes a run's first steps from the record and goes on from one of them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    greenroom, said,
    server::{Server, answer},
};
use crate::models::mock::{Mock, Reply, Seen};

/// Writes what its task says, and ends.
fn writes(seen: &Seen) -> Reply {
    let messages = seen.body["messages"].as_array().unwrap();
    let task = messages[1]["content"].as_str().unwrap();
    let file = if task.contains("other") { "other.md" } else { "one.md" };
    match messages.iter().filter(|message| message["role"] == "assistant").count() {
        0 => Reply::call("file_write", json!({"path": "first.md", "content": "one"})),
        1 => Reply::call("file_write", json!({"path": file, "content": "two"})),
        _ => Reply::text(&format!("I wrote first.md and {file}.")),
    }
}

fn forks(root: &Path) {
    let _server = Server::start(root);
    answer(root, &["persona", "new", "Ada"]);
    let goal = ["goal", "add", "ada", "--kind", "agent", "--title", "Write", "--payload", r#"{"task": "Write."}"#];
    let goal = answer(root, &[&goal[..], &["--wait"]].concat());
    assert_eq!(goal["state"], "done", "{goal:#}");
    let run = answer(root, &["run", "list"])["items"][0]["id"].as_str().unwrap().to_owned();

    // Steps 1 and 2 are the first thought and what it chose; 3 is the second thought.
    let fork = answer(root, &["run", "fork", &run, "--from", "3", "--task", "Write the other."]);
    assert_eq!((&fork["kind"], &fork["payload"]["fork"]["run"]), (&json!("agent"), &json!(run)), "{fork:#}");
    let id = fork["id"].as_str().unwrap();
    let until_over = || loop {
        let goal = answer(root, &["goal", "show", id]);
        if goal["state"] != "pending" && goal["state"] != "running" {
            return goal;
        }
    };
    assert_eq!(until_over()["state"], "done");
    let receipts = answer(root, &["receipts", "list", "--persona", "ada", "--limit", "200"]);
    let of_fork: Vec<&Value> = receipts["items"].as_array().unwrap().iter().filter(|one| one["goal"] == id).collect();
    let said_of = |summary: &str| of_fork.iter().filter(|one| one["body"]["summary"] == summary).collect::<Vec<_>>();
    let first = said_of("wrote first.md");
    assert_eq!((first.len(), &first[0]["body"]["data"]["forked_from"]["run"]), (1, &json!(run)), "{of_fork:#?}");
    assert!(
        first[0]["replay_of"].is_i64() && said_of("is about to file_write first.md").is_empty(),
        "it is not done again"
    );
    assert_eq!((said_of("wrote other.md").len(), said_of("wrote one.md").len()), (1, 0), "and then goes another way");
    let again = answer(root, &["run", "list", "--goal", id])["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(answer(root, &["run", "replay", &again])["holds"], true);

    for (from, why) in [("99", "steps are on record, and from "), ("0", "must be 1 to ")] {
        let (code, _, error) = said(&greenroom(root, &["run", "fork", &run, "--from", from]));
        assert!(code == 1 && error.contains(why), "{code} {error}");
    }
    assert_eq!(said(&greenroom(root, &["run", "fork", &run])).0, 2, "from where is needed");
    let nowhere = "01939e00-0000-7000-8000-000000000001";
    let (code, _, error) = said(&greenroom(root, &["run", "fork", nowhere, "--from", "1"]));
    assert!(code == 1 && error.contains("There is no run"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_forked_from_one_of_its_steps_with_another_task() {
    let root = tempfile::tempdir().unwrap();
    let mock = Mock::answering(writes).await;
    let settings = format!(
        "[models]\ndefault = \"house\"\n[models.providers.house]\nbase_url = \"{}/v1\"\nmodel = \"m\"\n\
         input_micro_usd_per_million = 0\noutput_micro_usd_per_million = 0\n",
        mock.url()
    );
    fs::write(root.path().join("greenroom.toml"), settings).unwrap();
    let place = root.path().to_owned();
    let begin = tokio::task::spawn_blocking(move || forks(&place));
    begin.await.unwrap();
}
