//! What personas may reach: host rules, and the gates that hold them.
//!
//! A [`Gate`] is a proxy on loopback, one per persona's browser. It judges every request by host and port, resolves
//! the name itself and connects to exactly the address it judged, so a name cannot lead elsewhere a moment later. The
//! flags in [`Gate::browser_flags`] leave Chromium no other way: no direct connection, no resolver of its own, no UDP.
//! `tests/it/egress/ways_out.rs` tries the ways out, with and without it.
//!
//! **Limits.** It sees hosts and ports, not paths. What a page sends to an allowed host, that host may pass on.

mod address;
mod connection;
mod head;
mod policies;
mod refusals;
mod rules;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::{Host, Url};

pub use policies::{Errand, Kept, LONGEST_WAIT, PolicyBook};
pub use refusals::{Refused, Why, is_own_errand};
pub use rules::{BadRule, HostRules, REHEARSAL_HOST, Refusal};

/// A browser never needs more; Chromium itself stops at 32 to one proxy.
const MOST_CONNECTIONS: usize = 128;

/// The instance's part of the rules, shared by every gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Egress {
    shared: Arc<Shared>,
    policies: policies::Policies,
}

#[derive(Debug)]
struct Shared {
    /// Empty: the persona's rules alone decide.
    global: HostRules,
    rehearsal: SocketAddr,
    enforcement: Enforcement,
    /// Hosts (`*.` for one label) with a fixed address; tests stand in for the internet with it.
    fixed: HashMap<(String, u16), SocketAddr>,
}

/// Whether rules are held. `Off` exists so that a test can show that a way out is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    On,
    Off,
}

impl Egress {
    /// `global` binds every persona when it is not empty; `rehearsal` is where `rehearsal.localhost` is served.
    pub fn new(global: HostRules, rehearsal: SocketAddr) -> Self {
        Self::build(global, rehearsal, Enforcement::On, HashMap::new())
    }

    /// For tests only: hosts get fixed addresses, and rules may be off.
    #[doc(hidden)]
    pub fn for_test(
        rehearsal: SocketAddr,
        enforcement: Enforcement,
        fixed: HashMap<(String, u16), SocketAddr>,
    ) -> Self {
        Self::build(HostRules::default(), rehearsal, enforcement, fixed)
    }

    fn build(
        global: HostRules,
        rehearsal: SocketAddr,
        enforcement: Enforcement,
        fixed: HashMap<(String, u16), SocketAddr>,
    ) -> Self {
        let policies = policies::Policies::default();
        Self { shared: Arc::new(Shared { global, rehearsal, enforcement, fixed }), policies }
    }

    /// Opens a gate with a persona's rules on a free loopback port.
    pub async fn gate(&self, rules: HostRules) -> io::Result<Gate> {
        self.open(rules, None).await
    }

    /// The same for one tool, held to the hosts' policies too: for who goes out where no step says so.
    pub async fn gate_for(&self, rules: HostRules, errand: Errand) -> io::Result<Gate> {
        self.open(rules, Some(errand)).await
    }

    async fn open(&self, rules: HostRules, errand: Option<Errand>) -> io::Result<Gate> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (rules, _) = watch::channel(rules);
        let guard = Arc::new(Guard {
            shared: self.shared.clone(),
            rules,
            errand,
            policies: self.policies.clone(),
            refusals: Default::default(),
            reached: Default::default(),
        });
        let closed = CancellationToken::new();
        tokio::spawn(accept(listener, guard.clone(), closed.clone()));
        Ok(Gate { addr, guard, _closed: closed.drop_guard() })
    }

    /// The address, if the instance and these rules allow it.
    pub fn check_url(&self, rules: &HostRules, url: &str) -> Result<Url, Refusal> {
        let (url, host, port) = rules::place_of(url)?;
        self.shared.judge(rules, &host, port).map(|()| url)
    }
}

impl Shared {
    fn judge(&self, rules: &HostRules, host: &Host<String>, port: u16) -> Result<(), Refusal> {
        if self.enforcement == Enforcement::Off || is_rehearsal(host, port) {
            return Ok(());
        }
        let place = || (host.to_string(), port);
        if !rules.allows(host, port) {
            let (host, port) = place();
            return Err(Refusal::NotListed { host, port });
        }
        if !self.global.is_empty() && !self.global.allows(host, port) {
            let (host, port) = place();
            return Err(Refusal::NotListedGlobally { host, port });
        }
        Ok(())
    }
}

