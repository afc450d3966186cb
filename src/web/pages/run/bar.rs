//! Where a step lies on a run's time line, and where its note has room.

use std::fmt;

/// Tenths of a percent of the time line that a note may take.
const ROOM_FOR_NOTE: i64 = 400;

/// Where a step lies on the time line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    pub left: Tenths,
    pub width: Tenths,
    /// Waiting before it: from where, how long.
    pub waited: Option<(Tenths, Tenths)>,
    /// The note stands behind the bar, before it when there is no room behind, or above its end.
    pub note_at: Tenths,
    pub note_ends: bool,
    pub note_above: bool,
}

/// Tenths of a percent of the time line; shown as an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenths(i64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}%", self.0 / 10, self.0 % 10)
    }
}

impl Bar {
    /// In milliseconds: from when it waited, began and ended, in a run that began then and took so long.
    pub(super) fn of((waited_from, start, end): (i64, i64, i64), started_ms: i64, wall: i64) -> Self {
        let at = |ms: i64| ((ms - started_ms) * 1000 / wall).clamp(0, 1000);
        let left = at(start).min(994);
        let width = (at(end) - left).max(6);
        let from = at(waited_from);
        let waited = (left - from > 5).then_some((from, left - from));
        let note_ends = left + width > 1000 - ROOM_FOR_NOTE;
        let first = waited.map_or(left, |(from, _)| from);
        let note_above = note_ends && first < ROOM_FOR_NOTE;
        let note_at = match (note_above, note_ends) {
            (true, _) => left + width,
            (_, true) => first - 10,
            _ => left + width + 10,
        };
        Self {
            left: Tenths(left),
            width: Tenths(width),
            waited: waited.map(|(from, width)| (Tenths(from), Tenths(width))),
            note_at: Tenths(note_at),
            note_ends,
            note_above,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(span: (i64, i64, i64)) -> (String, bool, bool) {
        let bar = Bar::of(span, 0, 1_000);
        (bar.note_at.to_string(), bar.note_ends, bar.note_above)
    }

    #[test]
    fn a_note_stands_where_there_is_room_for_it() {
        assert_eq!(note((0, 0, 300)), ("31.0%".to_owned(), false, false), "behind");
        assert_eq!(note((0, 700, 900)), ("90.0%".to_owned(), true, true), "it waited from the beginning: above");
        assert_eq!(note((700, 700, 900)), ("69.0%".to_owned(), true, false), "before");
        assert_eq!(note((0, 0, 814)), ("81.4%".to_owned(), true, true), "above its end");
    }
}
