//! What hosts' policies leave of a way out that no step tells the hosts of: which of them a tool may use, and how often.
//!
//! The broker judges what it knows: the page, the address. Where an own tool goes it sees here alone, request by request;
//! of a tunnel it sees the beginning, so a tunnel is one act. Policies are read for each request: a change counts at once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actors::{
    domain::{HostPolicy, HostTerms, Pace, PersonaId},
    ports::BoxError,
};
use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use super::Egress;

/// Whoever has to wait longer for its turn is refused instead.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Paces are looked through for free ones when there are more than this.
const SWEEP_ABOVE: usize = 1_024;

/// Where host policies stand.
#[async_trait]
pub trait PolicyBook: Send + Sync {
    /// All of them, as they are now.
    async fn policies(&self) -> Result<Vec<HostPolicy>, BoxError>;
}

/// Who goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    pub persona: PersonaId,
    /// The tool's name, as policies say it.
    pub tool: String,
    /// The only host it may reach, with what lies below; none: all that the persona may.
    pub only: Option<String>,
}

/// Why a host's policy keeps a request back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Kept {
    #[error("the policy of {host} does not allow `{tool}` there")]
    Forbidden { host: String, tool: String },
    #[error("`{tool}` said that it goes to {only}, not to {host}")]
    Elsewhere { host: String, tool: String, only: String },
    /// Nothing was taken of the pace.
    #[error("the pace of {host} lets `{tool}` act there again in {} s", .wait.as_secs())]
    TooFast { host: String, tool: String, wait: Duration },
    #[error("the policy of {host} could not be read: {why}")]
    Unread { host: String, why: String },
}

/// When each may act again, by persona, host and tool.
type Turns = HashMap<(PersonaId, String, String), Instant>;

/// The policies that bind a way out, and the paces kept by them.
#[derive(Clone, Default)]
pub(super) struct Policies {
    /// None: there are none.
    book: Option<Arc<dyn PolicyBook>>,
    /// Of calls, where no policy says another; none: they have none.
    pace: Option<Pace>,
    next: Arc<Mutex<Turns>>,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("book", &self.book.is_some()).finish_non_exhaustive()
    }
}

impl Policies {
    /// Waits for the turn of this errand on a canonical host, up to half a minute.
    pub(super) async fn admit(&self, errand: &Errand, host: &str) -> Result<(), Kept> {
        self.admit_at(errand, host, None).await
    }

    /// The same for a call as a whole, which has the usual pace where no policy says another.
    async fn admit_call(&self, errand: &Errand, site: &str) -> Result<(), Kept> {
        let usual = self.pace.as_ref().map(|pace| pace.of(site));
        self.admit_at(errand, site, usual).await
    }

    /// `usual`: acts in a thousand seconds.
    async fn admit_at(&self, errand: &Errand, host: &str, usual: Option<u32>) -> Result<(), Kept> {
        let Errand { tool, only, .. } = errand;
        let (host, tool) = (host.to_owned(), tool.clone());
        if let Some(only) = only.clone().filter(|only| !is_in(&host, only)) {
            return Err(Kept::Elsewhere { host, tool, only });
        }
        let terms = self.terms(&host).await?;
        if terms.as_ref().is_some_and(|terms| terms.forbids(&tool)) {
            return Err(Kept::Forbidden { host, tool });
        }
        let Some(pace) = terms.and_then(|terms| terms.acts_per_1000_s).or(usual) else { return Ok(()) };
        let gap = Duration::from_millis(1_000_000 / u64::from(pace.max(1)));
        match self.turn(errand, &host, gap) {
            Ok(turn) => {
                sleep_until(turn).await;
                Ok(())
            }
            Err(wait) => Err(Kept::TooFast { host, tool, wait }),
        }
    }

    /// What is to be kept on a host; none: there is no policy of it.
    async fn terms(&self, host: &str) -> Result<Option<HostTerms>, Kept> {
        let Some(book) = &self.book else { return Ok(None) };
        let policies = book.policies().await;
        let policies = policies.map_err(|error| Kept::Unread { host: host.to_owned(), why: error.to_string() })?;
        Ok(policies.into_iter().find(|policy| policy.host == host).map(|policy| policy.terms))
    }

    /// When its turn is; or takes nothing and says how long it would have to wait.
    fn turn(&self, errand: &Errand, host: &str, gap: Duration) -> Result<Instant, Duration> {
        let now = Instant::now();
        let mut all = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() > SWEEP_ABOVE {
            all.retain(|_, next| *next > now);
        }
        let next = all.entry((errand.persona, host.to_owned(), errand.tool.clone())).or_insert(now);
        let turn = (*next).max(now);
        let wait = turn.duration_since(now);
        if wait > LONGEST_WAIT {
            return Err(wait);
        }
        *next = turn + gap;
        Ok(turn)
    }
}

