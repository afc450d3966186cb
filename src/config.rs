//! Configuration: every setting, typed. Defaults stand in `config/default.toml` and nowhere else.
//!
//! Later wins: the defaults, then the file, then `GREENROOM_*`, then the short names operators know (`PORT`,
//! `DATABASE_URL`, …). A key nobody knows is refused with the nearest known one and with where it was found.

mod calendar;
mod check;
mod known;
mod layers;
mod models;
mod sections;
mod show;
mod tools;
pub mod words;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use actors::domain::{
    Complexity, InboxLimits, InnerLife, Limits, OptionalWork, Pace, Quota, QuotaRules, Quotas, RoomRules, Unit,
};
use figment::{
    Figment,
    error::{Actual, Kind},
};
use serde::de::Unexpected;

use self::layers::Layer;
pub use calendar::*;
pub use models::*;
pub use sections::*;
pub use show::{Setting, without_password};
pub use tools::*;

/// The host under which personas know the practice site.
pub const REHEARSAL_HOST: &str = "rehearsal.localhost";
/// The settings file in the data root.
pub const FILE_NAME: &str = "greenroom.toml";
const DEFAULTS: &str = include_str!("../config/default.toml");

/// Where settings are looked for besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Given with `--config`; none: `greenroom.toml` in the data root, if it is there.
    pub file: Option<PathBuf>,
    /// Given with `--data-root`; stands above everything else.
    pub data_root: Option<PathBuf>,
    /// The environment.
    pub env: Vec<(String, String)>,
}

impl LoadOptions {
    /// As the process was started. Variables that are not UTF-8 are none of ours.
    pub fn from_process(file: Option<PathBuf>, data_root: Option<PathBuf>) -> Self {
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { file, data_root, env: env.collect() }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }
}

/// Keys for outside services that came with the environment. A persona's own key wins over them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EnvKeys(pub BTreeMap<String, String>);

impl fmt::Debug for EnvKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A setting that cannot be used, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, such as `server.port`.
    pub key: Option<String>,
    /// The file or environment variable.
    pub origin: Option<String>,
    /// What is wrong and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, &self.origin) {
            (Some(key), Some(origin)) => write!(f, "`{key}` in {origin}: {}", self.text),
            (Some(key), None) => write!(f, "`{key}`: {}", self.text),
            (None, Some(origin)) => write!(f, "{origin}: {}", self.text),
            (None, None) => f.write_str(&self.text),
        }
    }
}

