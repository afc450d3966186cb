//! What personas remember: the port through which one of them is asked. Nothing stands behind it yet.

use actors::{domain::PersonaId, ports::BoxError};
use async_trait::async_trait;

/// Something that a persona remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Where it is from, for people: a file's name, a day.
    pub source: String,
    pub text: String,
    /// How well it fits, 0 to 1,000.
    pub score_thousandths: u16,
}

/// A search that brought nothing: what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Try again later.
    #[error("the memory does not answer")]
    Unavailable(#[source] BoxError),
    /// Ask for something else.
    #[error("the memory cannot be asked this: {0}")]
    Refused(String),
}

/// Remembers, every persona its own.
#[async_trait]
pub trait Memory: Send + Sync {
    /// What fits, best first, at most so many. Never of another persona.
    async fn search(&self, persona: PersonaId, query: &str, most: usize) -> Result<Vec<Passage>, MemoryError>;
}
