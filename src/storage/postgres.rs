//! PostgreSQL: how a connection is made, the pool for reads and single statements, and an address without its password.

use std::{collections::BTreeSet, time::Duration};

use actors::{domain::NodeName, ports::BoxError};
use diesel::{ConnectionError, ConnectionResult, QueryableByName, sql_query, sql_types};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, bb8::Pool},
};
use futures::FutureExt;
use url::Url;

/// How long a connection may take to come about, and a caller may wait for one of the pool.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// No statement may hold the others up for long, whatever becomes of this process.
const SETTINGS: &str = "SET statement_timeout = '15s'; SET lock_timeout = '1s'; \
    SET idle_in_transaction_session_timeout = '30s'; SET synchronous_commit = on";
const READ_ONLY: &str = "SET default_transaction_read_only = on; SET lock_timeout = '1s'";

/// A connection that gives up in time.
pub(super) async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    connect_with(url, SETTINGS).await
}

async fn connect_with(url: &str, settings: &'static str) -> ConnectionResult<AsyncPgConnection> {
    let connecting = async {
        let mut conn = AsyncPgConnection::establish(url).await?;
        conn.batch_execute(settings).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(conn)
    };
    let late = |_| ConnectionError::BadConnection(format!("no answer within {} s", CONNECT_LIMIT.as_secs()));
    tokio::time::timeout(CONNECT_LIMIT, connecting).await.map_err(late)?
}

/// The pool of a server.
pub(super) async fn pool(url: &str, most: u32) -> Result<Pool<AsyncPgConnection>, BoxError> {
    pool_with(url, most, SETTINGS).await
}

/// A pool that cannot write.
pub(super) async fn read_only_pool(url: &str) -> Result<Pool<AsyncPgConnection>, BoxError> {
    pool_with(url, 2, READ_ONLY).await
}

async fn pool_with(url: &str, most: u32, settings: &'static str) -> Result<Pool<AsyncPgConnection>, BoxError> {
    let mut config = ManagerConfig::default();
    config.custom_setup = Box::new(move |url| {
        let url = url.to_owned();
        async move { connect_with(&url, settings).await }.boxed()
    });
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    Ok(Pool::builder().max_size(most).connection_timeout(CONNECT_LIMIT).build(manager).await?)
}

#[derive(QueryableByName)]
struct NodeRow {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    node: Option<String>,
}

/// Steps from node to node in the key instead of reading every receipt.
const NODES: &str = "WITH RECURSIVE n(node) AS ( \
    SELECT (SELECT node FROM receipts ORDER BY node LIMIT 1) UNION ALL \
    SELECT (SELECT node FROM receipts WHERE node > n.node ORDER BY node LIMIT 1) FROM n WHERE n.node IS NOT NULL) \
    SELECT node FROM n";

/// The nodes that have written to this log, and this one.
pub(super) async fn nodes(
    pool: &Pool<AsyncPgConnection>,
    own: Option<&NodeName>,
) -> Result<Vec<String>, super::DbError> {
    let mut conn = pool.get().await.map_err(super::DbError::unavailable)?;
    let rows: Vec<NodeRow> = sql_query(NODES).get_results(&mut *conn).await?;
    let known = rows.into_iter().filter_map(|row| row.node);
    let all: BTreeSet<String> = known.chain(own.map(NodeName::to_string)).collect();
    Ok(all.into_iter().collect())
}

/// The address as messages may show it.
pub(super) fn without_password(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            // An address without a host has no password either.
            let _ = url.set_password(None);
            let kept: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "password").collect();
            url.set_query(None);
            if !kept.is_empty() {
                url.query_pairs_mut().extend_pairs(kept);
            }
            url.into()
        }
        Err(_) => "PostgreSQL (address not shown)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for url in [
            "postgres://ada:s3cret@db.example:5433/greenroom?sslmode=disable",
            "postgresql:///greenroom?host=/tmp/pg&user=ada&password=s3cret",
            "host=db password=s3cret",
        ] {
            assert!(!without_password(url).contains("s3cret"), "{url}");
        }
        assert!(without_password("postgres://ada:x@db.example/g").contains("ada@db.example/g"));
    }
}
