//! Carries one run through its steps.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::Persona,
    evidence::Evidence,
    ports::{Ports, Waiting},
    scheduler::Scheduler,
    supervisor::Limits,
};

/// Carries runs. Cheap to clone.
#[derive(Clone)]
pub struct Runner {}

/// How a run ended, as far as its persona must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// The goal is over and its message settled.
    Over { failure_streak: u32, open_circuit: bool },
    /// Parked or backing off; none: a person must act.
    Later { due_ms: Option<i64> },
    /// `stop` fired: what was done is durable and can be carried on.
    Stopped,
    /// The store is gone; try again later.
    Unavailable,
}

impl Runner {
    /// `limits` hold for every run.
    pub fn new(_ports: Ports, _evidence: Evidence, _scheduler: Scheduler, _limits: Arc<Limits>) -> Self {
        Self {}
    }

    /// Carries the goal of `work` through one attempt, or carries its open run on.
    pub async fn carry(
        &self,
        _persona: Arc<Persona>,
        _work: Waiting,
        _failure_streak: u32,
        _stop: CancellationToken,
        _now: watch::Sender<Option<String>>,
    ) -> RunEnd {
        RunEnd::Later { due_ms: None }
    }

    /// The task that carried the run panicked: says so in the evidence and fails the attempt.
    pub async fn after_panic(&self, _persona: Arc<Persona>, _work: Waiting, _text: String) -> RunEnd {
        RunEnd::Later { due_ms: None }
    }
}
