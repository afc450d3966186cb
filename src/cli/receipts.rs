//! `receipts`: what was done, and whether the record of it is whole. Verifying and exporting need no server.

pub mod bundle;
pub mod check;
pub mod record;

use std::path::PathBuf;

use actors::domain::Hash;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Ended,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with receipts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List receipts, the newest first.
    List(List),
    /// Check every receipt against its hash, its chain and the signed heads; code 1 when anything is wrong.
    Verify(Verify),
    /// Write receipts, artifacts and public keys into a folder that can be verified anywhere.
    Export(Export),
}

/// Which receipts.
#[derive(Debug, Args)]
pub struct List {
    /// Slug or id of a persona.
    #[arg(long)]
    persona: Option<String>,
    /// Id of a goal.
    #[arg(long)]
    goal: Option<String>,
    /// Id of a run.
    #[arg(long)]
    run: Option<String>,
    /// So many at most, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: u16,
}

/// What to check.
#[derive(Debug, Default, Args)]
pub struct Verify {
    /// Only the chain of this persona (slug or id).
    #[arg(long)]
    pub persona: Option<String>,
    /// A head that was kept elsewhere: a receipt with this hash must be there.
    #[arg(long, value_name = "HASH")]
    pub head: Option<Hash>,
    /// A root over the heads of all chains that was kept elsewhere: it must have been sealed, and come out again.
    #[arg(long, value_name = "HASH", conflicts_with = "persona")]
    pub root: Option<Hash>,
    /// An exported folder instead of the database.
    pub bundle: Option<PathBuf>,
}

/// What to write.
#[derive(Debug, Args)]
pub struct Export {
    /// Only the chain of this persona (slug or id).
    #[arg(long)]
    pub persona: Option<String>,
    /// Folder to write; it must not exist yet.
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
}

impl Verify {
    /// What must be there.
    pub fn kept(&self) -> check::Kept {
        check::Kept { head: self.head, root: self.root }
    }
}

impl List {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let limit = Some(self.limit.to_string());
        let query = [("persona", self.persona), ("goal", self.goal), ("run", self.run), ("limit", limit)];
        let found = server.get(&["api", "receipts"], &query).await?;
        out.answer(&found, |found| print::page(found, table(items(found))));
        Ok(Ended::Well)
    }
}

fn table(receipts: &[Value]) -> String {
    let row = |receipt: &Value| {
        let summary = receipt["body"]["summary"].as_str().unwrap_or("(erased)");
        let at = print::moment(receipt["at_ms"].as_i64().unwrap_or_default());
        let hash = text(receipt, "hash").chars().take(10).collect();
        [text(receipt, "seq"), at, text(receipt, "kind"), text(receipt, "phase"), print::short(summary, 80), hash]
    };
    match receipts {
        [] => "no receipts".to_owned(),
        some => {
            let heading = ["seq", "at (UTC)", "kind", "phase", "what", "hash"];
            print::table(heading, &some.iter().map(row).collect::<Vec<_>>())
        }
    }
}
