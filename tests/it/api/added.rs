//! Own tools and MCP servers that come over the API, and tries by hand.

use std::fs;

use actors::domain::Phase;
use greenroom::{
    storage::{ReceiptFilter, UserRole},
    tools::added::MOST_BYTES,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Answer, TestServer, answer};
use crate::sandbox::is_left_out;

fn manifest(name: &str, effect: &str) -> String {
    format!(
        "name = \"{name}\"\ndescription = \"Counts.\"\ncommand = [\"./run\"]\neffect = \"{effect}\"\n\
         [parameters]\ntype = \"object\"\nrequired = [\"text\"]\nadditionalProperties = false\n\
         properties = {{ text = {{ type = \"string\" }} }}\n"
    )
}

fn tool(name: &str, effect: &str, script: &str) -> Value {
    json!({"manifest": manifest(name, effect), "files": {"run": {"text": script, "executable": true}}})
}

async fn delete(server: &TestServer, path: &str) -> Answer {
    answer(server.local(Method::DELETE, path).send().await.unwrap()).await
}

/// Summaries and phases of all receipts that contain a text, oldest first.
async fn receipts(server: &TestServer, text: &str) -> Vec<(Option<Phase>, String)> {
    let filter = ReceiptFilter { newest_first: false, limit: 500, ..ReceiptFilter::default() };
    let all = server.storage.db.receipts(filter).await.unwrap().into_iter();
    let said = all.map(|receipt| (receipt.phase, receipt.body.unwrap().summary));
    said.filter(|(_, summary)| summary.contains(text)).collect()
}

#[tokio::test]
async fn a_tool_comes_and_goes_for_everyone_and_for_one_persona() {
    let server = TestServer::start().await;
    let ada = server.persona("Ada").await;
    let root = &server.config.data_root;
    let member = server.token("mel", UserRole::Member).await;
    for (method, path) in [
        (Method::POST, "/api/tools"),
        (Method::DELETE, "/api/tools/x"),
        (Method::POST, "/api/tools/x/test"),
        (Method::POST, "/api/mcp"),
    ] {
        let refused = server.ask(method, path).bearer_auth(&member).json(&json!({})).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{path}");
    }
    let made = server.post("/api/tools", &tool("count", "pure", "#!/bin/sh\necho 1\n")).await;
    assert_eq!((made.status.as_u16(), &made.json["from"]), (201, &json!("shared")), "{}", made.json);
    assert!(root.join("tools/count/run").is_file());
    assert_eq!(server.post("/api/tools", &tool("count", "pure", "")).await.status, 409);
    let mut again = tool("count", "read", "");
    again["replace"] = true.into();
    assert_eq!(server.post("/api/tools", &again).await.json["effect"], "read");
    let mut own = tool("count", "pure", "");
    own["persona"] = "ada".into();
    assert_eq!(server.post("/api/tools", &own).await.json["from"], "persona");
    assert!(root.join("personas").join(ada["id"].as_str().unwrap()).join("tools/count/tool.toml").is_file());
    assert_eq!(receipts(&server, "added the tool count").await.len(), 3);

    assert_eq!(delete(&server, "/api/tools/count?persona=ada").await.status, 204);
    assert_eq!(delete(&server, "/api/tools/count?persona=ada").await.status, 404);
    assert_eq!(delete(&server, "/api/tools/count").await.status, 204);
    assert_eq!(delete(&server, "/api/tools/..%2Fkeys").await.status, 404);
    assert!(!root.join("tools/count").exists());
    assert_eq!(receipts(&server, "removed the tool count").await.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_tool_is_refused_by_its_field_and_leaves_nothing() {
    let server = TestServer::start().await;
    let with = |manifest: String, files: Value| json!({"manifest": manifest, "files": files});
    let sound = || manifest("count", "pure");
    for (sent, field) in [
        (with(sound().replace("count", "file_write"), json!({})), "manifest.name"),
        (with(sound().replace("count", "usage"), json!({})), "manifest.name"),
        (with(sound().replace("count", "../x"), json!({})), "manifest.name"),
        (with(sound().replace("pure", "harmless"), json!({})), "manifest.effect"),
        (with("=".to_owned(), json!({})), "manifest"),
        (with(sound(), json!({"../x": "x"})), "files.../x"),
        (with(sound(), json!({"/etc/x": "x"})), "files./etc/x"),
        (with(sound(), json!({"tool.toml": "x"})), "files.tool.toml"),
        (with(sound(), json!({"x": {"base64": "%"}})), "files.x"),
        (with(sound(), json!({"x": {"executable": true}})), "files.x"),
        (with(sound(), json!({"x": "x".repeat(MOST_BYTES)})), "files"),
    ] {
        let refused = server.post("/api/tools", &sent).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json["errors"][0]["field"]),
            (422, &json!(field)),
            "{}",
            refused.json
        );
    }
    let nobody = json!({"manifest": sound(), "persona": "nobody"});
    assert_eq!(server.post("/api/tools", &nobody).await.status, 404);
    let left = fs::read_dir(server.config.data_root.join("tools")).into_iter().flatten().count();
    assert_eq!((left, receipts(&server, "added").await), (0, vec![]));
    server.stop().await;
}

