//! The journal over SQLite: plain diesel on the one write connection, on the thread of whoever hands a batch in.

mod rooms;

#[cfg(test)]
mod tests;

use std::{
    mem,
    path::PathBuf,
    slice,
    sync::{Mutex, PoisonError},
};

use actors::{
    domain::{ChainId, Phase},
    evidence::chain::{Batch, Head, Heads, Linked},
    ports::{Checkpoint, Commit, Journal, Unavailable, Written},
};
use async_trait::async_trait;
use diesel::{
    connection::{AnsiTransactionManager, TransactionManager, TransactionManagerStatus},
    prelude::*,
    result::Error,
};
use futures::FutureExt;

use super::{
    Failed, answers, approvals, calendar,
    changes::{self, Statement, Transaction},
    closed::{Closed, Late},
    facts::{Facts, Wanted},
    ledger,
    plan::{self, Plan, Verdict},
    quotas::taken_by_others,
    statements::{InsertReceipt, SaveCheckpoint},
};
use crate::storage::{
    disk::{Admission, Reserve},
    rows::{Columns, quota::QuotaUseRow, text},
    schema::{alerts, goals, messages, personas, quota_uses, receipts, runs, standing_waits},
    sqlite::{Checkpointer, SqliteWriter, open_writer},
};

/// Pages in the WAL, roughly, between two pokes of the checkpointer.
const POKE_AFTER_PAGES: usize = 2_000;
/// Pages that a transaction touches, however little it writes, and for each change: a row, and its indexes.
const PAGES_OF_TRANSACTION: usize = 10;
const PAGES_OF_CHANGE: usize = 5;

/// Commits whose transaction is short: mostly the one wait for the disk.
const FEW: usize = 8;

/// The journal of a node on SQLite.
pub(in crate::storage) struct SqliteJournal {
    writer: SqliteWriter,
    state: Mutex<State>,
    admission: Admission,
}

/// What is needed beside the write connection. Locked only by who holds that.
struct State {
    path: PathBuf,
    heads: Heads,
    /// Only this journal writes what guards look at, so what it has read or written need not be read again.
    facts: Facts,
    closed: Closed,
    reserve: Reserve,
    checkpointer: Checkpointer,
    /// Pages in the WAL since the last poke, roughly.
    unmoved: usize,
}

impl SqliteJournal {
    /// Reads where the log ends.
    pub(in crate::storage) async fn open(
        writer: SqliteWriter,
        path: PathBuf,
        checkpointer: Checkpointer,
        admission: Admission,
        reserve: Reserve,
    ) -> Result<Self, crate::storage::DbError> {
        let newest = |conn: &mut SqliteConnection| {
            receipts::table.select(diesel::dsl::max(receipts::pos)).first::<Option<i64>>(conn)
        };
        let heads = Heads::new(writer.run(newest).await??.unwrap_or(0));
        let state = State {
            path,
            heads,
            facts: Facts::default(),
            closed: Closed::default(),
            reserve,
            checkpointer,
            unmoved: 0,
        };
        Ok(Self { writer, state: Mutex::new(state), admission })
    }
}

impl SqliteJournal {
    fn write_on(
        &self,
        conn: &mut SqliteConnection,
        batch: Vec<Commit>,
        has_room: bool,
    ) -> Result<Vec<Verdict>, Failed> {
        // A batch that panicked took the connection with it: nothing is written after that.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reserve.keep(has_room);
        state.write(conn, batch)
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        let has_room = self.admission.check(&batch)?;
        let short = batch.len() <= FEW;
        let written = self.writer.run_here(short, |conn| self.write_on(conn, batch, has_room)).await?;
        Ok(answers(written.map_err(|error| Unavailable(error.into()))?))
    }

    fn write_here(&self, commit: Commit) -> Result<Written, Commit> {
        let has_room = match self.admission.check(slice::from_ref(&commit)) {
            Ok(has_room) => has_room,
            Err(error) => return Ok(Err(error)),
        };
        let written = self.writer.run_at_once(commit, |conn, commit| self.write_on(conn, vec![commit], has_room))?;
        Ok(written.map_err(Unavailable::from).and_then(|done| match done {
            Ok(verdicts) => Ok(answers(verdicts)),
            Err(error) => Err(Unavailable(error.into())),
        }))
    }

    fn admits(&self) -> Result<(), Unavailable> {
        self.admission.room()
    }
}

/// A batch that is judged and linked; its chains move on only when it is taken over after COMMIT.
struct Prepared<'a> {
    plan: Plan,
    /// As they are when this batch is written.
    facts: Facts,
    chains: Batch<'a>,
    late: Vec<Late>,
}

