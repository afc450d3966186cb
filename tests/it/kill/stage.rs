//! One persona, one goal, and a practice site that outlives the server.

use std::{path::PathBuf, process::Stdio};

use greenroom::{
    rehearsal::{Proposal, Rehearsal, Running},
    tools::templates::{self, ProposalWanted, Template},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{chromium, server::Server};

/// A data root of its own, and the site in this process with a store of its own.
pub(super) struct Stage {
    root: TempDir,
    data_root: PathBuf,
    practice: Running,
}

/// The goal of the demo: a proposal on the form that takes no key.
pub(super) fn proposal() -> Template {
    templates::submit_proposal(&ProposalWanted::new("data pipeline", "jason@greenroom.example", templates::GOAL_KEY))
}

impl Stage {
    pub(super) async fn open() -> Self {
        let root = tempfile::tempdir().unwrap();
        let data_root = root.path().join("data");
        Self::on(root, data_root).await
    }

    /// With the data root elsewhere.
    pub(super) async fn on(root: TempDir, data_root: PathBuf) -> Self {
        let practice = Rehearsal::start(root.path().join("world"), 0).await.unwrap();
        Self { root, data_root, practice }
    }

    /// Where the profiles of the browsers are, and nothing else.
    pub(super) fn browsers(&self) -> PathBuf {
        self.root.path().join("browsers")
    }

    pub(super) async fn server(&self, stop_at: Option<&str>) -> Server {
        Server::start(&self.data_root, &self.browsers(), self.practice.addr, stop_at).await
    }

    /// A server that was told where to stop, and the persona who is to work.
    pub(super) async fn begin(&self, stop_at: &str) -> Server {
        let server = self.server(Some(stop_at)).await;
        server.post("/api/personas", &json!({ "name": "Jason", "role": "worker" })).await;
        server
    }

    /// What the world has seen, whoever remembers it.
    pub(super) fn submitted(&self) -> Vec<Proposal> {
        self.practice.store().proposals()
    }

    /// The rows of a file that the persona keeps, without the header.
    pub(super) fn rows(&self, persona: &Value, file: &str) -> usize {
        let folder = self.data_root.join("personas").join(persona.as_str().unwrap()).join("files");
        std::fs::read_to_string(folder.join(file)).map_or(0, |text| text.lines().count() - 1)
    }

    /// A verb of the command line on this data root: its code and its answer.
    pub(super) async fn verb(&self, args: &[&str]) -> (i32, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.args(args).arg("--json").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DATA_ROOT", &self.data_root).stderr(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// The last act: everything closes, nothing is left over, and the record holds.
    pub(super) async fn close(self, server: Server) -> Vec<String> {
        let told = server.end().await;
        chromium::all_gone(&self.browsers()).await;
        let (code, verified) = self.verb(&["receipts", "verify"]).await;
        assert_eq!((code, &verified["ok"], &verified["unsigned"]), (0, &json!(true), &json!(0)), "{verified:#}");
        told
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        chromium::end_all(&self.browsers());
    }
}

/// The request that gives the goal; the same one however often it is sent.
pub(super) fn asks_for(server: &Server, template: &Template) -> RequestBuilder {
    let mut payload = serde_json::to_value(&template.payload).unwrap();
    payload.as_object_mut().unwrap().remove("kind");
    let body = json!({
        "kind": template.payload.kind(), "title": template.title, "payload": payload, "proof": template.proof,
    });
    server.request(Method::POST, "/api/personas/jason/goals").header("Idempotency-Key", "the-proposal").json(&body)
}

/// The goal, however often it was asked for.
pub(super) async fn give(server: &Server, template: &Template) -> Value {
    let answer = asks_for(server, template).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

/// Work that has nothing to do with the first: it must not wait for it.
pub(super) async fn other_work(server: &Server) -> Value {
    let body = json!({
        "kind": "io", "title": "Keep a note", "proof": { "assertions": [{ "file": "note.txt" }] },
        "payload": { "steps": [{ "action": "write_file", "path": "note.txt", "content": "hello" }] },
    });
    let goal = server.post("/api/personas/jason/goals", &body).await;
    server.at_rest(goal["id"].as_str().unwrap()).await
}
