//! Since when work of a persona could have been begun, so that what is urgent and late is counted honestly. Pure.
//!
//! It counts from when the message came, or was due, or its wait was over, or its persona was resumed, and not from when somebody asked for a slice.
//! Only the step that its persona had in hand at that moment is excepted: runs yield between steps, and no two runs of
//! one persona go on at once.

use std::collections::VecDeque;

use crate::{
    domain::{GoalState, Persona},
    ports::Waiting,
};

/// Runs remembered; what arrived before the oldest of them counts in full.
const MOST: usize = 8;

/// Its own runs of late: when each began and when it let go.
#[derive(Debug, Default)]
pub(super) struct Runs(VecDeque<(i64, i64)>);

impl Runs {
    pub(super) fn over(&mut self, begun_ms: i64, over_ms: i64) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((begun_ms, over_ms));
    }

    /// None: it was begun, and only goes on where it made way for something else.
    pub(super) fn ready_ms(&self, work: &Waiting, persona: &Persona) -> Option<i64> {
        if work.goal.state == GoalState::Running {
            return None;
        }
        let ready_ms = work.since_ms(persona);
        let in_hand = self.0.iter().find(|(begun_ms, over_ms)| (*begun_ms..*over_ms).contains(&ready_ms));
        Some(in_hand.map_or(ready_ms, |(_, over_ms)| *over_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, TestWorld};

    #[test]
    fn it_counts_from_arrival_or_the_due_time_but_for_the_run_in_hand_then() {
        let world = TestWorld::new(1);
        let mut ada = testing::persona(&world, "ada");
        let goal = testing::goal(&world, ada.id);
        let mut message = testing::message(&world, &goal);
        message.received_ms = 5_000;
        let mut work = Waiting { message, goal };
        let mut runs = Runs::default();
        assert_eq!(runs.ready_ms(&work, &ada), Some(5_000));
        runs.over(1_000, 5_000);
        runs.over(6_000, 9_000);
        assert_eq!(
            runs.ready_ms(&work, &ada),
            Some(5_000),
            "a run that began later is no excuse, nor one that was over"
        );
        work.goal.due_ms = Some(7_000);
        assert_eq!(runs.ready_ms(&work, &ada), Some(9_000), "the step in hand");
        work.goal.state = GoalState::Running;
        assert_eq!(runs.ready_ms(&work, &ada), None, "its start was in time or not already");
        (0..8).for_each(|n| runs.over(10_000 + n, 10_001 + n));
        work.goal.state = GoalState::Pending;
        assert_eq!(runs.ready_ms(&work, &ada), Some(7_000), "what is forgotten excuses nothing");
        ada.resumed_ms = Some(8_000);
        assert_eq!(runs.ready_ms(&work, &ada), Some(8_000), "before that it was paused");
    }
}
