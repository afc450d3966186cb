//! Where work is handed in: a file's text under a title, read back by whoever handed it in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;

use super::{
    login,
    pages::{DeliverableForm, DeliverablePage, DeliverableView, DeliverablesPage},
    site::{self, Problem, field, page, see},
    store::{Deliverable, Store},
};

const MOST_TITLE: usize = 200;
const MOST_CONTENT: usize = 20_000;
const MOST_SHOWN: usize = 200;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/deliverables", web::get().to(mine))
        .route("/deliverables", web::post().to(hand_in))
        .route("/deliverables/new", web::get().to(form))
        .route("/deliverables/{number}", web::get().to(show));
}

/// What the form sends.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Filled {
    pub title: String,
    pub reference: String,
    pub content: String,
}

async fn mine(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let mine = store.deliverables().into_iter().rev().filter(|one| one.email == email);
    let deliverables = mine.take(MOST_SHOWN).map(DeliverableView::from).collect();
    let frame = site::frame(&request, &store, "deliverables");
    page(StatusCode::OK, &DeliverablesPage { frame, deliverables })
}

async fn form(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    let frame = site::frame(&request, &store, "deliverables");
    if frame.email.is_none() {
        return Ok(login::first(&request));
    }
    page(StatusCode::OK, &DeliverableForm { frame, filled: Filled::default(), error: None })
}

async fn hand_in(
    request: HttpRequest,
    store: web::Data<Store>,
    form: web::Form<Filled>,
) -> Result<HttpResponse, Problem> {
    let frame = site::frame(&request, &store, "deliverables");
    let Some(email) = frame.email.clone() else { return Ok(login::first(&request)) };
    match checked(&form, email) {
        Ok(deliverable) => {
            let kept = site::write(&store, move |store| store.hand_in(deliverable)).await?;
            Ok(see(&format!("/deliverables/{}", kept.number)))
        }
        Err(error) => {
            let again = DeliverableForm { frame, filled: form.into_inner(), error: Some(error) };
            page(StatusCode::UNPROCESSABLE_ENTITY, &again)
        }
    }
}

async fn show(request: HttpRequest, store: web::Data<Store>, number: web::Path<u32>) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let found = store.deliverables().into_iter().find(|one| one.number == *number && one.email == email);
    let deliverable = DeliverableView::from(found.ok_or(Problem::NoSuchPage)?);
    page(StatusCode::OK, &DeliverablePage { frame: site::frame(&request, &store, "deliverables"), deliverable })
}

fn checked(form: &Filled, email: String) -> Result<Deliverable, String> {
    Ok(Deliverable {
        number: 0,
        email,
        title: field("Title", &form.title, MOST_TITLE)?,
        reference: field("Your reference", &form.reference, MOST_TITLE)?,
        content: field("Content", &form.content, MOST_CONTENT)?,
    })
}
