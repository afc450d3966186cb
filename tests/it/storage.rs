//! The promises of the store, on both databases and in memory.

mod accounts;
mod approvals;
mod blobs;
mod calendar;
mod dependencies;
mod disk;
mod durable;
mod guards;
mod inboxes;
mod journal;
mod ledger;
mod lost;
mod mcp;
mod migrations;
mod quotas;
mod ranges;
mod rebuild;
mod records;
mod rooms;
mod secrets;
mod stores;
mod tryouts;
mod verification;
mod views;

/// Runs each promise against every store. They need real threads: a write is never on the caller's.
macro_rules! on_every_store {
    ($($promise:ident)+) => {
        $crate::storage::on_stores!(memory: $($promise)+);
        $crate::storage::on_both_databases!($($promise)+);
    };
}
pub(crate) use on_every_store;

/// Runs each promise against SQLite and PostgreSQL.
macro_rules! on_both_databases {
    ($($promise:ident)+) => {
        $crate::storage::on_stores!(sqlite: $($promise)+);
        $crate::storage::on_stores!(postgres: $($promise)+);
    };
}
pub(crate) use on_both_databases;

macro_rules! on_stores {
    ($store:ident: $($promise:ident)+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise($crate::storage::stores::$store().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_stores;
