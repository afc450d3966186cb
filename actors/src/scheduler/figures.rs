//! What the scheduler did of late, in figures. Pure: told what happens, asked when somebody wants to know.

use std::collections::HashMap;

use serde::Serialize;

use super::waits::{Band, Histogram, Waits};
use crate::domain::{PersonaId, Priority};

/// Figures are about this long, and up to twice as long.
const STRETCH_MS: i64 = 5 * 60 * 1_000;
/// Urgent work begun later than this is late.
pub(super) const LATE_MS: i64 = 10_000;

/// How turns were given in the last five to ten minutes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnFigures {
    /// How long ago the first of what is counted here happened.
    pub over_ms: i64,
    pub grants_per_s: f64,
    /// From asking until the grant, by band, from the least important.
    pub waits: [Waits; 3],
    /// Urgent work begun, or gone on with after a wait, more than 10 s after it arrived, was due or was ready again, since
    /// the start. Only the step that its own persona had in hand then is excepted.
    pub urgent_late: u64,
    /// Slices granted, since the start.
    pub grants: u64,
    /// Jain's index of the time used by those who used any: 1 when all had the same. None when nobody did.
    pub jain: Option<f64>,
    /// Slots in use, the mean.
    pub used_slots: f64,
}

/// What happened, in two stretches: the one that runs and the one before.
#[derive(Debug)]
pub(super) struct Recent {
    now: Stretch,
    before: Option<Stretch>,
    urgent_late: u64,
    grants: u64,
    held: i64,
    seen_ms: i64,
}

#[derive(Debug, Default)]
struct Stretch {
    from_ms: i64,
    waits: [Histogram; 3],
    used_ms: HashMap<PersonaId, i64>,
    slot_ms: i64,
}

impl Stretch {
    fn begins(from_ms: i64) -> Self {
        Self { from_ms, ..Self::default() }
    }
}

impl Recent {
    pub(super) fn new(now_ms: i64) -> Self {
        Self { now: Stretch::begins(now_ms), before: None, urgent_late: 0, grants: 0, held: 0, seen_ms: now_ms }
    }

    /// `ready_for_ms`: how long it could have been begun; none: it was, and goes on.
    pub(super) fn granted(&mut self, priority: Priority, waited_ms: i64, ready_for_ms: Option<i64>, now_ms: i64) {
        self.go_on(now_ms);
        self.now.waits[Band::of(priority) as usize].note(waited_ms);
        self.urgent_late +=
            u64::from(priority.is_urgent() && ready_for_ms.is_some_and(|ready_for_ms| ready_for_ms > LATE_MS));
        self.grants += 1;
        self.held += 1;
    }

    /// Who gave its slice back was the next itself: no new turn, no wait.
    pub(super) fn goes_on(&mut self, now_ms: i64) {
        self.go_on(now_ms);
        self.held += 1;
    }

    pub(super) fn released(&mut self, persona: PersonaId, used_ms: i64, now_ms: i64) {
        self.go_on(now_ms);
        *self.now.used_ms.entry(persona).or_default() += used_ms;
        self.held -= 1;
    }

    pub(super) fn figures(&mut self, now_ms: i64) -> TurnFigures {
        self.go_on(now_ms);
        let mut waits = self.now.waits.clone();
        let mut used_ms = self.now.used_ms.clone();
        let (mut slot_ms, mut from_ms) = (self.now.slot_ms, self.now.from_ms);
        if let Some(before) = &self.before {
            waits.iter_mut().zip(&before.waits).for_each(|(waits, before)| waits.add(before));
            before.used_ms.iter().for_each(|(persona, ms)| *used_ms.entry(*persona).or_default() += ms);
            slot_ms += before.slot_ms;
            from_ms = before.from_ms;
        }
        let waits = Band::ALL.map(|band| waits[band as usize].waits(band));
        let over_ms = now_ms - from_ms;
        let begun = waits.iter().map(|waits| waits.begun).sum::<u64>();
        let used_ms: Vec<i64> = used_ms.into_values().filter(|ms| *ms > 0).collect();
        TurnFigures {
            over_ms,
            grants_per_s: ratio(begun.saturating_mul(1_000), over_ms.unsigned_abs()),
            waits,
            urgent_late: self.urgent_late,
            grants: self.grants,
            jain: (!used_ms.is_empty()).then(|| jain(&used_ms)),
            used_slots: ratio(slot_ms.unsigned_abs(), over_ms.unsigned_abs()),
        }
    }

