//! `budget`: what a persona, a user or the company may spend on models, and has spent.

use actors::{domain::BudgetUnit, ledger::said};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended, Misused,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// Whose budget, and what about it.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// What was spent, what is reserved, what is left.
    Show(Show),
    /// Set limits; those not named stay.
    Set(Set),
}

/// Whose: the company's, unless somebody is named.
#[derive(Debug, Args)]
pub struct Whose {
    /// A persona, by its slug or id.
    #[arg(long, value_name = "PERSONA", conflicts_with_all = ["user", "key"])]
    persona: Option<String>,
    /// Whoever gave the goals, by name.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Programs, by the name of their virtual key.
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    key: Option<String>,
}

/// `budget show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    whose: Whose,
}

/// `budget set`.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    whose: Whose,
    /// PERIOD:UNIT=HARD or PERIOD:UNIT=HARD,SOFT, with `day` or `month` and `usd`, `micro_usd` or `tokens`
    /// (`day:usd=1.50`, `month:tokens=2000000,1500000`); `=none` takes it away. May be given several times.
    #[arg(long, value_name = "PERIOD:UNIT=HARD[,SOFT]", required = true)]
    limit: Vec<String>,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let found = match self {
            Self::Show(show) => server.get(&show.whose.path(), &[]).await?,
            Self::Set(set) => set.carry_out(server).await?,
        };
        out.answer(&found, table);
        Ok(Ended::Well)
    }
}

impl Whose {
    fn path(&self) -> Vec<&str> {
        match (&self.persona, &self.user, &self.key) {
            (Some(persona), ..) => vec!["api", "personas", persona, "budgets"],
            (_, Some(user), _) => vec!["api", "admin", "users", user, "budgets"],
            (.., Some(key)) => vec!["api", "admin", "keys", key, "budgets"],
            _ => vec!["api", "budgets"],
        }
    }
}

impl Set {
    async fn carry_out(&self, server: &Server) -> anyhow::Result<Value> {
        let wanted = self.limit.iter().map(|said| limit(said)).collect::<Result<Vec<_>, _>>()?;
        let path = self.whose.path();
        let found = server.get(&path, &[]).await?;
        let mut limits = json!({});
        for period in items(&found["periods"]) {
            limits[text(period, "period")] = period["limits"].clone();
        }
        for of_period in limits.as_object_mut().into_iter().flatten() {
            for limit in of_period.1.as_object_mut().into_iter().flatten() {
                *limit.1 = json!({"soft": limit.1["soft"], "hard": limit.1["hard"]});
            }
        }
        for Wanted { period, unit, limit } in wanted {
            limits[period][unit] = limit;
        }
        server.put(&path, &json!({"version": found["version"], "limits": limits})).await
    }
}

/// One limit as it was asked for.
pub(super) struct Wanted {
    pub(super) period: String,
    pub(super) unit: &'static str,
    pub(super) limit: Value,
}

pub(super) fn limit(told: &str) -> Result<Wanted, Misused> {
    let bad = || Misused(format!("--limit {told} is not PERIOD:UNIT=HARD[,SOFT], such as day:usd=1.50"));
    let (which, amounts) = told.split_once('=').ok_or_else(bad)?;
    let (period, unit) = which.split_once(':').ok_or_else(bad)?;
    let (unit, scale) = match unit {
        "usd" => ("micro_usd", 6),
        "micro_usd" => ("micro_usd", 0),
        "tokens" => ("tokens", 0),
        _ => return Err(bad()),
    };
    let period = period.to_owned();
    if amounts == "none" {
        return Ok(Wanted { period, unit, limit: Value::Null });
    }
    let (hard, soft) = amounts.split_once(',').map_or((amounts, None), |(hard, soft)| (hard, Some(soft)));
    let soft = soft.map(|soft| number(soft, scale).ok_or_else(bad)).transpose()?;
    let hard = number(hard, scale).ok_or_else(bad)?;
    Ok(Wanted { period, unit, limit: json!({"hard": hard, "soft": soft}) })
}

/// A number with up to so many decimals, without its point.
fn number(said: &str, decimals: usize) -> Option<i64> {
    let (whole, fraction) = said.trim().split_once('.').unwrap_or((said.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > decimals || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<decimals$}").parse().ok()
}

fn table(found: &Value) -> String {
    let mut rows = Vec::new();
    for period in items(&found["periods"]) {
        for unit in [BudgetUnit::MicroUsd, BudgetUnit::Tokens] {
            let amount = |of: &Value| of.as_u64().map_or_else(|| "-".to_owned(), |amount| said(unit, amount));
            let limit = &period["limits"][unit.as_str()];
            let [hard, soft, left] = ["hard", "soft", "left"].map(|field| amount(&limit[field]));
            let [spent, reserved] = ["spent", "reserved"].map(|field| amount(&period[field][unit.as_str()]));
            rows.push([text(period, "period"), spent, reserved, left, hard, soft]);
        }
    }
    let table = print::table(["period", "spent", "reserved", "left", "hard", "soft"], &rows);
    format!("{}\n{table}", text(found, "scope"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_become_whole_numbers() {
        let told = |said| limit(said).map(|wanted| (wanted.unit, wanted.limit)).unwrap();
        assert_eq!(told("day:usd=1.5"), ("micro_usd", json!({"hard": 1_500_000, "soft": null})));
        assert_eq!(told("month:usd=10,0.000001"), ("micro_usd", json!({"hard": 10_000_000, "soft": 1})));
        assert_eq!(told("day:tokens=none"), ("tokens", Value::Null));
        for bad in ["day", "day:usd", "day:eur=1", "day:usd=1.0000001", "day:tokens=1.5", "day:usd=-1", "day:usd=,1"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
