//! What guards look at. Read once for a batch, then kept up to date as its commits are accepted. Pure.

mod approvals;
mod ledger;
mod rooms;

use std::collections::{BTreeMap, BTreeSet};

use actors::{
    domain::{
        AlertId, GoalId, GoalState, MessageId, MessageState, PersonaId, PersonaStatus, QuotaLeft, QuotaUse, RunId,
        RunState, ScheduleId, Slug, StandingWaitId,
    },
    ports::{Change, Commit, Guard, Outdated},
};

pub(super) use approvals::{ApprovalFacts, WantedApprovals};
pub(super) use ledger::{LedgerFacts, WantedLedger};
pub(super) use rooms::{RoomFacts, WantedRooms};

/// The keys a batch asks about.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub slugs: BTreeSet<Slug>,
    pub personas: BTreeSet<PersonaId>,
    pub correlations: BTreeSet<(PersonaId, String)>,
    pub messages: BTreeSet<MessageId>,
    pub goals: BTreeSet<GoalId>,
    pub runs: BTreeSet<RunId>,
    pub alerts: BTreeSet<AlertId>,
    pub rooms: WantedRooms,
    pub ledger: WantedLedger,
    pub approvals: WantedApprovals,
    pub standing: BTreeSet<StandingWaitId>,
    pub schedules: BTreeSet<ScheduleId>,
    /// Personas whose big three are asked about.
    pub big_threes: BTreeSet<PersonaId>,
    pub quotas: BTreeSet<QuotaLeft>,
    /// Goals of which the batch moves what they take from a day.
    pub uses: BTreeSet<GoalId>,
}

impl Wanted {
    /// Everything the guards of these commits look at, and every row their changes touch.
    pub(super) fn of(batch: &[Commit]) -> Self {
        let mut wanted = Self::default();
        for commit in batch {
            commit.guards.iter().for_each(|guard| wanted.add_guard(guard));
            commit.changes.iter().for_each(|change| wanted.add_change(change));
        }
        if wanted.quotas.is_empty() {
            wanted.uses.clear();
        }
        wanted
    }

    fn add_guard(&mut self, guard: &Guard) {
        match guard {
            Guard::SlugFree(slug) => drop(self.slugs.insert(slug.clone())),
            Guard::PersonaVersion(id, _) | Guard::PersonaExists(id) => drop(self.personas.insert(*id)),
            Guard::CorrelationFree(id, key) => drop(self.correlations.insert((*id, key.clone()))),
            Guard::MessageIs(id, _) => drop(self.messages.insert(*id)),
            Guard::GoalVersion(id, _) | Guard::GoalOpen(id) => drop(self.goals.insert(*id)),
            Guard::RunLive(id) => drop(self.runs.insert(*id)),
            Guard::AlertOpen(id) => drop(self.alerts.insert(*id)),
            Guard::Room(guard) => self.rooms.add_guard(guard),
            Guard::Ledger(guard) => self.ledger.add_guard(guard),
            Guard::Approval(guard) => self.approvals.add_guard(guard),
            Guard::HostPolicy(guard) => self.approvals.add_host(guard),
            Guard::StandingWaitAt(id, _) => drop(self.standing.insert(*id)),
            Guard::ScheduleVersion(id, _) => drop(self.schedules.insert(*id)),
            Guard::BigThreeBefore(id, _) => drop(self.big_threes.insert(*id)),
            Guard::QuotaLeft(left) => drop(self.quotas.insert(*left)),
        }
    }

