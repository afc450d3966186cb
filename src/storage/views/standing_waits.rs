//! Standing waits.

use actors::domain::{PersonaId, StandingWait};
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::standing_wait::StandingWaitRow,
    schema::standing_waits,
};

impl Db {
    /// What a persona waits to be told, the oldest wait first.
    pub async fn standing_waits_of(&self, waiter: PersonaId) -> Result<Vec<StandingWait>, DbError> {
        let waiter = waiter.as_bytes().to_vec();
        let rows: Vec<StandingWaitRow> = on_db!(self, all:
            standing_waits::table
                .filter(standing_waits::waiter.eq(waiter.clone()).and(standing_waits::ended_ms.is_null()))
                .order(standing_waits::id)
                .select(StandingWaitRow::as_select()));
        rows.into_iter().map(StandingWait::try_from).collect()
    }
}
