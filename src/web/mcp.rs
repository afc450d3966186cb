//! `/mcp`: personas and receipts as tools of an MCP server, over streamable HTTP.
//!
//! One request, one JSON answer: nothing is kept between calls, no stream is held open. Who calls is whoever the API knows
//! by that token, with the same rights; a call from a foreign page is refused. What is not asked here is not here.

mod offered;
mod tools;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rmcp::model::{
    CallToolRequestParams, ErrorCode, ErrorData, Implementation, InitializeResult, ProtocolVersion, ServerCapabilities,
    ToolsCapability,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Deps,
    auth::{Caller, own_origin_needed},
    errors::Problem,
    input::parse_json,
    names::Names,
    routes::{Route, Table, Who},
};

const VERSION_HEADER: &str = "mcp-protocol-version";
/// Versions that begin with `initialize`; the newest stands first.
const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_03_26];

/// `/mcp`.
pub fn routes() -> Table {
    vec![Route::post("/mcp", Who::Member, "Personas and receipts as an MCP server, over streamable HTTP", answer)]
}

/// What the tools work on.
struct Desk<'a> {
    deps: &'a Deps,
    names: &'a Names,
    caller: &'a Caller,
}

async fn answer(
    request: HttpRequest,
    caller: Caller,
    body: web::Bytes,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> Result<HttpResponse, Problem> {
    if request.headers().contains_key(header::ORIGIN) {
        own_origin_needed(&request, &deps.config.server.allowed_origins)?;
    }
    let known = |said: &str| VERSIONS.iter().any(|version| version.as_str() == said);
    let version = request.headers().get(VERSION_HEADER).map(|said| said.to_str().unwrap_or("?"));
    if let Some(version) = version.filter(|version| !known(version)) {
        return Err(Problem::malformed(format!("`{VERSION_HEADER}: {version}` is not spoken here.")));
    }
    let said = parse_json(&body)?;
    if !said.is_object() || said["jsonrpc"] != "2.0" {
        return Err(Problem::malformed("The body must be one message of JSON-RPC 2.0."));
    }
    let (Some(method), Some(id)) = (said["method"].as_str(), said.get("id").filter(|id| !id.is_null())) else {
        // What needs no answer: news, and answers to questions that nobody asked.
        return Ok(HttpResponse::Accepted().finish());
    };
    let desk = Desk { deps: &deps, names: &names, caller: &caller };
    let done = match desk.carry_out(method, said.get("params").cloned().unwrap_or_default()).await {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    };
    Ok(HttpResponse::Ok().json(done))
}

impl Desk<'_> {
    async fn carry_out(&self, method: &str, params: Value) -> Result<Value, ErrorData> {
        match method {
            "initialize" => as_json(&welcome(&params)),
            "ping" => Ok(json!({})),
            "tools/list" => as_json(&json!({ "tools": offered::all() })),
            "tools/call" => {
                let call: CallToolRequestParams = serde_json::from_value(params)
                    .map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
                let mut result = self.call(&call.name, call.arguments.unwrap_or_default()).await?;
                // A word of a later version.
                result.result_type = None;
                as_json(&result)
            }
            _ => {
                let text = format!("there is no method `{method}` here");
                Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None))
            }
        }
    }
}

fn welcome(params: &Value) -> InitializeResult {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let [newest, ..] = VERSIONS;
    let version = VERSIONS.into_iter().find(|version| version.as_str() == asked).unwrap_or(newest);
    let mut able = ServerCapabilities::default();
    able.tools = Some(ToolsCapability::default());
    let mut welcome = InitializeResult::new(able).with_instructions(
        "Personas work on goals; nothing counts as done without a receipt. Read receipts before you believe it.",
    );
    welcome.protocol_version = version;
    welcome.server_info = Implementation::new("greenroom", env!("CARGO_PKG_VERSION"));
    welcome
}

fn as_json(what: &impl Serialize) -> Result<Value, ErrorData> {
    serde_json::to_value(what).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}
