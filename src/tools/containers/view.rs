//! How a persona's container stands, as people and programs see it.

use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Whether it is at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No call needed it since the server started.
    #[default]
    NotStarted,
    Running,
    Stopped,
}

/// A persona's container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContainerView {
    pub state: State,
    /// Milliseconds since 1970; none: it was never started.
    pub since_ms: Option<i64>,
    /// Why it was stopped: `idle`, `restarted`, ….
    pub why: Option<&'static str>,
    /// As the engine's own commands show it.
    pub id: Option<String>,
    pub image: String,
    /// None: the engine was not asked yet.
    pub runtime: Option<String>,
    /// What it takes now.
    pub memory_bytes: Option<u64>,
    /// What it may take, as the last call set it.
    pub most_memory_bytes: Option<u64>,
    pub last_call: Option<LastCall>,
    /// Why none can be had now, and what to do about it.
    pub problem: Option<String>,
}

/// The last command that ran in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastCall {
    pub tool: String,
    /// When it ended, milliseconds since 1970.
    pub at_ms: i64,
    pub took_ms: u64,
    /// `exit 0`, `timed out`, ….
    pub ended: String,
}

/// What is known of it without asking the engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub state: State,
    pub since_ms: Option<i64>,
    pub why: Option<&'static str>,
    /// While it runs.
    pub id: Option<String>,
    pub most_memory_bytes: Option<u64>,
    pub last_call: Option<LastCall>,
    /// When it has been unused for long enough.
    pub due: Option<Instant>,
}

impl Seen {
    pub(super) fn started(&mut self, id: &str, now_ms: i64) {
        (self.state, self.since_ms, self.why) = (State::Running, Some(now_ms), None);
        self.id = Some(id.to_owned());
    }

    /// Said of the one with this id only: another may have taken its place.
    pub(super) fn stopped(&mut self, id: &str, why: &'static str, now_ms: i64) {
        if self.id.as_deref() == Some(id) {
            (self.state, self.since_ms, self.why, self.id) = (State::Stopped, Some(now_ms), Some(why), None);
        }
    }
}

/// So much of an id as the engine's own commands show.
pub(super) fn short(id: &str) -> String {
    id.chars().take(12).collect()
}
