//! Money: what is written of it, and what guards ask.

use std::collections::BTreeMap;

use actors::{
    domain::{Bound, BudgetScope, Entry, SLOT_MS, Settlement},
    ports::LedgerChange,
};
use diesel::{
    QueryResult,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Integer, Nullable, Text},
    sqlite::Sqlite,
};
use diesel_async::AsyncPgConnection;

use super::{
    Failed,
    changes::Transaction,
    facts::{LedgerFacts, WantedLedger},
    statements::statement,
};
use crate::storage::{
    rows::{
        Columns, counter, json,
        ledger::{TotalsRow, scope_text, totals},
        text,
    },
    schema::{budgets, ledger_entries},
};

statement! {
    /// All limits of a scope.
    SetBudgets<'a> { scope: &'a str => Text, version: i64 => BigInt, limits: &'a str => Text, }
    "INSERT INTO budgets (scope, version, limits) VALUES (?, ?, ?) \
     ON CONFLICT (scope) DO UPDATE SET version = excluded.version, limits = excluded.limits"
}

statement! {
    /// What a call may take at worst.
    Reserve<'a> {
        id: &'a [u8] => Binary,
        persona: Option<&'a [u8]> => Nullable<Binary>,
        user_name: &'a str => Text,
        goal: Option<&'a [u8]> => Nullable<Binary>,
        run: Option<&'a [u8]> => Nullable<Binary>,
        step: i32 => Integer,
        at_ms: i64 => BigInt,
        reserved_tokens: i64 => BigInt,
        reserved_micro_usd: i64 => BigInt,
    }
    "INSERT INTO ledger_entries (id, persona, user_name, goal, run, step, at_ms, reserved_tokens, reserved_micro_usd, \
     settled_ms, spent_tokens, spent_micro_usd) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, 0)"
}

statement! {
    /// What it took; once.
    Settle<'a> {
        settled_ms: i64 => BigInt,
        spent_tokens: i64 => BigInt,
        spent_micro_usd: i64 => BigInt,
        id: &'a [u8] => Binary,
    }
    "UPDATE ledger_entries SET settled_ms = ?, spent_tokens = ?, spent_micro_usd = ? \
     WHERE id = ? AND settled_ms IS NULL"
}

statement! {
    /// Moves the sums of one who is charged, in one slot.
    AddUp<'a> {
        scope: &'a str => Text,
        slot_ms: i64 => BigInt,
        reserved_tokens: i64 => BigInt,
        reserved_micro_usd: i64 => BigInt,
        spent_tokens: i64 => BigInt,
        spent_micro_usd: i64 => BigInt,
    }
    "INSERT INTO ledger_totals (scope, slot_ms, reserved_tokens, reserved_micro_usd, spent_tokens, spent_micro_usd) \
     VALUES (?, ?, ?, ?, ?, ?) \
     ON CONFLICT (scope, slot_ms) DO UPDATE SET \
     reserved_tokens = ledger_totals.reserved_tokens + excluded.reserved_tokens, \
     reserved_micro_usd = ledger_totals.reserved_micro_usd + excluded.reserved_micro_usd, \
     spent_tokens = ledger_totals.spent_tokens + excluded.spent_tokens, \
     spent_micro_usd = ledger_totals.spent_micro_usd + excluded.spent_micro_usd"
}

/// What a span has had, as [`TotalsRow`].
macro_rules! sums_of {
    ($span:expr) => {{
        use $crate::storage::schema::ledger_totals;

        let sum = |column: &str| {
            diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("CAST(coalesce(sum({column}), 0) AS BIGINT)"))
        };
        ledger_totals::table
            .filter(ledger_totals::scope.eq($crate::storage::rows::ledger::scope_text(&$span.scope)))
            .filter(ledger_totals::slot_ms.ge($span.from_ms).and(ledger_totals::slot_ms.lt($span.until_ms)))
            .select((sum("reserved_tokens"), sum("reserved_micro_usd"), sum("spent_tokens"), sum("spent_micro_usd")))
    }};
}
pub(in crate::storage) use sums_of;

/// How far the sums of everybody who is charged move in one transaction: a statement for each, however many calls there are.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<(BudgetScope, i64), [i64; 4]>);

impl Sums {
    /// By tokens and micro-dollars, reserved and spent.
    fn add(&mut self, entry: &Entry, reserved: (i64, i64), spent: (i64, i64)) {
        let slot_ms = entry.at_ms - entry.at_ms.rem_euclid(SLOT_MS);
        for scope in entry.scopes() {
            let sums = self.0.entry((scope, slot_ms)).or_default();
            for (sum, more) in sums.iter_mut().zip([reserved.0, reserved.1, spent.0, spent.1]) {
                *sum = sum.saturating_add(more);
            }
        }
    }

