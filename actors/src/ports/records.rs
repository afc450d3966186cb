//! What the company reads back. Read only; pages have their own views.

use std::ops::Range;

use async_trait::async_trait;

use super::{RoomRecords, Unavailable};
use crate::domain::{
    Alert, AlertId, AlertKind, Approval, ApprovalId, BigThree, BudgetScope, BudgetSpan, Budgets, ChainId, Entry, Goal,
    GoalId, Hash, HostPolicy, Hours, IfFailed, Message, MessageId, Persona, PersonaId, QuotaUse, Receipt, Run, RunId,
    Schedule, ScheduleId, Slug, StandingWait, Totals, Tryout,
};

/// A persona as the roster keeps it, awake or asleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRecord {
    pub id: PersonaId,
    pub slug: Slug,
    pub paused: bool,
    /// Messages waiting or running.
    pub waiting: u32,
    /// The earliest moment at which something can be done or expires: 0 for now, none for nothing to do.
    pub due_ms: Option<i64>,
    /// Goals failed in a row.
    pub failure_streak: u32,
}

/// A waiting message with the goal it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub message: Message,
    pub goal: Goal,
}

impl Waiting {
    /// Since when its persona could have begun it (wall time, milliseconds): it was there and due, and its persona was
    /// not paused.
    pub(crate) fn since_ms(&self, persona: &Persona) -> i64 {
        let due_ms = self.goal.due_ms.unwrap_or(0);
        self.message.received_ms.max(due_ms).max(persona.resumed_ms.unwrap_or(0))
    }
}

/// A moment this far ahead of now was written before the clock was set back.
pub const SET_BACK_MS: i64 = 60_000;

/// What a persona sees when it looks into its inbox.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inbox {
    pub work: Vec<Waiting>,
    /// Something was left out.
    pub more: bool,
    /// When the first of what was left out because it is not due yet will be.
    pub due_ms: Option<i64>,
    /// By when the first of what waits must be begun, also of what waits for other goals and is not among the work.
    pub begin_by_ms: Option<i64>,
}

/// What was not begun by its time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overdue {
    /// Who had to be begun first goes first.
    pub late: Vec<Waiting>,
    /// When to ask again: nothing else is late before; none: nothing waits.
    pub again_ms: Option<i64>,
}

/// A goal that another one waits for, and what happens to that one if it fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Prerequisite {
    pub goal: Goal,
    pub if_failed: IfFailed,
}

/// When a persona last worked at something that was not its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastWork {
    pub persona: PersonaId,
    pub hours: Hours,
    pub began_ms: i64,
}

/// A goal that counts as something, with what it took from its day.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    pub goal: Goal,
    pub taken: Option<QuotaUse>,
}

/// The newest receipt of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    pub chain: ChainId,
    pub seq: i64,
    pub hash: Hash,
}

/// Every chain's head at one moment: that of the receipt at `pos`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainHeads {
    pub pos: i64,
    pub heads: Vec<ChainHead>,
}

/// What the company reads back.
#[async_trait]
pub trait Records: RoomRecords {
    /// Every persona that is not deleted; read once, at start.
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable>;

    /// One roster record, fresh: after a run, after a resume.
    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable>;

    async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, Unavailable>;

    async fn goal(&self, id: GoalId) -> Result<Option<Goal>, Unavailable>;

    async fn message(&self, id: MessageId) -> Result<Option<Message>, Unavailable>;

    /// The message that started a goal.
    async fn message_of(&self, goal: GoalId) -> Result<Option<Message>, Unavailable>;

    async fn run(&self, id: RunId) -> Result<Option<Run>, Unavailable>;

    /// The persona's messages whose goal is open: those that were begun, then those that wait, by lane, deadline and
    /// the order received; at most `limit`. What is parked on other goals is not among them.
    async fn inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable>;

    /// The same messages as a persona sees them that wants to work: all of them while they are fewer than `limit`.
    /// When they are more, only those at which something can be done by now, so that what waits for a later moment,
    /// for a person or for a room hides nothing; at most `limit`: urgent ones first, then those that were begun, then
    /// by lane, deadline ([`Message::deadline_at`] now) and the order received.
    async fn look(&self, persona: PersonaId, _now_ms: i64, limit: u32) -> Result<Inbox, Unavailable> {
        let work = self.inbox(persona, limit).await?;
        Ok(Inbox { more: work.len() >= limit as usize, work, ..Inbox::default() })
    }

