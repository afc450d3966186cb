//! Artifacts in memory.

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;

use super::lock;
use crate::{
    domain::Hash,
    evidence::canonical,
    ports::{Blobs, Unavailable},
};

/// Artifacts in memory; can be told to fail.
#[derive(Default)]
pub struct MemoryBlobs {
    kept: Mutex<HashMap<Hash, Vec<u8>>>,
    failures: Mutex<u32>,
}

impl MemoryBlobs {
    /// The next `n` puts find no room.
    pub fn fail_next(&self, n: u32) {
        *lock(&self.failures) = n;
    }

    /// How many artifacts are kept.
    pub fn len(&self) -> usize {
        lock(&self.kept).len()
    }

    /// Nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, bytes: Vec<u8>) -> Result<Hash, Unavailable> {
        let mut failures = lock(&self.failures);
        if *failures > 0 {
            *failures -= 1;
            return Err(Unavailable("the disk is full (as the test asked)".into()));
        }
        let hash = canonical::sha256(&bytes);
        lock(&self.kept).insert(hash, bytes);
        Ok(hash)
    }

    async fn get(&self, hash: Hash) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(lock(&self.kept).get(&hash).cloned())
    }
}
