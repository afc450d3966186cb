//! `approvals` and `host_policies`.

use actors::domain::{Approval, Decided, HostPolicy};
use diesel::prelude::*;

use super::{Columns, counter, json, text};
use crate::storage::{
    db::DbError,
    schema::{approvals, host_policies},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = approvals, treat_none_as_default_value = false)]
pub(in crate::storage) struct ApprovalRow {
    id: Vec<u8>,
    persona: Vec<u8>,
    goal: Vec<u8>,
    run: Vec<u8>,
    step: i32,
    call_key: String,
    tool: String,
    digest: Vec<u8>,
    state: String,
    subject: String,
    again: bool,
    asked_ms: i64,
    expires_ms: i64,
    decided_by: Option<String>,
    decided_ms: Option<i64>,
    note: Option<String>,
}

impl From<Approval> for ApprovalRow {
    fn from(approval: Approval) -> Self {
        let decided = approval.decided.map(|said| (text(said.by), said.at_ms, text(said.note)));
        let (decided_by, decided_ms, note) =
            decided.map_or((None, None, None), |(by, at_ms, note)| (Some(by), Some(at_ms), Some(note)));
        Self {
            id: approval.id.as_bytes().to_vec(),
            persona: approval.persona.as_bytes().to_vec(),
            goal: approval.goal.as_bytes().to_vec(),
            run: approval.run.as_bytes().to_vec(),
            step: counter(approval.step),
            call_key: text(approval.key),
            tool: text(approval.tool),
            digest: approval.digest.0.to_vec(),
            state: approval.state.to_string(),
            // JSON writes NUL as an escape, so nothing is lost here.
            subject: json(&approval.subject),
            again: approval.again,
            asked_ms: approval.asked_ms,
            expires_ms: approval.expires_ms,
            decided_by,
            decided_ms,
            note,
        }
    }
}

impl TryFrom<ApprovalRow> for Approval {
    type Error = DbError;

    fn try_from(row: ApprovalRow) -> Result<Self, DbError> {
        let read = Columns("approvals");
        let decided = row.decided_by.zip(row.decided_ms);
        let note = row.note.unwrap_or_default();
        Ok(Self {
            id: read.id(&row.id)?,
            persona: read.id(&row.persona)?,
            goal: read.id(&row.goal)?,
            run: read.id(&row.run)?,
            step: read.count(row.step)?,
            key: row.call_key,
            tool: row.tool,
            digest: read.hash(&row.digest)?,
            state: read.word(&row.state)?,
            subject: read.json(&row.subject)?,
            again: row.again,
            asked_ms: row.asked_ms,
            expires_ms: row.expires_ms,
            decided: decided.map(|(by, at_ms)| Decided { by, at_ms, note }),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = host_policies)]
pub(in crate::storage) struct HostPolicyRow {
    host: String,
    version: i64,
    policy: String,
}

impl TryFrom<HostPolicyRow> for HostPolicy {
    type Error = DbError;

    fn try_from(row: HostPolicyRow) -> Result<Self, DbError> {
        let terms = Columns("host_policies").json(&row.policy)?;
        Ok(Self { host: row.host, version: row.version, terms })
    }
}
