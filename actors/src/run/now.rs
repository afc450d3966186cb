//! One line for people about what a persona does now.

use std::sync::{Arc, Mutex, PoisonError};

/// The line, shared by whoever writes it and whoever shows it. Nobody waits for it to change, so it is no channel:
/// an idle persona pays for it too.
#[derive(Debug, Clone, Default)]
pub struct Now(Arc<Mutex<Option<String>>>);

impl Now {
    /// From here on this is so; none: nothing in particular.
    pub fn say(&self, line: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// What was said last.
    pub fn line(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
