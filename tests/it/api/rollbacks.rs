//! A step taken back over HTTP: the plan and its digest, what voids it, who is refused, and that it is done once.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actors::{
    domain::{Call, Outcome, StepError},
    testing::TestPorts,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::{Answer, TestServer};
use crate::postgres;

const PATIENCE: Duration = Duration::from_secs(60);
const INVERSE: &str = "inverse = { tool = \"give_back\", args = { ticket = \"value.ticket\" } }";

/// A tool for everyone; here the world does what it would do.
fn put(root: &Path, name: &str, effect: &str, more: &str) {
    let folder = root.join("tools").join(name);
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "name = \"{name}\"\ndescription = \"For a test.\"\ncommand = [\"true\"]\neffect = \"{effect}\"\n{more}\n\
         [parameters]\ntype = \"object\"\nadditionalProperties = false\n\
         properties = {{ seat = {{ type = \"string\" }}, ticket = {{ type = \"string\" }} }}\n"
    );
    fs::write(folder.join("tool.toml"), manifest).unwrap();
}

/// A booking office; its counter for returns can be closed.
struct Office {
    server: TestServer,
    test: Arc<actors::testing::ScriptedPerformer>,
    is_closed: Arc<AtomicBool>,
}

impl Office {
    async fn open(database_url: String) -> Self {
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = is_closed.clone();
        let ports = TestPorts::new(move |call: &Call| match &*call.tool {
            "book" => Outcome::done("booked", json!({"value": {"ticket": "t-1"}, "files": ["t-1"]})),
            "give_back" if closed.load(Ordering::SeqCst) => {
                Outcome::not_begun("did not run give_back", StepError::permanent("the counter is closed"))
            }
            "give_back" => Outcome::done("gave it back", json!({"removed": ["t-1"]})),
            "lose" => Outcome::unknown("lost sight of it", StepError::permanent("nobody saw it")),
            _ => Outcome::done("looked", Value::Null),
        });
        let test = ports.performer.clone();
        let server = TestServer::start_on(ports, |config| {
            config.storage.database_url = database_url;
            config.company.retry_after.clear();
        })
        .await;
        let root = server.config.data_root.clone();
        put(&root, "book", "idempotent", INVERSE);
        put(&root, "give_back", "idempotent", "");
        put(&root, "lose", "irreversible", INVERSE);
        put(&root, "look", "read", INVERSE);
        server.persona("Ada").await;
        Self { server, test, is_closed }
    }

    /// The run of a goal of one call, once the goal stands like this.
    async fn run_of(&self, tool: &str, effect: &str, stands: &str) -> (String, Value) {
        let args = json!({"seat": "12a"});
        let steps = json!([{"action": "tool", "name": tool, "args": args, "effect": effect}]);
        let goal = json!({"kind": "io", "title": "Book", "payload": {"steps": steps}});
        let made = self.server.post("/api/personas/ada/goals", &goal).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let goal = self.comes_to(&made.json["id"], stands).await;
        let runs = self.server.get(&format!("/api/runs?goal={}", goal["id"].as_str().unwrap())).await.json;
        (runs["items"][0]["id"].as_str().unwrap().to_owned(), goal)
    }

    async fn booked(&self) -> (String, Value) {
        self.run_of("book", "idempotent", "unconfirmed").await
    }

    async fn comes_to(&self, goal: &Value, state: &str) -> Value {
        let mut receipts = self.server.company.receipts();
        let path = format!("/api/goals/{}", goal.as_str().unwrap());
        let arrives = async {
            loop {
                let goal = self.server.get(&path).await.json;
                if goal["state"] == state {
                    return goal;
                }
                receipts.recv().await.unwrap();
            }
        };
        timeout(PATIENCE, arrives).await.unwrap()
    }

    async fn ask(&self, run: &str, body: Value) -> Answer {
        self.server.post(&format!("/api/runs/{run}/rollback"), &body).await
    }

    async fn digest(&self, run: &str) -> String {
        let plan = self.ask(run, json!({"step": 1})).await;
        assert_eq!(plan.status, 200, "{}", plan.json);
        plan.json["digest"].as_str().unwrap().to_owned()
    }

    async fn refused(&self, run: &str, body: Value) -> String {
        let refused = self.ask(run, body).await;
        assert_eq!(refused.status, 409, "{}", refused.json);
        refused.json["type"].as_str().unwrap().trim_start_matches("/problems/rollback-").to_owned()
    }

    fn returns(&self) -> usize {
        self.test.calls().iter().filter(|call| call.tool == "give_back").count()
    }
}

