//! `/api`: one file per noun, each with the table of its routes.

pub mod active;
pub mod actors;
pub mod added;
pub mod agents;
pub mod alerts;
pub mod approvals;
pub mod artifacts;
pub mod budgets;
pub mod containers;
pub mod goals;
pub mod hosts;
pub mod keys;
pub mod learning;
pub mod mcp;
pub mod messages;
pub mod permissions;
pub mod personas;
pub mod profile;
pub mod quotas;
pub mod readiness;
pub mod receipts;
pub mod reconcile;
pub mod rooms;
pub mod runs;
pub mod schedules;
pub mod secrets;
pub mod templates;
pub mod tokens;
pub mod tools;
pub mod waits;

use super::{openapi, routes::Table};

/// Every route under `/api` but those of `auth`.
pub fn routes() -> Table {
    [
        personas::routes(),
        active::routes(),
        profile::routes(),
        learning::routes(),
        quotas::routes(),
        budgets::routes(),
        permissions::routes(),
        approvals::routes(),
        reconcile::routes(),
        hosts::routes(),
        readiness::routes(),
        templates::routes(),
        secrets::routes(),
        messages::routes(),
        rooms::routes(),
        waits::routes(),
        goals::routes(),
        schedules::routes(),
        runs::routes(),
        receipts::routes(),
        artifacts::routes(),
        alerts::routes(),
        actors::routes(),
        tools::routes(),
        containers::routes(),
        agents::routes(),
        mcp::routes(),
        tokens::routes(),
        keys::routes(),
        openapi::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
