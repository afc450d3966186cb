//! What the in-memory journal knows: guards judged, changes applied, receipts linked.
//!
//! A change that names a record that is not there is a mistake of the code under test and panics.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{StoredRow, approvals::Approvals, ledger::Ledger, rooms::Rooms};
use crate::{
    domain::{
        Alert, AlertId, BigThree, ChainId, Draft, Entry, Goal, GoalId, GoalState, HostPolicy, Message, MessageId,
        MessageState, ParkedOn, Persona, PersonaId, PersonaStatus, QuotaLeft, QuotaUse, Receipt, Run, RunId, RunState,
        Schedule, ScheduleId, StandingWait, StandingWaitId, TryId, Tryout, WaitsFor,
    },
    evidence::chain::{Head, Heads, Linked},
    ports::{
        ChainHead, ChainHeads, Change, Checkpoint, Commit, Committed, Counted, GoalMove, Guard, HostPolicyChange,
        Outdated, Prerequisite, RosterRecord,
    },
};

#[derive(Default)]
pub(super) struct State {
    pub(super) personas: BTreeMap<PersonaId, PersonaRow>,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) goals: BTreeMap<GoalId, GoalRow>,
    waits: BTreeMap<GoalId, WaitsFor>,
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) uses: BTreeMap<GoalId, QuotaUse>,
    pub(super) alerts: BTreeMap<AlertId, Alert>,
    pub(super) schedules: BTreeMap<ScheduleId, Schedule>,
    pub(super) big_threes: BTreeMap<PersonaId, BigThree>,
    pub(super) standing: BTreeMap<StandingWaitId, StandingWait>,
    /// Messages for which a run was begun.
    pub(super) begun: BTreeSet<MessageId>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) rooms: Rooms,
    pub(super) ledger: Ledger,
    pub(super) approvals: Approvals,
    pub(super) hosts: BTreeMap<String, HostPolicy>,
    pub(super) tryouts: BTreeMap<TryId, Tryout>,
    log: Vec<Row>,
    heads: Heads,
}

pub(super) struct PersonaRow {
    pub(super) persona: Persona,
    failure_streak: u32,
}

pub(super) struct GoalRow {
    pub(super) goal: Goal,
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
}

struct Row {
    linked: Linked,
    erased: bool,
}

impl Row {
    fn to_receipt(&self) -> Receipt {
        let receipt = self.linked.to_receipt();
        if self.erased { Receipt { body: None, ..receipt } } else { receipt }
    }
}

/// Where one commit's receipts lie on their chains.
struct Places<'a> {
    linked: &'a [Linked],
    heads: &'a Heads,
}

impl Places<'_> {
    fn on(&self, persona: PersonaId) -> impl DoubleEndedIterator<Item = i64> {
        let chain = ChainId::Persona(persona);
        self.linked.iter().filter(move |linked| linked.draft.chain == chain).map(|linked| linked.seq)
    }

    fn head(&self, persona: PersonaId) -> i64 {
        self.heads.get(&ChainId::Persona(persona)).unwrap_or(Head::START).seq
    }

    fn first(&self, persona: PersonaId) -> i64 {
        self.on(persona).next().unwrap_or_else(|| self.head(persona) + 1)
    }

    fn last(&self, persona: PersonaId) -> i64 {
        self.on(persona).next_back().unwrap_or_else(|| self.head(persona))
    }
}

impl State {
    /// Whole or not at all.
    pub(super) fn commit(&mut self, commit: Commit) -> Result<Committed, Outdated> {
        for guard in commit.guards {
            if !self.holds(&guard) {
                return Err(Outdated { guard });
            }
        }
        let linked = self.link(commit.receipts);
        for change in commit.changes {
            self.apply(change, &linked);
        }
        let receipts = linked.iter().map(Linked::to_receipt).collect();
        self.log.extend(linked.into_iter().map(|linked| Row { linked, erased: false }));
        Ok(Committed { receipts })
    }

    fn link(&mut self, drafts: Vec<Draft>) -> Vec<Linked> {
        let mut batch = self.heads.begin();
        let linked = drafts.into_iter().map(|draft| batch.link(draft)).collect();
        batch.commit();
        linked
    }

