//! What the actors need from the world, as traits. `testing` implements them in memory,
//! package `greenroom` over diesel, Chromium and model endpoints.
//!
//! - [`Journal`]: the one way in which anything durable changes.
//! - [`Records`]: what the company reads back: at start, when a persona wakes, when a run resumes;
//!   [`RoomRecords`]: the same about rooms.
//! - [`Performer`]: everything outside is a call to it; nothing else touches the world.
//! - [`Playbook`]: makes goals from templates, for the planner.
//! - [`Blobs`]: artifacts by their hash.
//! - [`World`]: wall time, ids and chance, so that a test can hold all three.

mod blobs;
mod journal;
mod performer;
mod playbook;
mod records;
mod rooms;
mod world;

use std::sync::Arc;

pub use blobs::*;
pub use journal::*;
pub use performer::*;
pub use playbook::*;
pub use records::*;
pub use rooms::*;
pub use world::*;

/// A cause from another layer, kept for the message.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Every port of a company.
#[derive(Clone)]
pub struct Ports {
    pub journal: Arc<dyn Journal>,
    pub records: Arc<dyn Records>,
    pub performer: Arc<dyn Performer>,
    pub blobs: Arc<dyn Blobs>,
    pub world: Arc<dyn World>,
}
