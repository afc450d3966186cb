//! Inboxes as the company reads them back: who is next, what a burst consists of, what goes first when there is too
//! much. Each walks an index of what waits and was not begun, so a full inbox costs no more than its first rows.

use actors::{
    domain::{
        ChainId, FRESH_FOR_MS, GoalState, ParkedOn, PersonaId, Priority, Receipt, Score, StandingWait, TurnState,
    },
    ports::{Inbox, Overdue, SET_BACK_MS, Waiting},
};
use diesel::{
    dsl::{exists, min, not},
    prelude::*,
};

use super::{
    db::{DbError, on_db},
    fixed::{Condition, first},
    records::ReadBack,
    rows::{goal::GoalRow, message::MessageRow, receipt::ReceiptRow, standing_wait::StandingWaitRow, text},
    schema::{goal_dependencies, goals, inboxes, messages, receipts, room_turns, standing_waits},
    views::at_most,
};

/// Goals at which something may be done.
const OPEN_GOAL: Condition = Condition("goals.state IN ('pending', 'running', 'parked')");
/// Of those, the ones that do not wait for other goals.
const FREE_GOAL: Condition = Condition(
    "goals.state IN ('pending', 'running', 'parked') AND (goals.parked_on IS NULL OR goals.parked_on <> 'dependency')",
);
/// Of those, the ones that go on by themselves, now or at a moment.
const GOES_ON: Condition = Condition(
    "goals.state IN ('pending', 'running', 'parked') AND (goals.parked_on IS NULL OR goals.parked_on NOT IN ('dependency', 'reconcile', 'room'))",
);
/// Never begun, whatever it waits for.
pub(super) const FRESH_GOAL: Condition = Condition("goals.state IN ('pending', 'parked') AND goals.attempts = 0");
/// As the partial indexes have it, word for word: SQLite compares the texts.
pub(super) const WAITS: Condition = Condition("messages.state = 'waiting' AND NOT messages.begun");
const BEGUN: Condition = Condition("messages.begun AND messages.state IN ('waiting', 'running')");

/// What may be fresh of what waits.
const SCORED: Condition = Condition("messages.state = 'waiting' AND NOT messages.begun AND messages.scored");

/// The lane of what goes before all that was begun.
const URGENT: u8 = 0;
/// Where what can rise by being fresh waits: lane, priority. In each the order is that in which it was received.
const RISING: [(i32, Priority); 5] = {
    let [low, high, urgent] = Score::RISING;
    [(0, urgent), (1, low), (1, high), (2, low), (2, high)]
};

type Row = (MessageRow, GoalRow);

/// What is begun, and what is not, each in its order.
type Halves = (Vec<Row>, Vec<Row>);

/// The first of a persona's messages of one half whose goal is so, in their order.
macro_rules! half {
    ($persona:ident, $limit:ident, $message:expr, $($goal:expr),+) => {
        first(at_most($limit), messages::table
            .inner_join(goals::table.on(goals::id.eq(messages::goal)))
            .filter(messages::persona.eq($persona.clone()))
            .filter($message)
            $(.filter($goal))+
            .order((messages::lane, messages::deadline_ms, messages::received_ms, messages::id))
            .select((MessageRow::as_select(), GoalRow::as_select())))
    };
}

