//! How personas speak: the port through which a text becomes sound. Nothing stands behind it yet.

use std::time::Duration;

use actors::{
    domain::{Bound, Cost, Persona},
    ports::BoxError,
};
use async_trait::async_trait;

/// A text that was said.
#[derive(Clone)]
pub struct Spoken {
    pub bytes: Vec<u8>,
    /// `audio/mpeg`, `audio/wav`.
    pub media_type: &'static str,
    pub lasts_ms: u64,
    /// Who spoke, as receipts name it.
    pub by: String,
    /// None: nobody knows what it took.
    pub cost: Option<Cost>,
}

/// A text that was not said: what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// Try again later; nothing was sent.
    #[error("the voice does not answer")]
    Unavailable(#[source] BoxError),
    /// Say something else, or set the persona's voice up; nothing was sent.
    #[error("this cannot be said: {0}")]
    Refused(String),
    /// It was sent, and may have been said and paid.
    #[error("what was said did not arrive")]
    Lost(#[source] BoxError),
}

/// Speaks as a persona.
#[async_trait]
pub trait Voice: Send + Sync {
    /// The most that saying it can take.
    fn bound(&self, persona: &Persona, text: &str) -> Result<Bound, VoiceError>;

    /// Says it, within the limit.
    async fn speak(&self, persona: &Persona, text: &str, limit: Duration) -> Result<Spoken, VoiceError>;
}