fn is_rehearsal(host: &Host<String>, port: u16) -> bool {
    port == 80 && matches!(host, Host::Domain(name) if name == REHEARSAL_HOST)
}

/// The state of one gate, shared with its connections.
#[derive(Debug)]
struct Guard {
    shared: Arc<Shared>,
    rules: watch::Sender<HostRules>,
    /// None: the broker judges each step of whoever goes out here.
    errand: Option<Errand>,
    policies: policies::Policies,
    refusals: refusals::Refusals,
    reached: refusals::Reached,
}

impl Guard {
    fn judge(&self, host: &Host<String>, port: u16) -> Result<(), Refusal> {
        self.shared.judge(&self.rules.borrow(), host, port)
    }

    async fn admit(&self, host: &Host<String>) -> Result<(), Kept> {
        match &self.errand {
            Some(errand) => self.policies.admit(errand, &host.to_string()).await,
            None => Ok(()),
        }
    }

    fn rules_changed(&self) -> watch::Receiver<HostRules> {
        self.rules.subscribe()
    }

    /// The address of a host that is not looked up.
    fn mapped(&self, host: &Host<String>, port: u16) -> Option<SocketAddr> {
        if is_rehearsal(host, port) {
            return Some(self.shared.rehearsal);
        }
        let (name, fixed) = (host.to_string(), &self.shared.fixed);
        let wild = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        fixed.get(&(name, port)).or_else(|| fixed.get(&(wild?, port))).copied()
    }
}

/// A persona's way out. Dropping it closes the port and every connection through it.
#[derive(Debug)]
pub struct Gate {
    /// Where the browser finds its proxy.
    pub addr: SocketAddr,
    guard: Arc<Guard>,
    _closed: DropGuard,
}

impl Gate {
    /// Replaces the persona's rules; connections that are no longer allowed end.
    pub fn set_rules(&self, rules: HostRules) {
        self.guard.rules.send_if_modified(|current| {
            let changed = *current != rules;
            *current = rules;
            changed
        });
    }

    /// The address, if it would get through.
    pub fn check_url(&self, url: &str) -> Result<Url, Refusal> {
        let (url, host, port) = rules::place_of(url)?;
        self.guard.judge(&host, port).map(|()| url)
    }

    /// The newest requests that did not get through, oldest first.
    pub fn refusals(&self) -> Vec<Refused> {
        self.refusals_since(0)
    }

    /// Those after the one with this number.
    pub fn refusals_since(&self, number: u64) -> Vec<Refused> {
        self.guard.refusals.since(number)
    }

    /// Hosts to which something got through, as `host:port`, each once.
    pub fn reached(&self) -> Vec<String> {
        self.guard.reached.all()
    }

    /// The number of the newest refusal, now and as it rises.
    pub fn newest_refusal(&self) -> watch::Receiver<u64> {
        self.guard.refusals.newest()
    }

    /// Chromium's flags (name, value) that leave this gate as the only way out.
    pub fn browser_flags(&self) -> Vec<(&'static str, String)> {
        match self.guard.shared.enforcement {
            Enforcement::On => vec![
                ("proxy-server", format!("http://{}", self.addr)),
                // Without this, loopback is never proxied.
                ("proxy-bypass-list", "<-loopback>".to_owned()),
                ("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned()),
                ("webrtc-ip-handling-policy", "disable_non_proxied_udp".to_owned()),
            ],
            Enforcement::Off => vec![("host-resolver-rules", self.fixed_hosts())],
        }
    }

    fn fixed_hosts(&self) -> String {
        let shared = &self.guard.shared;
        let fixed = shared.fixed.iter().map(|((host, port), address)| format!("MAP {host}:{port} {address}"));
        std::iter::once(format!("MAP {REHEARSAL_HOST}:80 {}", shared.rehearsal))
            .chain(fixed)
            .collect::<Vec<_>>()
            .join(",")
    }
}

async fn accept(listener: TcpListener, guard: Arc<Guard>, closed: CancellationToken) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let accepting = async {
        // The semaphore is never closed, so only the token ends this loop.
        while let Ok(place) = places.clone().acquire_owned().await {
            let Ok((client, _)) = listener.accept().await else {
                // Out of file descriptors: asking again at once would not help.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (guard, closed) = (guard.clone(), closed.clone());
            tokio::spawn(async move {
                // A connection that breaks is the browser's news, not ours.
                let _ = closed.run_until_cancelled(connection::serve(client, guard)).await;
                drop(place);
            });
        }
    };
    closed.run_until_cancelled(accepting).await;
}
