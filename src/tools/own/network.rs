//! Whom an own tool with network reaches: the hosts of the persona that it runs for, in a run and in a try alike.

use std::time::Duration;

use actors::domain::{Persona, StepError, canonical_host};
use serde_json::{Map, Value};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::shelf::OwnTool;
use crate::{
    egress::{Egress, Errand, HostRules},
    tools::sandbox::way_out::WayOut,
};

/// A tool that goes out.
#[derive(Clone, Copy)]
pub(in crate::tools) struct Going<'a> {
    pub persona: &'a Persona,
    pub tool: &'a OwnTool,
    pub arguments: &'a Map<String, Value>,
}

/// By the persona's own host rules, like its browser's, and by the hosts' policies; none: the tool has no network. Waits
/// for its turn first, up to `patience`.
pub(in crate::tools) async fn way_out(
    egress: &Egress,
    going: Going<'_>,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<Option<WayOut>, StepError> {
    let Going { persona, tool, arguments } = going;
    if !tool.manifest.network {
        return Ok(None);
    }
    if !tool.manifest.outreach {
        keep_pace(egress, going, patience, stop).await?;
    }
    let rules = HostRules::parse(&persona.hosts).map_err(|bad| StepError::denied(bad.to_string()))?;
    // Judged by the policy of the host that it names, outreach goes to no other.
    let named = || canonical_host(arguments.get("host").and_then(Value::as_str).unwrap_or_default().trim());
    let only = tool.manifest.outreach.then(|| named().map(|host| host.to_string()).unwrap_or_default());
    let errand = Errand { persona: persona.id, tool: tool.manifest.name.clone(), only };
    let opened = match egress.gate_for(rules, errand).await {
        Ok(gate) => WayOut::open(gate),
        Err(error) => Err(error),
    };
    opened.map(Some).map_err(|error| StepError::retryable(format!("the way out could not be opened: {error}")))
}

/// The usual pace, call by call: where it goes is known only when it is there. Outreach names its host, and has kept that
/// one's pace already.
async fn keep_pace(
    egress: &Egress,
    Going { persona, tool, .. }: Going<'_>,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<(), StepError> {
    let name = &tool.manifest.name;
    let errand = Errand { persona: persona.id, tool: name.clone(), only: None };
    let admitted = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(StepError::retryable("the run was stopped")),
        admitted = timeout(patience, egress.admit(&errand, name)) => admitted,
    };
    let late = |_| StepError::retryable(format!("the pace of {name} lets it go out again only later"));
    admitted.map_err(late)?.map_err(|kept| StepError::retryable(kept.to_string()))
}
