//! One persona, what it is given, and a practice site that outlives the server.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use greenroom::{
    rehearsal::{Proposal, Rehearsal, Running},
    tools::templates::Template,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    chromium,
    place::{Database, Place},
    server::{Caller, Server},
    subject::Subject,
};

/// A place of its own, and the site in this process with a store of its own.
pub(super) struct Stage {
    place: Place,
    practice: Running,
}

impl Stage {
    pub(super) async fn open(database: Database) -> Self {
        Self::on(Place::new(database).await).await
    }

    pub(super) async fn on(place: Place) -> Self {
        let practice = Rehearsal::start(place.root.path().join("world"), 0).await.unwrap();
        Self { place, practice }
    }

    /// For goals that want a configuration of their own.
    pub(super) async fn of(subject: &Subject, database: Database) -> Self {
        let stage = Self::open(database).await;
        if !subject.settings.is_empty() {
            std::fs::create_dir_all(&stage.place.data_root).unwrap();
            std::fs::write(stage.place.data_root.join("greenroom.toml"), &subject.settings).unwrap();
        }
        for tool in subject.tools {
            let folder = stage.place.data_root.join("tools").join(tool);
            std::fs::create_dir_all(&folder).unwrap();
            let manifest = format!(
                "name = \"{tool}\"\ndescription = \"Counts.\"\ncommand = [\"echo\", \"{{}}\"]\neffect = \"pure\"\n\
                 [parameters]\ntype = \"object\"\nadditionalProperties = false\n"
            );
            std::fs::write(folder.join("tool.toml"), manifest).unwrap();
        }
        stage
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Where the profiles of the browsers are, and nothing else.
    pub(super) fn browsers(&self) -> PathBuf {
        self.place.browsers()
    }

    pub(super) async fn server(&self, stop_at: Option<&str>) -> Server {
        Server::start(&self.place, self.practice.addr, stop_at).await
    }

    /// A server that was told where to stop, and the persona who is to work.
    pub(super) async fn begin(&self, stop_at: &str) -> Server {
        with_jason(self.server(Some(stop_at)).await).await
    }

    /// The same, with somebody between it and the site.
    pub(super) async fn begin_behind(&self, line: SocketAddr) -> Server {
        with_jason(Server::start(&self.place, line, None).await).await
    }

    pub(super) fn site(&self) -> SocketAddr {
        self.practice.addr
    }

    /// What the world has seen, whoever remembers it.
    pub(super) fn submitted(&self) -> Vec<Proposal> {
        self.practice.store().proposals()
    }

    /// The folder of the files that the persona keeps.
    pub(super) fn files(&self, persona: &Value) -> PathBuf {
        self.place.data_root.join("personas").join(persona.as_str().unwrap()).join("files")
    }

    /// A verb of the command line on this data root: its code and its answer.
    pub(super) async fn verb(&self, args: &[&str]) -> (i32, Value) {
        Self::answer(self.place.command(), args).await
    }

    /// The same where there is no network at all, not even this machine's own.
    pub(super) async fn verb_in_the_dark(&self, args: &[&str]) -> (i32, Value) {
        Self::answer(self.place.dark(), args).await
    }

    async fn answer(mut command: Command, args: &[&str]) -> (i32, Value) {
        command.args(args).arg("--json").stderr(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// The last act: everything closes, nothing is left over, and the record holds.
    pub(super) async fn close(self, server: Server) -> Vec<String> {
        self.shut(server).await
    }

    /// The same, and what it has can still be read.
    pub(super) async fn shut(&self, server: Server) -> Vec<String> {
        let told = server.end().await;
        chromium::all_gone(&self.browsers()).await;
        let (code, verified) = self.verb(&["receipts", "verify"]).await;
        assert_eq!((code, &verified["ok"], &verified["unsigned"]), (0, &json!(true), &json!(0)), "{verified:#}");
        told
    }
}

async fn with_jason(server: Server) -> Server {
    server.post("/api/personas", &json!({ "name": "Jason", "role": "worker" })).await;
    server
}

impl Drop for Stage {
    fn drop(&mut self) {
        chromium::end_all(&self.browsers());
    }
}

/// Gives the goals, each waiting for the one before it; the same ones however often it is asked. None: nobody answers
/// any more.
pub(super) async fn give(caller: &Caller, goals: &[Template]) -> Option<Vec<Value>> {
    let mut given: Vec<Value> = Vec::new();
    for (at, template) in goals.iter().enumerate() {
        let mut payload = serde_json::to_value(&template.payload).unwrap();
        payload.as_object_mut().unwrap().remove("kind");
        let mut body = json!({
            "kind": template.payload.kind(), "title": template.title, "payload": payload, "proof": template.proof,
        });
        if let Some(first) = given.last() {
            body["waits_for"] = json!([first["id"]]);
        }
        let asked = caller.request(Method::POST, "/api/personas/jason/goals");
        given.push(answered(asked.header("Idempotency-Key", format!("goal-{at}")).json(&body)).await?);
    }
    // Only now may she begin who was told to wait until all was given.
    answered(caller.request(Method::POST, "/api/personas/jason/resume").json(&json!({}))).await?;
    Some(given)
}

async fn answered(request: reqwest::RequestBuilder) -> Option<Value> {
    let answer = request.send().await.ok()?;
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.ok()
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
