//! What a gate turned away, so that an error can say why a page did not load; and whom it let through to.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::{policies::Kept, rules::advice};

const KEPT: usize = 256;

/// Chromium's own errands, refused like everything else but no news to anybody.
const OWN_ERRANDS: [&str; 6] = [
    "accounts.google.com",
    "clients2.google.com",
    "content-autofill.googleapis.com",
    "start.duckduckgo.com",
    "update.googleapis.com",
    "www.google.com",
];

/// One request that did not get through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Rises with each refusal of a gate.
    pub number: u64,
    pub host: String,
    pub port: u16,
    pub why: Why,
}

/// Why a request did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No rule allows the host.
    NotListed,
    /// It leads to a loopback or private address.
    Private,
    /// The host's policy does not allow the tool there.
    Policy,
    /// The tool named another host as the one that it goes to.
    Elsewhere,
    /// The host's policy allows it not as often.
    TooFast,
    /// The host's policy could not be read.
    Unread,
    /// Allowed, but its name has no address.
    NoAddress,
    /// Allowed, but nobody answers there.
    Unreachable,
}

impl Why {
    /// A rule said no; otherwise the network did.
    pub const fn is_rule(self) -> bool {
        matches!(self, Self::NotListed | Self::Private | Self::Policy | Self::Elsewhere)
    }
}

impl From<&Kept> for Why {
    fn from(kept: &Kept) -> Self {
        match kept {
            Kept::Forbidden { .. } => Self::Policy,
            Kept::Elsewhere { .. } => Self::Elsewhere,
            Kept::TooFast { .. } => Self::TooFast,
            Kept::Unread { .. } => Self::Unread,
        }
    }
}

impl Refused {
    /// What to do about it, to be said behind it; nothing where no rule said no.
    pub fn advice(&self) -> String {
        match self.why {
            Why::NotListed => format!("; {}", advice(&self.host, self.port)),
            Why::Private => "; no rule can allow that".to_owned(),
            Why::Policy => "; an operator may say otherwise: `greenroom host set`".to_owned(),
            Why::Elsewhere | Why::TooFast | Why::Unread | Why::NoAddress | Why::Unreachable => String::new(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        match self.why {
            Why::NotListed => write!(f, "host {host}:{port} is not on the host list"),
            Why::Private => write!(f, "host {host}:{port} leads to a loopback or private address"),
            Why::Policy => write!(f, "the policy of host {host} does not allow this tool there"),
            Why::Elsewhere => write!(f, "host {host}:{port} is not the one that the call names"),
            Why::TooFast => write!(f, "the policy of host {host} does not allow it as often"),
            Why::Unread => write!(f, "the policy of host {host} could not be read"),
            Why::NoAddress => write!(f, "host {host} has no address (the name was not found)"),
            Why::Unreachable => write!(f, "host {host}:{port} does not answer"),
        }
    }
}

/// The newest refusals of one gate; old ones fall out.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    kept: Mutex<VecDeque<Refused>>,
    /// Number of the newest one.
    newest: watch::Sender<u64>,
}

impl Refusals {
    pub(super) fn note(&self, host: &str, port: u16, why: Why) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *self.newest.borrow() + 1;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Refused { number, host: host.chars().take(255).collect(), port, why });
        // Under the lock, so that numbers follow the order of the list.
        self.newest.send_replace(number);
    }

    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    pub(super) fn since(&self, number: u64) -> Vec<Refused> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|refused| refused.number > number).cloned().collect()
    }
}

/// Hosts of one gate to which something got through; those that come when it is full are not named.
#[derive(Debug, Default)]
pub(super) struct Reached(Mutex<BTreeSet<String>>);

impl Reached {
    pub(super) fn note(&self, host: &str, port: u16) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < KEPT {
            all.insert(format!("{}:{port}", host.chars().take(255).collect::<String>()));
        }
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Whether Chromium asked for this by itself.
pub fn is_own_errand(host: &str) -> bool {
    OWN_ERRANDS.contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_are_kept_and_numbers_go_on() {
        let refusals = Refusals::default();
        for _ in 0..KEPT + 5 {
            refusals.note("evil.test", 443, Why::NotListed);
        }
        let kept = refusals.since(0);
        assert_eq!((kept.len(), kept[0].number, *refusals.newest().borrow()), (KEPT, 6, KEPT as u64 + 5));
        assert_eq!(refusals.since(KEPT as u64 + 4).len(), 1);
    }
}
