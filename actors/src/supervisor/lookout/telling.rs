//! Reads a chain on from where a wait has looked, and tells what matched.

use std::sync::Arc;

use tokio::time::Instant;

use super::Looking;
use crate::{
    domain::{ResultOf, StandingWait, StandingWaitId, TraceId, WaitEnd, WaitsFor, line},
    ports::{Change, Commit, Guard},
    supervisor::{
        By, CommandError, NewWork, Work,
        delivery::Extra,
        desk::{Desk, busy},
    },
};

/// Matches that are told in words.
const LINES: usize = 20;
/// Receipts read at once.
const PAGE: u32 = 256;
/// Receipts read for one telling; the rest is told next time.
const MOST_READ: usize = 4_096;
/// Receipts without a match after which where it has looked is made durable.
const KEEP_AFTER: i64 = 1_000;

/// What was found on a chain.
#[derive(Default)]
struct Found {
    /// The first of it, a line each.
    lines: Vec<String>,
    /// All of it.
    matches: u32,
    /// Looked as far as this.
    seq: i64,
    trace: Option<TraceId>,
    /// There is more to read.
    more: bool,
}

impl Looking {
    /// Tells what matched since it looked last; `last`: and then it is over, because of this.
    pub(super) async fn tell(&mut self, id: StandingWaitId, last: Option<String>) -> Result<(), CommandError> {
        let desk = self.desk()?;
        let Some(wait) = self.watched.get(id).cloned() else { return Ok(()) };
        let found = self.read_on(&desk, &wait).await?;
        if found.matches == 0 && last.is_none() {
            self.watched.looked_to(id, found.seq);
            if found.more || found.seq - wait.seen_seq >= KEEP_AFTER {
                self.keep_place(&desk, &wait, &found).await?;
            }
            return Ok(());
        }
        let watched = desk.ports.records.persona(wait.watched).await?;
        let from = watched.map_or_else(|| "a persona".to_owned(), |persona| persona.name);
        let by = By { who: from.clone(), trace: found.trace.unwrap_or_else(|| TraceId(desk.world().new_id())) };
        let now_ms = desk.now_ms();
        let moved = StandingWait {
            seen_seq: found.seq,
            told: wait.told.saturating_add(found.matches),
            told_ms: Some(now_ms),
            ended: last.clone().map(|because| WaitEnd { at_ms: now_ms, because }),
            ..wait.clone()
        };
        let extra = Extra {
            guards: vec![Guard::StandingWaitAt(id, wait.seen_seq)],
            changes: vec![Change::StandingWaitSet(Box::new(moved.clone()))],
        };
        let more = found.more;
        match desk.deliver_with(result(&wait, from, found, last), extra, &by).await {
            Ok(_) if moved.ended.is_some() => self.watched.remove(id),
            Ok(_) => self.stand(&desk, moved),
            // Nobody is there any more to be told: the wait goes with its persona.
            Err(CommandError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        if more {
            self.watched.look(id, Instant::now());
        }
        Ok(())
    }

    /// Makes durable where it has looked, so that a restart need not look there again.
    async fn keep_place(&mut self, desk: &Desk, wait: &StandingWait, found: &Found) -> Result<(), CommandError> {
        let moved = StandingWait { seen_seq: found.seq, ..wait.clone() };
        let commit = Commit {
            guards: vec![Guard::StandingWaitAt(wait.id, wait.seen_seq)],
            changes: vec![Change::StandingWaitSet(Box::new(moved.clone()))],
            receipts: Vec::new(),
        };
        desk.write(commit).await?.map_err(|_| busy("the standing wait"))?;
        self.stand(desk, moved);
        if found.more {
            self.watched.look(wait.id, Instant::now());
        }
        Ok(())
    }

    async fn read_on(&self, desk: &Desk, wait: &StandingWait) -> Result<Found, CommandError> {
        let mut found = Found { seq: self.watched.looked(wait.id), ..Found::default() };
        let mut read = 0;
        loop {
            let page = desk.ports.records.receipts_after(wait.watched, found.seq, PAGE).await?;
            read += page.len();
            let whole = page.len() < PAGE as usize;
            for receipt in page {
                found.seq = receipt.seq;
                if wait.condition.matches(&receipt) {
                    found.matches += 1;
                    found.trace = receipt.trace.or(found.trace);
                    if found.lines.len() < LINES {
                        found.lines.push(line(&receipt));
                    }
                }
            }
            if whole || read >= MOST_READ {
                found.more = !whole;
                return Ok(found);
            }
        }
    }
}

/// What the waiter gets.
fn result(wait: &StandingWait, from: String, found: Found, last: Option<String>) -> NewWork {
    let told = usize::try_from(found.matches).unwrap_or(usize::MAX);
    let result = ResultOf {
        from,
        asked: wait.condition.in_words(),
        more: told.saturating_sub(found.lines.len()),
        happened: found.lines.into_iter().chain(last).collect(),
        burst: format!("wait:{}", wait.id),
    };
    NewWork {
        persona: wait.waiter,
        what: Work::Arrived(Arc::new(result)),
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    }
}
