//! What may be waited for: goals that are there, not itself, and never in a circle.
//!
//! A new goal cannot close a circle, because nobody waits for it yet. Goals that are parked already can, when they
//! are corrected or retried: the way from goal to goal is walked then, and the commit is guarded by the version of
//! every goal on it, so that two people cannot close a circle from both ends.

use std::collections::{BTreeSet, HashMap, VecDeque, hash_map::Entry};

use super::{
    CommandError,
    desk::{self, Desk, invalid},
};
use crate::{
    domain::{Goal, GoalId, GoalState, IfFailed, ParkedOn, PersonaId, WaitsFor},
    ports::{Change, GoalMove, Guard, Outdated},
};

const FIELD: &str = "waits_for";
const MOST: usize = 64;
/// Goals on the way from one prerequisite to the next, all branches together.
const LONGEST_WAY: usize = 1_000;

impl Desk {
    /// The goals of these ids, if all of them can be waited for; `own`: by this one.
    pub(super) async fn prerequisites_named(
        &self,
        ids: &[GoalId],
        own: Option<GoalId>,
    ) -> Result<Vec<Goal>, CommandError> {
        if ids.len() > MOST {
            return Err(invalid(FIELD, format!("must name at most {MOST} goals, not {}", ids.len())));
        }
        let mut goals: Vec<Goal> = Vec::with_capacity(ids.len());
        for (at, id) in ids.iter().enumerate() {
            let field = format!("{FIELD}[{at}]");
            if own == Some(*id) {
                return Err(invalid(&field, "a goal cannot wait for itself"));
            }
            if goals.iter().any(|goal| goal.id == *id) {
                return Err(invalid(&field, format!("goal {id} stands there already")));
            }
            let goal = self.ports.records.goal(*id).await?;
            let goal = goal.ok_or_else(|| invalid(&field, format!("there is no goal `{id}`")))?;
            if self.is_gone(goal.persona).await? {
                return Err(invalid(&field, format!("the persona of goal {id} is deleted: nothing more comes of it")));
            }
            goals.push(goal);
        }
        Ok(goals)
    }

    /// Nothing that `first` waits for, however far away, waits for `goal`. The guards keep it so until the commit.
    pub(super) async fn no_circle(&self, goal: &Goal, first: Vec<Goal>) -> Result<Vec<Guard>, CommandError> {
        let mut came_from: HashMap<GoalId, Goal> = first.iter().map(|next| (next.id, goal.clone())).collect();
        let mut ahead = VecDeque::from(first);
        let mut guards = Vec::new();
        while let Some(at) = ahead.pop_front() {
            guards.push(Guard::GoalVersion(at.id, at.version));
            // Only a parked goal holds others up; each comes to this test when it is parked again.
            if at.parked_on != Some(ParkedOn::Dependency) {
                continue;
            }
            for next in self.ports.records.prerequisites(at.id).await? {
                let next = next.goal;
                if next.id == goal.id {
                    return Err(invalid(FIELD, circle(goal, &at, &came_from)));
                }
                if let Entry::Vacant(new) = came_from.entry(next.id) {
                    new.insert(at.clone());
                    ahead.push_back(next);
                }
            }
            if came_from.len() > LONGEST_WAY {
                let reason = format!("these goals wait for more than {LONGEST_WAY} others in turn: name fewer");
                return Err(invalid(FIELD, reason));
            }
        }
        Ok(guards)
    }
}

impl Desk {
    /// The first move of a goal that is retried. One that is over waits again while a prerequisite is open; if all
    /// are over it begins, whatever became of them: a person said so.
    pub(super) async fn begins_anew(&self, goal: &Goal) -> Result<(GoalMove, Vec<Guard>), CommandError> {
        if goal.parked_on == Some(ParkedOn::Dependency) {
            let reason = format!("goal {} waits for others: cancel it, or correct `{FIELD}`", goal.id);
            return Err(CommandError::Conflict(reason));
        }
        let first = desk::moved(goal, GoalState::Pending, self.now_ms());
        // It waits from now on, not since its message came in.
        let first = GoalMove { attempts: 0, last_error: None, result: None, due_ms: Some(first.at_ms), ..first };
        let mut open = Vec::new();
        if goal.state.is_over() {
            open.extend(self.ports.records.prerequisites(goal.id).await?.into_iter().map(|p| p.goal));
            open.retain(|other| !other.state.is_over());
        }
        if open.is_empty() {
            return Ok((first, Vec::new()));
        }
        let guards = self.no_circle(goal, open).await?;
        Ok((GoalMove { state: GoalState::Parked, parked_on: Some(ParkedOn::Dependency), ..first }, guards))
    }

