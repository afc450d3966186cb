//! `key`: virtual keys, with which programs ask models and personas through `/v1`.

use actors::{domain::BudgetUnit, ledger::said};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended,
    budget::{Wanted, limit},
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a key; its text is shown once.
    New(New),
    /// List keys, what they may and what they have spent today.
    List,
    /// Take a key back, at once and for good.
    Revoke(Which),
}

/// `key new`.
#[derive(Debug, Args)]
pub struct New {
    /// What it is called in receipts: small letters, digits and dashes.
    name: String,
    /// What it may ask for: a name of `/v1/models`, or a beginning and `*`. May be given several times; all when left out.
    #[arg(long, value_name = "MODEL")]
    model: Vec<String>,
    /// Requests in any minute.
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// Keep what its calls ask and are answered as artifacts; left out, receipts name digests alone.
    #[arg(long)]
    keep_words: bool,
    /// A persona whose budgets hold as well and whose secrets are used first.
    #[arg(long, value_name = "PERSONA")]
    persona: Option<String>,
    /// PERIOD:UNIT=HARD[,SOFT], as `budget set` takes them (`day:usd=1.50`). May be given several times.
    #[arg(long, value_name = "PERIOD:UNIT=HARD[,SOFT]")]
    limit: Vec<String>,
}

/// One key.
#[derive(Debug, Args)]
pub struct Which {
    /// Its name.
    name: String,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::New(new) => {
                let made = new.carry_out(server).await?;
                out.answer(&made, |made| format!("{}\nKeep it now: it is not shown again.", text(made, "key")));
            }
            Self::List => out.answer(&server.get(&["api", "admin", "keys"], &[]).await?, table),
            Self::Revoke(Which { name }) => {
                server.delete(&["api", "admin", "keys", &name]).await?;
                out.answer(&json!({ "revoked": name }), |_| format!("Key {name} opens nothing any more."));
            }
        }
        Ok(Ended::Well)
    }
}

impl New {
    async fn carry_out(self, server: &Server) -> anyhow::Result<Value> {
        let mut limits = json!({});
        for said in &self.limit {
            let Wanted { period, unit, limit } = limit(said)?;
            limits[period][unit] = limit;
        }
        let models = (!self.model.is_empty()).then_some(self.model);
        let body = json!({
            "name": self.name, "models": models, "per_minute": self.per_minute,
            "keeps_words": self.keep_words, "persona": self.persona, "limits": limits,
        });
        server.post(&["api", "admin", "keys"], &body).await
    }
}

fn table(found: &Value) -> String {
    let row = |key: &Value| {
        let day = &key["spending"]["periods"][0];
        let spent = day["spent"]["micro_usd"]
            .as_u64()
            .map_or_else(|| "-".to_owned(), |spent| said(BudgetUnit::MicroUsd, spent));
        let left = day["limits"]["micro_usd"]["left"].as_u64();
        let left = left.map_or_else(|| "-".to_owned(), |left| said(BudgetUnit::MicroUsd, left));
        let models: Vec<_> = items(&key["models"]).iter().filter_map(Value::as_str).collect();
        let standing = if key["revoked_ms"].is_null() { "good" } else { "revoked" };
        let per_minute = key["per_minute"].as_u64().filter(|most| *most > 0);
        let per_minute = per_minute.map_or_else(|| "-".to_owned(), |most| most.to_string());
        let words = if key["keeps_words"] == true { "kept" } else { "-" };
        [
            text(key, "name"),
            format!("…{}", text(key, "tail")),
            standing.to_owned(),
            models.join(" "),
            per_minute,
            words.to_owned(),
            text(key, "persona"),
            spent,
            left,
        ]
    };
    let rows: Vec<_> = items(&found["items"]).iter().map(row).collect();
    print::table(["name", "key", "is", "may ask", "a minute", "words", "persona", "spent today", "left today"], &rows)
}
