//! Receipts: by position, by chain, by goal and run.
//!
//! The log has one index beside its key. A goal's or run's receipts are a range of its persona's chain, and the
//! header says which of the range are its own.

use actors::{
    domain::{ChainId, GoalId, GoalState, Hash, PersonaId, Receipt, RunId},
    evidence::canonical,
    ports::{ChainHead, ChainHeads},
};
use diesel::{prelude::*, sql_query};

use super::{MOST, RunFilter, at_most};
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::{Columns, receipt::ReceiptRow},
    schema::receipts,
};

/// Which receipts; without persona, chain, goal or run: those of every chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFilter {
    pub persona: Option<PersonaId>,
    /// Wins over `persona`.
    pub chain: Option<ChainId>,
    pub goal: Option<GoalId>,
    pub run: Option<RunId>,
    /// Only behind this position.
    pub after: Option<i64>,
    /// Only before this position.
    pub before: Option<i64>,
    pub newest_first: bool,
    pub limit: u32,
}

impl Default for ReceiptFilter {
    fn default() -> Self {
        Self {
            persona: None,
            chain: None,
            goal: None,
            run: None,
            after: None,
            before: None,
            newest_first: true,
            limit: 50,
        }
    }
}

#[derive(QueryableByName)]
#[diesel(table_name = receipts)]
struct HeadRow {
    chain: Vec<u8>,
    seq: i64,
    hash: Vec<u8>,
    pos: i64,
}

/// A receipt with what seals it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = receipts)]
struct SealedRow {
    seq: i64,
    header: String,
    hash: Vec<u8>,
    salt: Option<Vec<u8>>,
    body: Option<String>,
}

impl SealedRow {
    /// What was erased shows nothing and fits.
    fn is_sound(&self) -> bool {
        let fits = |(salt, body): (&[u8], &String)| {
            let salt = salt.try_into().ok()?;
            let says = canonical::parse(&self.header).ok()?.body.into_owned();
            Some(canonical::commitment(&salt, body).to_string() == says)
        };
        let sealed = self.salt.as_deref().zip(self.body.as_ref());
        canonical::sha256(self.header.as_bytes()).0[..] == self.hash[..]
            && sealed.is_none_or(|both| fits(both) == Some(true))
    }
}

/// Steps from chain to chain in the index instead of reading every receipt.
const HEADS: &str = "WITH RECURSIVE c(chain) AS ( \
    SELECT (SELECT chain FROM receipts ORDER BY chain LIMIT 1) UNION ALL \
    SELECT (SELECT chain FROM receipts WHERE chain > c.chain ORDER BY chain LIMIT 1) FROM c \
    WHERE c.chain IS NOT NULL) \
    SELECT r.chain, r.seq, r.hash, r.pos FROM c JOIN receipts r ON r.chain = c.chain \
    AND r.seq = (SELECT max(seq) FROM receipts WHERE chain = c.chain)";

/// Behind [`HEADS`]: those without a checkpoint.
const UNSIGNED: &str = "WHERE NOT EXISTS (SELECT 1 FROM checkpoints s WHERE s.chain = r.chain AND s.seq = r.seq)";

/// A stretch of one chain, and whose receipts of it are meant.
#[derive(Debug, Clone)]
pub(in crate::storage) struct Range {
    chain: ChainId,
    first_seq: i64,
    last_seq: i64,
    goal: Option<GoalId>,
    run: Option<RunId>,
}

/// The part of a stretch that one query brings.
struct Part {
    after: Option<i64>,
    before: Option<i64>,
    newest_first: bool,
    limit: i64,
}

impl Range {
    fn whole(chain: ChainId) -> Self {
        Self { chain, first_seq: 1, last_seq: i64::MAX, goal: None, run: None }
    }

    /// Text that only a header of this goal holds: quotes inside a header's texts are escaped.
    fn mark(&self) -> Option<String> {
        self.goal.map(|goal| format!("%,\"goal\":\"{goal}\"%"))
    }
}

