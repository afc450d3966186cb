//! Connections to one provider, kept where they are used.
//!
//! A connection is served by the runtime that opened it. A call carried on another thread would wait twice for a change of
//! threads, so each thread with a runtime of its own has its own connections; the threads of a shared runtime share.

use reqwest::{Client, redirect};
use thread_local::ThreadLocal;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Clients of one endpoint.
pub(super) struct Connections {
    shared: Client,
    own: ThreadLocal<Client>,
}

impl Connections {
    /// None is open.
    pub(super) fn new() -> reqwest::Result<Self> {
        Ok(Self { shared: client()?, own: ThreadLocal::new() })
    }

    /// For a request made here.
    pub(super) fn here(&self) -> &Client {
        match Handle::try_current().map(|here| here.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) => self.own.get_or(|| {
                client().unwrap_or_else(|error| {
                    // One whose connections are further away serves as well, only later.
                    tracing::warn!("a thread shares its connections to a model provider: {error}");
                    self.shared.clone()
                })
            }),
            _ => &self.shared,
        }
    }
}

/// Follows no redirect: it could carry the key elsewhere.
fn client() -> reqwest::Result<Client> {
    Client::builder().redirect(redirect::Policy::none()).build()
}
