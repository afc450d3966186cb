//! The journal over PostgreSQL: one connection, held by a task of its own, receipts by `unnest`.
//!
//! **An ambiguous COMMIT.** A batch ends with COMMIT, one that is receipts alone is a single statement and needs none.
//! When the connection is lost between that last statement and its answer, nobody here knows whether the batch was
//! written. The task then looks for the batch's last receipt before it writes again; commits of a batch
//! that had landed are answered, not written twice, when their caller hands them in anew.
//!
//! **One writer per database.** The connection holds an advisory lock: a second server finds out at its start, before it
//! writes anything. So what this task has read or written stays true, and need not be read again.

mod read;
mod unsure;

use std::{future::Future, mem, time::Duration};

use actors::{
    evidence::chain::{Batch, Heads},
    ports::{Checkpoint, Commit, Journal, Unavailable, Written},
};
use async_trait::async_trait;
use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::Error,
    sql_types::{Array, BigInt, Binary, Nullable, Text},
};
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager};
use tokio::sync::{mpsc, oneshot};

use super::{
    Failed, answers,
    changes::{self, Statement, Transaction},
    closed::Closed,
    facts::{Facts, Wanted},
    plan::{self, Plan, Verdict},
};
use crate::storage::{disk::Admission, postgres::connect};

use unsure::Unsure;

/// A batch that has not come to its last statement by then is given up, and its connection with it.
const BATCH_LIMIT: Duration = Duration::from_secs(20);
/// The last statement has a limit of its own: behind it, giving up means that nobody knows.
const LAST_LIMIT: Duration = Duration::from_secs(10);
/// Batches that may wait; evidence hands in one at a time.
const WAITING: usize = 64;

/// The journal of a node on PostgreSQL.
pub(in crate::storage) struct PostgresJournal {
    batches: mpsc::Sender<Asked>,
    admission: Admission,
}

struct Asked {
    batch: Vec<Commit>,
    reply: oneshot::Sender<Result<Vec<Verdict>, Unavailable>>,
}

impl PostgresJournal {
    /// Takes the database and starts the task; it ends when the journal is dropped.
    pub(in crate::storage) async fn start(url: String, admission: Admission) -> Result<Self, Unavailable> {
        let session = Some(open(&url).await?);
        let (batches, mut asked) = mpsc::channel::<Asked>(WAITING);
        tokio::spawn(async move {
            let mut task = Task { url, session, closed: Closed::default(), unsure: Unsure::default() };
            while let Some(Asked { batch, reply }) = asked.recv().await {
                // A caller that has gone away loses the reply, never the transaction.
                let _ = reply.send(task.write(batch).await);
            }
        });
        Ok(Self { batches, admission })
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        self.admission.check(&batch)?;
        let gone = || Unavailable("the task that writes to PostgreSQL has ended".into());
        let (reply, answer) = oneshot::channel();
        self.batches.send(Asked { batch, reply }).await.map_err(|_| gone())?;
        Ok(answers(answer.await.map_err(|_| gone())??))
    }

    fn admits(&self) -> Result<(), Unavailable> {
        self.admission.room()
    }
}

struct Task {
    url: String,
    /// None: to be opened anew. A batch that failed takes its session with it.
    session: Option<Session>,
    closed: Closed,
    unsure: Unsure,
}

/// A connection, and what is known through it.
struct Session {
    conn: AsyncPgConnection,
    heads: Heads,
    facts: Facts,
}

impl Task {
    async fn write(&mut self, batch: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => open(&self.url).await?,
        };
        self.unsure.settle(&mut session.conn, &mut self.closed).await.map_err(unavailable)?;
        let (batch, landed) = self.unsure.sift(batch);
        match attempt(&mut session, &self.closed, batch).await {
            Ok(plan) => {
                self.session = Some(session);
                self.closed.learn(&plan);
                Ok(landed.merge(plan.verdicts))
            }
            Err(Attempt::Failed(error)) => Err(unavailable(error)),
            Err(Attempt::Ambiguous(plan, error)) => {
                self.unsure.remember(*plan);
                // It holds the database as long as it lives.
                drop(session);
                self.look_at_once(error).await.map(|verdicts| landed.merge(verdicts))
            }
        }
    }

    /// The last answer was lost: perhaps the server can be asked right away.
    async fn look_at_once(&mut self, error: Failed) -> Result<Vec<Verdict>, Unavailable> {
        let mut session = open(&self.url).await?;
        self.unsure.settle(&mut session.conn, &mut self.closed).await.map_err(unavailable)?;
        self.session = Some(session);
        self.unsure.take_landed().ok_or_else(|| unavailable(error))
    }
}

