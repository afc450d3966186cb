//! Wall time, ids and chance. Durations are `tokio::time`'s; a test can hold all of them.

use futures::future::{BoxFuture, FutureExt, pending};
use uuid::Uuid;

/// Where the company asks for the time, for ids and for chance.
pub trait World: Send + Sync {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;

    /// A new UUIDv7.
    fn new_id(&self) -> Uuid;

    /// Unpredictable bytes.
    fn salt(&self) -> [u8; 16];

    /// Comes when the wall clock is set. Never comes where nobody says so.
    fn clock_set(&self) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}
