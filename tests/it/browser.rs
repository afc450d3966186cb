//! The browser against small pages on this machine, through the egress.

mod acts;
mod crashes;
pub mod lives;
mod looks;
mod navigation;
pub mod site;
pub mod stage;
