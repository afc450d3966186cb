//! One awake persona.
