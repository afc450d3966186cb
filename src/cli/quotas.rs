//! `persona quotas` and `persona plan`: what a persona's days are to hold and may hold, and what plans them.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{
    Misused,
    persona::{items, text, text_or_file},
    print::{self, Out},
    server::Server,
};

/// Quotas of one persona, and what its day has of them.
#[derive(Debug, Args)]
pub struct Quotas {
    /// Its slug or id.
    persona: String,
    /// Floor and ceiling of its own, as UNIT=FLOOR..CEILING (`post=1..3`); UNIT=role: its role's again. May be given
    /// several times.
    #[arg(long, value_name = "UNIT=FLOOR..CEILING")]
    set: Vec<String>,
}

/// What plans one persona's days.
#[derive(Debug, Args)]
pub struct Plan {
    /// Its slug or id.
    persona: String,
    /// From now on its days are planned.
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// They are not any more; what is planned stays.
    #[arg(long)]
    off: bool,
    /// From what: JSON or `@FILE`, `[{"template": "social.post", "params": {…}}, …]`.
    #[arg(long, value_name = "JSON")]
    work: Option<String>,
}

impl Quotas {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let path = ["api", "personas", &self.persona, "quotas"];
        let mut found = server.get(&path, &[]).await?;
        if !self.set.is_empty() {
            let quotas = self.set.iter().map(|said| bounds(said)).collect::<anyhow::Result<Map<_, _>>>()?;
            found = server.patch(&path, &json!({"version": found["version"], "quotas": quotas})).await?;
        }
        out.answer(&found, day);
        Ok(())
    }
}

fn bounds(said: &str) -> anyhow::Result<(String, Value)> {
    let bad = || Misused(format!("--set {said} is not UNIT=FLOOR..CEILING"));
    let (unit, range) = said.split_once('=').ok_or_else(bad)?;
    if range == "role" {
        return Ok((unit.to_owned(), Value::Null));
    }
    let (floor, ceiling) = range.split_once("..").ok_or_else(bad)?;
    let number = |text: &str| text.trim().parse::<i64>().map_err(|_| bad());
    Ok((unit.to_owned(), json!({"floor": number(floor)?, "ceiling": number(ceiling)?})))
}

fn day(found: &Value) -> String {
    let row = |one: &Value| {
        let allowed = match (&one["forbidden"], &one["unlimited"]) {
            (Value::String(why), _) => why.clone(),
            (_, Value::Bool(true)) => "no quota".to_owned(),
            _ => format!("{} to {}", text(one, "floor"), text(one, "ceiling")),
        };
        let from = if one["own"] == true { "own" } else { "role" };
        let counts = ["done", "under_way", "waiting"].map(|field| text(one, field));
        let [done, under_way, waiting] = counts;
        [text(one, "unit"), allowed, from.to_owned(), done, under_way, waiting]
    };
    let rows: Vec<_> = found["quotas"].as_array().map(|all| all.iter().map(row).collect()).unwrap_or_default();
    let table = print::table(["unit", "a day", "from", "done", "under way", "waiting"], &rows);
    format!("{}\n{table}", text(found, "date"))
}

impl Plan {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let path = ["api", "personas", &self.persona, "autoplan"];
        let mut found = server.get(&path, &[]).await?;
        if self.on || self.off || self.work.is_some() {
            let on = self.on || (!self.off && found["on"] == true);
            let mut body = json!({"version": found["version"], "on": on});
            if let Some(work) = &self.work {
                let work: Value = serde_json::from_str(&text_or_file(work)?)
                    .map_err(|error| Misused(format!("--work is not JSON: {error}")))?;
                body["work"] = work;
            }
            found = server.put(&path, &body).await?;
        }
        out.answer(&found, plan);
        Ok(())
    }
}

fn plan(found: &Value) -> String {
    let state = if found["on"] == true { "its days are planned" } else { "its days are not planned" };
    let line = |one: &Value| format!("\n{} {}", text(one, "template"), one["params"]);
    format!("{state}{}", items(&found["work"]).iter().map(line).collect::<String>())
}
