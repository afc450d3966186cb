//! `/personas/{persona}/receipts/{seq}`: leads to one receipt in the persona's log, wherever it stands by now.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::domain::{ChainId, PersonaStatus};

use crate::web::{
    Deps,
    auth::Caller,
    cursor::Cursor,
    pages::{
        evidence::anchor,
        visit::{self, NoPage},
    },
    routes::{Route, Table, Who},
};

/// The address that digests name.
pub fn routes() -> Table {
    let about = "Leads to one receipt in its persona's log";
    vec![Route::page("/personas/{persona}/receipts/{seq}", Who::Member, about, lead)]
}

async fn lead(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let of = |name| request.match_info().get(name).unwrap_or_default();
    match address(&deps, of("persona"), of("seq")).await {
        Ok(address) => HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish(),
        Err(none) => visit::refusal(&deps, &caller, &none),
    }
}

async fn address(deps: &Deps, which: &str, seq: &str) -> Result<String, NoPage> {
    let found = deps.db.persona_named(which).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
    let persona = found.ok_or_else(|| NoPage::missing("persona", which))?;
    let missing = || NoPage::missing("receipt", seq);
    let number: i64 = seq.parse().map_err(|_| missing())?;
    let receipt = deps.db.receipt_at(&ChainId::Persona(persona.id), number).await?.ok_or_else(missing)?;
    let before = Cursor(receipt.pos + 1);
    Ok(format!("/personas/{}?tab=logs&before={before}#{}", persona.slug, anchor(&receipt)))
}