#[tokio::test]
async fn the_list_is_searched_as_models_search_it() {
    let server = TestServer::start().await;
    let found = server.get("/api/tools?query=add%20a%20row%20to%20a%20table").await.json;
    assert_eq!(found["items"][0]["name"], "csv_append", "{found}");
    let all = server.get("/api/tools").await.json["items"].as_array().unwrap().len();
    assert!(found["items"].as_array().unwrap().len() < all);
    assert_eq!(server.get("/api/tools?query=%20").await.json["items"].as_array().unwrap().len(), all);
    server.stop().await;
}

/// It fails half way, in the persona's folder.
async fn asks_before_it_writes(server: &TestServer, ada: &str) {
    let test = async |body: Value| server.post("/api/tools/note/test", &body).await;
    let wanted = json!({"arguments": {"text": ""}, "persona": "ada"});
    let unsure = test(wanted.clone()).await;
    assert_eq!((unsure.status.as_u16(), &unsure.json["errors"][0]["field"]), (422, &json!("sure")));
    let mut sure = wanted;
    sure["sure"] = true.into();
    let failed = test(sure).await.json;
    assert_eq!(
        (&failed["ok"], &failed["exit"], &failed["files"]),
        (&json!(false), &json!(3), &json!(["hi.txt"])),
        "{failed}"
    );
    assert!(failed["error"].as_str().unwrap().contains("code 3") && failed["stderr"] == "so\n", "{failed}");
    let phases: Vec<_> = receipts(server, "note").await.into_iter().skip(1).map(|(phase, _)| phase).collect();
    assert_eq!(phases, [Some(Phase::Intent), Some(Phase::Unknown)], "it failed and left something");
    let files = server.config.data_root.join("personas").join(ada).join("files");
    assert!(files.join("hi.txt").is_file());
    assert_eq!(fs::read_dir(server.config.data_root.join("tries")).unwrap().count(), 0, "what was thrown away is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_is_checked_first_asks_before_it_writes_and_is_on_record() {
    if is_left_out().await {
        return;
    }
    let server = TestServer::start().await;
    let ada = server.persona("Ada").await;
    server.post("/api/tools", &tool("count", "pure", "#!/bin/sh\ncat >/dev/null\necho '{\"words\": 2}'\n")).await;
    let note = "#!/bin/sh\ncat >/dev/null\necho hi > hi.txt\necho so >&2\nexit 3\n";
    server.post("/api/tools", &tool("note", "idempotent", note)).await;
    let test = async |name: &str, body: Value| server.post(&format!("/api/tools/{name}/test"), &body).await;

    for (arguments, field) in [
        (json!({"text": 7}), "arguments.text"),
        (json!({}), "arguments.text"),
        (json!({"text": "", "x": 1}), "arguments.x"),
    ] {
        let refused = test("count", json!({"arguments": arguments})).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json["errors"][0]["field"]),
            (422, &json!(field)),
            "{}",
            refused.json
        );
    }
    assert_eq!(receipts(&server, "count").await.len(), 1, "only that it was added");
    let tried = test("count", json!({"arguments": {"text": "a b"}})).await.json;
    assert_eq!(
        (&tried["ok"], &tried["value"], &tried["exit"]),
        (&json!(true), &json!({"words": 2}), &json!(0)),
        "{tried}"
    );
    let said = receipts(&server, "tried count").await;
    assert_eq!(said, [(Some(Phase::Outcome), "cli tried count: it answered".to_owned())]);

    asks_before_it_writes(&server, ada["id"].as_str().unwrap()).await;
    assert_eq!(test("browser_click", json!({})).await.status, 409);
    assert_eq!(test("nothing", json!({})).await.status, 404);
    let used = server.get("/api/tools/usage").await.json;
    assert_eq!(used["items"], json!([]), "a try is no use");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_try_brings_back_holds_no_secret_of_its_persona() {
    if is_left_out().await {
        return;
    }
    let server = TestServer::start().await;
    let ada = server.persona("Ada").await;
    let owner = format!("persona:{}", ada["id"].as_str().unwrap());
    server.storage.vault.set(&owner, "board", "hunter2-of-ada").await.unwrap();
    let says =
        "#!/bin/sh\ncat >/dev/null\necho 'hunter2-of-ada was typed' >&2\necho '{\"typed\": \"hunter2-of-ada\"}'\n";
    server.post("/api/tools", &tool("says", "read", says)).await;
    let tried = server.post("/api/tools/says/test", &json!({"arguments": {"text": ""}, "persona": "ada"})).await.json;
    assert_eq!(tried["value"], json!({"typed": "${secret:board}"}), "{tried}");
    assert_eq!(tried["stderr"], "${secret:board} was typed\n", "{tried}");
    let filter = ReceiptFilter { newest_first: true, limit: 1, ..ReceiptFilter::default() };
    let receipt = server.storage.db.receipts(filter).await.unwrap().remove(0).body.unwrap();
    let said = json!([receipt.data["value"], receipt.data["stderr"]]);
    assert_eq!(said, json!([tried["value"], tried["stderr"]]), "{receipt:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_removed_takes_its_confirmations_and_alerts_with_it() {
    if is_left_out().await {
        return;
    }
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let tools =
        |about: &str| json!([{"name": "look", "description": about, "inputSchema": {"type": "object"}}]).to_string();
    let add = async |about: &str, replace: bool| {
        let files = json!({"server.py": include_str!("../tools/mcp/server.py"), "tools.json": tools(about)});
        let manifest = "name = \"desk\"\ncommand = [\"python3\", \"./server.py\"]\n";
        server.post("/api/mcp", &json!({"manifest": manifest, "files": files, "replace": replace})).await
    };
    let wrong = server.post("/api/mcp", &json!({"manifest": "name = \"desk\"\n"})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json["errors"][0]["field"]), (422, &json!("manifest.command")));
    let made = add("Looks.", false).await;
    assert_eq!((made.status.as_u16(), &made.json["state"]), (201, &json!("unseen")), "{}", made.json);
    let look = async || server.post("/api/mcp/desk/look", &json!({"persona": "ada"})).await.json;
    let hash = look().await["tools"][0]["hash"].clone();
    let confirmed = server.post("/api/mcp/desk/confirm", &json!({"tools": [{"tool": "look", "hash": hash}]})).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.json);
    add("Looks twice.", true).await;
    let seen = look().await;
    assert_eq!((&seen["state"], &seen["tools"][0]["state"]), (&json!("seen"), &json!("changed")), "{seen}");
    assert_eq!(seen["tools"][0]["confirmed"]["description"], "Looks.");
    let alerts = async || server.get("/api/alerts").await.json["items"].clone();
    assert_eq!(alerts().await[0]["kind"], "mcp_changed");
    fs::write(server.config.data_root.join("mcp/desk/server.py"), "exit(1)").unwrap();
    assert_eq!(server.post("/api/mcp/desk/look", &json!({"persona": "ada"})).await.status, 409);
    let failing = server.get("/api/mcp").await.json["items"][0].clone();
    assert!(failing["state"] == "failing" && failing["last_error"].is_string(), "{failing}");

    assert_eq!(delete(&server, "/api/mcp/desk").await.status, 204);
    assert_eq!((alerts().await, server.get("/api/mcp").await.json["items"].clone()), (json!([]), json!([])));
    let said: Vec<_> = receipts(&server, "MCP server desk").await.into_iter().map(|(_, said)| said).collect();
    assert_eq!(said.last().unwrap(), "withdrew look of the MCP server desk, by cli", "{said:?}");
    assert_eq!(delete(&server, "/api/mcp/desk").await.status, 404);
    server.stop().await;
}
