//! Rows as they were read, still sealed, so that a call to a model need not read its key anew. Whoever writes lets go of
//! all of them; what was read before a write and comes back behind it is not kept.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Owner and name.
pub(super) type Place = (String, String);
/// Key id, nonce and sealed bytes.
pub(super) type Row = (String, Vec<u8>, Vec<u8>);

/// More are not kept.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Known(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    writes: u64,
    /// None: there is none.
    rows: HashMap<Place, Option<Row>>,
}

/// How many writes there had been when somebody began to read.
#[derive(Clone, Copy)]
pub(super) struct Reading(u64);

impl Known {
    /// The row, if it is known, or what to hand in with it.
    pub(super) fn find(&self, place: &Place) -> Result<Option<Row>, Reading> {
        let known = self.rows();
        known.rows.get(place).cloned().ok_or(Reading(known.writes))
    }

    /// What was read.
    pub(super) fn keep(&self, place: Place, row: Option<Row>, reading: Reading) {
        let mut known = self.rows();
        if known.writes != reading.0 {
            return;
        }
        if known.rows.len() >= MOST {
            known.rows.clear();
        }
        known.rows.insert(place, row);
    }

    /// Something was written.
    pub(super) fn forget(&self) {
        let mut known = self.rows();
        known.writes += 1;
        known.rows.clear();
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(byte: u8) -> Option<Row> {
        Some(("key".to_owned(), vec![byte], vec![byte]))
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_behind_it() {
        let (known, place) = (Known::default(), ("instance".to_owned(), "openai".to_owned()));
        let reading = known.find(&place).unwrap_err();
        known.forget();
        known.keep(place.clone(), row(1), reading);
        let reading = known.find(&place).unwrap_err();
        known.keep(place.clone(), row(2), reading);
        assert_eq!(known.find(&place).ok(), Some(row(2)));
        known.forget();
        assert!(known.find(&place).is_err());
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let known = Known::default();
        for number in 0..=MOST {
            let place = (number.to_string(), String::new());
            let reading = known.find(&place).unwrap_err();
            known.keep(place, None, reading);
        }
        assert_eq!(known.rows().rows.len(), 1);
    }
}