    /// What a correction changes about a goal's prerequisites; the guards under which it may. A goal that was about
    /// to begin is parked on them.
    pub(super) async fn rewired(
        &self,
        goal: &Goal,
        goals: Option<Vec<GoalId>>,
        if_failed: Option<IfFailed>,
    ) -> Result<(Vec<Change>, Vec<Guard>), CommandError> {
        if goals.is_none() && if_failed.is_none() {
            return Ok((Vec::new(), Vec::new()));
        }
        if matches!(
            goal.parked_on,
            Some(
                ParkedOn::Reconcile
                    | ParkedOn::Rate
                    | ParkedOn::Pause
                    | ParkedOn::Budget
                    | ParkedOn::Approval
                    | ParkedOn::Answer
            )
        ) {
            let reason = format!("goal {} has begun: what it waits for cannot be changed any more", goal.id);
            return Err(CommandError::Conflict(reason));
        }
        if goal.parked_on == Some(ParkedOn::Quota) {
            let reason =
                format!("goal {} waits for a day with room: change what it waits for when that has come", goal.id);
            return Err(CommandError::Conflict(reason));
        }
        let before = self.ports.records.prerequisites(goal.id).await?;
        let if_failed = if_failed.or(before.first().map(|p| p.if_failed)).unwrap_or_default();
        let goals = goals.unwrap_or_else(|| before.iter().map(|p| p.goal.id).collect());
        let named = self.prerequisites_named(&goals, Some(goal.id)).await?;
        let mut guards = their_personas(goal, &named);
        let waits = !named.is_empty();
        guards.extend(self.no_circle(goal, named).await?);
        let mut changes = vec![Change::DependenciesSet(goal.id, WaitsFor { goals, if_failed })];
        if waits && goal.state == GoalState::Pending {
            let parked = desk::moved(goal, GoalState::Parked, self.now_ms());
            let parked_on = Some(ParkedOn::Dependency);
            changes.push(Change::GoalMoved(GoalMove { parked_on, due_ms: goal.due_ms, ..parked }));
        }
        Ok((changes, guards))
    }
}

/// `“A” (id) would wait for itself: it waits for “B” (id), which waits for “A” (id)`.
fn circle(goal: &Goal, last: &Goal, came_from: &HashMap<GoalId, Goal>) -> String {
    let named = |goal: &Goal| format!("“{}” ({})", goal.title, goal.id);
    let mut way = vec![named(goal)];
    let mut at = last;
    while at.id != goal.id {
        way.push(named(at));
        let Some(before) = came_from.get(&at.id) else { break };
        at = before;
    }
    way.reverse();
    let ways: Vec<_> = way.iter().map(|goal| format!("waits for {goal}")).collect();
    format!("{} would wait for itself: it {}", named(goal), ways.join(", which "))
}

/// The personas of prerequisites must still be there when the commit is written.
pub(super) fn their_personas(goal: &Goal, prerequisites: &[Goal]) -> Vec<Guard> {
    let personas: BTreeSet<_> = prerequisites.iter().map(|other| other.persona).collect();
    personas.into_iter().filter(|id| *id != goal.persona).map(Guard::PersonaExists).collect()
}

/// The answer to a caller whose commit was refused, perhaps because of what it was to wait for.
pub(super) fn refused(persona: PersonaId, outdated: &Outdated) -> CommandError {
    match outdated.guard {
        Guard::PersonaExists(other) if other != persona => {
            invalid(FIELD, format!("persona {other} was deleted meanwhile: nothing more comes of its goals"))
        }
        _ => desk::refused(outdated),
    }
}
