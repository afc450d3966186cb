//! What the company reads back: at start, when a persona wakes, when a run resumes.

mod calendar;
mod rooms;

use std::{collections::HashMap, ops::Range};

use actors::{
    domain::{
        Alert, AlertId, AlertKind, Approval, ApprovalId, BigThree, BudgetScope, BudgetSpan, Budgets, Entry, Goal,
        GoalId, GoalState, HostPolicy, Hours, Message, MessageId, MessageState, ParkedOn, Persona, PersonaId,
        PersonaStatus, QuotaUse, Receipt, Run, RunId, Schedule, ScheduleId, StandingWait, Totals, Tryout,
    },
    ports::{
        ChainHead, ChainHeads, Counted, Inbox, LastWork, Overdue, Prerequisite, Records, RosterRecord, Unavailable,
        Waiting,
    },
};
use async_trait::async_trait;
use diesel::{
    dsl::{count_star, min},
    prelude::*,
};

use super::{
    db::{Db, DbError, on_db},
    fixed::{Condition, first},
    inbox::{FRESH_GOAL, WAITS},
    rows::{
        Columns,
        alert::AlertRow,
        goal::{GoalRow, OPEN_GOAL},
        message::MessageRow,
        run::RunRow,
        text,
    },
    schema::{alerts, goal_dependencies, goals, inboxes, messages, personas, runs},
};

/// What a goal is parked on that waits for others: it is due when they are over, not by itself.
const ON_GOALS: &str = ParkedOn::Dependency.as_str();
const OPEN_RUN: Condition = Condition("runs.state IN ('running', 'parked')");

type PersonRow = (Vec<u8>, String, String, i32);
/// Persona, state of the goal, and when it is due.
type DueRow = (Vec<u8>, String, Option<i64>);

/// The company's own view of the database.
pub(super) struct ReadBack(pub Db);

#[async_trait]
impl Records for ReadBack {
    async fn roster(&self) -> Result<Vec<RosterRecord>, Unavailable> {
        Ok(self.roster_of(None).await?)
    }

    async fn roster_record(&self, id: PersonaId) -> Result<Option<RosterRecord>, Unavailable> {
        Ok(self.roster_of(Some(id)).await?.into_iter().next())
    }

    async fn persona(&self, id: PersonaId) -> Result<Option<Persona>, Unavailable> {
        Ok(self.0.persona(id).await?)
    }

    async fn goal(&self, id: GoalId) -> Result<Option<Goal>, Unavailable> {
        Ok(self.0.goal(id).await?)
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, Unavailable> {
        Ok(self.0.message(id).await?)
    }

    async fn message_of(&self, goal: GoalId) -> Result<Option<Message>, Unavailable> {
        Ok(self.first_message(goal).await?)
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, Unavailable> {
        Ok(self.0.run(id).await?)
    }

    async fn inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.open_work(persona, limit).await?)
    }

    async fn look(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Inbox, Unavailable> {
        Ok(self.look_of(persona, now_ms, limit).await?)
    }

    async fn overdue(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Overdue, Unavailable> {
        Ok(self.overdue_of(persona, now_ms, limit).await?)
    }

    async fn asked_in_rooms(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.asked_of(persona, limit).await?)
    }

    async fn parked_inbox(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.parked_work(persona, limit).await?)
    }

    async fn waiting(&self, persona: PersonaId) -> Result<u32, Unavailable> {
        Ok(self.waiting_of(persona).await?)
    }

