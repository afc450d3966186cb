//! The one way in which anything durable changes, written twice because here speed decides.
//!
//! A batch goes the same way on both databases:
//! 1. what its guards look at is read, once ([`facts`]);
//! 2. its commits are judged in order and the accepted ones linked to their chains ([`plan`], pure);
//! 3. receipts and changes are written in one transaction;
//! 4. after COMMIT the heads move on; before it nothing in memory has changed.
//!
//! Because everything is judged before anything is written, a refused commit needs no savepoint.

mod approvals;
mod calendar;
mod changes;
mod closed;
mod facts;
pub(super) mod ledger;
mod mcp;
mod plan;
pub(super) mod postgres;
mod quotas;

pub(super) mod sqlite;
mod statements;

use actors::{
    evidence::chain::Linked,
    ports::{Committed, Outdated},
};

use plan::Verdict;

/// A batch that was not written, not even in part.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the transaction did not succeed")]
    Database(#[from] diesel::result::Error),
    #[error("no answer within {0} s")]
    Late(u64),
    #[error("what is stored cannot be read")]
    Stored(#[from] super::db::DbError),
}

/// What a caller is answered, built away from the write connection.
fn answers(verdicts: Vec<Verdict>) -> Vec<Result<Committed, Outdated>> {
    let committed =
        |linked: Vec<Linked>| Committed { receipts: linked.into_iter().map(Linked::into_receipt).collect() };
    verdicts.into_iter().map(|verdict| verdict.map(committed)).collect()
}
