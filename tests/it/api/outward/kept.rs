//! Keys that keep the words of their calls, and keys that do not.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, atomic},
};

use actors::domain::{ArtifactKind, ArtifactRef, Phase, Receipt, Thought};
use greenroom::models::INSTANCE;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{CHAT, PATIENCE, asks, code, hello, next};
use crate::{
    api::harness::{TestServer, answer},
    models::mock::{Mock, Reply},
};

/// As no library would write it: what is kept is this, not what was understood of it.
const BODY: &str = r#"{ "model":"house",  "max_tokens": 50,
    "messages":[{"content":"Who are you\u003f", "role":"user"}] , "unheard_of": {} }"#;
const STREAMED: &str = r#"{"stream":  true, "model":"house", "max_tokens": 50,
    "messages":[{"content":"Once \u0075pon?", "role":"user"}]}"#;

impl TestServer {
    async fn raw(&self, key: &str, path: &str, body: &str) -> Response {
        let asked = self.ask(Method::POST, path).bearer_auth(key).body(body.to_owned());
        asked.send().await.unwrap()
    }

    /// The file of an artifact, as whoever opens it gets it.
    async fn opened(&self, artifact: &ArtifactRef) -> String {
        let found = self.local(Method::GET, &format!("/api/artifacts/{}", artifact.hash)).send().await.unwrap();
        assert_eq!(found.status(), 200);
        let text = found.text().await.unwrap();
        assert_eq!((artifact.bytes, artifact.missing), (text.len() as u64, false));
        text
    }

    fn blobs(&self) -> PathBuf {
        self.config.data_root.join("blobs")
    }
}

/// Every artifact that lies there.
fn all(folder: &Path) -> Vec<Vec<u8>> {
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.map(|file| fs::read(file).unwrap()).collect()
}

fn names(receipt: &Receipt) -> Vec<(ArtifactKind, String, String)> {
    let artifacts = receipt.body.clone().unwrap().artifacts;
    artifacts.into_iter().map(|kept| (kept.kind, kept.name, kept.media_type)).collect()
}

fn only(receipt: &Receipt) -> ArtifactRef {
    let [kept] = &receipt.body.as_ref().unwrap().artifacts[..] else { panic!("{receipt:?}") };
    kept.clone()
}

/// One artifact of words by this name.
fn words(name: &str, media_type: &str) -> Vec<(ArtifactKind, String, String)> {
    vec![(ArtifactKind::Text, name.to_owned(), media_type.to_owned())]
}

