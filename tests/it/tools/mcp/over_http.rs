//! A server behind an address: through the gate, with secrets in its headers that come back from nowhere.

use std::{
    collections::HashMap,
    fs, io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    domain::{Effect, Ended, HostPolicy, HostTerms, Pace},
    ports::{BoxError, Change, Commit, Performer as _},
};
use async_trait::async_trait;
use greenroom::{
    egress::{Egress, Enforcement, PolicyBook},
    tools::Web,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

use super::{super::Props, Stage, error_text, step, tool};

const SECRET: &str = "sesame-4711";
const PIN: &str = "4711";
const ODD: &str = "se\"sa\\me";

/// What it does with the keys that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Says the key when `look` is called.
    Tells,
    /// Answers a call with 500.
    Falls,
    /// Refuses to be introduced, with the key at the end of its words.
    RefusesHello,
    RefusesList,
    RefusesCall,
    /// Answers everything with 401 and the key.
    RefusesAll,
    /// Says the key in a tool's description and schema.
    Describes,
    /// Says the key in a notification before each answer.
    Notifies,
    /// Answers a call with values of every kind.
    Structures,
}

/// Answers as a server does.
#[derive(Clone)]
struct Desk {
    calls: Arc<AtomicUsize>,
    does: Arc<Mutex<Does>>,
}

impl Desk {
    async fn serve() -> (MockServer, Self) {
        let (server, desk) =
            (MockServer::start().await, Self { calls: Arc::default(), does: Arc::new(Mutex::new(Does::Tells)) });
        Mock::given(method("POST")).respond_with(desk.clone()).mount(&server).await;
        (server, desk)
    }

    fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }
}

impl Respond for Desk {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let does = *self.does.lock().unwrap();
        let sent = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let (Some(key), Some(odd)) = (sent("authorization"), sent("x-odd")) else { return ResponseTemplate::new(403) };
        // Where its words are cut, the key may not be cut in two.
        let words = format!("{} {key}", "no ".repeat(95));
        let said = match (does, asked["method"].as_str().unwrap()) {
            (Does::RefusesAll, _) => return ResponseTemplate::new(401).set_body_string(words),
            (Does::RefusesHello, "initialize") | (Does::RefusesList, "tools/list") => {
                json!({"error": {"code": -32_000, "message": words}})
            }
            (Does::RefusesCall, "tools/call") => json!({"error": {"code": -32_602, "message": words}}),
            (_, "initialize") => json!({"result": {"protocolVersion": asked["params"]["protocolVersion"],
                "capabilities": {"tools": {}}, "serverInfo": {"name": "desk", "version": "1"}}}),
            (Does::Describes, "tools/list") => {
                let mut look = tool("look", &words);
                look["inputSchema"]["properties"][&key] = json!({"const": key});
                json!({"result": {"tools": [look]}})
            }
            (_, "tools/list") => json!({"result": {"tools": [tool("look", "For a test.")]}}),
            (_, "tools/call") => {
                self.calls.fetch_add(1, Ordering::SeqCst);
                let bare = key.trim_start_matches("Bearer ");
                match does {
                    Does::Falls => return ResponseTemplate::new(500),
                    Does::Structures => json!({"result": {"content": [], "structuredContent":
                        {bare: [PIN.parse::<u32>().unwrap(), 14_711], "odd": odd, "as_json": json!([odd]).to_string(), "pad": "x".repeat(9_000)}}}),
                    _ => json!({"result": {"content": [{"type": "text", "text": format!("your key is {key}")}]}}),
                }
            }
            _ => return ResponseTemplate::new(202),
        };
        let mut answer = json!({"jsonrpc": "2.0", "id": asked["id"]});
        answer.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        if does != Does::Notifies {
            return ResponseTemplate::new(200).set_body_json(answer);
        }
        let note =
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": words}});
        let events = format!("data: {note}\n\ndata: {answer}\n\n");
        ResponseTemplate::new(200).set_body_raw(events, "text/event-stream")
    }
}

/// These policies, for ever.
struct Book(Vec<HostPolicy>);

#[async_trait]
impl PolicyBook for Book {
    async fn policies(&self) -> Result<Vec<HostPolicy>, BoxError> {
        Ok(self.0.clone())
    }
}

async fn stage(server: &MockServer, hosts: &[&str]) -> Stage {
    stage_under(server, hosts, Vec::new()).await
}

async fn stage_under(server: &MockServer, hosts: &[&str], policies: Vec<HostPolicy>) -> Stage {
    let pace = Pace { default_per_1000_s: 1_000_000, sites: Vec::new() };
    stage_paced(server, hosts, policies, pace).await
}

