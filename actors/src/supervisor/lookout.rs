//! Personas that stand in wait for others: "tell me when Helper flags code".
//!
//! One task looks. It hears every receipt after its commit and holds it against the waits for that persona; when one
//! matches, it reads the chain on from where it looked last and delivers one `result` that tells all that matched.
//! The same commit moves the wait to where it has looked, guarded by where it was: each match is told exactly once,
//! over crashes too. At start, and when it missed something, it reads on for every wait.
//!
//! **No circles**: only this task adds waits, so a wait that would close one is refused with everybody on it named.
//! **No floods**: a wait tells at most once in `inbox.tell_again_after`; what happens meanwhile is told together, the
//! first twenty in words and the rest as a number. Whatever feeds it (two waits over a detour of people or programs
//! too), one wait costs its persona no more than six turns a minute at the default.

mod telling;
mod watched;

use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
    time::Instant,
};
use tracing::warn;

use self::watched::Watched;
use super::{
    By, CommandError, Company, NewStandingWait,
    desk::{Desk, busy, invalid, refused},
};
use crate::{
    domain::{ChainId, Persona, PersonaId, Receipt, StandingWait, StandingWaitId, TraceId, WaitEnd},
    ports::{Change, Commit, Guard},
};

/// Waits of one persona.
const MOST_WAITS: usize = 100;
const PAUSE: Duration = Duration::from_secs(5);

impl Company {
    /// A persona is told from now on what happens to another one. Refused when it would wait for itself in the end.
    pub async fn stand_in_wait(&self, new: NewStandingWait, by: &By) -> Result<StandingWait, CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.lookout.add(new, by).await }).await
    }

    /// Nothing more is told.
    pub async fn end_standing_wait(&self, id: StandingWaitId, by: &By) -> Result<(), CommandError> {
        self.carry_out(by, move |desk, by| async move { desk.lookout.remove(id, by).await }).await
    }
}

/// Where the one who looks is asked. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookout(mpsc::Sender<Ask>);

/// What it is asked.
pub(super) enum Ask {
    Add(NewStandingWait, By, oneshot::Sender<Result<StandingWait, CommandError>>),
    Remove(StandingWaitId, By, oneshot::Sender<Result<(), CommandError>>),
    /// This persona is deleted.
    Deleted(PersonaId),
}

impl Lookout {
    /// The handle, and what the task reads.
    pub(super) fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel(64);
        (Self(asks), asked)
    }

    pub(super) async fn add(&self, new: NewStandingWait, by: By) -> Result<StandingWait, CommandError> {
        self.ask(|reply| Ask::Add(new, by, reply)).await
    }

    pub(super) async fn remove(&self, id: StandingWaitId, by: By) -> Result<(), CommandError> {
        self.ask(|reply| Ask::Remove(id, by, reply)).await
    }

    pub(super) async fn deleted(&self, id: PersonaId) {
        // What is missed here is found at the next start.
        let _ = self.0.send(Ask::Deleted(id)).await;
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> Ask,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.0.send(ask(reply)).await.map_err(|_| CommandError::Ending)?;
        answer.await.unwrap_or(Err(CommandError::Ending))
    }
}

/// The one who looks.
pub(super) struct Looking {
    desk: Weak<Desk>,
    asked: mpsc::Receiver<Ask>,
    receipts: broadcast::Receiver<Arc<Receipt>>,
    watched: Watched,
    /// Waits of which one persona is deleted: they are to be ended when they are looked at.
    ending: BTreeSet<StandingWaitId>,
}

impl Looking {
    /// Hears from here on; it looks as soon as it is kept.
    pub(super) fn new(desk: &Arc<Desk>, asked: mpsc::Receiver<Ask>) -> Self {
        let receipts = desk.evidence.subscribe();
        let (watched, ending) = (Watched::default(), BTreeSet::new());
        Self { desk: Arc::downgrade(desk), asked, receipts, watched, ending }
    }