/// The configuration cannot be used. Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// Everything that was found, at least one.
    pub problems: Vec<Problem>,
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl Config {
    /// Reads and checks all settings. Paths in the result are absolute and never empty.
    pub fn load(options: &LoadOptions) -> Result<Self, ConfigError> {
        let defaults = layers::defaults()?;
        let mut layers = vec![Layer { origin: "the defaults".to_owned(), values: defaults.clone() }];
        let from_env = layers::from_env(&options.env, &defaults)?;
        let (file, data_root) = layers::find_file(options, &from_env)?;
        layers.extend(file);
        layers.extend(from_env);
        layers.extend(options.data_root.as_ref().map(|root| layers::data_root("--data-root", root)));
        known::check(&layers, &defaults)?;

        let sources = layers::sources(&layers);
        let merged = layers.into_iter().fold(Figment::new(), Figment::merge);
        let mut config: Self = merged.extract().map_err(|error| unreadable(error, &sources))?;
        config.sources = sources;
        config.env_keys = layers::env_keys(options);
        config.resolve(options, data_root)?;
        check::check(&config)?;
        Ok(config)
    }

    /// The defaults over this data root, with free ports: for tests.
    #[expect(clippy::expect_used, reason = "only tests call it, and the defaults are compiled in")]
    pub fn for_test(data_root: &Path) -> Self {
        let env = [
            ("GREENROOM_SERVER__PORT", "0"),
            ("GREENROOM_NODE", "test"),
            ("GREENROOM_STORAGE__MIN_FREE_MB", "1"),
            // A machine that others use would change the cap.
            ("GREENROOM_LOAD__ADAPT", "false"),
        ];
        let env = env.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let options = LoadOptions { file: None, data_root: Some(data_root.to_owned()), env };
        Self::load(&options).expect("the defaults are valid")
    }

    fn resolve(&mut self, options: &LoadOptions, found: Option<PathBuf>) -> Result<(), Problem> {
        if self.data_root.as_os_str().is_empty() {
            self.data_root = match found {
                Some(root) => root,
                None => layers::default_data_root(options)?,
            };
        }
        self.data_root = absolute(&self.data_root)?;
        for (path, name) in [(&mut self.browser.root, "browsers"), (&mut self.storage.key_file, "keys/secrets.key")] {
            *path = if path.as_os_str().is_empty() { self.data_root.join(name) } else { absolute(path)? };
        }
        Ok(())
    }

    /// The limits of the company. Irreversible effects are allowed by standing rule on the practice site only.
    pub fn limits(&self) -> Limits {
        let company = &self.company;
        Limits {
            node: self.node.clone(),
            active_personas: company.active_personas,
            retry_after: company.retry_after.iter().map(|pause| pause.0).collect(),
            circuit_after: company.circuit_after,
            passivate_after: company.passivate_after,
            restarts: company.restarts,
            restart_window: company.restart_window,
            step: company.step_limit,
            standing_hosts: vec![REHEARSAL_HOST.to_owned()],
            approve_within: company.approve_within,
            pace: self.pace(),
            serve_within: company.serve_within,
            inbox: InboxLimits { most_waiting: self.inbox.most_waiting, tell_again_after: self.inbox.tell_again_after },
            inner_life: self.inner_life(),
            rooms: self.rooms(),
            calendar: (&self.calendar).into(),
            load: (&self.load).into(),
            quotas: self.quota_rules(),
        }
    }

    /// How fast a persona may act on a site.
    pub fn pace(&self) -> Pace {
        let sites = self.company.site_acts_per_second.iter();
        Pace {
            default_per_1000_s: per_1000_s(self.company.acts_per_second),
            sites: sites.map(|(host, pace)| (host.clone(), per_1000_s(*pace))).collect(),
        }
    }

    fn rooms(&self) -> RoomRules {
        let rooms = &self.rooms;
        RoomRules {
            speakers: rooms.speakers,
            window: rooms.window,
            answer_within: rooms.answer_within,
            regrants: rooms.regrants,
            persona_turns_per_minute: rooms.persona_turns_per_minute,
            silence_after: rooms.silence_after,
        }
    }

    /// What personas are to do and may do in a day. What is out of bounds was refused when it was loaded.
    pub fn quota_rules(&self) -> QuotaRules {
        let quotas = |set: &BTreeMap<Unit, QuotaConfig>| -> Quotas {
            set.iter().filter_map(|(unit, q)| Some((*unit, Quota::new(q.floor, q.ceiling).ok()?))).collect()
        };
        let roles = self.quotas.tables().into_iter().filter_map(|(_, role, set)| Some((role?, quotas(set))));
        QuotaRules { everyone: quotas(&self.quotas.everyone), roles: roles.collect(), day_caps: self.day_caps.clone() }
    }

    fn inner_life(&self) -> InnerLife {
        let life = &self.inner_life;
        InnerLife {
            work_per_minute: life.work_per_minute,
            complexity: Complexity {
                browser: life.complexity.browser,
                io: life.complexity.io,
                ai: life.complexity.ai,
                report: life.complexity.report,
                agent: life.complexity.agent,
            },
            rest_per_minute: life.rest_per_minute,
            attention_recovers: life.attention_recovers,
            attention_after_tired_work: life.attention_after_tired_work,
            compute_after_refusal: life.compute_after_refusal,
            compute_per_minute: life.compute_per_minute,
            answers_within: life.answers_within,
            overwhelmed_above: life.overwhelmed_above,
            tired_below: life.tired_below,
            active_above: life.active_above,
            optional: self.optional_work(),
        }
    }

    fn optional_work(&self) -> OptionalWork {
        let optional = &self.inner_life.optional;
        OptionalWork {
            above_idle: optional.above_idle,
            above_active: optional.above_active,
            above_tired: optional.above_tired,
            tired_energy: optional.tired_energy,
            rest_idle: optional.rest_idle,
            rest_active: optional.rest_active,
            rest_tired: optional.rest_tired,
            rest_overwhelmed: optional.rest_overwhelmed,
            rest_twice_below_compute: optional.rest_twice_below_compute,
        }
    }

    /// The key that signs checkpoints.
    pub fn evidence_key_file(&self) -> PathBuf {
        self.data_root.join("keys/evidence.key")
    }
}

/// Checked to lie between 0.001 and 1,000 per second, so nothing is cut off.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when loaded")]
fn per_1000_s(per_second: f64) -> u32 {
    (per_second * 1000.0).round() as u32
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem {
        key: None,
        origin: Some(path.display().to_string()),
        text: format!("cannot be made an absolute path: {error}"),
    })
}

/// What serde could not read, in the words of [`Problem`].
fn unreadable(error: figment::Error, sources: &BTreeMap<String, String>) -> ConfigError {
    let problems = error.into_iter().map(|error| {
        let key = error.path.join(".");
        let nearest =
            |key: &str| sources.iter().find(|(known, _)| known.starts_with(&format!("{key}."))).map(|(_, s)| s);
        let origin = sources.get(&key).or_else(|| nearest(&key)).cloned();
        let text = match &error.kind {
            Kind::MissingField(name) => format!("`{name}` is missing here"),
            Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
                words::wrong_sort(&unexpected(found), &wanted.as_str())
            }
            kind => kind.to_string(),
        };
        Problem { key: (!key.is_empty()).then_some(key), origin, text }
    });
    ConfigError { problems: problems.collect() }
}

/// The same value in serde's own type, which is what [`words`] reads.
fn unexpected(found: &Actual) -> Unexpected<'_> {
    match found {
        Actual::Bool(value) => Unexpected::Bool(*value),
        Actual::Unsigned(value) => u64::try_from(*value).map_or(Unexpected::Other("too large"), Unexpected::Unsigned),
        Actual::Signed(value) => i64::try_from(*value).map_or(Unexpected::Other("too large"), Unexpected::Signed),
        Actual::Float(value) => Unexpected::Float(*value),
        Actual::Char(value) => Unexpected::Char(*value),
        Actual::Str(text) => Unexpected::Str(text),
        Actual::Seq => Unexpected::Seq,
        Actual::Map => Unexpected::Map,
        Actual::Unit | Actual::Option => Unexpected::Unit,
        Actual::Other(what) => Unexpected::Other(what),
        _ => Unexpected::Other("of another kind"),
    }
}

#[cfg(test)]
mod tests;
