//! Steps that only look: waiting, reading, asserting, snapshots and pictures.

use actors::domain::{ArtifactKind, Ended, Outcome};
use serde_json::json;

use super::{
    site::Answer,
    stage::{Stage, error, url},
};

#[tokio::test(flavor = "multi_thread")]
async fn assertions_wait_and_say_what_is_so_instead() {
    let stage = Stage::on(
        "<title>Inbox</title><p id=here>Hello  <b>there</b></p><p id=not hidden>x</p><input id=key type=password value=abcd>\
         <script>setTimeout(() => { document.title = 'Inbox (3)'; here.append(' again') }, 150)</script>",
    )
    .await;
    for step in [
        json!({ "action": "expect_title", "contains": "(3)" }),
        json!({ "action": "expect_text", "contains": "Hello there again" }),
        json!({ "action": "expect_text", "contains": "there", "selector": "#here" }),
        json!({ "action": "expect_selector", "selector": "#here b" }),
        json!({ "action": "wait_for", "selector": "#here" }),
    ] {
        stage.does(step).await;
    }
    for (step, ended, why) in [
        (json!({ "action": "expect_title", "contains": "Sent" }), Ended::Done, "the title is \"Inbox (3)\""),
        (json!({ "action": "expect_text", "contains": "Bye" }), Ended::Done, "it shows: Hello there again"),
        (json!({ "action": "expect_text", "contains": "Bye", "selector": "#none" }), Ended::Done, "not on the page"),
        (json!({ "action": "expect_text", "contains": "abcd", "selector": "#key" }), Ended::Done, "no text at all"),
        (json!({ "action": "expect_selector", "selector": "#not" }), Ended::Done, "not visible"),
        (json!({ "action": "expect_selector", "selector": ">" }), Ended::NotBegun, "not a CSS selector"),
        (json!({ "action": "wait_for", "selector": "#none" }), Ended::NotBegun, "not on the page"),
        (json!({ "action": "wait_for", "selector": "#not" }), Ended::NotBegun, "not visible"),
    ] {
        let mut step = step;
        step["timeout_ms"] = json!(300);
        let outcome = stage.step(step.clone()).await;
        assert_eq!(outcome.ended, ended, "{step}: {outcome:?}");
        assert!(error(&outcome).contains(why), "{step}: {}", error(&outcome));
        assert_eq!(outcome.data["title"], "Inbox (3)");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_values_and_attributes_are_read_but_no_passwords() {
    let stage = Stage::on(
        "<h1> Two\nwords </h1><a id=link href=/next>next</a><input id=name value=Ada><input id=key type=password value=abcd>\
         <div id=late></div><p id=half></p><script>half.textContent = 'a\\ud83d'; document.title = 'b\\ud83d';\
         setTimeout(() => late.dataset.id = '7', 100)</script>",
    )
    .await;
    for (step, value) in [
        (json!({ "selector": "h1" }), "Two words"),
        (json!({ "selector": "#link", "attribute": "href" }), "/next"),
        (json!({ "selector": "#name" }), "Ada"),
        (json!({ "selector": "#key" }), "(masked)"),
        (json!({ "selector": "#key", "attribute": "value" }), "(masked)"),
        (json!({ "selector": "#late", "attribute": "data-id" }), "7"),
        (json!({ "selector": "#half" }), "a\u{fffd}"),
    ] {
        let mut step = step;
        step["action"] = json!("extract");
        step["save_as"] = json!("it");
        assert_eq!(stage.does(step).await.data["value"], value);
    }
    let step =
        json!({ "action": "extract", "selector": "#link", "save_as": "x", "attribute": "rel", "timeout_ms": 200 });
    let missing = stage.step(step).await;
    assert_eq!(missing.ended, Ended::NotBegun);
    assert!(error(&missing).contains("no attribute `rel`"), "{missing:?}");
    stage.close().await;
}

fn text(outcome: &Outcome) -> String {
    assert_eq!(outcome.artifacts[0].kind, ArtifactKind::Text);
    String::from_utf8(outcome.artifacts[0].bytes.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_names_elements_and_a_stale_name_is_refused() {
    let page = "<title>Board</title><main><h1>Jobs</h1><label>Name <input id=name></label>\
                <label>Key <input type=password value=hunter2></label>\
                <button onclick=\"document.title='pressed'\">Apply now</button><a href=/two>Two</a></main>";
    let stage = Stage::with(&[
        ("/", Answer::Html(page)),
        ("/two", Answer::Html("<button>Other</button><button>Apply now</button>")),
    ])
    .await;
    stage.goes_to("/").await;
    let first = text(&stage.does(json!({ "action": "snapshot" })).await);
    insta::assert_snapshot!(first, @r#"
    - main
      - heading "Jobs" [level=1]
      - text: Name
      - textbox "Name" [ref=e1]
      - text: Key
      - textbox "Key" value=(masked) [ref=e2]
      - button "Apply now" [ref=e3]
      - link "Two" [ref=e4]
    "#);
    stage.does(json!({ "action": "type", "selector": "ref=e1", "text": "Ada" })).await;
    let pressed = stage.does(json!({ "action": "click", "selector": "ref=e3" })).await;
    assert_eq!(pressed.data["title"], "pressed");

    stage.value("document.querySelector('h1').after(document.createElement('button'))").await;
    let again = text(&stage.does(json!({ "action": "snapshot" })).await);
    assert!(again.contains("button \"Apply now\" [focused] [ref=e3]") && again.contains("button [ref=e5]"), "{again}");
    assert!(again.contains("textbox \"Name\" value=\"Ada\""), "{again}");

    stage.value("document.querySelector('main > button').remove()").await;
    let torn = stage.step(json!({ "action": "click", "selector": "ref=e5", "timeout_ms": 300 })).await;
    assert_eq!(torn.ended, Ended::NotBegun, "{torn:?}");
    stage.does(json!({ "action": "click", "selector": "ref=e4" })).await;
    for selector in ["ref=e3", "ref=e99"] {
        let stale = stage.step(json!({ "action": "click", "selector": selector })).await;
        assert_eq!(stale.ended, Ended::NotBegun);
        assert!(error(&stale).contains("stale ref, take a new snapshot"), "{stale:?}");
    }
    assert!(error(&stage.step(json!({ "action": "click", "selector": "ref=x" })).await).contains("ref=e12"));
    let other = text(&stage.does(json!({ "action": "snapshot" })).await);
    assert!(!other.contains("[ref=e3]"), "a number never comes back: {other}");
    stage.close().await;
}

/// Width and height in a PNG's header.
fn png_size(bytes: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(&bytes[1..4], b"PNG");
    (word(16), word(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_as_asked_for() {
    let stage = Stage::on(
        "<title>Pictures</title><body style=margin:0><div style=height:1500px></div>\
         <div id=box style=width:120px;height:80px;background:teal></div><div style=height:420px></div>",
    )
    .await;
    let plain = stage.does(json!({ "action": "screenshot", "caption": "the page" })).await;
    assert_eq!((&plain.data["file"], &plain.data["caption"]), (&json!("step-01.jpg"), &json!("the page")));
    let kinds: Vec<_> = plain.artifacts.iter().map(|artifact| (artifact.kind, artifact.name.as_str())).collect();
    assert_eq!(kinds, [(ArtifactKind::Screenshot, "step-01.jpg"), (ArtifactKind::Thumbnail, "step-01.thumb.jpg")]);
    assert!(plain.artifacts.iter().all(|artifact| artifact.bytes.starts_with(&[0xff, 0xd8])));
    assert!(plain.artifacts[1].bytes.len() < plain.artifacts[0].bytes.len());

    let shot = async |step: serde_json::Value| {
        let outcome = stage.does(step).await;
        let artifact = &outcome.artifacts[0];
        (artifact.name.clone(), artifact.media_type, png_size(&artifact.bytes))
    };
    let png = json!({ "action": "screenshot", "format": "png", "file": "view.jpg" });
    assert_eq!(shot(png).await, ("view.png".to_owned(), "image/png", (1280, 800)));
    let full = json!({ "action": "screenshot", "format": "png", "full_page": true, "file": "full" });
    assert_eq!(shot(full).await, ("full.png".to_owned(), "image/png", (1280, 2000)));
    let element = json!({ "action": "screenshot", "format": "png", "selector": "#box", "file": "box.png" });
    assert_eq!(shot(element).await, ("box.png".to_owned(), "image/png", (120, 80)));
    assert_eq!(stage.value("innerWidth + 'x' + innerHeight").await, "1280x800", "the window stays as it was");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_goes_on_in_the_next_page() {
    for leaves_early in [true, false] {
        let stage = Stage::with(&[
            ("/", Answer::Html("<script>fetch('/leave').then(() => location = '/two')</script>")),
            ("/leave", Answer::Gate),
            ("/two", Answer::Html("<title>two</title><p id=here>x</p>")),
        ])
        .await;
        if leaves_early {
            stage.site.open_gate();
        }
        stage.goes_to("/").await;
        stage.site.open_gate();
        let seen = stage.does(json!({ "action": "wait_for", "selector": "#here" })).await;
        assert_eq!(seen.data["url"], json!(url("/two")));
        stage.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leaves_while_it_is_looked_at_is_looked_at_where_it_goes() {
    // So many pages, each there only until the next one is: some of the looks fall between two of them.
    let hop = "<title>on its way</title><script>onload = () => {\
               const hops = Number(location.search.slice(1));\
               if (hops < 50) location.replace('?' + (hops + 1)); else document.title = 'there' }</script>";
    let stage = Stage::with(&[("/", Answer::Html(hop))]).await;
    for _ in 0..3 {
        stage.goes_to("/").await;
        let seen = stage.does(json!({ "action": "expect_title", "contains": "there" })).await;
        assert_eq!(seen.data["url"], json!(url("/?50")));
    }
    stage.close().await;
}

const SHOWS: &str = "<body style='margin:0'><div id=box style='width:300px;height:90px;overflow:hidden;position:relative'>\
    <p id=text></p><p><i id=first></i><b id=second></b></p><input id=field><textarea id=area></textarea>\
    <div id=host></div><iframe id=frame></iframe></div>\
    <script>const root = host.attachShadow({mode: 'closed'});\
    window.show = value => { text.textContent = value; first.textContent = value.slice(0, 4); \
    second.textContent = value.slice(4); field.value = value; area.value = value; root.innerHTML = `<p>${value}</p>`; \
    frame.contentDocument.body.textContent = value; text.style.color = 'red'; }</script>";

/// What `#box` looks like, as bytes.
async fn look_of_box(stage: &Stage) -> Vec<u8> {
    let shot = json!({ "action": "screenshot", "format": "png", "selector": "#box" });
    stage.does(shot).await.artifacts.remove(0).bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn no_picture_shows_a_secret_and_the_page_stays_as_it_was() {
    let mut stage = Stage::on(SHOWS).await;
    stage.value("show('abcdef-123'), 1").await;
    let plain = look_of_box(&stage).await;
    let style = stage.value("text.getAttribute('style') + area.getAttribute('style')").await;
    stage.knows("key", "abcdef-123");
    let covered = look_of_box(&stage).await;
    assert!(covered != plain);
    assert_eq!(stage.value("text.getAttribute('style') + area.getAttribute('style')").await, style);

    stage.knows("other", "ghijkl-456");
    stage.value("show('ghijkl-456'), 1").await;
    assert!(look_of_box(&stage).await == covered, "one secret looks like the other");
    stage.value("show('nothing-789'), 1").await;
    assert!(look_of_box(&stage).await != covered, "and nothing else does");
    stage.close().await;
}
