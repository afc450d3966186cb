//! `approvals`, `approve`, `deny`: a person's word about calls that wait for it.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    Ended,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// `approvals`.
#[derive(Debug, Args)]
pub struct Approvals {
    /// One of them, whole: its arguments, and what its page and form held.
    approval: Option<String>,
    /// Which ones.
    #[arg(long, value_enum, default_value_t = Which::Waiting)]
    state: Which,
    /// Slug or id of a persona.
    #[arg(long, value_name = "PERSONA")]
    persona: Option<String>,
    /// So many at most, the newest first.
    #[arg(long, default_value_t = 50)]
    limit: u16,
}

/// Which approvals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Those that wait for a yes or no.
    Waiting,
    /// Those that were decided, used, void or too late.
    Decided,
    All,
    /// Effects of which nobody knows whether they happened; `goal resolve` settles one.
    Unknown,
}

/// `approve` and `deny`.
#[derive(Debug, Args)]
pub struct Decision {
    /// The approval's id, as `approvals` shows it.
    approval: String,
    /// Kept with the decision.
    #[arg(long, default_value = "")]
    note: String,
}

impl Approvals {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        if let Some(id) = &self.approval {
            let found = server.get(&["api", "approvals", id], &[]).await?;
            out.answer(&found, card);
            return Ok(Ended::Well);
        }
        let state = match self.state {
            Which::Waiting => "waiting",
            Which::Decided => "decided",
            Which::All => "all",
            Which::Unknown => {
                let found = server.get(&["api", "reconcile"], &[("limit", Some(self.limit.to_string()))]).await?;
                out.answer(&found, |found| print::page(found, unknown(items(found))));
                return Ok(Ended::Well);
            }
        };
        let query =
            [("state", Some(state.to_owned())), ("persona", self.persona), ("limit", Some(self.limit.to_string()))];
        let found = server.get(&["api", "approvals"], &query).await?;
        out.answer(&found, |found| print::page(found, table(items(found))));
        Ok(Ended::Well)
    }
}

impl Decision {
    pub(super) async fn run(self, verb: &str, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let path = ["api", "approvals", &self.approval, verb];
        let decided = server.post(&path, &json!({"note": self.note})).await?;
        out.answer(&decided, |one| format!("{} {}", text(one, "state"), print::plain(&text(one, "what"))));
        Ok(Ended::Well)
    }
}

fn table(found: &[Value]) -> String {
    let row = |one: &Value| {
        let on = if one["host"].is_null() { String::new() } else { format!(" on {}", text(one, "host")) };
        let what = print::short(&format!("{}{on}", text(one, "what")), 60);
        let by = if one["decided_by"].is_null() { "-".to_owned() } else { text(one, "decided_by") };
        [text(one, "id"), text(one, "state"), text(one, "persona"), what, by]
    };
    match found {
        [] => "no approvals".to_owned(),
        some => print::table(["id", "state", "persona", "what", "by"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

/// One of them, whole.
fn card(one: &Value) -> String {
    let line = |name: &str, value: &str| format!("{name:12} {}", print::plain(value));
    let row = |name: &&str| (!one[*name].is_null()).then(|| line(name, &text(one, name)));
    let mut rows: Vec<_> = ["id", "state", "persona", "goal", "run", "what", "host"].iter().filter_map(row).collect();
    for part in ["args", "page"] {
        if !one[part].is_null() {
            rows.push(format!("{part}\n{}", print::whole(&one[part], 2)));
        }
    }
    let word = |name: &str, field: &str| (!one[field].is_null()).then(|| line(name, &text(one, field)));
    rows.extend(word("because of", "rule"));
    rows.extend(word("disclosure", "disclosure"));
    let at = |name: &str, field: &str| {
        let moment = print::moment(one[field].as_i64()?);
        Some(line(name, &format!("{moment} UTC")))
    };
    rows.extend(at("asked", "asked_ms"));
    rows.extend(at("until", "expires_ms"));
    rows.extend(word("decided by", "decided_by"));
    rows.extend(at("decided", "decided_ms"));
    rows.extend(word("note", "note").filter(|_| !text(one, "note").is_empty()));
    rows.join("\n")
}

fn unknown(found: &[Value]) -> String {
    let row = |one: &Value| {
        [
            text(one, "goal"),
            text(one, "persona"),
            print::short(&text(one, "what"), 50),
            print::short(&text(one, "page"), 50),
        ]
    };
    match found {
        [] => "the end of every effect is known".to_owned(),
        some => print::table(["goal", "persona", "tried", "page"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_shown_in_words_with_all_that_the_yes_is_for() {
        let one = json!({
            "id": "a", "state": "waiting", "persona": "ada", "goal": "g", "run": "r", "what": "browser_click #order",
            "host": "shop.example", "args": {"selector": "#order"}, "page": {"address": "https://shop.example/cart"},
            "rule": "autonomy: supervised", "disclosure": null, "digest": "d", "asked_ms": 0, "expires_ms": 60_000,
            "decided_by": null, "decided_ms": null, "note": null,
        });
        let shown = card(&one);
        for part in [
            "state        waiting\n",
            "what         browser_click #order\n",
            "    \"selector\": \"#order\"\n",
            "because of   autonomy: supervised\n",
            "until        1970-01-01 00:01:00 UTC",
        ] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        assert!(!shown.contains("null") && !shown.contains("_ms"), "{shown}");
    }
}
