//! Ports in memory, a clock that tests hold, and a world that does as it is told.
//!
//! [`TestPorts::new`] gives a whole set; each piece can also be used alone. With `#[tokio::test(start_paused = true)]`
//! nothing here takes real time.

mod approvals;
mod blobs;
mod calendar;
mod inbox;
mod ledger;
mod performer;
mod rooms;
mod rows;
mod samples;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use blobs::MemoryBlobs;
pub use performer::{Act, ScriptedPerformer};
pub use rows::StoredRow;
pub use samples::*;
pub use store::{MemoryStore, StoreOutage, WriteHold};
pub use world::TestWorld;

use crate::{
    domain::{Call, Outcome},
    ports::Ports,
};

/// Every port of a company, in memory, with the handles a test needs.
#[derive(Clone)]
pub struct TestPorts {
    pub store: Arc<MemoryStore>,
    pub blobs: Arc<MemoryBlobs>,
    pub world: Arc<TestWorld>,
    pub performer: Arc<ScriptedPerformer>,
}

impl TestPorts {
    /// An empty store, and calls answered by `script`.
    pub fn new<A: Into<Act>>(script: impl Fn(&Call) -> A + Send + Sync + 'static) -> Self {
        Self {
            store: Arc::default(),
            blobs: Arc::default(),
            world: Arc::new(TestWorld::new(7)),
            performer: Arc::new(ScriptedPerformer::new(script)),
        }
    }

    /// An empty store, and a world in which every call succeeds.
    pub fn obliging() -> Self {
        Self::new(|call| Outcome::done(format!("did {}", call.tool), serde_json::Value::Null))
    }

    /// What a company is started with.
    pub fn ports(&self) -> Ports {
        Ports {
            journal: self.store.clone(),
            records: self.store.clone(),
            performer: self.performer.clone(),
            blobs: self.blobs.clone(),
            world: self.world.clone(),
        }
    }
}

/// A test that panics while it holds a lock has failed already; the others may go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
