//! More waits for a persona than may: the least important goes, the newcomer included, with a receipt.
//!
//! A newcomer is written like any other message; nobody counts the inbox for it. When a persona has more than the
//! limit, what is too much is dropped from the lower end of an index, so a drop costs the same whether ten or ten
//! thousand wait. Drops of a flood are told together: at most one receipt a second, or one for [`TOGETHER`] of them.
//! So for a second at most a persona may have a tenth more than the limit, never less.
//!
//! Each drop is told by the commit that drops it. When a flood is over and took more than one of these receipts, one
//! more lists all of its drops, in a table it names by its hash. [`MOST_LISTED`] drops of all floods are kept for
//! that; a longer flood is told in parts. A flood that the end of the company cuts off stands in the former receipts only.
//!
//! A dropped message's goal ends with it, and the goals that wait for that one are released or failed by their policy.

mod flood;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};
use tracing::warn;

use self::flood::{Flood, Floods};
use super::{By, desk, drafts, office::Office};
use crate::{
    domain::{
        ArtifactKind, ChainId, Draft, GoalState, Limits, MessageState, NewArtifact, PersonaId, Phase, ReceiptKind,
        TraceId,
    },
    evidence::{Evidence, RecordError, artifacts},
    persona::tally::Tally,
    ports::{Change, Commit, GoalMove, Guard, Ports, Unavailable, Waiting},
};

/// Messages dropped in one commit, with one receipt.
const TOGETHER: u32 = 500;
/// Drops kept to list whole floods, of all of them: 3 MB.
const MOST_LISTED: usize = 100_000;
/// How long more drops are waited for.
const GATHER: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the supervisor says that an inbox is over its brim.
#[derive(Debug, Default)]
pub(super) struct Brim {
    limit: u32,
    over: Mutex<HashMap<PersonaId, u32>>,
    ring: Notify,
}

impl Brim {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// So many messages are in its inbox, as far as is known.
    pub(super) fn note(&self, persona: PersonaId, messages: u32) {
        if messages > self.limit {
            let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            over.insert(persona, messages - self.limit);
            drop(over);
            self.ring.notify_one();
        }
    }

