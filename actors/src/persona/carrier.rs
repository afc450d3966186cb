//! Who carries a run for a persona: [`Runner`] in production, a script in tests.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::read;
use crate::{
    domain::{Persona, PersonaStatus, Weight},
    ports::{Records, Waiting},
    run::{Now, RunEnd, Runner},
};

/// Carries one run at a time for each persona.
#[async_trait]
pub(crate) trait Carrier: Send + Sync {
    /// One attempt at the goal of `work`, or its open run carried on. Asks for slices itself.
    async fn carry(&self, order: Order, stop: CancellationToken, now: Now) -> RunEnd;

    /// The task that carried the run panicked.
    async fn after_panic(&self, order: Order, text: String) -> RunEnd;
}

/// What is to be carried. Thousands may wait for a slice: the persona itself is read when there is one, so that it is
/// also as it is then.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) work: Arc<Waiting>,
    /// The share of its persona.
    pub(crate) weight: Weight,
    /// Goals of this persona that failed in a row.
    pub(crate) failure_streak: u32,
    /// Since when it waits for its slice (wall time, milliseconds).
    pub(crate) since_ms: i64,
    /// The same, but for the run that its persona had in hand then; none: it only goes on.
    pub(crate) ready_ms: Option<i64>,
}

#[async_trait]
impl Carrier for Runner {
    async fn carry(&self, order: Order, stop: CancellationToken, now: Now) -> RunEnd {
        let slice = self.turn(&order.work, order.weight, (order.since_ms, order.ready_ms), &stop, &now).await;
        let Some(slice) = slice else { return RunEnd::Stopped };
        // Boxed: only those who hold a slice take the room of a run.
        Box::pin(async {
            match whose(self.records(), &order.work).await {
                // Who was paused meanwhile is told so when it looks again.
                Ok(persona) if persona.status != PersonaStatus::Active => RunEnd::Stopped,
                Ok(persona) => Self::carry(self, persona, order.work, order.failure_streak, stop, now, slice).await,
                Err(end) => end,
            }
        })
        .await
    }

    async fn after_panic(&self, order: Order, text: String) -> RunEnd {
        match whose(self.records(), &order.work).await {
            Ok(persona) => Self::after_panic(self, persona, order.work, text).await,
            Err(end) => end,
        }
    }
}

/// Whose work it is; else how the run ends.
async fn whose(records: &dyn Records, work: &Waiting) -> Result<Arc<Persona>, RunEnd> {
    let id = work.goal.persona;
    match read(records.persona(id)).await {
        Ok(Some(persona)) => Ok(Arc::new(persona)),
        Ok(None) => Err(RunEnd::Stopped),
        Err(error) => {
            warn!(persona = %id, "persona {id} cannot be read: {error}");
            Err(RunEnd::Unavailable)
        }
    }
}
