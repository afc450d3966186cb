//! Steps that act: each as it should be, and each way in which it cannot be done.

use serde_json::json;

use super::{
    site::Answer,
    stage::{Stage, error, url},
};
use actors::domain::{ArtifactKind, Ended};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_filled_pressed_and_leaves_evidence() {
    let form = "<title>Login</title><form method=post action=/in><input id=user name=user value=old>\
                <input id=pass name=pass type=password><button id=go>Sign in</button></form>";
    let stage = Stage::with(&[
        ("/", Answer::Html(form)),
        ("/in", Answer::Redirect("/feed")),
        ("/feed", Answer::Html("<title>Feed</title><h1>Welcome, Ada</h1>")),
    ])
    .await;
    stage.goes_to("/").await;
    stage.does(json!({ "action": "expect_title", "contains": "Login" })).await;
    stage.does(json!({ "action": "type", "selector": "#user", "text": "ada é日本😀" })).await;
    stage.does(json!({ "action": "type", "selector": "#pass", "text": "hunter2secret" })).await;
    let pressed = stage.does(json!({ "action": "click", "selector": "#go" })).await;

    assert_eq!(pressed.ended, Ended::Done);
    assert_eq!(pressed.summary, "clicked #go");
    assert_eq!((&pressed.data["title"], &pressed.data["url"]), (&json!("Feed"), &json!(url("/feed"))));
    assert_eq!(pressed.data["page_text"], "Welcome, Ada");
    assert_eq!(pressed.artifacts[0].kind, ArtifactKind::Screenshot);
    assert!(pressed.artifacts[0].bytes.starts_with(&[0xff, 0xd8]), "a JPEG");
    let sent = "POST /in user=ada+%C3%A9%E6%97%A5%E6%9C%AC%F0%9F%98%80&pass=hunter2secret";
    assert_eq!(stage.site.asked().iter().filter(|asked| *asked == sent).count(), 1, "{:?}", stage.site.asked());
    stage.close().await;
}
