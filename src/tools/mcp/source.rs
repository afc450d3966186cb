//! What is asked of a server, whoever it is and however it is reached.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

/// A server that is spoken with. Nothing that it says holds a secret which it was given.
#[async_trait]
pub(super) trait ToolSource: Send + Sync {
    /// What it offers now, up to a bound.
    async fn tools(&self, limit: Duration, stop: &CancellationToken) -> Result<Vec<Announced>, Fault>;

    /// Calls a tool by the server's own name for it.
    async fn call(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
        limit: Duration,
        stop: &CancellationToken,
    ) -> Result<Answer, Fault>;

    /// Whether it can still be spoken with.
    fn is_open(&self) -> bool;
}

/// A tool, in the server's words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Announced {
    pub name: String,
    pub description: String,
    pub schema: Map<String, Value>,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    /// The tool says that it failed.
    pub failed: bool,
    pub text: String,
    pub structured: Option<Value>,
    /// Kinds of content that are not taken: pictures, sounds.
    pub left_out: Vec<&'static str>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It read the request and did not take it.
    #[error("the server did not take the call: {0}")]
    Declined(String),
    /// It answered with an error of its own.
    #[error("the server failed: {0}")]
    Failed(String),
    #[error("it took longer than {} ms", .0.as_millis())]
    TooLate(Duration),
    #[error("the run was stopped")]
    Stopped,
    /// The line is dead.
    #[error("{0}")]
    Gone(String),
}

/// A server that could not be reached at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOpened {
    /// A rule says no.
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Failed(String),
}
