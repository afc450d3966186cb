//! `[tools]`: what tools reach besides the hosts of a persona, and what own tools run in.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check::{DAY, Findings};

/// `[tools]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolsConfig {
    /// Address of a SearXNG instance's `/search`; empty: nobody searches the web.
    pub web_search: String,
    /// Of own tools that do not say it themselves.
    pub isolation: Isolation,
    pub container: ContainerConfig,
}

/// What an own tool runs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// A sandbox of its own for each call.
    #[default]
    Bubblewrap,
    /// Its persona's warm container.
    Container,
}

/// `[tools.container]`: containers of personas.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerConfig {
    /// The engine's Unix socket.
    pub socket: PathBuf,
    /// Its name as the engine knows it.
    pub image: String,
    /// Empty: runsc where the engine has it, else the engine's own.
    pub runtime: String,
    /// An unused container is stopped after this.
    #[serde(with = "humantime_serde")]
    pub stop_after: Duration,
    /// The most that a persona's cache holds.
    pub cache_mb: u64,
}

pub(super) fn check(found: &mut Findings) {
    let container = &found.config.tools.container;
    found.demand(container.socket.is_absolute(), "tools.container.socket", "must be an absolute path");
    found.demand(!container.image.trim().is_empty(), "tools.container.image", "must name an image");
    found.seconds("tools.container.stop_after", container.stop_after, 1, DAY);
    found.demand((1..=1_000_000).contains(&container.cache_mb), "tools.container.cache_mb", "must be 1 to 1000000");
}
