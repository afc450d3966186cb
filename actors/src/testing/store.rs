//! A journal in memory that keeps the promises of [`Journal`], and fails when it is told to.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio::sync::{OwnedMutexGuard, watch};

use super::{StoredRow, lock, state::State};
use crate::{
    domain::{
        Alert, AlertId, AlertKind, Approval, ApprovalId, BigThree, Bound, BudgetScope, BudgetSpan, Budgets, ChainId,
        Entry, Goal, GoalId, HostPolicy, Hours, Message, MessageId, Persona, PersonaId, PersonaStatus, QuotaUse,
        Receipt, Run, RunId, Schedule, ScheduleId, StandingWait, Totals, Tryout,
    },
    ports::{
        ChainHead, ChainHeads, Checkpoint, Commit, Committed, Counted, Inbox, Journal, LastWork, Outdated, Overdue,
        Prerequisite, Records, RosterRecord, Unavailable, Waiting, Written,
    },
};

/// Journal and records in memory.
#[derive(Default)]
pub struct MemoryStore {
    pub(super) state: Mutex<State>,
    faults: Mutex<Faults>,
    gate: Arc<tokio::sync::Mutex<()>>,
    asked: watch::Sender<usize>,
}

#[derive(Default)]
struct Faults {
    next: u32,
    outages: u32,
    /// Nothing new may begin, all else is written.
    closed: bool,
    approvals_hidden: bool,
    /// How often a look for a persona is still answered `Unavailable`.
    unread: BTreeMap<PersonaId, u32>,
    /// Size of every batch that was asked for, failed ones included.
    batches: Vec<usize>,
}

/// While it lives, no write begins; writes wait.
pub struct WriteHold(#[expect(dead_code, reason = "held for its drop")] OwnedMutexGuard<()>);

/// While it lives, every write is answered `Unavailable`.
pub struct StoreOutage<'a>(&'a MemoryStore);

impl Drop for StoreOutage<'_> {
    fn drop(&mut self) {
        lock(&self.0.faults).outages -= 1;
    }
}

impl MemoryStore {
    /// The next `n` writes are answered `Unavailable`.
    pub fn fail_next(&self, n: u32) {
        lock(&self.faults).next = n;
    }

