//! One-time tickets for live sockets: browsers cannot send a header with a WebSocket, and a token does not belong
//! in an address. In memory, 30 seconds, one use, bound to the session or token that asked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, web};
use actors::{domain::Hash, ports::World};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Caller, SESSION_COOKIE, Via, random};
use crate::web::{
    Deps,
    errors::Problem,
    input::{Loose, Nothing},
    routes::{Route, Table, Who},
};

const LASTS: Duration = Duration::from_secs(30);
const MOST: usize = 10_000;

/// Tickets not used yet.
#[derive(Debug, Default)]
pub struct Tickets(Mutex<HashMap<Hash, Ticket>>);

#[derive(Debug)]
struct Ticket {
    caller: Caller,
    made: Instant,
}

impl Tickets {
    /// A ticket for this caller; shown once.
    pub fn issue(&self, caller: Caller, world: &dyn World) -> Result<String, Problem> {
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tickets.len() >= MOST {
            tickets.retain(|_, ticket| ticket.made.elapsed() < LASTS);
        }
        if tickets.len() >= MOST {
            return Err(Problem::too_many("Too many tickets are open. Try again in half a minute.", 30));
        }
        let secret = random::new_secret(world);
        tickets.insert(random::hash_of(&secret), Ticket { caller, made: Instant::now() });
        Ok(secret)
    }

    /// Uses a ticket up.
    fn take(&self, secret: &str) -> Option<Caller> {
        let ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&random::hash_of(secret))?;
        (ticket.made.elapsed() < LASTS).then_some(ticket.caller)
    }

    /// Uses a ticket up for the request that brings it. A cookie that comes along must be the session that asked.
    pub fn redeem(&self, secret: &str, request: &HttpRequest) -> Result<Caller, Problem> {
        let refused = || Problem::unauthorized("The ticket is used, old or not known. Get one: POST /api/auth/ticket.");
        let caller = self.take(secret).ok_or_else(refused)?;
        let session = request.cookie(SESSION_COOKIE).map(|cookie| random::hash_of(cookie.value()));
        match (caller.via, session) {
            (Via::Session(asked), brought) if brought != Some(asked) => Err(refused()),
            _ => Ok(caller),
        }
    }
}

/// A ticket, as answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketView {
    /// For `?ticket=` of one WebSocket.
    pub ticket: String,
    pub expires_in_s: u64,
}

/// `/api/auth/ticket`.
pub fn routes() -> Table {
    vec![
        Route::post("/api/auth/ticket", Who::Member, "A one-time ticket for a live socket", make).gives::<TicketView>(),
    ]
}

async fn make(
    caller: Caller,
    _: Loose<Nothing>,
    tickets: web::Data<Tickets>,
    deps: web::Data<Deps>,
) -> Result<web::Json<TicketView>, Problem> {
    let ticket = tickets.issue(caller, deps.world.as_ref())?;
    Ok(web::Json(TicketView { ticket, expires_in_s: LASTS.as_secs() }))
}