impl State {
    fn write(&mut self, conn: &mut SqliteConnection, batch: Vec<Commit>) -> Result<Vec<Verdict>, Failed> {
        let Self { heads, closed, reserve, .. } = self;
        // A batch that is not written leaves none: they speak of what it would have done.
        let facts = mem::take(&mut self.facts);
        let mut prepared = None;
        let mut written = transaction(conn, |conn| {
            let ready = prepared.insert(prepare(conn, heads, facts, closed, batch)?);
            write(conn, ready)
        });
        if let (Err(error), Some(ready)) = (&written, &prepared)
            && is_full(error)
            && tells_what_happened(&ready.plan)
            && reserve.give_up()
        {
            // Nobody else writes: what was judged still holds.
            written = transaction(conn, |conn| write(conn, ready));
        }
        if let (Ok(()), Some(Prepared { plan, facts, chains, .. })) = (&written, prepared) {
            chains.commit();
            self.facts = facts.remembered();
            closed.learn(&plan);
            self.poke(PAGES_OF_TRANSACTION + plan.receipts().count() + PAGES_OF_CHANGE * plan.changes.len());
            return Ok(plan.verdicts);
        }
        if AnsiTransactionManager::is_broken_transaction_manager(conn) {
            self.reopen(conn);
        }
        written.map(|()| Vec::new())
    }

    fn poke(&mut self, pages: usize) {
        self.unmoved += pages;
        if self.unmoved >= POKE_AFTER_PAGES {
            self.unmoved = 0;
            self.checkpointer.poke();
        }
    }

    /// A connection that could neither commit nor roll back is of no more use.
    fn reopen(&self, conn: &mut SqliteConnection) {
        match open_writer(&self.path) {
            Ok(fresh) => *conn = fresh,
            Err(error) => {
                tracing::error!(path = %self.path.display(), %error, "the database cannot be opened anew: {error}");
            }
        }
    }
}

/// The cause is what is answered, not what became of the rollback.
fn transaction(
    conn: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut cause = None;
    let done = conn.immediate_transaction(|conn| {
        work(conn).map_err(|error| {
            cause = Some(error);
            Error::RollbackTransaction
        })
    });
    let Err(error) = done else { return Ok(()) };
    if matches!(&error, Error::DatabaseError(_, info) if info.message().contains("no transaction is active")) {
        // A full disk makes SQLite roll back by itself; diesel takes the second rollback's refusal for a defect.
        *AnsiTransactionManager::transaction_manager_status_mut(conn) = TransactionManagerStatus::default();
    }
    Err(cause.unwrap_or(Failed::Database(error)))
}

/// All else can wait until there is room: the reserve is for what must not be lost.
fn tells_what_happened(plan: &Plan) -> bool {
    plan.receipts().filter_map(|linked| linked.draft.phase).any(Phase::has_happened)
}

fn is_full(error: &Failed) -> bool {
    matches!(error, Failed::Database(Error::DatabaseError(_, info)) if info.message().contains("is full"))
}

fn prepare<'a>(
    conn: &mut SqliteConnection,
    heads: &'a mut Heads,
    mut facts: Facts,
    closed: &Closed,
    batch: Vec<Commit>,
) -> Result<Prepared<'a>, Failed> {
    let mut unknown = Wanted::of(&batch);
    facts.leave_unknown(&mut unknown);
    read_facts(conn, &unknown, &mut facts)?;
    for chain in plan::new_chains(&batch, heads) {
        learn_head(conn, heads, chain)?;
    }
    let mut chains = heads.begin();
    let plan = Plan::make(batch, &mut facts, &mut chains);
    let late = closed.late(&plan);
    Ok(Prepared { plan, facts, chains, late })
}

fn write(conn: &mut SqliteConnection, ready: &Prepared<'_>) -> Result<(), Failed> {
    for linked in ready.plan.receipts() {
        insert(conn, linked)?;
    }
    // Nothing in there waits: it runs on this connection.
    changes::write(&ready.plan, &ready.late, &mut Inline(conn)).now_or_never().unwrap_or(Ok(()))?;
    Ok(())
}

/// Runs statements where it is called.
struct Inline<'a>(&'a mut SqliteConnection);

impl Transaction for Inline<'_> {
    async fn run(&mut self, statement: impl Statement) -> QueryResult<usize> {
        diesel::query_dsl::methods::ExecuteDsl::execute(statement, self.0)
    }

    async fn keep(&mut self, signed: &[&Checkpoint]) -> QueryResult<()> {
        for head in signed {
            let (chain, signature) = (head.chain.to_bytes(), head.signature.to_bytes());
            let (seq, hash, at_ms) = (head.seq, &head.hash.0, head.at_ms);
            self.run(SaveCheckpoint { chain: &chain, seq, hash, signature: &signature, at_ms }).await?;
        }
        Ok(())
    }
}

