//! The inbox. It shows the mail of the house, signed in or not.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    pages::{InboxPage, MailPage},
    seeds::MAILS,
    site::{self, Problem, page},
    store::Store,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/inbox", web::get().to(list)).route("/inbox/{id}", web::get().to(show));
}

async fn list(request: HttpRequest, store: web::Data<Store>) -> Result<HttpResponse, Problem> {
    page(StatusCode::OK, &InboxPage { frame: site::frame(&request, &store, "inbox"), mails: MAILS })
}

async fn show(request: HttpRequest, store: web::Data<Store>, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let mail = MAILS.iter().find(|mail| mail.id == *id).ok_or(Problem::NoSuchPage)?;
    page(StatusCode::OK, &MailPage { frame: site::frame(&request, &store, "inbox"), mail })
}
