//! A day as it is on record.

use std::collections::HashSet;

use actors::{
    domain::{ChainId, Goal, GoalId, Hash, Persona, PersonaId, Receipt},
    ports::BoxError,
};
use async_trait::async_trait;

use crate::storage::{Db, DbError, GoalFilter, ReceiptFilter};

const PAGE: u32 = 1_000;
const MOST_RECEIPTS: usize = 10_000;
/// Goals looked through for changes of the day, newest first.
const MOST_GOALS: u32 = 500;
/// Older goals that the day's receipts name.
const MOST_OLDER: usize = 200;

/// What is on record for a day.
#[derive(Debug, Clone, Default)]
pub struct Day {
    pub personas: Vec<Persona>,
    /// Goals that changed on that day.
    pub goals: Vec<Goal>,
    /// Receipts of that day, newest first.
    pub receipts: Vec<Line>,
    /// There are more than were read; these are the newest.
    pub cut: bool,
    pub proposals: u64,
    pub posts: u64,
    pub messages: u64,
}

/// A receipt, as far as a report looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub chain: ChainId,
    pub seq: i64,
    pub hash: Hash,
    pub goal: Option<GoalId>,
    /// It names an error.
    pub error: bool,
}

impl From<Receipt> for Line {
    fn from(receipt: Receipt) -> Self {
        let error = receipt.body.is_some_and(|body| body.error.is_some());
        Self { chain: receipt.chain, seq: receipt.seq, hash: receipt.hash, goal: receipt.goal, error }
    }
}

/// A stretch of one persona's time.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Newest first.
    pub receipts: Vec<Receipt>,
    /// There are more than were read; these are the newest.
    pub cut: bool,
}

/// Where a day is looked up.
#[async_trait]
pub trait DayBook: Send + Sync {
    /// What was recorded from this moment on.
    async fn since(&self, from_ms: i64) -> Result<Day, BoxError>;

    /// What one persona's chain holds of the time from one moment to before another.
    async fn own(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<Own, BoxError>;
}

#[async_trait]
impl DayBook for Db {
    async fn since(&self, from_ms: i64) -> Result<Day, BoxError> {
        let (receipts, cut) = receipts_since(self, from_ms).await?;
        let goals = goals_of(self, from_ms, &receipts).await?;
        let today = self.today(from_ms).await?;
        Ok(Day {
            personas: self.personas(false).await?,
            goals,
            receipts,
            cut,
            proposals: today.proposals,
            posts: today.posts,
            messages: today.messages,
        })
    }

    async fn own(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<Own, BoxError> {
        let mut own = Own::default();
        let mut before = None;
        loop {
            let filter = ReceiptFilter { persona: Some(persona), before, limit: PAGE, ..ReceiptFilter::default() };
            let page = self.receipts(filter).await?;
            before = page.last().map(|receipt| receipt.pos);
            // A clock that was set back puts later moments first: what is too young is passed over, not the end.
            let whole = page.last().is_none_or(|last| last.at_ms < from_ms) || page.len() < PAGE as usize;
            let within = from_ms..until_ms;
            own.receipts.extend(page.into_iter().filter(|receipt| within.contains(&receipt.at_ms)));
            own.cut = !whole && own.receipts.len() >= MOST_RECEIPTS;
            if whole || own.cut {
                return Ok(own);
            }
        }
    }
}

/// The day's receipts, and whether there are more than were read.
async fn receipts_since(db: &Db, from_ms: i64) -> Result<(Vec<Line>, bool), DbError> {
    let mut lines = Vec::new();
    let mut before = None;
    while lines.len() < MOST_RECEIPTS {
        let page = db.receipts(ReceiptFilter { before, limit: PAGE, ..ReceiptFilter::default() }).await?;
        before = page.last().map(|receipt| receipt.pos);
        let read = page.len();
        lines.extend(page.into_iter().take_while(|receipt| receipt.at_ms >= from_ms).map(Line::from));
        if lines.len() % PAGE as usize != 0 || read < PAGE as usize {
            return Ok((lines, false));
        }
    }
    Ok((lines, true))
}

/// Goals that changed, newest first; then older ones that the day's receipts name.
async fn goals_of(db: &Db, from_ms: i64, receipts: &[Line]) -> Result<Vec<Goal>, DbError> {
    let newest = db.goals(GoalFilter { limit: MOST_GOALS, ..GoalFilter::default() }).await?;
    let mut goals: Vec<_> = newest.into_iter().filter(|goal| goal.updated_ms >= from_ms).collect();
    let mut known: HashSet<_> = goals.iter().map(|goal| goal.id).collect();
    let older: Vec<_> = receipts.iter().filter_map(|line| line.goal).filter(|id| known.insert(*id)).collect();
    for id in older.into_iter().take(MOST_OLDER) {
        goals.extend(db.goal(id).await?);
    }
    Ok(goals)
}
