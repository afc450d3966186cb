//! `/login`: a button that uses up a one-time link, or how to get one.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde::Deserialize;

use super::visit;
use crate::web::routes::{Route, Table, Who};

/// The page.
#[derive(Debug, Template)]
#[template(path = "login.html", config = "src/web/pages/askama.toml")]
pub struct LoginPage {
    /// The token of the link; none: the page says how to get a link.
    pub token: Option<String>,
    /// Why the last try did not work.
    pub problem: Option<String>,
}

/// `/login`; pressing the button is `auth`'s.
pub fn routes() -> Table {
    vec![Route::page("/login", Who::Anyone, "A button that uses a login link up", show)]
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    token: Option<String>,
    refused: Option<String>,
}

async fn show(request: HttpRequest) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let refused = || "This link was used or has expired. Make a new one.".to_owned();
    let page =
        LoginPage { token: asked.token.filter(|token| !token.is_empty()), problem: asked.refused.map(|_| refused()) };
    match page.render() {
        Ok(html) => visit::html_answer(StatusCode::OK, html),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