    fn holds(&self, guard: &Guard) -> bool {
        let persona = |id: &PersonaId| {
            self.personas.get(id).map(|row| &row.persona).filter(|persona| persona.status != PersonaStatus::Deleted)
        };
        let goal = |id: &GoalId| self.goals.get(id).map(|row| &row.goal);
        match guard {
            Guard::SlugFree(slug) => self.personas.values().all(|row| row.persona.slug != *slug),
            Guard::PersonaVersion(id, version) => persona(id).is_some_and(|persona| persona.version == *version),
            Guard::PersonaExists(id) => persona(id).is_some(),
            Guard::CorrelationFree(id, key) => {
                !self.messages.values().any(|m| m.persona == *id && m.correlation.as_ref() == Some(key))
            }
            Guard::MessageIs(id, state) => self.messages.get(id).is_some_and(|message| message.state == *state),
            Guard::GoalVersion(id, version) => goal(id).is_some_and(|goal| goal.version == *version),
            Guard::GoalOpen(id) => goal(id).is_some_and(|goal| !goal.state.is_over()),
            Guard::RunLive(id) => self.runs.get(id).is_some_and(|run| run.state == RunState::Running),
            Guard::StandingWaitAt(id, seq) => {
                self.standing.get(id).is_some_and(|wait| wait.ended.is_none() && wait.seen_seq == *seq)
            }
            Guard::AlertOpen(id) => self.alerts.get(id).is_some_and(|alert| alert.resolved_ms.is_none()),
            Guard::Room(guard) => self.rooms.holds(guard),
            Guard::Ledger(guard) => self.ledger.holds(guard),
            Guard::Approval(guard) => self.approvals.holds(guard),
            Guard::HostPolicy(guard) => self.hosts.get(&guard.host).map_or(0, |policy| policy.version) == guard.version,
            Guard::ScheduleVersion(id, version) => self.schedules.get(id).is_some_and(|line| line.version == *version),
            Guard::BigThreeBefore(id, hour_ms) => self.big_threes.get(id).is_none_or(|three| three.hour_ms < *hour_ms),
            Guard::QuotaLeft(left) => self.taken_by_others(left) + u64::from(left.units) <= u64::from(left.ceiling),
        }
    }

    fn taken_by_others(&self, left: &QuotaLeft) -> u64 {
        let counts = |taken: &&QuotaUse| {
            left.counts(taken) && self.goals.get(&taken.goal).is_some_and(|row| taken.counts(row.goal.state))
        };
        self.uses.values().filter(counts).map(|taken| u64::from(taken.units)).sum()
    }

    pub(super) fn counted(&self, persona: PersonaId, within: &Range<i64>) -> Vec<Counted> {
        let counted = |row: &GoalRow| {
            let (goal, taken) = (&row.goal, self.uses.get(&row.goal.id).copied());
            let here = within.contains(&goal.created_ms) || taken.is_some_and(|taken| within.contains(&taken.at_ms));
            let wanted = goal.persona == persona && goal.proof.counts_as.is_some() && (here || !goal.state.is_over());
            wanted.then(|| Counted { goal: goal.clone(), taken })
        };
        self.goals.values().filter_map(counted).collect()
    }

    fn apply(&mut self, change: Change, linked: &[Linked]) {
        match change {
            Change::PersonaCreated(_) | Change::PersonaUpdated(_) | Change::FailureStreak(..) => {
                self.apply_to_persona(change);
            }
            Change::MessageDelivered(_)
            | Change::MessageMoved(..)
            | Change::BurstJoined(_)
            | Change::MessageFalls(..) => self.apply_to_message(change),
            Change::StandingWaitSet(wait) => {
                self.standing.insert(wait.id, *wait);
            }
            Change::GoalAdded(_)
            | Change::GoalMoved(_)
            | Change::GoalCorrected { .. }
            | Change::DependenciesSet(..) => self.apply_to_goal(change, linked),
            Change::RunStarted(_) | Change::RunMoved { .. } => self.apply_to_run(change, linked),
            Change::QuotaTaken(taken) => {
                found(self.goals.get(&taken.goal), "goal", &taken.goal);
                self.uses.insert(taken.goal, taken);
            }
            Change::AlertRaised(alert) => {
                self.alerts.entry(alert.id).or_insert(*alert);
            }
            Change::AlertResolved(id, at_ms) => {
                found(self.alerts.get_mut(&id), "alert", &id).resolved_ms = Some(at_ms);
            }
            Change::ScheduleSet(_) | Change::ScheduleRemoved(_) | Change::BigThreeChosen(_) => {
                self.apply_to_calendar(change);
            }
            Change::CheckpointSigned(checkpoint) => self.checkpoints.push(checkpoint),
            Change::Room(change) => self.rooms.apply(change),
            Change::Ledger(change) => self.ledger.apply(change),
            Change::TryBegun(tryout) => drop(self.tryouts.insert(tryout.id, *tryout)),
            Change::TryEnded(id) => drop(self.tryouts.remove(&id)),
            // Nobody in here asks for them.
            Change::Mcp(_) => {}
            Change::Approval(change) => self.approvals.apply(change),
            Change::HostPolicy(HostPolicyChange::Set(policy)) => {
                self.hosts.insert(policy.host.clone(), *policy);
            }
            Change::BodyErased { chain, seq } => {
                let row = self.log.iter_mut().find(|row| row.linked.draft.chain == chain && row.linked.seq == seq);
                found(row, "receipt", &seq).erased = true;
            }
        }
    }

