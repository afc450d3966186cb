//! Servers that are open, by persona: begun when first needed, ended when the persona goes to sleep, begun anew when they
//! fall: the first time at once, then after a growing pause.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Plain, PoisonError},
    time::Duration,
};

use actors::domain::PersonaId;
use tokio::{sync::Mutex, time::Instant};

use super::source::{Fault, NotOpened, ToolSource};

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

    /// What a request says of the server itself: who answers as it should has its falls forgotten, who does not answer is
    /// begun anew. An error of its own and a stop of ours say neither.
    pub(super) async fn heard<T>(&self, persona: PersonaId, server: &str, source: &Source, said: &Result<T, Fault>) {
        let slot = self.slot(persona, server);
        let mut slot = slot.lock().await;
        if slot.source.as_ref().is_none_or(|open| !Arc::ptr_eq(open, source)) {
            return;
        }
        match said {
            Ok(_) | Err(Fault::Declined(_)) => (slot.falls, slot.not_before) = (0, None),
            Err(Fault::Gone(_) | Fault::TooLate(_)) => slot.fell(Instant::now()),
            Err(Fault::Failed(_) | Fault::Stopped) => {}
        }
    }

    /// Ends the servers of a persona.
    pub(super) fn release(&self, persona: PersonaId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != persona);
    }

    /// Ends one server, for whomever it is open.
    pub(super) fn end(&self, server: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, of), _| of != server);
    }

    /// For how many personas a server is open now; one that is being opened or asked counts.
    pub(super) fn open_for(&self, server: &str) -> usize {
        let open = |slot: &Arc<Mutex<Slot>>| {
            slot.try_lock().map_or(true, |slot| slot.source.as_ref().is_some_and(|source| source.is_open()))
        };
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|((_, of), slot)| of == server && open(slot)).count()
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
    use crate::tools::mcp::source::{Announced, Answer};

    struct Server {
        is_open: bool,
    }

    #[async_trait]
    impl ToolSource for Server {
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
            self.is_open
        }
    }

    const ADA: PersonaId = PersonaId(uuid::Uuid::nil());

    async fn get(sessions: &Sessions, as_: &str, is_open: bool) -> Result<Source, String> {
        let opened = sessions.get(ADA, "notes", as_, async { Ok(Arc::new(Server { is_open }) as Source) });
        opened.await.map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_is_begun_anew_after_a_growing_pause() {
        let sessions = Sessions::default();
        let get = async |as_| get(&sessions, as_, false).await.map(|_| ());
        assert_eq!(get("1").await, Ok(()));
        assert_eq!(get("1").await, Ok(()), "after its first fall at once");
        assert_eq!(get("1").await, Err("it fell 2 times in a row; the next try is in 2 s".to_owned()));
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert_eq!(get("1").await, Ok(()));
        assert_eq!(get("1").await, Err("it fell 3 times in a row; the next try is in 3 s".to_owned()));
        assert_eq!(get("2").await, Ok(()), "a changed manifest is tried at once");
        assert_eq!((pause(4), pause(40)), (Duration::from_secs(8), LONGEST_PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_fell_and_only_an_answer_makes_good_for_it() {
        let sessions = Sessions::default();
        let first = get(&sessions, "1", true).await.unwrap();
        let hears = async |said: Fault| sessions.heard(ADA, "notes", &first, &Err::<(), _>(said)).await;
        for said in [Fault::Declined("x".into()), Fault::Failed("x".into()), Fault::Stopped] {
            hears(said).await;
            assert!(Arc::ptr_eq(&get(&sessions, "1", true).await.unwrap(), &first), "the same goes on");
        }
        hears(Fault::TooLate(Duration::ZERO)).await;
        let second = get(&sessions, "1", true).await.unwrap();
        assert!(!Arc::ptr_eq(&second, &first), "it is begun anew");
        // The word of one that is gone changes nothing for its successor.
        hears(Fault::TooLate(Duration::ZERO)).await;
        hears(Fault::Declined("x".into())).await;
        let hears = async |said: Result<(), Fault>| sessions.heard(ADA, "notes", &second, &said).await;
        for said in [Err(Fault::Failed("x".into())), Err(Fault::Stopped), Err(Fault::Gone("x".into()))] {
            assert!(Arc::ptr_eq(&get(&sessions, "1", true).await.unwrap(), &second));
            hears(said).await;
        }
        assert!(get(&sessions, "1", true).await.err().unwrap().contains("it fell 2 times in a row"));
        tokio::time::advance(Duration::from_millis(1_001)).await;
        let third = get(&sessions, "1", true).await.unwrap();
        sessions.heard(ADA, "notes", &third, &Ok(())).await;
        sessions.heard(ADA, "notes", &third, &Err::<(), _>(Fault::TooLate(Duration::ZERO))).await;
        assert!(get(&sessions, "1", true).await.is_ok(), "its falls were forgotten: this is the first again");
    }
}
