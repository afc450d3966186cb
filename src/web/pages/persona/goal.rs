//! A goal as pages show it: where it stands, why, and what a person may do about it.

use std::collections::HashMap;

use actors::{
    domain::{BigThree, Goal, GoalId, GoalState, ParkedOn, PersonaId, Run, RunState},
    ports::Prerequisite,
};
use uuid::Uuid;

use crate::web::{
    api::goals::BigThreeView,
    pages::show::{self, When},
};

/// A state with the class that colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    pub word: &'static str,
    /// A class of `.badge`: empty, `ok`, `warn`, `bad` or `live`.
    pub tone: &'static str,
}

impl Badge {
    /// The badge of a goal.
    pub const fn of_goal(state: GoalState) -> Self {
        let tone = match state {
            GoalState::Done => "ok",
            GoalState::Failed => "bad",
            GoalState::Unconfirmed | GoalState::Parked => "warn",
            GoalState::Running => "live",
            GoalState::Pending | GoalState::Cancelled => "",
        };
        Self { word: state.as_str(), tone }
    }

    /// The badge of a run.
    pub const fn of_run(state: RunState) -> Self {
        let tone = match state {
            RunState::Done => "ok",
            RunState::Failed => "bad",
            RunState::Unconfirmed | RunState::Parked => "warn",
            RunState::Running => "live",
            RunState::Cancelled => "",
        };
        Self { word: state.as_str(), tone }
    }
}

/// A goal that another one waits for.
#[derive(Debug, Clone)]
pub struct Waited {
    pub title: String,
    pub state: &'static str,
    pub href: String,
}

impl Waited {
    fn new(goal: &Goal) -> Self {
        let href = href(goal.persona, goal.id);
        Self { title: goal.title.clone(), state: goal.state.as_str(), href }
    }
}

/// Where a goal stands among those of its persona, however old it is.
pub fn href(persona: PersonaId, goal: GoalId) -> String {
    // The list of goals that begins with this one.
    let before = GoalId(Uuid::from_u128(goal.0.as_u128().saturating_add(1)));
    format!("/personas/{persona}?tab=progress&before={before}#goal-{goal}")
}

/// A goal in a list.
#[derive(Debug, Clone)]
pub struct GoalRow {
    pub id: String,
    pub short: String,
    pub title: String,
    pub kind: &'static str,
    pub badge: Badge,
    /// What it waits for, when it waits.
    pub waits: String,
    /// Where what it waits for can be seen to, when that is another page.
    pub waits_href: Option<String>,
    /// The goals it waits for, while it does.
    pub waits_for: Vec<Waited>,
    /// Its place among what the persona does first in this hour, and why.
    pub big_three: Option<String>,
    pub attempts: String,
    pub error: Option<String>,
    /// What it asks a person.
    pub asks: Option<String>,
    pub result: Option<String>,
    pub at: When,
    pub run_href: Option<String>,
    pub may_cancel: bool,
    pub may_retry: bool,
    /// Someone must say whether an effect happened.
    pub may_resolve: bool,
    pub may_correct: bool,
}

impl GoalRow {
    /// Prepares a goal; `runs` are the newest of its persona, `most` the attempts it has.
    pub fn new(
        goal: &Goal,
        waits_for: &[Prerequisite],
        runs: &HashMap<GoalId, &Run>,
        most: usize,
        now_ms: i64,
    ) -> Self {
        let waits_for = if goal.parked_on == Some(ParkedOn::Dependency) { waits_for } else { &[] };
        let over = goal.state.is_over();
        let asks = goal.parked_on == Some(ParkedOn::Answer);
        let reconcile = goal.parked_on == Some(ParkedOn::Reconcile);
        Self {
            id: goal.id.to_string(),
            short: show::short(goal.id),
            title: goal.title.clone(),
            kind: goal.payload.kind().as_str(),
            badge: Badge::of_goal(goal.state),
            waits: if waits_for.is_empty() { waits(goal, now_ms) } else { String::new() },
            waits_href: waits_href(goal),
            waits_for: waits_for.iter().map(|other| Waited::new(&other.goal)).collect(),
            big_three: None,
            attempts: format!("attempt {} of {most}", goal.attempts.max(1)),
            error: goal.last_error.clone().filter(|_| goal.state != GoalState::Done && !asks),
            asks: goal.last_error.clone().filter(|_| asks),
            result: goal.result.clone(),
            at: When::at(goal.updated_ms, now_ms),
            run_href: runs.get(&goal.id).map(|run| format!("/runs/{}", run.id)),
            may_cancel: !over,
            may_retry: over && goal.state != GoalState::Done,
            may_resolve: reconcile,
            may_correct: goal.state != GoalState::Done && goal.state != GoalState::Running,
        }
    }
}

