//! Secrets that are shown once and kept as hashes.

use actors::{domain::Hash, evidence::canonical::sha256, ports::World};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// 32 unpredictable bytes as text.
pub fn new_secret(world: &dyn World) -> String {
    BASE64_URL_SAFE_NO_PAD.encode([world.salt(), world.salt()].concat())
}

/// What is kept of a secret.
pub fn hash_of(secret: &str) -> Hash {
    sha256(secret.as_bytes())
}
