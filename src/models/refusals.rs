//! Who hears that a provider gets too many requests: every answer 429, also one that is asked again or followed by the
//! next on the route, so that nobody sees it but us.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use actors::domain::PersonaId;

type Listener = Box<dyn Fn(Option<PersonaId>) + Send + Sync>;

/// Tells one listener, once there is one. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Refusals(Arc<OnceLock<Listener>>);

impl Refusals {
    /// A second listener is ignored.
    pub(super) fn told_to(&self, listener: Listener) {
        let _ = self.0.set(listener);
    }

    /// On behalf of whom somebody was asked; none: of no persona.
    pub(super) fn tell(&self, persona: Option<PersonaId>) {
        if let Some(listener) = self.0.get() {
            listener(persona);
        }
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusals").field("heard", &self.0.get().is_some()).finish()
    }
}