    fn add_change(&mut self, change: &Change) {
        match change {
            Change::PersonaCreated(persona) => drop(self.slugs.insert(persona.slug.clone())),
            Change::PersonaUpdated(persona) => {
                self.slugs.insert(persona.slug.clone());
                self.personas.insert(persona.id);
            }
            Change::FailureStreak(id, _) => drop(self.personas.insert(*id)),
            Change::MessageDelivered(message) => {
                self.correlations.extend(message.correlation.clone().map(|key| (message.persona, key)));
            }
            Change::MessageMoved(id, _) | Change::MessageFalls(id, _) => drop(self.messages.insert(*id)),
            Change::BurstJoined(message) => drop(self.messages.insert(message.id)),
            Change::StandingWaitSet(wait) => drop(self.standing.insert(wait.id)),
            Change::GoalMoved(step) => {
                self.goals.insert(step.id);
                self.uses.insert(step.id);
            }
            Change::GoalCorrected { id, .. } => drop(self.goals.insert(*id)),
            Change::DependenciesSet(id, waits_for) => self.goals.extend(waits_for.goals.iter().chain([id])),
            Change::RunMoved { id, .. } => drop(self.runs.insert(*id)),
            Change::AlertResolved(id, _) => drop(self.alerts.insert(*id)),
            Change::Room(change) => self.rooms.add_change(change),
            Change::Ledger(change) => self.ledger.add_change(change),
            Change::Approval(change) => self.approvals.add_change(change),
            Change::QuotaTaken(taken) => {
                self.goals.insert(taken.goal);
                self.uses.insert(taken.goal);
            }
            Change::GoalAdded(_)
            | Change::RunStarted(_)
            | Change::AlertRaised(_)
            | Change::ScheduleSet(_)
            | Change::ScheduleRemoved(_)
            | Change::BigThreeChosen(_)
            | Change::HostPolicy(_)
            | Change::CheckpointSigned(_)
            | Change::Mcp(_)
            | Change::TryBegun(_)
            | Change::TryEnded(_)
            | Change::BodyErased { .. } => {}
        }
    }
}

/// More rows than are asked about again and again.
const REMEMBERED: usize = 8192;

/// What is known of the rows a batch asks about; once all of them have been read, what is not here is not there.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub slugs: BTreeMap<Slug, PersonaId>,
    /// Version, and whether it is deleted.
    pub personas: BTreeMap<PersonaId, (i64, PersonaStatus)>,
    pub correlations: BTreeSet<(PersonaId, String)>,
    pub messages: BTreeMap<MessageId, MessageState>,
    pub goals: BTreeMap<GoalId, (i64, GoalState)>,
    pub runs: BTreeMap<RunId, RunState>,
    /// Whether it is open.
    pub alerts: BTreeMap<AlertId, bool>,
    pub rooms: RoomFacts,
    pub ledger: LedgerFacts,
    pub approvals: ApprovalFacts,
    /// How far the open ones have looked; none: ended.
    pub standing: BTreeMap<StandingWaitId, Option<i64>>,
    /// The version.
    pub schedules: BTreeMap<ScheduleId, i64>,
    /// The hour for which they were chosen.
    pub big_threes: BTreeMap<PersonaId, i64>,
    /// What others took whose uses do not move in this batch; read anew for every batch.
    quotas: BTreeMap<QuotaLeft, u64>,
    /// What the others took, as it is after the commits so far; read anew for every batch.
    pub uses: BTreeMap<GoalId, QuotaUse>,
}

impl Facts {
    /// Leaves what is not known yet. For a journal that nobody else writes to: what it knows stays true.
    pub(super) fn leave_unknown(&self, wanted: &mut Wanted) {
        wanted.slugs.retain(|slug| !self.slugs.contains_key(slug));
        wanted.personas.retain(|id| !self.personas.contains_key(id));
        wanted.correlations.retain(|key| !self.correlations.contains(key));
        wanted.messages.retain(|id| !self.messages.contains_key(id));
        wanted.goals.retain(|id| !self.goals.contains_key(id));
        wanted.runs.retain(|id| !self.runs.contains_key(id));
        wanted.alerts.retain(|id| !self.alerts.contains_key(id));
        self.rooms.leave_unknown(&mut wanted.rooms);
        self.ledger.leave_unknown(&mut wanted.ledger);
        self.approvals.leave_unknown(&mut wanted.approvals);
        wanted.schedules.retain(|id| !self.schedules.contains_key(id));
        wanted.big_threes.retain(|id| !self.big_threes.contains_key(id));
        wanted.standing.retain(|id| !self.standing.contains_key(id));
    }

    /// What is worth knowing for the next batch: all of it, until that is too much.
    pub(super) fn remembered(mut self) -> Self {
        self.quotas.clear();
        self.uses.clear();
        let work = self.messages.len()
            + self.goals.len()
            + self.runs.len()
            + self.alerts.len()
            + self.standing.len()
            + self.rooms.len()
            + self.ledger.len()
            + self.approvals.len();
        let names = self.slugs.len() + self.personas.len() + self.correlations.len();
        let calendar = self.schedules.len() + self.big_threes.len();
        if work + names + calendar > REMEMBERED { Self::default() } else { self }
    }

    /// What a guard's day has lost to other goals, as it is stored; read when the uses and goals of the batch are known.
    pub(super) fn lost(&mut self, left: QuotaLeft, stored: u64) {
        self.quotas.insert(left, stored.saturating_sub(self.lost_to_moving(&left)));
    }

