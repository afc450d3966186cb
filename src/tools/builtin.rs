//! The tools that need no browser.

mod captions;
pub(super) mod compose;
mod csv_rows;
pub(super) mod digest;
pub(super) mod files;
pub(super) mod report;
pub(super) mod think;
