//! `demo`: what can be said about it on the command line. `app::demo` carries it out.

use clap::Args;

/// Starts a server on its own data root with two personas at work on the practice site.
#[derive(Debug, Clone, Copy, Args)]
pub struct Demo {
    /// Do the work, print what was shown, verify the chains and end.
    #[arg(long)]
    pub once: bool,
}
