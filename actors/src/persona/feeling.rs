//! How a persona feels about talk that nobody said to it: whether mood, rest or a hot machine holds it back. Pure.

use crate::{
    domain::{Gate, Held, Mood, Priority, RoomTurn},
    scheduler::waits::Band,
};

/// What decides about overheard talk at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feeling {
    pub(super) mood: Mood,
    /// None: the machine holds all optional work back.
    pub(super) gate: Option<Gate>,
    /// The highest band of what lies in the inbox and could be done now.
    pub(super) highest: Option<Band>,
}

impl Feeling {
    /// What holds it back from this turn; none: nothing. Who was named is never held back.
    pub(super) fn holds(&self, turn: &RoomTurn, priority: Priority) -> Option<Held> {
        if !turn.is_optional(priority) {
            return None;
        }
        if turn.from_person && matches!(self.mood, Mood::Tired | Mood::Overwhelmed) {
            // Whatever the threshold: others have more time for whoever asks.
            return Some(Held::Mood(self.mood));
        }
        let of_highest = self.highest.is_none_or(|highest| Band::of(priority) as u8 >= highest as u8);
        self.gate.map_or(Some(Held::Machine), |gate| gate.holds(self.mood, priority, of_highest))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{Author, Lets},
        testing::{self, TestWorld},
    };

    fn turn(named: bool, from_person: bool) -> RoomTurn {
        let world = TestWorld::new(1);
        let room = testing::room(&world, "studio");
        let said = testing::room_message(&world, &room, Author::person("owner"), "hello");
        let goal = testing::goal(&world, [1; 16].into());
        let message = testing::message(&world, &goal);
        RoomTurn { named, from_person, ..testing::turn(&world, &said, &message) }
    }

    fn feeling(lets: Lets, rest: Duration) -> Feeling {
        let gate = Some(Gate { lets, rest, mood_changes_in: None });
        Feeling { mood: Mood::Active, gate, highest: Some(Band::Middle) }
    }

    fn priority(thousandths: u16) -> Priority {
        Priority::try_from(thousandths).unwrap()
    }

    #[test]
    fn overwhelmed_it_hears_only_the_highest_band_there_is() {
        let overwhelmed = feeling(Lets::HighestBand, Duration::ZERO);
        assert_eq!(overwhelmed.holds(&turn(false, false), priority(300)), Some(Held::Mood(Mood::Active)));
        assert_eq!(overwhelmed.holds(&turn(false, false), priority(301)), None);
    }

    #[test]
    fn the_tired_leave_a_person_to_others_above_the_threshold_too() {
        let tired = Feeling { mood: Mood::Tired, ..feeling(Lets::Above(0.5), Duration::ZERO) };
        let held = |from_person, at| tired.holds(&turn(false, from_person), priority(at));
        assert_eq!((held(true, 600), held(false, 600)), (Some(Held::Mood(Mood::Tired)), None));
        assert_eq!(held(true, 801), None, "but not what is urgent");
    }

    #[test]
    fn on_a_hot_machine_all_that_nobody_waits_for_is_held_back() {
        let hot = Feeling { gate: None, ..feeling(Lets::Nothing, Duration::ZERO) };
        assert_eq!(hot.holds(&turn(false, true), priority(800)), Some(Held::Machine));
        assert_eq!(hot.holds(&turn(true, true), priority(1)), None);
    }

    proptest! {
        /// Whatever the mood: who is named is heard, and so is what is urgent of a person; the rest only above the
        /// threshold and rested.
        #[test]
        fn only_what_nobody_waits_for_is_held_back(
            at in 0u16..=1_000, above in 0u16..=1_000, named: bool, from_person: bool, rest_ms in 0u64..20_000,
        ) {
            let feeling = feeling(Lets::Above(f64::from(above) / 1_000.0), Duration::from_millis(rest_ms));
            let held = feeling.holds(&turn(named, from_person), priority(at));
            let free = named || (from_person && at > 800) || (at > above && rest_ms == 0);
            prop_assert_eq!(held.is_none(), free, "{:?}", held);
        }
    }
}