    /// Every write is answered `Unavailable` until the outage is dropped.
    pub fn fail_until_told(&self) -> StoreOutage<'_> {
        lock(&self.faults).outages += 1;
        StoreOutage(self)
    }

    /// The next `n` looks for this persona are answered `Unavailable`.
    pub fn fail_reads_of(&self, persona: PersonaId, n: u32) {
        lock(&self.faults).unread.insert(persona, n);
    }

    /// From now on nothing new may begin, or it may again.
    pub fn close_to_new_work(&self, closed: bool) {
        lock(&self.faults).closed = closed;
    }

    /// Nobody finds an approval any more, or they do again.
    pub fn hide_approvals(&self, hidden: bool) {
        lock(&self.faults).approvals_hidden = hidden;
    }

    /// Writes wait until the hold is dropped.
    pub async fn hold_writes(&self) -> WriteHold {
        WriteHold(self.gate.clone().lock_owned().await)
    }

    /// Waits until the journal was asked to write `n` times, whether it did or not.
    pub async fn asked(&self, n: usize) {
        // The sender is ours, so the wait can only end well.
        let _ = self.asked.subscribe().wait_for(|asked| *asked >= n).await;
    }

    /// How many commits each write brought, failed writes included.
    pub fn batches(&self) -> Vec<usize> {
        lock(&self.faults).batches.clone()
    }

    /// Writes one commit, as a test's own hand.
    pub fn seed(&self, commit: Commit) -> Result<Committed, Outdated> {
        lock(&self.state).commit(commit)
    }

    /// Every receipt, in order of `pos`.
    pub fn receipts(&self) -> Vec<Receipt> {
        lock(&self.state).receipts()
    }

    /// Every receipt as it is stored, in order of `pos`: what a verifier reads.
    pub fn rows(&self) -> Vec<StoredRow> {
        lock(&self.state).rows()
    }

    /// Changes or erases the body of the receipts with this sequence behind the back of the chain.
    pub fn edit(&self, seq: i64, change: impl FnOnce(&mut Receipt)) {
        lock(&self.state).edit(seq, change);
    }

    /// A chain's receipts in order.
    pub fn chain(&self, chain: &ChainId) -> Vec<Receipt> {
        self.receipts().into_iter().filter(|receipt| receipt.chain == *chain).collect()
    }

    /// Every checkpoint, in the order written.
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        lock(&self.state).checkpoints.clone()
    }

    /// Every goal, oldest first.
    pub fn goals(&self) -> Vec<Goal> {
        lock(&self.state).goals.values().map(|row| row.goal.clone()).collect()
    }

    /// Where a goal's receipts lie on its persona's chain: first and last sequence.
    pub fn goal_range(&self, id: GoalId) -> Option<(i64, i64)> {
        lock(&self.state).goals.get(&id).map(|row| (row.first_seq, row.last_seq))
    }

    /// Every run, oldest first.
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.state).runs.values().cloned().collect()
    }

    /// Every message, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.state).messages.values().cloned().collect()
    }

    /// Every persona, deleted ones included.
    pub fn personas(&self) -> Vec<Persona> {
        lock(&self.state).personas.values().map(|row| row.persona.clone()).collect()
    }

    /// Every line of every calendar, oldest first.
    pub fn schedules(&self) -> Vec<Schedule> {
        lock(&self.state).schedules.values().cloned().collect()
    }

    /// Everything that calls reserved, oldest first, with what was spent; none: not settled.
    pub fn entries(&self) -> Vec<(Entry, Option<Bound>)> {
        lock(&self.state).ledger.entries()
    }

    /// Every approval, in the order asked for.
    pub fn approvals(&self) -> Vec<Approval> {
        lock(&self.state).approvals.all()
    }

    /// Every alert, oldest first.
    pub fn alerts(&self) -> Vec<Alert> {
        lock(&self.state).alerts.values().cloned().collect()
    }
}

impl MemoryStore {
    fn write_now(&self, batch: Vec<Commit>) -> Written {
        if lock(&self.faults).strikes(batch.len()) {
            return Err(Unavailable("the database is locked (as the test asked)".into()));
        }
        if batch.iter().any(Commit::begins_something) {
            self.admits()?;
        }
        let mut state = lock(&self.state);
        Ok(batch.into_iter().map(|commit| state.commit(commit)).collect())
    }
}

impl Faults {
    fn strikes(&mut self, commits: usize) -> bool {
        self.batches.push(commits);
        let now = self.next > 0;
        self.next = self.next.saturating_sub(1);
        now || self.outages > 0
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        self.asked.send_modify(|asked| *asked += 1);
        let _turn = self.gate.lock().await;
        self.write_now(batch)
    }

    fn write_here(&self, commit: Commit) -> Result<Written, Commit> {
        let Ok(_turn) = self.gate.try_lock() else { return Err(commit) };
        self.asked.send_modify(|asked| *asked += 1);
        Ok(self.write_now(vec![commit]))
    }

