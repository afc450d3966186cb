//! `goal`: work for personas, and what a person decides about it.

use std::{io::Write as _, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::{
    Ended, Misused,
    persona::{items, text, text_or_file},
    print::{self, Out},
    server::Server,
};

/// How often a waiting command looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What can be done with goals.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Give a persona a goal.
    #[command(alias = "new")]
    Add(Box<Add>),
    /// List the templates that goals can be made from, with their fields.
    Templates,
    /// List goals, the newest first.
    List(List),
    /// Show one goal.
    Show(Which),
    /// Give a goal that is over a new first attempt.
    Retry(Which),
    /// End a goal. A step that has begun is recorded to its end.
    Cancel(Which),
    /// Say whether an effect that ended unknown has happened.
    Resolve(Resolve),
    /// Answer what a goal asked a person; its run goes on.
    Answer(Answer),
}

/// An answer.
#[derive(Debug, Args)]
pub struct Answer {
    /// The goal's id.
    goal: String,
    /// What you say.
    answer: String,
}

/// One goal.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id.
    goal: String,
}

/// A goal to be.
#[derive(Debug, Args)]
pub struct Add {
    /// Slug or id of the persona that is to do it.
    persona: String,
    /// What it is about, in a few words.
    #[arg(long, required_unless_present = "template")]
    title: Option<String>,
    /// What sort of work it is; a goal in words is for an `agent`.
    #[arg(long, value_enum, required_unless_present = "template")]
    kind: Option<Kind>,
    /// What is to be done, as JSON or `@FILE` with it: `{"steps": […]}`, `{"prompt": "…"}`, `{"file": "…"}`
    /// or, for an agent, `{"task": "…"}`.
    #[arg(long, value_name = "JSON", required_unless_present = "template")]
    payload: Option<String>,
    /// Make it from this template, which brings payload and proof; `goal templates` lists them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["kind", "payload", "proof"])]
    template: Option<String>,
    /// A field of the template, as NAME=VALUE; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    param: Vec<String>,
    /// What must be shown before it counts as done, as JSON or `@FILE`.
    #[arg(long, value_name = "JSON")]
    proof: Option<String>,
    /// Importance from 0 to 1.
    #[arg(long)]
    priority: Option<f64>,
    /// What it belongs to; receipts can be looked for by it.
    #[arg(long)]
    project: Option<String>,
    /// The same key brings the same goal only once.
    #[arg(long, value_name = "KEY")]
    correlation: Option<String>,
    /// Id of a goal that must be over before this one begins; may be given several times.
    #[arg(long, value_name = "ID")]
    waits_for: Vec<String>,
    /// What becomes of it when one of those is over but not done: `fail` or `release`.
    #[arg(long, value_enum, requires = "waits_for")]
    if_failed: Option<IfFailed>,
    /// Wait until the goal is over; code 0 only when it is done.
    #[arg(long)]
    wait: bool,
}

/// Kinds of goal.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    Browser,
    Io,
    Ai,
    Report,
    Agent,
}

/// What becomes of a goal that waits for one which failed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum IfFailed {
    /// It fails too.
    Fail,
    /// It runs anyway, when all are over.
    Release,
}

/// Which goals.
#[derive(Debug, Args)]
pub struct List {
    /// Slug or id of a persona.
    #[arg(long)]
    persona: Option<String>,
    /// pending, running, parked, done, unconfirmed, failed or cancelled.
    #[arg(long)]
    state: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u16,
}

/// A decision about an effect that ended unknown.
#[derive(Debug, Args)]
pub struct Resolve {
    /// The goal's id.
    goal: String,
    #[command(flatten)]
    what: Happened,
    /// How you know; kept in the receipt.
    #[arg(long, default_value = "")]
    note: String,
}

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Happened {
    /// It happened: the run goes on behind it.
    #[arg(long)]
    done: bool,
    /// It did not happen: the step may be tried again.
    #[arg(long)]
    not_done: bool,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::Add(add) => return add.run(server, out).await,
            Self::Templates => out.answer(&server.get(&["api", "templates"], &[]).await?, templates),
            Self::List(list) => list.run(server, out).await?,
            Self::Show(which) => out.answer(&server.get(&["api", "goals", &which.goal], &[]).await?, card),
            Self::Retry(which) => act(&which.goal, "retry", json!({}), server, out).await?,
            Self::Cancel(which) => act(&which.goal, "cancel", json!({}), server, out).await?,
            Self::Resolve(resolve) => {
                let word = if resolve.what.done { "done" } else { "not_done" };
                let body = json!({ "resolution": word, "note": resolve.note });
                act(&resolve.goal, "resolve", body, server, out).await?;
            }
            Self::Answer(said) => act(&said.goal, "answer", json!({ "answer": said.answer }), server, out).await?,
        }
        Ok(Ended::Well)
    }
}

async fn act(goal: &str, verb: &str, body: Value, server: &Server, out: Out) -> anyhow::Result<()> {
    let goal = server.post(&["api", "goals", goal, verb], &body).await?;
    out.answer(&goal, card);
    Ok(())
}

