//! The running server, as the verbs speak to it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::announcement::{self, Announcement};
use crate::config::Config;

const LIMIT: Duration = Duration::from_secs(30);
/// An answer longer than this is not one of ours.
const MOST_BYTES: usize = 32 << 20;

/// A server that announced itself in the data root.
pub(super) struct Server {
    base: Url,
    token: String,
    announced_in: PathBuf,
    http: reqwest::Client,
}

impl Server {
    pub(super) fn find(config: &Config) -> anyhow::Result<Self> {
        Self::find_patient(config, LIMIT)
    }

    /// The same for what may take longer.
    pub(super) fn find_patient(config: &Config, limit: Duration) -> anyhow::Result<Self> {
        let announced_in = announcement::path(&config.data_root);
        let read = Announcement::read(&config.data_root);
        let found = read.with_context(|| format!("{} cannot be read", announced_in.display()))?;
        let Some(found) = found else {
            bail!(
                "no server runs on {} (there is no {}): start one with `greenroom serve`, or name another data root \
                 with --data-root",
                config.data_root.display(),
                announced_in.display()
            );
        };
        let base = Url::parse(&found.url).with_context(|| format!("{} holds no address", announced_in.display()))?;
        // Our own server is on this machine: no proxy, and it is not asked to be fast.
        let http =
            reqwest::Client::builder().no_proxy().timeout(limit).build().context("cannot make an HTTP client")?;
        Ok(Self { base, token: found.token, announced_in, http })
    }

    /// Reads; `query` pairs without a value are left out.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, Option<String>)]) -> anyhow::Result<Value> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.send(self.http.request(Method::GET, url)).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.post(self.url(path)?).json(body)).await
    }

    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.patch(self.url(path)?).json(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.send(self.http.delete(self.url(path)?)).await
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.send(self.http.put(self.url(path)?).json(body)).await
    }

    /// Each part is one segment, whatever it holds.
    fn url(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.clear().extend(path),
            Err(()) => bail!("{} holds no HTTP address", self.announced_in.display()),
        };
        Ok(url)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let request = request.bearer_auth(&self.token).header(header::ACCEPT, "application/json");
        let answer = request.send().await.map_err(|error| {
            let gone = error.is_connect();
            let error = anyhow::Error::new(error.without_url());
            if gone {
                let file = self.announced_in.display();
                return error.context(format!(
                    "the server at {} does not answer; if it was killed, start it again (it left {file})",
                    self.base
                ));
            }
            error.context(format!("the server at {} did not answer", self.base))
        })?;
        let status = answer.status();
        let bytes = answer.bytes().await.context("the server's answer broke off")?;
        if bytes.len() > MOST_BYTES {
            bail!("the server's answer is longer than {MOST_BYTES} bytes");
        }
        let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
        match body {
            Ok(body) if status.is_success() => Ok(body),
            body => Err(refusal(status, &body.unwrap_or_default())),
        }
    }
}

/// What the server said (RFC 9457), in one line.
fn refusal(status: StatusCode, problem: &Value) -> anyhow::Error {
    match problem["detail"].as_str() {
        Some(detail) => anyhow!("{}", detail.trim_end_matches('.')),
        None => anyhow!("the server answered {status}"),
    }
}
