//! Commands to Chromium as plain JSON, each with a time limit.
//!
//! The driver's typed commands are older than the Chromium they talk to, and a single unknown word in an answer fails
//! the whole answer; JSON does not care. Its own request timeout is not reliable, so every call has one here.

use std::{borrow::Cow, time::Duration};

use chromiumoxide::{Browser, Command, Method, Page, types::MethodId};
use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::time::timeout;

use super::fault::Fault;

/// One command by its name.
#[derive(Debug, Clone)]
struct Raw {
    method: &'static str,
    params: Value,
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.params.serialize(to)
    }
}

impl Method for Raw {
    fn identifier(&self) -> MethodId {
        Cow::Borrowed(self.method)
    }
}

impl Command for Raw {
    type Response = Value;
}

/// Asks the browser as a whole.
pub(super) async fn ask_browser(
    browser: &Browser,
    method: &'static str,
    params: Value,
    limit: Duration,
) -> Result<Value, Fault> {
    match timeout(limit, browser.execute(Raw { method, params })).await {
        Ok(Ok(answer)) => Ok(answer.result),
        Ok(Err(error)) => Err(Fault::from_cdp(method, error)),
        Err(_) => Err(Fault::Slow(method)),
    }
}

/// Asks one page.
pub(super) async fn ask_page(
    page: &Page,
    method: &'static str,
    params: Value,
    limit: Duration,
) -> Result<Value, Fault> {
    match timeout(limit, page.execute(Raw { method, params })).await {
        Ok(Ok(answer)) => Ok(answer.result),
        Ok(Err(error)) => Err(Fault::from_cdp(method, error)),
        Err(_) => Err(Fault::Slow(method)),
    }
}
