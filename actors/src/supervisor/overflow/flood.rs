//! Drops that come one after the other are one flood, and are told once more together when it is over. Pure.

use std::collections::HashMap;

use tokio::time::{Duration, Instant};

use crate::{
    domain::{GoalId, MessageId, PersonaId},
    ports::Waiting,
};

/// A flood is over when nothing was dropped for so long.
const OVER_AFTER: Duration = Duration::from_secs(5);

/// What was dropped of one persona's messages, one after the other.
#[derive(Debug, PartialEq)]
pub(super) struct Flood {
    /// Wall time in milliseconds.
    pub(super) from_ms: i64,
    /// Receipts that told a part of it.
    pub(super) receipts: u32,
    dropped: Vec<(MessageId, GoalId)>,
    /// When it is over, if nothing more is dropped.
    over: Instant,
}

impl Flood {
    pub(super) fn len(&self) -> usize {
        self.dropped.len()
    }

    /// All of it as a table.
    pub(super) fn table(&self) -> String {
        let rows = self.dropped.iter().map(|(message, goal)| format!("{message},{goal}\n"));
        std::iter::once("message,goal\n".to_owned()).chain(rows).collect()
    }
}

/// The floods that are not over, within bounds.
#[derive(Debug)]
pub(super) struct Floods {
    of: HashMap<PersonaId, Flood>,
    /// Drops that are kept, of all of them.
    kept: usize,
    most: usize,
}

impl Floods {
    /// With room for so many drops.
    pub(super) fn new(most: usize) -> Self {
        Self { of: HashMap::new(), kept: 0, most }
    }

    /// These were dropped, and one receipt tells it.
    pub(super) fn goes_on(&mut self, persona: PersonaId, dropped: &[Waiting], at_ms: i64, now: Instant) {
        let new = || Flood { from_ms: at_ms, receipts: 0, dropped: Vec::new(), over: now };
        let flood = self.of.entry(persona).or_insert_with(new);
        flood.receipts += 1;
        flood.over = now + OVER_AFTER;
        flood.dropped.extend(dropped.iter().map(|work| (work.message.id, work.goal.id)));
        self.kept += dropped.len();
    }

    /// When the first of them is over.
    pub(super) fn next(&self) -> Option<Instant> {
        self.of.values().map(|flood| flood.over).min()
    }

    /// One that is over by now, or has to end because there is no room for more: the longest.
    pub(super) fn take(&mut self, now: Instant) -> Option<(PersonaId, Flood)> {
        let over = self.of.iter().find(|(_, flood)| flood.over <= now);
        let longest = || self.of.iter().max_by_key(|(_, flood)| flood.len()).filter(|_| self.kept > self.most);
        let persona = *over.or_else(longest)?.0;
        let flood = self.of.remove(&persona)?;
        self.kept -= flood.len();
        Some((persona, flood))
    }

    /// It could not be told and is told at this moment, with what was dropped since.
    pub(super) fn put_back(&mut self, persona: PersonaId, mut flood: Flood, at: Instant) {
        self.kept += flood.len();
        if let Some(since) = self.of.remove(&persona) {
            flood.receipts += since.receipts;
            flood.dropped.extend(since.dropped);
        }
        self.of.insert(persona, Flood { over: at, ..flood });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::World,
        testing::{self, TestWorld},
    };

    fn dropped(world: &TestWorld, persona: PersonaId, many: usize) -> Vec<Waiting> {
        let one = |_| {
            let goal = testing::goal(world, persona);
            Waiting { message: testing::message(world, &goal), goal }
        };
        (0..many).map(one).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_what_is_dropped_with_no_longer_pause_than_five_seconds() {
        let world = TestWorld::new(1);
        let [ada, bo] = [PersonaId(world.new_id()), PersonaId(world.new_id())];
        let (mut floods, start) = (Floods::new(1_000), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let parts = [dropped(&world, ada, 3), dropped(&world, ada, 2)];
        floods.goes_on(ada, &parts[0], 7, at(0));
        floods.goes_on(bo, &dropped(&world, bo, 1), 8, at(1));
        floods.goes_on(ada, &parts[1], 9, at(4));
        assert_eq!((floods.take(at(5)), floods.next()), (None, Some(at(6))));
        assert_eq!(floods.take(at(6)).map(|(who, flood)| (who, flood.len(), flood.receipts)), Some((bo, 1, 1)));
        let (who, flood) = floods.take(at(9)).unwrap();
        assert_eq!((who, flood.from_ms, flood.len(), flood.receipts, floods.next()), (ada, 7, 5, 2, None));
        let rows: Vec<_> = parts.concat().iter().map(|work| format!("{},{}", work.message.id, work.goal.id)).collect();
        assert_eq!(flood.table(), format!("message,goal\n{}\n", rows.join("\n")));
        // The store was gone, and more was dropped meanwhile.
        floods.goes_on(ada, &parts[1], 10, at(9));
        floods.put_back(ada, flood, at(20));
        assert_eq!((floods.take(at(19)), floods.next()), (None, Some(at(20))));
        let (_, flood) = floods.take(at(20)).unwrap();
        assert_eq!((flood.from_ms, flood.len(), flood.receipts, floods.kept), (7, 7, 3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_of_all_floods_is_bounded() {
        let world = TestWorld::new(1);
        let [ada, bo] = [PersonaId(world.new_id()), PersonaId(world.new_id())];
        let (mut floods, now) = (Floods::new(5), Instant::now());
        floods.goes_on(ada, &dropped(&world, ada, 2), 0, now);
        floods.goes_on(bo, &dropped(&world, bo, 3), 0, now);
        assert_eq!(floods.take(now), None, "there is room");
        floods.goes_on(ada, &dropped(&world, ada, 2), 0, now);
        assert_eq!(floods.take(now).map(|(who, flood)| (who, flood.len())), Some((ada, 4)), "the longest");
        assert_eq!(floods.take(now), None);
    }
}
