//! `host`: what may be done on a host, whoever does it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended, Misused,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with host policies.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Every host with a policy.
    List,
    /// Change the policy of a host; what is not named stays.
    Set(Set),
}

/// `host set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The host, without port.
    host: String,
    /// A tool that may be used there; may be given several times. `all`: every tool.
    #[arg(long, value_name = "TOOL")]
    action: Vec<String>,
    /// Acts per second and persona, 0.001 to 1000; `none`: as configured.
    #[arg(long, value_name = "NUMBER")]
    acts_per_second: Option<String>,
    /// Put into what outreach sends, shown to whoever approves an effect there.
    #[arg(long, value_name = "TEXT")]
    disclosure: Option<String>,
    /// Whether strangers may be written to there, `on` or `off`.
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    outreach: Option<String>,
    /// Somebody who wants to be written to; may be given several times.
    #[arg(long, value_name = "NAME")]
    recipient: Vec<String>,
    /// Somebody who does not, whatever else stands there; may be given several times.
    #[arg(long, value_name = "NAME")]
    opted_out: Vec<String>,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::List => {
                let found = server.get(&["api", "hosts"], &[]).await?;
                out.answer(&found, |found| table(items(found)));
            }
            Self::Set(set) => {
                let path = ["api", "hosts", &set.host];
                let now = server.get(&path, &[]).await?;
                let kept = server.put(&path, &set.over(&now)?).await?;
                out.answer(&kept, |one| table(std::slice::from_ref(one)));
            }
        }
        Ok(Ended::Well)
    }
}

impl Set {
    /// The whole policy as it is to be.
    fn over(&self, now: &Value) -> anyhow::Result<Value> {
        let mut body = json!({
            "version": now["version"], "actions": now["actions"], "acts_per_second": now["acts_per_second"],
            "disclosure": now["disclosure"], "outreach": now["outreach"],
        });
        match self.action.as_slice() {
            [] => {}
            [all] if all == "all" => body["actions"] = Value::Null,
            named => body["actions"] = json!(named),
        }
        match self.acts_per_second.as_deref() {
            None => {}
            Some("none") => body["acts_per_second"] = Value::Null,
            Some(number) => {
                let bad = |_| Misused(format!("--acts-per-second {number} is not a number"));
                body["acts_per_second"] = json!(number.parse::<f64>().map_err(bad)?);
            }
        }
        if let Some(text) = &self.disclosure {
            body["disclosure"] = json!(text);
        }
        match self.outreach.as_deref() {
            Some("off") => body["outreach"] = Value::Null,
            Some(_) if body["outreach"].is_null() => body["outreach"] = json!({"recipients": [], "opted_out": []}),
            _ => {}
        }
        if body["outreach"].is_null() && !(self.recipient.is_empty() && self.opted_out.is_empty()) {
            return Err(Misused("outreach is off there: name --outreach on too".to_owned()).into());
        }
        for (field, named) in [("recipients", &self.recipient), ("opted_out", &self.opted_out)] {
            if !named.is_empty() {
                let before = body["outreach"][field].as_array().cloned().unwrap_or_default();
                let new = named.iter().map(|name| json!(name)).filter(|name| !before.contains(name));
                body["outreach"][field] = before.iter().cloned().chain(new).collect();
            }
        }
        Ok(body)
    }
}

fn table(found: &[Value]) -> String {
    let list =
        |value: &Value| value.as_array().map(|all| all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
    let row = |one: &Value| {
        let pace = one["acts_per_second"].as_f64().map_or_else(|| "-".to_owned(), |pace| pace.to_string());
        let to = &one["outreach"]["recipients"];
        let outreach = to.as_array().map_or_else(|| "off".to_owned(), |all| format!("to {}", all.len()));
        let said = print::short(&text(one, "disclosure"), 40);
        [text(one, "host"), list(&one["actions"]).unwrap_or_else(|| "all".to_owned()), pace, outreach, said]
    };
    match found {
        [] => "no host has a policy".to_owned(),
        some => print::table(
            ["host", "tools", "acts/s", "outreach", "disclosure"],
            &some.iter().map(row).collect::<Vec<_>>(),
        ),
    }
}
