//! `run`: attempts at goals, carried out again from their receipts, begun anew from one of their steps, or a step taken
//! back.

mod rollback;

use actors::run::replay::Replayed;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Ended, goal,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with runs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List runs, the newest first.
    List(List),
    /// Carry a run out again from its receipts alone; code 1 when one of them does not come out again.
    Replay(Replay),
    /// Give the persona a new goal that takes the first steps of a run from the record and goes on from there.
    Fork(Fork),
    /// Take back what a step did with its tool's inverse: shows the call, and makes it when you confirm it.
    Rollback(rollback::Rollback),
}

/// Which runs.
#[derive(Debug, Args)]
pub struct List {
    /// Slug or id of a persona.
    #[arg(long)]
    persona: Option<String>,
    /// Id of a goal.
    #[arg(long)]
    goal: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: u16,
}

/// Which run, and from where.
#[derive(Debug, Args)]
pub struct Replay {
    /// Its id.
    pub run: String,
    /// Read the data root itself: no server is needed, and nothing is written.
    #[arg(long)]
    pub offline: bool,
}

/// From where a run is begun anew, and with what instead.
#[derive(Debug, Args)]
pub struct Fork {
    /// The run's id.
    run: String,
    /// The first step that is done anew, from 1 as pages number them.
    #[arg(long, value_name = "N")]
    from: u32,
    /// Another model or route, by its configured name, for the steps that ask one.
    #[arg(long)]
    model: Option<String>,
    /// Another task; of given steps, another prompt for the one that asks a model.
    #[arg(long, value_name = "TEXT")]
    task: Option<String>,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::List(list) => list.run(server, out).await,
            Self::Replay(replay) => {
                let found = server.post(&["api", "runs", &replay.run, "replay"], &json!({})).await?;
                out.answer(&found, card);
                Ok(Ended::well_if(found["holds"] == true))
            }
            Self::Rollback(back) => back.run(server, out).await,
            Self::Fork(fork) => {
                let Fork { run, from, model, task } = fork;
                let mut body = Map::from_iter([("from".to_owned(), json!(from))]);
                let others = [("model", model), ("task", task)];
                body.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))));
                let given = server.post(&["api", "runs", &run, "fork"], &body.into()).await?;
                out.answer(&given, goal::card);
                Ok(Ended::Well)
            }
        }
    }
}

impl List {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let query = [("persona", self.persona), ("goal", self.goal), ("limit", Some(self.limit.to_string()))];
        let found = server.get(&["api", "runs"], &query).await?;
        out.answer(&found, |found| print::page(found, table(items(found))));
        Ok(Ended::Well)
    }
}

fn table(runs: &[Value]) -> String {
    let row = |run: &Value| {
        let error = print::short(&text(run, "error"), 60);
        [text(run, "id"), text(run, "persona"), text(run, "attempt"), text(run, "state"), error]
    };
    match runs {
        [] => "no runs".to_owned(),
        some => print::table(["id", "persona", "try", "state", "error"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}

/// What a replay came to; where it parts from the record, both sides.
fn card(found: &Value) -> String {
    let mut lines = vec![text(found, "said")];
    if let Some(difference) = found.get("difference").filter(|difference| !difference.is_null()) {
        for side in ["recorded", "replayed"] {
            let shown = serde_json::to_string_pretty(&difference[side]).unwrap_or_default();
            lines.push(format!("{side}: {shown}"));
        }
    }
    lines.join("\n")
}

/// The same, worked out here.
pub fn said(replayed: &Replayed, out: Out) -> Ended {
    let mut found = json!(replayed);
    found["said"] = replayed.said().into();
    found["holds"] = replayed.difference.is_none().into();
    out.answer(&found, card);
    Ended::well_if(replayed.difference.is_none())
}
