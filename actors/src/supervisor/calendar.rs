//! The company's calendar: starts what is due, exactly once.
//!
//! One task owns one order of due times (`agenda.rs`) and one timer for the earliest of them; when there is none it
//! has no timer. It keeps nothing that counts: a due time is dealt with when its commit is written, and that commit
//! holds the goal, the schedule's `handled_ms` and the receipt, guarded by the schedule's version and by the key
//! (schedule, due time), which no message of the persona may have yet. So a crash between any two steps starts a due
//! time once or, at the next start, once.
//!
//! - **Missed times** (the server was down, the persona paused): the latest runs, once; its receipt counts the others.
//! - **The clock is set forward**: what was jumped over is missed, as above. It is noticed at once where the machine
//!   says so, and within [`LONGEST_SLEEP`] elsewhere.
//! - **The clock is set back**: nothing runs twice; due times that have run are waited for again only after the clock
//!   has passed them. Switching a schedule off and on makes it begin anew at the clock's word.
//! - **Days on which clocks change**: `domain/cron.rs`.
//!
//! A line may be its persona's own choice: nobody waits for what it starts, so mood, rest and a hot machine decide at its
//! due time (`own_choice.rs`). Held back, it is skipped with a receipt and wakes nobody.
//!
//! A persona's digest is due at the end of each of its days in which it began a run (`digests.rs`).

mod agenda;
pub(super) mod digests;
mod own_choice;
mod starting;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use tokio::{sync::mpsc, time::Instant};
use tracing::warn;

use self::agenda::{Agenda, Entry};
use super::desk::Desk;
use crate::{
    domain::{Hours, PersonaId, Schedule},
    ports::{LastWork, Unavailable},
};

/// The wall clock may be set: due times are looked at this often at least, while there are any.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// Due times dealt with at the same time; their commits share transactions.
const AT_ONCE: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Who starts what a calendar holds.
pub(super) const WHO: &str = "calendar";

/// What the calendar must look at.
#[derive(Debug, Clone, Copy)]
enum News {
    /// The lines of this persona's calendar, or its hours, or whether it may work, have changed.
    Changed(PersonaId),
    /// It began a run.
    Worked(PersonaId),
}

/// Where the calendar is told what changes.
pub(super) struct CalendarBell {
    news: mpsc::UnboundedSender<News>,
    /// Until when a persona's digest is known to be due: until then more work is no news.
    armed: Mutex<HashMap<PersonaId, i64>>,
}

/// What the calendar hears.
pub(super) struct Told(mpsc::UnboundedReceiver<News>);

impl CalendarBell {
    pub(super) fn new() -> (Arc<Self>, Told) {
        let (news, told) = mpsc::unbounded_channel();
        (Arc::new(Self { news, armed: Mutex::default() }), Told(told))
    }

    pub(super) fn changed(&self, persona: PersonaId) {
        // Who does not listen any more is ending.
        let _ = self.news.send(News::Changed(persona));
    }

    /// It begins a run now.
    pub(super) fn worked(&self, persona: PersonaId, now_ms: i64) {
        let known = self.armed().get(&persona).is_some_and(|until_ms| now_ms < *until_ms);
        if !known {
            let _ = self.news.send(News::Worked(persona));
        }
    }

    fn armed(&self) -> std::sync::MutexGuard<'_, HashMap<PersonaId, i64>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one who starts what is due.
pub(super) struct Keeper {
    desk: Arc<Desk>,
    told: Told,
    agenda: Agenda,
    pause: Duration,
    /// When everything is read anew; none: what is known is right.
    stale: Option<Instant>,
}

impl Keeper {
    pub(super) fn new(desk: Arc<Desk>, told: Told) -> Self {
        Self { desk, told, agenda: Agenda::default(), pause: FIRST_PAUSE, stale: Some(Instant::now()) }
    }

