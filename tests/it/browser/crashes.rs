//! Browsers and pages that die, hang or are stopped under a step.

use std::{fs, time::Duration};

use actors::domain::Ended;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    lives::{ended, kill},
    site::Answer,
    stage::{Stage, error},
};

fn site() -> [(&'static str, Answer); 3] {
    [
        ("/", Answer::Html("<title>home</title><form method=post action=/hang><button id=go>go</button></form>")),
        ("/hang", Answer::Hang),
        ("/loop", Answer::Html("<title>loop</title><button id=go onclick='for(;;){}'>go</button>")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_browser_is_started_anew_and_the_step_under_way_is_told_apart() {
    let stage = Stage::with(&site()).await;
    stage.goes_to("/").await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    let waiting = stage.step(json!({ "action": "wait_for", "selector": "#never" }));
    let (looked, ()) = tokio::join!(waiting, async { kill(pid) });
    assert_eq!(looked.ended, Ended::NotBegun, "{looked:?}");
    assert!(error(&looked).contains("the next step restarts it") || error(&looked).contains("goto"), "{looked:?}");
    let lost = stage.step(json!({ "action": "click", "selector": "#go" })).await;
    assert!(error(&lost).contains("a goto must come first"), "{lost:?}");

    stage.goes_to("/").await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    let pressing = stage.step(json!({ "action": "click", "selector": "#go" }));
    let (acted, ()) = tokio::join!(pressing, async {
        stage.site.was_asked("POST /hang").await;
        kill(pid);
    });
    assert_eq!(acted.ended, Ended::Unknown, "{acted:?}");
    assert_eq!(stage.goes_to("/").await.data["title"], "home");
    stage.close().await;
}

/// The processes that draw pages under a browser's process.
fn renderers(browser: i32) -> Vec<i32> {
    let mut family = vec![browser];
    let mut renderers = Vec::new();
    let pids = || fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let all: Vec<(i32, i32)> = pids()
        .filter_map(|pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut at = 0;
    while at < family.len() {
        let parent = family[at];
        family.extend(all.iter().filter(|(_, own)| *own == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    for pid in family {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line.contains("--type=renderer") {
            renderers.push(pid);
        }
    }
    renderers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crashed_page_costs_the_page_not_the_browser() {
    let stage = Stage::with(&site()).await;
    stage.goes_to("/").await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    let pages = renderers(pid);
    assert!(!pages.is_empty());
    let waiting = stage.step(json!({ "action": "wait_for", "selector": "#never" }));
    let (looked, ()) = tokio::join!(waiting, async { pages.iter().for_each(|page| kill(*page)) });
    assert_eq!(looked.ended, Ended::NotBegun, "{looked:?}");
    assert!(error(&looked).contains("page crashed"), "{looked:?}");
    assert_eq!(stage.goes_to("/").await.data["title"], "home");
    assert_eq!(stage.browsers.pid(stage.persona.id).await, Some(pid), "the same browser");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_hangs_is_left_for_a_new_tab() {
    let mut stage = Stage::with(&site()).await;
    stage.goes_to("/loop").await;
    stage.limit = Duration::from_secs(2);
    let pressed = stage.step(json!({ "action": "click", "selector": "#go" })).await;
    assert_eq!(pressed.ended, Ended::Unknown, "{pressed:?}");
    stage.limit = Duration::from_secs(20);
    let looked = stage.step(json!({ "action": "expect_title", "contains": "loop" })).await;
    assert!(error(&looked).contains("the page hangs"), "{looked:?}");
    assert_eq!(stage.goes_to("/").await.data["title"], "home");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_hangs_is_ended_and_replaced() {
    let mut stage = Stage::with(&site()).await;
    stage.goes_to("/").await;
    let pid = stage.browsers.pid(stage.persona.id).await.unwrap();
    let process = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    stage.limit = Duration::from_secs(1);
    let stuck = stage.step(json!({ "action": "expect_title", "contains": "home" })).await;
    assert_eq!(stuck.ended, Ended::NotBegun, "{stuck:?}");
    stage.limit = Duration::from_secs(20);
    assert_eq!(stage.goes_to("/").await.data["title"], "home");
    ended(pid).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_step_says_how_far_it_came() {
    let stage = Stage::with(&site()).await;
    stage.goes_to("/").await;
    let (call, step) = stage.call(&json!({ "action": "wait_for", "selector": "#never" }));
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = stage.browsers.perform(&stage.persona, &call, &step, &stage.hidden, stop).await;
    assert_eq!(stopped.ended, Ended::NotBegun);
    assert_eq!(stopped.summary, "was stopped while it waited for #never");

    let (call, step) = stage.call(&json!({ "action": "click", "selector": "#go" }));
    let stop = CancellationToken::new();
    let pressing = stage.browsers.perform(&stage.persona, &call, &step, &stage.hidden, stop.clone());
    let (stopped, ()) = tokio::join!(pressing, async {
        stage.site.was_asked("POST /hang").await;
        stop.cancel();
    });
    assert_eq!(stopped.ended, Ended::Unknown);
    stage.close().await;
}
