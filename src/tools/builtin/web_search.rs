//! `web_search`: asks the operator's search engine, SearXNG or what speaks like it. No persona chooses its address.

use std::time::Duration;

use actors::domain::{Outcome, StepError};
use reqwest::{Client, redirect::Policy};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::fetch::{read, root_of};

const MOST_RESULTS: usize = 10;
const LONGEST: Duration = Duration::from_secs(20);

/// What is read of an answer.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    results: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    content: Option<String>,
}

/// Titles, addresses and extracts.
pub(in crate::tools) async fn search(endpoint: Result<&Url, &'static str>, query: &str, limit: Duration) -> Outcome {
    let failed = |why: String| Outcome::not_begun("found nothing", StepError::retryable(why));
    let endpoint = match endpoint {
        Ok(endpoint) => endpoint,
        Err(lack) => return Outcome::not_begun("did not search", StepError::permanent(lack)),
    };
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(limit.min(LONGEST)).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return failed(format!("the request could not be made: {error}")),
    };
    let mut url = endpoint.clone();
    url.query_pairs_mut().append_pair("q", query).append_pair("format", "json");
    let response = match client.get(url).send().await {
        Ok(response) => response,
        Err(error) => return failed(format!("the search engine did not answer: {}", root_of(&error))),
    };
    if !response.status().is_success() {
        return failed(format!("the search engine answered {}", response.status().as_u16()));
    }
    let bytes = match read(response).await {
        Ok((bytes, false)) => bytes,
        Ok((_, true)) => return failed("the search engine answered more than a megabyte".to_owned()),
        Err(error) => return failed(format!("the search engine's answer broke off: {}", root_of(&error))),
    };
    let answer: Answer = match serde_json::from_slice(&bytes) {
        Ok(answer) => answer,
        Err(error) => return failed(format!("the search engine's answer is not what SearXNG sends: {error}")),
    };
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let results: Vec<_> = answer
        .results
        .iter()
        .take(MOST_RESULTS)
        .map(|hit| {
            let extract = cut(hit.content.as_deref().unwrap_or(""), 400);
            json!({"title": cut(&hit.title, 200), "address": cut(&hit.url, 500), "extract": extract})
        })
        .collect();
    Outcome::done(format!("found {} pages", results.len()), json!({"step": "web_search", "results": results}))
}