    /// Until nobody can tell it anything.
    pub(super) async fn keep(mut self) {
        loop {
            let wait = self.wait();
            let world = self.desk.ports.world.clone();
            let news = tokio::select! {
                news = self.told.0.recv() => Some(news),
                () = sleep(wait), if wait.is_some() => None,
                () = world.clock_set(), if self.agenda.next_ms().is_some() => None,
            };
            let done = match news {
                Some(None) => return,
                Some(Some(news)) => self.hear(news).await,
                None if self.stale.is_some() => self.read_all().await,
                None => self.start_due().await,
            };
            match done {
                Ok(()) => self.pause = FIRST_PAUSE,
                Err(Trouble::Ended) => return,
                Err(Trouble::Store(error)) => {
                    warn!("the calendar is looked at again in {} s: {error}", self.pause.as_secs());
                    self.stale = Some(Instant::now() + self.pause);
                    self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// How long nothing is to be done; none: until somebody says something.
    fn wait(&self) -> Option<Duration> {
        if let Some(stale) = self.stale {
            return Some(stale.saturating_duration_since(Instant::now()));
        }
        let wait_ms = self.agenda.next_ms()?.saturating_sub(self.desk.now_ms()).max(0);
        Some(Duration::from_millis(wait_ms.unsigned_abs()).min(LONGEST_SLEEP))
    }

    async fn read_all(&mut self) -> Result<(), Trouble> {
        let lines = self.desk.ports.records.calendar(None).await?;
        self.agenda = Agenda::default();
        self.desk.calendar.armed().clear();
        self.take_lines(&lines);
        let since_ms = self.desk.now_ms().saturating_sub(digests::LOOK_BACK_MS);
        let worked = self.desk.ports.records.worked_since(since_ms).await?;
        let desk = &self.desk;
        let begin =
            |last: LastWork| async move { (last.persona, desk.start_digests(last.persona, last.began_ms).await) };
        let begun: Vec<_> = stream::iter(worked).map(begin).buffer_unordered(AT_ONCE).collect().await;
        for (persona, due_ms) in begun {
            self.arm_digest(persona, due_ms?);
        }
        self.stale = None;
        Ok(())
    }

    async fn hear(&mut self, news: News) -> Result<(), Trouble> {
        if self.stale.is_some() {
            // Everything is read anew anyway.
            return Ok(());
        }
        match news {
            News::Changed(persona) => {
                let lines = self.desk.ports.records.calendar(Some(persona)).await?;
                self.agenda.forget_lines(persona);
                self.take_lines(&lines);
                // Its days may end at another moment now; the next run says so.
                self.desk.calendar.armed().remove(&persona);
            }
            News::Worked(persona) => {
                if let Some(there) = self.desk.ports.records.persona(persona).await? {
                    let now_ms = self.desk.now_ms();
                    let day = digests::day(&there.hours, self.desk.limits.calendar.digest_at, now_ms);
                    self.arm_digest(persona, Some(day.until_ms));
                }
            }
        }
        Ok(())
    }

    fn take_lines(&mut self, lines: &[(Schedule, Hours)]) {
        for (line, hours) in lines {
            let next_ms = line.cron.next_after(line.handled_ms, hours);
            self.agenda.set(Entry::Line(line.persona, line.id), next_ms);
        }
    }

    fn arm_digest(&mut self, persona: PersonaId, due_ms: Option<i64>) {
        self.agenda.set(Entry::Digest(persona), due_ms);
        let mut armed = self.desk.calendar.armed();
        match due_ms {
            Some(due_ms) => armed.insert(persona, due_ms),
            None => armed.remove(&persona),
        };
    }

    async fn start_due(&mut self) -> Result<(), Trouble> {
        let due = self.agenda.due(self.desk.now_ms());
        let desk = &self.desk;
        let start = |(due_ms, entry)| async move {
            let next = match entry {
                Entry::Line(_, line) => desk.start_line(line).await,
                Entry::Digest(persona) => desk.start_digests(persona, due_ms - 1).await,
            };
            (entry, next)
        };
        let mut started = stream::iter(due).map(start).buffer_unordered(AT_ONCE);
        let mut ended = Ok(());
        let mut next = Vec::new();
        while let Some((entry, due)) = started.next().await {
            match due {
                Ok(due_ms) => next.push((entry, due_ms)),
                Err(trouble) => ended = Err(trouble),
            }
        }
        drop(started);
        for (entry, due_ms) in next {
            match entry {
                Entry::Line(..) => self.agenda.set(entry, due_ms),
                Entry::Digest(persona) => self.arm_digest(persona, due_ms),
            }
        }
        ended
    }
}

/// Why a look came to nothing.
pub(super) enum Trouble {
    Store(Unavailable),
    Ended,
}

impl From<Unavailable> for Trouble {
    fn from(error: Unavailable) -> Self {
        Self::Store(error)
    }
}

async fn sleep(wait: Option<Duration>) {
    tokio::time::sleep(wait.unwrap_or(LONGEST_SLEEP)).await;
}