fn unavailable(error: Failed) -> Unavailable {
    Unavailable(error.into())
}

async fn open(url: &str) -> Result<Session, Unavailable> {
    let mut conn = connect(url).await.map_err(|error| Unavailable(error.into()))?;
    take_database(&mut conn).await?;
    let pos = read::newest_position(&mut conn).await.map_err(unavailable)?;
    Ok(Session { conn, heads: Heads::new(pos), facts: Facts::default() })
}

/// Another server writes to it.
#[derive(Debug, thiserror::Error)]
#[error("another server works on this database: end it, or give this one a database of its own (DATABASE_URL)")]
struct DatabaseTaken;

/// Waits a little: a connection that was just lost may still hold it.
async fn take_database(conn: &mut AsyncPgConnection) -> Result<(), Unavailable> {
    let lock = diesel::sql_query("SELECT pg_advisory_lock(4771002)");
    match diesel_async::RunQueryDsl::execute(lock, conn).await {
        Ok(_) => Ok(()),
        Err(Error::DatabaseError(_, info)) if info.message().contains("lock timeout") => {
            Err(Unavailable(DatabaseTaken.into()))
        }
        Err(error) => Err(Unavailable(error.into())),
    }
}

/// A batch that did not succeed.
enum Attempt {
    /// Nothing of it was written.
    Failed(Failed),
    /// Its last statement was sent; what came of it is not known.
    Ambiguous(Box<Plan>, Failed),
}

impl<E: Into<Failed>> From<E> for Attempt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn attempt(session: &mut Session, closed: &Closed, batch: Vec<Commit>) -> Result<Plan, Attempt> {
    let Session { conn, heads, facts: known } = session;
    if batch.is_empty() {
        return Ok(Plan::default());
    }
    let before = all_but_the_last(conn, heads, mem::take(known), closed, batch);
    let Prepared { plan, facts, chains, alone } = within(BATCH_LIMIT, before).await?;
    let ending = if alone {
        within(LAST_LIMIT, diesel_async::RunQueryDsl::execute(InsertReceipts::new(&plan), conn)).await.map(drop)
    } else {
        within(LAST_LIMIT, AnsiTransactionManager::commit_transaction(conn)).await
    };
    match ending {
        Ok(()) => {
            chains.commit();
            *known = facts.remembered();
            Ok(plan)
        }
        // Without an answer nobody knows whether it is durable.
        Err(error) => Err(Attempt::Ambiguous(Box::new(plan), error)),
    }
}

/// A batch of which only the last statement is not sent yet.
struct Prepared<'a> {
    plan: Plan,
    /// As they are when it is written.
    facts: Facts,
    chains: Batch<'a>,
    /// Its receipts are its one statement, a transaction of its own: two ways to the server and back less.
    alone: bool,
}

async fn all_but_the_last<'a>(
    conn: &mut AsyncPgConnection,
    heads: &'a mut Heads,
    mut facts: Facts,
    closed: &Closed,
    batch: Vec<Commit>,
) -> Result<Prepared<'a>, Failed> {
    // Outside the transaction: nobody else writes, so what is read stays true.
    let mut unknown = Wanted::of(&batch);
    facts.leave_unknown(&mut unknown);
    read::facts(conn, &unknown, &mut facts).await?;
    read::learn_heads(conn, heads, plan::new_chains(&batch, heads)).await?;
    let mut chains = heads.begin();
    let plan = Plan::make(batch, &mut facts, &mut chains);
    let late = closed.late(&plan);
    let alone = changes::are_none(&plan, &late);
    if !alone {
        AnsiTransactionManager::begin_transaction(conn).await?;
        diesel_async::RunQueryDsl::execute(InsertReceipts::new(&plan), conn).await?;
        changes::write(&plan, &late, &mut Open(conn)).await?;
    }
    Ok(Prepared { plan, facts, chains, alone })
}

