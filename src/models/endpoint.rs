//! One configured provider: asked over HTTP until there is an answer, a refusal, or no time or try left.

mod connections;
mod embeddings;
mod exchange;

use std::time::Duration;

use actors::domain::{Bound, Cost};
use tokio::time::Instant;
use url::Url;

use self::{connections::Connections, exchange::Reply};
use super::{
    ModelError,
    gate::{Gate, Pass, Shut},
    price::{Price, sum},
    refusal,
    retry::{After, after},
    stream::Told,
    structure::ADDED_BYTES,
    wire::{Answer, Asked},
};
use crate::{
    config::{OutputLimitField, ProviderConfig, ProviderKind},
    secrets::SecretText,
};

/// Whose share is shorter than this is not judged by it.
const FAIR: Duration = Duration::from_secs(5);

/// The status of an answer that there were too many requests.
const TOO_MANY: u16 = 429;

/// Hears of one answer.
pub(super) type Heard<'a> = &'a (dyn Fn() + Sync);

/// One configured endpoint.
pub(super) struct Endpoint {
    name: String,
    kind: ProviderKind,
    url: Url,
    host: String,
    config: ProviderConfig,
    gate: Gate,
    connections: Connections,
}

/// One request, for as long as it is tried.
pub(super) struct Errand<'a> {
    pub asked: Asked<'a>,
    pub key: Option<&'a SecretText>,
    /// When it was begun.
    pub since: Instant,
    /// Until then the answer must have begun (a streamed one) or be whole: the others on the route want their time, too.
    pub share: Instant,
    /// Nothing is waited for any longer.
    pub deadline: Instant,
    /// Whom to tell of the answer while it comes.
    pub told: Option<&'a Told>,
    /// Called for every answer that there were too many requests.
    pub refused: Heard<'a>,
}

/// What is the same for every try.
struct Insisting<'a> {
    model: &'a str,
    key: Option<&'a SecretText>,
    since: Instant,
    share: Instant,
    deadline: Instant,
    told: Option<&'a Told>,
    refused: Heard<'a>,
}

impl Insisting<'_> {
    /// Whether what was asked at this moment and not answered in time says something about the provider. It does not
    /// where the caller's own time is up, or where most of the share went by before there was a place.
    fn was_given_time(&self, asked_at: Instant) -> bool {
        let now = Instant::now();
        let had = now.duration_since(asked_at);
        let most_of_share = had >= FAIR && had >= self.share.duration_since(self.since) / 2;
        now < self.deadline && (now < self.share || most_of_share)
    }
}

