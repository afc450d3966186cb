//! A tool that a person tries by hand.

use super::{Effect, PersonaId, TraceId, TryId};

/// A try of what may write, from its intent until it is on record how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tryout {
    pub id: TryId,
    /// As receipts name it.
    pub tool: String,
    /// Whose folder it works in, and on whose chain it is; none: on the node's own.
    pub persona: Option<PersonaId>,
    pub effect: Effect,
    /// Who tries it.
    pub by: String,
    /// The same as its intent's.
    pub trace: TraceId,
    pub begun_ms: i64,
}
