//! The job board: postings, two proposal forms, the confirmation, and what one has submitted.
//!
//! One form (`propose-once`) takes `idempotency_key` and answers a repeat with the first submission; the other records
//! whatever it is sent, as most forms of this world do.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;

use super::{
    login,
    pages::{ConfirmationPage, FormPage, HomePage, JobsPage, PostingPage, ProposalView, ProposalsPage},
    seeds::{self, POSTINGS},
    site::{self, Problem, field, page, see},
    store::{Proposal, Store},
};

const MOST_COVER: usize = 10_000;
const MOST_REFERENCE: usize = 200;
const MOST_RATE: usize = 60;
const MOST_SHOWN: usize = 200;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/jobs", web::get().to(list))
        .route("/jobs/{slug}", web::get().to(show))
        .route("/jobs/{slug}/propose", web::get().to(form))
        .route("/jobs/{slug}/propose", web::post().to(submit))
        .route("/jobs/{slug}/propose-once", web::get().to(form_once))
        .route("/jobs/{slug}/propose-once", web::post().to(submit_once))
        .route("/proposals", web::get().to(mine))
        .route("/proposals/{number}", web::get().to(confirmation));
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

/// What the form sends.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct ProposalForm {
    pub reference: String,
    pub cover: String,
    pub rate: String,
    pub idempotency_key: String,
}

pub(super) async fn home(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &HomePage { frame: site::frame(&request, &store, "home") })
}

async fn list(
    request: HttpRequest,
    store: web::Data<Store>,
    search: web::Query<Search>,
) -> Result<HttpResponse, Problem> {
    let query = search.into_inner().q;
    let wanted = query.trim().to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&wanted);
    let postings = POSTINGS.iter().filter(|posting| fits(posting.title) || fits(posting.niche) || fits(posting.text));
    let frame = site::frame(&request, &store, "jobs");
    page(StatusCode::OK, &JobsPage { frame, postings: postings.collect(), query })
}

async fn show(request: HttpRequest, store: web::Data<Store>, slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let posting = seeds::posting(&slug).ok_or(Problem::NoSuchPage)?;
    page(StatusCode::OK, &PostingPage { frame: site::frame(&request, &store, "jobs"), posting })
}

async fn form(request: HttpRequest, store: web::Data<Store>, slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    empty_form(&request, &store, &slug, false)
}

async fn form_once(
    request: HttpRequest,
    store: web::Data<Store>,
    slug: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    empty_form(&request, &store, &slug, true)
}

async fn submit(
    request: HttpRequest,
    store: web::Data<Store>,
    slug: web::Path<String>,
    form: web::Form<ProposalForm>,
) -> Result<HttpResponse, Problem> {
    take(&request, &store, &slug, form.into_inner(), false).await
}

async fn submit_once(
    request: HttpRequest,
    store: web::Data<Store>,
    slug: web::Path<String>,
    form: web::Form<ProposalForm>,
) -> Result<HttpResponse, Problem> {
    take(&request, &store, &slug, form.into_inner(), true).await
}

async fn mine(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let proposals = store.proposals().into_iter().rev().filter(|proposal| proposal.email == email);
    let proposals = proposals.take(MOST_SHOWN).map(ProposalView::from).collect();
    page(StatusCode::OK, &ProposalsPage { frame: site::frame(&request, &store, "proposals"), proposals })
}

async fn confirmation(
    request: HttpRequest,
    store: web::Data<Store>,
    number: web::Path<u32>,
) -> Result<HttpResponse, Problem> {
    let Some(email) = login::visitor(&request, &store) else { return Ok(login::first(&request)) };
    let found = store.proposals().into_iter().find(|proposal| proposal.number == *number && proposal.email == email);
    let proposal = ProposalView::from(found.ok_or(Problem::NoSuchPage)?);
    page(StatusCode::OK, &ConfirmationPage { frame: site::frame(&request, &store, "proposals"), proposal })
}

fn empty_form(request: &HttpRequest, store: &Store, slug: &str, once: bool) -> Result<HttpResponse, Problem> {
    let posting = seeds::posting(slug).ok_or(Problem::NoSuchPage)?;
    let frame = site::frame(request, store, "jobs");
    if frame.email.is_none() {
        return Ok(login::first(request));
    }
    page(StatusCode::OK, &FormPage { frame, posting, once, filled: ProposalForm::default(), error: None })
}

async fn take(
    request: &HttpRequest,
    store: &Store,
    slug: &str,
    form: ProposalForm,
    once: bool,
) -> Result<HttpResponse, Problem> {
    let posting = seeds::posting(slug).ok_or(Problem::NoSuchPage)?;
    let frame = site::frame(request, store, "jobs");
    let Some(email) = frame.email.clone() else { return Ok(login::first(request)) };
    match checked(&form, email, slug, once) {
        Ok(proposal) => {
            let kept = site::write(store, move |store| store.submit(proposal)).await?;
            Ok(see(&format!("/proposals/{}", kept.number)))
        }
        Err(error) => {
            let answer = FormPage { frame, posting, once, filled: form, error: Some(error) };
            page(StatusCode::UNPROCESSABLE_ENTITY, &answer)
        }
    }
}

fn checked(form: &ProposalForm, email: String, posting: &str, once: bool) -> Result<Proposal, String> {
    let key = once.then(|| field("Idempotency key", &form.idempotency_key, MOST_REFERENCE)).transpose()?;
    Ok(Proposal {
        number: 0,
        email,
        posting: posting.to_owned(),
        reference: field("Your reference", &form.reference, MOST_REFERENCE)?,
        cover: field("Proposal", &form.cover, MOST_COVER)?,
        rate: field("Rate", &form.rate, MOST_RATE)?,
        idempotency_key: key,
    })
}
