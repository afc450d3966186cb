//! The life of browsers: places, warmth, logins that survive, personas that stay apart.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use actors::domain::Ended;
use greenroom::{
    browser::Browsers,
    egress::{Egress, HostRules},
};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::json;

use super::{
    site::Answer,
    stage::{Mirror, Stage, config, error, persona, url},
};

/// Waits until one of our processes is gone; it may have been cleared up already.
pub async fn ended(pid: i32) {
    let waiting = tokio::task::spawn_blocking(move || {
        let id = WaitId::Pid(Pid::from_raw(pid).unwrap());
        // Looks without taking the exit away from whoever clears up.
        let _ = waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    });
    waiting.await.unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_unused_makes_room_and_the_idle_close_by_themselves() {
    let mut stage = Stage::with(&login_site()).await;
    let mut settings = config();
    settings.most_open = NonZeroUsize::new(1).unwrap();
    settings.warm_for = Duration::from_millis(200);
    let egress = Egress::new(HostRules::default(), stage.site.addr);
    stage.browsers = Browsers::new(settings, egress, stage.root.path().to_owned(), Arc::new(Mirror));
    stage.goes_to("/").await;
    let first = stage.browsers.pid(persona(1).id).await;
    stage.persona = persona(2);
    stage.goes_to("/").await;
    if let Some(first) = first {
        ended(first).await;
    }
    assert!(stage.browsers.open_count() <= 1);
    if let Some(second) = stage.browsers.pid(persona(2).id).await {
        ended(second).await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_chromium_the_error_names_the_package_and_the_setting() {
    let mut stage = Stage::with(&[]).await;
    let mut settings = config();
    settings.executable = PathBuf::from("/nowhere/chromium");
    let egress = Egress::new(HostRules::default(), stage.site.addr);
    stage.browsers = Browsers::new(settings, egress, stage.root.path().to_owned(), Arc::new(Mirror));
    let outcome = stage.step(json!({ "action": "goto", "url": url("/") })).await;
    assert_eq!(outcome.ended, Ended::NotBegun);
    assert!(!outcome.error.as_ref().unwrap().retryable);
    assert!(error(&outcome).contains("browser.executable"), "{outcome:?}");
    assert_eq!(stage.browsers.open_count(), 0);
}