    async fn burst(
        &self,
        persona: PersonaId,
        coalescing: &str,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.burst_of(persona, coalescing, now_ms, limit).await?)
    }

    async fn least_important(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, Unavailable> {
        Ok(self.least_of(persona, limit).await?)
    }

    async fn standing_waits(&self) -> Result<Vec<StandingWait>, Unavailable> {
        Ok(self.standing().await?)
    }

    async fn newest_seq(&self, persona: PersonaId) -> Result<i64, Unavailable> {
        Ok(self.newest_of(persona).await?)
    }

    async fn receipts_after(&self, persona: PersonaId, seq: i64, limit: u32) -> Result<Vec<Receipt>, Unavailable> {
        Ok(self.chain_behind(persona, seq, limit).await?)
    }

    async fn correlated(&self, persona: PersonaId, correlation: &str) -> Result<Option<Waiting>, Unavailable> {
        Ok(self.first_work(persona, correlation).await?)
    }

    async fn open_alerts(&self, persona: PersonaId) -> Result<Vec<Alert>, Unavailable> {
        Ok(self.alerts_of(persona).await?)
    }

    async fn open_run(&self, goal: GoalId) -> Result<Option<Run>, Unavailable> {
        Ok(self.live_run(goal).await?)
    }

    async fn goal_receipts(&self, goal: GoalId) -> Result<Vec<Receipt>, Unavailable> {
        Ok(self.0.goal_receipts(goal).await?)
    }

    async fn unsound(&self, goal: GoalId) -> Result<Option<i64>, Unavailable> {
        Ok(self.first_unsound(goal).await?)
    }

    async fn quota_use(&self, goal: GoalId) -> Result<Option<QuotaUse>, Unavailable> {
        Ok(self.0.quota_use(goal).await?)
    }

    async fn budgets(&self, scopes: &[BudgetScope]) -> Result<Vec<Budgets>, Unavailable> {
        Ok(self.0.budgets(scopes).await?)
    }

    async fn totals(&self, span: &BudgetSpan) -> Result<Totals, Unavailable> {
        Ok(self.0.totals(span).await?)
    }

    async fn open_entries(&self, goal: GoalId) -> Result<Vec<Entry>, Unavailable> {
        Ok(self.0.open_entries(goal).await?)
    }

    async fn lost_entries(&self) -> Result<Vec<Entry>, Unavailable> {
        Ok(self.0.lost_entries().await?)
    }

    async fn open_tryouts(&self) -> Result<Vec<Tryout>, Unavailable> {
        Ok(self.0.open_tryouts().await?)
    }

    async fn approvals_of(&self, goal: GoalId) -> Result<Vec<Approval>, Unavailable> {
        Ok(self.0.approvals_of(goal).await?)
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Unavailable> {
        Ok(self.0.approval(id).await?)
    }

    async fn host_policies(&self) -> Result<Vec<HostPolicy>, Unavailable> {
        Ok(self.0.host_policies().await?)
    }

    async fn parked_on_budgets(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(self.0.parked_on_budgets().await?)
    }

    async fn has_alert(&self, id: AlertId) -> Result<bool, Unavailable> {
        Ok(self.0.has_alert(id).await?)
    }

    async fn counted(&self, persona: PersonaId, within: Range<i64>) -> Result<Vec<Counted>, Unavailable> {
        Ok(self.0.counted(persona, within).await?)
    }

    async fn planned_personas(&self) -> Result<Vec<PersonaId>, Unavailable> {
        Ok(self.0.planned_personas().await?)
    }

    async fn prerequisites(&self, goal: GoalId) -> Result<Vec<Prerequisite>, Unavailable> {
        Ok(self.0.prerequisites(&[goal]).await?.remove(&goal).unwrap_or_default())
    }

    async fn dependents(&self, prerequisite: GoalId) -> Result<Vec<GoalId>, Unavailable> {
        Ok(self.parked_on(prerequisite).await?)
    }

    async fn parked_on_goals(&self) -> Result<Vec<GoalId>, Unavailable> {
        Ok(self.parked_on_any().await?)
    }

    async fn calendar(&self, persona: Option<PersonaId>) -> Result<Vec<(Schedule, Hours)>, Unavailable> {
        Ok(self.calendar_of(persona).await?)
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, Unavailable> {
        Ok(self.0.schedule(id).await?)
    }

    async fn schedule_count(&self, persona: PersonaId) -> Result<usize, Unavailable> {
        Ok(self.0.schedules(persona).await?.len())
    }

    async fn big_three(&self, persona: PersonaId) -> Result<Option<BigThree>, Unavailable> {
        Ok(self.0.big_three(persona).await?)
    }

    async fn dependent_counts(&self, goals: &[GoalId]) -> Result<Vec<u32>, Unavailable> {
        Ok(self.count_dependents(goals).await?)
    }

    async fn worked_since(&self, from_ms: i64) -> Result<Vec<LastWork>, Unavailable> {
        Ok(self.last_work_since(from_ms).await?)
    }

    async fn worked(&self, persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<bool, Unavailable> {
        Ok(self.began_between(persona, from_ms, until_ms).await?)
    }

    async fn open_alerts_of(&self, kind: AlertKind) -> Result<Vec<Alert>, Unavailable> {
        Ok(self.alerts_of_kind(kind).await?)
    }

    async fn heads(&self) -> Result<ChainHeads, Unavailable> {
        Ok(self.0.heads().await?)
    }

    async fn unsigned_heads(&self) -> Result<Vec<ChainHead>, Unavailable> {
        Ok(self.0.unsigned_heads().await?)
    }
}

impl ReadBack {
    async fn roster_of(&self, only: Option<PersonaId>) -> Result<Vec<RosterRecord>, DbError> {
        let id = only.map(|id| id.as_bytes().to_vec());
        let (of_personas, of_messages, of_inboxes, of_goals) = (id.clone(), id.clone(), id.clone(), id);
        let people: Vec<PersonRow> = on_db!(self.0, all: {
            let all = personas::table
                .filter(personas::status.ne(PersonaStatus::Deleted.as_str()))
                .order(personas::id)
                .select((personas::id, personas::slug, personas::status, personas::failure_streak))
                .into_boxed();
            match of_personas.clone() { Some(id) => all.filter(personas::id.eq(id)), None => all }
        });
        let running: Vec<(Vec<u8>, i64)> = on_db!(self.0, all: {
            let all = messages::table
                .group_by(messages::persona)
                .select((messages::persona, count_star()))
                .filter(messages::state.eq(MessageState::Running.as_str()))
                .into_boxed();
            match of_messages.clone() { Some(id) => all.filter(messages::persona.eq(id)), None => all }
        });
        let waiting: Vec<(Vec<u8>, i32)> = on_db!(self.0, all: {
            let all = inboxes::table.filter(inboxes::waiting.gt(0)).into_boxed();
            match of_inboxes.clone() { Some(id) => all.filter(inboxes::persona.eq(id)), None => all }
        });
        let counts = waiting.into_iter().map(|(persona, waiting)| (persona, i64::from(waiting))).chain(running);
        let due = match only {
            Some(persona) if self.has_work_now(persona).await? => {
                vec![(persona.as_bytes().to_vec(), GoalState::Pending.to_string(), None)]
            }
            _ => {
                let expiries = self.expiries(only).await?;
                let expiry = |(persona, at_ms)| (persona, GoalState::Parked.to_string(), Some(at_ms));
                self.due_of(of_goals).await?.into_iter().chain(expiries.into_iter().map(expiry)).collect()
            }
        };
        roster(people, counts, due)
    }

    /// Whether something can be done at once; of a full inbox this is all that need be known.
    async fn has_work_now(&self, persona: PersonaId) -> Result<bool, DbError> {
        let id = persona.as_bytes().to_vec();
        let found: Option<Vec<u8>> = on_db!(self.0, one:
            goals::table
                .filter(goals::persona.eq(id.clone()).and(goals::state.eq(GoalState::Pending.as_str())))
                .filter(goals::due_ms.is_null())
                .limit(1)
                .select(goals::id));
        Ok(found.is_some())
    }

    /// When the first of what was never begun expires, whatever it waits for.
    async fn expiries(&self, only: Option<PersonaId>) -> Result<Vec<(Vec<u8>, i64)>, DbError> {
        let first: Vec<(Vec<u8>, Option<i64>)> = match only {
            Some(persona) => vec![(persona.as_bytes().to_vec(), self.begin_by(persona).await?)],
            None => on_db!(self.0, all:
                messages::table
                    .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                    .filter(WAITS)
                    .filter(FRESH_GOAL)
                    .group_by(messages::persona)
                    .select((messages::persona, min(messages::serve_by_ms)))),
        };
        let after = |(persona, begin_by_ms): (_, Option<i64>)| Some((persona, begin_by_ms?.saturating_add(1)));
        Ok(first.into_iter().filter_map(after).collect())
    }

    async fn due_of(&self, only: Option<Vec<u8>>) -> Result<Vec<DueRow>, DbError> {
        Ok(on_db!(self.0, all: {
            let all = goals::table
                .filter(goals::state.eq_any(OPEN_GOAL))
                .filter(goals::parked_on.is_null().or(goals::parked_on.ne(ON_GOALS)))
                .select((goals::persona, goals::state, goals::due_ms))
                .into_boxed();
            match only.clone() { Some(id) => all.filter(goals::persona.eq(id)), None => all }
        }))
    }

    async fn first_message(&self, goal: GoalId) -> Result<Option<Message>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let row: Option<MessageRow> = on_db!(self.0, one:
            messages::table.filter(messages::goal.eq(goal.clone())).order(messages::id).limit(1).select(MessageRow::as_select()));
        row.map(Message::try_from).transpose()
    }

    async fn first_work(&self, persona: PersonaId, correlation: &str) -> Result<Option<Waiting>, DbError> {
        let (persona, correlation) = (persona.as_bytes().to_vec(), text(correlation.to_owned()));
        let row: Option<(MessageRow, GoalRow)> = on_db!(self.0, one:
            messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(persona.clone()).and(messages::correlation.eq(correlation.clone())))
                .select((MessageRow::as_select(), GoalRow::as_select())));
        row.map(|(message, goal)| Ok(Waiting { message: message.try_into()?, goal: goal.try_into()? })).transpose()
    }

    async fn alerts_of(&self, persona: PersonaId) -> Result<Vec<Alert>, DbError> {
        let persona = persona.as_bytes().to_vec();
        let rows: Vec<AlertRow> = on_db!(self.0, all:
            alerts::table
                .filter(alerts::resolved_ms.is_null().and(alerts::persona.eq(persona.clone())))
                .order(alerts::id)
                .select(AlertRow::as_select()));
        rows.into_iter().map(Alert::try_from).collect()
    }

    async fn live_run(&self, goal: GoalId) -> Result<Option<Run>, DbError> {
        let goal = goal.as_bytes().to_vec();
        let row: Option<RunRow> = on_db!(self.0, one:
            first(1, runs::table
                .filter(runs::goal.eq(goal.clone()))
                .filter(OPEN_RUN)
                .order(runs::id.desc())
                .select(RunRow::as_select())));
        row.map(Run::try_from).transpose()
    }

    async fn parked_on(&self, prerequisite: GoalId) -> Result<Vec<GoalId>, DbError> {
        let prerequisite = prerequisite.as_bytes().to_vec();
        let rows: Vec<Vec<u8>> = on_db!(self.0, all:
            goal_dependencies::table
                .inner_join(goals::table.on(goals::id.eq(goal_dependencies::goal)))
                .filter(goal_dependencies::prerequisite.eq(prerequisite.clone()))
                .filter(goals::state.eq(GoalState::Parked.as_str()).and(goals::parked_on.eq(ON_GOALS)))
                .order(goals::id)
                .select(goals::id));
        rows.iter().map(|id| Columns("goal_dependencies").id(id)).collect()
    }

    async fn parked_on_any(&self) -> Result<Vec<GoalId>, DbError> {
        let rows: Vec<Vec<u8>> = on_db!(self.0, all:
            goals::table
                .filter(goals::state.eq(GoalState::Parked.as_str()).and(goals::parked_on.eq(ON_GOALS)))
                .order(goals::id)
                .select(goals::id));
        rows.iter().map(|id| Columns("goals").id(id)).collect()
    }

    async fn first_unsound(&self, id: GoalId) -> Result<Option<i64>, DbError> {
        let Some(range) = self.0.goal_range(id).await? else { return Ok(None) };
        self.0.unsound_in(range).await
    }
}

fn roster(
    people: Vec<PersonRow>,
    counts: impl Iterator<Item = (Vec<u8>, i64)>,
    due: Vec<DueRow>,
) -> Result<Vec<RosterRecord>, DbError> {
    let read = Columns("personas");
    let mut inboxes: HashMap<Vec<u8>, i64> = HashMap::new();
    for (persona, messages) in counts {
        *inboxes.entry(persona).or_default() += messages;
    }
    let mut earliest: HashMap<Vec<u8>, i64> = HashMap::new();
    for (persona, state, due_ms) in due {
        // A parked goal without a moment waits for someone to act.
        let at = if state == GoalState::Parked.as_str() { due_ms } else { Some(due_ms.unwrap_or(0)) };
        if let Some(at) = at {
            earliest.entry(persona).and_modify(|first| *first = at.min(*first)).or_insert(at);
        }
    }
    let record = |(id, slug, status, streak): PersonRow| -> Result<_, DbError> {
        Ok(RosterRecord {
            id: read.id(&id)?,
            slug: read.word(&slug)?,
            paused: status == PersonaStatus::Paused.as_str(),
            waiting: read.count(inboxes.get(&id).copied().unwrap_or(0))?,
            due_ms: earliest.get(&id).copied(),
            failure_streak: read.count(streak)?,
        })
    };
    people.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use actors::domain::RunState;

    use super::*;

    #[test]
    fn the_condition_names_states_that_there_are() {
        let [running, parked] = [RunState::Running, RunState::Parked].map(RunState::as_str);
        assert_eq!(OPEN_RUN.0, format!("runs.state IN ('{running}', '{parked}')"));
    }
}
