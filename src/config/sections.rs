//! One struct per section of the configuration.

use std::{collections::BTreeMap, net::IpAddr, num::NonZeroUsize, path::PathBuf, time::Duration};

use actors::domain::{NodeName, Role, Unit};
use serde::{Deserialize, Serialize};

use super::{CalendarConfig, EnvKeys, LoadConfig, ModelsConfig, ToolsConfig};

/// Everything that can be configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder for the database, artifacts, profiles and keys. Empty: `~/.local/share/greenroom`.
    pub data_root: PathBuf,
    /// This node's name, in every receipt.
    pub node: NodeName,
    pub server: ServerConfig,
    pub storage: StorageConfig,
    pub company: CompanyConfig,
    pub inbox: InboxConfig,
    pub inner_life: InnerLifeConfig,
    pub rooms: RoomsConfig,
    pub calendar: CalendarConfig,
    pub load: LoadConfig,
    pub quotas: QuotasConfig,
    /// Over all personas, in a day of universal time.
    pub day_caps: BTreeMap<Unit, u32>,
    pub browser: BrowserConfig,
    pub egress: EgressConfig,
    pub tools: ToolsConfig,
    pub models: ModelsConfig,
    pub rehearsal: RehearsalConfig,
    pub log: LogConfig,
    /// Where each setting came from; the defaults are not listed.
    #[serde(skip)]
    pub sources: BTreeMap<String, String>,
    /// Keys for outside services found in the environment.
    #[serde(skip)]
    pub env_keys: EnvKeys,
}

/// `[server]`: pages, API and live stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub host: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    pub workers: NonZeroUsize,
    /// Origins besides our own that may open a live socket.
    pub allowed_origins: Vec<String>,
    /// Token for the observe endpoints; empty: made at start and printed.
    pub status_token: String,
    /// `/dev/seed/*` answers, on loopback only.
    pub allow_seed: bool,
    /// How long a session lasts without use.
    #[serde(with = "humantime_serde")]
    pub session_lasts: Duration,
    /// Shown by `/version`.
    pub git_sha: String,
}

/// `[storage]`: where the truth is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// `postgres://…`; empty: SQLite in the data root.
    pub database_url: String,
    /// Below this much free disk no intent and no delivery is admitted.
    pub min_free_mb: u64,
    pub readers: NonZeroUsize,
    /// File with the key that seals secrets; empty: `<data root>/keys/secrets.key`.
    pub key_file: PathBuf,
}

/// `[company]`: who may work, how long, how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyConfig {
    pub active_personas: NonZeroUsize,
    /// Pauses after the first, second, … failed attempt; then the goal fails.
    pub retry_after: Vec<HumanDuration>,
    pub circuit_after: u32,
    #[serde(with = "humantime_serde")]
    pub passivate_after: Duration,
    pub restarts: u32,
    #[serde(with = "humantime_serde")]
    pub restart_window: Duration,
    #[serde(with = "humantime_serde")]
    pub step_limit: Duration,
    #[serde(with = "humantime_serde")]
    pub serve_within: Duration,
    /// An approval that nobody gave or used by then has expired.
    #[serde(with = "humantime_serde")]
    pub approve_within: Duration,
    /// Browser acts per second per persona, site and action, 0.2 to 0.5.
    pub acts_per_second: f64,
    /// Sites with their own pace.
    pub site_acts_per_second: BTreeMap<String, f64>,
}

/// `[inner_life]`: how personas tire and recover. Energy, attention and compute budget are shares, 0 to 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InnerLifeConfig {
    pub work_per_minute: f64,
    pub rest_per_minute: f64,
    /// Attention recovers so many times as fast as energy.
    pub attention_recovers: f64,
    /// What is left of the attention after work that ended tired.
    pub attention_after_tired_work: f64,
    /// What is left of the compute budget when a model answers 429.
    pub compute_after_refusal: f64,
    pub compute_per_minute: f64,
    /// How long an answer counts as recent.
    #[serde(with = "humantime_serde")]
    pub answers_within: Duration,
    /// Overwhelmed above so many messages.
    pub overwhelmed_above: u32,
    /// Tired below this energy.
    pub tired_below: f64,
    /// Active above this energy, after a recent answer.
    pub active_above: f64,
    pub complexity: ComplexityConfig,
    pub optional: OptionalWorkConfig,
}