impl Add {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let goal = server.post(&["api", "goals"], &self.body()?).await?;
        if !self.wait {
            out.answer(&goal, card);
            return Ok(Ended::Well);
        }
        let goal = until_over(goal, server).await?;
        out.answer(&goal, card);
        Ok(Ended::well_if(goal["state"] == "done"))
    }

    fn body(&self) -> anyhow::Result<Value> {
        let kind = self.kind.and_then(|kind| kind.to_possible_value()).map(|kind| kind.get_name().to_owned());
        let mut body = Map::from_iter([("persona".to_owned(), json!(self.persona))]);
        for (name, value) in [("title", &self.title), ("kind", &kind), ("template", &self.template)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(payload) = &self.payload {
            body.insert("payload".to_owned(), json_or_file("--payload", payload)?);
        }
        if self.template.is_some() {
            body.insert("params".to_owned(), params(&self.param)?);
        }
        if let Some(proof) = &self.proof {
            body.insert("proof".to_owned(), json_or_file("--proof", proof)?);
        }
        if !self.waits_for.is_empty() {
            body.insert("waits_for".to_owned(), json!(self.waits_for));
        }
        if let Some(policy) = self.if_failed.and_then(|policy| policy.to_possible_value()) {
            body.insert("if_failed".to_owned(), json!(policy.get_name()));
        }
        if let Some(priority) = self.priority {
            body.insert("priority".to_owned(), json!(priority));
        }
        for (name, value) in [("project", &self.project), ("correlation", &self.correlation)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        Ok(body.into())
    }
}

fn params(said: &[String]) -> anyhow::Result<Value> {
    let pair = |said: &String| {
        let (name, value) = said.split_once('=').ok_or_else(|| Misused(format!("--param {said} is not NAME=VALUE")))?;
        Ok((name.trim().to_owned(), json!(text_or_file(value)?)))
    };
    said.iter().map(pair).collect::<anyhow::Result<Map<_, _>>>().map(Value::Object)
}

fn templates(found: &Value) -> String {
    let field = |field: &Value| {
        let name = text(field, "name");
        if field["required"] == true { name } else { format!("[{name}]") }
    };
    let row = |one: &Value| {
        let fields = one["fields"].as_array().map(|fields| fields.iter().map(field).collect::<Vec<_>>().join(" "));
        let about = if one["off"].is_null() { text(one, "about") } else { text(one, "off") };
        [text(one, "name"), fields.unwrap_or_default(), text(one, "counts_as"), about]
    };
    print::table(["template", "fields", "counts as", "what it does"], &items(found).iter().map(row).collect::<Vec<_>>())
}

pub(super) fn json_or_file(option: &str, text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(&text_or_file(text)?).map_err(|error| Misused(format!("{option} is not JSON: {error}")).into())
}

/// Looks until the goal is over or waits for a person.
pub(super) async fn until_over(mut goal: Value, server: &Server) -> anyhow::Result<Value> {
    let shown = spinner();
    let id = text(&goal, "id");
    let mut told = String::new();
    loop {
        let state = text(&goal, "state");
        // Nothing begins for who is paused: that is why nothing happens.
        let paused = state == "pending" && is_paused(&goal, server).await?;
        let waits_for_a_person = ["reconcile", "approval", "answer"].contains(&text(&goal, "parked_on").as_str());
        if waits_for_a_person || !["pending", "running", "parked"].contains(&state.as_str()) {
            shown.finish_and_clear();
            return Ok(goal);
        }
        let standing = standing(&goal, &state, paused);
        if shown.is_hidden() && standing != told {
            // Nobody watches the turning sign: a line for each change instead.
            let _ = writeln!(std::io::stderr(), "{standing}");
        }
        shown.set_message(standing.clone());
        told = standing;
        tokio::time::sleep(LOOK_EVERY).await;
        goal = server.get(&["api", "goals", &id], &[]).await?;
    }
}

async fn is_paused(goal: &Value, server: &Server) -> anyhow::Result<bool> {
    let persona = server.get(&["api", "personas", &text(goal, "persona_id")], &[]).await?;
    Ok(persona["status"] == "paused")
}

/// How a goal stands that is not over; with its last error, and when it is tried again.
fn standing(goal: &Value, state: &str, paused: bool) -> String {
    let title = print::short(&text(goal, "title"), 60);
    if paused {
        let persona = text(goal, "persona");
        return format!("{title} is {state}: {persona} is paused, `greenroom persona resume {persona}` lets it begin");
    }
    let error = print::short(&text(goal, "last_error"), 100);
    let again = goal["due_ms"].as_i64().and_then(chrono::DateTime::from_timestamp_millis);
    let again = again.map(|at| format!(", again at {}", at.format("%H:%M:%S UTC"))).unwrap_or_default();
    match error.as_str() {
        "" => format!("{title} is {state}"),
        error => format!("{title} is {state} after try {}: {error}{again}", goal["attempts"]),
    }
}

/// Turns on standard error while something takes long; silent when nobody watches.
pub fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

impl List {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let query = [("persona", self.persona), ("state", self.state), ("limit", Some(self.limit.to_string()))];
        let found = server.get(&["api", "goals"], &query).await?;
        out.answer(&found, |found| print::page(found, table(items(found))));
        Ok(())
    }
}

