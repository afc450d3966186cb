//! `[models]`: who writes, who stands in, what it costs.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use super::check::{Findings, MINUTE};

/// The writer that is built in.
const UNDERSTUDY: &str = "understudy";
/// Requests of a minute are remembered one by one.
const MOST_PER_MINUTE: usize = 100_000;
/// Tokens of a talk that are worth an attempt, and more than any model takes.
const LEAST_CONTEXT: usize = 2_000;
const MOST_CONTEXT: usize = 100_000_000;

/// `[models]`: who writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    /// `understudy`, or a route, a provider or `<provider>/<model>` below.
    pub default: String,
    /// Who is asked in turn, under one name.
    #[serde(default)]
    pub routes: BTreeMap<String, RouteConfig>,
    pub providers: BTreeMap<String, ProviderConfig>,
}

/// `[models.routes.<name>]`: the next is asked when one does not answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Providers, `<provider>/<model>`, or `understudy`.
    #[serde(rename = "use")]
    pub uses: Vec<String>,
}

/// The form in which a provider is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Chat completions, as most servers offer them.
    #[default]
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// The name under which an OpenAI-compatible provider takes the limit of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimitField {
    /// Nearly every server.
    #[default]
    MaxTokens,
    /// OpenAI's newer models, which refuse the other.
    MaxCompletionTokens,
}

/// `[models.providers.<name>]`: an endpoint that is asked over HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    #[serde(default)]
    pub kind: ProviderKind,
    /// Up to and including `/v1`.
    pub base_url: String,
    pub model: String,
    /// Name of the secret that holds the key; empty: no key is sent.
    #[serde(default)]
    pub key_secret: String,
    /// How long an answer, or its first part, may take.
    #[serde(with = "humantime_serde", default = "twenty_seconds")]
    pub timeout: Duration,
    /// The longest silence inside a streamed answer.
    #[serde(with = "humantime_serde", default = "half_a_minute")]
    pub idle_timeout: Duration,
    /// Tries after the first on 429 and 5xx, unless such an answer may be billed.
    #[serde(default = "two")]
    pub retries: u32,
    /// Requests under way at once.
    #[serde(default = "eight")]
    pub max_concurrent: u32,
    /// Requests in any 60 seconds; 0: no limit.
    #[serde(default)]
    pub requests_per_minute: u32,
    #[serde(default)]
    pub output_limit_field: OutputLimitField,
    /// Tokens of a whole talk, its answer included: what lies further back is shortened.
    #[serde(default = "usual_context")]
    pub context_tokens: u32,
    /// The same by model, where it is another.
    #[serde(default)]
    pub contexts: BTreeMap<String, u32>,
    /// Micro-dollars per million tokens, for every model without a price of its own; neither: no price is known.
    #[serde(default)]
    pub input_micro_usd_per_million: Option<u64>,
    #[serde(default)]
    pub output_micro_usd_per_million: Option<u64>,
    /// By model.
    #[serde(default)]
    pub prices: BTreeMap<String, PriceConfig>,
}

/// Whether somebody under a name can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// One is enough.
    Ready,
    /// Each lacks its key; the secrets that hold them.
    NoKey(Vec<String>),
    /// There is nobody under this name.
    Nobody,
}

/// `[models.providers.<name>.prices."<model>"]`: micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceConfig {
    pub input_micro_usd_per_million: u64,
    pub output_micro_usd_per_million: u64,
}

const fn twenty_seconds() -> Duration {
    Duration::from_secs(20)
}

const fn two() -> u32 {
    2
}

const fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

const fn usual_context() -> u32 {
    128_000
}

const fn eight() -> u32 {
    8
}

impl ModelsConfig {
    /// Whether one writer goes by this name: the understudy, a provider, or `<provider>/<model>`.
    pub fn is_writer(&self, name: &str) -> bool {
        name == UNDERSTUDY || self.provider_of(name).is_some()
    }