/// What a program heard of a stream, in words.
fn heard(events: &str) -> String {
    let data = events.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    data.filter_map(|event| event["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_keeps_words_has_them_as_artifacts_before_anything_is_sent() {
    let (blobs, found) = (Arc::new(OnceLock::<PathBuf>::new()), Arc::new(atomic::AtomicU32::new(0)));
    let mock = Mock::answering({
        let (blobs, found) = (blobs.clone(), found.clone());
        move |seen| {
            let asked = if seen.body["stream"] == true { STREAMED } else { BODY };
            let lies_there = all(blobs.get().unwrap()).iter().any(|kept| kept == asked.as_bytes());
            found.fetch_add(u32::from(lies_there), atomic::Ordering::SeqCst);
            Reply::text("I am “Bo”.\nYou know me.")
        }
    })
    .await;
    let server = TestServer::start_with(asks(&mock)).await;
    blobs.set(server.blobs()).unwrap();
    let key = server.key("ci", json!({"keepsWords": true})).await;
    assert_eq!(server.get("/api/admin/keys").await.json["items"][0]["keeps_words"], true);
    let mut receipts = server.company.receipts();
    for (body, streamed) in [(BODY, false), (STREAMED, true)] {
        let said = server.raw(&key, CHAT, body).await.text().await.unwrap();
        let text = match streamed {
            true => heard(&said),
            false => serde_json::from_str::<Value>(&said).unwrap()["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .to_owned(),
        };
        assert_eq!(text, "I am “Bo”.\nYou know me.");
        let (intent, outcome) = (next(&mut receipts, Phase::Intent).await, next(&mut receipts, Phase::Outcome).await);
        assert_eq!(names(&intent), words("prompt.json", "application/json"));
        assert_eq!(server.opened(&only(&intent)).await, body);
        let digest = intent.body.clone().unwrap().data["request"].clone();
        assert_eq!(digest, only(&intent).hash.to_string(), "what the receipt's digest is of");
        assert_eq!(names(&outcome), words("text.txt", "text/plain"));
        assert_eq!(server.opened(&only(&outcome)).await, text);
    }
    assert_eq!(found.load(atomic::Ordering::SeqCst), 2, "each prompt lay there when the provider was asked");
    assert_eq!(all(&server.blobs()).len(), 3, "two prompts, and one answer that was given twice");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_keep_them_leaves_no_artifact() {
    let mock = Mock::answering(|_| Reply::text("I am Bo.")).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let mut receipts = server.company.receipts();
    for (name, more) in [("silent", json!({})), ("mute", json!({"keepsWords": false}))] {
        let key = server.key(name, more).await;
        for body in [BODY, STREAMED] {
            assert!(server.raw(&key, CHAT, body).await.text().await.unwrap().contains("Bo."));
            for phase in [Phase::Intent, Phase::Outcome] {
                assert_eq!(names(&*next(&mut receipts, phase).await), []);
            }
        }
    }
    assert_eq!(all(&server.blobs()), Vec::<Vec<u8>>::new());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_kept_as_a_thought_and_texts_to_embed_as_they_were_asked() {
    let call = Reply::Answer { text: "Let me see.".into(), calls: vec![("look".into(), json!({"at": "Oslo"}))] };
    let vectors = r#"{"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 7}}"#;
    let mock = Mock::start([call.clone(), call, Reply::Raw(vectors.into())]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({"keepsWords": true})).await;
    let mut receipts = server.company.receipts();
    let mut body = hello();
    body["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    for streamed in [false, true] {
        body["stream"] = streamed.into();
        server.raw(&key, CHAT, &body.to_string()).await.text().await.unwrap();
        let outcome = next(&mut receipts, Phase::Outcome).await;
        assert_eq!(names(&outcome), words("thought.json", "application/json"));
        let thought: Thought = serde_json::from_str(&server.opened(&only(&outcome)).await).unwrap();
        let called = &thought.answer.calls[0];
        assert_eq!((thought.answer.text.as_str(), called.name.as_str()), ("Let me see.", "look"));
        assert_eq!((called.arguments.as_str(), thought.chosen.len()), (r#"{"at":"Oslo"}"#, 0));
    }
    let asked = r#"{"model": "house",  "input": ["Hello?"]}"#;
    assert_eq!(server.raw(&key, "/v1/embeddings", asked).await.status(), 200);
    assert!(all(&server.blobs()).contains(&asked.as_bytes().to_vec()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_stream_that_is_cut_what_came_is_kept() {
    let mock = Mock::start([Reply::Stall("Once upon".into()), Reply::Break("Half of".into()), Reply::soon(500)]).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({"keepsWords": true})).await;
    let mut receipts = server.company.receipts();
    let mut left = server.raw(&key, CHAT, STREAMED).await;
    let mut events = String::new();
    while heard(&events) != "Once upon" {
        events.push_str(std::str::from_utf8(&left.chunk().await.unwrap().unwrap()).unwrap());
    }
    drop(left);
    assert_eq!(server.opened(&only(&*next(&mut receipts, Phase::Intent).await)).await, STREAMED);
    let cut = next(&mut receipts, Phase::Unknown).await;
    assert_eq!(names(&cut), words("text.txt", "text/plain"));
    assert_eq!(server.opened(&only(&cut)).await, "Once upon");

    let broken = server.raw(&key, CHAT, STREAMED).await.text().await.unwrap();
    assert_eq!(heard(&broken), "Half of");
    let broken = next(&mut receipts, Phase::Unknown).await;
    assert_eq!(server.opened(&only(&broken)).await, "Half of");
    assert_eq!(server.raw(&key, CHAT, STREAMED).await.status(), 502);
    assert_eq!(names(&*next(&mut receipts, Phase::Outcome).await), [], "nothing came");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_taken_out_of_what_is_kept_and_of_nothing_else() {
    let mock = Mock::answering(|_| Reply::text("Yes: own-s3cret, of-all-s3cret.")).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let ada = server.persona("Ada").await["id"].as_str().unwrap().to_owned();
    server.storage.vault.set(&format!("persona:{ada}"), "own", "own-s3cret").await.unwrap();
    server.storage.vault.set(INSTANCE, "everyones", "of-all-s3cret").await.unwrap();
    let mut body = hello();
    body["messages"][0]["content"] = "Is it own-s3cret, of-all-s3cret?".into();
    let mut receipts = server.company.receipts();
    for (name, more, shown) in [
        ("of-ada", json!({"keepsWords": true, "persona": "ada"}), "${secret:own}, ${secret:everyones}"),
        ("alone", json!({"keepsWords": true}), "own-s3cret, ${secret:everyones}"),
    ] {
        let key = server.key(name, more).await;
        let said = server.chat(&key, &body).await;
        assert_eq!(said.json["choices"][0]["message"]["content"], "Yes: own-s3cret, of-all-s3cret.");
        assert!(mock.requests().last().unwrap().body.to_string().contains("Is it own-s3cret, of-all-s3cret?"));
        let (intent, outcome) = (next(&mut receipts, Phase::Intent).await, next(&mut receipts, Phase::Outcome).await);
        let prompt: Value = serde_json::from_str(&server.opened(&only(&intent)).await).unwrap();
        assert_eq!(prompt["messages"][0]["content"], format!("Is it {shown}?"));
        assert_eq!(server.opened(&only(&outcome)).await, format!("Yes: {shown}."));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_refuses_the_call_before_it_is_sent() {
    let mock = Mock::answering(|_| Reply::text("I am Bo.")).await;
    let asks = asks(&mock);
    let server = TestServer::start_with(|config| {
        asks(config);
        config.storage.min_free_mb = u64::MAX;
    })
    .await;
    let key = server.key("ci", json!({"keepsWords": true})).await;
    for body in [BODY, STREAMED] {
        let refused = answer(server.raw(&key, CHAT, body).await).await;
        assert_eq!(code(&refused), (503, None));
        assert!(refused.json["error"]["message"].as_str().unwrap().contains("`/readyz` says why"), "{}", refused.json);
    }
    assert_eq!(all(&server.blobs()), Vec::<Vec<u8>>::new(), "nothing is written for a call that does not begin");
    assert!(mock.requests().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_that_cannot_be_written_is_not_sent() {
    let mock = Mock::answering(|_| Reply::text("I am Bo.")).await;
    let server = TestServer::start_with(asks(&mock)).await;
    let key = server.key("ci", json!({"keepsWords": true})).await;
    let mut receipts = server.company.receipts();
    fs::remove_dir_all(server.blobs()).unwrap();
    fs::write(server.blobs(), "no folder").unwrap();
    for body in [BODY, STREAMED] {
        assert_eq!(code(&answer(server.raw(&key, CHAT, body).await).await), (503, None));
    }
    assert!(mock.requests().is_empty());
    // And with it back the first intent is of the call that is made.
    fs::remove_file(server.blobs()).unwrap();
    fs::create_dir_all(server.blobs().join("new")).unwrap();
    let asked = tokio::time::timeout(PATIENCE, server.raw(&key, CHAT, BODY)).await.unwrap();
    assert_eq!(asked.status(), 200);
    assert_eq!(server.opened(&only(&*next(&mut receipts, Phase::Intent).await)).await, BODY);
    server.stop().await;
}
