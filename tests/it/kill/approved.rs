//! Asked about, approved, and killed at every boundary between the question and the outcome: the effect happens at most
//! once and no yes is used twice. And a page that has changed, in a real browser.

use std::collections::HashSet;

use actors::domain::{Effect, Payload, Step, StepsPayload};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use super::{
    place::Database::{self, Postgres, Sqlite},
    server::{Caller, Live, PATIENCE, Server},
    stage::{Stage, give},
    subject::Subject,
};

/// Servers with a browser at work at once.
static AT_ONCE: Semaphore = Semaphore::const_new(3);

/// From now on Jason asks before each click on the practice site.
async fn supervise(server: &Server) {
    let rule = json!({"tool": "browser_click", "host": "=rehearsal.localhost", "say": "ask"});
    let body = json!({"version": 1, "autonomy": "supervised", "rules": [rule]});
    let (status, text) = server.ask(server.request(Method::PUT, "/api/personas/jason/permissions").json(&body)).await;
    assert_eq!(status, 200, "{text}");
}

async fn approve_all(caller: &Caller) {
    let waiting = caller.request(Method::GET, "/api/approvals?state=waiting").send().await.unwrap();
    let waiting: Value = waiting.json().await.unwrap();
    for approval in waiting["items"].as_array().unwrap() {
        let path = format!("/api/approvals/{}/approve", approval["id"].as_str().unwrap());
        let said = caller.request(Method::POST, &path).json(&json!({"note": "go on"})).send().await.unwrap();
        // Somebody else may have been faster, or it was said before the crash.
        assert!([200, 409].contains(&said.status().as_u16()), "{}", said.status());
    }
}

fn stands_still(goal: &Value) -> bool {
    let over = ["done", "unconfirmed", "failed", "cancelled"].iter().any(|state| goal["state"] == *state);
    over || goal["parked_on"] == "reconcile"
}

/// Says yes to whatever is asked until the goal comes to rest.
async fn approved_to_its_end(caller: &Caller, live: &mut Live, goal: &str) -> Value {
    let wait = async {
        loop {
            let path = format!("/api/goals/{goal}");
            let now: Value = caller.request(Method::GET, &path).send().await.unwrap().json().await.unwrap();
            if stands_still(&now) {
                return now;
            }
            approve_all(caller).await;
            live.news().await;
        }
    };
    let came = timeout(PATIENCE, wait).await;
    came.unwrap_or_else(|_| panic!("goal {goal} does not come to rest"))
}

/// What is killed, in order: from the question to the outcome of the submission.
async fn boundaries(subject: &Subject, database: Database) -> Vec<String> {
    let stage = Stage::open(database).await;
    let server = stage.begin("").await;
    supervise(&server).await;
    let (caller, mut live) = (server.caller(), server.live().await);
    let given = give(&caller, &subject.goals).await.unwrap();
    let goal = approved_to_its_end(&caller, &mut live, given[0]["id"].as_str().unwrap()).await;
    assert_eq!(goal["state"], "done", "{goal:#}");
    let told = stage.close(server).await;
    let submit = subject.places().submit;
    let last = format!("after execution/browser_click/outcome/{submit}/done#1");
    let first = told.iter().position(|name| name.contains("decision/browser_click/decision/-/")).unwrap();
    let end = told.iter().position(|name| *name == last).unwrap();
    told[first..=end].to_vec()
}

async fn dies_at(subject: Subject, database: Database, boundary: String) {
    let _place = AT_ONCE.acquire().await.unwrap();
    let stage = Stage::open(database).await;
    let mut server = stage.begin(&boundary).await;
    supervise(&server).await;
    let (caller, mut live) = (server.caller(), server.live().await);
    let hand = async {
        let given = give(&caller, &subject.goals).await.unwrap();
        approved_to_its_end(&caller, &mut live, given[0]["id"].as_str().unwrap()).await
    };
    tokio::select! {
        biased;
        () = server.passes(&boundary) => {}
        goal = hand => panic!("{boundary} was not hit: {goal:#}"),
    }
    server.kill().await;

    let server = stage.server(None).await;
    let (caller, mut live) = (server.caller(), server.live().await);
    let given = give(&caller, &subject.goals).await.unwrap();
    let id = given[0]["id"].as_str().unwrap();
    let goal = approved_to_its_end(&caller, &mut live, id).await;
    let submit = subject.places().submit;
    let (state, parked_on, submissions) = if boundary == format!("after execution/browser_click/intent/{submit}/-#1") {
        ("parked", json!("reconcile"), 0)
    } else if boundary == format!("before execution/browser_click/outcome/{submit}/done#1") {
        ("unconfirmed", json!(null), 1)
    } else {
        ("done", json!(null), 1)
    };
    assert_eq!((&goal["state"], &goal["parked_on"]), (&json!(state), &parked_on), "{boundary}: {goal:#}");
    assert_eq!(stage.submitted().len(), submissions, "{boundary}");
    assert_eq!(goal["attempts"], 1, "{boundary}");
    used_once(&server, id, submit).await;
    stage.close(server).await;
}

