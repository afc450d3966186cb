//! Pages that misbehave on purpose: slow, never loading, alerting, downloading, covering, leading away.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;

use super::{
    pages::{AlertPage, ObstaclesPage, PracticePage, SlowPage},
    site::{self, Problem, page, see},
    store::Store,
};

const SLOWEST_MS: u64 = 10_000;
const NEVER: Duration = Duration::from_secs(120);
const BRIEF: &str = "Data pipeline audit\n\nScope: 40 tables, three sources, one nightly run.\n";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/practice", web::get().to(index))
        .route("/practice/slow", web::get().to(slow))
        .route("/practice/never", web::get().to(never))
        .route("/practice/alert", web::get().to(alert))
        .route("/practice/download", web::get().to(download))
        .route("/practice/obstacles", web::get().to(obstacles))
        .route("/practice/elsewhere", web::get().to(elsewhere));
}

#[derive(Deserialize)]
struct Slow {
    #[serde(default)]
    ms: Option<u64>,
}

#[derive(Deserialize)]
struct Alert {
    #[serde(default)]
    now: bool,
}

async fn index(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &PracticePage { frame: site::frame(&request, &store, "practice") })
}

async fn slow(request: HttpRequest, store: web::Data<Store>, slow: web::Query<Slow>) -> Result<HttpResponse, Problem> {
    let ms = slow.ms.unwrap_or(1_500).min(SLOWEST_MS);
    tokio::time::sleep(Duration::from_millis(ms)).await;
    page(StatusCode::OK, &SlowPage { frame: site::frame(&request, &store, "practice"), ms })
}

async fn never() -> Result<HttpResponse, Problem> {
    tokio::time::sleep(NEVER).await;
    Err(Problem::GaveUp)
}

async fn alert(
    request: HttpRequest,
    store: web::Data<Store>,
    alert: web::Query<Alert>,
) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &AlertPage { frame: site::frame(&request, &store, "practice"), now: alert.now })
}

async fn obstacles(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &ObstaclesPage { frame: site::frame(&request, &store, "practice") })
}

async fn download() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"brief.txt\""))
        .body(BRIEF)
}

/// Leads to a host that is not this one; the egress must say no.
async fn elsewhere() -> HttpResponse {
    see("http://example.com/")
}

/// The two files the pages use.
pub(super) async fn asset(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let (kind, text) = match file.as_str() {
        "site.css" => ("text/css; charset=utf-8", include_str!("static/site.css")),
        "practice.js" => ("text/javascript; charset=utf-8", include_str!("static/practice.js")),
        _ => return Err(Problem::NoSuchPage),
    };
    Ok(HttpResponse::Ok().content_type(kind).body(text))
}
