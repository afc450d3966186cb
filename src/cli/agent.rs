//! `agent`: named variants of a persona, which goals in words may name.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Ended,
    persona::{items, text, text_or_file},
    print::{self, Out},
    server::Server,
};

/// What can be done with agents.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the agents of a persona.
    List(Whose),
    /// Give a persona an agent of this name, or change all of it.
    Set(Set),
    /// Take an agent away.
    Remove(Which),
}

/// One persona.
#[derive(Debug, Args)]
pub struct Whose {
    /// Its slug or id.
    persona: String,
}

/// One agent.
#[derive(Debug, Args)]
pub struct Which {
    /// Slug or id of its persona.
    persona: String,
    /// The agent's name.
    agent: String,
}

/// An agent to be.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    which: Which,
    /// What it is told besides who it is: text, or `@FILE`.
    #[arg(long)]
    instructions: String,
    /// A configured model or route; left out: the persona's.
    #[arg(long)]
    model: Option<String>,
    /// The only tools it may call; may be given several times. Left out: all that its persona may.
    #[arg(long = "tool", value_name = "NAME")]
    tools: Vec<String>,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let found = match self {
            Self::List(whose) => server.get(&["api", "personas", &whose.persona, "agents"], &[]).await?,
            Self::Set(set) => {
                let instructions = text_or_file(&set.instructions)?;
                let body = json!({"instructions": instructions, "model": set.model, "tools": set.tools});
                server.put(&["api", "personas", &set.which.persona, "agents", &set.which.agent], &body).await?
            }
            Self::Remove(which) => server.delete(&["api", "personas", &which.persona, "agents", &which.agent]).await?,
        };
        out.answer(&found, |found| {
            let row = |agent: &Value| {
                let tools: Vec<&str> =
                    agent["tools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                [
                    text(agent, "name"),
                    text(agent, "model"),
                    tools.join(" "),
                    print::short(&text(agent, "instructions"), 60),
                ]
            };
            print::table(["name", "model", "tools", "instructions"], &items(found).iter().map(row).collect::<Vec<_>>())
        });
        Ok(Ended::Well)
    }
}
