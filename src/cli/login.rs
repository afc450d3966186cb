//! `login`: a new one-time link for whoever sits at this machine.

use clap::Args;
use serde_json::json;

use super::{Ended, print::Out, server::Server};

/// Prints a link that logs in once.
#[derive(Debug, Args)]
pub struct Login {
    /// For this user; without it, for the first owner.
    #[arg(long)]
    user: Option<String>,
}

impl Login {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let link = server.post(&["api", "auth", "login-links"], &json!({ "user": self.user })).await?;
        out.answer(&link, |link| {
            let url = link["url"].as_str().unwrap_or_default();
            format!("Open this once, within 15 minutes:\n  {url}")
        });
        Ok(Ended::Well)
    }
}
