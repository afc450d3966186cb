//! A world that does as it is told, and remembers what it was asked.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::lock;
use crate::{
    domain::{Bound, Call, Outcome, PersonaId, StepError},
    ports::Performer,
};

/// What a scripted call does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers at once.
    Answer(Outcome),
    /// Answers after a while, or at once when it is stopped.
    After(Duration, Outcome),
    /// Answers only when it is stopped.
    UntilStopped(Outcome),
    /// Never answers, not even when it is stopped.
    Hang,
    /// Falls.
    Panic(&'static str),
}

impl From<Outcome> for Act {
    fn from(outcome: Outcome) -> Self {
        Self::Answer(outcome)
    }
}

/// What a call may take at worst.
type Bounds = dyn Fn(&Call) -> Result<Option<Bound>, StepError> + Send + Sync;

/// What a call would act on.
type Looks = dyn FnMut(&Call) -> Result<Option<Value>, StepError> + Send;

/// Performs calls by a script. The script sees each call and may panic by itself.
pub struct ScriptedPerformer {
    bounds: Mutex<Option<Box<Bounds>>>,
    looks: Mutex<Option<Box<Looks>>>,
    off_limits: Mutex<Vec<String>>,
    script: Box<dyn Fn(&Call) -> Act + Send + Sync>,
    calls: watch::Sender<Vec<Call>>,
    inside: AtomicUsize,
    most: AtomicUsize,
    rested: Mutex<Vec<PersonaId>>,
    released: Mutex<Vec<PersonaId>>,
    page_lost: AtomicBool,
    rests_long: AtomicBool,
}

impl ScriptedPerformer {
    /// Calls do what `script` says: an [`Outcome`], or an [`Act`].
    pub fn new<A: Into<Act>>(script: impl Fn(&Call) -> A + Send + Sync + 'static) -> Self {
        Self {
            bounds: Mutex::default(),
            looks: Mutex::default(),
            off_limits: Mutex::default(),
            script: Box::new(move |call| script(call).into()),
            calls: watch::Sender::new(Vec::new()),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            rested: Mutex::default(),
            released: Mutex::default(),
            page_lost: AtomicBool::new(false),
            rests_long: AtomicBool::new(false),
        }
    }

    /// From now on calls may take so much at worst; before, they cost nothing.
    pub fn bound_by(&self, bounds: impl Fn(&Call) -> Result<Option<Bound>, StepError> + Send + Sync + 'static) {
        *lock(&self.bounds) = Some(Box::new(bounds));
    }

    /// From now on this is what calls would act on; before, their arguments said it all.
    pub fn shows(&self, looks: impl FnMut(&Call) -> Result<Option<Value>, StepError> + Send + 'static) {
        *lock(&self.looks) = Some(Box::new(looks));
    }

    /// From now on addresses that begin so are on no host list.
    pub fn keep_out_of(&self, beginning: &str) {
        lock(&self.off_limits).push(beginning.to_owned());
    }

    /// Every call so far, in the order they began.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Waits until `n` calls have begun.
    pub async fn called(&self, n: usize) {
        // The sender is ours, so the wait can only end well.
        let _ = self.calls.subscribe().wait_for(|calls| calls.len() >= n).await;
    }

    /// Calls under way now.
    pub fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    /// The most calls that were ever under way at once.
    pub fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// The page that is open is closed; whoever asks next is told so.
    pub fn lose_page(&self) {
        self.page_lost.store(true, Ordering::SeqCst);
    }

    /// From now on saving at the end of a slice takes a minute, or not.
    pub fn rest_long(&self, long: bool) {
        self.rests_long.store(long, Ordering::SeqCst);
    }

    /// Personas whose slice ended, in order.
    pub fn rested(&self) -> Vec<PersonaId> {
        lock(&self.rested).clone()
    }

    /// Personas that let go of everything, in order.
    pub fn released(&self) -> Vec<PersonaId> {
        lock(&self.released).clone()
    }
}

/// Counts a call as under way until it is dropped: answered, panicked or abandoned.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Performer for ScriptedPerformer {
    async fn perform(&self, call: Call, stop: CancellationToken) -> Outcome {
        let now = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        let _inside = Inside(&self.inside);
        self.most.fetch_max(now, Ordering::SeqCst);
        self.calls.send_modify(|calls| calls.push(call.clone()));
        match (self.script)(&call) {
            Act::Answer(outcome) => outcome,
            Act::After(pause, outcome) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => {}
                }
                outcome
            }
            Act::UntilStopped(outcome) => {
                stop.cancelled().await;
                outcome
            }
            Act::Hang => std::future::pending().await,
            Act::Panic(why) => std::panic::panic_any(why),
        }
    }

    async fn bound(&self, call: &Call) -> Result<Option<Bound>, StepError> {
        lock(&self.bounds).as_ref().map_or(Ok(None), |bounds| bounds(call))
    }

    async fn look(&self, call: &Call) -> Result<Option<Value>, StepError> {
        lock(&self.looks).as_mut().map_or(Ok(None), |looks| looks(call))
    }

    async fn keeps_out(&self, _persona: PersonaId, address: &str) -> bool {
        lock(&self.off_limits).iter().any(|beginning| address.starts_with(beginning))
    }

    async fn rest(&self, persona: PersonaId) {
        lock(&self.rested).push(persona);
        if self.rests_long.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }

    async fn keeps_page(&self, _persona: PersonaId) -> bool {
        !self.page_lost.swap(false, Ordering::SeqCst)
    }

    async fn release(&self, persona: PersonaId) {
        lock(&self.released).push(persona);
    }
}