    /// The part of it that goals take whose uses move in this batch.
    fn lost_to_moving(&self, left: &QuotaLeft) -> u64 {
        let state = |taken: &QuotaUse| self.goals.get(&taken.goal).map(|(_, state)| *state);
        let counts = |taken: &&QuotaUse| left.counts(taken) && state(taken).is_some_and(|state| taken.counts(state));
        self.uses.values().filter(counts).map(|taken| u64::from(taken.units)).sum()
    }

    /// Whether a commit may be written: its guards hold, and what its changes take for granted is so.
    pub(super) fn judge(&self, commit: &Commit) -> Result<(), Outdated> {
        if let Some(guard) = commit.guards.iter().find(|guard| !self.holds(guard)) {
            return Err(Outdated { guard: guard.clone() });
        }
        match commit.changes.iter().find_map(|change| self.missing(change, commit)) {
            Some(guard) => Err(Outdated { guard }),
            None => Ok(()),
        }
    }

    fn holds(&self, guard: &Guard) -> bool {
        let present = |id| self.personas.get(id).filter(|(_, status)| *status != PersonaStatus::Deleted);
        match guard {
            Guard::SlugFree(slug) => !self.slugs.contains_key(slug),
            Guard::PersonaVersion(id, version) => present(id).is_some_and(|(now, _)| now == version),
            Guard::PersonaExists(id) => present(id).is_some(),
            Guard::CorrelationFree(id, key) => !self.correlations.contains(&(*id, key.clone())),
            Guard::MessageIs(id, state) => self.messages.get(id) == Some(state),
            Guard::GoalVersion(id, version) => self.goals.get(id).is_some_and(|(now, _)| now == version),
            Guard::GoalOpen(id) => self.goals.get(id).is_some_and(|(_, state)| !state.is_over()),
            Guard::RunLive(id) => self.runs.get(id) == Some(&RunState::Running),
            Guard::AlertOpen(id) => self.alerts.get(id) == Some(&true),
            Guard::Room(guard) => self.rooms.holds(guard),
            Guard::Ledger(guard) => self.ledger.holds(guard),
            Guard::Approval(guard) => self.approvals.holds(guard),
            Guard::HostPolicy(guard) => self.approvals.holds_host(guard),
            Guard::StandingWaitAt(id, seq) => self.standing.get(id) == Some(&Some(*seq)),
            Guard::ScheduleVersion(id, version) => self.schedules.get(id) == Some(version),
            Guard::BigThreeBefore(id, hour_ms) => self.big_threes.get(id).is_none_or(|chosen| chosen < hour_ms),
            Guard::QuotaLeft(left) => self.quotas.get(left).is_some_and(|lost| {
                lost + self.lost_to_moving(left) + u64::from(left.units) <= u64::from(left.ceiling)
            }),
        }
    }

    /// What a change takes for granted and is not so. Answered as a refusal, so that it cannot take its neighbours
    /// down with it.
    fn missing(&self, change: &Change, commit: &Commit) -> Option<Guard> {
        // A row that this very commit makes is not among the facts yet.
        let made = |is_it: &dyn Fn(&Change) -> bool| commit.changes.iter().any(is_it);
        match change {
            Change::PersonaCreated(persona) if self.slugs.contains_key(&persona.slug) => {
                Some(Guard::SlugFree(persona.slug.clone()))
            }
            Change::PersonaUpdated(persona) => self.lost_persona(persona.id, commit).or_else(|| {
                let owner = self.slugs.get(&persona.slug);
                owner.is_some_and(|id| *id != persona.id).then(|| Guard::SlugFree(persona.slug.clone()))
            }),
            Change::FailureStreak(id, _) => self.lost_persona(*id, commit),
            Change::MessageDelivered(message) => {
                let key = message.correlation.clone()?;
                let taken = self.correlations.contains(&(message.persona, key.clone()));
                taken.then_some(Guard::CorrelationFree(message.persona, key))
            }
            Change::MessageMoved(id, state) => {
                let here = made(&|c| matches!(c, Change::MessageDelivered(message) if message.id == *id));
                (!here && !self.messages.contains_key(id)).then_some(Guard::MessageIs(*id, *state))
            }
            Change::BurstJoined(message) => {
                let here = self.messages.contains_key(&message.id);
                (!here).then_some(Guard::MessageIs(message.id, message.state))
            }
            Change::GoalMoved(actors::ports::GoalMove { id, .. })
            | Change::GoalCorrected { id, .. }
            | Change::QuotaTaken(QuotaUse { goal: id, .. }) => {
                let here = made(&|c| matches!(c, Change::GoalAdded(goal) if goal.id == *id));
                (!here && !self.goals.contains_key(id)).then_some(Guard::GoalOpen(*id))
            }
            Change::DependenciesSet(id, waits_for) => {
                let here = |id: &GoalId| made(&|c| matches!(c, Change::GoalAdded(goal) if goal.id == *id));
                let known = |id: &GoalId| self.goals.contains_key(id) || here(id);
                let lost = waits_for.goals.iter().chain([id]).find(|id| !known(id));
                lost.map(|id| Guard::GoalOpen(*id))
            }
            Change::RunMoved { id, .. } => {
                let here = made(&|c| matches!(c, Change::RunStarted(run) if run.id == *id));
                (!here && !self.runs.contains_key(id)).then_some(Guard::RunLive(*id))
            }
            Change::AlertResolved(id, _) => {
                let here = made(&|c| matches!(c, Change::AlertRaised(alert) if alert.id == *id));
                (!here && !self.alerts.contains_key(id)).then_some(Guard::AlertOpen(*id))
            }
            Change::Room(change) => self.rooms.missing(change, commit).map(Guard::Room),
            _ => None,
        }
    }

