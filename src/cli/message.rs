//! `message`: what was sent to a persona, and what becomes of messages that brought it down.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with messages.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List a persona's messages, the newest first.
    List(List),
    /// Give a dead letter a new first attempt.
    Retry(Which),
    /// Drop a dead letter.
    Discard(Which),
}

/// Messages of one persona.
#[derive(Debug, Args)]
pub struct List {
    /// Its slug or id.
    persona: String,
    /// Only dead letters: what brought the persona down twice.
    #[arg(long)]
    dead: bool,
    /// So many at most, the newest first.
    #[arg(long, default_value_t = 20)]
    limit: u16,
}

/// One message.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id.
    message: String,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::List(list) => list.run(server, out).await?,
            Self::Retry(which) => act(&which.message, "retry", server, out).await?,
            Self::Discard(which) => act(&which.message, "discard", server, out).await?,
        }
        Ok(Ended::Well)
    }
}

async fn act(message: &str, verb: &str, server: &Server, out: Out) -> anyhow::Result<()> {
    let goal = server.post(&["api", "messages", message, verb], &json!({})).await?;
    out.answer(&goal, |goal| format!("goal {} is {}", text(goal, "id"), text(goal, "state")));
    Ok(())
}

impl List {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let state = self.dead.then(|| "dead_lettered".to_owned());
        let query = [("state", state), ("limit", Some(self.limit.to_string()))];
        let found = server.get(&["api", "personas", &self.persona, "messages"], &query).await?;
        out.answer(&found, |found| print::page(found, table(items(found))));
        Ok(())
    }
}

fn table(messages: &[Value]) -> String {
    let row = |message: &Value| {
        let said = print::short(&text(message, "text"), 60);
        [text(message, "id"), text(message, "state"), text(message, "falls"), text(message, "sender"), said]
    };
    match messages {
        [] => "no messages".to_owned(),
        some => print::table(["id", "state", "falls", "sender", "text"], &some.iter().map(row).collect::<Vec<_>>()),
    }
}
