//! An OpenAI-compatible endpoint: one request, a bounded answer, tries that stop in time.

use std::time::Duration;

use reqwest::{Client, Response, header, redirect};
use tokio::time::Instant;
use url::Url;

use super::{
    Composed, ModelError, Request, build_persona_prompt,
    retry::{After, after},
    wire::{Answer, Ask, Price, read, reason},
    words_wanted,
};
use crate::{config::ProviderConfig, secrets::SecretText};

const MOST_ANSWER_BYTES: usize = 4 << 20;
/// Of a refusal only the first words are read.
const MOST_REFUSAL_BYTES: usize = 16 << 10;

/// One configured endpoint.
pub(super) struct OpenAi {
    name: String,
    url: Url,
    host: String,
    model: String,
    key_secret: String,
    timeout: Duration,
    retries: u32,
    price: Price,
    client: Client,
}

impl OpenAi {
    /// Checks the address and makes the client; nothing is sent.
    pub(super) fn new(name: &str, config: &ProviderConfig) -> Result<Self, ModelError> {
        let bad = |field, reason: String| ModelError::BadProvider { provider: name.to_owned(), field, reason };
        let url = format!("{}/chat/completions", config.base_url.trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|error| bad("base_url", format!("is no address: {error}")))?;
        let host = match (url.scheme(), url.host_str()) {
            ("http" | "https", Some(host)) => host.to_owned(),
            _ => return Err(bad("base_url", "must begin with http:// or https:// and name a host".to_owned())),
        };
        if config.model.trim().is_empty() {
            return Err(bad("model", "must not be empty".to_owned()));
        }
        // A redirect could carry the key elsewhere.
        let client = Client::builder().redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| bad("base_url", format!("no client could be made: {error}")))?;
        Ok(Self {
            name: name.to_owned(),
            url,
            host,
            model: config.model.clone(),
            key_secret: config.key_secret.clone(),
            timeout: config.timeout,
            retries: config.retries,
            price: Price { input: config.input_micro_usd_per_million, output: config.output_micro_usd_per_million },
            client,
        })
    }

    /// Its name in the configuration.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Name of the secret that holds its key; empty: it takes none.
    pub(super) fn key_secret(&self) -> &str {
        &self.key_secret
    }

    /// Asks until there is an answer, a refusal, or no time or try left.
    pub(super) async fn compose(
        &self,
        request: &Request<'_>,
        model: Option<&str>,
        key: Option<&SecretText>,
    ) -> Result<Composed, ModelError> {
        let deadline = Instant::now() + request.limit;
        let model = model.unwrap_or(&self.model);
        let prompt = build_persona_prompt(request.persona, request.prompt, words_wanted(request));
        let ask = Ask::new(model, &prompt, request.persona.profile.temperature_thousandths);
        let mut tries = 0;
        loop {
            tries += 1;
            match self.ask_once(&ask, key, deadline).await? {
                Reply::Answer(answer) => return Ok(self.composed(answer, model)),
                Reply::No { status, retry_after, reason } => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    match after(status, retry_after.as_deref(), tries, self.retries, left) {
                        After::Again(pause) => {
                            tracing::info!(provider = %self.name, status, ?pause, "model provider {} is busy, asking again", self.name);
                            tokio::time::sleep(pause).await;
                        }
                        After::GiveUp => return Err(self.busy(status, tries, reason)),
                        After::Refused => return Err(self.refused(status, reason)),
                    }
                }
            }
        }
    }

    async fn ask_once(&self, ask: &Ask<'_>, key: Option<&SecretText>, deadline: Instant) -> Result<Reply, ModelError> {
        let limit = self.timeout.min(deadline.saturating_duration_since(Instant::now()));
        let asked = tokio::time::timeout(limit, self.exchange(ask, key)).await;
        asked.unwrap_or_else(|_| {
            Err(ModelError::TimedOut { provider: self.name.clone(), host: self.host.clone(), after: limit })
        })
    }

    async fn exchange(&self, ask: &Ask<'_>, key: Option<&SecretText>) -> Result<Reply, ModelError> {
        let mut request = self.client.post(self.url.clone()).json(ask);
        if let Some(key) = key {
            request = request.bearer_auth(key.reveal());
        }
        let response = request.send().await.map_err(|error| self.lost(error))?;
        let status = response.status();
        if status.is_success() {
            let body = self.body(response, MOST_ANSWER_BYTES).await?;
            return match body {
                Body::Whole(bytes) => read(&bytes).map(Reply::Answer).map_err(|reason| self.bad(reason)),
                Body::Cut(_) => Err(ModelError::TooLarge { provider: self.name.clone(), limit: MOST_ANSWER_BYTES }),
            };
        }
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (Body::Whole(bytes) | Body::Cut(bytes)) = self.body(response, MOST_REFUSAL_BYTES).await?;
        let reason = reason(&bytes, key.map(SecretText::reveal));
        Ok(Reply::No { status: status.as_u16(), retry_after, reason })
    }

    async fn body(&self, mut response: Response, most: usize) -> Result<Body, ModelError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(error))? {
            let room = most - bytes.len();
            if chunk.len() > room {
                bytes.extend_from_slice(&chunk[..room]);
                return Ok(Body::Cut(bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body::Whole(bytes))
    }

    fn composed(&self, answer: Answer, asked: &str) -> Composed {
        Composed {
            text: answer.text,
            provider: self.name.clone(),
            model: answer.model.unwrap_or_else(|| asked.to_owned()),
            cost: answer.usage.map(|usage| self.price.of(usage)),
        }
    }

    fn lost(&self, error: reqwest::Error) -> ModelError {
        let (provider, host) = (self.name.clone(), self.host.clone());
        let not_begun = error.is_connect() || error.is_builder();
        // The innermost cause says what happened; the outer ones only where.
        let mut cause: &dyn std::error::Error = &error.without_url();
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = cause.to_string();
        if not_begun {
            ModelError::Unreachable { provider, host, reason }
        } else {
            ModelError::Broken { provider, host, reason }
        }
    }

    fn bad(&self, reason: String) -> ModelError {
        ModelError::BadAnswer { provider: self.name.clone(), reason }
    }

    fn busy(&self, status: u16, tries: u32, reason: String) -> ModelError {
        ModelError::Busy { provider: self.name.clone(), status, tries, reason }
    }

    fn refused(&self, status: u16, reason: String) -> ModelError {
        let hint = match status {
            401 | 403 => "; check the stored key",
            404 => "; check `base_url` and `model`",
            _ => "",
        };
        ModelError::Refused { provider: self.name.clone(), status, reason, hint }
    }
}

enum Reply {
    Answer(Answer),
    No { status: u16, retry_after: Option<String>, reason: String },
}

enum Body {
    Whole(Vec<u8>),
    /// Longer than is taken; this much was read.
    Cut(Vec<u8>),
}
