//! In-memory ports and a company inside a test.
