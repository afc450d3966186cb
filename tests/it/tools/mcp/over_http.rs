//! A server behind an address: through the gate, with secrets in its headers that come back from nowhere.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    domain::{Effect, Ended},
    ports::{Change, Commit, Performer as _},
};
use greenroom::{
    egress::{Egress, Enforcement},
    tools::Web,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

use super::{super::Props, Stage, error_text, step, tool};

const SECRET: &str = "sesame-4711";

/// Answers as a server does; a call of `look` says what its headers hold.
#[derive(Clone, Default)]
struct Desk {
    calls: Arc<AtomicUsize>,
    falls: Arc<AtomicBool>,
}

impl Respond for Desk {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let key = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        if key.as_deref() != Some(&format!("Bearer {SECRET}")) {
            return ResponseTemplate::new(403);
        }
        let result = match asked["method"].as_str().unwrap() {
            "initialize" => {
                json!({"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "desk", "version": "1"}})
            }
            "tools/list" => json!({"tools": [tool("look", "For a test.")]}),
            "tools/call" => {
                self.calls.fetch_add(1, Ordering::SeqCst);
                if self.falls.load(Ordering::SeqCst) {
                    return ResponseTemplate::new(500);
                }
                json!({"content": [{"type": "text", "text": format!("your key is {}", key.unwrap())}]})
            }
            _ => return ResponseTemplate::new(202),
        };
        let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": result});
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

async fn stage(server: &MockServer, hosts: &[&str]) -> Stage {
    let fixed = HashMap::from([(("desk.test".to_owned(), 80), *server.address())]);
    let egress = Egress::for_test(([127, 0, 0, 1], 9).into(), Enforcement::On, fixed);
    let web = Some(Web { egress, search: None });
    let secrets = HashMap::from([(("instance".to_owned(), "desk".to_owned()), SECRET.to_owned())]);
    let mut stage = Stage::with(Props { web, secrets, ..Props::default() });
    let folder = stage.root.path().join("mcp/desk");
    fs::create_dir_all(&folder).unwrap();
    let manifest = "name = \"desk\"\nurl = \"http://desk.test/mcp\"\neffects = { other = \"read\" }\n\
                    headers = { authorization = \"Bearer ${secret:desk}\" }\n";
    fs::write(folder.join("mcp.toml"), manifest).unwrap();
    stage.persona.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let changes = vec![Change::PersonaUpdated(Box::new(stage.persona.clone()))];
    stage.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    stage
}

async fn confirm(stage: &Stage) {
    let seen = stage.mcp.look(&stage.persona, "desk").await.unwrap();
    let seen = [("look".to_owned(), seen.tools[0].hash.clone())];
    stage.pins.add(stage.mcp.to_confirm(None, "desk", &seen).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_out_in_a_header_and_comes_back_as_its_name() {
    let (server, desk) = (MockServer::start().await, Desk::default());
    Mock::given(method("POST")).respond_with(desk.clone()).mount(&server).await;
    let stage = stage(&server, &["desk.test"]).await;
    confirm(&stage).await;
    let looked = step("mcp__desk__look", Effect::Irreversible, json!({}));
    let outcome = stage.perform(looked.clone()).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!(outcome.data["value"], "your key is Bearer ${secret:desk}");
    // It says 500: whether it did something, nobody knows; and nobody sends it again.
    desk.falls.store(true, Ordering::SeqCst);
    let mut call = stage.call(&looked, 1);
    call.limit = Duration::from_secs(60);
    let fell = stage.tools.perform(call, CancellationToken::new()).await;
    assert_eq!((fell.ended, desk.calls.load(Ordering::SeqCst)), (Ended::Unknown, 2), "{fell:?}");
    assert!(!format!("{fell:?}").contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_on_the_list_is_not_asked() {
    let (server, desk) = (MockServer::start().await, Desk::default());
    Mock::given(method("POST")).respond_with(desk).mount(&server).await;
    let mut stage = stage(&server, &["desk.test"]).await;
    confirm(&stage).await;
    stage.persona.hosts.clear();
    let changes = vec![Change::PersonaUpdated(Box::new(stage.persona.clone()))];
    stage.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    let before = server.received_requests().await.unwrap().len();
    let refused = stage.perform(step("mcp__desk__look", Effect::Irreversible, json!({}))).await;
    assert!(refused.ended == Ended::NotBegun && refused.error.as_ref().unwrap().denied, "{refused:?}");
    assert!(error_text(&refused).contains("desk.test"), "{refused:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), before);
}
