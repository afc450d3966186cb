//! Approvals and host policies: what is written of them, and what guards ask.

use actors::ports::{ApprovalChange, HostPolicyChange};
use diesel::{
    QueryResult, insert_into,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Nullable, Text},
    sqlite::Sqlite,
};
use diesel_async::AsyncPgConnection;

use super::{
    Failed,
    changes::Transaction,
    facts::{ApprovalFacts, WantedApprovals},
    statements::statement,
};
use crate::storage::{
    rows::{Columns, approval::ApprovalRow, json, text},
    schema::{approvals, host_policies},
};

statement! {
    /// Where it stands; who decided stays.
    MoveApproval<'a> {
        state: &'a str => Text,
        decided_by: Option<&'a str> => Nullable<Text>,
        decided_ms: Option<i64> => Nullable<BigInt>,
        note: Option<&'a str> => Nullable<Text>,
        id: &'a [u8] => Binary,
    }
    "UPDATE approvals SET state = ?, decided_by = coalesce(?, decided_by), decided_ms = coalesce(?, decided_ms), \
     note = coalesce(?, note) WHERE id = ?"
}

statement! {
    /// All of a host's policy.
    SetHostPolicy<'a> { host: &'a str => Text, version: i64 => BigInt, policy: &'a str => Text, }
    "INSERT INTO host_policies (host, version, policy) VALUES (?, ?, ?) \
     ON CONFLICT (host) DO UPDATE SET version = excluded.version, policy = excluded.policy"
}

/// Carries out a change of approvals.
pub(super) async fn apply(change: &ApprovalChange, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        ApprovalChange::Asked(approval) => {
            to.run(insert_into(approvals::table).values(ApprovalRow::from((**approval).clone()))).await
        }
        ApprovalChange::Moved { id, state, decided } => {
            let (by, note) = decided.clone().map(|said| (text(said.by), text(said.note))).unzip();
            to.run(MoveApproval {
                state: state.as_str(),
                decided_by: by.as_deref(),
                decided_ms: decided.as_ref().map(|said| said.at_ms),
                note: note.as_deref(),
                id: id.as_bytes(),
            })
            .await
        }
    }
}

/// Carries out a change of host policies.
pub(super) async fn set_policy(change: &HostPolicyChange, to: &mut impl Transaction) -> QueryResult<usize> {
    let HostPolicyChange::Set(policy) = change;
    let (host, terms) = (text(policy.host.clone()), json(&policy.terms));
    to.run(SetHostPolicy { host: &host, version: policy.version, policy: &terms }).await
}

type Stands = (String, Vec<u8>, i64);

/// What is not known yet, on SQLite's write connection.
pub(super) fn read_here(
    conn: &mut SqliteConnection,
    wanted: &WantedApprovals,
    facts: &mut ApprovalFacts,
) -> Result<(), Failed> {
    let read = Columns("approvals");
    for id in &wanted.approvals {
        let row = approvals::table.find(&id.as_bytes()[..]);
        let row = row.select((approvals::state, approvals::digest, approvals::expires_ms));
        if let Some((state, digest, expires_ms)) = row.get_result::<Stands>(conn).optional()? {
            facts.approvals.insert(*id, (read.word(&state)?, read.hash(&digest)?, expires_ms));
        }
    }
    for host in &wanted.hosts {
        let row = host_policies::table.find(text(host.clone())).select(host_policies::version);
        facts.hosts.insert(host.clone(), row.get_result(conn).optional()?.unwrap_or(0));
    }
    Ok(())
}

/// The same on PostgreSQL.
pub(super) async fn read(
    conn: &mut AsyncPgConnection,
    wanted: &WantedApprovals,
    facts: &mut ApprovalFacts,
) -> Result<(), Failed> {
    let read = Columns("approvals");
    if !wanted.approvals.is_empty() {
        let ids: Vec<_> = wanted.approvals.iter().map(|id| id.as_bytes().to_vec()).collect();
        let query = approvals::table.filter(approvals::id.eq_any(ids));
        let query = query.select((approvals::id, approvals::state, approvals::digest, approvals::expires_ms));
        let rows: Vec<(Vec<u8>, String, Vec<u8>, i64)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        for (id, state, digest, expires_ms) in rows {
            facts.approvals.insert(read.id(&id)?, (read.word(&state)?, read.hash(&digest)?, expires_ms));
        }
    }
    if !wanted.hosts.is_empty() {
        let hosts: Vec<_> = wanted.hosts.iter().cloned().map(text).collect();
        let query = host_policies::table.filter(host_policies::host.eq_any(hosts));
        let query = query.select((host_policies::host, host_policies::version));
        let rows: Vec<(String, i64)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        facts.hosts.extend(wanted.hosts.iter().map(|host| (host.clone(), 0)));
        facts.hosts.extend(rows);
    }
    Ok(())
}