impl Db {
    /// Receipts in the order of their positions, or the newest first.
    pub async fn receipts(&self, filter: ReceiptFilter) -> Result<Vec<Receipt>, DbError> {
        let part = Part {
            after: filter.after,
            before: filter.before,
            newest_first: filter.newest_first,
            limit: at_most(filter.limit),
        };
        let chain = filter.chain.clone().or(filter.persona.map(ChainId::Persona));
        let range = match (filter.goal, filter.run) {
            (_, Some(run)) => self.run_range(run).await?.map(|range| Range { goal: filter.goal, ..range }),
            (Some(goal), None) => self.goal_range(goal).await?,
            (None, None) => match chain.clone() {
                Some(chain) => Some(Range::whole(chain)),
                None => return self.log_part(&part).await,
            },
        };
        match range {
            // A goal of another persona than the one asked for.
            Some(range) if chain.is_some_and(|chain| chain != range.chain) => Ok(Vec::new()),
            Some(range) => self.range_part(range, &part).await,
            None => Ok(Vec::new()),
        }
    }

    /// One receipt of a chain.
    pub async fn receipt_at(&self, chain: &ChainId, seq: i64) -> Result<Option<Receipt>, DbError> {
        let range = Range { first_seq: seq, last_seq: seq, ..Range::whole(chain.clone()) };
        let part = Part { after: None, before: None, newest_first: true, limit: 1 };
        Ok(self.range_part(range, &part).await?.into_iter().next())
    }

    /// The position of the newest receipt, 0 before the first.
    pub async fn receipt_head(&self) -> Result<i64, DbError> {
        let mut head = 0;
        for node in self.logs() {
            let newest: Option<i64> = on_db!(self, one: {
                let query = receipts::table.order(receipts::pos.desc()).limit(1).select(receipts::pos).into_boxed();
                match node.clone() { Some(node) => query.filter(receipts::node.eq(node)), None => query }
            });
            head = head.max(newest.unwrap_or(0));
        }
        Ok(head)
    }

    /// Where a goal's receipts lie. Open: to the chain's end.
    pub(in crate::storage) async fn goal_range(&self, id: GoalId) -> Result<Option<Range>, DbError> {
        let Some(row) = self.goal_row(id).await? else { return Ok(None) };
        let read = Columns("goals");
        // A goal that was cancelled may have a call under way in a run that still goes on.
        let going_on = async || -> Result<bool, DbError> {
            let filter = RunFilter { goal: Some(id), limit: 10, ..RunFilter::default() };
            Ok(self.runs(filter).await?.iter().any(|run| !run.state.is_over()))
        };
        let is_over = read.word::<GoalState>(&row.state)?.is_over() && !going_on().await?;
        Ok(Some(Range {
            chain: ChainId::Persona(read.id(&row.persona)?),
            first_seq: row.first_seq,
            last_seq: if is_over { row.last_seq } else { i64::MAX },
            goal: Some(id),
            run: None,
        }))
    }

    async fn run_range(&self, id: RunId) -> Result<Option<Range>, DbError> {
        let Some(run) = self.run(id).await? else { return Ok(None) };
        Ok(Some(Range {
            chain: ChainId::Persona(run.persona),
            first_seq: run.first_seq,
            last_seq: run.last_seq.filter(|_| run.state.is_over()).unwrap_or(i64::MAX),
            goal: None,
            run: Some(id),
        }))
    }

    /// Every receipt of a goal, in order.
    pub async fn goal_receipts(&self, id: GoalId) -> Result<Vec<Receipt>, DbError> {
        let Some(range) = self.goal_range(id).await? else { return Ok(Vec::new()) };
        self.range_receipts(range).await
    }

    /// Every receipt of a range, in order.
    pub(in crate::storage) async fn range_receipts(&self, range: Range) -> Result<Vec<Receipt>, DbError> {
        let mut found = Vec::new();
        let part = Part { after: None, before: None, newest_first: false, limit: MOST.into() };
        let mut rest = range;
        loop {
            let more = self.range_part(rest.clone(), &part).await?;
            let is_last = more.len() < MOST as usize;
            rest.first_seq = more.last().map_or(rest.first_seq, |last| last.seq + 1);
            found.extend(more);
            if is_last {
                return Ok(found);
            }
        }
    }

