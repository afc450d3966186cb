//! One request for a page: what every page needs to be filled, and how it is answered.

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use actors::{
    domain::{ChainId, Persona, PersonaId, Receipt},
    supervisor::ActorInfo,
};
use askama::Template;

use super::{
    error::ErrorPage,
    evidence::ReceiptRow,
    frame::{Frame, Section},
};
use crate::{
    storage::{DbError, UserRole},
    web::{Deps, auth::Caller, cursor::Cursor},
};

/// One request for a page.
pub struct Visit<'a> {
    pub deps: &'a Deps,
    pub caller: &'a Caller,
    pub now_ms: i64,
    cursor: Cursor,
    waiting: u32,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum NoPage {
    #[error("there is no {what} “{which}”")]
    Missing { what: &'static str, which: String },
    #[error("the store does not answer")]
    Store(#[from] DbError),
    #[error("not everything could be read")]
    Unread(String),
    #[error("the page could not be written")]
    Template(#[from] askama::Error),
}

impl NoPage {
    /// Nothing has this name.
    pub fn missing(what: &'static str, which: &str) -> Self {
        Self::Missing { what, which: which.chars().take(100).collect() }
    }
}

/// A page can be written whole, or only what stands inside `main`.
pub trait Page {
    /// The whole document.
    fn whole(&self) -> askama::Result<String>;
    /// What stands inside `main`.
    fn inside(&self) -> askama::Result<String>;
}

macro_rules! page {
    ($($page:ty),+) => {
        $(impl Page for $page {
            fn whole(&self) -> askama::Result<String> {
                self.render()
            }

            fn inside(&self) -> askama::Result<String> {
                self.as_main().render()
            }
        })+
    };
}
page!(
    super::personas::PersonasPage,
    super::persona::PersonaPage,
    super::rooms::RoomsPage,
    super::room::RoomPage,
    super::keys::KeysPage,
    super::approvals::ApprovalsPage,
    super::tools::ToolsPage,
    super::tools::one::ToolPage,
    super::runs::RunsPage,
    super::run::RunPage
);

impl<'a> Visit<'a> {
    /// Notes where the receipt log stands before anything is read, so that the live stream misses nothing.
    pub async fn begin(deps: &'a Deps, caller: &'a Caller) -> Result<Self, NoPage> {
        let cursor = Cursor(deps.db.receipt_head().await?);
        let now_ms = deps.world.now_ms();
        let waiting = deps.db.waiting_approvals(now_ms).await?;
        Ok(Self { deps, caller, now_ms, cursor, waiting })
    }

    /// The frame of a page.
    pub fn frame(&self, title: &str, section: Section) -> Frame {
        let figures = self.deps.company.figures();
        let frame = Frame::new(title, section, &figures, &self.caller.name, &self.cursor.to_string());
        Frame { waiting: self.waiting, owner: self.caller.role == UserRole::Owner, ..frame }
    }

    /// The roster by persona.
    pub fn actors(&self) -> HashMap<PersonaId, ActorInfo> {
        self.deps.company.actors().iter().map(|actor| (actor.persona, actor.clone())).collect()
    }

    /// Receipts as rows, each with the name of whose it is.
    pub fn rows(&self, receipts: &[Receipt], people: &HashMap<PersonaId, &Persona>) -> Vec<ReceiptRow> {
        let row = |receipt: &Receipt| {
            let who = match &receipt.chain {
                ChainId::Persona(id) => people.get(id).map_or("unknown", |persona| persona.name.as_str()),
                ChainId::System(_) => "system",
            };
            ReceiptRow::new(receipt, who, self.now_ms)
        };
        receipts.iter().map(row).collect()
    }

    /// Attempts a goal has before it fails.
    pub fn most_attempts(&self) -> usize {
        self.deps.config.company.retry_after.len() + 1
    }
}

/// Answers with a page, or says why there is none.
pub fn answer<P: Page>(request: &HttpRequest, deps: &Deps, caller: &Caller, page: Result<P, NoPage>) -> HttpResponse {
    let fragment = request.headers().contains_key("x-fragment");
    let html = page.and_then(|page| Ok(if fragment { page.inside() } else { page.whole() }?));
    match html {
        Ok(html) => html_answer(StatusCode::OK, html),
        Err(why) => refusal(deps, caller, &why),
    }
}

/// A document that no cache keeps: it shows how things stand now.
pub fn html_answer(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "X-Fragment, Cookie"))
        .body(html)
}

/// Nothing has this name.
pub fn missing(deps: &Deps, caller: &Caller, what: &'static str, which: &str) -> HttpResponse {
    refusal(deps, caller, &NoPage::missing(what, which))
}

/// Says why there is no page.
pub fn refusal(deps: &Deps, caller: &Caller, why: &NoPage) -> HttpResponse {
    let (status, text) = match why {
        NoPage::Missing { .. } => {
            (StatusCode::NOT_FOUND, "It may have been deleted, or the address has a typing error.".to_owned())
        }
        NoPage::Store(error) => {
            tracing::error!(%error, "a page could not be read from the store: {error}");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{error}. Nothing is lost; reload in a moment."))
        }
        NoPage::Unread(why) => {
            tracing::error!("a page could not be read: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, why.clone())
        }
        NoPage::Template(error) => {
            tracing::error!(%error, "a page could not be written: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "This is a fault of Greenroom; the log has the details.".to_owned())
        }
    };
    let why = why.to_string();
    let title = why.chars().take(1).flat_map(char::to_uppercase).chain(why.chars().skip(1)).collect();
    // Without a cursor: there is nothing live about an error.
    let frame = Frame::new("Not here", Section::Personas, &deps.company.figures(), &caller.name, "");
    let page = ErrorPage { frame, title, text };
    html_answer(status, page.render().unwrap_or_else(|_| "the page could not be written".to_owned()))
}
