//! Something a person should see, kept until it is resolved.

use serde::{Deserialize, Serialize};

use super::{AlertId, GoalId, PersonaId, words::words};

words! {
    /// Why a person should look.
    AlertKind("alert kind") {
        /// A persona kept falling and is paused.
        PersonaPaused = "persona_paused",
        /// Three goals in a row failed; the persona is paused.
        CircuitOpen = "circuit_open",
        /// An effect ended unknown; someone must say whether it happened.
        Reconcile = "reconcile",
        /// A run waits for a yes or no to its next call.
        Approval = "approval",
        /// A persona asked a person something and waits for the answer.
        Question = "question",
        /// A message brought its persona down twice; someone must say what becomes of it.
        DeadLetter = "dead_letter",
        /// The machine has been hot for long; fewer slots are open.
        MachineHot = "machine_hot",
        /// A budget has no room for a call; what needs it waits.
        OverBudget = "over_budget",
        /// More is spent than a budget's soft limit; the work goes on.
        BudgetLow = "budget_low",
        /// A text was further from its persona's profile than it may be.
        Drift = "drift",
        /// A server of tools describes one otherwise than was confirmed: nobody can call it.
        McpChanged = "mcp_changed",
        /// The store, the browser or a model cannot be reached.
        Unavailable = "unavailable",
    }
}

/// An alert as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub kind: AlertKind,
    pub persona: Option<PersonaId>,
    pub goal: Option<GoalId>,
    /// One sentence: what happened and what to do next.
    pub text: String,
    pub raised_ms: i64,
    pub resolved_ms: Option<i64>,
}

/// What a person reads of a dead letter.
pub fn set_aside(title: &str, why: &str) -> String {
    format!("“{title}” was set aside: {why}. Retry it when the cause is gone, or discard it")
}
