//! Tools that people try by hand.

use actors::domain::Tryout;
use diesel::prelude::*;

use crate::storage::{
    db::{Db, DbError, on_db},
    rows::tryout::TryoutRow,
    schema::tryouts,
};

impl Db {
    /// Those that were begun and of which nobody said how they ended, the oldest first.
    pub async fn open_tryouts(&self) -> Result<Vec<Tryout>, DbError> {
        let rows: Vec<TryoutRow> = on_db!(self, all:
            tryouts::table.order(tryouts::id).select(TryoutRow::as_select()));
        rows.into_iter().map(Tryout::try_from).collect()
    }
}
