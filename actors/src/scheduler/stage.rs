//! Who held which slot when, of late: for people who look. Pure: told what happens, asked when somebody wants to know.
//!
//! Each slot remembers its newest stretches, so memory is bounded whatever happens, and nothing ticks.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::domain::{PersonaId, Weight};

/// Stretches remembered of all slots together, and of each slot at least.
const REMEMBERED: usize = 1_024;
const OF_EACH: usize = 16;
/// Two turns of one persona in one slot, this close together, are one stretch.
const JOINED_WITHIN_MS: i64 = 100;

/// A persona held a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub persona: PersonaId,
    pub from_ms: i64,
    /// None: it still does.
    pub until_ms: Option<i64>,
    /// How long it had waited for the slice.
    pub waited_ms: i64,
    /// Its work was above 0.8.
    pub urgent: bool,
}

/// A persona waits for a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InLine {
    pub persona: PersonaId,
    pub since_ms: i64,
    pub urgent: bool,
    pub weight: Weight,
}

/// The stage as it is now and was a moment ago. Times are wall time, milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageView {
    pub now_ms: i64,
    /// What each slot held, oldest first.
    pub slots: Vec<Vec<Stretch>>,
    /// Who waits, the next first; at most so many as were asked for.
    pub next: Vec<InLine>,
    /// How many wait in all.
    pub waiting: usize,
}

impl StageView {
    /// Moves all times, from one clock to another.
    pub(super) fn later(mut self, by_ms: i64) -> Self {
        self.now_ms += by_ms;
        for stretch in self.slots.iter_mut().flatten() {
            stretch.from_ms += by_ms;
            stretch.until_ms = stretch.until_ms.map(|until_ms| until_ms + by_ms);
        }
        self.next.iter_mut().for_each(|one| one.since_ms += by_ms);
        self
    }
}

/// The memory of all slots.
#[derive(Debug)]
pub(super) struct Stage {
    slots: Vec<VecDeque<Stretch>>,
    free: BTreeSet<usize>,
    holders: HashMap<PersonaId, usize>,
    most: usize,
}

impl Stage {
    pub(super) fn new(cap: usize) -> Self {
        let most = (REMEMBERED / cap.max(1)).max(OF_EACH);
        Self { slots: vec![VecDeque::new(); cap], free: (0..cap).collect(), holders: HashMap::new(), most }
    }

    /// A slice was granted: it takes the first free slot.
    pub(super) fn began(&mut self, persona: PersonaId, waited_ms: i64, urgent: bool, now_ms: i64) {
        let Some(slot) = self.free.pop_first() else { return };
        self.holders.insert(persona, slot);
        let stretches = &mut self.slots[slot];
        let goes_on = |last: &&mut Stretch| {
            last.persona == persona && last.until_ms.is_some_and(|until_ms| now_ms - until_ms <= JOINED_WITHIN_MS)
        };
        if let Some(last) = stretches.back_mut().filter(goes_on) {
            last.until_ms = None;
            return;
        }
        if stretches.len() == self.most {
            stretches.pop_front();
        }
        stretches.push_back(Stretch { persona, from_ms: now_ms, until_ms: None, waited_ms, urgent });
    }

    /// It was given back.
    pub(super) fn ended(&mut self, persona: PersonaId, now_ms: i64) {
        let Some(slot) = self.holders.remove(&persona) else { return };
        self.free.insert(slot);
        if let Some(last) = self.slots[slot].back_mut() {
            last.until_ms = Some(now_ms);
        }
    }

    /// What was held in the last `over_ms`.
    pub(super) fn slots(&self, over_ms: i64, now_ms: i64) -> Vec<Vec<Stretch>> {
        let lately = |stretch: &&Stretch| stretch.until_ms.is_none_or(|until_ms| until_ms > now_ms - over_ms);
        self.slots.iter().map(|slot| slot.iter().filter(lately).copied().collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn persona(n: u128) -> PersonaId {
        PersonaId(Uuid::from_u128(n))
    }

    #[test]
    fn a_slot_shows_who_held_it_and_turns_close_together_are_one() {
        let mut stage = Stage::new(2);
        stage.began(persona(1), 5, false, 0);
        stage.began(persona(2), 0, true, 10);
        stage.ended(persona(1), 1_000);
        stage.began(persona(1), 0, false, 1_050);
        stage.ended(persona(1), 2_000);
        stage.began(persona(3), 700, false, 2_000);
        let slots = stage.slots(300_000, 3_000);
        let seen = |slot: usize| slots[slot].iter().map(|s| (s.persona, s.from_ms, s.until_ms, s.waited_ms));
        assert!(seen(0).eq([(persona(1), 0, Some(2_000), 5), (persona(3), 2_000, None, 700)]));
        assert!(seen(1).eq([(persona(2), 10, None, 0)]));
        // What ended before the time that is asked about is left out, what is held never is.
        assert_eq!(stage.slots(500, 3_000).concat().len(), 2);
    }

    #[test]
    fn memory_is_bounded_however_often_turns_change() {
        let mut stage = Stage::new(1);
        for n in 0..5_000_u32 {
            let at_ms = i64::from(n) * 10;
            stage.began(persona(n.into()), 0, false, at_ms);
            stage.ended(persona(n.into()), at_ms + 10);
        }
        assert_eq!((stage.slots[0].len(), stage.holders.len(), stage.free.len()), (REMEMBERED, 0, 1));
        assert_eq!(stage.slots(1_000_000, 50_000)[0].last().unwrap().persona, persona(4_999));
    }
}
