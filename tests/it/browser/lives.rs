//! The life of browsers: places, warmth, logins that survive, personas that stay apart.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, thread, time::Duration};

use actors::domain::Ended;
use greenroom::{
    browser::Browsers,
    config::BrowserConfig,
    egress::{Egress, HostRules},
};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::json;
use tokio::{sync::oneshot, time::timeout};

use super::{
    site::Answer,
    stage::{Mirror, Stage, config, error, persona, url},
};

/// The most anything that must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until one of our processes is gone; it may have been cleared up already.
pub async fn ended(pid: i32) {
    let (tell, told) = oneshot::channel();
    // A thread of its own: a runtime would wait for it, also after the test has failed.
    thread::spawn(move || {
        let id = WaitId::Pid(Pid::from_raw(pid).unwrap());
        // Looks without taking the exit away from whoever clears up.
        let _ = waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = tell.send(());
    });
    timeout(PATIENCE, told).await.expect("the process has ended").unwrap();
}

pub fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

fn login_site() -> [(&'static str, Answer); 3] {
    [
        ("/", Answer::Html("<title>home</title><a id=in href=/in>in</a>")),
        ("/in", Answer::Cookie("session=ada; Path=/", "<title>in</title>")),
        ("/me", Answer::Echo),
    ]
}

async fn cookies(stage: &Stage) -> String {
    stage.goes_to("/me").await;
    let step = json!({ "action": "extract", "selector": "body", "save_as": "it" });
    stage.does(step).await.data["value"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_survives_a_pause_and_a_kill() {
    let stage = Stage::with(&login_site()).await;
    stage.goes_to("/").await;
    stage.does(json!({ "action": "click", "selector": "#in" })).await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    kill(pid);
    ended(pid).await;
    assert_eq!(cookies(&stage).await, "session=ada", "a session cookie, killed at once");

    let file = stage.root.path().join(stage.persona.id.to_string()).join("cookies.sealed");
    let sealed = std::fs::read(&file).unwrap();
    assert!(sealed.starts_with(format!("persona:{}/", stage.persona.id).as_bytes()));
    assert!(!String::from_utf8_lossy(&sealed).contains("session"), "not in the clear");

    stage.browsers.release(stage.persona.id).await;
    assert_eq!(stage.browsers.open_count(), 0);
    assert_eq!(cookies(&stage).await, "session=ada", "closed cleanly");

    stage.browsers.release(stage.persona.id).await;
    std::fs::write(&file, b"tampered with").unwrap();
    stage.goes_to("/").await; // a spoiled file costs the login, not the browser
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_named_before_a_crash_names_nothing_behind_it() {
    let page = "<title>board</title><button onclick=\"document.title='pressed'\">Send</button>";
    let stage = Stage::with(&[("/", Answer::Html(page))]).await;
    stage.goes_to("/").await;
    stage.does(json!({ "action": "snapshot" })).await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    kill(pid);
    ended(pid).await;
    stage.goes_to("/").await;
    stage.does(json!({ "action": "snapshot" })).await;
    let stale = stage.step(json!({ "action": "click", "selector": "ref=e1" })).await;
    assert_eq!(stale.ended, Ended::NotBegun, "{stale:?}");
    assert!(error(&stale).contains("stale ref, take a new snapshot"), "{stale:?}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn personas_share_nothing() {
    let mut stage = Stage::with(&login_site()).await;
    stage.goes_to("/in").await;
    stage.value("localStorage.setItem('who', 'ada')").await;
    stage.persona = persona(2);
    assert_eq!(cookies(&stage).await, "");
    assert_eq!(stage.value("localStorage.getItem('who')").await, serde_json::Value::Null);
    assert_eq!(stage.browsers.open_count(), 2);
    let pids = [stage.browsers.pid(persona(1).id).await, stage.browsers.pid(persona(2).id).await];
    assert!(pids[0].is_some() && pids[0] != pids[1], "{pids:?}");
    stage.close().await;
}

/// A stage with its own settings for browsers.
async fn stage_with(change: impl FnOnce(&mut BrowserConfig)) -> Stage {
    let mut stage = Stage::with(&login_site()).await;
    let mut settings = config();
    change(&mut settings);
    let egress = Egress::new(HostRules::default(), stage.site.addr);
    stage.browsers = Browsers::new(settings, egress, stage.root.path().to_owned(), Arc::new(Mirror));
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_unused_makes_room_and_who_rests_before_who_works() {
    let mut stage = stage_with(|settings| {
        settings.most_open = NonZeroUsize::new(2).unwrap();
        settings.warm_for = Duration::from_secs(3600);
    })
    .await;
    let mut pids = [None; 4];
    for number in [1, 2, 1] {
        stage.persona = persona(number);
        stage.goes_to("/").await;
        pids[number as usize] = stage.browsers.pid(persona(number).id).await;
    }
    stage.browsers.rest(persona(1).id).await;
    stage.browsers.rest(persona(2).id).await;
    stage.persona = persona(3);
    stage.goes_to("/").await;
    ended(pids[2].unwrap()).await;
    assert_eq!(stage.browsers.pid(persona(2).id).await, None, "unused for longer than the first");
    assert_eq!(stage.browsers.pid(persona(1).id).await, pids[1]);
    assert_eq!(stage.browsers.open_count(), 2);

    // Now the first has a slice again and the third, used later, has none.
    assert!(stage.browsers.keeps_page(persona(1).id).await);
    stage.browsers.rest(persona(3).id).await;
    stage.persona = persona(2);
    stage.goes_to("/").await;
    assert_eq!(stage.browsers.pid(persona(3).id).await, None);
    assert_eq!(stage.browsers.pid(persona(1).id).await, pids[1]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_browser_closes_by_itself() {
    let stage = stage_with(|settings| settings.warm_for = Duration::from_millis(200)).await;
    stage.goes_to("/").await;
    // None: it has closed meanwhile.
    if let Some(pid) = stage.browsers.pid(stage.persona.id).await {
        ended(pid).await;
    }
    assert_eq!(stage.browsers.pid(stage.persona.id).await, None);
    assert_eq!(stage.browsers.open_count(), 0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_chromium_the_error_names_the_package_and_the_setting() {
    let stage = stage_with(|settings| settings.executable = PathBuf::from("/nowhere/chromium")).await;
    let outcome = stage.step(json!({ "action": "goto", "url": url("/") })).await;
    assert_eq!(outcome.ended, Ended::NotBegun);
    assert!(!outcome.error.as_ref().unwrap().retryable);
    assert!(error(&outcome).contains("browser.executable"), "{outcome:?}");
    assert_eq!(stage.browsers.open_count(), 0);
}
