//! What was seen of servers since this process began: what they said last, when, and why one could not be reached.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, time::Instant};

use super::Definition;

/// What is known of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// None: it has said nothing yet.
    pub said: Option<Vec<Definition>>,
    pub said_at: Option<Instant>,
    /// Why it could not be asked the last time; none: it could.
    pub error: Option<String>,
}

/// All servers, by their keys.
#[derive(Default)]
pub(super) struct KnownServers {
    by_key: Mutex<HashMap<String, Known>>,
    news: Notify,
}

impl KnownServers {
    pub(super) fn of(&self, key: &str) -> Known {
        self.all().get(key).cloned().unwrap_or_default()
    }

    /// Those that have said something.
    pub(super) fn heard(&self) -> Vec<(String, Vec<Definition>)> {
        let all = self.all();
        all.iter().filter_map(|(key, known)| Some((key.clone(), known.said.clone()?))).collect()
    }

    pub(super) fn said(&self, key: &str, said: Vec<Definition>) {
        let known = Known { said: Some(said), said_at: Some(Instant::now()), error: None };
        let before = self.all().insert(key.to_owned(), known.clone());
        if before.and_then(|before| before.said) != known.said {
            self.news.notify_one();
        }
    }

    pub(super) fn failed(&self, key: &str, why: &str) {
        self.all().entry(key.to_owned()).or_default().error = Some(why.chars().take(500).collect());
    }

    pub(super) fn forget(&self, key: &str) {
        self.all().remove(key);
    }

    /// Waits until a server says something that it did not say before; what came meanwhile counts.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
