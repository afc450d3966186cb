//! Programs that ask one call after another, and how long each took.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, header::HeaderMap};
use tokio::{task::JoinSet, time::Instant};

/// Who is asked, and how.
pub(super) struct Target {
    client: Client,
    url: String,
    body: Arc<[u8]>,
}

/// What came of asking.
#[derive(Default)]
pub(super) struct Load {
    took: Vec<Duration>,
    /// Answers that were none.
    pub(super) errors: usize,
    over: Duration,
}

impl Target {
    pub(super) fn new(url: String, model: &str, headers: HeaderMap) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().default_headers(headers).tcp_nodelay(true).build()?;
        let said = "Say in one sentence what a gateway is. ".repeat(8);
        let body = serde_json::json!({
            "model": model, "max_tokens": 100, "messages": [{"role": "user", "content": said}],
        });
        Ok(Self { client, url, body: body.to_string().into_bytes().into() })
    }

    /// Without a gateway.
    pub(super) fn direct(mock: &str) -> anyhow::Result<Self> {
        Self::new(format!("{mock}/chat/completions"), "small-1", HeaderMap::new())
    }
}

/// So many programs for so long.
pub(super) async fn run(target: &Target, at_once: usize, time: Duration) -> Load {
    let (began, mut programs) = (Instant::now(), JoinSet::new());
    for _ in 0..at_once {
        let (client, url, body) = (target.client.clone(), target.url.clone(), target.body.clone());
        programs.spawn(async move {
            let mut load = Load::default();
            while began.elapsed() < time {
                let asked = Instant::now();
                match ask(&client, &url, &body).await {
                    true => load.took.push(asked.elapsed()),
                    false => load.errors += 1,
                }
            }
            load
        });
    }
    let mut all = Load::default();
    while let Some(load) = programs.join_next().await {
        all.add(load.unwrap_or_default());
    }
    all.over = began.elapsed();
    all
}

async fn ask(client: &Client, url: &str, body: &[u8]) -> bool {
    let request = client.post(url).header("content-type", "application/json").body(body.to_vec());
    let Ok(answer) = request.send().await else { return false };
    let is_well = answer.status().is_success();
    answer.bytes().await.is_ok_and(|bytes| is_well && bytes.windows(9).any(|part| part == b"assistant"))
}

impl Load {
    pub(super) fn add(&mut self, mut other: Self) {
        self.took.append(&mut other.took);
        self.errors += other.errors;
        self.over += other.over;
    }

    pub(super) fn sort(&mut self) {
        self.took.sort_unstable();
    }

    /// Of all that were answered, in milliseconds.
    pub(super) fn ms(&self, percentile: usize) -> f64 {
        let at = self.took.len() * percentile / 100;
        self.took.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }

    pub(super) fn per_second(&self) -> f64 {
        self.took.len() as f64 / self.over.as_secs_f64()
    }
}