    fn take(&self) -> HashMap<PersonaId, u32> {
        std::mem::take(&mut self.over.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The one who drops.
pub(super) struct Overflow {
    ports: Ports,
    evidence: Evidence,
    office: Office,
    limits: Arc<Limits>,
    brim: Arc<Brim>,
    tally: Arc<Tally>,
}

/// The company's standing parts.
pub(super) type Parts<'a> = (&'a Ports, &'a Evidence, &'a Office, &'a Arc<Limits>);

/// Why nothing was dropped.
enum Trouble {
    Store(Unavailable),
    Ended,
}

impl Overflow {
    pub(super) fn new((ports, evidence, office, limits): Parts<'_>, brim: Arc<Brim>, tally: &Arc<Tally>) -> Self {
        let (ports, evidence, office) = (ports.clone(), evidence.clone(), office.clone());
        Self { ports, evidence, office, limits: limits.clone(), brim, tally: tally.clone() }
    }

    /// Until the receipts are closed.
    pub(super) async fn keep(self) {
        let mut due: HashMap<PersonaId, Instant> = HashMap::new();
        let (mut pause, mut floods) = (GATHER, Floods::new(MOST_LISTED));
        loop {
            let next = due.values().copied().chain(floods.next()).min();
            tokio::select! {
                () = self.brim.ring.notified() => {
                    for (persona, over) in self.brim.take() {
                        let at = Instant::now() + if over >= self.slack() { Duration::ZERO } else { GATHER };
                        due.entry(persona).and_modify(|known| *known = at.min(*known)).or_insert(at);
                    }
                }
                () = until(next) => {
                    let now = Instant::now();
                    let ready: Vec<_> = due.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
                    for persona in ready {
                        due.remove(&persona);
                        match self.trim(persona, &mut floods).await {
                            Ok(()) => pause = GATHER,
                            Err(Trouble::Ended) => return,
                            Err(Trouble::Store(error)) => {
                                warn!(persona = %persona, "what is too much for {persona} is dropped later: {error}");
                                pause = (pause * 2).min(LONGEST_PAUSE);
                                due.insert(persona, now + pause);
                            }
                        }
                    }
                    if let Err(Trouble::Ended) = self.tell(&mut floods).await {
                        return;
                    }
                }
            }
        }
    }

    /// Tells of the floods that are over; what cannot be told now is told later.
    async fn tell(&self, floods: &mut Floods) -> Result<(), Trouble> {
        while let Some((persona, flood)) = floods.take(Instant::now()) {
            // One receipt has listed it.
            if flood.receipts == 1 {
                continue;
            }
            match self.told(persona, &flood).await {
                Err(Trouble::Store(error)) => {
                    warn!(persona = %persona, "what a flood cost {persona} is told later: {error}");
                    floods.put_back(persona, flood, Instant::now() + LONGEST_PAUSE);
                    return Ok(());
                }
                told => told?,
            }
        }
        Ok(())
    }

    async fn told(&self, persona: PersonaId, flood: &Flood) -> Result<(), Trouble> {
        let (name, bytes) = ("dropped.csv".to_owned(), flood.table().into_bytes());
        let table = NewArtifact { kind: ArtifactKind::File, name, media_type: "text/csv", bytes };
        let listed = artifacts::keep(&*self.ports.blobs, table).await.map_err(Trouble::Store)?;
        let summary = format!("a flood is over: the list names the {} messages that were dropped", flood.len());
        let data = json!({"dropped": flood.len(), "receipts": flood.receipts, "from_ms": flood.from_ms});
        let mut draft = self.log(persona, summary, data);
        draft.body.artifacts = vec![listed];
        match self.evidence.record(Commit { receipts: vec![draft], ..Commit::default() }).await {
            Ok(_) | Err(RecordError::Outdated(_)) => Ok(()),
            Err(RecordError::Unavailable(error)) => Err(Trouble::Store(error)),
            Err(RecordError::Ended) => Err(Trouble::Ended),
        }
    }

    fn log(&self, persona: PersonaId, summary: String, data: Value) -> Draft {
        let (world, chain) = (&*self.ports.world, ChainId::Persona(persona));
        let by = By { who: "system".to_owned(), trace: TraceId(world.new_id()) };
        let draft = drafts::decision(&self.limits.node, world, chain, &by, summary, data);
        Draft { kind: ReceiptKind::Log, phase: None, ..draft }
    }

    /// So many too much cannot wait for more.
    fn slack(&self) -> u32 {
        (self.limits.inbox.most_waiting / 10).clamp(1, 2 * TOGETHER)
    }

    /// Drops what is too much.
    async fn trim(&self, persona: PersonaId, floods: &mut Floods) -> Result<(), Trouble> {
        let (records, limit) = (&self.ports.records, self.limits.inbox.most_waiting);
        loop {
            let waiting = records.waiting(persona).await.map_err(Trouble::Store)?;
            let over = waiting.saturating_sub(limit);
            if over == 0 {
                return Ok(());
            }
            let least = records.least_important(persona, over.min(TOGETHER)).await.map_err(Trouble::Store)?;
            if least.is_empty() {
                // All of it was begun before; it ends by itself.
                return Ok(());
            }
            match self.evidence.record(self.dropped(persona, &least, waiting)).await {
                Ok(_) => {
                    self.tally.dropped(least.len());
                    floods.goes_on(persona, &least, self.ports.world.now_ms(), Instant::now());
                    if let Some(record) = records.roster_record(persona).await.map_err(Trouble::Store)? {
                        self.office.fresh(record);
                    }
                }
                // One of them was begun meanwhile.
                Err(RecordError::Outdated(_)) => {}
                Err(RecordError::Unavailable(error)) => return Err(Trouble::Store(error)),
                Err(RecordError::Ended) => return Err(Trouble::Ended),
            }
        }
    }

    fn dropped(&self, persona: PersonaId, least: &[Waiting], waiting: u32) -> Commit {
        let (world, limit) = (&*self.ports.world, self.limits.inbox.most_waiting);
        let at_ms = world.now_ms();
        let error = format!(
            "dropped: {waiting} messages waited, more than {limit}, and this was among the least important; give it again when there is room"
        );
        let (mut guards, mut changes, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for Waiting { message, goal } in least {
            guards.push(Guard::MessageIs(message.id, MessageState::Waiting));
            guards.push(Guard::GoalVersion(goal.id, goal.version));
            changes.push(Change::MessageMoved(message.id, MessageState::Dropped));
            let step = desk::moved(goal, GoalState::Cancelled, at_ms);
            changes.push(Change::GoalMoved(GoalMove { last_error: Some(error.clone()), ..step }));
            listed.push(json!([message.id, goal.id]));
        }
        let summary = format!("dropped {} messages: more than {limit} waited", least.len());
        let data = json!({"waiting": waiting, "limit": limit, "dropped_messages_and_goals": listed});
        let mut draft = Draft { phase: Some(Phase::Dropped), ..self.log(persona, summary, data) };
        if let [only] = least {
            draft = drafts::about(draft, only.goal.id, only.goal.project.clone(), Some(GoalState::Cancelled.as_str()));
        }
        Commit { guards, changes, receipts: vec![draft] }
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
