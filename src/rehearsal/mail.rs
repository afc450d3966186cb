//! The inbox, which shows the mail of the house, signed in or not; and the outbox of who is signed in. What is sent is kept
//! here and goes nowhere.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;

use super::{
    login,
    pages::{InboxPage, LetterForm, LetterPage, MailPage, OutboxPage},
    seeds::MAILS,
    site::{self, Problem, field, page, see},
    store::{Letter, Store},
};

const MOST_NAME: usize = 200;
const MOST_TEXT: usize = 5_000;
const MOST_SHOWN: usize = 200;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/inbox", web::get().to(list))
        .route("/inbox/{id}", web::get().to(show))
        .route("/outbox", web::get().to(sent))
        .route("/outbox", web::post().to(send))
        .route("/outbox/new", web::get().to(form))
        .route("/outbox/{number}", web::get().to(one));
}

/// What the form sends.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Written {
    pub to: String,
    pub text: String,
}

#[derive(Deserialize, Default)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn list(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &InboxPage { frame: site::frame(&request, &store, "inbox"), mails: MAILS })
}

async fn show(request: HttpRequest, store: web::Data<Store>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let mail = MAILS.iter().find(|mail| mail.id == *id).ok_or(Problem::NoSuchPage)?;
    page(StatusCode::OK, &MailPage { frame: site::frame(&request, &store, "inbox"), mail })
}

/// The newest letters of who is signed in with this text in them.
async fn sent(
    request: HttpRequest,
    store: web::Data<Store>,
    search: web::Query<Search>,
) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let mine = store.letters().into_iter().rev().filter(|one| one.email == email && one.text.contains(search.q.trim()));
    let frame = site::frame(&request, &store, "inbox");
    page(StatusCode::OK, &OutboxPage { frame, letters: mine.take(MOST_SHOWN).collect() })
}

async fn form(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    let frame = site::frame(&request, &store, "inbox");
    if frame.email.is_none() {
        return Ok(login::first(&request));
    }
    page(StatusCode::OK, &LetterForm { frame, written: Written::default(), error: None })
}

async fn send(
    request: HttpRequest,
    store: web::Data<Store>,
    form: web::Form<Written>,
) -> Result<HttpResponse, Problem> {
    let frame = site::frame(&request, &store, "inbox");
    let Some(email) = frame.email.clone() else { return Ok(login::first(&request)) };
    match checked(&form, email) {
        Ok(letter) => {
            let kept = site::write(&store, move |store| store.send(letter)).await?;
            Ok(see(&format!("/outbox/{}", kept.number)))
        }
        Err(error) => {
            let again = LetterForm { frame, written: form.into_inner(), error: Some(error) };
            page(StatusCode::UNPROCESSABLE_ENTITY, &again)
        }
    }
}

async fn one(request: HttpRequest, store: web::Data<Store>, number: web::Path<u32>) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let found = store.letters().into_iter().find(|one| one.number == *number && one.email == email);
    let letter = found.ok_or(Problem::NoSuchPage)?;
    page(StatusCode::OK, &LetterPage { frame: site::frame(&request, &store, "inbox"), letter })
}

fn checked(form: &Written, email: String) -> Result<Letter, String> {
    let (to, text) = (field("To", &form.to, MOST_NAME)?, field("Text", &form.text, MOST_TEXT)?);
    match to.contains('@') && !to.contains([',', ';', ' ']) {
        true => Ok(Letter { number: 0, email, to, text }),
        false => Err("To must be one e-mail address".to_owned()),
    }
}