/// `[inner_life.complexity]`: how hard the work at each kind of goal is, as a multiple of `work_per_minute`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplexityConfig {
    pub browser: f64,
    pub io: f64,
    pub ai: f64,
    pub report: f64,
    pub agent: f64,
}

/// `[inner_life.optional]`: what mood lets through of work that nobody waits for, and the rest between two such turns.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionalWorkConfig {
    pub above_idle: f64,
    pub above_active: f64,
    pub above_tired: f64,
    pub tired_energy: f64,
    #[serde(with = "humantime_serde")]
    pub rest_idle: Duration,
    #[serde(with = "humantime_serde")]
    pub rest_active: Duration,
    #[serde(with = "humantime_serde")]
    pub rest_tired: Duration,
    #[serde(with = "humantime_serde")]
    pub rest_overwhelmed: Duration,
    pub rest_twice_below_compute: f64,
}

/// `[inbox]`: how much waits, and how often a persona is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxConfig {
    /// Messages of one persona that may wait.
    pub most_waiting: u32,
    /// A standing wait tells at most once in this time.
    #[serde(with = "humantime_serde")]
    pub tell_again_after: Duration,
}

/// `[rooms]`: who may speak, and how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomsConfig {
    /// So many answer a person's message.
    pub speakers: u32,
    /// How long personas have to say what they would do.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// How long a speaker has for its answer.
    #[serde(with = "humantime_serde")]
    pub answer_within: Duration,
    /// So many more get the floor when others lose it.
    pub regrants: u32,
    /// Turns about what personas said, per room.
    pub persona_turns_per_minute: u32,
    /// Messages without a person after which personas fall silent.
    pub silence_after: u32,
}

/// `[quotas]`: what a persona is to do and may do in a day of its own time zone, by role.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotasConfig {
    /// For every role that says nothing else.
    pub everyone: BTreeMap<Unit, QuotaConfig>,
    pub manager: BTreeMap<Unit, QuotaConfig>,
    pub worker: BTreeMap<Unit, QuotaConfig>,
    pub performer: BTreeMap<Unit, QuotaConfig>,
    pub friend: BTreeMap<Unit, QuotaConfig>,
}

/// The least and the most of a day.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaConfig {
    pub floor: i64,
    pub ceiling: i64,
}

impl QuotasConfig {
    /// Every table with its name and its role.
    pub fn tables(&self) -> [(&'static str, Option<Role>, &BTreeMap<Unit, QuotaConfig>); 5] {
        [
            ("everyone", None, &self.everyone),
            ("manager", Some(Role::Manager), &self.manager),
            ("worker", Some(Role::Worker), &self.worker),
            ("performer", Some(Role::Performer), &self.performer),
            ("friend", Some(Role::Friend), &self.friend),
        ]
    }
}

/// A duration as people write it: `"5m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HumanDuration(#[serde(with = "humantime_serde")] pub Duration);

/// `[browser]`: Chromium and its profiles.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrowserConfig {
    /// Chromium's executable; empty: the usual places are searched.
    pub executable: PathBuf,
    /// Folder for profiles; empty: `<data root>/browsers`.
    pub root: PathBuf,
    /// Browsers open at once, working or warm.
    pub most_open: NonZeroUsize,
    /// Starts at once.
    pub most_starting: NonZeroUsize,
    /// An unused browser closes after this.
    #[serde(with = "humantime_serde")]
    pub warm_for: Duration,
    #[serde(with = "humantime_serde")]
    pub start_limit: Duration,
    /// How long a browser step may take when it does not say so itself.
    #[serde(with = "humantime_serde")]
    pub step_limit: Duration,
}

/// `[egress]`: what personas may reach.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressConfig {
    /// When not empty, a host must be on this list *and* on the persona's.
    pub allowed_hosts: Vec<String>,
}

/// `[rehearsal]`: the practice site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RehearsalConfig {
    /// Loopback port; 0 takes a free one.
    pub port: u16,
}

/// `[log]`: what is logged and where.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A filter as `tracing` reads it: `info`, `greenroom=debug,warn`.
    pub filter: String,
}
