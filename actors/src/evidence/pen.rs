//! Who writes: a task, for what collects, or whoever comes alone, on his own thread.
//!
//! Natural group commit: while a batch is being written the next one collects in the queue, and the task writes that. But
//! where commits come one by one, each would wait for two changes of threads as long as for the disk. So a commit that
//! finds nobody else, after one that found nobody else either, is written by the one who brings it. Only one holds the
//! pen, and what was handed to the task comes first.
//!
//! The task is cancelled by nothing, and whoever writes himself does not wait anywhere inside, so a transaction that has
//! begun comes to its end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::{Mutex as AsyncMutex, Notify, mpsc},
    task::coop::consume_budget,
    time::Instant,
};

use super::{
    RecordError, panic_text,
    writer::{BATCH, Broken, Entry, Item, Writer},
};

/// A write of one's own counts as so many steps of those after which a task lets others on its thread go on: whoever only
/// writes does so after eight.
const WEIGHT: usize = 16;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pen(Arc<Shared>);

struct Shared {
    desk: AsyncMutex<Desk>,
    /// Commits that the task has been handed and has not written.
    handed: AtomicUsize,
    /// There is something to do before the task believes.
    stirred: Notify,
    /// The task is gone: nothing is written any more.
    is_down: AtomicBool,
}

struct Desk {
    /// None: nothing is written any more, and nobody waits for that.
    writer: Option<Writer>,
    /// The task sleeps until then, if nobody hands in anything; none: for ever.
    sleeps_until: Option<Instant>,
}

/// However the task ends.
struct PutsDown<'a>(&'a Shared);

impl Drop for PutsDown<'_> {
    fn drop(&mut self) {
        self.0.is_down.store(true, Ordering::Release);
        // Else whoever is writing is the last one, and the next one sees it.
        if let Ok(mut desk) = self.0.desk.try_lock() {
            desk.writer = None;
        }
    }
}

impl Pen {
    pub(super) fn new(writer: Writer) -> Self {
        Self(Arc::new(Shared {
            desk: AsyncMutex::new(Desk { writer: Some(writer), sleeps_until: None }),
            handed: AtomicUsize::new(0),
            stirred: Notify::new(),
            is_down: AtomicBool::new(false),
        }))
    }

    /// Writes it here and now if it comes alone, else hands it to the task.
    pub(super) async fn write(&self, entry: Entry, queue: &mpsc::Sender<Item>) -> Result<(), RecordError> {
        let Some(entry) = self.write_here(entry) else {
            for _ in 0..WEIGHT {
                consume_budget().await;
            }
            return Ok(());
        };
        let place = queue.reserve().await.map_err(|_| RecordError::Ended)?;
        self.0.handed.fetch_add(1, Ordering::AcqRel);
        place.send(Item::Commit(entry));
        Ok(())
    }

    /// What comes back is for the task.
    fn write_here(&self, entry: Entry) -> Option<Entry> {
        let Shared { desk, handed, stirred, is_down } = &*self.0;
        if handed.load(Ordering::Acquire) > 0 {
            return Some(entry);
        }
        let Ok(mut desk) = desk.try_lock() else { return Some(entry) };
        if is_down.load(Ordering::Acquire) {
            desk.writer = None;
        }
        let Desk { writer, sleeps_until } = &mut *desk;
        let Some(writer) = writer else { return Some(entry) };
        let left = catch_unwind(AssertUnwindSafe(|| writer.write_here(entry))).unwrap_or_else(|panic| {
            writer.breaks(Broken::Fell(panic_text(&*panic).to_owned()));
            None
        });
        let due = writer.due();
        if due.is_some_and(|due| sleeps_until.is_none_or(|until| due < until)) {
            *sleeps_until = due;
            stirred.notify_one();
        }
        left
    }

    /// Writes what is handed in, until everyone who could is gone, or one of them asked for the end.
    pub(super) async fn keep(self, mut queue: mpsc::Receiver<Item>) -> Result<(), Broken> {
        let Shared { desk, stirred, .. } = &*self.0;
        let _down = PutsDown(&self.0);
        let mut items = Vec::with_capacity(BATCH);
        loop {
            // A closed and empty queue answers at once, for ever: then only what is due counts.
            let drained = queue.is_closed() && queue.is_empty();
            let due = {
                let mut desk = desk.lock().await;
                let Desk { writer: Some(writer), sleeps_until } = &mut *desk else { return Ok(()) };
                if drained {
                    writer.closes();
                }
                if writer.is_over(drained) {
                    return writer.end().await;
                }
                *sleeps_until = writer.due();
                *sleeps_until
            };
            tokio::select! {
                biased;
                _ = queue.recv_many(&mut items, BATCH), if !drained => {}
                () = stirred.notified() => {}
                () = until(due) => {}
            }
            self.write_all(&mut items, &mut queue).await?;
        }
    }

    async fn write_all(&self, items: &mut Vec<Item>, queue: &mut mpsc::Receiver<Item>) -> Result<(), Broken> {
        let mut desk = self.0.desk.lock().await;
        let Some(writer) = &mut desk.writer else { return Ok(()) };
        let mut commits = 0;
        for item in items.drain(..) {
            match item {
                Item::Commit(entry) => {
                    commits += 1;
                    writer.take(entry);
                }
                Item::Close(closer) => {
                    queue.close();
                    writer.closes();
                    writer.tells_at_end(closer);
                }
            }
        }
        writer.write_all().await?;
        self.0.handed.fetch_sub(commits, Ordering::AcqRel);
        Ok(())
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