fn is_in(host: &str, only: &str) -> bool {
    host.strip_suffix(only).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

impl Egress {
    /// The same, bound by these policies too.
    #[must_use]
    pub fn under(self, book: Arc<dyn PolicyBook>) -> Self {
        Self { policies: Policies { book: Some(book), ..self.policies }, ..self }
    }

    /// The same, with this pace for calls where no policy says another.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { policies: Policies { pace: Some(pace), ..self.policies }, ..self }
    }

    /// Waits until this errand may make one call there, up to half a minute.
    pub async fn admit(&self, errand: &Errand, site: &str) -> Result<(), Kept> {
        self.policies.admit_call(errand, site).await
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    struct Book(Mutex<Vec<HostPolicy>>);

    #[async_trait]
    impl PolicyBook for Book {
        async fn policies(&self) -> Result<Vec<HostPolicy>, BoxError> {
            Ok(self.0.lock().unwrap().clone())
        }
    }

    fn book(terms: HostTerms) -> (Arc<Book>, Policies) {
        let book = Arc::new(Book(Mutex::new(vec![HostPolicy { host: "a.test".into(), version: 1, terms }])));
        (book.clone(), Policies { book: Some(book), ..Policies::default() })
    }

    fn errand(persona: u128, tool: &str) -> Errand {
        Errand { persona: PersonaId(Uuid::from_u128(persona)), tool: tool.to_owned(), only: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_policy_names_the_only_tools_of_its_host_and_counts_at_once() {
        let (book, policies) = book(HostTerms { actions: Some(vec!["sums".into()]), ..HostTerms::default() });
        let forbidden = Kept::Forbidden { host: "a.test".into(), tool: "other".into() };
        assert_eq!(policies.admit(&errand(1, "other"), "a.test").await, Err(forbidden));
        assert_eq!(policies.admit(&errand(1, "sums"), "a.test").await, Ok(()));
        assert_eq!(policies.admit(&errand(1, "other"), "b.test").await, Ok(()), "it is of that host alone");
        book.0.lock().unwrap().clear();
        assert_eq!(policies.admit(&errand(1, "other"), "a.test").await, Ok(()));
        assert_eq!(Policies::default().admit(&errand(1, "other"), "a.test").await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn acts_keep_their_distance_and_who_would_wait_too_long_is_refused() {
        let (_, policies) = book(HostTerms { acts_per_1000_s: Some(100), ..HostTerms::default() });
        let begun = Instant::now();
        let at = |policies: Policies, errand: Errand| async move {
            policies.admit(&errand, "a.test").await.map(|()| begun.elapsed().as_secs())
        };
        assert_eq!(at(policies.clone(), errand(1, "sums")).await, Ok(0));
        assert_eq!(at(policies.clone(), errand(2, "sums")).await, Ok(0), "another persona does not wait");
        assert_eq!(at(policies.clone(), errand(1, "other")).await, Ok(0), "nor does another tool");
        let all = (0..4).map(|_| at(policies.clone(), errand(1, "sums")));
        let all = futures::future::join_all(all).await;
        let wait = Duration::from_secs(40);
        let late = Err(Kept::TooFast { host: "a.test".into(), tool: "sums".into(), wait });
        assert_eq!(all, [Ok(10), Ok(20), Ok(30), late]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_keeps_the_usual_pace_where_no_policy_says_another() {
        let pace = Pace { default_per_1000_s: 500, sites: vec![("b.test".into(), 10_000)] };
        let (_, policies) = book(HostTerms { acts_per_1000_s: Some(100), ..HostTerms::default() });
        let policies = Policies { pace: Some(pace), ..policies };
        for (site, gap_ms) in [("a.test", 10_000), ("b.test", 100), ("c.test", 2_000)] {
            let begun = Instant::now();
            for call in 0..3 {
                policies.admit_call(&errand(1, "sums"), site).await.unwrap();
                assert_eq!(begun.elapsed().as_millis(), call * gap_ms, "{site}");
            }
            policies.admit_call(&errand(1, "other"), site).await.unwrap();
            policies.admit_call(&errand(2, "sums"), site).await.unwrap();
            assert_eq!(begun.elapsed().as_millis(), 2 * gap_ms, "nobody else waits");
        }
        // The requests of a call are as many as it needs.
        let begun = Instant::now();
        for _ in 0..3 {
            policies.admit(&errand(1, "sums"), "c.test").await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn who_named_a_host_goes_nowhere_else() {
        let only = Errand { only: Some("a.test".into()), ..errand(1, "mail") };
        for (host, fits) in [("a.test", true), ("smtp.a.test", true), ("b.test", false), ("evila.test", false)] {
            assert_eq!(Policies::default().admit(&only, host).await.is_ok(), fits, "{host}");
        }
    }
}
