//! Alerts.

use actors::domain::Alert;
use diesel::prelude::*;

use super::at_most;
use crate::storage::{
    db::{Db, DbError, on_db},
    rows::alert::AlertRow,
    schema::alerts,
};

impl Db {
    /// The newest alerts, newest first.
    pub async fn alerts(&self, open_only: bool, limit: u32) -> Result<Vec<Alert>, DbError> {
        let rows: Vec<AlertRow> = on_db!(self, all: {
            let all = alerts::table
                .order((alerts::raised_ms.desc(), alerts::id.desc()))
                .limit(at_most(limit))
                .select(AlertRow::as_select())
                .into_boxed();
            if open_only { all.filter(alerts::resolved_ms.is_null()) } else { all }
        });
        rows.into_iter().map(Alert::try_from).collect()
    }
}