    fn admits(&self) -> Result<(), Unavailable> {
        if lock(&self.faults).closed { Err(Unavailable("too little room (as the test asked)".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Records for MemoryStore {
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable> {
        let state = lock(&self.state);
        Ok(state.personas.keys().filter_map(|id| state.roster_record(*id)).collect())
    }

    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable> {
        Ok(lock(&self.state).roster_record(id))
    }

    async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, Unavailable> {
        if let Some(left) = lock(&self.faults).unread.get_mut(&id).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Unavailable("the personas cannot be read (as the test asked)".into()));
        }
        Ok(lock(&self.state).personas.get(&id).map(|row| row.persona.clone()))
    }

    async fn goal(&self, id: GoalId) -> Result<Option<Goal>, Unavailable> {
        Ok(lock(&self.state).goals.get(&id).map(|row| row.goal.clone()))
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, Unavailable> {
        Ok(lock(&self.state).messages.get(&id).cloned())
    }

    async fn message_of(&self, goal: GoalId) -> Result<Option<Message>, Unavailable> {
        Ok(lock(&self.state).messages.values().find(|message| message.goal == goal).cloned())
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, Unavailable> {
        Ok(lock(&self.state).runs.get(&id).cloned())
    }

    async fn inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(lock(&self.state).inbox(persona, limit))
    }

    async fn look(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Inbox, Unavailable> {
        Ok(lock(&self.state).look(persona, now_ms, limit))
    }

    async fn overdue(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Overdue, Unavailable> {
        Ok(lock(&self.state).overdue(persona, now_ms, limit))
    }

    async fn asked_in_rooms(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(lock(&self.state).asked(persona, limit))
    }

    async fn parked_inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(lock(&self.state).parked(persona, limit))
    }

    async fn waiting(&self, persona: PersonaId) -> Result<u32, Unavailable> {
        Ok(lock(&self.state).waiting(persona))
    }

    async fn burst(
        &self,
        persona: PersonaId,
        coalescing: &str,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Waiting>, Unavailable> {
        Ok(lock(&self.state).burst(persona, coalescing, now_ms, limit))
    }

    async fn least_important(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(lock(&self.state).least_important(persona, limit))
    }

    async fn standing_waits(&self) -> Result<Vec<StandingWait>, Unavailable> {
        Ok(lock(&self.state).standing.values().filter(|wait| wait.ended.is_none()).cloned().collect())
    }

    async fn newest_seq(&self, persona: PersonaId) -> Result<i64, Unavailable> {
        Ok(self.chain(&ChainId::Persona(persona)).last().map_or(0, |receipt| receipt.seq))
    }

    async fn receipts_after(&self, persona: PersonaId, seq: i64, limit: u32) -> Result<Vec<Receipt>, Unavailable> {
        let behind = |receipt: &Receipt| receipt.seq > seq && receipt.chain == ChainId::Persona(persona);
        Ok(self.receipts().into_iter().filter(behind).take(limit as usize).collect())
    }

    async fn correlated(&self, persona: PersonaId, correlation: &str) -> Result<Option<Waiting>, Unavailable> {
        let state = lock(&self.state);
        let first = |m: &&Message| m.persona == persona && m.correlation.as_deref() == Some(correlation);
        let work = |message: &Message| {
            let goal = state.goals.get(&message.goal)?.goal.clone();
            Some(Waiting { message: message.clone(), goal })
        };
        Ok(state.messages.values().find(first).and_then(work))
    }

    async fn open_alerts(&self, persona: PersonaId) -> Result<Vec<Alert>, Unavailable> {
        let open = |alert: &&Alert| alert.persona == Some(persona) && alert.resolved_ms.is_none();
        Ok(lock(&self.state).alerts.values().filter(open).cloned().collect())
    }

    async fn open_run(&self, goal: GoalId) -> Result<Option<Run>, Unavailable> {
        let state = lock(&self.state);
        Ok(state.runs.values().find(|run| run.goal == goal && !run.state.is_over()).cloned())
    }

    async fn goal_receipts(&self, goal: GoalId) -> Result<Vec<Receipt>, Unavailable> {
        let state = lock(&self.state);
        let Some(row) = state.goals.get(&goal) else { return Ok(Vec::new()) };
        let chain = ChainId::Persona(row.goal.persona);
        let of_goal = |receipt: &Receipt| receipt.goal == Some(goal) && receipt.chain == chain;
        Ok(state.receipts().into_iter().filter(of_goal).collect())
    }

    async fn quota_use(&self, goal: GoalId) -> Result<Option<QuotaUse>, Unavailable> {
        Ok(lock(&self.state).uses.get(&goal).copied())
    }

    async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, Unavailable> {
        let state = lock(&self.state);
        Ok(scopes.iter().map(|scope| state.ledger.budgets(scope)).collect())
    }

    async fn totals(&self, span: &BudgetSpan) -> Result<Totals, Unavailable> {
        Ok(lock(&self.state).ledger.totals(span))
    }

    async fn open_entries(&self, goal: GoalId) -> Result<Vec<Entry>, Unavailable> {
        Ok(lock(&self.state).ledger.open(goal))
    }

    async fn lost_entries(&self) -> Result<Vec<Entry>, Unavailable> {
        Ok(lock(&self.state).lost_entries())
    }

    async fn open_tryouts(&self) -> Result<Vec<Tryout>, Unavailable> {
        Ok(lock(&self.state).tryouts.values().cloned().collect())
    }

    async fn approvals_of(&self, goal: GoalId) -> Result<Vec<Approval>, Unavailable> {
        let hidden = lock(&self.faults).approvals_hidden;
        Ok(if hidden { Vec::new() } else { lock(&self.state).approvals.of(goal) })
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Unavailable> {
        Ok(lock(&self.state).approvals.get(id))
    }

    async fn host_policies(&self) -> Result<Vec<HostPolicy>, Unavailable> {
        Ok(lock(&self.state).hosts.values().cloned().collect())
    }

    async fn parked_on_budgets(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(lock(&self.state).parked_on_budgets())
    }

    async fn has_alert(&self, id: AlertId) -> Result<bool, Unavailable> {
        Ok(lock(&self.state).alerts.contains_key(&id))
    }

    async fn counted(&self, persona: PersonaId, within: Range<i64>) -> Result<Vec<Counted>, Unavailable> {
        Ok(lock(&self.state).counted(persona, &within))
    }

    async fn planned_personas(&self) -> Result<Vec<PersonaId>, Unavailable> {
        let planned = |persona: &Persona| persona.autoplan.on && persona.status != PersonaStatus::Deleted;
        Ok(self.personas().into_iter().filter(planned).map(|persona| persona.id).collect())
    }

    async fn prerequisites(&self, goal: GoalId) -> Result<Vec<Prerequisite>, Unavailable> {
        Ok(lock(&self.state).prerequisites(goal))
    }

    async fn dependents(&self, prerequisite: GoalId) -> Result<Vec<GoalId>, Unavailable> {
        Ok(lock(&self.state).parked_on_goals(Some(prerequisite)))
    }

    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(lock(&self.state).parked_on_goals(None))
    }

    async fn calendar(&self, persona: Option<PersonaId>) -> Result<Vec<(Schedule, Hours)>, Unavailable> {
        Ok(lock(&self.state).calendar(persona))
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, Unavailable> {
        Ok(lock(&self.state).schedules.get(&id).cloned())
    }

    async fn schedule_count(&self, persona: PersonaId) -> Result<usize, Unavailable> {
        Ok(lock(&self.state).schedules.values().filter(|line| line.persona == persona).count())
    }

    async fn big_three(&self, persona: PersonaId) -> Result<Option<BigThree>, Unavailable> {
        Ok(lock(&self.state).big_threes.get(&persona).cloned())
    }

    async fn worked_since(&self, from_ms: i64) -> Result<Vec<LastWork>, Unavailable> {
        Ok(lock(&self.state).worked_since(from_ms))
    }

    async fn worked(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<bool, Unavailable> {
        Ok(lock(&self.state).began(persona).any(|began_ms| (from_ms..until_ms).contains(&began_ms)))
    }

    async fn open_alerts_of(&self, kind: AlertKind) -> Result<Vec<Alert>, Unavailable> {
        let open = |alert: &&Alert| alert.kind == kind && alert.persona.is_none() && alert.resolved_ms.is_none();
        Ok(lock(&self.state).alerts.values().filter(open).cloned().collect())
    }

    async fn heads(&self) -> Result<ChainHeads, Unavailable> {
        Ok(lock(&self.state).chain_heads())
    }

    async fn unsigned_heads(&self) -> Result<Vec<ChainHead>, Unavailable> {
        let state = lock(&self.state);
        let mut heads = state.chain_heads().heads;
        heads.retain(|head| {
            !state.checkpoints.iter().any(|signed| (&signed.chain, signed.seq) == (&head.chain, head.seq))
        });
        Ok(heads)
    }
}

impl MemoryStore {
    /// A persona that is there and not deleted, by its slug.
    pub fn persona_named(&self, slug: &str) -> Option<Persona> {
        self.personas().into_iter().find(|p| p.slug.as_str() == slug && p.status != PersonaStatus::Deleted)
    }
}
