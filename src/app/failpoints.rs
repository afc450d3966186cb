//! Feature `failpoints`: says where the process could be killed, and stops there for ever when told to, so that a test
//! can kill it at every boundary. Nothing of it is in a normal build.
//!
//! A boundary lies before a receipt of a goal is written, or after its COMMIT but before anyone hears of it. It is named
//! by its receipt, not by a batch, so that group commit does not move it: `before execution/browser_click/intent/18/-#1`
//! (kind, tool, phase, step, state, and which one of that name).
//!
//! `FAILPOINT_AT` makes every boundary announced on standard output as it is passed, and names the one to stop at; empty
//! means none. `FAILPOINT_REHEARSAL` is the address of a practice site that outlives this process.

use std::{
    collections::HashMap,
    env,
    future::pending,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use actors::{
    domain::Draft,
    ports::{Commit, Journal, Unavailable, Written},
};
use anyhow::Context as _;
use async_trait::async_trait;

const AT: &str = "FAILPOINT_AT";
const REHEARSAL: &str = "FAILPOINT_REHEARSAL";

/// The journal with its boundaries announced, if that is asked for.
pub(super) fn around(journal: Arc<dyn Journal>) -> Arc<dyn Journal> {
    match env::var(AT) {
        Ok(at) => Arc::new(Announced { journal, at, seen: Mutex::default() }),
        Err(_) => journal,
    }
}

/// A practice site that runs elsewhere.
pub(super) fn practice_site() -> anyhow::Result<Option<SocketAddr>> {
    let Ok(address) = env::var(REHEARSAL) else { return Ok(None) };
    address.parse().map(Some).with_context(|| format!("{REHEARSAL} holds no address: {address}"))
}

/// Every commit comes to it by the queue: a boundary is passed once, and stands still without a thread.
struct Announced {
    journal: Arc<dyn Journal>,
    /// Where to stop.
    at: String,
    /// Receipts of each name so far.
    seen: Mutex<HashMap<String, usize>>,
}

#[async_trait]
impl Journal for Announced {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        let names: Vec<Vec<String>> = batch.iter().map(|commit| self.names(commit)).collect();
        for name in names.iter().flatten() {
            self.pass("before", name).await;
        }
        let answers = self.journal.write(batch).await?;
        for (_, names) in answers.iter().zip(&names).filter(|(answer, _)| answer.is_ok()) {
            for name in names {
                self.pass("after", name).await;
            }
        }
        Ok(answers)
    }

    fn admits(&self) -> Result<(), Unavailable> {
        self.journal.admits()
    }
}

impl Announced {
    fn names(&self, commit: &Commit) -> Vec<String> {
        commit.receipts.iter().filter(|draft| draft.goal.is_some()).map(|draft| self.name(draft)).collect()
    }

    fn name(&self, draft: &Draft) -> String {
        let or_none = |text: Option<&'static str>| text.unwrap_or("-");
        let tool = draft.tool.as_deref().unwrap_or("-");
        let step = draft.step.map_or_else(|| "-".to_owned(), |step| step.to_string());
        let phase = or_none(draft.phase.map(|phase| phase.as_str()));
        let name = format!("{}/{tool}/{phase}/{step}/{}", draft.kind.as_str(), or_none(draft.state));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
        format!("{name}#{count}")
    }

    /// Where the writer of receipts stands still, nothing of the company goes on.
    async fn pass(&self, when: &str, name: &str) {
        let boundary = format!("{when} {name}");
        // Who listens hears of it before the stop; without a listener there is nobody to kill us either.
        let _ = writeln!(io::stdout(), "failpoint: {boundary}");
        if boundary == self.at {
            pending::<()>().await;
        }
    }
}
