//! Carries one run through its steps.