    /// The persona's messages that were not begun by their time, at most `limit`, whatever they wait for.
    async fn overdue(&self, _persona: PersonaId, _now_ms: i64, _limit: u32) -> Result<Overdue, Unavailable> {
        Ok(Overdue::default())
    }

    /// The persona's messages whose turn in a room waits for its word; at most `limit`.
    async fn asked_in_rooms(&self, _persona: PersonaId, _limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(Vec::new())
    }

    /// The persona's messages that are parked on other goals; at most `limit`.
    async fn parked_inbox(&self, _persona: PersonaId, _limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(Vec::new())
    }

    /// How many of its messages wait. Not counted one by one.
    async fn waiting(&self, _persona: PersonaId) -> Result<u32, Unavailable> {
        Ok(0)
    }

    /// Messages of a burst that can be worked at by now and were never begun, newest first; at most `limit`. Not those
    /// whose goal others wait for: they are owed an answer of their own.
    async fn burst(
        &self,
        _persona: PersonaId,
        _coalescing: &str,
        _now_ms: i64,
        _limit: u32,
    ) -> Result<Vec<Waiting>, Unavailable> {
        Ok(Vec::new())
    }

    /// What goes first when there is too much: messages that wait and were never begun, by priority, optional ones
    /// first, then the newest first; at most `limit`.
    async fn least_important(&self, _persona: PersonaId, _limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(Vec::new())
    }

    /// Every standing wait that has not ended, in order of ids.
    async fn standing_waits(&self) -> Result<Vec<StandingWait>, Unavailable> {
        Ok(Vec::new())
    }

    /// The sequence of a persona's newest receipt; 0: there is none.
    async fn newest_seq(&self, _persona: PersonaId) -> Result<i64, Unavailable> {
        Ok(0)
    }

    /// A persona's receipts behind this sequence, in order; at most `limit`.
    async fn receipts_after(&self, _persona: PersonaId, _seq: i64, _limit: u32) -> Result<Vec<Receipt>, Unavailable> {
        Ok(Vec::new())
    }

    /// The work this correlation brought the first time, whatever became of it.
    async fn correlated(&self, persona: PersonaId, correlation: &str) -> Result<Option<Waiting>, Unavailable>;

    /// The persona's alerts that are not resolved.
    async fn open_alerts(&self, persona: PersonaId) -> Result<Vec<Alert>, Unavailable>;

    /// The run of a goal that is not over, if there is one.
    async fn open_run(&self, goal: GoalId) -> Result<Option<Run>, Unavailable>;

    /// All receipts of a goal on its persona's chain, in order.
    async fn goal_receipts(&self, goal: GoalId) -> Result<Vec<Receipt>, Unavailable>;

    /// The sequence of the first receipt of a goal that does not fit its own hash, or whose body does not; none: all do.
    async fn unsound(&self, _goal: GoalId) -> Result<Option<i64>, Unavailable> {
        Ok(None)
    }

    /// What a goal took from its day.
    async fn quota_use(&self, _goal: GoalId) -> Result<Option<QuotaUse>, Unavailable> {
        Ok(None)
    }

    /// The budgets of these scopes, in their order; version 0 where nobody set any.
    async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, Unavailable> {
        Ok(scopes.iter().cloned().map(Budgets::none).collect())
    }

    /// What a stretch of time has had.
    async fn totals(&self, _span: &BudgetSpan) -> Result<Totals, Unavailable> {
        Ok(Totals::default())
    }

    /// What the goal's calls reserved and nobody settled.
    async fn open_entries(&self, _goal: GoalId) -> Result<Vec<Entry>, Unavailable> {
        Ok(Vec::new())
    }

    /// What calls reserved that nobody will settle, when none is under way: calls of programs, and of goals that are over.
    async fn lost_entries(&self) -> Result<Vec<Entry>, Unavailable> {
        Ok(Vec::new())
    }

