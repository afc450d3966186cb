//! What a persona does now, and how it feels: shared by whoever carries its run and whoever shows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::{
    domain::{GoalId, GoalKind, Inner, InnerLife, Limits},
    scheduler::Slice,
};

/// The line and the inner life, shared by whoever writes them and whoever shows them. Nobody waits for them to
/// change, so it is no channel: an idle persona pays for it too.
#[derive(Debug, Clone)]
pub struct Now(Arc<Mutex<Shown>>);

#[derive(Debug)]
struct Shown {
    line: Option<String>,
    inner: Inner,
    goal: Option<GoalId>,
}

impl Default for Now {
    /// Rested, and doing nothing.
    fn default() -> Self {
        Self::new(Inner::rested(Instant::now().into_std()))
    }
}

impl Now {
    /// Doing nothing yet.
    pub fn new(inner: Inner) -> Self {
        Self(Arc::new(Mutex::new(Shown { line: None, inner, goal: None })))
    }

    /// From here on this is so; none: nothing in particular.
    pub fn say(&self, line: Option<String>) {
        self.shown().line = line;
    }

    /// What was said last.
    pub fn line(&self) -> Option<String> {
        self.shown().line.clone()
    }

    /// Carries this goal from here on; none: nothing.
    pub(crate) fn carry(&self, goal: Option<GoalId>) {
        self.shown().goal = goal;
    }

    /// The goal whose run is under way.
    pub(crate) fn carried(&self) -> Option<GoalId> {
        self.shown().goal
    }

    /// How it feels.
    pub fn inner(&self) -> Inner {
        self.shown().inner.clone()
    }

    /// Somebody has what they waited for.
    pub(super) fn answered(&self, rules: &InnerLife) {
        self.shown().inner.answered(Instant::now().into_std(), rules);
    }

    /// A model gets too many requests.
    pub(crate) fn refused(&self, rules: &InnerLife) {
        self.shown().inner.refused(Instant::now().into_std(), rules);
    }

    /// A turn that nobody waited for, begun at this moment, is over.
    pub(crate) fn optional_turn_over(&self, begun: Instant, waiting: u32, rules: &InnerLife) {
        let inner = &mut self.shown().inner;
        let answered = inner.answered_since(begun.into_std());
        inner.optional_turn_over(answered, waiting, Instant::now().into_std(), rules);
    }

    /// Works in this slice at a goal of this kind until the answer is dropped, and tires.
    pub(crate) fn work(&self, slice: Slice, kind: GoalKind, limits: Arc<Limits>) -> Working {
        self.shown().inner.work_begins(Instant::now().into_std(), kind, &limits.inner_life);
        Working { now: self.clone(), limits, slice }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slice that is worked in. Dropping it gives it back, also when the run panics or is aborted.
pub(crate) struct Working {
    now: Now,
    limits: Arc<Limits>,
    slice: Slice,
}

impl Working {
    /// What is worked in.
    pub(crate) fn slice(&self) -> &Slice {
        &self.slice
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.now.shown().inner.work_ends(Instant::now().into_std(), &self.limits.inner_life);
    }
}
