//! A server behind an address: every request goes through a gate with the persona's own host rules, like its browser's.

use std::{collections::HashMap, future::Future, pin::Pin, time::Duration};

use actors::domain::Persona;
use reqwest::{
    Client, Proxy,
    header::{HeaderName, HeaderValue},
    redirect::Policy,
};
use rmcp::transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig};

use super::{
    manifest::Manifest,
    rmcp_client::{Connected, Line},
    source::NotOpened,
};
use crate::{
    egress::{Egress, Gate, HostRules},
    models::{Keyring, secrets_of},
    tools::placeholders::filled,
};

/// One event of a server. Whole answers are bounded by the crate, at 16 MiB.
const MOST_EVENT_BYTES: usize = 4 << 20;

/// Opens the way and introduces itself. Nothing is sent again by itself: whoever called decides.
pub(super) async fn open(
    egress: &Egress,
    keyring: &dyn Keyring,
    persona: &Persona,
    manifest: &Manifest,
    limit: Duration,
) -> Result<Connected, NotOpened> {
    let denied = |error: &dyn ToString| NotOpened::Denied(error.to_string());
    let failed = |error: &dyn ToString| NotOpened::Failed(error.to_string());
    let rules = HostRules::parse(&persona.hosts).map_err(|bad| denied(&bad))?;
    let address = manifest.url.as_deref().unwrap_or_default();
    let url = egress.check_url(&rules, address).map_err(|refusal| denied(&refusal))?;
    let secrets = secrets_of(keyring, persona.id).await;
    let secrets = secrets.map_err(|error| failed(&format!("its secrets could not be read: {error}")))?;
    let mut headers = HashMap::new();
    for (name, value) in &manifest.headers {
        let filled = filled(value, &secrets).map_err(|error| failed(&error.text))?;
        let name = HeaderName::try_from(name).map_err(|error| failed(&error))?;
        let mut value = HeaderValue::try_from(filled).map_err(|_| failed(&"a secret is no value of a header"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let gate = egress.gate(rules).await.map_err(|error| failed(&error))?;
    let client = client(&gate).map_err(|error| failed(&error))?;
    let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .custom_headers(headers)
        .max_sse_event_size(MOST_EVENT_BYTES)
        .reinit_on_expired_session(false);
    let transport = StreamableHttpClientTransport::with_client(client, config);
    Connected::open(transport, Box::new(Way { gate }), secrets, limit).await
}

fn client(gate: &Gate) -> reqwest::Result<Client> {
    let proxy = Proxy::all(format!("http://{}", gate.addr))?;
    Client::builder().proxy(proxy).redirect(Policy::none()).user_agent("greenroom").build()
}

struct Way {
    gate: Gate,
}

impl Line for Way {
    fn last_words(&self) -> Pin<Box<dyn Future<Output = String> + Send + '_>> {
        Box::pin(async { self.gate.refusals().last().map(ToString::to_string).unwrap_or_default() })
    }
}
