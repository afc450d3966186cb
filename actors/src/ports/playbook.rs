//! Where goals come from that nobody writes out step by step.

use crate::domain::{Payload, Persona, Proof, Recipe};

/// A goal as a template makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeGoal {
    pub title: String,
    pub payload: Payload,
    pub proof: Proof,
}

/// Makes goals from templates. Pure: the same recipe brings the same goal.
pub trait Playbook: Send + Sync {
    /// The error: why nothing can be made of it, in one sentence.
    fn make(&self, recipe: &Recipe, persona: &Persona) -> Result<MadeGoal, String>;
}
