//! A secret is planted, used by an agent on a real page, and then searched for wherever anything was left.

use std::{fs, path::Path, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::server::{Server, answer};
use crate::models::mock::{Mock, Reply, Seen};

const TYPED: &str = "pl4nted-Zq9-typed";
const KEY: &str = "pl4nted-Kx7-provider";
const SITE: &str = "http://rehearsal.localhost";

/// Opens the login, has the secret typed, reads the field back, asks for it over HTTP, and gives up.
fn uses(seen: &Seen) -> Reply {
    let messages = seen.body["messages"].as_array().unwrap();
    match messages.iter().filter(|message| message["role"] == "assistant").count() {
        0 => Reply::call("browser_navigate", json!({"url": format!("{SITE}/login")})),
        1 => Reply::calls([
            ("browser_fill", json!({"selector": "#email", "text": "${secret:board}"})),
            ("browser_fill", json!({"selector": "#password", "text": "${secret:board}"})),
            ("browser_snapshot", json!({})),
            ("browser_extract", json!({"selector": "#email", "attribute": "value"})),
        ]),
        2 => Reply::calls([
            ("http_fetch", json!({"url": format!("{SITE}/jobs?q=${{secret:board}}")})),
            ("file_write", json!({"path": "note.md", "content": "${secret:board}"})),
        ]),
        _ => Reply::text("Nothing more can be said."),
    }
}

/// The running server, as a program reaches it.
struct Door {
    http: Client,
    base: String,
    token: String,
}

impl Door {
    fn of(root: &Path) -> Self {
        let announced: Value = serde_json::from_slice(&fs::read(root.join("server.json")).unwrap()).unwrap();
        let text = |field: &str| announced[field].as_str().unwrap().to_owned();
        Self { http: Client::builder().no_proxy().build().unwrap(), base: text("url"), token: text("token") }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> String {
        let request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.timeout(Duration::from_secs(30));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    async fn get(&self, path: &str) -> String {
        self.send(Method::GET, path, None).await
    }

    /// What the API and the pages show of it all.
    async fn everything(&self) -> String {
        let mut said = String::new();
        let run = serde_json::from_str::<Value>(&self.get("/api/runs").await).unwrap()["items"][0]["id"].clone();
        let run = format!("/runs/{}", run.as_str().unwrap());
        for path in [
            "/api/receipts?limit=200",
            "/api/goals",
            "/api/personas/ada",
            "/api/personas/ada/secrets",
            "/api/personas/ada/tools",
            "/logs/tail",
            "/personas/ada?tab=logs",
            "/personas/ada?tab=output",
            "/personas/ada?tab=settings",
            "/personas/ada?tab=progress",
            &run,
        ] {
            said.push_str(&self.get(path).await);
        }
        said
    }
}

/// Files below a folder that hold these bytes.
fn holding(folder: &Path, wanted: &[u8], found: &mut Vec<String>) -> usize {
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            looked_at += holding(&path, wanted, found);
        } else if kind.is_file() {
            looked_at += 1;
            if fs::read(&path).unwrap_or_default().windows(wanted.len()).any(|window| window == wanted) {
                found.push(path.display().to_string());
            }
        }
    }
    looked_at
}

/// The settings of a house whose only model is this one.
fn asks_the_mock(root: &Path, mock: &Mock) {
    let settings = format!(
        "[models]\ndefault = \"house\"\n[models.providers.house]\nbase_url = \"{}/v1\"\nmodel = \"m\"\n\
         key_secret = \"house_key\"\n[log]\nfilter = \"debug\"\n",
        mock.url()
    );
    fs::write(root.join("greenroom.toml"), settings).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_secret_is_found_nowhere_but_in_its_vault() {
    let root = tempfile::tempdir().unwrap();
    let mock = Mock::answering(uses).await;
    asks_the_mock(root.path(), &mock);
    let place = root.path().to_owned();
    let begin = tokio::task::spawn_blocking(move || {
        let server = Server::start(&place);
        answer(&place, &["persona", "new", "Ada"]);
        answer(&place, &["tool", "grant", "ada", "network"]);
        server
    });
    let server = begin.await.unwrap();
    let door = Door::of(root.path());
    for (name, value) in [("board", TYPED), ("house_key", KEY)] {
        door.send(Method::PUT, &format!("/api/personas/ada/secrets/{name}"), Some(json!({ "value": value }))).await;
    }
    let payload = json!({"task": "Sign in.", "secrets": {"board": "rehearsal.localhost"}}).to_string();
    let place = root.path().to_owned();
    let goal = tokio::task::spawn_blocking(move || {
        let goal = ["goal", "add", "ada", "--kind", "agent", "--title", "Sign in", "--payload", &payload, "--wait"];
        let (_, out, error) = super::said(&super::greenroom(&place, &[&goal[..], &["--json"]].concat()));
        serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{out}{error}"))
    });
    let goal = goal.await.unwrap();
    assert_eq!(goal["state"], "done", "{goal:#}");

    // It was really used: the provider got its key, and the field held what was typed.
    let seen = mock.requests();
    let key = |seen: &Seen| seen.headers.values().any(|value| value.contains(KEY));
    assert!(seen.len() == 4 && seen.iter().all(key), "{}", seen.len());
    let prompts: String = seen.iter().map(|seen| seen.body.to_string()).collect();
    assert!(prompts.contains("${secret:board}") && prompts.contains("read #email"), "{prompts}");
    for secret in [TYPED, KEY] {
        assert!(!prompts.contains(secret), "a prompt holds it");
    }
    let said = door.everything().await;
    assert!(said.contains("house_key") && said.contains("browser_fill"), "the pages show what there is");
    for secret in [TYPED, KEY] {
        assert!(!said.contains(secret), "an answer holds it");
    }
    let ended = tokio::task::spawn_blocking(move || server.end(rustix::process::Signal::TERM));
    assert_eq!(ended.await.unwrap(), Some(0));
    for secret in [TYPED, KEY] {
        let mut found = Vec::new();
        let files = holding(root.path(), secret.as_bytes(), &mut found);
        assert!(files > 10 && found.is_empty(), "{files} files; {found:?}");
    }
    let mut named = Vec::new();
    holding(root.path(), b"secret:board", &mut named);
    assert!(!named.is_empty(), "who looks for its name finds it");
}
