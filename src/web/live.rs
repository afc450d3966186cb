//! `/ws/evidence`: every receipt as it is committed, what the personas are doing, and alerts.
//!
//! One actix actor per worker hands frames to the sockets of that worker, so that a receipt is put into JSON once per
//! worker and no lock is shared. The company never waits for a reader: a slow one gets a `gap` frame that says what
//! it missed, and reads it from `/api/receipts`.
//!
//! Frames: `receipt` (with its `cursor`), `gap` (`from`, `to`: nothing between them was sent), `actors` (status of
//! cards, at most every half second), `alert`.

mod fanout;
mod frames;
mod socket;

use std::cell::OnceCell;

use actix::{Actor, Addr};
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::domain::{ChainId, PersonaId, PersonaStatus};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use self::{
    fanout::{Fanout, Join},
    socket::Socket,
};
use super::{
    Deps,
    auth::{Caller, is_own, tickets::Tickets},
    cursor::Cursor,
    errors::Problem,
    input::LooseQuery,
    names::Names,
    routes::{Route, Table, Who},
};

/// The live side of one worker.
pub struct Live {
    fanout: OnceCell<Addr<Fanout>>,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
    stopping: CancellationToken,
}

impl Live {
    /// Nothing runs before the first socket.
    pub fn new(deps: web::Data<Deps>, names: web::Data<Names>, stopping: CancellationToken) -> Self {
        Self { fanout: OnceCell::new(), deps, names, stopping }
    }

    fn fanout(&self) -> &Addr<Fanout> {
        self.fanout.get_or_init(|| Fanout::new(self.deps.clone(), self.names.clone()).start())
    }
}

/// What a socket asks for.
#[derive(Debug, Deserialize, IntoParams)]
pub struct Watch {
    /// Everything after this cursor is sent first; left out: only what comes from now on.
    #[param(value_type = Option<String>)]
    since: Option<Cursor>,
    /// Only this persona, by slug or id.
    persona: Option<String>,
    /// From `POST /api/auth/ticket`; needed.
    #[param(value_type = String)]
    ticket: Option<String>,
}

/// `/ws/evidence`. The ticket stands for the login, so the route itself is open.
pub fn routes() -> Table {
    vec![
        Route::get("/ws/evidence", Who::Anyone, "Receipts, status and alerts as they happen (WebSocket)", evidence)
            .query::<Watch>(),
    ]
}

async fn evidence(
    request: HttpRequest,
    body: web::Payload,
    query: LooseQuery<Watch>,
    live: web::Data<Live>,
    tickets: web::Data<Tickets>,
) -> Result<HttpResponse, Problem> {
    let caller = may_open(&request, query.ticket.as_deref(), &live.deps, &tickets)?;
    let persona = match &query.persona {
        Some(name) => Some(persona_id(&live.deps, name).await?),
        None => None,
    };
    let fanout = live.fanout().clone();
    let joined = fanout.send(Join { chain: persona.map(ChainId::Persona) }).await;
    let joined = joined.ok().flatten().ok_or_else(|| {
        Problem::unavailable("Too many live sockets are open on this worker. Close some, or try again.")
    })?;
    let (answer, session, stream) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::malformed(format!("This address speaks WebSocket: {error}.")))?;
    let socket = Socket {
        session,
        joined,
        fanout,
        persona,
        via: caller.via,
        deps: live.deps.clone(),
        names: live.names.clone(),
        stopping: live.stopping.clone(),
    };
    actix_web::rt::spawn(Box::pin(socket.run(stream, query.since)));
    Ok(answer)
}

/// A browser says where its page comes from; only our own and allowed ones may listen.
fn may_open(request: &HttpRequest, ticket: Option<&str>, deps: &Deps, tickets: &Tickets) -> Result<Caller, Problem> {
    let ticket = ticket.ok_or_else(|| Problem::field("ticket", "is required: POST /api/auth/ticket gives one"))?;
    let text = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    if text(header::ORIGIN).is_some_and(|origin| !is_own(origin, host, &deps.config.server.allowed_origins)) {
        let detail = "Live sockets open only from this server's own pages and from `server.allowed_origins`.";
        return Err(Problem::forbidden(detail));
    }
    tickets.redeem(ticket, request)
}

async fn persona_id(deps: &Deps, name: &str) -> Result<PersonaId, Problem> {
    let found = deps.db.persona_named(name).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
    found.map(|persona| persona.id).ok_or_else(|| Problem::not_found("persona", name))
}