/// Of two that confirm at once one is heard; what failed for sure may be asked for anew, and then the first may not.
async fn a_step_is_taken_back_once(database_url: String) {
    let office = Office::open(database_url).await;
    let (run, booked) = office.booked().await;
    office.is_closed.store(true, Ordering::SeqCst);
    let digest = office.digest(&run).await;
    let first = office.ask(&run, json!({"step": 1, "confirm": digest})).await;
    assert_eq!((first.status.as_u16(), &first.json["args"]), (201, &json!({"ticket": "t-1"})), "{}", first.json);
    let first = office.comes_to(&first.json["goal"], "failed").await;
    assert_eq!(office.returns(), 1);
    office.is_closed.store(false, Ordering::SeqCst);

    let body = json!({"step": 1, "confirm": office.digest(&run).await});
    let (one, other) = tokio::join!(office.ask(&run, body.clone()), office.ask(&run, body));
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    assert_eq!((won.status.as_u16(), lost.status.as_u16()), (201, 409), "{} {}", won.json, lost.json);
    office.comes_to(&won.json["goal"], "done").await;
    assert_eq!(office.returns(), 2);
    assert_eq!(office.refused(&run, json!({"step": 1})).await, "already");
    for goal in [&first["id"], &booked["id"]] {
        let again = office.server.post(&format!("/api/goals/{}/retry", goal.as_str().unwrap()), &json!({})).await;
        assert_eq!(again.status, 409, "{}", again.json);
    }
    assert_eq!(office.returns(), 2);
    let told = office.server.get(&format!("/api/receipts?goal={}", booked["id"].as_str().unwrap())).await.json;
    assert!(told.to_string().contains(won.json["goal"].as_str().unwrap()), "the step names who takes it back");
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_step_is_taken_back_once() {
    a_step_is_taken_back_once(String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_step_is_taken_back_once() {
    a_step_is_taken_back_once(postgres::database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_void_when_anything_of_it_changes() {
    let office = Office::open(String::new()).await;
    let (run, _) = office.booked().await;
    let confirm = |digest: String| json!({"step": 1, "confirm": digest});
    for bad in ["", "yes", "1-00", "99999999999999-00"] {
        assert_eq!(office.refused(&run, confirm(bad.to_owned())).await, "void", "{bad}");
    }
    let digest = office.digest(&run).await;
    put(&office.server.config.data_root, "give_back", "idempotent", "version = \"2\"");
    assert_eq!(office.refused(&run, confirm(digest)).await, "void", "another manifest");
    let digest = office.digest(&run).await;
    let patch = json!({"version": 1, "description": "Changed."});
    assert_eq!(office.server.patch("/api/personas/ada", &patch).await.status, 200);
    assert_eq!(office.refused(&run, confirm(digest)).await, "void", "another version of the persona");
    assert_eq!(office.returns(), 0);
    let digest = office.digest(&run).await;
    let (other, _) = office.booked().await;
    assert_eq!(office.refused(&other, confirm(digest.clone())).await, "void", "another receipt");
    assert_eq!(office.ask(&run, confirm(digest)).await.status, 201);
    office.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_take_a_step_back_is_told_why() {
    let office = Office::open(String::new()).await;
    let server = &office.server;
    let (run, booked) = office.booked().await;
    let step = |step: u32| json!({"step": step});
    assert_eq!(office.ask(&run, step(0)).await.status, 422);
    assert_eq!(office.refused(&run, step(2)).await, "not-done");
    let (looked, _) = office.run_of("look", "read", "unconfirmed").await;
    assert_eq!(office.refused(&looked, step(1)).await, "harmless");
    let (asked, waits) = office.run_of("lose", "irreversible", "parked").await;
    assert_eq!(office.refused(&asked, step(1)).await, "not-done", "it waits for a yes");
    let approval = server.get("/api/approvals?state=waiting").await.json["items"][0]["id"].clone();
    let yes = format!("/api/approvals/{}/approve", approval.as_str().unwrap());
    assert_eq!(server.post(&yes, &json!({})).await.status, 200);
    let mut receipts = server.company.receipts();
    let goal = format!("/api/goals/{}", waits["id"].as_str().unwrap());
    timeout(PATIENCE, async {
        while server.get(&goal).await.json["parked_on"] != "reconcile" {
            receipts.recv().await.unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(office.refused(&asked, step(1)).await, "unknown");
    let settled = server.post(&format!("{goal}/resolve"), &json!({"resolution": "done"})).await;
    assert_eq!(settled.status, 200, "{}", settled.json);
    office.comes_to(&waits["id"], "unconfirmed").await;
    assert_eq!(office.refused(&asked, step(1)).await, "unfit", "nobody saw what it answered");

    put(&server.config.data_root, "book", "idempotent", "");
    assert_eq!(office.refused(&run, step(1)).await, "no-inverse");
    put(&server.config.data_root, "book", "idempotent", INVERSE);
    let revoke = json!({"revoke": ["give_back"]});
    assert_eq!(server.patch("/api/personas/ada/tools", &revoke).await.status, 200);
    assert_eq!(office.refused(&run, step(1)).await, "forbidden");
    let reset = json!({"reset": ["give_back"]});
    assert_eq!(server.patch("/api/personas/ada/tools", &reset).await.status, 200);
    let version = server.get("/api/personas/ada").await.json["version"].clone();
    let readonly = json!({"version": version, "autonomy": "readonly"});
    let path = "/api/personas/ada/permissions";
    assert_eq!(server.local(Method::PUT, path).json(&readonly).send().await.unwrap().status(), 200);
    assert_eq!(office.refused(&run, step(1)).await, "forbidden");
    let key = json!({"kind": "ai", "title": "x", "payload": {"prompt": "x"},
        "correlation": format!("rollback:{}:0:0", booked["id"].as_str().unwrap())});
    assert_eq!(server.post("/api/personas/ada/goals", &key).await.status, 422, "nobody takes the key of a rollback");
    assert_eq!(server.local(Method::DELETE, "/api/personas/ada").send().await.unwrap().status(), 204);
    assert_eq!(office.ask(&run, step(1)).await.status, 404);
    assert_eq!(office.returns(), 0);
    office.server.stop().await;
}