impl GoalRow {
    /// With its place among what the persona does first in this hour.
    #[must_use]
    pub fn among(self, goal: &Goal, three: Option<&BigThree>) -> Self {
        let ordinal = |place| ["1st", "2nd", "3rd"].get(place - 1).copied().unwrap_or_default();
        let found = BigThreeView::find(goal, three);
        let big_three = found.map(|found| format!("big three: {}, because {}", ordinal(found.place), found.because));
        Self { big_three, ..self }
    }
}

/// What a goal waits for, in words; empty when it does not wait.
pub fn waits(goal: &Goal, now_ms: i64) -> String {
    let until = goal.due_ms.filter(|due| *due > now_ms).map(|due| show::took(due - now_ms));
    match (goal.state, goal.parked_on, until) {
        (_, Some(ParkedOn::Reconcile), _) => "waits for a person: did its last effect happen?".to_owned(),
        (_, Some(ParkedOn::Approval), Some(until)) => {
            format!("waits for a person: may it make its next call? The question ends in {until}")
        }
        (_, Some(ParkedOn::Approval), None) => "waits for a person: may it make its next call?".to_owned(),
        (_, Some(ParkedOn::Answer), _) => "waits for an answer from a person".to_owned(),
        (_, Some(ParkedOn::Dependency), _) => "waits for other goals".to_owned(),
        (_, Some(ParkedOn::Room), _) => "waits for the floor of its room".to_owned(),
        (_, Some(ParkedOn::Pause), _) => "waits until its persona is resumed".to_owned(),
        (_, Some(ParkedOn::Rate), Some(until)) => format!("keeps the pace of the site, goes on in {until}"),
        (_, Some(ParkedOn::Quota), Some(until)) => format!("the day’s quota is used up, goes on in {until}"),
        (_, Some(ParkedOn::Quota), None) => "the day’s quota is used up".to_owned(),
        (_, Some(ParkedOn::Budget), Some(until)) => format!("waits for room in a budget, looks again in {until}"),
        (_, Some(ParkedOn::Budget), None) => "waits for room in a budget".to_owned(),
        (_, Some(ParkedOn::Rate), None) => "keeps the pace of the site".to_owned(),
        (GoalState::Pending, None, Some(until)) if goal.attempts > 0 => format!("tries again in {until}"),
        (GoalState::Pending, None, Some(until)) => format!("starts in {until}"),
        (GoalState::Pending, None, None) => "waits for a slice".to_owned(),
        (GoalState::Parked, None, _) => "waits to go on".to_owned(),
        (GoalState::Running | GoalState::Done | GoalState::Unconfirmed, None, _)
        | (GoalState::Failed | GoalState::Cancelled, None, _) => String::new(),
    }
}

/// The page on which a person can do something about what a goal waits for; none: its own row, or nobody can.
fn waits_href(goal: &Goal) -> Option<String> {
    match goal.parked_on? {
        ParkedOn::Approval => Some("/approvals".to_owned()),
        ParkedOn::Room => Some("/rooms".to_owned()),
        ParkedOn::Quota | ParkedOn::Budget => Some(format!("/personas/{}?tab=settings", goal.persona)),
        ParkedOn::Rate | ParkedOn::Reconcile | ParkedOn::Pause | ParkedOn::Dependency | ParkedOn::Answer => None,
    }
}

#[cfg(test)]
mod tests {
    use actors::domain::{Payload, Proof, TraceId};
    use serde_json::json;

    use super::*;

    fn parked(on: Option<ParkedOn>, due_ms: Option<i64>) -> Goal {
        let id = Uuid::from_u128(7);
        Goal {
            id: GoalId(id),
            persona: PersonaId(id),
            title: "Order three lamps".to_owned(),
            payload: Payload::parse(actors::domain::GoalKind::Ai, json!({"prompt": "x"})).unwrap(),
            proof: Proof::default(),
            state: GoalState::Parked,
            parked_on: on,
            attempts: 1,
            last_error: None,
            result: None,
            due_ms,
            version: 1,
            trace: TraceId(id),
            correlation: None,
            project: None,
            created_by: "admin".to_owned(),
            created_ms: 0,
            updated_ms: 0,
        }
    }

    #[test]
    fn a_parked_goal_always_says_why_it_waits() {
        for on in ParkedOn::ALL.iter().copied().map(Some).chain([None]) {
            for due_ms in [None, Some(9_000)] {
                assert!(!waits(&parked(on, due_ms), 1_000).is_empty(), "{on:?} {due_ms:?}");
            }
        }
        let asks = parked(Some(ParkedOn::Approval), None);
        assert_eq!(waits_href(&asks).as_deref(), Some("/approvals"));
    }
}
