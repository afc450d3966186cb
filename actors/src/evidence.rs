//! Keeps the receipts.
