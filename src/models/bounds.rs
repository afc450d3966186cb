//! What an answer may cost at worst.

use actors::domain::Persona;

use super::{ModelError, Models};

/// A model's worst case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorstCase {
    /// It needs no endpoint.
    Free,
    /// Nobody told its provider how long an answer may be.
    Unbounded,
}

impl Models {
    /// The most that an answer may cost which this persona asks for; `model`: another one than its own.
    pub fn worst_case(&self, persona: &Persona, model: Option<&str>) -> Result<WorstCase, ModelError> {
        let name = model.or(persona.model.as_deref()).unwrap_or(&self.default);
        Ok(if self.writer(name)?.is_none() { WorstCase::Free } else { WorstCase::Unbounded })
    }
}
