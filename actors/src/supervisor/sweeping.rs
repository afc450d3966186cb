//! Messages of a paused persona expire too: by the time it is resumed nobody wants them any more.
//!
//! A paused persona has no actor, so its supervisor does it, at the moment at which the first of them may be late.

use std::sync::Arc;

use tracing::warn;

use crate::{
    domain::PersonaId,
    persona::{Report, Stage, expiry},
};

/// When to try again at a store that is gone.
const AGAIN_MS: i64 = 10_000;

/// Lets expire what is overdue, and reports when the next may be.
pub(super) fn spawn(stage: Arc<Stage>, id: PersonaId) {
    tokio::spawn(async move {
        let again_ms = match expiry::sweep(&stage, id).await {
            Ok(again_ms) => again_ms,
            Err(error) => {
                warn!(persona = %id, "what is late at the paused persona {id} cannot expire: {error}");
                Some(stage.ports.world.now_ms().saturating_add(AGAIN_MS))
            }
        };
        let fresh = stage.ports.records.roster_record(id).await.ok().flatten();
        (stage.report)(Report::Swept { id, fresh, again_ms });
    });
}