impl Endpoint {
    /// Checks the address and makes the client; nothing is sent.
    pub(super) fn new(name: &str, config: &ProviderConfig) -> Result<Self, ModelError> {
        let bad = |field, reason: String| ModelError::BadProvider { provider: name.to_owned(), field, reason };
        let url = format!("{}{}", config.base_url.trim_end_matches('/'), config.kind.path());
        let url = Url::parse(&url).map_err(|error| bad("base_url", format!("is no address: {error}")))?;
        let host = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host.to_owned(),
            _ => return Err(bad("base_url", "must begin with http:// or https:// and name a host".to_owned())),
        };
        if config.model.trim().is_empty() {
            return Err(bad("model", "must not be empty".to_owned()));
        }
        let connections = Connections::new();
        let connections = connections.map_err(|error| bad("base_url", format!("no client could be made: {error}")))?;
        let gate = Gate::new(config);
        Ok(Self { name: name.to_owned(), kind: config.kind, url, host, config: config.clone(), gate, connections })
    }

    /// Name of the secret that holds its key; empty: it takes none.
    pub(super) fn key_secret(&self) -> &str {
        &self.config.key_secret
    }

    /// How it takes the limit of an answer.
    pub(super) const fn output_limit_field(&self) -> OutputLimitField {
        self.config.output_limit_field
    }

    /// What the model costs; none: nobody said.
    pub(super) fn price(&self, model: &str) -> Option<Price> {
        Price::of_model(&self.config, model)
    }

    /// The worst case of this request.
    pub(super) fn bound(&self, asked: &Asked<'_>) -> Result<Bound, ModelError> {
        let price = self.price(asked.model);
        let unbounded = || ModelError::Unbounded { provider: self.name.clone(), model: asked.model.to_owned() };
        let (price, bytes) = (price.ok_or_else(unbounded)?, self.kind.body(asked).len());
        let most = asked.request.max_output_tokens;
        let once = price.bound(bytes, most);
        Ok(match asked.request.answer_schema {
            // An answer that has not the form is asked for once more.
            Some(_) => once.plus(price.bound(bytes.saturating_add(ADDED_BYTES), most)),
            None => once,
        })
    }

    /// Tokens that a talk with this model may have, its answer included.
    pub(super) fn context_tokens(&self, model: &str) -> usize {
        let tokens = self.config.contexts.get(model).copied().unwrap_or(self.config.context_tokens);
        usize::try_from(tokens).unwrap_or(usize::MAX)
    }

    /// What this request costs at its worst; none: nobody said.
    pub(super) fn worst(&self, asked: &Asked<'_>) -> Option<Cost> {
        let price = self.price(asked.model)?;
        let (bytes, most) = (self.kind.body(asked).len(), asked.request.max_output_tokens);
        let once = price.worst(bytes, most);
        let again = asked.request.answer_schema.is_some();
        Some(if again { sum(once, price.worst(bytes.saturating_add(ADDED_BYTES), most)) } else { once })
    }

    /// Asks until there is an answer, a refusal, or no time or try left.
    pub(super) async fn ask(&self, errand: &Errand<'_>) -> Result<Answer, ModelError> {
        let body = self.kind.body(&errand.asked);
        let Errand { asked, key, since, share, deadline, told, refused } = errand;
        let (since, share, deadline) = (*since, *share, *deadline);
        let request =
            Insisting { model: asked.model, key: *key, since, share, deadline, told: *told, refused: *refused };
        self.insist(&request, || self.exchange(errand, body.clone())).await
    }

    /// Makes one exchange after another until there is an answer, a refusal, or no time or try left.
    async fn insist<T, F>(&self, errand: &Insisting<'_>, exchange: impl Fn() -> F) -> Result<T, ModelError>
    where
        F: Future<Output = Result<Reply<T>, ModelError>>,
    {
        let mut tries = 0;
        let mut last = None;
        loop {
            let pass = match self.gate.enter(errand.share).await {
                Ok(pass) => pass,
                // What it said before tells more.
                Err(shut) => return Err(last.unwrap_or_else(|| self.shut(shut))),
            };
            tries += 1;
            let asked_at = Instant::now();
            let reply = exchange().await;
            self.report(pass, &reply, errand.was_given_time(asked_at));
            let (status, reason, asked) = match reply? {
                Reply::Answer(answer) => return Ok(answer),
                Reply::No { status, reason, pause } => (status, reason, pause),
            };
            if status == TOO_MANY {
                (errand.refused)();
            }
            let left = errand.share.saturating_duration_since(Instant::now());
            let begun = errand.told.is_some_and(Told::has_begun);
            match after(status, asked, tries, self.config.retries, left) {
                After::Refused => return Err(self.refused(errand, status, &reason)),
                After::Again(pause) if !begun => {
                    tracing::info!(provider = %self.name, status, ?pause, "model provider {} is busy, asking again", self.name);
                    last = Some(self.busy(errand, status, tries, &reason));
                    tokio::time::sleep(pause).await;
                }
                After::Again(_) | After::GiveUp => return Err(self.busy(errand, status, tries, &reason)),
            }
        }
    }

    fn report<T>(&self, pass: Pass<'_>, reply: &Result<Reply<T>, ModelError>, was_given_time: bool) {
        let failed = match reply {
            Ok(Reply::Answer(_)) => false,
            Ok(Reply::No { status, .. }) => *status >= 500,
            Err(ModelError::TimedOut { .. } | ModelError::Silent { .. }) if !was_given_time => return,
            Err(_) => true,
        };
        if !failed {
            pass.answered();
        } else if pass.failed() {
            tracing::warn!(provider = %self.name, "model provider {} keeps failing and is left alone for a minute", self.name);
        }
    }

    fn shut(&self, shut: Shut) -> ModelError {
        let provider = self.name.clone();
        match shut {
            Shut::Off(off) => ModelError::SwitchedOff { provider, failures: off.failures, after: off.after },
            Shut::Full(limit) => ModelError::Full { provider, limit },
        }
    }

    fn busy(&self, errand: &Insisting<'_>, status: u16, tries: u32, said: &str) -> ModelError {
        ModelError::Busy { provider: self.name.clone(), status, tries, reason: shown(errand.key, said) }
    }

    fn refused(&self, errand: &Insisting<'_>, status: u16, said: &str) -> ModelError {
        let (provider, reason) = (self.name.clone(), shown(errand.key, said));
        if refusal::is_too_long(status, said) {
            return ModelError::TooLong { provider, model: errand.model.to_owned(), reason };
        }
        let hint = match status {
            401 | 403 => "; check the stored key",
            404 => "; check `base_url` and `model`",
            _ => "",
        };
        ModelError::Refused { provider, status, reason, hint }
    }

    fn timed_out(&self, after: Duration) -> ModelError {
        ModelError::TimedOut { provider: self.name.clone(), host: self.host.clone(), after }
    }
}

/// Fit to be shown: short, and without the key.
fn shown(key: Option<&SecretText>, said: &str) -> String {
    refusal::shown(said, key.map(SecretText::reveal))
}
