//! Who stands in wait for whom, and when each is to be looked at. Pure.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::{PersonaId, Receipt, StandingWait, StandingWaitId};

/// Every standing wait, with how far it has looked.
#[derive(Default)]
pub(super) struct Watched {
    waits: BTreeMap<StandingWaitId, Standing>,
    by_watched: HashMap<PersonaId, HashSet<StandingWaitId>>,
    due: HashMap<StandingWaitId, Instant>,
}

struct Standing {
    wait: StandingWait,
    /// Nothing up to here is left to tell; may be ahead of what is durable.
    looked: i64,
    /// Not to tell again before this.
    rests_until: Option<Instant>,
}

impl Watched {
    pub(super) fn get(&self, id: StandingWaitId) -> Option<&StandingWait> {
        self.waits.get(&id).map(|standing| &standing.wait)
    }

    /// How far it has looked.
    pub(super) fn looked(&self, id: StandingWaitId) -> i64 {
        self.waits.get(&id).map_or(0, |standing| standing.looked)
    }

    /// Those of which a persona is a part.
    pub(super) fn of(&self, persona: PersonaId) -> Vec<StandingWaitId> {
        let part = |wait: &StandingWait| wait.waiter == persona || wait.watched == persona;
        self.waits.values().map(|standing| &standing.wait).filter(|wait| part(wait)).map(|wait| wait.id).collect()
    }

    pub(super) fn ids(&self) -> Vec<StandingWaitId> {
        self.waits.keys().copied().collect()
    }

    pub(super) fn count_of(&self, waiter: PersonaId) -> usize {
        self.waits.values().filter(|standing| standing.wait.waiter == waiter).count()
    }

    /// It stands, or stands so from now on; `rests`: it told just now, or a while ago.
    pub(super) fn put(&mut self, wait: StandingWait, rests: Duration, now: Instant) {
        self.by_watched.entry(wait.watched).or_default().insert(wait.id);
        let rests_until = (!rests.is_zero()).then(|| now + rests);
        self.waits.insert(wait.id, Standing { looked: wait.seen_seq, rests_until, wait });
    }

    pub(super) fn remove(&mut self, id: StandingWaitId) {
        self.due.remove(&id);
        let Some(Standing { wait, .. }) = self.waits.remove(&id) else { return };
        if let Some(others) = self.by_watched.get_mut(&wait.watched) {
            others.remove(&id);
            if others.is_empty() {
                self.by_watched.remove(&wait.watched);
            }
        }
    }

    /// Nothing of this chain up to here is left to tell.
    pub(super) fn looked_to(&mut self, id: StandingWaitId, seq: i64) {
        if let Some(standing) = self.waits.get_mut(&id) {
            standing.looked = standing.looked.max(seq);
        }
    }

    /// A receipt was written on this persona's chain. Whoever waits for such a thing is due; the others look on.
    pub(super) fn heard(&mut self, persona: PersonaId, receipt: &Receipt, now: Instant) {
        let Some(ids) = self.by_watched.get(&persona) else { return };
        for id in ids.iter().copied().collect::<Vec<_>>() {
            let Some(standing) = self.waits.get_mut(&id) else { continue };
            if standing.wait.condition.matches(receipt) {
                self.look(id, now);
            } else if standing.looked == receipt.seq - 1 {
                standing.looked = receipt.seq;
            }
        }
    }

    /// To be looked at as soon as it may tell again, and not before `at`.
    pub(super) fn look(&mut self, id: StandingWaitId, at: Instant) {
        let Some(standing) = self.waits.get(&id) else { return };
        let at = standing.rests_until.map_or(at, |until| until.max(at));
        self.due.entry(id).and_modify(|known| *known = at.min(*known)).or_insert(at);
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().min().copied()
    }

    /// Takes one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<StandingWaitId> {
        let id =
            self.due.iter().filter(|(_, at)| **at <= now).min_by_key(|(id, at)| (**at, **id)).map(|(id, _)| *id)?;
        self.due.remove(&id);
        Some(id)
    }

    /// The way from `watched` back to `waiter`, both named, if a wait of `waiter` for `watched` would close a circle.
    pub(super) fn circle(&self, waiter: PersonaId, watched: PersonaId) -> Option<Vec<PersonaId>> {
        let mut came_from: HashMap<PersonaId, PersonaId> = HashMap::new();
        let mut ahead = VecDeque::from([watched]);
        while let Some(at) = ahead.pop_front() {
            if at == waiter {
                let mut way = vec![at];
                while let Some(before) =
                    way.last().filter(|last| **last != watched).and_then(|last| came_from.get(last))
                {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            for next in self.waits.values().map(|standing| &standing.wait).filter(|wait| wait.waiter == at) {
                if next.watched != watched && !came_from.contains_key(&next.watched) {
                    came_from.insert(next.watched, at);
                    ahead.push_back(next.watched);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Condition;

    fn persona(n: u128) -> PersonaId {
        PersonaId(uuid::Uuid::from_u128(n))
    }

    fn wait(n: u128, waiter: u128, watched: u128) -> StandingWait {
        StandingWait {
            id: StandingWaitId(uuid::Uuid::from_u128(n)),
            waiter: persona(waiter),
            watched: persona(watched),
            condition: Condition { text: Some("code".to_owned()), ..Condition::default() },
            created_by: "test".to_owned(),
            created_ms: 0,
            seen_seq: 0,
            told: 0,
            told_ms: None,
            ended: None,
        }
    }

    #[test]
    fn a_circle_is_found_with_everybody_on_it() {
        let (mut watched, now) = (Watched::default(), Instant::now());
        watched.put(wait(1, 1, 2), Duration::ZERO, now);
        watched.put(wait(2, 2, 3), Duration::ZERO, now);
        assert_eq!(watched.circle(persona(3), persona(1)), Some(vec![persona(1), persona(2), persona(3)]));
        assert_eq!(watched.circle(persona(1), persona(1)), Some(vec![persona(1)]));
        assert_eq!(watched.circle(persona(1), persona(3)), None, "twice the same way round is no circle");
        watched.remove(wait(2, 2, 3).id);
        assert_eq!(watched.circle(persona(3), persona(1)), None);
    }

    proptest! {
        /// Whatever is asked for, in whatever order: what was let in never waits for itself.
        #[test]
        fn no_circle_ever_stands(asked in prop::collection::vec((0..8_u128, 0..8_u128), 1..40)) {
            let (mut watched, now) = (Watched::default(), Instant::now());
            for (n, (waiter, other)) in asked.into_iter().enumerate() {
                if watched.circle(persona(waiter), persona(other)).is_none() {
                    watched.put(wait(n as u128, waiter, other), Duration::ZERO, now);
                }
            }
            for start in 0..8 {
                let mut reached = vec![];
                let mut ahead = vec![persona(start)];
                while let Some(at) = ahead.pop() {
                    for next in watched.waits.values().filter(|s| s.wait.waiter == at).map(|s| s.wait.watched) {
                        prop_assert_ne!(next, persona(start));
                        if !reached.contains(&next) {
                            reached.push(next);
                            ahead.push(next);
                        }
                    }
                }
            }
        }
    }
}