    fn apply_to_run(&mut self, change: Change, linked: &[Linked]) {
        let places = Places { linked, heads: &self.heads };
        match change {
            Change::RunStarted(mut run) => {
                run.first_seq = places.first(run.persona);
                let before = self.runs.insert(run.id, *run);
                assert!(before.is_none(), "the run {before:?} was started twice");
            }
            Change::RunMoved { id, state, ended_ms, error } => {
                let run = found(self.runs.get_mut(&id), "run", &id);
                let last_seq = Some(places.last(run.persona));
                *run = Run { state, ended_ms, error, last_seq, ..run.clone() };
            }
            other => unreachable!("{other:?} is not about a run"),
        }
    }

    fn apply_to_message(&mut self, change: Change) {
        match change {
            Change::MessageDelivered(message) => {
                let before = self.messages.insert(message.id, *message);
                assert!(before.is_none(), "the message {before:?} was delivered twice");
            }
            Change::MessageMoved(id, state) => {
                found(self.messages.get_mut(&id), "message", &id).state = state;
                if state == MessageState::Running {
                    self.begun.insert(id);
                }
            }
            Change::BurstJoined(message) => {
                let id = message.id;
                *found(self.messages.get_mut(&id), "message", &id) = *message;
            }
            Change::MessageFalls(id, falls) => found(self.messages.get_mut(&id), "message", &id).falls = falls,
            other => unreachable!("{other:?} is not about a message"),
        }
    }

    fn apply_to_goal(&mut self, change: Change, linked: &[Linked]) {
        let places = Places { linked, heads: &self.heads };
        match change {
            Change::GoalAdded(goal) => {
                let (first_seq, last_seq) = (places.first(goal.persona), places.last(goal.persona));
                let before = self.goals.insert(goal.id, GoalRow { goal: *goal, first_seq, last_seq });
                assert!(before.is_none(), "a goal was added twice");
            }
            Change::GoalMoved(step) => {
                let row = found(self.goals.get_mut(&step.id), "goal", &step.id);
                row.last_seq = places.last(row.goal.persona);
                row.goal.take(step);
            }
            Change::GoalCorrected { id, title, payload, proof, at_ms } => {
                let row = found(self.goals.get_mut(&id), "goal", &id);
                let version = row.goal.version + 1;
                row.goal = Goal { title, payload, proof, updated_ms: at_ms, version, ..row.goal.clone() };
            }
            Change::DependenciesSet(id, waits_for) => {
                found(self.goals.get(&id), "goal", &id);
                for prerequisite in &waits_for.goals {
                    found(self.goals.get(prerequisite), "goal", prerequisite);
                }
                self.waits.insert(id, waits_for);
            }
            other => unreachable!("{other:?} is not about a goal"),
        }
    }

    fn apply_to_persona(&mut self, change: Change) {
        match change {
            Change::PersonaCreated(persona) => {
                let taken = self.personas.values().any(|row| row.persona.slug == persona.slug);
                assert!(!taken, "the slug {} is taken: the commit needs a guard", persona.slug);
                self.personas.insert(persona.id, PersonaRow { persona: *persona, failure_streak: 0 });
            }
            Change::PersonaUpdated(persona) => {
                let row = found(self.personas.get_mut(&persona.id), "persona", &persona.id);
                row.persona = Persona { created_ms: row.persona.created_ms, ..*persona };
            }
            Change::FailureStreak(id, streak) => {
                found(self.personas.get_mut(&id), "persona", &id).failure_streak = streak;
            }
            other => unreachable!("{other:?} is not about a persona"),
        }
    }

    pub(super) fn receipts(&self) -> Vec<Receipt> {
        self.log.iter().map(Row::to_receipt).collect()
    }

    pub(super) fn edit(&mut self, seq: i64, change: impl FnOnce(&mut Receipt)) {
        let Some(row) = self.log.iter_mut().find(|row| row.linked.seq == seq) else { return };
        let mut receipt = row.linked.to_receipt();
        change(&mut receipt);
        row.erased = receipt.body.is_none();
        row.linked.draft.body = receipt.body.unwrap_or_default();
    }

