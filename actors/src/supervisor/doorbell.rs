//! Pokes on their way to the supervisor: however many ring, one message is outstanding.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::PersonaId;

/// What came in for a persona since the supervisor looked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct News {
    pub(super) messages: u32,
    /// From when on the earliest of it can be worked at.
    pub(super) due_ms: i64,
}

/// Collects news and rings once.
pub(super) struct Doorbell {
    news: Mutex<HashMap<PersonaId, News>>,
    ring: Box<dyn Fn() + Send + Sync>,
}

impl Doorbell {
    pub(super) fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self { news: Mutex::default(), ring: Box::new(ring) }
    }

    /// Tells the news of one persona; rings only if nobody has since the last look.
    pub(super) fn press(&self, persona: PersonaId, news: News) {
        let mut waiting = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        let known = waiting.entry(persona).or_insert(News { messages: 0, due_ms: i64::MAX });
        known.messages += news.messages;
        known.due_ms = known.due_ms.min(news.due_ms);
        drop(waiting);
        if first {
            (self.ring)();
        }
    }

    /// All news; from here on the next one rings again.
    pub(super) fn take(&self) -> HashMap<PersonaId, News> {
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_flood_rings_once() {
        let rings = Arc::new(AtomicU32::new(0));
        let bell = Doorbell::new({
            let rings = rings.clone();
            move || _ = rings.fetch_add(1, Ordering::Relaxed)
        });
        let ada = PersonaId(Uuid::from_u128(1));
        for due_ms in 0..1_000 {
            bell.press(ada, News { messages: 1, due_ms });
        }
        assert_eq!(rings.load(Ordering::Relaxed), 1);
        assert_eq!(bell.take()[&ada], News { messages: 1_000, due_ms: 0 });
        bell.press(ada, News { messages: 0, due_ms: 0 });
        assert_eq!(rings.load(Ordering::Relaxed), 2);
    }
}
