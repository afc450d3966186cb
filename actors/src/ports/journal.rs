//! The one way in which anything durable changes.

mod approvals;
mod hosts;
mod ledger;
mod mcp;
mod rooms;

use std::fmt;

use async_trait::async_trait;
use ed25519_dalek::Signature;

use super::BoxError;
use crate::domain::{
    Alert, AlertId, BigThree, ChainId, Draft, Goal, GoalId, GoalState, Hash, Message, MessageId, MessageState,
    ParkedOn, Payload, Persona, PersonaId, Phase, Proof, QuotaLeft, QuotaUse, Receipt, Run, RunId, RunState, Schedule,
    ScheduleId, Slug, StandingWait, StandingWaitId, TryId, Tryout, WaitsFor,
};

pub use approvals::{ApprovalChange, ApprovalGuard};
pub use hosts::{HostPolicyChange, HostPolicyGuard};
pub use ledger::{LedgerChange, LedgerGuard};
pub use mcp::McpChange;
pub use rooms::{RoomChange, RoomGuard};

/// Try again later: busy, full or unreachable. Nothing of the batch was written.
#[derive(Debug, thiserror::Error)]
#[error("the journal is not available")]
pub struct Unavailable(#[source] pub BoxError);

/// Do not try again: what this commit relied on is no longer so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{guard} no longer holds")]
pub struct Outdated {
    pub guard: Guard,
}

/// What became of each commit of a batch, in order, or why none was written.
pub type Written = Result<Vec<Result<Committed, Outdated>>, Unavailable>;

/// The one way in which anything durable changes. The promises below are tested in
/// `tests/it/journal.rs` against every implementation.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Each commit is written whole or refused whole; one refusal does not touch its
    /// neighbours. When this returns, what was accepted is on disk, in this order, and its receipts are
    /// linked to their chains without a gap.
    async fn write(&self, batch: Vec<Commit>) -> Written;

    /// The same for one commit, on this very thread, which it keeps for as long as the disk takes. A journal that would
    /// have to wait for somebody else, or for a server, gives it back.
    fn write_here(&self, commit: Commit) -> Result<Written, Commit> {
        Err(commit)
    }

    /// Whether something new may begin now ([`Commit::begins_something`]), and why not. All else may be written.
    fn admits(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// Receipts, and the changes of state that are true exactly when they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// Judged in the transaction, in order, each seeing its accepted neighbours.
    pub guards: Vec<Guard>,
    pub changes: Vec<Change>,
    pub receipts: Vec<Draft>,
}

impl Commit {
    /// Whether it says what is about to happen, or brings work: what a store without room does not admit.
    pub fn begins_something(&self) -> bool {
        let brings = |change: &Change| matches!(change, Change::MessageDelivered(_) | Change::GoalAdded(_));
        self.receipts.iter().any(|draft| draft.phase == Some(Phase::Intent)) || self.changes.iter().any(brings)
    }
}

/// An accepted commit's receipts as they now stand in their chains.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    pub receipts: Vec<Receipt>,
}

/// What must still be so when the commit is written.
#[derive(Debug, Clone, PartialEq)]
pub enum Guard {
    /// No persona, deleted ones included, has this slug.
    SlugFree(Slug),
    /// The persona exists, is not deleted and has this version.
    PersonaVersion(PersonaId, i64),
    /// The persona exists and is not deleted.
    PersonaExists(PersonaId),
    /// No message of this persona has this correlation yet.
    CorrelationFree(PersonaId, String),
    /// The message has this state.
    MessageIs(MessageId, MessageState),
    /// The goal has this version.
    GoalVersion(GoalId, i64),
    /// The goal is not over.
    GoalOpen(GoalId),
    /// The run is still `running`.
    RunLive(RunId),
    /// The alert is not resolved.
    AlertOpen(AlertId),
    Room(RoomGuard),
    /// The standing wait has not ended and has looked so far.
    StandingWaitAt(StandingWaitId, i64),
    /// The schedule exists and has this version.
    ScheduleVersion(ScheduleId, i64),
    /// The persona's big three are those of an earlier hour, or none.
    BigThreeBefore(PersonaId, i64),
    /// A day has room for what a goal counts as.
    QuotaLeft(QuotaLeft),
    Ledger(LedgerGuard),
    Approval(ApprovalGuard),
    HostPolicy(HostPolicyGuard),
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlugFree(slug) => write!(f, "slug `{slug}` is free"),
            Self::PersonaVersion(id, version) => write!(f, "persona {id} at version {version}"),
            Self::PersonaExists(id) => write!(f, "persona {id} exists"),
            Self::CorrelationFree(_, key) => write!(f, "key `{key}` is new"),
            Self::MessageIs(id, state) => write!(f, "message {id} is {state}"),
            Self::GoalVersion(id, version) => write!(f, "goal {id} at version {version}"),
            Self::GoalOpen(id) => write!(f, "goal {id} is open"),
            Self::RunLive(id) => write!(f, "run {id} is running"),
            Self::AlertOpen(id) => write!(f, "alert {id} is open"),
            Self::Room(guard) => guard.fmt(f),
            Self::StandingWaitAt(id, seq) => write!(f, "standing wait {id} has looked as far as {seq}"),
            Self::ScheduleVersion(id, version) => write!(f, "schedule {id} at version {version}"),
            Self::BigThreeBefore(id, _) => write!(f, "persona {id} without big three for this hour"),
            Self::Ledger(guard) => guard.fmt(f),
            Self::Approval(guard) => guard.fmt(f),
            Self::HostPolicy(guard) => guard.fmt(f),
            Self::QuotaLeft(left) => write!(f, "room for {} {} below {}", left.units, left.unit, left.ceiling),
        }
    }
}