    pub(super) fn rows(&self) -> Vec<StoredRow> {
        let stored = |row: &Row| {
            let mut stored = StoredRow::from(&row.linked);
            if row.erased {
                stored.erase();
            }
            stored
        };
        self.log.iter().map(stored).collect()
    }

    pub(super) fn chain_heads(&self) -> ChainHeads {
        let newest: BTreeMap<_, _> = self.log.iter().map(|row| (&row.linked.draft.chain, &row.linked)).collect();
        let head = |(chain, linked): (&ChainId, &Linked)| ChainHead {
            chain: chain.clone(),
            seq: linked.seq,
            hash: linked.hash,
        };
        ChainHeads { pos: self.heads.pos(), heads: newest.into_iter().map(head).collect() }
    }

    pub(super) fn roster_record(&self, id: PersonaId) -> Option<RosterRecord> {
        let row = self.personas.get(&id).filter(|row| row.persona.status != PersonaStatus::Deleted)?;
        let counted =
            |m: &&Message| m.persona == id && matches!(m.state, MessageState::Waiting | MessageState::Running);
        let waiting = self.messages.values().filter(counted).count();
        let goals = self.goals.values().map(|row| &row.goal).filter(|goal| goal.persona == id);
        let expiry = self.fresh(id).map(|work| work.message.serve_by_ms.saturating_add(1));
        Some(RosterRecord {
            id,
            slug: row.persona.slug.clone(),
            paused: row.persona.status == PersonaStatus::Paused,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            due_ms: goals.filter_map(due).chain(expiry).min(),
            failure_streak: row.failure_streak,
        })
    }

    pub(super) fn prerequisites(&self, goal: GoalId) -> Vec<Prerequisite> {
        let Some(waits_for) = self.waits.get(&goal) else { return Vec::new() };
        let prerequisite =
            |id: &GoalId| Some(Prerequisite { goal: self.goals.get(id)?.goal.clone(), if_failed: waits_for.if_failed });
        let mut found: Vec<_> = waits_for.goals.iter().filter_map(prerequisite).collect();
        found.sort_by_key(|prerequisite| prerequisite.goal.id);
        found.dedup();
        found
    }

    pub(super) fn is_waited_for(&self, goal: GoalId) -> bool {
        self.waits.values().any(|waits_for| waits_for.goals.contains(&goal))
    }

    pub(super) fn lost_entries(&self) -> Vec<Entry> {
        let is_over = |goal: GoalId| self.goals.get(&goal).is_some_and(|row| row.goal.state.is_over());
        self.ledger.unsettled().filter(|entry| entry.goal.is_none_or(is_over)).cloned().collect()
    }

    pub(super) fn parked_on_budgets(&self) -> Vec<GoalId> {
        let goals = self.goals.values().map(|row| &row.goal);
        let waits = |goal: &&Goal| goal.state == GoalState::Parked && goal.parked_on == Some(ParkedOn::Budget);
        goals.filter(waits).map(|goal| goal.id).collect()
    }

    /// The goals that are parked on others; of one, if it is named.
    pub(super) fn parked_on_goals(&self, on: Option<GoalId>) -> Vec<GoalId> {
        let waits = |row: &&GoalRow| row.goal.parked_on == Some(ParkedOn::Dependency);
        let on_it = |id: &GoalId| on.is_none_or(|on| self.waits.get(id).is_some_and(|w| w.goals.contains(&on)));
        self.goals.values().filter(waits).map(|row| row.goal.id).filter(on_it).collect()
    }
}

/// When something can be done about a goal: now is 0; none: not until someone acts.
fn due(goal: &Goal) -> Option<i64> {
    match goal.state {
        GoalState::Pending | GoalState::Running => Some(goal.due_ms.unwrap_or(0)),
        GoalState::Parked if goal.parked_on != Some(ParkedOn::Dependency) => goal.due_ms,
        _ => None,
    }
}

impl Goal {
    /// Every field of the move replaces what was there.
    fn take(&mut self, step: GoalMove) {
        self.state = step.state;
        self.parked_on = step.parked_on;
        self.attempts = step.attempts;
        self.last_error = step.last_error;
        self.result = step.result;
        self.due_ms = step.due_ms;
        self.updated_ms = step.at_ms;
        self.version += 1;
    }
}

fn found<T>(row: Option<T>, what: &str, id: &dyn std::fmt::Debug) -> T {
    row.unwrap_or_else(|| panic!("a change names the {what} {id:?}, which is not there"))
}