async fn stage_paced(server: &MockServer, hosts: &[&str], policies: Vec<HostPolicy>, pace: Pace) -> Stage {
    let fixed = HashMap::from([(("desk.test".to_owned(), 80), *server.address())]);
    let egress = Egress::for_test(([127, 0, 0, 1], 9).into(), Enforcement::On, fixed);
    let egress = egress.under(Arc::new(Book(policies))).paced(pace);
    let web = Some(Web { egress, search: None });
    let known = [("desk", SECRET), ("pin", PIN), ("odd", ODD)];
    let secrets = known.map(|(name, value)| (("instance".to_owned(), name.to_owned()), value.to_owned())).into();
    let mut stage = Stage::with(Props { web, secrets, ..Props::default() });
    let folder = stage.root.path().join("mcp/desk");
    fs::create_dir_all(&folder).unwrap();
    let manifest = "name = \"desk\"\nurl = \"http://desk.test/mcp\"\neffects = { other = \"read\" }\n\
                    [headers]\nauthorization = \"Bearer ${secret:desk}\"\nx-pin = \"${secret:pin}\"\nx-odd = \"${secret:odd}\"\n";
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
    let (server, desk) = Desk::serve().await;
    let stage = stage(&server, &["desk.test"]).await;
    confirm(&stage).await;
    let looked = step("mcp__desk__look", Effect::Irreversible, json!({}));
    let outcome = stage.perform(looked.clone()).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!(outcome.data["value"], "your key is Bearer ${secret:desk}");
    // It says 500: whether it did something, nobody knows; and nobody sends it again.
    desk.now(Does::Falls);
    let mut call = stage.call(&looked, 1);
    call.limit = Duration::from_secs(60);
    let fell = stage.tools.perform(call, CancellationToken::new()).await;
    assert_eq!((fell.ended, desk.calls.load(Ordering::SeqCst)), (Ended::Unknown, 2), "{fell:?}");
    assert!(!format!("{fell:?}").contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_on_the_list_is_not_asked() {
    let (server, _desk) = Desk::serve().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_servers_host_says_which_of_its_tools_are_called() {
    for (actions, calls) in [(vec!["mcp__desk__other"], 0), (vec!["mcp__desk__look"], 1)] {
        let (server, desk) = Desk::serve().await;
        let actions = Some(actions.into_iter().map(str::to_owned).collect());
        let terms = HostTerms { actions, ..HostTerms::default() };
        let policy = HostPolicy { host: "desk.test".to_owned(), version: 1, terms };
        let stage = stage_under(&server, &["desk.test"], vec![policy]).await;
        confirm(&stage).await;
        let looked = stage.perform(step("mcp__desk__look", Effect::Irreversible, json!({}))).await;
        assert_eq!((desk.calls.load(Ordering::SeqCst), looked.holds()), (calls, calls == 1), "{looked:?}");
        if calls == 0 {
            let error = looked.error.as_ref().unwrap();
            assert!(looked.ended == Ended::NotBegun && error.denied, "{looked:?}");
            assert_eq!(error.text, "the policy of desk.test does not allow `mcp__desk__look` there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_policy_sets_a_pace_calls_keep_the_usual_one() {
    for (pace, second) in [(None, Ended::NotBegun), (Some(1_000_000), Ended::Done)] {
        let (server, desk) = Desk::serve().await;
        let terms = HostTerms { acts_per_1000_s: pace, ..HostTerms::default() };
        let policy = HostPolicy { host: "desk.test".to_owned(), version: 1, terms };
        let usual = Pace { default_per_1000_s: 1, sites: Vec::new() };
        let stage = stage_paced(&server, &["desk.test"], vec![policy], usual).await;
        confirm(&stage).await;
        let looked = || stage.perform(step("mcp__desk__look", Effect::Irreversible, json!({})));
        assert!(looked().await.holds());
        let outcome = looked().await;
        let calls = if second == Ended::Done { 2 } else { 1 };
        assert_eq!((outcome.ended, desk.calls.load(Ordering::SeqCst)), (second, calls), "{outcome:?}");
        if second == Ended::NotBegun {
            assert!(error_text(&outcome).contains("the pace of desk.test lets `mcp__desk__look` act there again in"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_taken_out_of_names_numbers_and_what_is_written_as_json() {
    let (server, desk) = Desk::serve().await;
    let stage = stage(&server, &["desk.test"]).await;
    confirm(&stage).await;
    desk.now(Does::Structures);
    let outcome = stage.perform(step("mcp__desk__look", Effect::Irreversible, json!({}))).await;
    assert!(outcome.holds(), "{outcome:?}");
    let kept: Value = serde_json::from_slice(&outcome.artifacts[0].bytes).unwrap();
    assert_eq!(kept["${secret:desk}"], json!(["${secret:pin}", 14_711]));
    assert_eq!((&kept["odd"], &kept["as_json"]), (&json!("${secret:odd}"), &json!("[\"${secret:odd}\"]")));
}

/// Log lines, each with the target that wrote it.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the log lines of every task are seen here.
#[tokio::test]
async fn a_server_that_quotes_its_key_tells_nobody() {
    let lines = Lines::default();
    let (writer, level) = (lines.clone(), tracing::Level::TRACE);
    let all = tracing_subscriber::fmt().json().with_max_level(level).with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(all);
    let (server, desk) = Desk::serve().await;
    let stage = stage(&server, &["desk.test"]).await;
    confirm(&stage).await;
    let refusals = [Does::RefusesHello, Does::RefusesList, Does::RefusesCall, Does::RefusesAll];
    for does in refusals.into_iter().chain([Does::Describes, Does::Notifies]) {
        // A new one each time: what refuses to be introduced is asked to be.
        stage.tools.release(stage.persona.id).await;
        desk.now(does);
        let looked = stage.mcp.look(&stage.persona, "desk").await;
        let called = stage.perform(step("mcp__desk__look", Effect::Irreversible, json!({}))).await;
        let said = format!("{looked:?} {called:?}");
        assert!(!said.contains("sesame"), "{does:?}: {said}");
        let refused = refusals.contains(&does) && does != Does::RefusesCall;
        assert_eq!((looked.is_err(), called.holds()), (refused, does == Does::Notifies), "{does:?}: {said}");
    }
    let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let quoting: Vec<Value> = written
        .lines()
        .filter(|line| line.contains("sesame"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ours = |line: &&Value| !line["target"].as_str().unwrap().starts_with("rmcp");
    assert_eq!(quoting.iter().filter(ours).collect::<Vec<_>>(), Vec::<&Value>::new());
    assert!(!quoting.is_empty(), "rmcp repeats it, which is why its lines are not kept");
}
