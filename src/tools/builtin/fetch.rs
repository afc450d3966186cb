//! `http_fetch`: one request over HTTP, through a gate with the persona's own host rules, like its browser's.
//!
//! A `GET` reads and follows redirects on its host, each judged by the gate. To another host it is not followed: what the
//! rules and the host's policy say of that one is asked when somebody wants it. A `POST` is irreversible: it is sent once
//! and follows nothing. What comes back is cut at a fixed size and kept as a text; it is data, whatever it says.

use std::time::Duration;

use actors::domain::{ArtifactKind, NewArtifact, Outcome, Persona, StepError, host_of};
use reqwest::{
    Client, Proxy, RequestBuilder, Response,
    header::LOCATION,
    redirect::{Action, Attempt, Policy},
};
use serde_json::{Value, json};

use super::readable;
use crate::egress::{Egress, Gate, HostRules};

/// Bytes of an answer that are read.
pub(super) const MOST_BYTES: usize = 1 << 20;
const MOST_REDIRECTS: usize = 5;
const LONGEST: Duration = Duration::from_secs(30);

/// What is asked.
pub(in crate::tools) struct Asked<'a> {
    pub url: &'a str,
    pub post: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

/// Asks, within the limit.
pub(in crate::tools) async fn fetch(egress: &Egress, persona: &Persona, asked: Asked<'_>, limit: Duration) -> Outcome {
    let refused = |why: String| Outcome::not_begun(format!("did not ask {}", asked.url), StepError::denied(why));
    let rules = match HostRules::parse(&persona.hosts) {
        Ok(rules) => rules,
        Err(bad) => return refused(bad.to_string()),
    };
    let url = match egress.check_url(&rules, asked.url) {
        Ok(url) => url,
        Err(refusal) => return refused(refusal.to_string()),
    };
    let not_begun = |why: String| Outcome::not_begun("could not ask", StepError::retryable(why));
    let gate = match egress.gate(rules).await {
        Ok(gate) => gate,
        Err(error) => return not_begun(format!("the way out could not be opened: {error}")),
    };
    let client = match client(&gate, asked.post.is_some(), limit.min(LONGEST)) {
        Ok(client) => client,
        Err(error) => return not_begun(format!("the request could not be made: {error}")),
    };
    let request = match asked.post {
        None => client.get(url),
        Some(body) => client.post(url).header("content-type", content_type(&asked, body)).body(body.to_owned()),
    };
    answered(&gate, &asked, request).await
}

fn client(gate: &Gate, posts: bool, limit: Duration) -> reqwest::Result<Client> {
    let redirects = if posts { Policy::none() } else { Policy::custom(on_its_host) };
    let proxy = Proxy::all(format!("http://{}", gate.addr))?;
    Client::builder().proxy(proxy).redirect(redirects).timeout(limit).user_agent("greenroom").build()
}

fn on_its_host(next: Attempt<'_>) -> Action {
    let first = next.previous().first().and_then(|first| host_of(first.as_str()));
    match next.previous().len() {
        _ if first.is_none() || host_of(next.url().as_str()) != first => next.stop(),
        hops if hops > MOST_REDIRECTS => next.error("it was sent on too often"),
        _ => next.follow(),
    }
}

/// Where an answer sends who asked.
fn sent_on(response: &Response) -> Option<String> {
    let to = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
    Some(response.url().join(to.to_str().ok()?).ok()?.into())
}

fn content_type(asked: &Asked<'_>, body: &str) -> String {
    let json = || serde_json::from_str::<Value>(body).is_ok();
    let guess = || if json() { "application/json" } else { "text/plain; charset=utf-8" };
    asked.content_type.map_or_else(|| guess().to_owned(), str::to_owned)
}

async fn answered(gate: &Gate, asked: &Asked<'_>, request: RequestBuilder) -> Outcome {
    let verb = if asked.post.is_some() { "post to" } else { "fetch" };
    let sent = request.send().await;
    // What the gate kept back never left.
    if let Some(kept) = gate.refusals().last() {
        let why = kept.to_string();
        let error = if kept.why.is_rule() { StepError::denied(why) } else { StepError::retryable(why) };
        return Outcome::not_begun(format!("did not {verb} {}", asked.url), error);
    }
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            let why = StepError::retryable(format!("{} did not answer: {}", asked.url, root_of(&error)));
            let left = asked.post.is_some() && !error.is_connect() && !error.is_builder();
            let said = format!("could not {verb} {}", asked.url);
            return if left { Outcome::unknown(said, why) } else { Outcome::not_begun(said, why) };
        }
    };
    let (status, address, sent_on) = (response.status(), response.url().to_string(), sent_on(&response));
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
    let (bytes, cut) = match read(response).await {
        Ok(read) => read,
        Err(error) => {
            let error = StepError::retryable(format!("the answer of {address} broke off: {}", root_of(&error)));
            let data = json!({"address": address, "status": status.as_u16()});
            return Outcome::does_not_hold(format!("was cut off at {address}"), data, error);
        }
    };
    let data = json!({"step": "http_fetch", "address": address, "status": status.as_u16(), "content_type": kind,
        "bytes": bytes.len(), "cut": cut});
    let summary =
        format!("{} {address}: {}", if asked.post.is_some() { "posted to" } else { "fetched" }, status.as_u16());
    let mut outcome = Outcome::done(summary, data);
    if let Some(to) = sent_on {
        outcome.error = Some(StepError::permanent(format!("{address} sends on to {to}: ask there, if that is wanted")));
        outcome.data["sent_on_to"] = to.into();
        return outcome;
    }
    if !status.is_success() {
        outcome.error = Some(StepError::retryable(format!("{address} answered {}", status.as_u16())));
    }
    match text_of(&kind, bytes) {
        Some(text) => outcome.with_artifact(NewArtifact {
            kind: ArtifactKind::Text,
            name: "answer.txt".to_owned(),
            media_type: "text/plain; charset=utf-8",
            bytes: text.into_bytes(),
        }),
        None => outcome,
    }
}

/// At most so many bytes, and whether there was more.
pub(super) async fn read(mut response: Response) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let left = MOST_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if chunk.len() > left {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

/// None: it is no text.
fn text_of(kind: &str, bytes: Vec<u8>) -> Option<String> {
    let kind = kind.to_ascii_lowercase();
    let is_text = kind.is_empty() || ["text/", "json", "xml", "javascript"].iter().any(|part| kind.contains(part));
    if !is_text || bytes.contains(&0) {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some(if kind.contains("html") { readable::text(&text) } else { text })
}

/// The last cause, without the address: it may hold what is nobody's business.
pub(super) fn root_of(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    at.to_string().chars().take(200).collect()
}
