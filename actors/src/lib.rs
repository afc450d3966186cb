//! The company: personas as actors, a scheduler that gives them time, runs that do the work,
//! and an evidence actor that keeps the receipts. No database, browser or HTTP in here.

pub mod domain;
pub mod evidence;
pub mod persona;
pub mod ports;
pub mod run;
pub mod scheduler;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