    /// Slots stay in use until now; what is too old is forgotten.
    fn go_on(&mut self, now_ms: i64) {
        self.now.slot_ms += self.held * (now_ms - self.seen_ms);
        self.seen_ms = now_ms;
        let age_ms = now_ms - self.now.from_ms;
        if age_ms >= 2 * STRETCH_MS {
            // Nothing happened in the whole stretch before now.
            let idle = Stretch { slot_ms: self.held * STRETCH_MS, ..Stretch::begins(now_ms - STRETCH_MS) };
            (self.before, self.now) = (Some(idle), Stretch::begins(now_ms));
        } else if age_ms >= STRETCH_MS {
            self.before = Some(std::mem::replace(&mut self.now, Stretch::begins(now_ms)));
        }
    }
}

/// How evenly time was shared: 1 when all had the same, 1/n when one had everything, 1 when there was none.
pub(crate) fn jain(used_ms: &[i64]) -> f64 {
    let used = used_ms.iter().map(|ms| real(ms.unsigned_abs()));
    let (sum, squares) = used.fold((0.0, 0.0), |(sum, squares), used| (sum + used, squares + used * used));
    if squares == 0.0 { 1.0 } else { sum * sum / (squares * real(used_ms.len() as u64)) }
}

fn ratio(part: u64, whole: u64) -> f64 {
    real(part) / real(whole.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds, far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const URGENT: u16 = 900;

    fn grant(recent: &mut Recent, priority: u16, waited_ms: i64, now_ms: i64) {
        recent.granted(Priority::try_from(priority).unwrap(), waited_ms, Some(waited_ms), now_ms);
    }

    fn persona(n: u128) -> PersonaId {
        PersonaId(Uuid::from_u128(n))
    }

    #[test]
    fn figures_are_what_happened() {
        let mut recent = Recent::new(0);
        grant(&mut recent, URGENT, 20, 0);
        grant(&mut recent, URGENT, 10_001, 0);
        grant(&mut recent, 100, 7, 0);
        recent.granted(Priority::try_from(URGENT).unwrap(), 10_001, None, 0);
        recent.released(persona(4), 0, 0);
        recent.released(persona(1), 10_000, 10_000);
        recent.released(persona(2), 10_000, 10_000);
        recent.released(persona(3), 20_000, 20_000);
        let figures = recent.figures(20_000);
        assert_eq!((figures.over_ms, figures.grants, figures.urgent_late), (20_000, 4, 1), "who made way was begun");
        assert_eq!(figures.waits.map(|waits| (waits.begun, waits.longest_ms)), [(1, 7), (0, 0), (3, 10_001)]);
        assert!((figures.grants_per_s - 0.2).abs() < 1e-9 && (figures.used_slots - 2.0).abs() < 1e-9, "{figures:?}");
        assert!((figures.jain.unwrap() - 1_600.0 / 1_800.0).abs() < 1e-9, "{figures:?}");
    }

    #[test]
    fn what_is_old_is_forgotten_and_a_slot_that_is_held_is_not() {
        let mut recent = Recent::new(0);
        grant(&mut recent, 500, 5, 0);
        let later = recent.figures(STRETCH_MS + 1);
        assert_eq!((later.waits[1].begun, later.over_ms), (1, STRETCH_MS + 1));
        let much_later = recent.figures(10 * STRETCH_MS);
        assert_eq!((much_later.waits[1].begun, much_later.over_ms), (0, STRETCH_MS));
        assert_eq!((much_later.grants, much_later.jain), (1, None));
        assert!((much_later.used_slots - 1.0).abs() < 1e-9, "{much_later:?}");
    }

    #[test]
    fn jains_index_knows_even_from_uneven() {
        let near = |used: &[i64], index: f64| assert!((jain(used) - index).abs() < 1e-9, "{used:?}: {}", jain(used));
        near(&[], 1.0);
        near(&[5, 5, 5], 1.0);
        near(&[9, 0, 0], 1.0 / 3.0);
    }
}
