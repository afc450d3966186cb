//! Approvals, and what may be done on hosts.

use actors::domain::{Approval, ApprovalId, ApprovalState, GoalId, HostPolicy, PersonaId};
use diesel::{
    dsl::{count_star, sql},
    expression::SqlLiteral,
    prelude::*,
    sql_types::Text,
};

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{
        Columns,
        approval::{ApprovalRow, HostPolicyRow},
    },
    schema::{approvals, host_policies},
};

/// Which approvals a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApprovalFilter {
    pub persona: Option<PersonaId>,
    pub goal: Option<GoalId>,
    /// Only those that wait for a yes or no at this moment.
    pub waiting_at_ms: Option<i64>,
    /// Only those that nobody need decide any more at this moment.
    pub decided_at_ms: Option<i64>,
    /// Only those asked before this one.
    pub before: Option<ApprovalId>,
    pub limit: u32,
}

/// As a literal: an index of the waiting ones alone is no use to a query that says the word later.
fn waiting() -> SqlLiteral<Text> {
    sql(&format!("'{}'", ApprovalState::Waiting.as_str()))
}

impl Db {
    /// The newest approvals, newest first.
    pub async fn approvals(&self, filter: ApprovalFilter) -> Result<Vec<Approval>, DbError> {
        let rows: Vec<ApprovalRow> = on_db!(self, all: {
            let mut all = approvals::table
                .order(approvals::id.desc())
                .limit(at_most(filter.limit))
                .select(ApprovalRow::as_select())
                .into_boxed();
            if let Some(persona) = filter.persona {
                all = all.filter(approvals::persona.eq(persona.as_bytes().to_vec()));
            }
            if let Some(goal) = filter.goal {
                all = all.filter(approvals::goal.eq(goal.as_bytes().to_vec()));
            }
            if let Some(before) = filter.before {
                all = all.filter(approvals::id.lt(before.as_bytes().to_vec()));
            }
            if let Some(now_ms) = filter.waiting_at_ms {
                all = all.filter(approvals::state.eq(waiting()).and(approvals::expires_ms.gt(now_ms)));
            }
            if let Some(now_ms) = filter.decided_at_ms {
                all = all.filter(approvals::state.ne(waiting()).or(approvals::expires_ms.le(now_ms)));
            }
            all
        });
        rows.into_iter().map(Approval::try_from).collect()
    }

    /// How many wait for a yes or no at this moment.
    pub async fn waiting_approvals(&self, now_ms: i64) -> Result<u32, DbError> {
        let found: Option<i64> = on_db!(self, one:
            approvals::table
                .filter(approvals::state.eq(waiting()).and(approvals::expires_ms.gt(now_ms)))
                .select(count_star()));
        Columns("approvals").count(found.unwrap_or(0))
    }

    /// One of them.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, DbError> {
        let id = id.as_bytes().to_vec();
        let row: Option<ApprovalRow> = on_db!(self, one: approvals::table.find(id).select(ApprovalRow::as_select()));
        row.map(Approval::try_from).transpose()
    }

    /// What people were asked about a goal's calls, in that order.
    pub async fn approvals_of(&self, goal: GoalId) -> Result<Vec<Approval>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let rows: Vec<ApprovalRow> = on_db!(self, all:
            approvals::table.filter(approvals::goal.eq(goal)).order(approvals::id).select(ApprovalRow::as_select()));
        rows.into_iter().map(Approval::try_from).collect()
    }

    /// Whether any host policy lets somebody be written to.
    pub async fn allows_outreach(&self) -> Result<bool, DbError> {
        Ok(self.host_policies().await?.iter().any(|policy| policy.terms.allows_outreach()))
    }

    /// Every host policy, in order of hosts.
    pub async fn host_policies(&self) -> Result<Vec<HostPolicy>, DbError> {
        let rows: Vec<HostPolicyRow> = on_db!(self, all:
            host_policies::table.order(host_policies::host).select(HostPolicyRow::as_select()));
        rows.into_iter().map(HostPolicy::try_from).collect()
    }
}
