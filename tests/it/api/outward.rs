//! `/v1`: what programs are answered, refused and charged, over a provider that follows a script.

mod dollar;
mod kept;

use std::time::Duration;

use actors::{
    domain::{
        ArtifactKind, Bound, BudgetPeriod, BudgetScope, BudgetSpan, Call, Cost, Entry, EntryId, NewArtifact, Outcome,
        Phase, Receipt, Totals, Zone, by_key,
    },
    ports::{Change, Commit, LedgerChange},
    supervisor::{By, ProgramCall},
    testing::TestPorts,
};
use greenroom::config::{Config, ProviderConfig, ProviderKind};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::{sync::broadcast, time::timeout};

use super::harness::{Answer, TestServer, answer};
use crate::{
    models::mock::{Mock, Reply, Seen},
    postgres,
};

/// The most anything may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);
const CHAT: &str = "/v1/chat/completions";

/// With this mock as provider `house`, a millionth of a dollar per token.
fn asks(mock: &Mock) -> impl FnOnce(&mut Config) + use<> {
    let mut models = mock.config(ProviderKind::OpenAi);
    for provider in models.providers.values_mut() {
        *provider = ProviderConfig { max_concurrent: 1_000, retries: 0, ..provider.clone() };
    }
    move |config| config.models = models
}

