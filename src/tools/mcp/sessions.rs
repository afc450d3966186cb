//! Servers that are open, by persona: begun when first needed, ended when the persona goes to sleep, begun anew when they
//! fall: the first time at once, then after a growing pause.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Plain, PoisonError},
    time::Duration,
};

use actors::domain::PersonaId;
use tokio::{sync::Mutex, time::Instant};

use super::source::{NotOpened, ToolSource};

/// Servers that are open at once; the one that was used longest ago is ended for another.
const MOST: usize = 64;
/// After the second fall in a row, doubled with every other, up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

pub(super) type Source = Arc<dyn ToolSource>;
type Key = (PersonaId, String);

/// Every open server.
#[derive(Default)]
pub(super) struct Sessions(Plain<HashMap<Key, Arc<Mutex<Slot>>>>);

/// One server for one persona.
#[derive(Default)]
struct Slot {
    source: Option<Source>,
    /// What it was opened for: another manifest or other host rules need another one.
    opened_as: String,
    used: Option<Instant>,
    /// How often it fell in a row.
    falls: u32,
    not_before: Option<Instant>,
}

impl Sessions {
    /// The open server, or a new one; `opened_as` names what it must have been opened for.
    pub(super) async fn get(
        &self,
        persona: PersonaId,
        server: &str,
        opened_as: &str,
        open: impl Future<Output = Result<Source, NotOpened>>,
    ) -> Result<Source, NotOpened> {
        let slot = self.slot(persona, server);
        let mut slot = slot.lock().await;
        let now = Instant::now();
        slot.used = Some(now);
        if slot.source.as_ref().is_some_and(|source| !source.is_open()) {
            slot.fell(now);
        }
        if slot.opened_as != opened_as {
            *slot = Slot { opened_as: opened_as.to_owned(), used: Some(now), ..Slot::default() };
        }
        if let Some(source) = &slot.source {
            return Ok(source.clone());
        }
        let left = slot.not_before.and_then(|until| until.checked_duration_since(now));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            let seconds = left.as_secs() + 1;
            let text = format!("it fell {} times in a row; the next try is in {seconds} s", slot.falls);
            return Err(NotOpened::Failed(text));
        }
        match open.await {
            Ok(source) => {
                slot.source = Some(source.clone());
                Ok(source)
            }
            Err(error) => {
                slot.fell(Instant::now());
                Err(error)
            }
        }
    }

    /// A call came back whole: its falls are forgotten.
    pub(super) async fn held(&self, persona: PersonaId, server: &str) {
        let slot = self.slot(persona, server);
        let mut slot = slot.lock().await;
        slot.falls = 0;
        slot.not_before = None;
    }

    /// The line to it is dead.
    pub(super) async fn lost(&self, persona: PersonaId, server: &str, source: &Source) {
        let slot = self.slot(persona, server);
        let mut slot = slot.lock().await;
        if slot.source.as_ref().is_some_and(|open| Arc::ptr_eq(open, source)) {
            slot.fell(Instant::now());
        }
    }

    /// Ends the servers of a persona.
    pub(super) fn release(&self, persona: PersonaId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != persona);
    }

    fn slot(&self, persona: PersonaId, server: &str) -> Arc<Mutex<Slot>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (persona, server.to_owned());
        if open.len() >= MOST && !open.contains_key(&key) {
            // One that is being opened or asked right now counts as used just now.
            let used = |slot: &Arc<Mutex<Slot>>| slot.try_lock().ok().and_then(|slot| slot.used);
            let oldest =
                open.iter().filter_map(|(key, slot)| Some((used(slot)?, key.clone()))).min_by_key(|(at, _)| *at);
            if let Some((_, oldest)) = oldest {
                open.remove(&oldest);
            }
        }
        open.entry(key).or_default().clone()
    }
}

impl Slot {
    fn fell(&mut self, now: Instant) {
        self.source = None;
        self.not_before = Some(now + pause(self.falls));
        self.falls += 1;
    }
}

/// After so many falls before this one.
fn pause(falls: u32) -> Duration {
    match falls.checked_sub(1) {
        Some(falls) => PAUSE.saturating_mul(1 << falls.min(16)).min(LONGEST_PAUSE),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Map, Value};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::tools::mcp::source::{Announced, Answer, Fault};

    struct Dead;

    #[async_trait]
    impl ToolSource for Dead {
        async fn tools(&self, _: Duration, _: &CancellationToken) -> Result<Vec<Announced>, Fault> {
            Ok(Vec::new())
        }

        async fn call(
            &self,
            _: &str,
            _: &Map<String, Value>,
            _: Duration,
            _: &CancellationToken,
        ) -> Result<Answer, Fault> {
            Ok(Answer::default())
        }

        fn is_open(&self) -> bool {
            false
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_is_begun_anew_after_a_growing_pause() {
        let (sessions, ada) = (Sessions::default(), PersonaId::from([7; 16]));
        let get = |as_: &'static str| {
            let sessions = &sessions;
            async move {
                let opened =
                    sessions.get(ada, "notes", as_, async { Ok(Arc::new(Dead) as Source) });
                opened.await.map(|_| ()).map_err(|error| error.to_string())
            }
        };
        assert_eq!(get("1").await, Ok(()));
        assert_eq!(get("1").await, Ok(()), "after its first fall at once");
        assert_eq!(get("1").await, Err("it fell 2 times in a row; the next try is in 2 s".to_owned()));
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert_eq!(get("1").await, Ok(()));
        assert_eq!(get("1").await, Err("it fell 3 times in a row; the next try is in 3 s".to_owned()));
        assert_eq!(get("2").await, Ok(()), "a changed manifest is tried at once");
        assert_eq!((pause(4), pause(40)), (Duration::from_secs(8), LONGEST_PAUSE));
    }
}
