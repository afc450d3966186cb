//! A record of receipts, wherever it lies: in the database or in an exported folder.

use actors::{domain::Hash, ports::Checkpoint};
use async_trait::async_trait;
use ed25519_dalek::VerifyingKey;

use crate::storage::RawReceipt;

/// A key that may have signed heads, and the node it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeKey {
    pub node: String,
    pub key: VerifyingKey,
}

impl NodeKey {
    /// The key as people compare it: the first 16 hexadecimal digits.
    pub fn short(&self) -> String {
        hex::encode(&self.key.to_bytes()[..8])
    }
}

/// Everything that verification and export read, in parts that fit into memory.
#[async_trait]
pub trait Record: Send {
    /// Who may have signed.
    async fn keys(&mut self) -> anyhow::Result<Vec<NodeKey>>;

    /// Every signed head.
    async fn checkpoints(&mut self) -> anyhow::Result<Vec<Checkpoint>>;

    /// The next rows in order of chain and seq; none: there are no more.
    async fn more(&mut self) -> anyhow::Result<Vec<RawReceipt>>;

    /// An artifact's bytes, as they lie there. None: it is gone.
    async fn artifact(&mut self, hash: Hash) -> anyhow::Result<Option<Vec<u8>>>;
}