async fn within<T, E: Into<Failed>>(
    limit: Duration,
    statements: impl Future<Output = Result<T, E>>,
) -> Result<T, Failed> {
    match tokio::time::timeout(limit, statements).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Failed::Late(limit.as_secs())),
    }
}

struct Open<'a>(&'a mut AsyncPgConnection);

impl Transaction for Open<'_> {
    async fn run(&mut self, statement: impl Statement) -> QueryResult<usize> {
        diesel_async::RunQueryDsl::execute(statement, self.0).await
    }

    async fn keep(&mut self, signed: &[&Checkpoint]) -> QueryResult<()> {
        diesel_async::RunQueryDsl::execute(InsertCheckpoints::new(signed), self.0).await.map(drop)
    }
}

/// All receipts of a batch in one statement, the same for every number of them.
struct InsertReceipts<'a> {
    node: Vec<&'a str>,
    pos: Vec<i64>,
    chain: Vec<Vec<u8>>,
    seq: Vec<i64>,
    header: Vec<&'a str>,
    hash: Vec<&'a [u8]>,
    salt: Vec<&'a [u8]>,
    body: Vec<&'a str>,
    at_ms: Vec<i64>,
    kind: Vec<&'a str>,
    phase: Vec<Option<&'a str>>,
    run: Vec<Option<&'a [u8]>>,
}

impl<'a> InsertReceipts<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            node: plan.receipts().map(|linked| linked.draft.node.as_str()).collect(),
            pos: plan.receipts().map(|linked| linked.pos).collect(),
            chain: plan.receipts().map(|linked| linked.draft.chain.to_bytes()).collect(),
            seq: plan.receipts().map(|linked| linked.seq).collect(),
            header: plan.receipts().map(|linked| linked.header.as_str()).collect(),
            hash: plan.receipts().map(|linked| &linked.hash.0[..]).collect(),
            salt: plan.receipts().map(|linked| &linked.draft.salt[..]).collect(),
            body: plan.receipts().map(|linked| linked.body.as_str()).collect(),
            at_ms: plan.receipts().map(|linked| linked.draft.at_ms).collect(),
            kind: plan.receipts().map(|linked| linked.draft.kind.as_str()).collect(),
            phase: plan.receipts().map(|linked| linked.draft.phase.map(|phase| phase.as_str())).collect(),
            run: plan.receipts().map(|linked| linked.draft.run.as_ref().map(|run| &run.as_bytes()[..])).collect(),
        }
    }
}

impl QueryId for InsertReceipts<'_> {
    type QueryId = InsertReceipts<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for InsertReceipts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO receipts (node, pos, chain, seq, header, hash, salt, body, at_ms, kind, phase, run) \
             SELECT * FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.node)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.pos)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.chain)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.header)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.hash)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.salt)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.body)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.at_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.phase)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Binary>>, _>(&self.run)?;
        out.push_sql(")");
        Ok(())
    }
}

/// All signed heads of a batch in one statement; one by one each would cost a way to the server and back.
struct InsertCheckpoints<'a> {
    chain: Vec<Vec<u8>>,
    seq: Vec<i64>,
    hash: Vec<&'a [u8]>,
    signature: Vec<Vec<u8>>,
    at_ms: Vec<i64>,
}

impl<'a> InsertCheckpoints<'a> {
    fn new(signed: &[&'a Checkpoint]) -> Self {
        Self {
            chain: signed.iter().map(|head| head.chain.to_bytes()).collect(),
            seq: signed.iter().map(|head| head.seq).collect(),
            hash: signed.iter().map(|head| &head.hash.0[..]).collect(),
            signature: signed.iter().map(|head| head.signature.to_bytes().to_vec()).collect(),
            at_ms: signed.iter().map(|head| head.at_ms).collect(),
        }
    }
}

impl QueryId for InsertCheckpoints<'_> {
    type QueryId = InsertCheckpoints<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for InsertCheckpoints<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO checkpoints (chain, seq, hash, signature, at_ms) SELECT * FROM unnest(");
        out.push_bind_param::<Array<Binary>, _>(&self.chain)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seq)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.hash)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.signature)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.at_ms)?;
        out.push_sql(") ON CONFLICT (chain, seq) DO NOTHING");
        Ok(())
    }
}
