//! Inboxes as the company reads them back: who is next, what a burst consists of, what goes first when there is too
//! much. Each walks an index of what waits and was not begun, so a full inbox costs no more than its first rows.

use actors::{
    domain::{ChainId, GoalState, ParkedOn, PersonaId, Receipt, StandingWait},
    ports::Waiting,
};
use diesel::{
    dsl::{exists, not},
    prelude::*,
};

use super::{
    db::{DbError, on_db},
    fixed::{Condition, first},
    records::ReadBack,
    rows::{goal::GoalRow, message::MessageRow, receipt::ReceiptRow, standing_wait::StandingWaitRow, text},
    schema::{goal_dependencies, goals, inboxes, messages, receipts, standing_waits},
    views::at_most,
};

/// Goals at which something may be done.
const OPEN_GOAL: Condition = Condition("goals.state IN ('pending', 'running', 'parked')");
/// Of those, the ones that do not wait for other goals.
const FREE_GOAL: Condition = Condition(
    "goals.state IN ('pending', 'running', 'parked') AND (goals.parked_on IS NULL OR goals.parked_on <> 'dependency')",
);
/// As the partial indexes have it, word for word: SQLite compares the texts.
const WAITS: Condition = Condition("messages.state = 'waiting' AND NOT messages.begun");
const BEGUN: Condition = Condition("messages.begun AND messages.state IN ('waiting', 'running')");

type Row = (MessageRow, GoalRow);

impl ReadBack {
    pub(super) async fn open_work(&self, persona: PersonaId, limit: u32) -> Result<Vec<Waiting>, DbError> {
        let id = persona.as_bytes().to_vec();
        let both: (Vec<Row>, Vec<Row>) = on_db!(self.0, both:
            first(at_most(limit), messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(id.clone()))
                .filter(BEGUN)
                .filter(FREE_GOAL)
                .order((messages::lane, messages::deadline_ms, messages::received_ms, messages::id))
                .select((MessageRow::as_select(), GoalRow::as_select()))),
            first(at_most(limit), messages::table
                .inner_join(goals::table.on(goals::id.eq(messages::goal)))
                .filter(messages::persona.eq(id.clone()))
                .filter(WAITS)
                .filter(FREE_GOAL)
                .order((messages::lane, messages::deadline_ms, messages::received_ms, messages::id))
                .select((MessageRow::as_select(), GoalRow::as_select()))));
        let (begun, next) = both;
        begun.into_iter().chain(next).take(limit as usize).map(waiting).collect()
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
        let rows: Vec<Row> = on_db!(self.0, all: first(at_most(limit),
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
        rows.into_iter().map(waiting).collect()
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
    fn the_conditions_name_states_that_there_are() {
        let [pending, running, parked] =
            [GoalState::Pending, GoalState::Running, GoalState::Parked].map(|s| s.as_str());
        let open = format!("goals.state IN ('{pending}', '{running}', '{parked}')");
        assert_eq!(OPEN_GOAL.0, open);
        let on_goals = ParkedOn::Dependency.as_str();
        assert_eq!(FREE_GOAL.0, format!("{open} AND (goals.parked_on IS NULL OR goals.parked_on <> '{on_goals}')"));
        let (waiting, running) = (MessageState::Waiting.as_str(), MessageState::Running.as_str());
        assert_eq!(WAITS.0, format!("messages.state = '{waiting}' AND NOT messages.begun"));
        assert_eq!(BEGUN.0, format!("messages.begun AND messages.state IN ('{waiting}', '{running}')"));
    }
}
