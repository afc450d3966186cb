//! Wall time, ids and chance. Durations are `tokio::time`'s; a test can hold all of them.

use futures::future::{BoxFuture, FutureExt, pending};
use uuid::Uuid;

/// How busy the machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Tasks that run or want to, per core, in thousandths.
    pub run_queue: u32,
    /// Memory in use, in thousandths of all there is.
    pub memory: u32,
}

/// Where the company asks for the time, for ids and for chance.
pub trait World: Send + Sync {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;

    /// A new UUIDv7.
    fn new_id(&self) -> Uuid;

    /// Unpredictable bytes.
    fn salt(&self) -> [u8; 16];

    /// How busy the machine is; none: that cannot be seen here. Costs a few file reads.
    fn machine(&self) -> Option<Machine> {
        None
    }

    /// Comes when the wall clock is set. Never comes where nobody says so.
    fn clock_set(&self) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}
