//! The way to a provider: switched off or not, so many at once, so many in a minute.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    breaker::{Breaker, Let, Off},
    rate::Rate,
};
use crate::config::ProviderConfig;

/// Stands before one provider.
pub(super) struct Gate {
    places: Semaphore,
    rate: Option<Mutex<Rate>>,
    breaker: Mutex<Breaker>,
}

/// Why nobody is let through.
#[derive(Debug)]
pub(super) enum Shut {
    Off(Off),
    /// No place came free in time; the limit that was met.
    Full(&'static str),
}

/// One request's place, freed when dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    call: Let,
    reported: bool,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    pub(super) fn new(config: &ProviderConfig) -> Self {
        let per_minute = config.requests_per_minute as usize;
        Self {
            places: Semaphore::new(config.max_concurrent.max(1) as usize),
            rate: (per_minute > 0).then(|| Mutex::new(Rate::new(per_minute))),
            breaker: Mutex::new(Breaker::default()),
        }
    }

    /// Waits for a place until the deadline.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<Pass<'_>, Shut> {
        locked(&self.breaker).check(Instant::now()).map_err(Shut::Off)?;
        // The semaphore is never closed.
        let place = timeout_at(deadline, self.places.acquire()).await.ok().and_then(Result::ok);
        let place = place.ok_or(Shut::Full("max_concurrent"))?;
        if let Some(rate) = &self.rate {
            let free = locked(rate).take(Instant::now(), deadline).ok_or(Shut::Full("requests_per_minute"))?;
            sleep_until(free).await;
        }
        let call = locked(&self.breaker).admit(Instant::now()).map_err(Shut::Off)?;
        Ok(Pass { gate: self, call, reported: false, _place: place })
    }
}

impl Pass<'_> {
    /// The provider answered, be it with a refusal.
    pub(super) fn answered(mut self) {
        self.reported = true;
        locked(&self.gate.breaker).answered();
    }

    /// It failed. True: this switched it off.
    pub(super) fn failed(mut self) -> bool {
        self.reported = true;
        locked(&self.gate.breaker).failed(self.call, Instant::now())
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.reported {
            locked(&self.gate.breaker).abandoned(self.call, Instant::now());
        }
    }
}

/// What is behind these locks is whole after every line, so a panic elsewhere spoils nothing.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
