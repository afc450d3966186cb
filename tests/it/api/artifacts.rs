//! Artifacts: their exact type, and never run.

use actors::{
    domain::{ArtifactKind, ArtifactRef, Body, ChainId, Draft, ReceiptKind},
    ports::Commit,
};
use reqwest::Method;

use super::harness::TestServer;

/// Keeps a file and a receipt that names it.
async fn keep(server: &TestServer, name: &str, media_type: &str, bytes: &[u8]) -> String {
    let hash = server.storage.blobs.put(bytes.to_vec()).await.unwrap();
    let chain = ChainId::System(server.config.node.clone());
    let artifact = ArtifactRef {
        kind: ArtifactKind::File,
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        bytes: bytes.len() as u64,
        hash,
        missing: false,
    };
    let draft = Draft::new(
        chain,
        server.world.now_ms(),
        server.config.node.clone(),
        ReceiptKind::File,
        server.world.salt(),
        Body { summary: "kept a file".to_owned(), artifacts: vec![artifact], ..Body::default() },
    );
    let commit = Commit { receipts: vec![draft], ..Commit::default() };
    server.storage.journal.write(vec![commit]).await.unwrap().remove(0).unwrap();
    hash.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_shown_a_page_is_saved_and_nothing_runs() {
    let server = TestServer::start().await;
    let png = keep(&server, "shot.png", "image/png", b"\x89PNG").await;
    let html = keep(&server, "page.html", "text/html", b"<script>alert(1)</script>").await;
    let fetch = |hash: &str| server.local(Method::GET, &format!("/api/artifacts/{hash}"));

    let shown = fetch(&png).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "image/png");
    assert!(shown.headers()["content-disposition"].to_str().unwrap().starts_with("inline"));
    let saved = fetch(&html).send().await.unwrap();
    assert_eq!(saved.headers()["content-type"], "text/html; charset=utf-8");
    assert!(saved.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    for answer in [&shown, &saved] {
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    }
    let tag = saved.headers()["etag"].clone();
    assert_eq!(saved.bytes().await.unwrap(), &b"<script>alert(1)</script>"[..]);
    assert_eq!(fetch(&html).header("If-None-Match", tag).send().await.unwrap().status(), 304);
    assert_eq!(server.ask(Method::GET, &format!("/api/artifacts/{png}")).send().await.unwrap().status(), 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_no_receipt_names_is_not_shown() {
    let server = TestServer::start().await;
    let hash = server.storage.blobs.put(b"private".to_vec()).await.unwrap();
    assert_eq!(server.get(&format!("/api/artifacts/{hash}")).await.status, 404);
    server.stop().await;
}
