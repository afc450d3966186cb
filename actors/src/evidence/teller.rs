//! Tells what has become durable, in order: publishes it and answers whoever waits.
//!
//! Answers to many cost a sixth of what writing their rows does, so many are answered in a task beside the writer, which
//! goes on with the next batch meanwhile. Few are answered at once: a change of tasks would cost them more.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinHandle,
};

use super::{GoalTurn, RecordError};
use crate::{
    domain::Receipt,
    ports::{Commit, Committed, Outdated},
};

/// Commits that are answered at once.
const AT_ONCE: usize = 16;
/// Batches that wait to be answered before the writer waits for that.
const BEHIND: usize = 2;

pub(super) type Then = Box<dyn FnOnce(&Committed) + Send>;
pub(super) type Reply = oneshot::Sender<Answer>;

/// What a caller gets back.
pub(super) struct Answer {
    pub(super) result: Result<Committed, RecordError>,
    /// No longer needed. The caller frees it: freeing what another thread allocated costs microseconds, and here
    /// every waiting commit would pay them.
    pub(super) _spent: Option<Commit>,
}

/// Whoever waits for a commit, and what is to be known of it once it is written.
pub(super) struct Waiting {
    pub(super) reply: Reply,
    pub(super) then: Option<Then>,
    /// The same commit again, when it must land: the first is used up by a write that fails.
    pub(super) spare: Option<Commit>,
    pub(super) begins: bool,
    pub(super) ends_run: bool,
    pub(super) turns: Vec<GoalTurn>,
}

/// A commit that was judged. Nobody waits for the writer's own.
pub(super) struct Judged {
    pub(super) result: Result<Committed, Outdated>,
    pub(super) waiting: Option<Waiting>,
}

/// The task that tells has fallen.
#[derive(Debug, thiserror::Error)]
#[error("the task that answers for the writer of receipts has fallen")]
pub(super) struct Fallen;

/// Whom to tell besides those who wait.
pub(super) struct Public {
    live: broadcast::Sender<Arc<Receipt>>,
    turns: broadcast::Sender<GoalTurn>,
    /// What everybody is still to be told, in order.
    put_off: Mutex<Vec<News>>,
}

/// What a commit means for all who listen.
struct News {
    receipts: Vec<Arc<Receipt>>,
    turns: Vec<GoalTurn>,
}

pub(super) struct Teller {
    public: Arc<Public>,
    /// None: it has ended.
    batches: Option<mpsc::Sender<Vec<Judged>>>,
    /// Batches handed over that are not told yet.
    behind: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Teller {
    pub(super) fn spawn(public: Public) -> Self {
        let (public, behind) = (Arc::new(public), Arc::new(AtomicUsize::new(0)));
        let (batches, mut handed) = mpsc::channel::<Vec<Judged>>(BEHIND);
        let task = tokio::spawn({
            let (public, behind) = (public.clone(), behind.clone());
            async move {
                while let Some(batch) = handed.recv().await {
                    public.tell(batch);
                    behind.fetch_sub(1, Ordering::Release);
                }
            }
        });
        Self { public, batches: Some(batches), behind, task }
    }

    /// Whether nobody waits for an answer that is on its way.
    pub(super) fn has_told(&self) -> bool {
        self.behind.load(Ordering::Acquire) == 0
    }

    /// Tells a batch after all that came before it.
    pub(super) async fn tell(&self, batch: Vec<Judged>) -> Result<(), Fallen> {
        if batch.len() <= AT_ONCE && self.has_told() {
            self.public.tell(batch);
            return Ok(());
        }
        self.behind.fetch_add(1, Ordering::Relaxed);
        let batches = self.batches.as_ref().ok_or(Fallen)?;
        batches.send(batch).await.map_err(|_| Fallen)
    }

    /// Answers on this thread, for those who wrote there: they go on first, and everybody else hears of it then. Only
    /// where everything before [has been told](Self::has_told).
    pub(super) fn answer(&self, batch: Vec<Judged>) {
        if self.public.answer(batch) {
            let public = self.public.clone();
            // Dropped with its runtime it is told with what comes next.
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                public.catch_up();
            });
        }
    }

    /// Everything has been told when this answers.
    pub(super) async fn end(&mut self) -> Result<(), Fallen> {
        drop(self.batches.take());
        self.public.catch_up();
        (&mut self.task).await.map_err(|_| Fallen)
    }
}