/// Every change of durable state there is.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    PersonaCreated(Box<Persona>),
    /// All fields but `id` and `created_ms` are replaced; `version` is the new one.
    PersonaUpdated(Box<Persona>),
    /// How many goals in a row have failed; three open the circuit.
    FailureStreak(PersonaId, u32),
    MessageDelivered(Box<Message>),
    MessageMoved(MessageId, MessageState),
    /// The others of its burst are its context now: priority, times and whether it is optional are replaced.
    BurstJoined(Box<Message>),
    /// How often its persona has fallen over it by now.
    MessageFalls(MessageId, u32),
    /// Its `first_seq` is set to the sequence of this commit's first receipt on the persona's chain.
    GoalAdded(Box<Goal>),
    /// Raises `version` by one; sets the goal's `last_seq` from this commit's receipts on the persona's chain.
    GoalMoved(GoalMove),
    /// A person changed what is to be done. Raises `version` by one.
    GoalCorrected {
        id: GoalId,
        title: String,
        payload: Payload,
        proof: Proof,
        at_ms: i64,
    },
    /// The goals that one waits for; they replace those that were there.
    DependenciesSet(GoalId, WaitsFor),
    /// What a goal takes from its day; it replaces what it took before.
    QuotaTaken(QuotaUse),
    /// `first_seq` is set from this commit's receipts on the persona's chain.
    RunStarted(Box<Run>),
    /// Sets the run's `last_seq` from this commit's receipts on the persona's chain.
    RunMoved {
        id: RunId,
        state: RunState,
        ended_ms: Option<i64>,
        error: Option<String>,
    },
    /// One that is there already stays as it is.
    AlertRaised(Box<Alert>),
    AlertResolved(AlertId, i64),
    /// A new line of a calendar, or every field of one that is there.
    ScheduleSet(Box<Schedule>),
    ScheduleRemoved(ScheduleId),
    /// They replace those of the persona's hour before.
    BigThreeChosen(Box<BigThree>),
    /// A standing wait as it is from now on, new or known.
    StandingWaitSet(Box<StandingWait>),
    CheckpointSigned(Checkpoint),
    /// Deletes body and salt; the header stays and the chain still verifies.
    BodyErased {
        chain: ChainId,
        seq: i64,
    },
    TryBegun(Box<Tryout>),
    /// It is on record how it ended.
    TryEnded(TryId),
    Room(RoomChange),
    Ledger(LedgerChange),
    Mcp(McpChange),
    Approval(ApprovalChange),
    HostPolicy(HostPolicyChange),
}

/// Where a goal stands from now on; every field replaces what was there.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalMove {
    pub id: GoalId,
    pub state: GoalState,
    pub parked_on: Option<ParkedOn>,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub result: Option<String>,
    pub due_ms: Option<i64>,
    pub at_ms: i64,
}

/// A signed head: nothing at or before `seq` can be changed unseen by whoever holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub chain: ChainId,
    pub seq: i64,
    pub hash: Hash,
    pub signature: Signature,
    pub at_ms: i64,
}