impl ReadBack {
    pub(super) async fn open_work(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, DbError> {
        let (begun, next) = self.open_halves(persona, limit).await?;
        begun.into_iter().chain(next).take(limit as usize).map(waiting).collect()
    }

    /// The common look ends after the first two of these reads: there is room for all.
    pub(super) async fn look_of(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Inbox, DbError> {
        let (begun, next) = self.open_halves(persona, limit).await?;
        let begin_by_ms = self.begin_by(persona).await?;
        if begun.len() + next.len() < limit as usize {
            let work = begun.into_iter().chain(next).map(waiting).collect::<Result<_, _>>()?;
            return Ok(Inbox { work, more: false, due_ms: None, begin_by_ms });
        }
        let (begun, next) = self.due_halves(persona, now_ms, limit).await?;
        let fresh = self.due_fresh(persona, now_ms, limit).await?;
        let parts = [(true, begun), (false, next), (false, fresh)];
        let rows = parts.into_iter().flat_map(|(begun, rows)| rows.into_iter().map(move |row| (begun, row)));
        let mut ranked = rows.map(|(begun, row)| Ok((begun, waiting(row)?))).collect::<Result<Vec<_>, DbError>>()?;
        ranked.sort_by_key(|(begun, Waiting { message, .. })| {
            let place = (message.lane(), message.deadline_at(now_ms), message.received_ms, message.id);
            (message.lane() != URGENT, message.lane() != URGENT && !begun, place)
        });
        ranked.dedup_by_key(|(_, work)| work.message.id);
        let work = ranked.into_iter().take(limit as usize).map(|(_, work)| work).collect();
        Ok(Inbox { work, more: true, due_ms: self.next_due(persona, now_ms).await?, begin_by_ms })
    }

    /// The first of its index that was never begun.
    pub(super) async fn begin_by(&self, persona: PersonaId) -> Result<Option<i64>, DbError> {
        let id = persona.as_bytes().to_vec();
        Ok(on_db!(self.0, one: first(1, messages::table
            .inner_join(goals::table.on(goals::id.eq(messages::goal)))
            .filter(messages::persona.eq(id.clone()))
            .filter(WAITS)
            .filter(FRESH_GOAL)
            .order((messages::serve_by_ms, messages::id))
            .select(messages::serve_by_ms))))
    }

    async fn open_halves(&self, persona: PersonaId, limit: u32) -> Result<Halves, DbError> {
        let id = persona.as_bytes().to_vec();
        let both: Halves = on_db!(self.0, both: half!(id, limit, BEGUN, FREE_GOAL), half!(id, limit, WAITS, FREE_GOAL));
        Ok(both)
    }

    /// Of those, what can be gone on with by now.
    async fn due_halves(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Halves, DbError> {
        let (id, set_back_ms) = (persona.as_bytes().to_vec(), now_ms.saturating_add(SET_BACK_MS));
        let both: Halves = on_db!(self.0, both:
            half!(id, limit, BEGUN, GOES_ON, goals::due_ms.is_null().or(goals::due_ms.le(now_ms)).or(goals::updated_ms.gt(set_back_ms))),
            half!(id, limit, WAITS, GOES_ON, goals::due_ms.is_null().or(goals::due_ms.le(now_ms)).or(goals::updated_ms.gt(set_back_ms))));
        Ok(both)
    }

    /// Of what was not begun and rises by being fresh the first of each kind: among these and the first by deadline are
    /// the first of all.
    async fn due_fresh(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Vec<Row>, DbError> {
        let (id, set_back_ms) = (persona.as_bytes().to_vec(), now_ms.saturating_add(SET_BACK_MS));
        let (from_ms, to_ms) = (now_ms.saturating_sub(FRESH_FOR_MS), now_ms.saturating_add(FRESH_FOR_MS));
        let fresh: Vec<Row> = on_db!(self.0, each: RISING, |(lane, priority)| first(at_most(limit), messages::table
            .inner_join(goals::table.on(goals::id.eq(messages::goal)))
            .filter(messages::persona.eq(id.clone()).and(messages::lane.eq(lane)))
            .filter(messages::priority.eq(i32::from(priority.thousandths())))
            .filter(messages::received_ms.gt(from_ms).and(messages::received_ms.lt(to_ms)))
            .filter(SCORED)
            .filter(GOES_ON)
            .filter(goals::due_ms.is_null().or(goals::due_ms.le(now_ms)).or(goals::updated_ms.gt(set_back_ms)))
            .order((messages::received_ms, messages::id))
            .select((MessageRow::as_select(), GoalRow::as_select()))));
        Ok(fresh)
    }

    async fn next_due(&self, persona: PersonaId, now_ms: i64) -> Result<Option<i64>, DbError> {
        let id = persona.as_bytes().to_vec();
        let due: Option<Option<i64>> = on_db!(self.0, one:
            goals::table
                .filter(goals::persona.eq(id.clone()))
                .filter(GOES_ON)
                .filter(goals::due_ms.gt(now_ms))
                .select(min(goals::due_ms)));
        Ok(due.flatten())
    }

    /// Walks what had to be begun by now in the order of that, and of the rest the first.
    pub(super) async fn overdue_of(&self, persona: PersonaId, now_ms: i64, limit: u32) -> Result<Overdue, DbError> {
        let id = persona.as_bytes().to_vec();
        let (late, next): (Vec<Row>, Vec<i64>) = on_db!(self.0, both:
            first(at_most(limit), messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(id.clone()).and(messages::serve_by_ms.lt(now_ms)))
                .filter(WAITS)
                .filter(FRESH_GOAL)
                .order((messages::serve_by_ms, messages::id))
                .select((MessageRow::as_select(), GoalRow::as_select()))),
            first(1, messages::table
                .filter(messages::persona.eq(id.clone()).and(messages::serve_by_ms.ge(now_ms)))
                .filter(WAITS)
                .order((messages::serve_by_ms, messages::id))
                .select(messages::serve_by_ms)));
        let late = late.into_iter().map(waiting).collect::<Result<Vec<_>, _>>()?;
        if late.len() >= limit as usize {
            return Ok(Overdue { late, again_ms: Some(now_ms) });
        }
        let again_ms = next.first().map(|serve_by_ms| serve_by_ms.saturating_add(1));
        Ok(Overdue { late, again_ms })
    }

    pub(super) async fn asked_of(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, DbError> {
        let id = persona.as_bytes().to_vec();
        let rows: Vec<Row> = on_db!(self.0, all: first(at_most(limit),
            goals::table
                .inner_join(messages::table.on(messages::goal.eq(goals::id)))
                .inner_join(room_turns::table.on(room_turns::goal.eq(goals::id)))
                .filter(goals::persona.eq(id.clone()).and(goals::state.eq(GoalState::Parked.as_str())))
                .filter(goals::parked_on.eq(ParkedOn::Room.as_str()))
                .filter(room_turns::state.eq(TurnState::Asked.as_str()))
                .order(messages::id)
                .select((MessageRow::as_select(), GoalRow::as_select()))));
        rows.into_iter().map(waiting).collect()
    }

    pub(super) async fn parked_work(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, DbError> {
        let id = persona.as_bytes().to_vec();
        let rows: Vec<Row> = on_db!(self.0, all: first(at_most(limit),
            goals::table
                .inner_join(messages::table.on(messages::goal.eq(goals::id)))
                .filter(goals::persona.eq(id.clone()).and(goals::state.eq(GoalState::Parked.as_str())))
                .filter(goals::parked_on.eq(ParkedOn::Dependency.as_str()))
                .order(messages::id)
                .select((MessageRow::as_select(), GoalRow::as_select()))));
        rows.into_iter().map(waiting).collect()
    }

    pub(super) async fn waiting_of(&self, persona: PersonaId) -> Result<u32, DbError> {
        let id = persona.as_bytes().to_vec();
        let waiting: Option<i32> = on_db!(self.0, one: inboxes::table.find(id.clone()).select(inboxes::waiting));
        Ok(waiting.and_then(|waiting| u32::try_from(waiting).ok()).unwrap_or(0))
    }

    pub(super) async fn burst_of(
        &self,
        persona: PersonaId,
        coalescing: &str,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<Waiting>, DbError> {
        let (id, key) = (persona.as_bytes().to_vec(), text(coalescing.to_owned()));
        let rows: Vec<Row> = on_db!(self.0, all: first(at_most(limit),
            messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(id.clone()).and(messages::coalescing.eq(key.clone())))
                .filter(WAITS)
                .filter(goals::state.eq(GoalState::Pending.as_str()).and(goals::attempts.eq(0)))
                .filter(goals::due_ms.is_null().or(goals::due_ms.le(now_ms)))
                .filter(messages::serve_by_ms.ge(now_ms))
                .filter(not(exists(goal_dependencies::table.filter(goal_dependencies::prerequisite.eq(goals::id)))))
                .order((messages::received_ms.desc(), messages::id.desc()))
                .select((MessageRow::as_select(), GoalRow::as_select()))));
        rows.into_iter().map(waiting).collect()
    }

    pub(super) async fn least_of(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, DbError> {
        let id = persona.as_bytes().to_vec();
        // Any number is asked for, and each in the text would be a statement of its own on every connection, for good.
        let read = limit.next_power_of_two();
        let rows: Vec<Row> = on_db!(self.0, all: first(at_most(read),
            messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(id.clone()))
                .filter(WAITS)
                .filter(OPEN_GOAL)
                .order((
                    messages::priority,
                    messages::optional.desc(),
                    messages::received_ms.desc(),
                    messages::id.desc(),
                ))
                .select((MessageRow::as_select(), GoalRow::as_select()))));
        rows.into_iter().take(limit as usize).map(waiting).collect()
    }

    pub(super) async fn standing(&self) -> Result<Vec<StandingWait>, DbError> {
        let rows: Vec<StandingWaitRow> = on_db!(self.0, all:
            standing_waits::table
                .filter(standing_waits::ended_ms.is_null())
                .order(standing_waits::id)
                .select(StandingWaitRow::as_select()));
        rows.into_iter().map(StandingWait::try_from).collect()
    }

    pub(super) async fn newest_of(&self, persona: PersonaId) -> Result<i64, DbError> {
        let chain = ChainId::Persona(persona).to_bytes();
        let newest: Option<i64> = on_db!(self.0, one: first(1,
            receipts::table
                .filter(receipts::chain.eq(chain.clone()))
                .order(receipts::seq.desc())
                .select(receipts::seq)));
        Ok(newest.unwrap_or(0))
    }

    pub(super) async fn chain_behind(&self, persona: PersonaId, seq: i64, limit: u32) -> Result<Vec<Receipt>, DbError> {
        let chain = ChainId::Persona(persona).to_bytes();
        let rows: Vec<ReceiptRow> = on_db!(self.0, all: first(at_most(limit),
            receipts::table
                .filter(receipts::chain.eq(chain.clone()).and(receipts::seq.gt(seq)))
                .order(receipts::seq)
                .select(ReceiptRow::as_select())));
        rows.into_iter().map(Receipt::try_from).collect()
    }
}

fn waiting((message, goal): Row) -> Result<Waiting, DbError> {
    Ok(Waiting { message: message.try_into()?, goal: goal.try_into()? })
}

#[cfg(test)]
mod tests {
    use actors::domain::MessageState;

    use super::*;

    #[test]
    fn what_rises_by_being_fresh_waits_in_these_lanes() {
        for (lane, priority) in RISING {
            assert_eq!(priority.is_urgent(), lane == i32::from(URGENT));
        }
        assert!(
            Score::RISING
                .iter()
                .all(|one| RISING.iter().filter(|(_, of)| of == one).count() == if one.is_urgent() { 1 } else { 2 })
        );
    }

    #[test]
    fn the_conditions_name_states_that_there_are() {
        let [pending, running, parked] =
            [GoalState::Pending, GoalState::Running, GoalState::Parked].map(|s| s.as_str());
        let open = format!("goals.state IN ('{pending}', '{running}', '{parked}')");
        assert_eq!(OPEN_GOAL.0, open);
        let on_goals = ParkedOn::Dependency.as_str();
        assert_eq!(FREE_GOAL.0, format!("{open} AND (goals.parked_on IS NULL OR goals.parked_on <> '{on_goals}')"));
        let [reconcile, room] = [ParkedOn::Reconcile, ParkedOn::Room].map(|on| on.as_str());
        let others = format!("'{on_goals}', '{reconcile}', '{room}'");
        assert_eq!(GOES_ON.0, format!("{open} AND (goals.parked_on IS NULL OR goals.parked_on NOT IN ({others}))"));
        assert_eq!(FRESH_GOAL.0, format!("goals.state IN ('{pending}', '{parked}') AND goals.attempts = 0"));
        let (waiting, running) = (MessageState::Waiting.as_str(), MessageState::Running.as_str());
        assert_eq!(WAITS.0, format!("messages.state = '{waiting}' AND NOT messages.begun"));
        assert_eq!(SCORED.0, format!("{} AND messages.scored", WAITS.0));
        assert_eq!(BEGUN.0, format!("messages.begun AND messages.state IN ('{waiting}', '{running}')"));
    }
}
