//! Writes what it is given, remembers whose heads are to be signed, has it told (`teller.rs`). Who holds the pen
//! (`pen.rs`) calls it.

use std::{iter, mem, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use tracing::{error, info, warn};

use super::{
    GoalTurn, Setup, canonical,
    chain::Head,
    checkpoint,
    outage::{self, Outage},
    seal::system_log,
    teller::{Answer, Fallen, Judged, Public, Reply, Teller, Then, Waiting},
    unsigned::{Discontinued, Unsigned},
};
use crate::{
    domain::{Body, ChainId, NodeName},
    ports::{Change, Commit, Committed, Journal, Outdated, Unavailable, World},
};

/// Commits in one transaction.
pub(super) const BATCH: usize = 512;
/// Commits kept while the store is gone. More outcomes than slices cannot be under way.
const KEPT: usize = BATCH;
/// How long a closing writer waits for a store that is gone.
const CLOSING: Duration = Duration::from_secs(10);
/// A write that took longer shows a disk that nobody should wait for on a thread that others need.
const SHORT: Duration = Duration::from_millis(2);

pub(super) enum Item {
    Commit(Entry),
    /// Write what came before, sign the heads, end.
    Close(oneshot::Sender<Result<(), Unwritten>>),
}

/// What was kept for a store that did not come back before the end.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{commits} outcomes could not be written: {reason}; their effects are `unknown` at the next start")]
pub struct Unwritten {
    pub commits: usize,
    pub reason: String,
}

/// The journal broke a promise; nothing may be written on top of that.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Discontinued(#[from] Discontinued),
    #[error("the journal gave {got} answers to {asked} commits")]
    Answers { asked: usize, got: usize },
    #[error(transparent)]
    Fallen(#[from] Fallen),
    #[error("the writer of receipts fell: {0}")]
    Fell(String),
}

/// A commit on its way, with whoever waits for it.
pub(super) struct Entry {
    commit: Commit,
    waiting: Waiting,
}

impl Entry {
    /// Made by the caller, so that the copy, the texts and the hashes of bodies cost the writer nothing.
    pub(super) fn new(mut commit: Commit, reply: Reply, then: Option<Then>) -> Self {
        let ends_run = commit.changes.iter().any(|c| matches!(c, Change::RunMoved { state, .. } if state.is_over()));
        let spare = outage::must_land(&commit).then(|| commit.clone());
        let (begins, turns) = (commit.begins_something(), GoalTurn::of(&commit));
        for draft in &mut commit.receipts {
            draft.rendered = Some(canonical::render(draft));
        }
        Self { commit, waiting: Waiting { reply, then, spare, begins, ends_run, turns } }
    }

    /// What is to be written, and who waits for the answer.
    pub(super) fn into_parts(self) -> (Commit, Reply) {
        (self.commit, self.waiting.reply)
    }

    /// Nothing has been done yet, and nobody waits to do it.
    fn is_abandoned_intent(&self) -> bool {
        self.waiting.reply.is_closed() && outage::is_intent(&self.commit)
    }
}

pub(super) struct Writer {
    journal: Arc<dyn Journal>,
    world: Arc<dyn World>,
    key: SigningKey,
    node: NodeName,
    teller: Teller,
    trouble: watch::Sender<Option<String>>,
    batch: Vec<Entry>,
    /// What must land and could not yet; each has its spare.
    kept: Vec<Waiting>,
    outage: Option<Outage>,
    unsigned: Unsigned,
    /// No more commits can be handed in; since when.
    closing: Option<Instant>,
    closers: Vec<oneshot::Sender<Result<(), Unwritten>>>,
    /// The last write was of one commit, and short.
    calm: bool,
    /// Nothing may be written any more; whoever asks first is told why.
    broken: Option<Broken>,
}

impl Writer {
    pub(super) fn new(setup: Setup, public: Public, trouble: watch::Sender<Option<String>>) -> Self {
        let Setup { journal, world, key, node } = setup;
        Self {
            journal,
            world,
            key,
            node,
            teller: Teller::spawn(public),
            trouble,
            batch: Vec::with_capacity(BATCH),
            kept: Vec::new(),
            outage: None,
            unsigned: Unsigned::default(),
            closing: None,
            closers: Vec::new(),
            calm: true,
            broken: None,
        }
    }

    /// Nothing is left to be done. `drained`: nothing more can come.
    pub(super) fn is_over(&self, drained: bool) -> bool {
        let Some(since) = self.closing else { return false };
        match &self.outage {
            Some(_) => since.elapsed() >= CLOSING,
            None => drained && self.unsigned.is_empty(),
        }
    }

    /// When there is something to do, whoever comes meanwhile; none: only then.
    pub(super) fn due(&self) -> Option<Instant> {
        match (&self.outage, self.closing) {
            _ if self.broken.is_some() => Some(Instant::now()),
            (Some(outage), _) => Some(outage.retry_at),
            (None, Some(_)) => Some(Instant::now()),
            (None, None) => self.unsigned.due(),
        }
    }

    /// Nobody can hand in anything any more.
    pub(super) fn closes(&mut self) {
        self.closing.get_or_insert_with(Instant::now);
    }

    /// To be told when all is written.
    pub(super) fn tells_at_end(&mut self, closer: oneshot::Sender<Result<(), Unwritten>>) {
        self.closers.push(closer);
    }

    /// For the next transaction.
    pub(super) fn take(&mut self, entry: Entry) {
        if !entry.is_abandoned_intent() {
            self.batch.push(entry);
        }
    }

    /// Writes what was taken and what is due, unless the store is gone and it is too early to try again.
    pub(super) async fn write_all(&mut self) -> Result<(), Broken> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        if self.outage.as_ref().is_some_and(|outage| Instant::now() < outage.retry_at) {
            self.refuse();
            return Ok(());
        }
        self.write().await
    }

    /// Writes this one now, on this thread. It comes back where others would wait for that, or where there is more to it.
    pub(super) fn write_here(&mut self, entry: Entry) -> Option<Entry> {
        let is_calm = self.calm && self.outage.is_none() && self.closing.is_none() && self.broken.is_none();
        if !is_calm || !self.teller.has_told() || (entry.waiting.begins && self.journal.admits().is_err()) {
            return Some(entry);
        }
        let (Entry { commit, waiting }, began) = (entry, Instant::now());
        let written = match self.journal.write_here(commit) {
            Ok(written) => written,
            Err(commit) => return Some(Entry { commit, waiting }),
        };
        self.calm = began.elapsed() < SHORT;
        match written.map(|mut results| (results.len(), results.pop())) {
            Ok((1, Some(result))) => match self.took_in(vec![Judged { result, waiting: Some(waiting) }]) {
                Ok(judged) => self.teller.answer(judged),
                Err(broken) => self.breaks(broken.into()),
            },
            Ok((got, _)) => self.breaks(Broken::Answers { asked: 1, got }),
            Err(error) => self.fail(&error, vec![waiting], Vec::new()),
        }
        None
    }

    /// Nothing is written from here on.
    pub(super) fn breaks(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }

    /// All is written that could be: everybody is told.
    pub(super) async fn end(&mut self) -> Result<(), Broken> {
        let unwritten = self
            .outage
            .as_ref()
            .filter(|_| !self.kept.is_empty())
            .map(|outage| Unwritten { commits: self.kept.len(), reason: outage.reason.clone() });
        if let Some(unwritten) = &unwritten {
            error!(commits = unwritten.commits, "{unwritten}");
        }
        self.teller.end().await?;
        for closer in self.closers.drain(..) {
            // Who asked and went away has nothing more to do either.
            let _ = closer.send(unwritten.clone().map_or(Ok(()), Err));
        }
        Ok(())
    }

    /// One transaction: what was kept, what came in, the signatures that are due.
    async fn write(&mut self) -> Result<(), Broken> {
        self.turn_away();
        let mut waiting = mem::take(&mut self.kept);
        let mut commits = Vec::with_capacity(waiting.len() + self.batch.len() + 2);
        commits.extend(waiting.iter().filter_map(|waiting| waiting.spare.clone()));
        for entry in self.batch.drain(..) {
            commits.push(entry.commit);
            waiting.push(entry.waiting);
        }
        let heads = self.unsigned.take(Instant::now(), self.closing.is_some(), BATCH);
        if !heads.is_empty() {
            commits.push(self.sign(&heads));
        }
        // The first write after an outage says so; it also finds out whether the outage is over.
        commits.extend(self.outage.as_ref().map(|outage| self.account_of(outage)));
        if commits.is_empty() {
            return Ok(());
        }
        let (asked, began) = (commits.len(), Instant::now());
        let written = self.journal.write(commits).await;
        self.calm = asked == 1 && began.elapsed() < SHORT;
        match written {
            Ok(results) if results.len() == asked => self.settle(results, waiting).await,
            Ok(results) => Err(Broken::Answers { asked, got: results.len() }),
            Err(error) => {
                self.fail(&error, waiting, heads);
                Ok(())
            }
        }
    }

    /// Without room nothing new begins; what comes with it must not wait for that.
    fn turn_away(&mut self) {
        if !self.batch.iter().any(|entry| entry.waiting.begins) {
            return;
        }
        let Err(error) = self.journal.admits() else { return };
        let reason = outage::causes(&error);
        warn!(reason, "nothing new may begin: {reason}");
        for entry in self.batch.extract_if(.., |entry| entry.waiting.begins) {
            let error = Unavailable(reason.clone().into());
            let _ = entry.waiting.reply.send(Answer { result: Err(error.into()), _spent: None });
        }
    }

    fn sign(&self, heads: &[(ChainId, Head)]) -> Commit {
        let at_ms = self.world.now_ms();
        let sign = |(chain, head): &(ChainId, Head)| {
            Change::CheckpointSigned(checkpoint::sign(&self.key, chain.clone(), *head, at_ms))
        };
        Commit { changes: heads.iter().map(sign).collect(), ..Commit::default() }
    }

    fn account_of(&self, outage: &Outage) -> Commit {
        let body = Body {
            summary: "the store takes work again".to_owned(),
            data: serde_json::json!({ "since_ms": outage.since_ms, "reason": outage.reason }),
            ..Body::default()
        };
        Commit { receipts: vec![system_log(&self.node, &*self.world, body)], ..Commit::default() }
    }

    /// It is on disk: remember the heads, have it told.
    async fn settle(&mut self, results: Vec<Result<Committed, Outdated>>, waiting: Vec<Waiting>) -> Result<(), Broken> {
        if let Some(outage) = self.outage.take() {
            info!(since_ms = outage.since_ms, "the store takes work again");
            self.trouble.send_replace(None);
        }
        let waiting = waiting.into_iter().map(Some).chain(iter::repeat_with(|| None));
        let judged = results.into_iter().zip(waiting).map(|(result, waiting)| Judged { result, waiting }).collect();
        let judged = self.took_in(judged)?;
        Ok(self.teller.tell(judged).await?)
    }

    fn took_in(&mut self, judged: Vec<Judged>) -> Result<Vec<Judged>, Discontinued> {
        let now = Instant::now();
        for Judged { result, waiting } in &judged {
            if let Ok(committed) = result {
                self.take_in(committed, waiting.as_ref().is_some_and(|waiting| waiting.ends_run), now)?;
            }
        }
        Ok(judged)
    }

    fn take_in(&mut self, committed: &Committed, ends_run: bool, now: Instant) -> Result<(), Discontinued> {
        for receipt in &committed.receipts {
            self.unsigned.note(receipt, now)?;
            if ends_run {
                self.unsigned.at_once(&receipt.chain);
            }
        }
        Ok(())
    }

    /// Nothing of the batch was written.
    fn fail(&mut self, error: &Unavailable, waiting: Vec<Waiting>, heads: Vec<(ChainId, Head)>) {
        let now = Instant::now();
        match &mut self.outage {
            Some(outage) => outage.goes_on(error, now),
            None => {
                let outage = Outage::new(error, self.world.now_ms(), now);
                warn!(reason = %outage.reason, "the store does not take work: {}", outage.reason);
                self.outage = Some(outage);
            }
        }
        self.trouble.send_replace(self.outage.as_ref().map(|outage| outage.reason.clone()));
        self.unsigned.give_back(heads, now);
        for waiting in waiting {
            self.set_aside(waiting);
        }
    }

    /// The store is gone and it is too early to try again.
    fn refuse(&mut self) {
        for entry in mem::take(&mut self.batch) {
            self.set_aside(entry.waiting);
        }
    }

    /// Kept when it must land, else answered and forgotten.
    fn set_aside(&mut self, waiting: Waiting) {
        let Some(outage) = &self.outage else { return };
        if waiting.spare.is_some() && self.kept.len() < KEPT {
            self.kept.push(waiting);
            return;
        }
        if waiting.spare.is_some() {
            error!(kept = KEPT, "an outcome is lost: {KEPT} others wait for the store already");
        }
        let _ = waiting.reply.send(Answer { result: Err(outage.unavailable().into()), _spent: waiting.spare });
    }
}
