//! Configuration: every setting, typed. Defaults stand in `config/default.toml` and nowhere else.

mod sections;

pub use sections::*;
