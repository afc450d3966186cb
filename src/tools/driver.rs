//! The browser as the tools see it.

use actors::domain::{Call, Outcome, Persona, PersonaId, Step, StepError};
use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{browser::Browsers, secrets::Hidden};

/// Carries browser steps out. `browser::Browsers` does; tests put a script in its place.
#[async_trait]
pub trait BrowserDriver: Send + Sync {
    /// Carries one step out within `call.limit`. `step` is the call's step with its secrets filled in; no picture shows
    /// what is `hidden`.
    async fn perform(
        &self,
        persona: &Persona,
        call: &Call,
        step: &Step,
        hidden: &Hidden,
        stop: CancellationToken,
    ) -> Outcome;

    /// What a step would act on, as its run's page shows it now, without what is `hidden`. Changes nothing.
    async fn look(&self, _: &Persona, _: &Call, _: &Step, _hidden: &Hidden) -> Result<Value, StepError> {
        Ok(Value::Null)
    }

    /// The persona's slice is over: save what must survive a crash.
    async fn rest(&self, persona: PersonaId);

    /// Whether the page of the last step is still open.
    async fn keeps_page(&self, _persona: PersonaId) -> bool {
        true
    }

    /// The persona sleeps, is paused or deleted: close what it holds open.
    async fn release(&self, persona: PersonaId);
}

#[async_trait]
impl BrowserDriver for Browsers {
    async fn perform(
        &self,
        persona: &Persona,
        call: &Call,
        step: &Step,
        hidden: &Hidden,
        stop: CancellationToken,
    ) -> Outcome {
        Self::perform(self, persona, call, step, hidden, stop).await
    }

    async fn look(&self, persona: &Persona, call: &Call, step: &Step, hidden: &Hidden) -> Result<Value, StepError> {
        Self::look(self, persona, call, step, hidden).await
    }

    async fn rest(&self, persona: PersonaId) {
        Self::rest(self, persona).await;
    }

    async fn keeps_page(&self, persona: PersonaId) -> bool {
        Self::keeps_page(self, persona).await
    }

    async fn release(&self, persona: PersonaId) {
        Self::release(self, persona).await;
    }
}
