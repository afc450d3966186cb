//! What happened, as lines of the log: who reads the log learns of it without the database.
//!
//! Receipts are the record, and these lines only point at it. Ordinary steps are not repeated here.

use actors::{
    domain::{ChainId, Phase, Receipt, ReceiptKind},
    supervisor::Company,
};
use tokio::sync::broadcast::error::RecvError;

/// Writes until the company ends.
pub(super) async fn keep(company: Company) {
    let mut receipts = company.receipts();
    loop {
        match receipts.recv().await {
            Ok(receipt) => tell(&receipt),
            Err(RecvError::Lagged(missed)) => tracing::info!(missed, "{missed} receipts are not in this log"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// How much a receipt matters to whoever reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Trouble,
    News,
    Ordinary,
}

fn weight(receipt: &Receipt) -> Weight {
    let failed = receipt.body.as_ref().is_some_and(|body| body.error.is_some());
    let ended_badly = receipt.state.as_deref().is_some_and(|state| ["failed", "unconfirmed"].contains(&state));
    let refused = matches!(receipt.phase, Some(Phase::Denied | Phase::Unknown | Phase::Dropped | Phase::Expired));
    let decided = receipt.phase == Some(Phase::Decision) && receipt.state.is_some();
    match &receipt.chain {
        _ if failed || ended_badly || refused => Weight::Trouble,
        _ if decided => Weight::News,
        // Calls of programs come by the thousand.
        ChainId::System(_) if receipt.kind != ReceiptKind::Llm => Weight::News,
        ChainId::System(_) => Weight::Ordinary,
        ChainId::Persona(_) => Weight::Ordinary,
    }
}

fn tell(receipt: &Receipt) {
    let Some(body) = &receipt.body else { return };
    let (chain, seq) = (&receipt.chain, receipt.seq);
    let goal = receipt.goal.map(|goal| goal.to_string());
    let why = body.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    match weight(receipt) {
        Weight::Trouble => tracing::warn!(%chain, seq, goal, "{}{why}", body.summary),
        Weight::News => tracing::info!(%chain, seq, goal, "{}", body.summary),
        Weight::Ordinary => {}
    }
}
