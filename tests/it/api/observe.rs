//! Health, version, status, metrics, the log, seeding.

use std::time::Duration;

use greenroom::telemetry;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::harness::{STATUS_TOKEN, TestServer, answer};

/// The most a goal may take to be done.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn health_version_and_status_say_what_is_promised() {
    let server = TestServer::start().await;
    for path in ["/healthz", "/health", "/readyz"] {
        let said = answer(server.ask(Method::GET, path).send().await.unwrap()).await;
        assert_eq!((said.status.as_u16(), said.json), (200, json!({"ok": true})), "{path}");
    }
    assert_eq!(server.ask(Method::HEAD, "/healthz").send().await.unwrap().status(), 200);
    let version = answer(server.ask(Method::GET, "/version").send().await.unwrap()).await;
    assert_eq!(version.json["git_sha"], "dev");
    let status = server.get("/status").await.json;
    assert_eq!((&status["cap"], &status["active_personas"]), (&json!(8), &json!(0)));
    assert_eq!(status["queue_depths"], json!({"waiting": 0, "running": 0, "parked": 0}));
    let turns = &status["turns"];
    assert_eq!((&turns["grants"], &turns["urgent_late"], &turns["jain"]), (&json!(0), &json!(0), &Value::Null));
    assert_eq!(turns["waits"][2]["band"], "urgent");
    assert_eq!((&status["inbox"], &status["inboxes"]["dropped"]), (&json!(0), &json!(0)));
    assert_eq!(status["inboxes"]["evaluations_per_message"], 0.0);
    let nobody = json!({"idle": 0, "active": 0, "tired": 0, "overwhelmed": 0, "energy": 1.0});
    assert_eq!(status["climate"], nobody);
    server.persona("Ada").await;
    assert_eq!(server.get("/status").await.json["climate"]["idle"], 1);
    let fresh = json!({"mood": "idle", "energy": 1.0, "attention": 1.0, "compute": 1.0});
    let actors = server.get("/api/admin/actors").await.json["items"].clone();
    for actor in [&actors[0], &server.get("/api/personas/ada").await.json["actor"]] {
        for (name, value) in fresh.as_object().unwrap() {
            assert_eq!(&actor[name], value, "{name}");
        }
    }
    assert!(status["last_deploy"]["at"].as_str().unwrap().ends_with('Z'));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_is_done_shows_in_the_figures() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    let mut receipts = server.company.receipts();
    let goal = json!({"kind": "io", "title": "Keep a note", "priority": 0.5, "payload": {
        "steps": [{"action": "write_file", "path": "note.txt", "content": "hello"}]}});
    let made = server.post("/api/personas/ada/goals", &goal).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let path = format!("/api/goals/{}", made.json["id"].as_str().unwrap());
    let is_done = async {
        while server.get(&path).await.json["state"] != "done" {
            receipts.recv().await.unwrap();
        }
    };
    timeout(PATIENCE, is_done).await.expect("the goal is done");
    let status = server.get("/status").await.json;
    let (turns, inboxes) = (&status["turns"], &status["inboxes"]);
    assert_eq!(turns["grants"], 1, "{status}");
    let of_band = |band: &str| turns["waits"].as_array().unwrap().iter().find(|waits| waits["band"] == band).unwrap();
    assert_eq!((&of_band("middle")["grants"], &of_band("urgent")["grants"]), (&json!(1), &json!(0)), "{status}");
    assert_eq!((&inboxes["begun"], &inboxes["evaluated"]), (&json!(1), &json!(1)), "{status}");
    assert_eq!(inboxes["evaluations_per_message"], 1.0, "{status}");
    let call = server.ask(Method::GET, "/metrics/prometheus").bearer_auth(STATUS_TOKEN);
    let text = call.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\ngreenroom_slices_granted_total 1\n"), "{text}");
    assert!(text.contains("\ngreenroom_evaluations_per_message 1\n"), "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_json_or_prometheus_as_asked() {
    let server = TestServer::start().await;
    server.persona("Ada").await;
    assert_eq!(server.post("/api/personas/ada/messages", &json!({"text": "Hello"})).await.status, 201);
    let metrics = server.get("/metrics").await.json;
    let names: Vec<_> = metrics.as_object().unwrap().keys().cloned().collect();
    let today = ["day_caps", "deliverables_today", "errors_24h", "messages_today", "posts_today", "proposals_today"];
    let money = ["reserved_micro_usd", "spent_micro_usd_today", "spent_tokens_today"];
    assert_eq!(names, [&today[..], &money[..]].concat());
    assert_eq!(metrics["day_caps"]["post"], 500);
    for (path, accept) in [("/metrics", "text/plain"), ("/metrics/prometheus", "*/*")] {
        let call = server.ask(Method::GET, path).bearer_auth(STATUS_TOKEN).header("Accept", accept);
        let text = call.send().await.unwrap().text().await.unwrap();
        assert!(text.contains("# TYPE greenroom_posts_today gauge\ngreenroom_posts_today "), "{text}");
        assert!(text.contains("greenroom_registered_personas 1\n"), "{text}");
        assert!(
            text.contains("# TYPE greenroom_slices_granted_total counter\ngreenroom_slices_granted_total "),
            "{text}"
        );
        for figure in [
            "slices_granted_per_s",
            "used_slots",
            "urgent_late_total",
            "slice_wait_ms{band=\"low\",quantile=\"0.5\"}",
            "slice_wait_ms{band=\"middle\",quantile=\"0.95\"}",
            "inbox_messages",
            "energy_thousandths",
            "messages_dropped_total",
            "evaluations_per_message",
        ] {
            assert!(text.contains(&format!("\ngreenroom_{figure} ")), "{figure}: {text}");
        }
        assert!(text.contains("greenroom_slice_wait_ms{band=\"urgent\",quantile=\"0.99\"} "), "{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_from_its_end() {
    let server = TestServer::start().await;
    let file = telemetry::log_file(&server.config.data_root);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let lines: Vec<String> = (0..500).map(|n| format!("{{\"n\":{n}}}")).collect();
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let tail = async |query: &str| {
        let call = server.ask(Method::GET, &format!("/logs/tail?token={STATUS_TOKEN}{query}"));
        call.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(tail("&lines=2").await, "{\"n\":498}\n{\"n\":499}\n");
    assert_eq!(tail("").await.lines().count(), 200);
    assert!(tail("&lines=99999").await.contains("lines"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seeding_needs_the_switch_and_no_login() {
    let server = TestServer::start_with(|config| config.server.allow_seed = true).await;
    let post =
        async |path: &str, body: &Value| answer(server.ask(Method::POST, path).json(body).send().await.unwrap()).await;
    let made = post("/dev/seed/persona", &json!({})).await;
    assert_eq!((made.status.as_u16(), &made.json["slug"]), (201, &json!("ada")), "{}", made.json);
    let again = post("/dev/seed/persona", &json!({})).await;
    assert_eq!((again.status.as_u16(), &again.json["id"]), (200, &made.json["id"]));
    let goal = post("/dev/seed/goal", &json!({})).await;
    assert_eq!((goal.status.as_u16(), &goal.json["kind"]), (201, &json!("browser")), "{}", goal.json);
    for (name, value) in [("Origin", "http://evil.example"), ("X-Forwarded-For", "9.9.9.9"), ("Host", "evil.example")] {
        let call = server.ask(Method::POST, "/dev/seed/persona").header(name, value).body("{}");
        assert_eq!(call.send().await.unwrap().status(), 403, "{name}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_in_and_comes_out_and_stands_in_receipts() {
    let server = TestServer::start().await;
    let trace = "0123456789abcdef0123456789abcdef";
    let call = server.local(Method::POST, "/api/personas").header("X-Trace-ID", trace).json(&json!({"name": "Ada"}));
    let made = answer(call.send().await.unwrap()).await;
    assert_eq!(made.headers["x-trace-id"], trace);
    let receipts = server.get("/api/receipts").await;
    assert!(receipts.json["items"].as_array().unwrap().iter().any(|receipt| receipt["trace"] == trace));
    assert_eq!(receipts.headers["x-trace-id"].len(), 32, "one is made when none comes");
    assert_eq!(receipts.headers["x-content-type-options"], "nosniff");
    assert_eq!(receipts.headers["cache-control"], "no-store");
    assert!(receipts.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    server.stop().await;
}