    /// The provider and the model that a name stands for: a provider's, or `<provider>/<model>`.
    pub fn provider_of<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a str)> {
        if let Some((provider, config)) = self.providers.get_key_value(name) {
            return Some((provider, &config.model));
        }
        let (provider, model) = name.split_once('/')?;
        (self.providers.contains_key(provider) && !model.trim().is_empty()).then_some((provider, model))
    }

    /// The names that a persona may be given: the understudy, routes, providers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.routes.keys().chain(self.providers.keys()).map(String::as_str);
        std::iter::once(UNDERSTUDY).chain(own.filter(|name| *name != UNDERSTUDY))
    }

    /// The writers that a name stands for, in the order in which they are asked.
    pub fn writers_of<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.routes.get(name).map_or_else(|| vec![name], |route| route.uses.iter().map(String::as_str).collect())
    }

    /// Whether one of those under a name could answer, with the keys that there are.
    pub fn readiness(&self, name: &str, has_key: impl Fn(&str) -> bool) -> Readiness {
        let mut wanted = Vec::new();
        for writer in self.writers_of(name) {
            if writer == UNDERSTUDY {
                return Readiness::Ready;
            }
            let provider = self.provider_of(writer).and_then(|(provider, _)| self.providers.get(provider));
            let Some(ProviderConfig { key_secret, .. }) = provider else { continue };
            if key_secret.is_empty() || has_key(key_secret) {
                return Readiness::Ready;
            }
            wanted.push(key_secret.clone());
        }
        if wanted.is_empty() { Readiness::Nobody } else { Readiness::NoKey(wanted) }
    }
}

/// Refuses what could not be asked.
pub(super) fn check(found: &mut Findings) {
    let models = &found.config.models;
    let known = || models.names().collect::<Vec<_>>().join(", ");
    if !models.routes.contains_key(&models.default) && !models.is_writer(&models.default) {
        let text = format!("there is no provider or route `{}`; known are {}", models.default, known());
        found.refuse("models.default", text);
    }
    for (name, route) in &models.routes {
        let key = format!("models.routes.{name}.use");
        let is_new = name != UNDERSTUDY && !models.providers.contains_key(name) && !name.contains('/');
        found.demand(is_new, &key, "is named like a provider (or with a `/`): choose another name for the route");
        found.count(&key, route.uses.len(), 1, 16);
        for writer in route.uses.iter().filter(|writer| !models.is_writer(writer)) {
            let providers: Vec<_> = models.providers.keys().map(String::as_str).collect();
            let text = format!("there is no provider `{writer}`; known are {UNDERSTUDY}, {}", providers.join(", "));
            found.refuse(&key, text);
        }
    }
    for (name, config) in &models.providers {
        provider(found, name, config);
    }
}

fn provider(found: &mut Findings, name: &str, provider: &ProviderConfig) {
    let key = |field: &str| format!("models.providers.{name}.{field}");
    found.demand(name != UNDERSTUDY, &key("base_url"), "`understudy` is built in: choose another name");
    found.demand(!name.contains('/'), &key("base_url"), "a provider's name holds no `/`: what follows one is a model");
    let reachable = Url::parse(&provider.base_url)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.password().is_none());
    found.demand(reachable, &key("base_url"), "must be an address like `https://host/v1`, without a password");
    found.demand(!provider.model.trim().is_empty(), &key("model"), "must not be empty");
    found.seconds(&key("timeout"), provider.timeout, 1, 10 * MINUTE);
    found.seconds(&key("idle_timeout"), provider.idle_timeout, 1, 10 * MINUTE);
    found.count(&key("retries"), provider.retries as usize, 0, 10);
    found.count(&key("max_concurrent"), provider.max_concurrent as usize, 1, 10_000);
    found.count(&key("context_tokens"), provider.context_tokens as usize, LEAST_CONTEXT, MOST_CONTEXT);
    for (model, tokens) in &provider.contexts {
        found.count(&key(&format!("contexts.\"{model}\"")), *tokens as usize, LEAST_CONTEXT, MOST_CONTEXT);
    }
    found.count(&key("requests_per_minute"), provider.requests_per_minute as usize, 0, MOST_PER_MINUTE);
    let pair = (provider.input_micro_usd_per_million, provider.output_micro_usd_per_million);
    let whole = matches!(pair, (Some(_), Some(_)) | (None, None));
    let alone = if pair.0.is_some() { "input_micro_usd_per_million" } else { "output_micro_usd_per_million" };
    found.demand(whole, &key(alone), "stands alone: a price needs both input and output; 0 means free");
}