    /// Until the company is gone.
    pub(super) async fn keep(mut self) {
        while let Err(error) = self.begin().await {
            if matches!(error, CommandError::Ending) {
                return;
            }
            warn!("standing waits are read again in {} s: {error}", PAUSE.as_secs());
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            let next = self.watched.next();
            tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(ask) => self.answer(ask).await,
                    None => return,
                },
                heard = self.receipts.recv() => match heard {
                    Ok(receipt) => {
                        if let ChainId::Persona(persona) = receipt.chain {
                            self.watched.heard(persona, &receipt, Instant::now());
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.look_at_all(),
                    Err(RecvError::Closed) => return,
                },
                () = until(next) => {
                    while let Some(id) = self.watched.take_due(Instant::now()) {
                        match self.look_at(id).await {
                            Ok(()) => {}
                            Err(CommandError::Ending) => return,
                            Err(error) => {
                                warn!("standing wait {id} is looked at again in {} s: {error}", PAUSE.as_secs());
                                self.read_again(id).await;
                            }
                        }
                    }
                }
            }
        }
    }

    fn desk(&self) -> Result<Arc<Desk>, CommandError> {
        self.desk.upgrade().ok_or(CommandError::Ending)
    }

    /// Reads what stands; what a crash left is told, or ended.
    async fn begin(&mut self) -> Result<(), CommandError> {
        let desk = self.desk()?;
        for wait in desk.ports.records.standing_waits().await? {
            if desk.is_gone(wait.watched).await? || desk.is_gone(wait.waiter).await? {
                self.ending.insert(wait.id);
            }
            self.stand(&desk, wait);
        }
        self.look_at_all();
        Ok(())
    }

    async fn look_at(&mut self, id: StandingWaitId) -> Result<(), CommandError> {
        if self.ending.contains(&id) { self.end_of(id).await } else { self.tell(id, None).await }
    }

    /// After trouble the journal's word counts: a commit may have been written though its answer was lost.
    async fn read_again(&mut self, id: StandingWaitId) {
        let Ok(desk) = self.desk() else { return };
        if let Ok(standing) = desk.ports.records.standing_waits().await {
            match standing.into_iter().find(|wait| wait.id == id) {
                Some(wait) => self.stand(&desk, wait),
                None => self.watched.remove(id),
            }
        }
        self.watched.look(id, Instant::now() + PAUSE);
    }

    fn look_at_all(&mut self) {
        for id in self.watched.ids() {
            self.watched.look(id, Instant::now());
        }
    }

