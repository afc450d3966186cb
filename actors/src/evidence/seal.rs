//! The hourly seal: one root over the heads of all chains, as a receipt on the system chain.
//!
//! Whoever keeps a root elsewhere can show that a whole chain has gone.

use serde_json::json;

use super::{Evidence, RecordError, checkpoint};
use crate::{
    domain::{Body, ChainId, Draft, NodeName, Receipt, ReceiptKind},
    ports::{Commit, Records, Unavailable, World},
};

/// The seal could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the heads of the chains could not be read")]
    Read(#[source] Unavailable),
    #[error("the seal could not be written")]
    Write(#[source] RecordError),
}

impl Evidence {
    /// Writes the Merkle root of all heads; a timer calls it once an hour.
    pub async fn seal_hour(&self, records: &dyn Records) -> Result<Option<Receipt>, SealError> {
        let heads = records.heads().await.map_err(SealError::Read)?;
        let root = checkpoint::root(&heads.heads);
        let body = Body {
            summary: format!("sealed {} chains up to position {}", heads.heads.len(), heads.pos),
            data: json!({ "root": root, "chains": heads.heads.len(), "pos": heads.pos }),
            ..Body::default()
        };
        let receipts = vec![system_log(&self.node, &*self.world, body)];
        let commit = Commit { receipts, ..Commit::default() };
        let committed = self.record(commit).await.map_err(SealError::Write)?;
        Ok(committed.receipts.into_iter().next())
    }
}

/// A receipt of the node itself, on its system chain.
pub(super) fn system_log(node: &NodeName, world: &dyn World, body: Body) -> Draft {
    Draft {
        chain: ChainId::System(node.clone()),
        at_ms: world.now_ms(),
        node: node.clone(),
        kind: ReceiptKind::Log,
        phase: None,
        state: None,
        tool: None,
        effect: None,
        goal: None,
        run: None,
        step: None,
        replay_of: None,
        trace: None,
        project: None,
        units: None,
        salt: world.salt(),
        body,
    }
}
