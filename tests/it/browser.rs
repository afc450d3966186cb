//! The browser against small pages on this machine, through the egress.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod acts;
mod crashes;
mod lives;
mod looks;
mod navigation;
pub mod site;
pub mod stage;