    /// Tries by hand of which nobody said how they ended; at start, when none is under way.
    async fn open_tryouts(&self) -> Result<Vec<Tryout>, Unavailable> {
        Ok(Vec::new())
    }

    /// What people were asked about a goal's calls, in that order.
    async fn approvals_of(&self, _goal: GoalId) -> Result<Vec<Approval>, Unavailable> {
        Ok(Vec::new())
    }

    async fn approval(&self, _id: ApprovalId) -> Result<Option<Approval>, Unavailable> {
        Ok(None)
    }

    /// Every host policy; at start.
    async fn host_policies(&self) -> Result<Vec<HostPolicy>, Unavailable> {
        Ok(Vec::new())
    }

    /// Goals that wait for a budget, whoever pays for them.
    async fn parked_on_budgets(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(Vec::new())
    }

    /// Whether this alert was ever raised.
    async fn has_alert(&self, _id: AlertId) -> Result<bool, Unavailable> {
        Ok(false)
    }

    /// The persona's goals that count as something and are open, or were given or counted between these moments; the
    /// oldest first.
    async fn counted(&self, _persona: PersonaId, _within: Range<i64>) -> Result<Vec<Counted>, Unavailable> {
        Ok(Vec::new())
    }

    /// The personas whose days are planned; at start.
    async fn planned_personas(&self) -> Result<Vec<PersonaId>, Unavailable> {
        Ok(Vec::new())
    }

    /// What a goal waits for or waited for, in order of ids.
    async fn prerequisites(&self, goal: GoalId) -> Result<Vec<Prerequisite>, Unavailable>;

    /// The goals parked on this one, among others.
    async fn dependents(&self, prerequisite: GoalId) -> Result<Vec<GoalId>, Unavailable>;

    /// Every goal that is parked on others; at start, because a crash may have come between end and release.
    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable>;

    /// The calendar lines that are switched on, of personas that may work, each with its persona's hours; of one
    /// persona, if it is named.
    async fn calendar(&self, _persona: Option<PersonaId>) -> Result<Vec<(Schedule, Hours)>, Unavailable> {
        Ok(Vec::new())
    }

    async fn schedule(&self, _id: ScheduleId) -> Result<Option<Schedule>, Unavailable> {
        Ok(None)
    }

    /// How many lines a persona's calendar has, those switched off included.
    async fn schedule_count(&self, _persona: PersonaId) -> Result<usize, Unavailable> {
        Ok(0)
    }

    /// The persona's big three of the hour in which they were last chosen.
    async fn big_three(&self, _persona: PersonaId) -> Result<Option<BigThree>, Unavailable> {
        Ok(None)
    }

    /// How many goals are parked on each of these, in their order.
    async fn dependent_counts(&self, goals: &[GoalId]) -> Result<Vec<u32>, Unavailable> {
        let mut counts = Vec::with_capacity(goals.len());
        for goal in goals {
            counts.push(u32::try_from(self.dependents(*goal).await?.len()).unwrap_or(u32::MAX));
        }
        Ok(counts)
    }

    /// Everyone not deleted who began a run since a moment, digests left out; at start.
    async fn worked_since(&self, _from_ms: i64) -> Result<Vec<LastWork>, Unavailable> {
        Ok(Vec::new())
    }

    /// Whether the persona began a run from one moment to before another, digests left out.
    async fn worked(&self, _persona: PersonaId, _from_ms: i64, _until_ms: i64) -> Result<bool, Unavailable> {
        Ok(false)
    }

    /// The company's own alerts of a kind that are not resolved, oldest first.
    async fn open_alerts_of(&self, _kind: AlertKind) -> Result<Vec<Alert>, Unavailable> {
        Ok(Vec::new())
    }

    /// The heads of all chains, read in one snapshot; once an hour.
    async fn heads(&self) -> Result<ChainHeads, Unavailable> {
        Err(Unavailable("these records do not list the heads of chains".into()))
    }

    /// The heads that nobody has signed; at start, because a crash leaves some.
    async fn unsigned_heads(&self) -> Result<Vec<ChainHead>, Unavailable> {
        Err(Unavailable("these records do not list the heads of chains".into()))
    }
}
