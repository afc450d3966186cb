//! Slows down whoever guesses: failed logins are counted per address, in bounded memory.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::web::errors::Problem;

const MOST_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(300);
const MOST_ADDRESSES: usize = 4_096;

/// Failed logins of the last minutes.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug)]
struct Failures {
    count: u32,
    since: Instant,
}

impl Throttle {
    /// Refuses an address that failed too often lately.
    pub fn admit(&self, peer: IpAddr) -> Result<(), Problem> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = failures.get(&peer) else { return Ok(()) };
        let left = WINDOW.saturating_sub(known.since.elapsed());
        if known.count < MOST_FAILURES || left.is_zero() {
            return Ok(());
        }
        Err(Problem::too_many("Too many failed logins from this address. Wait a few minutes.", left.as_secs() + 1))
    }

    /// Counts a failed login.
    pub fn failed(&self, peer: IpAddr) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_ADDRESSES && !failures.contains_key(&peer) {
            failures.retain(|_, known| known.since.elapsed() < WINDOW);
            if let Some(oldest) = failures.iter().min_by_key(|(_, known)| known.since).map(|(peer, _)| *peer)
                && failures.len() >= MOST_ADDRESSES
            {
                failures.remove(&oldest);
            }
        }
        let known = failures.entry(peer).or_insert(Failures { count: 0, since: Instant::now() });
        if known.since.elapsed() >= WINDOW {
            *known = Failures { count: 0, since: Instant::now() };
        }
        known.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_failures_close_the_door_for_five_minutes() {
        let (throttle, peer) = (Throttle::default(), IpAddr::from([10, 0, 0, 1]));
        for _ in 0..MOST_FAILURES {
            throttle.admit(peer).unwrap();
            throttle.failed(peer);
        }
        let refused = throttle.admit(peer).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (429, Some(301)));
        throttle.admit(IpAddr::from([10, 0, 0, 2])).unwrap();
        tokio::time::advance(WINDOW).await;
        throttle.admit(peer).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..u32::try_from(MOST_ADDRESSES).unwrap() + 50 {
            throttle.failed(IpAddr::from(n.to_be_bytes()));
        }
        assert_eq!(throttle.0.lock().unwrap().len(), MOST_ADDRESSES);
    }
}