    /// The first receipt of a range whose header or body is not what its hash says.
    pub(in crate::storage) async fn unsound_in(&self, mut range: Range) -> Result<Option<i64>, DbError> {
        loop {
            let (chain, mark) = (range.chain.to_bytes(), range.mark());
            let rows: Vec<SealedRow> = on_db!(self, all: {
                let mut query = receipts::table
                    .filter(receipts::chain.eq(chain.clone()))
                    .filter(receipts::seq.between(range.first_seq, range.last_seq))
                    .order(receipts::seq.asc())
                    .limit(MOST.into())
                    .select(SealedRow::as_select())
                    .into_boxed();
                if let Some(mark) = mark.clone() {
                    query = query.filter(receipts::header.like(mark));
                }
                query
            });
            if let Some(unsound) = rows.iter().find(|row| !row.is_sound()) {
                return Ok(Some(unsound.seq));
            }
            let Some(last) = rows.last().filter(|_| rows.len() >= MOST as usize) else { return Ok(None) };
            range.first_seq = last.seq + 1;
        }
    }

    async fn range_part(&self, range: Range, part: &Part) -> Result<Vec<Receipt>, DbError> {
        let chain = range.chain.to_bytes();
        let (after, before, newest_first, limit) = (part.after, part.before, part.newest_first, part.limit);
        let (run, mark) = (range.run.map(|run| run.as_bytes().to_vec()), range.mark());
        let rows: Vec<ReceiptRow> = on_db!(self, all: {
            let mut query = receipts::table
                .filter(receipts::chain.eq(chain.clone()))
                .filter(receipts::seq.between(range.first_seq, range.last_seq))
                .limit(limit)
                .select(ReceiptRow::as_select())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(receipts::pos.gt(after));
            }
            if let Some(before) = before {
                query = query.filter(receipts::pos.lt(before));
            }
            if let Some(run) = run.clone() {
                query = query.filter(receipts::run.eq(run));
            }
            if let Some(mark) = mark.clone() {
                query = query.filter(receipts::header.like(mark));
            }
            if newest_first { query.order(receipts::seq.desc()) } else { query.order(receipts::seq.asc()) }
        });
        rows.into_iter().map(Receipt::try_from).collect()
    }

    async fn log_part(&self, part: &Part) -> Result<Vec<Receipt>, DbError> {
        let (after, before, newest_first, limit) = (part.after, part.before, part.newest_first, part.limit);
        let mut rows: Vec<ReceiptRow> = Vec::new();
        for node in self.logs() {
            let of_node: Vec<ReceiptRow> = on_db!(self, all: {
                let mut query = receipts::table.limit(limit).select(ReceiptRow::as_select()).into_boxed();
                if let Some(node) = node.clone() {
                    query = query.filter(receipts::node.eq(node));
                }
                if let Some(after) = after {
                    query = query.filter(receipts::pos.gt(after));
                }
                if let Some(before) = before {
                    query = query.filter(receipts::pos.lt(before));
                }
                if newest_first { query.order(receipts::pos.desc()) } else { query.order(receipts::pos.asc()) }
            });
            rows.extend(of_node);
        }
        rows.sort_by_key(|row| if newest_first { -row.pos } else { row.pos });
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        rows.into_iter().map(Receipt::try_from).collect()
    }

    /// The heads of all chains, in one statement and so in one snapshot.
    pub async fn heads(&self) -> Result<ChainHeads, DbError> {
        self.heads_where("").await
    }

    /// The heads of chains that nobody has signed.
    pub async fn unsigned_heads(&self) -> Result<Vec<ChainHead>, DbError> {
        Ok(self.heads_where(UNSIGNED).await?.heads)
    }

    async fn heads_where(&self, condition: &'static str) -> Result<ChainHeads, DbError> {
        let rows: Vec<HeadRow> = on_db!(self, all: sql_query(format!("{HEADS} {condition}")));
        let read = Columns("receipts");
        let mut all = ChainHeads::default();
        for row in rows {
            // The newest receipt of all is the newest of its chain.
            all.pos = all.pos.max(row.pos);
            let chain = ChainId::from_bytes(&row.chain).map_err(|error| read.corrupt(error))?;
            all.heads.push(ChainHead { chain, seq: row.seq, hash: read.hash(&row.hash)? });
        }
        Ok(all)
    }

    /// The newest receipt of a chain: sequence and hash.
    pub async fn chain_head(&self, chain: &ChainId) -> Result<Option<(i64, Hash)>, DbError> {
        let chain = chain.to_bytes();
        let row: Option<(i64, Vec<u8>)> = on_db!(self, one:
            receipts::table
                .filter(receipts::chain.eq(chain.clone()))
                .order(receipts::seq.desc())
                .limit(1)
                .select((receipts::seq, receipts::hash)));
        row.map(|(seq, hash)| Ok((seq, Columns("receipts").hash(&hash)?))).transpose()
    }
}
