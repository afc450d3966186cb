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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pressed_is_not_begun_and_says_why() {
    let stage = Stage::on(
        "<style>#veil{position:absolute;left:0;top:100px;width:300px;height:50px;background:red}\
         @keyframes go{to{transform:translateX(900px)}}#runner{animation:go 3s linear infinite}</style>\
         <button id=off disabled>off</button><button id=gone style=display:none>gone</button>\
         <fieldset disabled><button id=inner>inner</button></fieldset><button id=aria aria-disabled=true>a</button>\
         <button id=under style=position:absolute;top:110px>under</button><div id=veil></div>\
         <button id=runner style=position:absolute;top:200px>run</button>\
         <button id=tiny style=position:absolute;top:300px;width:0;height:0;padding:0;border:0;overflow:hidden></button>",
    )
    .await;
    for (selector, why) in [
        ("#nowhere", "is not on the page"),
        ("#gone", "not visible"),
        ("#tiny", "not visible"),
        ("#off", "is disabled"),
        ("#inner", "is disabled"),
        ("#aria", "is disabled"),
        ("#under", "covered by <div#veil>"),
        ("#runner", "is moving"),
        ("##", "not a CSS selector"),
    ] {
        // What moves is known by two frames; the others by one look.
        let timeout_ms = if selector == "#runner" { 3_000 } else { 500 };
        let outcome = stage.step(json!({ "action": "click", "selector": selector, "timeout_ms": timeout_ms })).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{selector}: {outcome:?}");
        assert!(error(&outcome).contains(why), "{selector}: {}", error(&outcome));
        assert_eq!(outcome.data["ok"], false);
        assert_eq!(outcome.data["url"], json!(url("/")));
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_page_was_is_known_though_it_no_longer_answers() {
    let stage = Stage::on(
        "<title>Choose</title><select id=who><option value=us>Us<option value=them>Them</select><script>\
         who.onchange = () => { who.value = 'us'; \
         setTimeout(() => { const end = Date.now() + 2000; while (Date.now() < end); }) }</script>",
    )
    .await;
    let outcome = stage.step(json!({ "action": "select", "selector": "#who", "value": "them" })).await;
    assert!(error(&outcome).contains("did not keep the option"), "{outcome:?}");
    assert_eq!((&outcome.data["url"], &outcome.data["title"]), (&json!(url("/")), &json!("Choose")));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_waits_for_its_element_and_scrolls_to_it() {
    let stage = Stage::on(
        "<body style=height:5000px><p id=said></p><script>setTimeout(() => {\
         const b = document.createElement('button'); b.id = 'late'; b.style = 'position:absolute;top:4000px';\
         b.disabled = true; b.onclick = () => said.textContent = 'pressed';\
         document.body.append(b); setTimeout(() => b.disabled = false, 100) }, 100)</script>",
    )
    .await;
    let step = json!({ "action": "click", "selector": "#late", "effect": "read" });
    let outcome = stage.does(step).await;
    assert!(outcome.artifacts.is_empty(), "a click that only looks needs no evidence");
    assert_eq!(stage.value("said.textContent").await, "pressed");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_every_sort_are_filled_and_looked_at_again() {
    let stage = Stage::on(
        "<input id=name value=old><textarea id=area>old</textarea><div id=free contenteditable>old</div>\
         <input id=day type=date><input id=slide type=range><input id=count type=number>\
         <input id=short maxlength=3><input id=card oninput=\"this.value=this.value.replace(/(\\d{4})(?=\\d)/g,'$1 ')\">\
         <input id=fixed readonly><p id=text>x</p><input id=box type=checkbox><input id=secret type=password maxlength=4>",
    )
    .await;
    for (selector, text) in [
        ("#name", "Ada"),
        ("#name", ""),
        ("#area", "one\ntwo"),
        ("#free", "free text"),
        ("#day", "2031-04-05"),
        ("#slide", "70"),
        ("#count", "42"),
        ("#card", "12345678"),
    ] {
        stage.does(json!({ "action": "type", "selector": selector, "text": text })).await;
    }
    let script = "[name.value, area.value, free.innerText, day.value, slide.value, count.value, card.value].join('|')";
    let held = stage.value(&script.replace("name.value", "document.all.name.value")).await;
    assert_eq!(held, "|one\ntwo|free text|2031-04-05|70|42|1234 5678");

    let fill =
        |selector: &str, text: &str| json!({ "action": "type", "selector": selector, "text": text, "timeout_ms": 400 });
    for (step, ended, why) in [
        (fill("#fixed", "x"), Ended::NotBegun, "read-only"),
        (fill("#text", "x"), Ended::NotBegun, "takes no text"),
        (fill("#box", "x"), Ended::NotBegun, "takes no text"),
        (fill("#name", "a\nb"), Ended::NotBegun, "one line"),
        (fill("#none", "x"), Ended::NotBegun, "not on the page"),
        (fill("#short", "abcdef"), Ended::Done, "holds 3 characters instead of the 6"),
        (fill("#secret", "hunter2secret"), Ended::Done, "does not hold what was typed"),
    ] {
        let outcome = stage.step(step.clone()).await;
        assert_eq!(outcome.ended, ended, "{step}: {outcome:?}");
        assert!(error(&outcome).contains(why), "{step}: {}", error(&outcome));
        assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_is_chosen_by_its_value() {
    let stage = Stage::on(
        "<select id=who onchange=\"said.textContent='changed to '+value\"><option value=all>All<option value=us>Us\
         <option value=none disabled>None</select><p id=said></p>",
    )
    .await;
    stage.does(json!({ "action": "select", "selector": "#who", "value": "us" })).await;
    stage.does(json!({ "action": "expect_text", "contains": "changed to us" })).await;
    for (selector, value, why) in [
        ("#who", "them", "it has: all, us"),
        ("#who", "none", "it has: all, us"),
        ("#said", "us", "not a list"),
        ("#none", "us", "not on the page"),
    ] {
        let step = json!({ "action": "select", "selector": selector, "value": value, "timeout_ms": 400 });
        let outcome = stage.step(step).await;
        assert_eq!(outcome.ended, Ended::NotBegun);
        assert!(error(&outcome).contains(why), "{}", error(&outcome));
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_brings_its_value_or_says_how_it_failed() {
    let stage = Stage::on("<title>t</title><script>window.count = 0</script>").await;
    assert_eq!(stage.value("({ a: [1, 'two'] })").await, json!({ "a": [1, "two"] }));
    assert_eq!(stage.value("Promise.resolve(7)").await, 7);
    let effect = stage.does(json!({ "action": "evaluate", "script": "document.title = 'new'" })).await;
    assert_eq!(effect.data["title"], "new");
    assert_eq!(effect.artifacts.len(), 1, "an effect leaves a screenshot");

    let broken = stage.step(json!({ "action": "evaluate", "script": "let = = 1" })).await;
    assert_eq!(broken.ended, Ended::NotBegun);
    assert!(error(&broken).contains("cannot be read") && !broken.error.as_ref().unwrap().retryable);

    let script = "count++; throw new Error('half way')";
    let looked = stage.step(json!({ "action": "evaluate", "script": script, "effect": "read" })).await;
    assert_eq!(looked.ended, Ended::Done);
    assert!(error(&looked).contains("half way"), "{looked:?}");
    let acted = stage.step(json!({ "action": "evaluate", "script": script })).await;
    assert_eq!(acted.ended, Ended::Unknown, "it may have done something before it failed");

    let never = json!({ "action": "evaluate", "script": "new Promise(() => {})", "timeout_ms": 300 });
    assert_eq!(stage.step(never).await.ended, Ended::Unknown);
    let long = stage.step(json!({ "action": "evaluate", "script": "'x'.repeat(30000)", "effect": "read" })).await;
    assert!(error(&long).contains("return less"), "{long:?}");
    assert_eq!(stage.value("count").await, 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_decided_for_another_site_is_not_done() {
    let stage = Stage::on("<button id=go onclick=\"document.title='pressed'\">go</button>").await;
    for step in
        [json!({ "action": "click", "selector": "#go" }), json!({ "action": "evaluate", "script": "go.click()" })]
    {
        let (mut call, parsed) = stage.call(&step);
        call.page = Some("http://bank.example/transfer".to_owned());
        let outcome = stage.perform(&call, &parsed).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{outcome:?}");
        assert!(error(&outcome).contains("http://bank.example") && error(&outcome).contains(&url("")), "{outcome:?}");
        assert_eq!(outcome.data["title"], "", "nothing was pressed");
        call.page = Some(url("/another/page"));
        assert!(stage.perform(&call, &parsed).await.holds());
        stage.goes_to("/").await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogs_are_dismissed_and_popups_closed_and_both_are_told() {
    let stage = Stage::with(&[
        (
            "/",
            Answer::Html(
                "<button id=box onclick=\"document.title = String(confirm('Really send it?'))\">box</button>\
                 <a id=leave href=/other>leave</a><script>onbeforeunload = () => 'stay?'</script>",
            ),
        ),
        ("/other", Answer::Html("<title>other</title>")),
    ])
    .await;
    stage.goes_to("/").await;
    let asked = stage.does(json!({ "action": "click", "selector": "#box" })).await;
    assert_eq!(asked.data["title"], "false");
    assert!(asked.data["details"].as_str().unwrap().contains("Really send it?"), "{asked:?}");
    let script = "new Promise(done => { const popup = open('/other');\
                  const look = setInterval(() => { if (popup.closed) { clearInterval(look); done('closed') } }, 20) })";
    let popup = stage.does(json!({ "action": "evaluate", "script": script })).await;
    assert!(popup.data["details"].as_str().unwrap().contains("a popup was closed"), "{popup:?}");
    let left = stage.does(json!({ "action": "click", "selector": "#leave" })).await;
    assert_eq!(left.data["title"], "other", "who leaves a page means it");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_taken_when_what_was_set_off_has_come_to_rest() {
    let stage = Stage::with(&[
        (
            "/",
            Answer::Html(
                "<button id=ask onclick=\"fetch('/data').then(r => r.text()).then(t => said.textContent = t)\">ask</button>\
                 <button id=go onclick=\"fetch('/data').then(() => setTimeout(() => location = '/done'))\">go</button>\
                 <button id=hash onclick=\"location.hash = 'here'\">hash</button><p id=said></p>",
            ),
        ),
        ("/data", Answer::Other("Content-Type: text/plain", "it was sent")),
        ("/done", Answer::Html("<title>done</title><script>location.replace('/final')</script>")),
        ("/final", Answer::Html("<title>final</title>thank you")),
    ])
    .await;
    stage.goes_to("/").await;
    let asked = stage.does(json!({ "action": "click", "selector": "#ask" })).await;
    assert!(asked.data["page_text"].as_str().unwrap().contains("it was sent"), "{asked:?}");
    let stayed = stage.does(json!({ "action": "click", "selector": "#hash" })).await;
    assert_eq!(stayed.data["url"], json!(url("/#here")));
    let went = stage.does(json!({ "action": "click", "selector": "#go" })).await;
    assert_eq!((&went.data["title"], &went.data["page_text"]), (&json!("final"), &json!("thank you")));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_whose_page_never_comes_is_unknown_and_the_next_goto_works() {
    let mut stage = Stage::with(&[
        ("/", Answer::Html("<title>start</title><form method=post action=/hang><button id=go>go</button></form>")),
        ("/hang", Answer::Hang),
    ])
    .await;
    stage.goes_to("/").await;
    stage.limit = std::time::Duration::from_secs(3);
    let outcome = stage.step(json!({ "action": "click", "selector": "#go" })).await;
    assert_eq!(outcome.ended, Ended::Unknown, "{outcome:?}");
    assert!(outcome.summary.contains("not known"), "{outcome:?}");
    stage.limit = std::time::Duration::from_secs(20);
    assert_eq!(stage.goes_to("/").await.data["title"], "start");
    stage.close().await;
}