fn insert(conn: &mut SqliteConnection, linked: &Linked) -> QueryResult<usize> {
    let draft = &linked.draft;
    InsertReceipt {
        pos: linked.pos,
        node: draft.node.as_str(),
        chain: &draft.chain.to_bytes(),
        seq: linked.seq,
        header: &linked.header,
        hash: &linked.hash.0,
        salt: &draft.salt,
        body: &linked.body,
        at_ms: draft.at_ms,
        kind: draft.kind.as_str(),
        phase: draft.phase.map(|phase| phase.as_str()),
        run: draft.run.as_ref().map(|run| &run.as_bytes()[..]),
    }
    .execute(conn)
}

fn learn_head(conn: &mut SqliteConnection, heads: &mut Heads, chain: ChainId) -> Result<(), Failed> {
    let newest = receipts::table
        .filter(receipts::chain.eq(chain.to_bytes()))
        .order(receipts::seq.desc())
        .select((receipts::seq, receipts::hash))
        // Reads one row and no more. A bound LIMIT would be prepared anew each time.
        .get_result::<(i64, Vec<u8>)>(conn)
        .optional()?;
    if let Some((seq, hash)) = newest {
        heads.learn(chain, Head { seq, hash: Columns("receipts").hash(&hash)? });
    } else {
        heads.learn(chain, Head::START);
    }
    Ok(())
}

/// One short query per key, each prepared once; `eq_any` would be prepared anew for every number of keys, and a
/// bound `LIMIT` (`first`) makes SQLite prepare anew each time.
fn read_facts(conn: &mut SqliteConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    for slug in &wanted.slugs {
        let owner = personas::table.filter(personas::slug.eq(slug.as_str())).select(personas::id);
        if let Some(id) = owner.get_result::<Vec<u8>>(conn).optional()? {
            facts.slugs.insert(slug.clone(), Columns("personas").id(&id)?);
        }
    }
    for id in &wanted.personas {
        let row = personas::table.find(&id.as_bytes()[..]).select((personas::version, personas::status));
        if let Some((version, status)) = row.get_result::<(i64, String)>(conn).optional()? {
            facts.personas.insert(*id, (version, Columns("personas").word(&status)?));
        }
    }
    for (persona, key) in &wanted.correlations {
        let same = messages::table
            .filter(messages::persona.eq(&persona.as_bytes()[..]).and(messages::correlation.eq(text(key.clone()))))
            .select(messages::id);
        if same.get_result::<Vec<u8>>(conn).optional()?.is_some() {
            facts.correlations.insert((*persona, key.clone()));
        }
    }
    read_states(conn, wanted, facts)
}

fn read_states(conn: &mut SqliteConnection, wanted: &Wanted, facts: &mut Facts) -> Result<(), Failed> {
    for id in &wanted.messages {
        let row = messages::table.find(&id.as_bytes()[..]).select(messages::state);
        if let Some(state) = row.get_result::<String>(conn).optional()? {
            facts.messages.insert(*id, Columns("messages").word(&state)?);
        }
    }
    for id in &wanted.goals {
        let row = goals::table.find(&id.as_bytes()[..]).select((goals::version, goals::state));
        if let Some((version, state)) = row.get_result::<(i64, String)>(conn).optional()? {
            facts.goals.insert(*id, (version, Columns("goals").word(&state)?));
        }
    }
    for id in &wanted.runs {
        let row = runs::table.find(&id.as_bytes()[..]).select(runs::state);
        if let Some(state) = row.get_result::<String>(conn).optional()? {
            facts.runs.insert(*id, Columns("runs").word(&state)?);
        }
    }
    for id in &wanted.alerts {
        let row = alerts::table.find(&id.as_bytes()[..]).select(alerts::resolved_ms);
        if let Some(resolved) = row.get_result::<Option<i64>>(conn).optional()? {
            facts.alerts.insert(*id, resolved.is_none());
        }
    }
    for id in &wanted.uses {
        let row = quota_uses::table.find(&id.as_bytes()[..]).select(QuotaUseRow::as_select());
        if let Some(row) = row.get_result::<QuotaUseRow>(conn).optional()? {
            facts.uses.insert(*id, row.try_into()?);
        }
    }
    for left in &wanted.quotas {
        let taken: Option<i64> = taken_by_others!(left).get_result(conn)?;
        facts.lost(*left, Columns("quota_uses").count(taken.unwrap_or(0))?);
    }
    for id in &wanted.standing {
        let row = standing_waits::table.find(&id.as_bytes()[..]);
        let row = row.select((standing_waits::seen_seq, standing_waits::ended_ms));
        if let Some((seen_seq, ended_ms)) = row.get_result::<(i64, Option<i64>)>(conn).optional()? {
            facts.standing.insert(*id, ended_ms.is_none().then_some(seen_seq));
        }
    }
    rooms::read_facts(conn, &wanted.rooms, &mut facts.rooms)?;
    ledger::read_here(conn, &wanted.ledger, &mut facts.ledger)?;
    approvals::read_here(conn, &wanted.approvals, &mut facts.approvals)?;
    calendar::read_here(conn, wanted, facts)
}
