//! The writer's loop: takes what has collected, writes it, has it told (`teller.rs`); again.
//!
//! Natural group commit: while a batch is being written the next one collects in the queue. The loop runs in a task
//! of its own that nothing cancels, so a transaction that has begun comes to its end.

use std::{iter, mem, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use tokio::{
    sync::{mpsc, oneshot, watch},
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
    queue: mpsc::Receiver<Item>,
    teller: Teller,
    trouble: watch::Sender<Option<String>>,
    items: Vec<Item>,
    batch: Vec<Entry>,
    /// What must land and could not yet; each has its spare.
    kept: Vec<Waiting>,
    outage: Option<Outage>,
    unsigned: Unsigned,
    /// No more commits can be handed in; since when.
    closing: Option<Instant>,
    closers: Vec<oneshot::Sender<Result<(), Unwritten>>>,
}

impl Writer {
    pub(super) fn new(
        setup: Setup,
        queue: mpsc::Receiver<Item>,
        public: Public,
        trouble: watch::Sender<Option<String>>,
    ) -> Self {
        let Setup { journal, world, key, node } = setup;
        Self {
            journal,
            world,
            key,
            node,
            queue,
            teller: Teller::spawn(public),
            trouble,
            items: Vec::with_capacity(BATCH),
            batch: Vec::with_capacity(BATCH),
            kept: Vec::new(),
            outage: None,
            unsigned: Unsigned::default(),
            closing: None,
            closers: Vec::new(),
        }
    }

    /// Until everyone who could hand in a commit is gone, or one of them asked for the end.
    pub(super) async fn run(mut self) -> Result<(), Broken> {
        while !self.is_over() {
            self.collect().await;
            if self.outage.as_ref().is_some_and(|outage| Instant::now() < outage.retry_at) {
                self.refuse();
            } else {
                self.write().await?;
            }
        }
        let unwritten = self
            .outage
            .as_ref()
            .filter(|_| !self.kept.is_empty())
            .map(|outage| Unwritten { commits: self.kept.len(), reason: outage.reason.clone() });
        if let Some(unwritten) = &unwritten {
            error!(commits = unwritten.commits, "{unwritten}");
        }
        self.teller.end().await?;
        for closer in self.closers {
            // Who asked and went away has nothing more to do either.
            let _ = closer.send(unwritten.clone().map_or(Ok(()), Err));
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let Some(since) = self.closing else { return false };
        match &self.outage {
            Some(_) => since.elapsed() >= CLOSING,
            None => self.queue.is_empty() && self.unsigned.is_empty(),
        }
    }

    /// Waits for commits, or for the moment something else is due.
    async fn collect(&mut self) {
        let due = match (&self.outage, self.closing) {
            (Some(outage), _) => Some(outage.retry_at),
            (None, Some(_)) => Some(Instant::now()),
            (None, None) => self.unsigned.due(),
        };
        let pause = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // A closed and empty queue answers at once, for ever: then only the pause counts.
        let drained = self.queue.is_closed() && self.queue.is_empty();
        tokio::select! {
            biased;
            taken = self.queue.recv_many(&mut self.items, BATCH), if !drained => {
                if taken == 0 {
                    self.closing.get_or_insert_with(Instant::now);
                }
            }
            () = pause => {}
        }
        for item in self.items.drain(..) {
            match item {
                Item::Commit(entry) if entry.is_abandoned_intent() => {}
                Item::Commit(entry) => self.batch.push(entry),
                Item::Close(closer) => {
                    self.queue.close();
                    self.closing.get_or_insert_with(Instant::now);
                    self.closers.push(closer);
                }
            }
        }
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
        let asked = commits.len();
        match self.journal.write(commits).await {
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
        let now = Instant::now();
        let waiting = waiting.into_iter().map(Some).chain(iter::repeat_with(|| None));
        let judged: Vec<_> =
            results.into_iter().zip(waiting).map(|(result, waiting)| Judged { result, waiting }).collect();
        for Judged { result, waiting } in &judged {
            if let Ok(committed) = result {
                self.take_in(committed, waiting.as_ref().is_some_and(|waiting| waiting.ends_run), now)?;
            }
        }
        Ok(self.teller.tell(judged).await?)
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
