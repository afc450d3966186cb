//! Everything outside is one port: browser, model and tools are calls alike.

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::domain::{Bound, Call, Outcome, PersonaId, StepError};

/// Carries out calls. It reports what it observed; the broker decides and writes.
#[async_trait]
pub trait Performer: Send + Sync {
    /// Carries out one call within `call.limit`. When `stop` fires it returns as soon as it can say how the call ended.
    /// It never reports `not_begun` once anything has left our hands.
    async fn perform(&self, call: Call, stop: CancellationToken) -> Outcome;

    /// The most that a call can take, before it begins; none: it costs nothing. An error says why nobody knows: where a
    /// budget applies, such a call is not made.
    async fn bound(&self, _call: &Call) -> Result<Option<Bound>, StepError> {
        Ok(None)
    }

    /// What the call would act on now, as an approval shows and binds it: in a browser the page's address without
    /// fragment, the element's role and name, the form's values. None: its arguments say it all. Changes nothing.
    async fn look(&self, _call: &Call) -> Result<Option<Value>, StepError> {
        Ok(None)
    }

    /// Whether the persona is kept from this address by its host list, whatever it wants there: who is refused waits for no
    /// turn. An address that may be allowed is looked at again when the call is made.
    async fn keeps_out(&self, _persona: PersonaId, _address: &str) -> bool {
        false
    }

    /// The persona's slice is over: save what must survive a crash.
    async fn rest(&self, persona: PersonaId);

    /// Whether what the persona's last step left open, a page, is still there. It may be closed between two slices.
    async fn keeps_page(&self, _persona: PersonaId) -> bool {
        true
    }

    /// The persona goes to sleep, is paused or deleted: close what it holds open.
    async fn release(&self, persona: PersonaId);
}
