//! What is due next in the whole company: one order of moments, one entry for each line of a calendar and each
//! persona's next digest. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{PersonaId, ScheduleId};

/// Something that comes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Entry {
    /// A line of a persona's calendar.
    Line(PersonaId, ScheduleId),
    /// The end of a day in which the persona worked.
    Digest(PersonaId),
}

impl Entry {
    #[cfg(test)]
    const fn persona(self) -> PersonaId {
        match self {
            Self::Line(persona, _) | Self::Digest(persona) => persona,
        }
    }
}

/// Each entry at most once. Every operation but [`Agenda::forget_lines`] costs O(log n).
#[derive(Debug, Default)]
pub(super) struct Agenda {
    order: BTreeSet<(i64, Entry)>,
    due: HashMap<Entry, i64>,
    lines: HashMap<PersonaId, BTreeSet<ScheduleId>>,
}

impl Agenda {
    /// From now on it is due then; none: not any more.
    pub(super) fn set(&mut self, entry: Entry, due_ms: Option<i64>) {
        if let Some(before_ms) = self.due.remove(&entry) {
            self.order.remove(&(before_ms, entry));
        }
        if let Some(due_ms) = due_ms {
            self.due.insert(entry, due_ms);
            self.order.insert((due_ms, entry));
        }
        if let Entry::Line(persona, line) = entry {
            let lines = self.lines.entry(persona).or_default();
            if due_ms.is_some() {
                lines.insert(line)
            } else {
                lines.remove(&line)
            };
            if lines.is_empty() {
                self.lines.remove(&persona);
            }
        }
    }

    /// The lines of a persona's calendar are read anew.
    pub(super) fn forget_lines(&mut self, persona: PersonaId) {
        for line in self.lines.remove(&persona).unwrap_or_default() {
            let entry = Entry::Line(persona, line);
            if let Some(due_ms) = self.due.remove(&entry) {
                self.order.remove(&(due_ms, entry));
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_ms(&self) -> Option<i64> {
        self.order.first().map(|(due_ms, _)| *due_ms)
    }

    /// What is due by now; it stays until it is set anew.
    pub(super) fn due(&self, now_ms: i64) -> Vec<(i64, Entry)> {
        self.order.iter().take_while(|(due_ms, _)| *due_ms <= now_ms).copied().collect()
    }

    #[cfg(test)]
    fn holds_together(&self) -> bool {
        let lines = self.due.keys().filter(|entry| matches!(entry, Entry::Line(..))).count();
        self.order.len() == self.due.len()
            && self.order.iter().all(|(due_ms, entry)| self.due.get(entry) == Some(due_ms))
            && lines == self.lines.values().map(BTreeSet::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn entry(persona: u8, line: u8) -> Entry {
        let id = PersonaId(Uuid::from_u128(persona.into()));
        if line == 0 { Entry::Digest(id) } else { Entry::Line(id, ScheduleId(Uuid::from_u128(line.into()))) }
    }

    proptest! {
        /// Whatever is set, moved and forgotten: the earliest is what a plain list would say, and nothing is left over.
        #[test]
        fn it_says_what_a_plain_list_would_say(
            acts in prop::collection::vec((0u8..4, 0u8..4, prop::option::of(0i64..100), any::<bool>()), 0..60),
        ) {
            let (mut agenda, mut plain) = (Agenda::default(), HashMap::new());
            for (persona, line, due_ms, forget) in acts {
                let it = entry(persona, line);
                if forget {
                    agenda.forget_lines(it.persona());
                    plain.retain(|one: &Entry, _| one.persona() != it.persona() || matches!(one, Entry::Digest(_)));
                } else {
                    agenda.set(it, due_ms);
                    plain.remove(&it);
                    plain.extend(due_ms.map(|due_ms| (it, due_ms)));
                }
                prop_assert!(agenda.holds_together());
                prop_assert_eq!(agenda.next_ms(), plain.values().min().copied());
                prop_assert_eq!(agenda.due(50).len(), plain.values().filter(|due_ms| **due_ms <= 50).count());
            }
        }
    }
}