fn hello() -> Value {
    json!({"model": "house", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello?"}]})
}

impl TestServer {
    /// A virtual key's text.
    async fn key(&self, name: &str, more: Value) -> String {
        let mut body = json!({"name": name});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = self.post("/api/admin/keys", &body).await;
        assert_eq!(made.status, 201, "{}", made.json);
        made.json["key"].as_str().unwrap().to_owned()
    }

    fn program(&self, key: &str, path: &str, body: &Value) -> RequestBuilder {
        self.ask(Method::POST, path).bearer_auth(key).json(body)
    }

    async fn chat(&self, key: &str, body: &Value) -> Answer {
        answer(self.program(key, CHAT, body).send().await.unwrap()).await
    }

    /// What this day had of a scope.
    async fn today(&self, scope: BudgetScope) -> Totals {
        let span = BudgetSpan::of(scope, BudgetPeriod::Day, Zone::UTC, self.world.now_ms());
        self.storage.records.totals(&span).await.unwrap()
    }
}

/// The next receipt of a program's call in this phase.
async fn next(receipts: &mut broadcast::Receiver<std::sync::Arc<Receipt>>, phase: Phase) -> std::sync::Arc<Receipt> {
    let found = async {
        loop {
            let receipt = receipts.recv().await.unwrap();
            if receipt.phase == Some(phase) && receipt.tool.as_deref() == Some("chat") {
                return receipt;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

fn by() -> By {
    By { who: "test".into(), trace: actors::domain::TraceId(uuid::Uuid::from_u128(1)) }
}

fn code(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.json["error"]["code"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_costs_what_was_used_and_leaves_two_receipts() {
    let mock = Mock::start([Reply::text(r#"{"said": "Hello, you."}"#)]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({"limits": {"day": {"micro_usd": {"hard": 9_000, "soft": 100}}}})).await;
    let mut receipts = server.company.receipts();
    let body = json!({
        "model": "house", "max_completion_tokens": 50, "top_p": 0.5, "store": true, "unheard_of": {"x": 1},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {"type": "object"}}},
        "messages": [{"role": "developer", "content": "Be short."}, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    });
    let said = server.chat(&key, &body).await;
    assert_eq!(said.status, 200, "{}", said.json);
    let choice = &said.json["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!(r#"{"said": "Hello, you."}"#), &json!("stop"))
    );
    assert_eq!(said.json["usage"], json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}));
    assert_eq!((&said.json["object"], &said.json["model"]), (&json!("chat.completion"), &json!("house")));
    let seen = &mock.requests()[0].body;
    assert_eq!((&seen["model"], &seen["max_tokens"], &seen["top_p"]), (&json!("small-1"), &json!(50), &json!(0.5)));
    assert_eq!(seen["response_format"], body["response_format"], "handed on as it came");
    assert_eq!(seen["messages"], body["messages"]);
    assert!(seen.get("store").is_none() && seen.get("unheard_of").is_none(), "{seen}");

    let (intent, outcome) = (next(&mut receipts, Phase::Intent).await, next(&mut receipts, Phase::Outcome).await);
    let data = |receipt: &Receipt| receipt.body.clone().unwrap().data;
    assert!(data(&intent)["reserved"]["micro_usd"].as_u64().unwrap() > 120, "{}", data(&intent));
    assert_eq!(data(&outcome)["spent"], json!({"micro_usd": 120, "tokens": 120}));
    assert_eq!((&data(&outcome)["key"], &data(&outcome)["provider"]), (&json!("ci"), &json!("house")));
    assert_eq!(data(&intent)["request"].as_str().unwrap().len(), 64, "a digest, not the words");
    let spent = server.today(BudgetScope::Key("ci".into())).await;
    assert_eq!((spent.spent.micro_usd, spent.reserved.micro_usd), (120, 0));
    assert_eq!(server.today(BudgetScope::Company).await.spent.micro_usd, 120);
    let told = async {
        let told =
            |receipt: &Receipt| receipt.body.as_ref().is_some_and(|body| body.summary.contains("its soft limit"));
        while !told(&receipts.recv().await.unwrap()) {}
    };
    timeout(PATIENCE, told).await.unwrap();
    let alerts = server.get("/api/alerts").await.json;
    assert_eq!(alerts["items"][0]["kind"], "budget_low", "{alerts}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_and_its_calls_come_in_order() {
    let call = Reply::Answer { text: "Let me see.".into(), calls: vec![("look".into(), json!({"at": "Oslo"}))] };
    let mock = Mock::start([call]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({})).await;
    let mut body = hello();
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    body["tools"] =
        json!([{"type": "function", "function": {"name": "look", "strict": true, "parameters": {"type": "object"}}}]);
    let said = server.program(&key, CHAT, &body).header(header::ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(said.status(), 200);
    assert_eq!(said.headers()[header::CONTENT_TYPE], "text/event-stream");
    let text = said.text().await.unwrap();
    let events: Vec<_> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!(events.last(), Some(&"data: [DONE]"), "{text}");
    let events: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let delta = |event: &Value| event["choices"][0]["delta"].clone();
    assert_eq!(delta(&events[0]), json!({"role": "assistant", "content": ""}));
    let words: String = events.iter().filter_map(|event| delta(event)["content"].as_str().map(str::to_owned)).collect();
    assert_eq!(words, "Let me see.");
    let called = events.iter().find(|event| delta(event).get("tool_calls").is_some()).unwrap();
    let called = &delta(called)["tool_calls"][0];
    assert_eq!((&called["index"], &called["function"]["name"]), (&json!(0), &json!("look")));
    assert_eq!(called["function"]["arguments"], r#"{"at":"Oslo"}"#);
    let [.., end, used] = &events[..] else { panic!("{text}") };
    assert_eq!(end["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!((&used["choices"], &used["usage"]["total_tokens"]), (&json!([]), &json!(120)));
    assert_eq!(mock.requests()[0].body["tools"][0]["function"]["strict"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_reading_is_charged_the_worst_case() {
    let mock = Mock::start([Reply::Stall("Once upon".into()), Reply::Endless]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({})).await;
    let mut body = hello();
    body["stream"] = true.into();
    let mut receipts = server.company.receipts();
    let mut bound = 0;
    for calls in 1..=2 {
        let mut said = server.program(&key, CHAT, &body).send().await.unwrap();
        said.chunk().await.unwrap().unwrap();
        drop(said);
        let intent = next(&mut receipts, Phase::Intent).await;
        bound = intent.body.clone().unwrap().data["reserved"]["micro_usd"].as_u64().unwrap();
        next(&mut receipts, Phase::Unknown).await;
        let today = server.today(BudgetScope::Key("ci".into())).await;
        assert_eq!((today.spent.micro_usd, today.reserved.micro_usd), (bound * calls, 0));
    }
    assert!(bound > 120);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_has_openais_form_and_codes() {
    let broken = Reply::Status { status: 500, retry_after: None, reason: "overheated".into() };
    let bad = Reply::Status { status: 400, retry_after: None, reason: "no such tool".into() };
    let mock = Mock::start([broken, bad, Reply::soon(429), Reply::Raw("{}".into()), Reply::Break("Half".into())]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({"models": ["house", "persona/*"]})).await;
    assert_eq!(code(&server.chat("gk_wrong", &hello()).await), (401, Some("invalid_api_key")));
    assert_eq!(code(&server.post(CHAT, &hello()).await), (401, Some("invalid_api_key")), "a login is no key");
    for unknown in ["nothing", "understudy", "persona/nobody"] {
        let mut body = hello();
        body["model"] = unknown.into();
        for streamed in [false, true] {
            body["stream"] = streamed.into();
            assert_eq!(code(&server.chat(&key, &body).await), (404, Some("model_not_found")), "{unknown}");
        }
    }
    let raw = async |bytes: Vec<u8>| {
        answer(server.ask(Method::POST, CHAT).bearer_auth(&key).body(bytes).send().await.unwrap()).await
    };
    for bytes in
        [b"{".to_vec(), Vec::new(), b"[1]".to_vec(), b"{\"model\":7}".to_vec(), vec![0xFF; 50], b"[".repeat(100_000)]
    {
        let refused = raw(bytes).await;
        assert_eq!((refused.status.as_u16(), &refused.json["error"]["type"]), (400, &json!("invalid_request_error")));
    }
    assert_eq!(code(&raw(vec![b' '; (4 << 20) + 1]).await), (413, Some("request_too_large")));
    let wrong = answer(server.ask(Method::GET, CHAT).bearer_auth(&key).send().await.unwrap()).await;
    assert_eq!((wrong.status.as_u16(), wrong.json["error"]["type"].as_str()), (405, Some("invalid_request_error")));
    let nowhere = answer(server.ask(Method::GET, "/v1/files").bearer_auth(&key).send().await.unwrap()).await;
    assert_eq!(code(&nowhere), (404, Some("unknown_url")));

    assert_eq!(code(&server.chat(&key, &hello()).await), (502, Some("upstream_error")));
    let bad = server.chat(&key, &hello()).await;
    assert_eq!(bad.status, 400);
    assert!(bad.json["error"]["message"].as_str().unwrap().contains("no such tool"), "{}", bad.json);
    assert_eq!(code(&server.chat(&key, &hello()).await), (429, Some("rate_limit_exceeded")));
    assert_eq!(code(&server.chat(&key, &hello()).await), (502, Some("upstream_error")), "half an answer");
    let mut streamed = hello();
    streamed["stream"] = true.into();
    let text = server.program(&key, CHAT, &streamed).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\"upstream_error\"") && !text.contains("[DONE]"), "{text}");
    let today = server.today(BudgetScope::Key("ci".into())).await;
    assert_eq!(today.reserved, Bound::default(), "everything is settled");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_once_listed_limited_and_revoked() {
    let mock = Mock::answering(|_| Reply::text("Yes.")).await;
    let server = TestServer::start_with(asks(&mock)).await;
    server.persona("Ada").await;
    let key = server.key("ci", json!({"perMinute": 3, "persona": "ada", "models": ["house", "persona/a*"]})).await;
    let list = server.get("/api/admin/keys").await.json;
    assert!(!list.to_string().contains(&key), "never its text");
    let listed = &list["items"][0];
    assert_eq!((&listed["name"], &listed["persona"], &listed["per_minute"]), (&json!("ci"), &json!("ada"), &json!(3)));
    assert!(key.ends_with(listed["tail"].as_str().unwrap()));
    let mut ids = Vec::new();
    let models = answer(server.ask(Method::GET, "/v1/models").bearer_auth(&key).send().await.unwrap()).await;
    ids.extend(models.json["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()));
    assert_eq!(ids, ["house", "persona/ada"]);
    assert_eq!(server.chat(&key, &hello()).await.status, 200);
    assert_eq!(server.chat(&key, &hello()).await.status, 200);
    let often = server.chat(&key, &hello()).await;
    assert_eq!(code(&often), (429, Some("rate_limit_exceeded")));
    assert!(often.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() <= 61);
    let again = server.post("/api/admin/keys", &json!({"name": "ci"})).await;
    assert_eq!((again.status.as_u16(), &again.json["errors"][0]["field"]), (409, &json!("name")));
    for (body, field) in [
        (json!({"name": "C I"}), "name"),
        (json!({"name": "b", "models": []}), "models"),
        (json!({"name": "b", "perMinute": -1}), "per_minute"),
        (json!({"name": "b", "limits": {"day": {"micro_usd": {"soft": 1}}}}), "limits.day.micro_usd.hard"),
    ] {
        let refused = server.post("/api/admin/keys", &body).await;
        assert_eq!((refused.status.as_u16(), &refused.json["errors"][0]["field"]), (422, &json!(field)));
    }
    let revoke = || server.local(Method::DELETE, "/api/admin/keys/ci").send();
    assert_eq!(revoke().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(code(&server.chat(&key, &hello()).await), (401, Some("invalid_api_key")), "at once");
    assert_eq!(revoke().await.unwrap().status(), StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_are_handed_on_and_charged() {
    let vectors = json!({"object": "list", "model": "embed-1", "usage": {"prompt_tokens": 7, "total_tokens": 7},
        "data": [{"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}]});
    let reply = vectors.to_string();
    let mock = Mock::answering(move |seen: &Seen| match seen.path.as_str() {
        "/v1/embeddings" => Reply::Raw(reply.clone()),
        path => Reply::Status { status: 400, retry_after: None, reason: format!("{path} is not here") },
    })
    .await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({})).await;
    let body = json!({"model": "house/embed-1", "input": ["one"], "encoding_format": "base64", "n": 4});
    let made = answer(server.program(&key, "/v1/embeddings", &body).send().await.unwrap()).await;
    assert_eq!((made.status.as_u16(), &made.json["data"]), (200, &vectors["data"]), "{}", made.json);
    assert_eq!(made.json["usage"]["total_tokens"], 7);
    let expected = json!({"model": "embed-1", "input": ["one"], "encoding_format": "base64"});
    assert_eq!(mock.requests()[0].body, expected);
    assert_eq!(server.today(BudgetScope::Key("ci".into())).await.spent.micro_usd, 7);
    let empty = json!({"model": "house", "input": []});
    let refused = answer(server.program(&key, "/v1/embeddings", &empty).send().await.unwrap()).await;
    assert_eq!((refused.status.as_u16(), &refused.json["error"]["param"]), (400, &json!("input")));
    server.stop().await;
}

/// Composes for four cents, six at worst.
fn paid() -> TestPorts {
    let test = TestPorts::new(|call: &Call| {
        let (name, media_type, bytes) = ("line.txt".to_owned(), "text/plain", b"a line".to_vec());
        let line = NewArtifact { kind: ArtifactKind::Text, name, media_type, bytes };
        let cost = Some(Cost { input_tokens: 100, output_tokens: 20, micro_usd: 40_000 });
        Outcome {
            cost,
            ..Outcome::done(format!("did {}", call.tool), json!({"value": "Good morning."})).with_artifact(line)
        }
    });
    test.performer.bound_by(|_| Ok(Some(Bound { micro_usd: 60_000, tokens: 900 })));
    test
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persona_answers_through_its_inbox_and_the_key_is_charged() {
    let server = TestServer::start_on(paid(), |_| {}).await;
    server.persona("Ada").await;
    let key = server.key("ci", json!({"limits": {"day": {"micro_usd": {"hard": 130_000}}}})).await;
    let ask = |stream: bool| {
        json!({"model": "persona/ada", "stream": stream, "messages": [
            {"role": "user", "content": "I am Bo."}, {"role": "assistant", "content": "Hello, Bo."},
            {"role": "user", "content": "Who am I?"},
        ]})
    };
    let said = server.chat(&key, &ask(false)).await;
    assert_eq!(said.status, 200, "{}", said.json);
    assert_eq!(said.json["choices"][0]["message"]["content"], "Good morning.");
    assert_eq!(said.json["usage"]["total_tokens"], 120);
    let text = server.program(&key, CHAT, &ask(true)).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("Good morning.") && text.ends_with("data: [DONE]\n\n"), "{text}");
    let letters = server.get("/api/personas/ada/messages").await.json;
    let letter = &letters["items"][0];
    assert_eq!((&letter["sender"], &letter["state"]), (&json!("key:ci"), &json!("done")));
    let wrote = letter["text"].as_str().unwrap();
    assert!(wrote.contains("Them: I am Bo.\nYou: Hello, Bo.") && wrote.ends_with("Who am I?"), "{wrote}");
    assert_eq!(server.today(BudgetScope::Key("ci".into())).await.spent.micro_usd, 80_000);

    let third = server.chat(&key, &ask(false)).await;
    assert_eq!(code(&third), (429, Some("insufficient_quota")), "six cents do not fit: {}", third.json);
    assert_eq!(third.headers["x-should-retry"], "false");
    let letters = server.get("/api/personas/ada/messages").await.json;
    assert_eq!(letters["items"][0]["state"], "cancelled", "nobody waits for it any more");
    let streamed = server.program(&key, CHAT, &ask(true)).send().await.unwrap().text().await.unwrap();
    assert!(streamed.contains("insufficient_quota") && !streamed.contains("[DONE]"), "{streamed}");
    assert_eq!(server.post("/api/personas/ada/pause", &json!({})).await.status, 200);
    assert_eq!(code(&server.chat(&key, &ask(false)).await), (409, Some("conflict")));
    server.stop().await;
}

/// Parked until it renews, or never to fit at all: the program hears the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_persona_over_its_own_budget_says_so_as_a_key_does() {
    let server = TestServer::start_on(paid(), |_| {}).await;
    server.persona("Ada").await;
    let key = server.key("ci", json!({})).await;
    let ask = json!({"model": "persona/ada", "messages": [{"role": "user", "content": "Who am I?"}]});
    for (version, hard) in [(0, 50_000), (1, 70_000)] {
        let limits = json!({"version": version, "limits": {"day": {"micro_usd": {"hard": hard}}}});
        let set = server.local(Method::PUT, "/api/personas/ada/budgets").json(&limits).send().await.unwrap();
        assert_eq!(set.status(), 200);
        if hard == 70_000 {
            assert_eq!(server.chat(&key, &ask).await.status, 200, "the first one fits");
        }
        let refused = server.chat(&key, &ask).await;
        assert_eq!(code(&refused), (429, Some("insufficient_quota")), "{hard}: {}", refused.json);
        assert_eq!(refused.headers["x-should-retry"], "false");
    }
    server.stop().await;
}

fn program_call() -> ProgramCall {
    ProgramCall {
        key: "ci".into(),
        persona: None,
        tool: "chat",
        bound: Ok(Bound { micro_usd: 500, tokens: 50 }),
        data: json!({"model": "house"}),
        prompt: None,
        trace: by().trace,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_let_go_is_settled_and_one_that_was_not_sent_costs_nothing() {
    let server = TestServer::start().await;
    let mut receipts = server.company.receipts();
    for (sent, spent, phase) in [(false, 0, Phase::Outcome), (true, 500, Phase::Unknown)] {
        let mut open = server.company.begin_call(program_call()).await.unwrap().unwrap();
        assert_eq!(server.today(BudgetScope::Key("ci".into())).await.reserved.micro_usd, 500);
        if sent {
            open.sent();
        }
        drop(open);
        next(&mut receipts, phase).await;
        let today = server.today(BudgetScope::Key("ci".into())).await;
        assert_eq!((today.spent.micro_usd, today.reserved.micro_usd), (spent, 0));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_servers_end_cut_is_settled_at_its_worst_case_by_the_next_start() {
    let database_url = postgres::database().await;
    let of = |url: &str| {
        let url = url.to_owned();
        move |config: &mut Config| config.storage.database_url = url
    };
    let server = TestServer::start_with(of(&database_url)).await;
    // What a kill leaves: a call was begun, and nobody says how it ended.
    let entry = Entry {
        id: EntryId(server.world.new_id()),
        persona: None,
        user: by_key("ci"),
        goal: None,
        run: None,
        step: 0,
        at_ms: server.world.now_ms(),
        reserved: Bound { micro_usd: 500, tokens: 50 },
    };
    let changes = vec![Change::Ledger(LedgerChange::Reserved(entry))];
    server.storage.journal.write(vec![Commit { changes, ..Commit::default() }]).await.unwrap()[0].as_ref().unwrap();
    server.stop().await;
    let server = TestServer::start_with(of(&database_url)).await;
    let today = server.today(BudgetScope::Key("ci".into())).await;
    assert_eq!((today.spent.micro_usd, today.reserved.micro_usd), (500, 0));
    let receipts = server.get(&format!("/api/receipts?chain=system:{}", server.config.node)).await.json;
    let cut = receipts["items"].as_array().unwrap().iter().any(|receipt| receipt["phase"] == "unknown");
    assert!(cut, "{receipts}");
    server.stop().await;
}
