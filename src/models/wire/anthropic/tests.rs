//! What is sent and what is understood.