    /// Writes them.
    pub(super) async fn write(self, to: &mut impl Transaction) -> QueryResult<()> {
        for ((scope, slot_ms), [reserved_tokens, reserved_micro_usd, spent_tokens, spent_micro_usd]) in self.0 {
            let scope = &scope_text(&scope);
            to.run(AddUp { scope, slot_ms, reserved_tokens, reserved_micro_usd, spent_tokens, spent_micro_usd })
                .await?;
        }
        Ok(())
    }
}

/// Carries out a change of money; `sums` are to be written when all changes are.
pub(super) async fn apply(change: &LedgerChange, sums: &mut Sums, to: &mut impl Transaction) -> QueryResult<usize> {
    match change {
        LedgerChange::BudgetsSet(set) => {
            let (scope, limits) = (scope_text(&set.scope), json(&set.limits));
            to.run(SetBudgets { scope: &scope, version: set.version, limits: &limits }).await
        }
        LedgerChange::Reserved(entry) => {
            let reserve = Reserve {
                id: entry.id.as_bytes(),
                persona: entry.persona.as_ref().map(|id| &id.as_bytes()[..]),
                user_name: &text(entry.user.clone()),
                goal: entry.goal.as_ref().map(|id| &id.as_bytes()[..]),
                run: entry.run.as_ref().map(|id| &id.as_bytes()[..]),
                step: counter(entry.step),
                at_ms: entry.at_ms,
                reserved_tokens: amount(entry.reserved.tokens),
                reserved_micro_usd: amount(entry.reserved.micro_usd),
            };
            sums.add(entry, signed(entry.reserved), (0, 0));
            to.run(reserve).await
        }
        LedgerChange::Settled(settled) => settle(settled, sums, to).await,
    }
}

async fn settle(
    Settlement { entry, spent, at_ms }: &Settlement,
    sums: &mut Sums,
    to: &mut impl Transaction,
) -> QueryResult<usize> {
    let ((spent_tokens, spent_micro_usd), id) = (signed(*spent), entry.id.as_bytes());
    let settled = to.run(Settle { settled_ms: *at_ms, spent_tokens, spent_micro_usd, id }).await?;
    if settled > 0 {
        let (tokens, micro_usd) = signed(entry.reserved);
        sums.add(entry, (-tokens, -micro_usd), (spent_tokens, spent_micro_usd));
    }
    Ok(settled)
}

/// Tokens and micro-dollars as they are stored.
fn signed(bound: Bound) -> (i64, i64) {
    (amount(bound.tokens), amount(bound.micro_usd))
}

fn amount(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is not known yet, on SQLite's write connection.
pub(super) fn read_here(
    conn: &mut SqliteConnection,
    wanted: &WantedLedger,
    facts: &mut LedgerFacts,
) -> Result<(), Failed> {
    for scope in &wanted.budgets {
        let row = budgets::table.find(scope_text(scope)).select(budgets::version);
        facts.budgets.insert(scope.clone(), row.get_result(conn).optional()?.unwrap_or(0));
    }
    for span in &wanted.spans {
        let sums: TotalsRow = sums_of!(span).get_result(conn)?;
        facts.totals.insert(span.clone(), totals(sums)?);
    }
    for id in &wanted.entries {
        let row = ledger_entries::table.find(&id.as_bytes()[..]).select(ledger_entries::settled_ms);
        if let Some(settled_ms) = row.get_result::<Option<i64>>(conn).optional()? {
            facts.entries.insert(*id, settled_ms.is_none());
        }
    }
    Ok(())
}

/// The same on PostgreSQL.
pub(super) async fn read(
    conn: &mut AsyncPgConnection,
    wanted: &WantedLedger,
    facts: &mut LedgerFacts,
) -> Result<(), Failed> {
    if !wanted.budgets.is_empty() {
        let scopes: Vec<_> = wanted.budgets.iter().map(scope_text).collect();
        let query = budgets::table.filter(budgets::scope.eq_any(scopes)).select((budgets::scope, budgets::version));
        let rows: Vec<(String, i64)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        facts.budgets.extend(wanted.budgets.iter().map(|scope| (scope.clone(), 0)));
        for (scope, version) in rows {
            facts.budgets.insert(Columns("budgets").word(&scope)?, version);
        }
    }
    for span in &wanted.spans {
        let sums: TotalsRow = diesel_async::RunQueryDsl::get_result(sums_of!(span), conn).await?;
        facts.totals.insert(span.clone(), totals(sums)?);
    }
    if !wanted.entries.is_empty() {
        let ids: Vec<_> = wanted.entries.iter().map(|id| id.as_bytes().to_vec()).collect();
        let query = ledger_entries::table.filter(ledger_entries::id.eq_any(ids));
        let query = query.select((ledger_entries::id, ledger_entries::settled_ms));
        let rows: Vec<(Vec<u8>, Option<i64>)> = diesel_async::RunQueryDsl::get_results(query, conn).await?;
        for (id, settled_ms) in rows {
            facts.entries.insert(Columns("ledger_entries").id(&id)?, settled_ms.is_none());
        }
    }
    Ok(())
}
