//! Opening addresses: what is refused, what never comes, what is no page.

use actors::domain::{Ended, Outcome};
use serde_json::json;

use super::{
    site::Answer,
    stage::{Stage, error, url},
};

async fn open(stage: &Stage, url: &str) -> Outcome {
    stage.step(json!({ "action": "goto", "url": url })).await
}

/// Does not wait long for what will never come.
async fn open_briefly(stage: &Stage, path: &str) -> Outcome {
    stage.step(json!({ "action": "goto", "url": url(path), "timeout_ms": 1500 })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_allowed_is_denied_before_and_after_it_is_asked_for() {
    let mut stage = Stage::with(&[
        ("/", Answer::Html("<title>home</title>")),
        ("/away", Answer::Redirect("http://evil.example/x")),
        ("/img", Answer::Html("<title>img</title><img src=http://pictures.example/a.png>")),
    ])
    .await;
    for (address, why) in [
        ("http://evil.example/", "evil.example:80 is not on the host list"),
        ("https://127.0.0.1/", "not on the host list"),
        ("file:///etc/passwd", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("http://me:pw@rehearsal.localhost/", "user name"),
        ("rehearsal.localhost", "not an address"),
    ] {
        let outcome = open(&stage, address).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{address}: {outcome:?}");
        assert!(outcome.error.as_ref().unwrap().denied, "{address}: {outcome:?}");
        assert!(error(&outcome).contains(why), "{address}: {}", error(&outcome));
    }
    let redirected = open(&stage, &url("/away")).await;
    assert!(redirected.error.as_ref().unwrap().denied, "{redirected:?}");
    assert!(error(&redirected).contains("evil.example:80 is not on the host list"), "{redirected:?}");
    let noted = stage.goes_to("/img").await;
    assert!(noted.data["details"].as_str().unwrap().contains("pictures.example:80"), "{noted:?}");

    stage.persona.hosts = vec!["evil.example".to_owned()];
    stage.persona.version += 1;
    assert_eq!(open(&stage, &url("/away")).await.ended, Ended::Done, "changed rules hold at once");
    stage.persona.hosts = vec!["https://x".to_owned()];
    stage.persona.version += 1;
    let bad = open(&stage, &url("/")).await;
    assert!(error(&bad).starts_with("hosts: host rule `https://x`"), "{bad:?}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_is_said_at_once_and_the_tab_is_not_lost() {
    let stage = Stage::with(&[
        ("/", Answer::Html("<title>home</title><a id=get href=/file>get</a>")),
        (
            "/file",
            Answer::Other("Content-Type: application/zip\r\nContent-Disposition: attachment; filename=a.zip", "PK"),
        ),
        ("/nothing", Answer::Status("204 No Content")),
        ("/missing", Answer::Other("", "")),
    ])
    .await;
    for path in ["/file", "/nothing"] {
        let outcome = open(&stage, &url(path)).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{path}: {outcome:?}");
        assert!(error(&outcome).contains("brought no page"), "{path}: {}", error(&outcome));
    }
    let file = open(&stage, &url("/file")).await;
    assert!(file.data["details"].as_str().unwrap().contains("a.zip"), "{file:?}");
    assert_eq!(stage.goes_to("/").await.data["title"], "home");
    let pressed = stage.does(json!({ "action": "click", "selector": "#get" })).await;
    assert_eq!(pressed.data["title"], "home", "a download leaves the page where it is");
    let unknown = stage.goes_to("/unknown").await;
    assert!(unknown.data["details"].as_str().unwrap().contains("404"), "{unknown:?}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_never_loads_is_given_up_and_does_not_spoil_the_next() {
    let stage = Stage::with(&[
        ("/", Answer::Html("<title>home</title>")),
        ("/hang", Answer::Hang),
        ("/slow", Answer::Html("<title>slow</title><p id=p>text</p><img src=/hang>")),
    ])
    .await;
    let outcome = open_briefly(&stage, "/hang").await;
    assert_eq!(outcome.ended, Ended::NotBegun, "{outcome:?}");
    assert!(error(&outcome).contains("did not load in time") && outcome.error.as_ref().unwrap().retryable);
    assert_eq!(open(&stage, &url("/")).await.data["title"], "home");
    let slow = open_briefly(&stage, "/slow").await;
    assert!(slow.holds(), "its document is there: {slow:?}");
    assert!(slow.data["details"].as_str().unwrap().contains("still loading"));
    stage.does(json!({ "action": "expect_text", "contains": "text", "selector": "#p" })).await;
    assert_eq!(open(&stage, &url("/")).await.data["title"], "home");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_begins_with_a_goto() {
    let mut stage = Stage::on("<title>home</title><button id=go>go</button>").await;
    stage.run = actors::domain::RunId(uuid::Uuid::from_u128(2));
    for step in [json!({ "action": "click", "selector": "#go" }), json!({ "action": "screenshot" })] {
        let outcome = stage.step(step).await;
        assert_eq!(outcome.ended, Ended::NotBegun);
        assert!(error(&outcome).contains("a goto must come first"), "{outcome:?}");
    }
    stage.goes_to("/").await;
    stage.does(json!({ "action": "click", "selector": "#go" })).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_workers_start() {
    let stage = Stage::with(&[
        ("/", Answer::Html("<title>home</title>")),
        ("/sw.js", Answer::Other("Content-Type: text/javascript", "onfetch = () => {}")),
    ])
    .await;
    stage.goes_to("/").await;
    let script =
        "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then(() => 'ready')";
    assert_eq!(stage.value(script).await, "ready");
    stage.close().await;
}
