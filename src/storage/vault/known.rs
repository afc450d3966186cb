//! Rows as they were read, still sealed, so that no call need read anew what its persona may use. Whoever writes lets go
//! of all of them; what was read before a write and comes back behind it is not kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Name, key id, nonce and sealed bytes.
pub(super) type Row = (String, String, Vec<u8>, Vec<u8>);

/// Of more owners none are kept.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Known(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    writes: u64,
    /// All of an owner, by name.
    by_owner: HashMap<String, Arc<[Row]>>,
}

/// How many writes there had been when somebody began to read.
#[derive(Clone, Copy)]
pub(super) struct Reading(u64);

impl Known {
    /// All rows of an owner, if they are known, or what to hand in with them.
    pub(super) fn find(&self, owner: &str) -> Result<Arc<[Row]>, Reading> {
        let known = self.rows();
        known.by_owner.get(owner).cloned().ok_or(Reading(known.writes))
    }

    /// What was read.
    pub(super) fn keep(&self, owner: String, rows: Arc<[Row]>, reading: Reading) {
        let mut known = self.rows();
        if known.writes != reading.0 {
            return;
        }
        if known.by_owner.len() >= MOST {
            known.by_owner.clear();
        }
        known.by_owner.insert(owner, rows);
    }

    /// Something was written.
    pub(super) fn forget(&self) {
        let mut known = self.rows();
        known.writes += 1;
        known.by_owner.clear();
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(byte: u8) -> Arc<[Row]> {
        Arc::new([("openai".to_owned(), "key".to_owned(), vec![byte], vec![byte])])
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_behind_it() {
        let known = Known::default();
        let reading = known.find("instance").unwrap_err();
        known.forget();
        known.keep("instance".to_owned(), rows(1), reading);
        let reading = known.find("instance").unwrap_err();
        known.keep("instance".to_owned(), rows(2), reading);
        assert_eq!(known.find("instance").ok(), Some(rows(2)));
        known.forget();
        assert!(known.find("instance").is_err());
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let known = Known::default();
        for number in 0..=MOST {
            let reading = known.find(&number.to_string()).unwrap_err();
            known.keep(number.to_string(), Arc::default(), reading);
        }
        assert_eq!(known.rows().by_owner.len(), 1);
    }
}
