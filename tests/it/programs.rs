//! Programs that other people wrote, talking to the real server.

use std::{path::Path, process::Command};

use greenroom::config::ProviderKind;
use serde_json::json;

use crate::{
    cli::server::{Server, answer},
    models::mock::{Mock, Reply, Seen},
};

/// What `tests/setup.sh` installs.
fn python() -> std::path::PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/bin/python");
    let is_there = Command::new(&python).args(["-c", "import openai"]).status().is_ok_and(|status| status.success());
    assert!(is_there, "the Python package `openai` is not in target/clients: run `make setup`, which installs it");
    python
}

fn model(seen: &Seen) -> Reply {
    let messages = seen.body["messages"].as_array();
    let is_result = messages.and_then(|messages| messages.last()).is_some_and(|last| last["role"] == "tool");
    if seen.path.ends_with("/embeddings") {
        let vector = |index: usize| json!({"object": "embedding", "index": index, "embedding": "AACAPwAAAEA="});
        let used = json!({"prompt_tokens": 7, "total_tokens": 7});
        let made = json!({"object": "list", "model": "small-1", "data": [vector(0), vector(1)], "usage": used});
        return Reply::Raw(made.to_string());
    }
    if seen.body.get("tools").is_some() && !is_result {
        return Reply::call("look", json!({"at": "Oslo"}));
    }
    Reply::text("Hello from the model.")
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_own_client_is_answered_and_refused_as_it_expects() {
    let python = python();
    let mock = Mock::answering(model).await;
    let provider = mock.provider(ProviderKind::OpenAi);
    let root = tempfile::tempdir().unwrap();
    let config = format!(
        "[models]\ndefault = \"house\"\n\n[models.providers.house]\nbase_url = \"{}\"\nmodel = \"{}\"\n\
         input_micro_usd_per_million = 1000000\noutput_micro_usd_per_million = 1000000\n",
        provider.base_url, provider.model
    );
    std::fs::write(root.path().join("greenroom.toml"), config).unwrap();
    let path = root.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let server = Server::start(&path);
        answer(&path, &["persona", "new", "Ada", "--role", "worker"]);
        let key =
            |args: &[&str]| answer(&path, &[&["key", "new"][..], args].concat())["key"].as_str().unwrap().to_owned();
        let good = key(&["good", "--limit", "day:usd=5"]);
        let poor = key(&["poor", "--limit", "day:usd=0.0001"]);
        let base = format!("{}/v1", server.greeting["url"].as_str().unwrap());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/programs/openai_client.py");
        let said = Command::new(python).arg(script).args([&base, &good, &poor]).output().unwrap();
        let budget = answer(&path, &["budget", "show", "--key", "good"]);
        let list = answer(&path, &["key", "list"]);
        answer(&path, &["key", "revoke", "good"]);
        (said, budget, list)
    });
    let (said, budget, list) = asked.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert_eq!(text(&said.stdout), "well\n");
    let day = &budget["periods"][0];
    let (spent, reserved) = (&day["spent"]["micro_usd"], &day["reserved"]["micro_usd"]);
    assert!(spent.as_u64().unwrap() >= 5 * 120 && *reserved == 0, "{budget}");
    assert_eq!(list["items"][0]["name"], "poor", "{list}");
}
