//! The hourly seal: one root over the heads of all chains, as a receipt on the system chain. And the signatures that a
//! crash kept from being made.
//!
//! Verification works the roots out again (`verify/vouched.rs`): one that does not come out says that the end of a chain
//! or a whole one is gone. Whoever keeps a root elsewhere can show it also when the system chain was cut back with it.

use std::{sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use serde_json::json;
use tracing::{info, warn};

use super::{Evidence, RecordError, chain::Head, checkpoint};
use crate::{
    domain::{Body, ChainId, Draft, NodeName, Receipt, ReceiptKind},
    ports::{ChainHead, Change, Commit, Records, Unavailable, World},
};

/// Signatures in one commit.
const PART: usize = 512;
/// How the summaries begin by which verification knows them.
pub(super) const SEALED: &str = "sealed";
pub(crate) const OPENED: &str = "opened the chain of persona";
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The seal could not be set.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the heads of the chains could not be read")]
    Read(#[source] Unavailable),
    #[error("the seal could not be written")]
    Write(#[source] RecordError),
}

impl Evidence {
    /// Signs what a crash left over, then seals at the end of every hour in which something was written. Ends with the
    /// evidence, or when it is dropped.
    pub async fn keep_sealed(self, records: Arc<dyn Records>, key: SigningKey) {
        match self.sign_left_over(&*records, &key).await {
            Ok(0) => {}
            Ok(heads) => info!(heads, "signed {heads} heads that a crash had left unsigned"),
            // Whatever is written next on such a chain is signed, and covers them.
            Err(error) => warn!("heads that a crash left stay unsigned: {error}"),
        }
        let mut sealed = None;
        loop {
            let into_ms = self.world.now_ms().rem_euclid(HOUR_MS);
            let hour = tokio::time::sleep(Duration::from_millis((HOUR_MS - into_ms).unsigned_abs()));
            tokio::select! {
                () = hour => {}
                // Where nothing is written any more, no refused seal would tell the end.
                () = self.queue.closed() => return,
            }
            match self.seal_hour(&*records, sealed).await {
                Ok(receipt) => sealed = receipt.map(|receipt| receipt.pos).or(sealed),
                Err(error) => warn!("this hour was not sealed, the next one covers it: {error}"),
            }
        }
    }

    /// Writes the Merkle root of all heads, unless nothing was written since the seal at this position.
    pub async fn seal_hour(&self, records: &dyn Records, sealed: Option<i64>) -> Result<Option<Receipt>, SealError> {
        let heads = records.heads().await.map_err(SealError::Read)?;
        if sealed == Some(heads.pos) {
            return Ok(None);
        }
        let root = checkpoint::root(&heads.heads);
        let body = Body {
            summary: format!("{SEALED} {} chains up to position {}", heads.heads.len(), heads.pos),
            data: json!({ "root": root, "chains": heads.heads.len(), "pos": heads.pos }),
            ..Body::default()
        };
        let receipts = vec![system_log(&self.node, &*self.world, body)];
        let commit = Commit { receipts, ..Commit::default() };
        let committed = self.record(commit).await.map_err(SealError::Write)?;
        Ok(committed.receipts.into_iter().next())
    }

    /// Signs what was written in the last second before a crash, as far as it is this node's; once, at start. A chain
    /// that has gone on meanwhile gets a signature more.
    pub async fn sign_left_over(&self, records: &dyn Records, key: &SigningKey) -> Result<usize, SealError> {
        let mut heads = records.unsigned_heads().await.map_err(SealError::Read)?;
        heads.retain(|head| !matches!(&head.chain, ChainId::System(node) if *node != self.node));
        let at_ms = self.world.now_ms();
        let sign = |ChainHead { chain, seq, hash }: &ChainHead| {
            Change::CheckpointSigned(checkpoint::sign(key, chain.clone(), Head { seq: *seq, hash: *hash }, at_ms))
        };
        for part in heads.chunks(PART) {
            let commit = Commit { changes: part.iter().map(sign).collect(), ..Commit::default() };
            self.record(commit).await.map_err(SealError::Write)?;
        }
        Ok(heads.len())
    }
}

/// A receipt of the node itself, on its system chain.
pub(super) fn system_log(node: &NodeName, world: &dyn World, body: Body) -> Draft {
    Draft::new(ChainId::System(node.clone()), world.now_ms(), node.clone(), ReceiptKind::Log, world.salt(), body)
}