    fn stand(&mut self, desk: &Desk, wait: StandingWait) {
        let again_ms = i64::try_from(desk.limits.inbox.tell_again_after.as_millis()).unwrap_or(i64::MAX);
        let left_ms = wait.told_ms.map_or(0, |told_ms| told_ms.saturating_add(again_ms) - desk.now_ms());
        // The wall clock may have been set back: never longer than the whole rest.
        let rests = Duration::from_millis(u64::try_from(left_ms.clamp(0, again_ms)).unwrap_or(0));
        self.watched.put(wait, rests, Instant::now());
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Add(new, by, reply) => drop(reply.send(self.add(new, &by).await)),
            Ask::Remove(id, by, reply) => drop(reply.send(self.remove(id, &by).await)),
            Ask::Deleted(persona) => {
                for id in self.watched.of(persona) {
                    self.ending.insert(id);
                    if let Err(error) = self.end_of(id).await {
                        warn!("standing wait {id} is ended in {} s: {error}", PAUSE.as_secs());
                        self.read_again(id).await;
                    }
                }
            }
        }
    }

    async fn add(&mut self, new: NewStandingWait, by: &By) -> Result<StandingWait, CommandError> {
        let desk = self.desk()?;
        let NewStandingWait { waiter, watched, condition } = new;
        condition.check().map_err(|bad| invalid(&bad.field, bad.reason))?;
        let ada = desk.persona(waiter).await?;
        let other = desk.persona(watched).await.map_err(|error| match error {
            CommandError::NotFound { which, .. } => invalid(
                "watched",
                format!("there is no persona `{which}`, or it is deleted: nothing more happens to it"),
            ),
            other => other,
        })?;
        if let Some(way) = self.watched.circle(waiter, watched) {
            return Err(invalid("watched", circle(&desk, &ada, &way).await?));
        }
        if self.watched.count_of(waiter) >= MOST_WAITS {
            return Err(invalid(
                "watched",
                format!("{} stands in wait {MOST_WAITS} times already: remove one", ada.name),
            ));
        }
        let wait = StandingWait {
            id: StandingWaitId(desk.world().new_id()),
            waiter,
            watched,
            condition,
            created_by: by.who.clone(),
            created_ms: desk.now_ms(),
            seen_seq: desk.ports.records.newest_seq(watched).await?,
            told: 0,
            told_ms: None,
            ended: None,
        };
        let summary = format!("stands in wait for {}: {}", other.name, wait.condition.in_words());
        let data = json!({"standing_wait": wait.id, "watched": watched, "condition": wait.condition});
        let commit = Commit {
            guards: vec![Guard::PersonaExists(waiter), Guard::PersonaExists(watched)],
            changes: vec![Change::StandingWaitSet(Box::new(wait.clone()))],
            receipts: vec![desk.decision(waiter, by, summary, data)],
        };
        desk.write(commit).await?.map_err(|outdated| refused(&outdated))?;
        self.stand(&desk, wait.clone());
        // Something may have happened between the look at the chain and the commit.
        self.watched.look(wait.id, Instant::now());
        Ok(wait)
    }

    async fn remove(&mut self, id: StandingWaitId, by: &By) -> Result<(), CommandError> {
        let desk = self.desk()?;
        let wait = self.watched.get(id).cloned();
        let wait = wait.ok_or_else(|| CommandError::NotFound { what: "standing wait", which: id.to_string() })?;
        let because = format!("removed by {}", by.who);
        let data = json!({"standing_wait": id, "watched": wait.watched, "told": wait.told});
        let draft = desk.decision(wait.waiter, by, format!("no longer stands in wait: {because}"), data);
        let guards = vec![Guard::StandingWaitAt(id, wait.seen_seq)];
        let ended = StandingWait { ended: Some(WaitEnd { at_ms: desk.now_ms(), because }), ..wait };
        let commit = Commit { guards, changes: vec![Change::StandingWaitSet(Box::new(ended))], receipts: vec![draft] };
        desk.write(commit).await?.map_err(|_| busy("the standing wait"))?;
        self.watched.remove(id);
        Ok(())
    }

    /// One of the two is deleted: the last things are told, if there is still somebody to tell.
    async fn end_of(&mut self, id: StandingWaitId) -> Result<(), CommandError> {
        let desk = self.desk()?;
        let Some(wait) = self.watched.get(id).cloned() else {
            self.ending.remove(&id);
            return Ok(());
        };
        let name = |persona: Option<Persona>| persona.map_or_else(|| "it".to_owned(), |persona| persona.name);
        if !desk.is_gone(wait.waiter).await? {
            let other = name(desk.ports.records.persona(wait.watched).await?);
            self.tell(id, Some(format!("{other} was deleted: nothing more will be told"))).await?;
            self.ending.remove(&id);
            return Ok(());
        }
        let waiter = name(desk.ports.records.persona(wait.waiter).await?);
        let by = By { who: "system".to_owned(), trace: TraceId(desk.world().new_id()) };
        let because = format!("{waiter} was deleted");
        let data = json!({"standing_wait": id, "told": wait.told});
        let receipts = vec![desk.decision(wait.waiter, &by, format!("no longer stands in wait: {because}"), data)];
        let guards = vec![Guard::StandingWaitAt(id, wait.seen_seq)];
        let ended = StandingWait { ended: Some(WaitEnd { at_ms: desk.now_ms(), because }), ..wait };
        let changes = vec![Change::StandingWaitSet(Box::new(ended))];
        desk.write(Commit { guards, changes, receipts }).await?.map_err(|_| busy("the standing wait"))?;
        self.watched.remove(id);
        self.ending.remove(&id);
        Ok(())
    }
}

/// `Ada would wait for itself: Ada waits for Bo, who waits for Ada`.
async fn circle(desk: &Desk, waiter: &Persona, way: &[PersonaId]) -> Result<String, CommandError> {
    let mut names = Vec::with_capacity(way.len());
    for id in way {
        let persona = desk.ports.records.persona(*id).await?;
        names.push(persona.map_or_else(|| id.to_string(), |persona| persona.name));
    }
    let ways: Vec<_> = names.iter().map(|name| format!("waits for {name}")).collect();
    Ok(format!("{0} would wait for itself: {0} {1}", waiter.name, ways.join(", who ")))
}

async fn until(next: Option<Instant>) {
    match next {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