/// Every intent of the submission names a yes of its own, which is used from then on.
async fn used_once(server: &Server, goal: &str, submit: usize) {
    let receipts = server.receipts(goal).await;
    let intents = receipts.iter().filter(|one| one["step"] == submit && one["phase"] == "intent");
    let named: Vec<_> = intents.map(|intent| intent["body"]["data"]["approval"]["id"].to_string()).collect();
    assert_eq!(named.len(), 1, "begun once: {named:?}");
    let distinct: HashSet<_> = named.iter().collect();
    assert_eq!(distinct.len(), named.len(), "{named:?}");
    let all = server.get(&format!("/api/approvals?goal={goal}")).await;
    let used: Vec<_> = all["items"].as_array().unwrap().iter().filter(|one| one["state"] == "used").collect();
    assert_eq!(used.len(), 1, "{all:#}");
    assert_eq!((used[0]["id"].to_string(), &used[0]["decided_by"]), (named[0].clone(), &json!("cli")));
}

async fn dies_everywhere(database: Database) {
    let all = {
        let _place = AT_ONCE.acquire().await.unwrap();
        boundaries(&Subject::browser(), database).await
    };
    assert!(all.len() >= 12, "{all:#?}");
    let mut runs = JoinSet::new();
    for boundary in all {
        runs.spawn(dies_at(Subject::browser(), database, boundary));
    }
    let mut faults = Vec::new();
    while let Some(run) = runs.join_next().await {
        if let Err(error) = run {
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            faults
                .push(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default());
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_effect_on_sqlite() {
    dies_everywhere(Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_effect_on_postgres() {
    dies_everywhere(Postgres).await;
}

/// The form holds something else each time that it is opened: what was approved is never there again.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_has_changed_is_not_acted_on() {
    let _place = AT_ONCE.acquire().await.unwrap();
    let (stage, mut subject) = (Stage::open(Sqlite).await, Subject::browser());
    let Payload::Browser(StepsPayload { steps }) = &mut subject.goals[0].payload else { panic!() };
    let submit = steps.iter().position(|step| step.effect() == Effect::Irreversible).unwrap();
    let script = "document.querySelector('textarea').value = `offer ${crypto.getRandomValues(new Uint32Array(1))[0]}`";
    let rewrite = Step::Evaluate { script: script.into(), save_as: None, effect: Some(Effect::Read), timeout_ms: None };
    steps.insert(submit, rewrite);
    let server = stage.begin("").await;
    supervise(&server).await;
    let (caller, mut live) = (server.caller(), server.live().await);
    let given = give(&caller, &subject.goals).await.unwrap();
    let id = given[0]["id"].as_str().unwrap();
    let goal = approved_to_its_end(&caller, &mut live, id).await;
    assert_eq!(goal["state"], "failed", "{goal:#}");
    assert!(goal["last_error"].as_str().unwrap().contains("another one than was approved, twice"), "{goal:#}");
    assert_eq!(stage.submitted().len(), 0);
    let asked = server.get(&format!("/api/approvals?goal={id}")).await;
    let asked = asked["items"].as_array().unwrap();
    assert!(asked.len() == 2 && asked.iter().all(|one| one["state"] == "void"), "{asked:#?}");
    assert_eq!((&asked[0]["again"], &asked[1]["again"]), (&json!(true), &json!(false)), "newest first");
    assert_eq!(asked[1]["page"]["element"]["role"], "button", "{asked:#?}");
    let told: Vec<_> =
        server.receipts(id).await.into_iter().filter(|one| one["body"]["data"]["became"] == "void").collect();
    assert!(told[0]["body"]["summary"].as_str().unwrap().contains("“offer "), "the difference is shown: {told:#?}");
    stage.close(server).await;
}
