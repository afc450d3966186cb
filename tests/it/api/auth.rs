//! Who may call what, and how a caller shows who they are.

use greenroom::{
    storage::UserRole,
    web::{
        self,
        routes::{Face, Route, Who},
    },
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::harness::{STATUS_TOKEN, TestServer, answer};

/// A path somebody might ask for.
fn example(route: &Route) -> String {
    let parts = route.path.split('/').map(|part| if part.starts_with('{') { "example" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_login_only_health_version_and_the_login_answer() {
    let server = TestServer::start().await;
    let mut open = Vec::new();
    for route in web::tables() {
        let path = example(&route);
        let method: Method = route.method.as_str().parse().unwrap();
        let status = server.ask(method, &path).send().await.unwrap().status();
        match (route.who, route.face) {
            (Who::Anyone, _) => open.push(path),
            (Who::Seeder, _) => assert_eq!(status, 404, "{path} is switched off"),
            (_, Face::Page) => assert_eq!(status, 303, "{path}"),
            (_, Face::Api) => assert_eq!(status, 401, "{} {path}", route.method),
        }
    }
    open.retain(|path| !path.starts_with("/static/"));
    open.sort();
    open.dedup();
    assert_eq!(open, ["/health", "/healthz", "/login", "/readyz", "/version", "/ws/evidence"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_kept_from_what_is_for_owners() {
    let server = TestServer::start().await;
    let (member, owner) = (server.token("mia", UserRole::Member).await, server.token("ola", UserRole::Owner).await);
    for route in web::tables().iter().filter(|route| matches!(route.who, Who::Member | Who::Owner)) {
        let path = example(route);
        let method: Method = route.method.as_str().parse().unwrap();
        let ask = |token: &str| server.ask(method.clone(), &path).bearer_auth(token).send();
        let refused = ask(&member).await.unwrap().status() == StatusCode::FORBIDDEN;
        assert_eq!(refused, route.who == Who::Owner, "member: {} {path}", route.method);
        if path != "/api/auth/logout" {
            let status = ask(&owner).await.unwrap().status();
            assert!(status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED, "owner: {path}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_token_opens_the_observe_endpoints_and_nothing_else() {
    let server = TestServer::start().await;
    for path in ["/status", "/metrics", "/metrics/prometheus"] {
        let by_header = server.ask(Method::GET, path).bearer_auth(STATUS_TOKEN).send().await.unwrap();
        assert_eq!(by_header.status(), 200, "{path}");
        let by_query = server.ask(Method::GET, &format!("{path}?token={STATUS_TOKEN}")).send().await.unwrap();
        assert_eq!(by_query.status(), 200, "{path}");
        let wrong = server.ask(Method::GET, &format!("{path}?token=other")).send().await.unwrap();
        assert_eq!(wrong.status(), 401, "{path}");
    }
    let api = server.ask(Method::GET, "/api/personas").bearer_auth(STATUS_TOKEN).send().await.unwrap();
    assert_eq!(api.status(), 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_logs_in_once_and_the_session_ends_with_logout() {
    let server = TestServer::start().await;
    let token = server.link().await;
    let first = server.form("/login", format!("token={token}")).send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["location"].as_bytes()), (303, &b"/personas"[..]));
    let again = server.form("/login", format!("token={token}")).send().await.unwrap();
    assert!(again.headers()["location"].to_str().unwrap().starts_with("/login?"));
    assert!(!again.headers().contains_key("set-cookie"));

    let cookie = server.login().await;
    let me = server.ask(Method::GET, "/api/auth/me").header("Cookie", &cookie);
    let me = answer(me.send().await.unwrap()).await;
    assert_eq!(me.json, json!({"name": "owner", "role": "owner"}));
    let out = server.ask(Method::POST, "/api/auth/logout").header("Cookie", &cookie).header("Origin", &server.base);
    assert_eq!(out.json(&json!({})).send().await.unwrap().status(), 204);
    let me = server.ask(Method::GET, "/api/auth/me").header("Cookie", &cookie).send().await.unwrap();
    assert_eq!(me.status(), 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_a_link_is_slowed_down() {
    let server = TestServer::start().await;
    for _ in 0..10 {
        assert_eq!(server.form("/login", "token=guess".into()).send().await.unwrap().status(), 303);
    }
    let refused = answer(server.form("/login", "token=guess".into()).send().await.unwrap()).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_nothing_from_a_foreign_page() {
    let server = TestServer::start().await;
    let cookie = server.login().await;
    let cases = [
        (Some(server.base.as_str()), None, "application/json", 201),
        (None, Some("same-origin"), "application/json; charset=utf-8", 201),
        (Some("https://evil.example"), None, "application/json", 403),
        (Some("null"), None, "application/json", 403),
        (None, Some("cross-site"), "application/json", 403),
        (None, Some("none"), "application/json", 403),
        (None, None, "application/json", 403),
        (Some(server.base.as_str()), None, "text/plain", 415),
        (Some(server.base.as_str()), None, "application/x-www-form-urlencoded", 415),
    ];
    for (n, (origin, site, kind, status)) in cases.into_iter().enumerate() {
        let mut call = server.ask(Method::POST, "/api/personas").header("Cookie", &cookie);
        for (name, value) in [("Origin", origin), ("Sec-Fetch-Site", site), ("Content-Type", Some(kind))] {
            if let Some(value) = value {
                call = call.header(name, value);
            }
        }
        let sent = call.body(format!("{{\"name\": \"P {n}\"}}")).send().await.unwrap();
        assert_eq!(sent.status(), status, "{origin:?} {site:?} {kind}");
    }
    // `curl -d` with a token sends the type of a form.
    let curl = server.local(Method::POST, "/api/personas").header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(curl.body("{\"name\": \"Curl\"}").send().await.unwrap().status(), 201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_ends_when_revoked() {
    let server = TestServer::start().await;
    let made = server.post("/api/admin/tokens", &json!({"name": "ci"})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    let token = made.json["token"].as_str().unwrap();
    let with_token = || server.ask(Method::GET, "/api/personas").bearer_auth(token).send();
    assert_eq!(with_token().await.unwrap().status(), 200);

    let listed = server.get("/api/admin/tokens").await.json;
    assert_eq!(listed["items"][0]["name"], "ci");
    assert!(!listed.to_string().contains(token));

    let path = format!("/api/admin/tokens/{}", made.json["id"].as_str().unwrap());
    assert_eq!(server.local(Method::DELETE, &path).send().await.unwrap().status(), 204);
    assert_eq!(with_token().await.unwrap().status(), 401);
    assert_eq!(server.local(Method::DELETE, &path).send().await.unwrap().status(), 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_login_links() {
    let server = TestServer::start().await;
    let made = server.post("/api/auth/login-links", &json!({"user": null})).await;
    assert_eq!(made.status, 201, "{}", made.json);
    assert!(made.json["url"].as_str().unwrap().starts_with(&format!("{}/login?token=", server.base)));
    let nobody = server.post("/api/auth/login-links", &json!({"user": "nobody"})).await;
    assert_eq!((nobody.status.as_u16(), &nobody.json["errors"][0]["field"]), (422, &json!("user")));
    server.stop().await;
}
