//! Own tools: a folder with `tool.toml` and any command, for everyone or for one persona, run in the sandbox.
//!
//! JSON on standard input, JSON on standard output. A tool's effect is what its manifest says, and the sandbox holds it to
//! that: `pure` sees no workspace, `read` cannot write there, `idempotent` may and is given the step's key. What a tool
//! did is what the sandbox observed of it, never what it says: how it ended, what it wrote, which files it left.

mod bench;
mod known;
mod manifest;
mod network;
mod outcome;
mod place;
mod read;
mod run;
mod shelf;
mod template;
mod traces;
mod watch;

pub use bench::{Bench, Limits, TriedView, Trying};
pub use known::{OwnTools, load};
pub(super) use manifest::check_new;
pub use manifest::{Example, FILE, Inverse, Manifest};
pub(super) use network::{Going, way_out};
pub use place::folders;
pub(super) use run::perform;
pub use run::{Input, NotTried, Tried, Workspace, try_out};
pub use shelf::{Broken, Loaded, Origin, OwnTool, Whose};
pub use template::{Language, files as template_files};
pub use watch::Unwatched;