impl Public {
    pub(super) fn new(live: broadcast::Sender<Arc<Receipt>>, turns: broadcast::Sender<GoalTurn>) -> Self {
        Self { live, turns, put_off: Mutex::default() }
    }

    fn tell(&self, batch: Vec<Judged>) {
        let mut put_off = self.put_off();
        put_off.drain(..).for_each(|news| self.publish(news));
        for Judged { result, waiting } in batch {
            if let Some(news) = self.news(&result, waiting.as_ref()) {
                self.publish(news);
            }
            if let Some(waiting) = waiting {
                waiting.answer(result);
            }
        }
    }

    /// Answers those who wait and puts off the rest. Whether there is any, and it is the first.
    fn answer(&self, batch: Vec<Judged>) -> bool {
        let mut put_off = self.put_off();
        let was_none = put_off.is_empty();
        for Judged { result, waiting } in batch {
            put_off.extend(self.news(&result, waiting.as_ref()));
            if let Some(waiting) = waiting {
                waiting.answer(result);
            }
        }
        was_none && !put_off.is_empty()
    }

    /// Tells what was put off.
    fn catch_up(&self) {
        self.put_off().drain(..).for_each(|news| self.publish(news));
    }

    /// Locked while it is told: nobody overtakes.
    fn put_off(&self) -> MutexGuard<'_, Vec<News>> {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self, result: &Result<Committed, Outdated>, waiting: Option<&Waiting>) -> Option<News> {
        let committed = result.as_ref().ok()?;
        let turns = waiting.map(|waiting| waiting.turns.clone()).unwrap_or_default();
        let is_heard = self.live.receiver_count() > 0;
        let heard = committed.receipts.iter().filter(|_| is_heard);
        Some(News { receipts: heard.map(|receipt| Arc::new(receipt.clone())).collect(), turns })
    }

    fn publish(&self, News { receipts, turns }: News) {
        // Nobody listening is no fault.
        for receipt in receipts {
            let _ = self.live.send(receipt);
        }
        for turn in turns {
            let _ = self.turns.send(turn);
        }
    }
}

impl Waiting {
    fn answer(self, result: Result<Committed, Outdated>) {
        if let (Some(then), Ok(committed)) = (self.then, &result) {
            then(committed);
        }
        // A caller that has gone away loses the answer, never the transaction.
        let _ = self.reply.send(Answer { result: result.map_err(RecordError::from), _spent: self.spare });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        evidence::chain::Heads,
        testing::{TestWorld, chain, draft},
    };

    #[tokio::test(start_paused = true)]
    async fn a_few_are_not_told_before_the_many_in_front_of_them() {
        let (live, mut seen) = broadcast::channel(256);
        let (turns, _) = broadcast::channel(1);
        let mut teller = Teller::spawn(Public::new(live, turns));
        let (world, mut heads) = (TestWorld::new(1), Heads::new(0));
        let mut linked = heads.begin();
        let mut judged = || {
            let receipt = linked.link(draft(&world, chain(1), None, "did")).into_receipt();
            Judged { result: Ok(Committed { receipts: vec![receipt] }), waiting: None }
        };
        for many in [AT_ONCE + 1, 1, AT_ONCE, 2 * AT_ONCE] {
            teller.tell((0..many).map(|_| judged()).collect()).await.unwrap();
        }
        teller.end().await.unwrap();
        for pos in 1..=(2 + 4 * AT_ONCE) {
            assert_eq!(seen.try_recv().unwrap().pos, i64::try_from(pos).unwrap());
        }
    }
}
