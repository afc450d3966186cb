//! What people see: server-rendered pages that follow the company live.
//!
//! Each page is a struct (its view model) with the template beside it; everything is escaped by the template engine.
//! A page is complete without script; `static/main.js` keeps it current and carries out its controls through `/api`.
//! With the header `X-Fragment` a page answers only what stands inside `main`: that is how it is refreshed.

pub mod approvals;
pub mod card;
pub mod error;
pub mod evidence;
pub mod frame;
pub mod keys;
pub mod login;
pub mod persona;
pub mod personas;
pub mod plan;
pub mod room;
pub mod rooms;
pub mod run;
pub mod runs;
pub mod samples;
pub mod show;
pub mod stage;
pub mod tools;
pub mod visit;

use super::routes::Table;

/// Every page.
pub fn routes() -> Table {
    [
        login::routes(),
        personas::routes(),
        persona::load::routes(),
        rooms::routes(),
        room::load::routes(),
        persona::receipt::routes(),
        keys::routes(),
        runs::routes(),
        approvals::routes(),
        tools::load::routes(),
        run::load::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
