//! Wall time that follows tokio's clock, and ids and chance that repeat.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use futures::future::{BoxFuture, FutureExt};
use tokio::{sync::Notify, time::Instant};
use uuid::{Builder, Uuid};

use super::lock;
use crate::{
    evidence::canonical,
    ports::{Machine, World},
};

/// 2026-11-20 12:00:00 UTC.
const NOON_MS: i64 = 1_795_176_000_000;

/// What happens between two moments, and how often the clock is read before it.
type Interruption = (u32, Box<dyn FnOnce() + Send>);

/// A world whose wall time stands still when tokio's clock does. The same seed brings the same ids and salts.
pub struct TestWorld {
    seed: u64,
    drawn: AtomicU64,
    began: Instant,
    /// By how much somebody has set the wall clock.
    set_by_ms: AtomicI64,
    set: Arc<Notify>,
    machine: Mutex<Option<Machine>>,
    samples: AtomicU64,
    interruption: Mutex<Option<Interruption>>,
}

impl TestWorld {
    /// Begins at noon.
    pub fn new(seed: u64) -> Self {
        let (set_by_ms, set) = (AtomicI64::new(0), Arc::default());
        let (drawn, samples) = (AtomicU64::new(0), AtomicU64::new(0));
        let (machine, interruption) = (Mutex::default(), Mutex::default());
        Self { seed, drawn, began: Instant::now(), set_by_ms, set, machine, samples, interruption }
    }

    /// Does this in the middle of whatever reads the clock for the `nth` time from now, counted from 1.
    pub fn interrupt(&self, nth: u32, act: impl FnOnce() + Send + 'static) {
        *lock(&self.interruption) = Some((nth, Box::new(act)));
    }

    /// Whether what was to happen in between is still to come.
    pub fn is_uninterrupted(&self) -> bool {
        lock(&self.interruption).is_some()
    }

    fn is_read(&self) {
        let mut interruption = lock(&self.interruption);
        if let Some((left, _)) = &mut *interruption {
            *left = left.saturating_sub(1);
        }
        let due = interruption.take_if(|(left, _)| *left == 0);
        drop(interruption);
        if let Some((_, act)) = due {
            act();
        }
    }

    /// From now on the machine is so busy; none: it cannot be seen, as at first.
    pub fn set_machine(&self, machine: Option<Machine>) {
        *lock(&self.machine) = machine;
    }

    /// How often somebody looked at the machine.
    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::SeqCst)
    }

    /// Sets the wall clock, forward or back, while no time passes; says so unless it is done `unnoticed`.
    pub fn set_clock(&self, by_ms: i64, unnoticed: bool) {
        self.set_by_ms.fetch_add(by_ms, Ordering::SeqCst);
        if !unnoticed {
            self.set.notify_waiters();
        }
    }

    fn draw(&self) -> (u64, [u8; 32]) {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.seed.to_be_bytes());
        bytes[8..].copy_from_slice(&n.to_be_bytes());
        (n, canonical::sha256(&bytes).0)
    }
}

impl World for TestWorld {
    fn now_ms(&self) -> i64 {
        self.is_read();
        let elapsed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX - NOON_MS);
        NOON_MS + elapsed + self.set_by_ms.load(Ordering::SeqCst)
    }

    fn machine(&self) -> Option<Machine> {
        self.samples.fetch_add(1, Ordering::SeqCst);
        *lock(&self.machine)
    }

    fn clock_set(&self) -> BoxFuture<'static, ()> {
        let set = self.set.clone();
        async move { set.notified().await }.boxed()
    }

    fn new_id(&self) -> Uuid {
        let (n, chance) = self.draw();
        // The counter comes first, so that ids made in one millisecond sort by their making.
        let mut tail = [0; 10];
        tail[..6].copy_from_slice(&n.to_be_bytes()[2..]);
        tail[6..].copy_from_slice(&chance[..4]);
        Builder::from_unix_timestamp_millis(self.now_ms().unsigned_abs(), &tail).into_uuid()
    }

    fn salt(&self) -> [u8; 16] {
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.draw().1[..16]);
        salt
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_is_tokios_and_chance_repeats() {
        let (world, again) = (TestWorld::new(1), TestWorld::new(1));
        let ids: Vec<_> = std::iter::repeat_with(|| world.new_id()).take(1000).collect();
        assert!(ids.is_sorted() && ids[0] != ids[1]);
        assert_eq!(ids[0], again.new_id());
        assert_eq!(ids[0].get_version_num(), 7);

        let before = world.now_ms();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(world.now_ms(), before + 5_000);
    }
}
