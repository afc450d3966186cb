//! A persona's day against its quotas, as API and pages show it. Every number comes with the goals behind it.

use actors::{
    domain::{Day, GoalId, GoalState, OUTREACH_IS_OFF, Persona, Quota, Unit},
    ports::Counted,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Deps;
use crate::storage::DbError;

/// The day that it is for a persona.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DayView {
    /// `2026-11-21`, in its time zone.
    pub date: String,
    pub begins_ms: i64,
    /// When the next day begins.
    pub ends_ms: i64,
    pub quotas: Vec<QuotaView>,
}

/// One quota and what the day has of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct QuotaView {
    /// `post`, `proposal`, `deliverable` or `message`.
    pub unit: &'static str,
    pub floor: u32,
    pub ceiling: u32,
    /// None is set: neither floor nor ceiling.
    pub unlimited: bool,
    /// Its own, not its role's.
    pub own: bool,
    /// Why nothing of it is allowed, whatever is set.
    pub forbidden: Option<&'static str>,
    /// What is set, where it is forbidden.
    #[schema(value_type = Option<Object>)]
    pub set: Option<Quota>,
    /// Units proven today.
    pub done: u32,
    /// Units that take room: under way, or begun without proof.
    pub under_way: u32,
    /// Units of goals that wait for their moment today.
    pub waiting: u32,
    /// The goals behind these numbers.
    pub goals: Vec<CountedView>,
}

/// A goal that counts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CountedView {
    #[schema(value_type = String)]
    pub goal: GoalId,
    pub title: String,
    pub state: &'static str,
    pub units: u32,
    /// `done`, `under_way` or `waiting`.
    pub counts_as: &'static str,
    /// When it is due, as long as it waits.
    pub due_ms: Option<i64>,
}

/// Reads the day from what is on record.
pub async fn of(deps: &Deps, persona: &Persona) -> Result<DayView, DbError> {
    let day = persona.hours.day(deps.world.now_ms());
    let counted = deps.db.counted(persona.id, day.begins_ms..day.ends_ms).await?;
    let rules = deps.config.quota_rules();
    let outreach = deps.db.allows_outreach().await?;
    let quota = |unit: &Unit| {
        let goals: Vec<_> = counted.iter().filter_map(|one| view(one, *unit, &day)).collect();
        let sum = |word: &str| goals.iter().filter(|one| one.counts_as == word).map(|one| one.units).sum();
        let (done, under_way, waiting) = (sum("done"), sum("under_way"), sum("waiting"));
        let held = rules.quota(persona, *unit, outreach);
        // Nobody asked for it, nothing was done: nothing to show.
        (held.is_some() || !goals.is_empty()).then(|| QuotaView {
            unit: unit.as_str(),
            floor: held.map_or(0, |held| held.quota.floor()),
            ceiling: held.map_or(0, |held| held.quota.ceiling()),
            unlimited: held.is_none(),
            own: held.is_some_and(|held| held.own),
            forbidden: held.and_then(|held| held.forbidden).map(|_| OUTREACH_IS_OFF),
            set: held.and_then(|held| held.forbidden),
            done,
            under_way,
            waiting,
            goals,
        })
    };
    Ok(DayView {
        date: day.date.to_string(),
        begins_ms: day.begins_ms,
        ends_ms: day.ends_ms,
        quotas: Unit::ALL.iter().filter_map(quota).collect(),
    })
}

fn view(one: &Counted, unit: Unit, day: &Day) -> Option<CountedView> {
    let (counts, units) = one.goal.proof.counted().filter(|(counts, _)| *counts == unit)?;
    let today = (day.begins_ms..day.ends_ms).contains(&one.taken.map_or(i64::MIN, |taken| taken.at_ms));
    let takes = today && one.taken.is_some_and(|taken| taken.unit == counts && taken.counts(one.goal.state));
    let waits = !one.goal.state.is_over() && one.goal.due_ms.is_none_or(|due_ms| due_ms < day.ends_ms);
    let counts_as = match (takes, one.goal.state) {
        (true, GoalState::Done) => "done",
        (true, GoalState::Pending) if one.taken.is_some_and(|taken| !taken.begun) => "waiting",
        (true, _) => "under_way",
        (false, _) if waits => "waiting",
        _ => return None,
    };
    let (goal, title, state) = (one.goal.id, one.goal.title.clone(), one.goal.state.as_str());
    Some(CountedView { goal, title, state, units, counts_as, due_ms: one.goal.due_ms })
}
