//! A secret is planted, typed by an agent into a real page and sent; a server that never typed it meets it on a later
//! page; and then it is searched for wherever anything was left.

use std::{fs, path::Path, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::server::{Server, answer};
use crate::models::mock::{Mock, Reply, Seen};

/// An address of mail, for the site shows those; in small letters, for it keeps them so.
const TYPED: &str = "pl4nted-zq9@typed.test";
const KEY: &str = "pl4nted-Kx7-provider";
const SITE: &str = "http://rehearsal.localhost";

/// Signs in with the secret, asks for it over HTTP and in a file, and gives up. The next time it only looks around.
fn uses(seen: &Seen) -> Reply {
    let messages = seen.body["messages"].as_array().unwrap();
    let thoughts = messages.iter().filter(|message| message["role"] == "assistant").count();
    match (seen.body.to_string().contains(LOOK), thoughts) {
        (false, 0) => Reply::call("browser_navigate", json!({"url": format!("{SITE}/login")})),
        (false, 1) => Reply::calls([
            ("browser_fill", json!({"selector": "#email", "text": "${secret:board}"})),
            ("browser_fill", json!({"selector": "#password", "text": "rehearsal"})),
            ("browser_snapshot", json!({})),
            ("browser_extract", json!({"selector": "#email", "attribute": "value"})),
            ("browser_click", json!({"selector": "#sign-in"})),
            ("browser_expect_text", json!({"contains": "${secret:board}", "selector": "#signed-in"})),
        ]),
        (false, 2) => Reply::calls([
            ("http_fetch", json!({"url": format!("{SITE}/jobs?q=${{secret:board}}")})),
            ("file_write", json!({"path": "note.md", "content": "${secret:board}"})),
        ]),
        (true, 0) => Reply::call("browser_navigate", json!({"url": format!("{SITE}/jobs")})),
        (true, 1) => Reply::calls([
            ("browser_snapshot", json!({})),
            ("browser_extract", json!({"selector": "#signed-in"})),
            ("browser_screenshot", json!({"caption": "The board"})),
        ]),
        _ => Reply::text("Nothing more can be said."),
    }
}

/// The second task.
const LOOK: &str = "Look around the board.";

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
        let runs: Value = serde_json::from_str(&self.get("/api/runs").await).unwrap();
        for run in runs["items"].as_array().unwrap() {
            said.push_str(&self.get(&format!("/runs/{}", run["id"].as_str().unwrap())).await);
        }
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
         key_secret = \"house_key\"\ninput_micro_usd_per_million = 0\noutput_micro_usd_per_million = 0\n[log]\nfilter = \"debug\"\n",
        mock.url()
    );
    fs::write(root.join("greenroom.toml"), settings).unwrap();
}

/// A goal for the agent, as it ended.
async fn plays(root: &Path, payload: Value) -> Value {
    let (root, payload) = (root.to_owned(), payload.to_string());
    let goal = move || {
        let goal = ["goal", "add", "ada", "--kind", "agent", "--title", "Look", "--payload", &payload, "--wait"];
        let (_, out, error) = super::said(&super::greenroom(&root, &[&goal[..], &["--json"]].concat()));
        serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{out}{error}"))
    };
    tokio::task::spawn_blocking(goal).await.unwrap()
}

/// The first server: Ada has her keys, and reaches the network.
async fn begins(root: &Path) -> Server {
    let place = root.to_owned();
    let server = tokio::task::spawn_blocking(move || {
        let server = Server::start(&place);
        answer(&place, &["persona", "new", "Ada"]);
        answer(&place, &["tool", "grant", "ada", "network"]);
        server
    });
    let server = server.await.unwrap();
    let door = Door::of(root);
    for (name, value) in [("board", TYPED), ("house_key", KEY)] {
        door.send(Method::PUT, &format!("/api/personas/ada/secrets/{name}"), Some(json!({ "value": value }))).await;
    }
    server
}

/// Another server, another browser: nothing of what was typed is known to them, but the site knows who is there.
async fn dies_and_begins_again(root: &Path, server: Server) -> Server {
    let place = root.to_owned();
    let again = tokio::task::spawn_blocking(move || {
        assert_eq!(server.end(rustix::process::Signal::KILL), None);
        Server::start(&place)
    });
    again.await.unwrap()
}

/// What was asked of the models: the provider got its key, the field held what was typed, and no prompt a secret.
fn prompts_hold_names_only(mock: &Mock) {
    let seen = mock.requests();
    let key = |seen: &Seen| seen.headers.values().any(|value| value.contains(KEY));
    assert!(seen.len() == 7 && seen.iter().all(key), "{}", seen.len());
    let prompts: String = seen.iter().map(|seen| seen.body.to_string()).collect();
    assert!(prompts.contains("${secret:board}") && prompts.contains("read #email"), "{prompts}");
    let last = seen.last().unwrap().body.to_string();
    assert_eq!(last.matches("${secret:board}").count(), 2, "the page named who was signed in: {last}");
    for secret in [TYPED, KEY] {
        assert!(!prompts.contains(secret), "a prompt holds it");
    }
}

/// All files below the data root but the rehearsal site's own: the site is the world outside, and was told.
fn files_hold_names_only(root: &Path) {
    let outside = root.join("rehearsal");
    let mut told = Vec::new();
    holding(&outside, TYPED.as_bytes(), &mut told);
    assert!(!told.is_empty(), "it was really sent");
    fs::remove_dir_all(outside).unwrap();
    for secret in [TYPED, KEY] {
        let mut found = Vec::new();
        let files = holding(root, secret.as_bytes(), &mut found);
        assert!(files > 10 && found.is_empty(), "{files} files; {found:?}");
    }
    let mut named = Vec::new();
    holding(root, b"secret:board", &mut named);
    assert!(!named.is_empty(), "who looks for its name finds it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_secret_is_found_nowhere_but_in_its_vault() {
    let root = tempfile::tempdir().unwrap();
    let mock = Mock::answering(uses).await;
    asks_the_mock(root.path(), &mock);
    let server = begins(root.path()).await;
    let secrets = json!({"board": "rehearsal.localhost"});
    let signs_in = plays(root.path(), json!({"task": "Sign in.", "secrets": secrets})).await;
    assert_eq!(signs_in["state"], "unconfirmed", "{signs_in:#}");
    let server = dies_and_begins_again(root.path(), server).await;
    let looks = plays(root.path(), json!({"task": LOOK})).await;
    assert_eq!(looks["state"], "unconfirmed", "{looks:#}");
    prompts_hold_names_only(&mock);
    let said = Door::of(root.path()).everything().await;
    assert!(said.contains("house_key") && said.contains("browser_fill"), "the pages show what there is");
    for secret in [TYPED, KEY] {
        assert!(!said.contains(secret), "an answer holds it");
    }
    let place = root.path().to_owned();
    let ended = tokio::task::spawn_blocking(move || {
        answer(&place, &["receipts", "export", "--to", place.join("bundle").to_str().unwrap()]);
        server.end(rustix::process::Signal::TERM)
    });
    assert_eq!(ended.await.unwrap(), Some(0));
    files_hold_names_only(root.path());
}
