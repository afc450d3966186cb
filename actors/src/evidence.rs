//! Keeps the receipts: what a persona did, when, and what proves it.

pub mod canonical;
pub mod chain;
