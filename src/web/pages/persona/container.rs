//! On the Settings tab: the container that its own tools run in.

use crate::{
    tools::containers::{ContainerView, State},
    web::pages::show::When,
};

/// The panel.
#[derive(Debug, Clone)]
pub struct Container {
    /// `running`, ….
    pub word: &'static str,
    /// Of the badge.
    pub tone: &'static str,
    /// Since when; none: never.
    pub since: Option<When>,
    pub why: &'static str,
    pub image: String,
    /// Empty: not known yet.
    pub runtime: String,
    /// `12 of 272 MB`; empty: it takes nothing.
    pub memory: String,
    pub last: Option<Last>,
    pub problem: Option<String>,
}

/// The last call.
#[derive(Debug, Clone)]
pub struct Last {
    pub tool: String,
    pub ended: String,
    pub at: When,
    pub took_ms: u64,
}

impl Container {
    /// Prepares the panel.
    pub fn new(seen: ContainerView, now_ms: i64) -> Self {
        let mb = |bytes: u64| bytes.div_ceil(1 << 20);
        let memory = match (seen.memory_bytes, seen.most_memory_bytes) {
            (Some(bytes), Some(most)) => format!("{} of {} MB", mb(bytes), mb(most)),
            (Some(bytes), None) => format!("{} MB", mb(bytes)),
            (None, _) => String::new(),
        };
        let (word, tone) = match seen.state {
            State::NotStarted => ("not started", "quiet"),
            State::Running => ("running", "ok"),
            State::Stopped => ("stopped", "quiet"),
        };
        let last = seen.last_call.map(|call| Last {
            tool: call.tool,
            ended: call.ended,
            at: When::at(call.at_ms, now_ms),
            took_ms: call.took_ms,
        });
        Self {
            word,
            tone,
            since: seen.since_ms.map(|ms| When::at(ms, now_ms)),
            why: seen.why.unwrap_or_default(),
            image: seen.image,
            runtime: seen.runtime.unwrap_or_default(),
            memory,
            last,
            problem: seen.problem,
        }
    }
}