    fn lost_persona(&self, id: PersonaId, commit: &Commit) -> Option<Guard> {
        let made = |change: &Change| matches!(change, Change::PersonaCreated(persona) if persona.id == id);
        (!self.personas.contains_key(&id) && !commit.changes.iter().any(made)).then_some(Guard::PersonaExists(id))
    }

    /// An accepted commit's changes, for the neighbours behind it.
    pub(super) fn accept(&mut self, commit: &Commit) {
        for change in &commit.changes {
            self.apply(change);
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::PersonaCreated(persona) | Change::PersonaUpdated(persona) => {
                self.slugs.retain(|_, owner| *owner != persona.id);
                self.slugs.insert(persona.slug.clone(), persona.id);
                self.personas.insert(persona.id, (persona.version, persona.status));
            }
            Change::MessageDelivered(message) => {
                self.correlations.extend(message.correlation.clone().map(|key| (message.persona, key)));
                self.messages.insert(message.id, message.state);
            }
            Change::MessageMoved(id, state) => drop(self.messages.insert(*id, *state)),
            Change::GoalAdded(goal) => drop(self.goals.insert(goal.id, (goal.version, goal.state))),
            Change::GoalMoved(step) => {
                if let Some((version, state)) = self.goals.get_mut(&step.id) {
                    (*version, *state) = (*version + 1, step.state);
                }
            }
            Change::GoalCorrected { id, .. } => {
                if let Some((version, _)) = self.goals.get_mut(id) {
                    *version += 1;
                }
            }
            Change::RunStarted(run) => drop(self.runs.insert(run.id, run.state)),
            Change::RunMoved { id, state, .. } => drop(self.runs.insert(*id, *state)),
            Change::AlertRaised(alert) => {
                self.alerts.entry(alert.id).or_insert(alert.resolved_ms.is_none());
            }
            Change::QuotaTaken(taken) => drop(self.uses.insert(taken.goal, *taken)),
            Change::AlertResolved(id, _) => drop(self.alerts.insert(*id, false)),
            Change::Room(change) => self.rooms.apply(change),
            Change::Ledger(change) => self.ledger.apply(change),
            Change::Approval(change) => self.approvals.apply(change),
            Change::HostPolicy(change) => self.approvals.set_host(change),
            Change::ScheduleSet(line) => drop(self.schedules.insert(line.id, line.version)),
            Change::ScheduleRemoved(id) => drop(self.schedules.remove(id)),
            Change::BigThreeChosen(three) => drop(self.big_threes.insert(three.persona, three.hour_ms)),
            Change::StandingWaitSet(wait) => {
                self.standing.insert(wait.id, wait.ended.is_none().then_some(wait.seen_seq));
            }
            Change::DependenciesSet(..)
            | Change::FailureStreak(..)
            | Change::MessageFalls(..)
            | Change::BurstJoined(_)
            | Change::CheckpointSigned(_)
            | Change::Mcp(_)
            | Change::TryBegun(_)
            | Change::TryEnded(_)
            | Change::BodyErased { .. } => {}
        }
    }
}
