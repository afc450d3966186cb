//! What happened by itself while a step was at work: dialogs, popups, downloads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

const MOST: usize = 12;
const LONGEST: usize = 300;

/// Shared by a session and the tasks that watch its browser. Bounded: the newest are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<VecDeque<String>>>);

impl Notes {
    pub(super) fn add(&self, note: &str) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() == MOST {
            notes.pop_front();
        }
        notes.push_back(note.chars().take(LONGEST).collect());
    }

    /// Everything since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}
