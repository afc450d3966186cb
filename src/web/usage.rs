//! How often tools were called, how that ended and how long it took: counted from the newest receipts, never from all.

use std::collections::BTreeMap;

use actors::domain::{PersonaId, Phase, Receipt};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::storage::{Db, DbError, ReceiptFilter};

/// Receipts that are looked at.
const MOST: u32 = 500;

/// One tool, as far as the newest receipts tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Used {
    pub tool: String,
    pub calls: usize,
    /// Of them: denied, ended unknown, or not as wanted.
    pub failed: usize,
    /// Milliseconds of the call in the middle; none: nobody timed any.
    pub p50_ms: Option<u64>,
    /// Milliseconds that one call in a hundred exceeds.
    pub p99_ms: Option<u64>,
}

impl Used {
    /// `12 calls, 1 failed, 40 ms`
    pub fn in_words(&self) -> String {
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let took = self.p50_ms.map_or_else(String::new, |ms| format!(", {ms} ms"));
        let calls = if self.calls == 1 { "call" } else { "calls" };
        format!("{} {calls}{failed}{took}", self.calls)
    }
}

/// Of one persona, or of all.
pub async fn of(db: &Db, persona: Option<PersonaId>) -> Result<Vec<Used>, DbError> {
    let receipts = db.receipts(ReceiptFilter { persona, limit: MOST, ..ReceiptFilter::default() }).await?;
    Ok(count(&receipts))
}

fn count(receipts: &[Receipt]) -> Vec<Used> {
    let mut by_tool: BTreeMap<&str, (usize, usize, Vec<u64>)> = BTreeMap::new();
    for receipt in receipts {
        let Some(tool) = receipt.tool.as_deref() else { continue };
        let ended = matches!(receipt.phase, Some(Phase::Outcome | Phase::Unknown | Phase::Denied));
        // A person's try is no use.
        let tried = receipt.body.as_ref().is_some_and(|body| body.data.get("tried_by").is_some());
        if !ended || tried {
            continue;
        }
        let (calls, failed, times) = by_tool.entry(tool).or_default();
        *calls += 1;
        let error = receipt.body.as_ref().is_some_and(|body| body.error.is_some());
        *failed += usize::from(error || receipt.phase != Some(Phase::Outcome));
        times.extend(receipt.body.as_ref().and_then(|body| body.data.get("took_ms").and_then(Value::as_u64)));
    }
    let used = |(tool, (calls, failed, mut times)): (&str, (usize, usize, Vec<u64>))| {
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).or(times.last()).copied();
        Used { tool: tool.to_owned(), calls, failed, p50_ms: at(50), p99_ms: at(99) }
    };
    by_tool.into_iter().map(used).collect()
}