fn table(goals: &[Value]) -> String {
    let row = |goal: &Value| {
        let said = said(goal);
        let title = print::short(&text(goal, "title"), 40);
        [text(goal, "id"), text(goal, "state"), text(goal, "attempts"), title, print::short(&said, 60)]
    };
    match goals {
        [] => "no goals".to_owned(),
        some => print::table(["id", "state", "tries", "title", "said"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

/// What it waits for, what came of it, or what went wrong.
fn said(goal: &Value) -> String {
    let came = || if goal["result"].is_null() { text(goal, "last_error") } else { text(goal, "result") };
    waits(goal).unwrap_or_else(came)
}

/// Why a parked goal waits, and what a person can do about it; none: it is not parked.
fn waits(goal: &Value) -> Option<String> {
    let why = match goal["parked_on"].as_str()? {
        "dependency" => return Some(format!("waits for {}", waits_for(goal))),
        "quota" => "the day’s quota is used up, waits for the next day",
        "approval" => "waits for a yes or no, see `greenroom approvals`",
        "answer" => return Some(format!("asks: {} (`greenroom goal answer` answers)", text(goal, "last_error"))),
        // Spent, or only reserved for calls under way: then it looks again soon.
        "budget" => "waits for room in a budget, see `greenroom budget show`",
        "reconcile" => "waits for a person: did its last effect happen? See `greenroom goal resolve`",
        "pause" => "waits until its persona is resumed, see `greenroom persona resume`",
        "rate" => "keeps the pace of the site",
        "room" => "waits for the floor of its room",
        other => return Some(format!("waits for {other}")),
    };
    Some(why.to_owned())
}

fn waits_for(goal: &Value) -> String {
    let ids = goal["waits_for"].as_array().map(Vec::as_slice).unwrap_or_default();
    ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

pub(super) fn card(goal: &Value) -> String {
    let line = |name: &str, value: &str| format!("{name:12} {}", print::plain(value));
    // What it asks stands with why it waits.
    let error = if goal["parked_on"] == "answer" { "" } else { "last_error" };
    let fields = ["id", "persona", "title", "kind", "state", "attempts", error, "result", "project", "version"];
    let row = |field: &&str| (!goal[*field].is_null()).then(|| line(field, &text(goal, field)));
    let mut rows: Vec<_> = fields.iter().filter_map(row).collect();
    rows.extend(waits(goal).map(|why| line("waits", &why)));
    // A goal that is over keeps the moment at which it was last due.
    let is_open = ["pending", "parked"].contains(&text(goal, "state").as_str());
    if let Some(due_ms) = goal["due_ms"].as_i64().filter(|_| is_open) {
        let what = match (goal["parked_on"].as_str(), goal["attempts"].as_u64()) {
            (Some("approval" | "answer"), _) => "asks until",
            (Some(_), _) => "looks again",
            (None, Some(1..)) => "tries again",
            (None, _) => "not before",
        };
        rows.push(line(what, &format!("{} UTC", print::moment(due_ms))));
    }
    if !goal["if_failed"].is_null() {
        rows.push(format!("{:12} {}", "waits_for", waits_for(goal)));
        rows.push(format!("{:12} {}", "if_failed", text(goal, "if_failed")));
    }
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_says_why_it_waits_and_when_it_goes_on() {
        let failed = json!({"id": "g", "state": "pending", "attempts": 2, "last_error": "answered 503", "due_ms": 0});
        assert!(
            card(&failed).contains("\nlast_error   answered 503\ntries again  1970-01-01 00:00:00 UTC"),
            "{}",
            card(&failed)
        );
        let asks = json!({"state": "parked", "parked_on": "answer", "attempts": 1, "last_error": "Which colour?", "due_ms": 0});
        let shown = card(&asks);
        assert!(shown.contains("waits        asks: Which colour? (`greenroom goal answer` answers)"), "{shown}");
        assert!(!shown.contains("last_error") && shown.contains("asks until"), "{shown}");
        for on in actors::domain::ParkedOn::ALL {
            let parked = json!({"state": "parked", "parked_on": on, "waits_for": ["g"]});
            let why = waits(&parked).unwrap();
            assert_ne!(why, format!("waits for {on}"), "`{on}` has no words of its own");
        }
        assert_eq!(waits(&json!({"state": "pending", "parked_on": null})), None);
    }

    #[test]
    fn who_waits_for_a_paused_persona_is_told_so() {
        let goal = json!({"title": "Look", "persona": "ada", "attempts": 0});
        assert_eq!(
            standing(&goal, "pending", true),
            "Look is pending: ada is paused, `greenroom persona resume ada` lets it begin"
        );
    }
}
