//! The inbox of a simulated persona: what it would do next, in the order of `persona/inbox.rs`.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{domain::Priority, persona::inbox::order};

/// Messages by number, the next one on top. What was begun or expired elsewhere is passed over when it comes up.
#[derive(Debug, Default)]
pub(super) struct Inbox(BinaryHeap<Reverse<((u8, i64), u32)>>);

impl Inbox {
    /// `from_ms` is when the message arrived or is due again; `begun`: it was worked at before.
    pub(super) fn put(&mut self, message: u32, priority: Priority, begun: bool, from_ms: i64) {
        self.0.push(Reverse((order(priority, begun, from_ms), message)));
    }

    /// The next message of those that still wait.
    pub(super) fn next(&mut self, waits: impl Fn(u32) -> bool) -> Option<u32> {
        while let Some(Reverse((_, message))) = self.0.peek() {
            if waits(*message) {
                return Some(*message);
            }
            self.0.pop();
        }
        None
    }

    /// The least important of those that `may` go.
    pub(super) fn least<K: Ord>(&self, key: impl Fn(u32) -> K, may: impl FnMut(&u32) -> bool) -> Option<u32> {
        self.0.iter().map(|Reverse((_, message))| *message).filter(may).min_by_key(|message| key(*message))
    }

    /// Takes the next one out.
    pub(super) fn take(&mut self, waits: impl Fn(u32) -> bool) -> Option<u32> {
        let next = self.next(waits)?;
        self.0.pop();
        Some(next)
    }
}
