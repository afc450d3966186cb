//! Who carries a run for a persona: [`Runner`] in production, a script in tests.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Persona,
    ports::Waiting,
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

/// What is to be carried, for whom.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) persona: Arc<Persona>,
    pub(crate) work: Arc<Waiting>,
    /// Goals of this persona that failed in a row.
    pub(crate) failure_streak: u32,
}

#[async_trait]
impl Carrier for Runner {
    async fn carry(&self, order: Order, stop: CancellationToken, now: Now) -> RunEnd {
        Self::carry(self, order.persona, order.work, order.failure_streak, stop, now).await
    }

    async fn after_panic(&self, order: Order, text: String) -> RunEnd {
        Self::after_panic(self, order.persona, order.work, text).await
    }
}
