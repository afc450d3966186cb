//! The official client of MCP at `/mcp`.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::python;
use crate::cli::server::{Server, answer};

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_of_mcp_finds_the_tools_and_works_with_them() {
    let python = python("mcp");
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let server = Server::start(&path);
        answer(&path, &["persona", "new", "Ada", "--role", "worker"]);
        let local: Value = serde_json::from_slice(&std::fs::read(path.join("server.json")).unwrap()).unwrap();
        let address = format!("{}/mcp", server.greeting["url"].as_str().unwrap());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/programs/mcp_client.py");
        Command::new(python).arg(script).args([&address, local["token"].as_str().unwrap()]).output().unwrap()
    });
    let said = asked.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{}{}", text(&said.stdout), text(&said.stderr));
    assert_eq!(text(&said.stdout), "well\n");
}
