//! One request and what comes back for it.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, header};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::{Endpoint, Errand, TOO_MANY, shown};
use crate::{
    config::ProviderKind,
    models::{
        ModelError, refusal,
        retry::asked_pause,
        wire::{Answer, Events, Listener, MOST_ANSWER_BYTES, Malformed},
    },
    secrets::SecretText,
};

/// Of a refusal only the first words are read.
const MOST_REFUSAL_BYTES: usize = 16 << 10;
/// How long the end of a connection is waited for behind an answer, so that it can be used again.
const END_OF_STREAM: Duration = Duration::from_secs(1);
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// What a request brought.
pub(super) enum Reply<T> {
    Answer(T),
    /// Not a success; `reason` is as the provider said it, and `pause` what it asked for.
    No {
        status: u16,
        reason: String,
        pause: Option<Duration>,
    },
}

enum Body {
    Whole(Vec<u8>),
    /// Longer than is taken; this much was read.
    Cut(Vec<u8>),
}

impl Endpoint {
    /// Asks once. An answer that is streamed is told while it comes.
    pub(super) async fn exchange(&self, errand: &Errand<'_>, body: Vec<u8>) -> Result<Reply<Answer>, ModelError> {
        let now = Instant::now();
        let left = errand.deadline.saturating_duration_since(now);
        let limit = self.config.timeout.min(errand.share.saturating_duration_since(now));
        let request = self.request(&self.url, errand.key, body);
        if !errand.asked.streaming {
            let whole = async {
                let response = request.send().await.map_err(|error| self.lost(error))?;
                self.whole(errand, response).await
            };
            return timeout(limit, whole).await.unwrap_or_else(|_| Err(self.timed_out(limit)));
        }
        let streamed = async {
            let response = timeout(limit, request.send()).await.map_err(|_| self.timed_out(limit))?;
            let response = response.map_err(|error| self.lost(error))?;
            let is_stream = header_text(&response, header::CONTENT_TYPE)
                .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"));
            if response.status().is_success() && is_stream {
                return self.listen(errand, response).await;
            }
            // A refusal, or a server that does not stream.
            timeout(limit, self.whole(errand, response)).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
        };
        timeout(left, streamed).await.unwrap_or_else(|_| Err(self.timed_out(left)))
    }

    pub(super) fn request(&self, url: &Url, key: Option<&SecretText>, body: Vec<u8>) -> RequestBuilder {
        let request =
            self.connections.here().post(url.clone()).header(header::CONTENT_TYPE, "application/json").body(body);
        match (self.kind, key.map(SecretText::reveal)) {
            (ProviderKind::OpenAi, Some(key)) => request.bearer_auth(key),
            (ProviderKind::OpenAi, None) => request,
            (ProviderKind::Anthropic, Some(key)) => {
                request.header("anthropic-version", ANTHROPIC_VERSION).header("x-api-key", key)
            }
            (ProviderKind::Anthropic, None) => request.header("anthropic-version", ANTHROPIC_VERSION),
        }
    }

    async fn whole(&self, errand: &Errand<'_>, response: Response) -> Result<Reply<Answer>, ModelError> {
        self.whole_as(errand.key, response, |bytes| self.kind.read(bytes, errand.asked.request)).await
    }

    /// Reads a whole answer in whatever form it has.
    pub(super) async fn whole_as<T>(
        &self,
        key: Option<&SecretText>,
        response: Response,
        read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Reply<T>, ModelError> {
        let status = response.status();
        if status.is_success() {
            return match self.body(response, MOST_ANSWER_BYTES).await? {
                Body::Whole(bytes) => self.judged(key, read(&bytes)),
                Body::Cut(_) => Err(ModelError::TooLarge { provider: self.name.clone(), limit: MOST_ANSWER_BYTES }),
            };
        }
        let date = header_text(&response, header::DATE);
        let pause = header_text(&response, header::RETRY_AFTER).and_then(|text| asked_pause(&text, date.as_deref()));
        let (Body::Whole(bytes) | Body::Cut(bytes)) = self.body(response, MOST_REFUSAL_BYTES).await?;
        Ok(Reply::No { status: status.as_u16(), reason: refusal::reason(&bytes), pause })
    }

    async fn listen(&self, errand: &Errand<'_>, mut response: Response) -> Result<Reply<Answer>, ModelError> {
        let mut events = Events::default();
        let mut listener = Listener::new(self.kind, errand.asked.request);
        // Until it begins to speak it may think as long as a whole answer may take.
        let thinks = self.config.timeout.min(errand.share.saturating_duration_since(Instant::now()));
        let begins_by = Instant::now() + thinks;
        let (mut has_begun, mut told_of_answer) = (false, false);
        while !listener.is_over() {
            let idle = self.config.idle_timeout;
            let (until, patience) = if has_begun { (Instant::now() + idle, idle) } else { (begins_by, thinks) };
            let part = timeout_at(until, response.chunk()).await.map_err(|_| self.silent(patience))?;
            let Some(part) = part.map_err(|error| self.lost(error))? else { break };
            let heard = match events.push(&part) {
                Ok(heard) => heard,
                Err(error) => return self.judged(errand.key, Err(error)),
            };
            has_begun |= !heard.is_empty();
            for data in heard {
                match listener.hear(&data) {
                    Ok(None) => {}
                    Ok(Some(text)) => self.tell(errand, text).await,
                    // What it made until then may be billed, whatever it calls the end.
                    Err(Malformed::Said { status, reason }) if told_of_answer => {
                        if status == TOO_MANY {
                            (errand.refused)();
                        }
                        let reason =
                            shown(errand.key, &format!("in the middle of its answer it said {status}: {reason}"));
                        return Err(ModelError::Broken {
                            provider: self.name.clone(),
                            host: self.host.clone(),
                            reason,
                        });
                    }
                    Err(error) => return self.judged(errand.key, Err(error)),
                }
                told_of_answer = true;
            }
        }
        // Read to its end the connection serves the next request.
        tokio::spawn(async move { timeout(END_OF_STREAM, response.chunk()).await.is_ok() });
        self.judged(errand.key, listener.finish())
    }

    async fn tell(&self, errand: &Errand<'_>, text: String) {
        if let Some(told) = errand.told {
            told.text(text).await;
        }
    }

    fn judged<T>(&self, key: Option<&SecretText>, answer: Result<T, Malformed>) -> Result<Reply<T>, ModelError> {
        let provider = self.name.clone();
        match answer {
            Ok(answer) => Ok(Reply::Answer(answer)),
            Err(Malformed::Said { status, reason }) => Ok(Reply::No { status, reason, pause: None }),
            Err(Malformed::Cut) => {
                let reason = Malformed::Cut.to_string();
                Err(ModelError::Broken { provider, host: self.host.clone(), reason })
            }
            Err(Malformed::TooLarge) => Err(ModelError::TooLarge { provider, limit: MOST_ANSWER_BYTES }),
            Err(error) => Err(ModelError::BadAnswer { provider, reason: shown(key, &error.to_string()) }),
        }
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

    fn silent(&self, after: Duration) -> ModelError {
        ModelError::Silent { provider: self.name.clone(), host: self.host.clone(), after }
    }

    pub(super) fn lost(&self, error: reqwest::Error) -> ModelError {
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
}

fn header_text(response: &Response, name: header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}
