//! `schedule`: what a persona starts again and again.

use clap::{Args, Subcommand, ValueEnum as _};
use serde_json::{Map, Value, json};

use super::{
    Ended,
    goal::{Kind, json_or_file},
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with calendars.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Put a line on a persona's calendar: a goal or a message, again and again.
    Add(Box<Add>),
    /// List a persona's calendar with the next due times.
    List(Whose),
    /// Switch a line on; it counts from now.
    On(Which),
    /// Switch a line off.
    Off(Which),
    /// Take a line off the calendar.
    Remove(Which),
}

/// Whose calendar.
#[derive(Debug, Args)]
pub struct Whose {
    /// Slug or id of the persona.
    persona: String,
}

/// One line of a calendar.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id.
    schedule: String,
}

/// A line of a calendar to be.
#[derive(Debug, Args)]
pub struct Add {
    /// Slug or id of the persona.
    persona: String,
    /// What you call it.
    #[arg(long)]
    name: String,
    /// Minute, hour, day of month, month, day of week, in the persona's time zone: `"0 9 * * 1-5"`.
    #[arg(long, required_unless_present = "every", conflicts_with = "every")]
    cron: Option<String>,
    /// A cadence while the persona is up, counted from when it wakes: `45m`, `2h`.
    #[arg(long)]
    every: Option<String>,
    /// Nobody waits for the goal: the persona makes it when its mood permits, and else skips it, with a receipt.
    #[arg(long, requires = "kind")]
    optional: bool,
    /// A message to the persona, instead of a goal.
    #[arg(long, conflicts_with_all = ["title", "kind", "payload", "proof", "priority", "optional"], required_unless_present = "kind")]
    text: Option<String>,
    /// What the goal is about, in a few words.
    #[arg(long, requires = "kind")]
    title: Option<String>,
    /// What kind of goal it gives.
    #[arg(long, value_enum, requires_all = ["title", "payload"])]
    kind: Option<Kind>,
    /// What is to be done, as JSON or `@FILE`, as for `goal add`.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    /// What must be shown before it counts as done, as JSON or `@FILE`.
    #[arg(long, value_name = "JSON")]
    proof: Option<String>,
    /// Importance of the goal from 0 to 1.
    #[arg(long)]
    priority: Option<f64>,
    /// Switched off at first.
    #[arg(long)]
    off: bool,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::Add(add) => {
                let path = ["api", "personas", &add.persona, "schedules"];
                out.answer(&server.post(&path, &add.body()?).await?, card);
            }
            Self::List(Whose { persona }) => {
                let found = server.get(&["api", "personas", &persona, "schedules"], &[]).await?;
                out.answer(&found, |found| table(items(found)));
            }
            Self::On(which) => switch(&which, true, server, out).await?,
            Self::Off(which) => switch(&which, false, server, out).await?,
            Self::Remove(Which { schedule }) => {
                server.delete(&["api", "schedules", &schedule]).await?;
                out.answer(&json!({"removed": schedule}), |_| "it is off the calendar".to_owned());
            }
        }
        Ok(Ended::Well)
    }
}

impl Add {
    fn body(&self) -> anyhow::Result<Value> {
        let kind = self.kind.and_then(|kind| kind.to_possible_value()).map(|kind| kind.get_name().to_owned());
        let cadence = self.every.as_ref().map(|every| format!("every {every}"));
        let mut body = Map::from_iter([
            ("name".to_owned(), json!(self.name)),
            ("cron".to_owned(), json!(self.cron.as_ref().or(cadence.as_ref()))),
            ("on".to_owned(), json!(!self.off)),
        ]);
        for (name, value) in [("text", &self.text), ("title", &self.title), ("kind", &kind)] {
            body.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        for (name, option, value) in [("payload", "--payload", &self.payload), ("proof", "--proof", &self.proof)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json_or_file(option, value)?);
            }
        }
        body.extend(self.optional.then(|| ("optional".to_owned(), json!(true))));
        body.extend(self.priority.map(|priority| ("priority".to_owned(), json!(priority))));
        Ok(body.into())
    }
}

async fn switch(which: &Which, on: bool, server: &Server, out: Out) -> anyhow::Result<()> {
    let path = ["api", "schedules", &which.schedule];
    let version = server.get(&path, &[]).await?["version"].clone();
    out.answer(&server.patch(&path, &json!({"version": version, "on": on})).await?, card);
    Ok(())
}

fn table(lines: &[Value]) -> String {
    let row = |line: &Value| {
        let name = print::short(&text(line, "name"), 30);
        [text(line, "id"), state(line), text(line, "cron"), next(line), name]
    };
    match lines {
        [] => "an empty calendar".to_owned(),
        some => print::table(["id", "", "cron", "next", "name"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

fn state(line: &Value) -> String {
    if line["on"] == true { "on" } else { "off" }.to_owned()
}

fn next(line: &Value) -> String {
    line["next_ms"].as_i64().map_or_else(|| "never".to_owned(), print::moment)
}

fn card(line: &Value) -> String {
    let rows = [
        ("id", text(line, "id")),
        ("name", print::plain(&text(line, "name"))),
        ("cron", text(line, "cron")),
        ("reads", text(line, "reads")),
        ("starts", if line["starts"]["optional"] == true { "when its mood permits" } else { "always" }.to_owned()),
        ("zone", text(line, "zone")),
        ("", state(line)),
        ("next", next(line)),
    ];
    rows.map(|(name, value)| format!("{name:8} {value}")).join("\n")
}
