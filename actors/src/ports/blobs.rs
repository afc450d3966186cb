//! Artifacts by their SHA-256.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::Hash;

/// Keeps artifacts. What is written is never changed.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Durable when it returns. The hash is computed here, from the bytes that were kept.
    async fn put(&self, bytes: Vec<u8>) -> Result<Hash, Unavailable>;

    /// None: never kept, or collected.
    async fn get(&self, hash: Hash) -> Result<Option<Vec<u8>>, Unavailable>;
}
