//! Speaks the protocol, by the official crate. Nobody else here knows it.

use std::{future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;
use rmcp::{
    RoleClient, ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotificationParam, ClientCapabilities,
        ClientConfig, ClientRequest, ContentBlock, Implementation, ListToolsRequest, PaginatedRequestParams,
        ProtocolVersion, ServerResult, Tool,
    },
    service::{PeerRequestOptions, RunningService, serve_client},
    transport::IntoTransport,
};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::source::{Announced, Answer, Fault, NotOpened, ToolSource};
use crate::secrets::Hidden;

/// Tools of one server that are looked at, pages of its list, and bytes of all that is kept of them.
const MOST_TOOLS: usize = 128;
const MOST_PAGES: usize = 32;
const MOST_LIST_BYTES: usize = 1 << 20;
/// A server that is told of an end has this long to take it in.
const FAREWELL: Duration = Duration::from_millis(500);
/// Codes of JSON-RPC that say a request was not carried out.
const NOT_TAKEN: [i32; 4] = [-32_700, -32_600, -32_601, -32_602];

/// What carries the line, and says why it broke.
pub(super) trait Line: Send + Sync {
    fn last_words(&self) -> Pin<Box<dyn Future<Output = String> + Send + '_>>;
}

/// A server on the other end of a line. Whatever it says goes through here, and leaves without the secrets it was given.
pub(super) struct Connected {
    running: RunningService<RoleClient, ClientConfig>,
    line: Box<dyn Line>,
    secrets: Hidden,
}

impl Connected {
    /// Introduces itself within the limit.
    pub(super) async fn open<T, E, A>(
        transport: T,
        line: Box<dyn Line>,
        secrets: Hidden,
        limit: Duration,
    ) -> Result<Self, NotOpened>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let us = Implementation::new("greenroom", env!("CARGO_PKG_VERSION"));
        let config =
            ClientConfig::new(ClientCapabilities::default(), us).with_protocol_version(ProtocolVersion::V_2025_11_25);
        match timeout(limit, serve_client(config, transport)).await {
            Ok(Ok(running)) => Ok(Self { running, line, secrets }),
            Ok(Err(error)) => Err(NotOpened::Failed(last_words(&*line, &secrets, &error).await)),
            Err(_) => Err(NotOpened::Failed(format!("it did not introduce itself within {} ms", limit.as_millis()))),
        }
    }

    async fn ask(
        &self,
        request: ClientRequest,
        limit: Duration,
        stop: &CancellationToken,
    ) -> Result<ServerResult, Fault> {
        let peer = self.running.peer();
        let sending = peer.send_request_with_option(request, PeerRequestOptions::with_timeout(limit));
        let sent = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Fault::Stopped),
            sent = timeout(limit, sending) => sent,
        };
        let handle = match sent {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => return Err(self.fault(error, limit).await),
            Err(_) => return Err(Fault::TooLate(limit)),
        };
        let id = handle.id.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                let said = CancelledNotificationParam::new(Some(id), Some("the run was stopped".to_owned()));
                // Whether it hears that or not, nobody waits for it.
                let _ = timeout(FAREWELL, peer.notify_cancelled(said)).await;
                Err(Fault::Stopped)
            }
            // The word of the timeout itself may be stuck behind a server that does not read.
            answer = timeout(limit + FAREWELL, handle.await_response()) => match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(self.fault(error, limit).await),
                Err(_) => Err(Fault::TooLate(limit)),
            }
        }
    }

    async fn fault(&self, error: ServiceError, limit: Duration) -> Fault {
        match error {
            ServiceError::McpError(error) => {
                let text = self.secrets.said(&error.message, 500);
                if NOT_TAKEN.contains(&error.code.0) { Fault::Declined(text) } else { Fault::Failed(text) }
            }
            ServiceError::Timeout { .. } => Fault::TooLate(limit),
            ServiceError::UnexpectedResponse => Fault::Failed("its answer is not one to this question".to_owned()),
            other => Fault::Gone(last_words(&*self.line, &self.secrets, &other).await),
        }
    }

    /// What it says of its effects is left out: nobody listens to it.
    fn announced(&self, tool: Tool) -> Announced {
        let mut description = tool.description.unwrap_or_default().into_owned();
        let (mut name, mut schema) = (tool.name.into_owned(), (*tool.input_schema).clone());
        self.secrets.mask(&mut name);
        self.secrets.mask(&mut description);
        self.secrets.mask_fields(&mut schema);
        Announced { name, description, schema }
    }

    fn answer(&self, result: CallToolResult) -> Answer {
        let failed = result.is_error == Some(true);
        let mut said = Answer { failed, structured: result.structured_content, ..Answer::default() };
        if let Some(value) = &mut said.structured {
            self.secrets.mask_value(value);
        }
        for part in result.content {
            let other = match part {
                ContentBlock::Text(text) => {
                    if !said.text.is_empty() {
                        said.text.push('\n');
                    }
                    said.text.push_str(&text.text);
                    continue;
                }
                ContentBlock::Image(_) => "image",
                ContentBlock::Audio(_) => "audio",
                ContentBlock::Resource(_) => "resource",
                ContentBlock::ResourceLink(_) => "link",
                _ => "other",
            };
            said.left_out.push(other);
        }
        self.secrets.mask(&mut said.text);
        said
    }
}

#[async_trait]
impl ToolSource for Connected {
    async fn tools(&self, limit: Duration, stop: &CancellationToken) -> Result<Vec<Announced>, Fault> {
        let (mut found, mut bytes, mut cursor, until) = (Vec::new(), 0, None, Instant::now() + limit);
        for _ in 0..MOST_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page));
            let left = until.saturating_duration_since(Instant::now());
            let ServerResult::ListToolsResult(page) = self.ask(request, left, stop).await? else {
                return Err(Fault::Failed("its answer is no list of tools".to_owned()));
            };
            bytes += page.tools.iter().map(size).sum::<usize>();
            if bytes > MOST_LIST_BYTES {
                return Err(Fault::Failed(format!("its list of tools is longer than {MOST_LIST_BYTES} bytes")));
            }
            found.extend(page.tools.into_iter().map(|tool| self.announced(tool)));
            cursor = page.next_cursor;
            if cursor.is_none() || found.len() >= MOST_TOOLS {
                break;
            }
        }
        found.truncate(MOST_TOOLS);
        Ok(found)
    }

    async fn call(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
        limit: Duration,
        stop: &CancellationToken,
    ) -> Result<Answer, Fault> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        match self.ask(request, limit, stop).await? {
            ServerResult::CallToolResult(result) => Ok(self.answer(result)),
            _ => Err(Fault::Failed("its answer is no result of a tool".to_owned())),
        }
    }

    fn is_open(&self) -> bool {
        !self.running.is_closed() && !self.running.peer().is_transport_closed()
    }
}

/// Bytes of what is kept of a tool.
fn size(tool: &Tool) -> usize {
    let schema = serde_json::to_vec(&*tool.input_schema).map_or(MOST_LIST_BYTES, |text| text.len());
    schema + tool.name.len() + tool.description.as_ref().map_or(0, |text| text.len())
}

/// Why a line is dead: in its own words, else in the crate's.
async fn last_words(line: &dyn Line, secrets: &Hidden, error: &(dyn std::error::Error + Sync)) -> String {
    let words = line.last_words().await;
    secrets.said(&if words.is_empty() { error.to_string() } else { words }, 300)
}
