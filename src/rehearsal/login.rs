//! Signing in: any e-mail address with the password of the house, and a cookie that lasts.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::StatusCode,
    web,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    pages::{Frame, LoginPage},
    site::{self, Problem, field, page, see},
    store::Store,
};

/// Opens every account; the login page says so.
pub const PASSWORD: &str = "rehearsal";

const COOKIE: &str = "callboard";
const MOST_EMAIL: usize = 200;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/login", web::get().to(show))
        .route("/login", web::post().to(sign_in))
        .route("/logout", web::post().to(sign_out));
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct LoginForm {
    email: String,
    password: String,
    next: String,
}

async fn show(request: HttpRequest, store: web::Data<Store>, query: web::Query<Next>) -> Result<HttpResponse, Problem> {
    let frame = site::frame(&request, &store, "login");
    let next = local(&query.next).to_owned();
    page(StatusCode::OK, &LoginPage { frame, next, email: String::new(), error: None })
}

async fn sign_in(store: web::Data<Store>, form: web::Form<LoginForm>) -> Result<HttpResponse, Problem> {
    let form = form.into_inner();
    let next = local(&form.next).to_owned();
    let email = match check(&form) {
        Ok(email) => email,
        Err(error) => {
            let answer = LoginPage { frame: Frame::default(), next, email: form.email, error: Some(error) };
            return page(StatusCode::UNAUTHORIZED, &answer);
        }
    };
    let mut token = [0; 32];
    getrandom::fill(&mut token).map_err(|error| Problem::Unavailable(error.to_string()))?;
    let token = hex::encode(token);
    let hash = hash(&token);
    site::write(&store, move |store| store.sign_in(hash, email)).await?;
    let cookie = Cookie::build(COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(30))
        .finish();
    let mut answer = see(&next);
    // Only a malformed cookie could fail, and this one is hexadecimal.
    let _ = answer.add_cookie(&cookie);
    Ok(answer)
}

async fn sign_out(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    let mut answer = see("/login");
    if let Some(cookie) = request.cookie(COOKIE) {
        let hash = hash(cookie.value());
        if store.signed_in(&hash).is_some() {
            site::write(&store, move |store| store.sign_out(&hash)).await?;
        }
        let _ = answer.add_removal_cookie(&Cookie::build(COOKIE, "").path("/").finish());
    }
    Ok(answer)
}

/// Who asks, if signed in.
pub(super) fn visitor(request: &HttpRequest, store: &Store) -> Option<String> {
    store.signed_in(&hash(request.cookie(COOKIE)?.value()))
}

/// To the login page, and back to where the visitor was.
pub(super) fn first(request: &HttpRequest) -> HttpResponse {
    let back: String = url::form_urlencoded::byte_serialize(request.path().as_bytes()).collect();
    see(&format!("/login?next={back}"))
}

fn check(form: &LoginForm) -> Result<String, String> {
    let email = field("E-mail", &form.email, MOST_EMAIL)?;
    if !email.contains('@') {
        return Err("E-mail must contain an @".to_owned());
    }
    if !bool::from(form.password.as_bytes().ct_eq(PASSWORD.as_bytes())) {
        return Err("Password is wrong; every account here opens with the one shown below".to_owned());
    }
    Ok(email.to_lowercase())
}

/// Only a path on this site may follow a login.
fn local(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if next.starts_with('/') && !next.starts_with("//") && plain && next.len() <= 500 { next } else { "/jobs" }
}

fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_only_to_pages_of_this_site() {
        assert_eq!(local("/jobs/data-pipeline-audit/propose"), "/jobs/data-pipeline-audit/propose");
        for outside in ["", "//evil.example", "http://evil.example", "/\\evil.example", "/a\r\nx: y"] {
            assert_eq!(local(outside), "/jobs", "{outside:?}");
        }
    }
}
