//! MCP both ways: servers that people look at and confirm, and `/mcp`, where programs use ours.

use std::fs;

use greenroom::storage::UserRole;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::harness::{Answer, TestServer, answer};
use crate::sandbox::is_left_out;

fn put(server: &TestServer) {
    let folder = server.config.data_root.join("mcp/desk");
    fs::create_dir_all(&folder).unwrap();
    let manifest = "name = \"desk\"\ncommand = [\"python3\", \"./server.py\"]\neffects = { look = \"read\" }\n";
    fs::write(folder.join("mcp.toml"), manifest).unwrap();
    fs::write(folder.join("server.py"), include_str!("../tools/mcp/server.py")).unwrap();
    let tool = json!({"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}});
    fs::write(folder.join("tools.json"), json!([tool]).to_string()).unwrap();
}

async fn system_receipts(server: &TestServer) -> Vec<String> {
    let found = server.get(&format!("/api/receipts?chain=system:{}", server.config.node)).await.json;
    let items = found["items"].as_array().unwrap().iter();
    items.map(|receipt| receipt["body"]["summary"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_looks_confirms_what_was_seen_and_withdraws_it() {
    if is_left_out().await {
        return;
    }
    let server = TestServer::start().await;
    server.persona("Ada").await;
    put(&server);
    let member = server.token("mel", UserRole::Member).await;
    let refused = server.ask(Method::POST, "/api/mcp/desk/look").bearer_auth(&member);
    let refused = refused.json(&json!({"persona": "ada"})).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let before = server.get("/api/mcp").await.json;
    assert_eq!((&before["items"][0]["looked"], &before["items"][0]["tools"]), (&json!(false), &json!([])));
    let looked = server.post("/api/mcp/desk/look", &json!({"persona": "ada"})).await;
    assert_eq!(looked.status, 200, "{}", looked.json);
    let tool = looked.json["tools"][0].clone();
    assert_eq!(
        (&tool["state"], &tool["effect"], &tool["name"]),
        (&json!("new"), &json!("read"), &json!("mcp__desk__look"))
    );
    let confirm = async |hash: &str| {
        server.post("/api/mcp/desk/confirm", &json!({"tools": [{"tool": "look", "hash": hash}]})).await
    };
    let wrong = confirm(&"0".repeat(64)).await;
    assert!(wrong.status == 422 && wrong.json["errors"][0]["field"] == "tools[0]", "{}", wrong.json);
    let done = confirm(tool["hash"].as_str().unwrap()).await;
    assert_eq!(done.json["tools"][0]["state"], "confirmed", "{}", done.json);
    assert_eq!(done.json["tools"][0]["confirmed_by"], "cli");
    let listed = server.get("/api/tools?persona=ada").await.json.to_string();
    assert!(listed.contains("mcp__desk__look") && listed.contains("\"from\":\"mcp\""), "{listed}");
    assert_eq!(system_receipts(&server).await[0], "confirmed look of the MCP server desk, by cli");
    let gone = server.post("/api/mcp/desk/withdraw", &json!({"tool": "look"})).await;
    assert_eq!(gone.json["tools"][0]["state"], "new", "{}", gone.json);
    assert_eq!(server.post("/api/mcp/desk/withdraw", &json!({"tool": "look"})).await.status, 422);
    assert_eq!(system_receipts(&server).await[0], "withdrew look of the MCP server desk, by cli");
    assert_eq!(server.post("/api/mcp/none/look", &json!({"persona": "ada"})).await.status, 404);
    server.stop().await;
}

async fn say(server: &TestServer, message: &Value) -> Answer {
    server.post("/mcp", message).await
}

async fn call(server: &TestServer, name: &str, arguments: Value) -> Value {
    let params = json!({"name": name, "arguments": arguments});
    let said = say(server, &json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})).await;
    assert_eq!((said.status.as_u16(), &said.json["id"]), (200, &json!(7)), "{}", said.json);
    said.json["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_of_personas_gives_a_goal_and_reads_what_came_of_it() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    let welcome = say(&server, &json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": hello})).await;
    assert_eq!(welcome.json["result"]["protocolVersion"], "2025-06-18", "{}", welcome.json);
    assert_eq!(say(&server, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await.status, 202);
    let tools =
        say(&server, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await.json["result"]["tools"].clone();
    let names: Vec<_> =
        tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["list_personas", "give_goal", "goal_status", "read_receipts", "verify_receipts"]);
    let personas = call(&server, "list_personas", json!({})).await;
    assert_eq!(personas["structuredContent"]["personas"][0]["slug"], "ada", "{personas}");
    let given = json!({"persona": "ada", "kind": "ai", "payload": {"prompt": "Write a line."}, "correlation": "k1"});
    let first = call(&server, "give_goal", given.clone()).await["structuredContent"].clone();
    let again = call(&server, "give_goal", given).await["structuredContent"].clone();
    assert_eq!((&first["goal"]["id"], &again["repeated"]), (&again["goal"]["id"], &json!(true)), "{first} {again}");
    let status = call(&server, "goal_status", json!({"goal": first["goal"]["id"]})).await;
    assert_eq!(status["structuredContent"]["goal"]["created_by"], "cli", "{status}");
    let receipts = call(&server, "read_receipts", json!({"persona": "ada", "limit": 1})).await;
    assert_eq!(receipts["structuredContent"]["receipts"].as_array().unwrap().len(), 1);
    let proof = call(&server, "verify_receipts", json!({"persona": "ada"})).await;
    assert_eq!(proof["structuredContent"]["ok"], true, "{proof}");
    let words = call(&server, "give_goal", json!({"persona": "ada", "task": "Look.", "kind": "ai"})).await;
    assert!(words["isError"] == true && words["content"][0]["text"].as_str().unwrap().contains("`kind`"), "{words}");
    let nobody = call(&server, "goal_status", json!({"goal": "x", "colour": 1})).await;
    assert!(nobody["isError"] == true, "{nobody}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_of_somebody_known_is_refused() {
    let server = TestServer::start().await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let ask = || server.ask(Method::POST, "/mcp").json(&ping);
    assert_eq!(ask().send().await.unwrap().status(), 401);
    assert_eq!(ask().bearer_auth("gr_nobody").send().await.unwrap().status(), 401);
    let known = || server.local(Method::POST, "/mcp").json(&ping);
    assert_eq!(known().header("Origin", "https://evil.example").send().await.unwrap().status(), 403);
    assert_eq!(known().header("Origin", &server.base).send().await.unwrap().status(), 200);
    assert_eq!(known().header("MCP-Protocol-Version", "1999-01-01").send().await.unwrap().status(), 400);
    assert_eq!(server.get("/mcp").await.status, 405, "no stream is held open");
    for odd in [json!([ping]), json!({"id": 1, "method": "ping"}), json!("ping")] {
        assert_eq!(say(&server, &odd).await.status, 400, "{odd}");
    }
    let unknown = say(&server, &json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"})).await;
    assert_eq!(unknown.json["error"]["code"], -32_601);
    let params = json!({"name": "rm", "arguments": {}});
    let none = say(&server, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})).await;
    assert_eq!(none.json["error"]["code"], -32_602);
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "x".repeat(600_000)});
    assert_eq!(answer(server.local(Method::POST, "/mcp").json(&large).send().await.unwrap()).await.status, 413);
    server.stop().await;
}
