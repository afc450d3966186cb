//! `wait`: what a persona wants to be told about others.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    Ended,
    persona::{items, text},
    print::{self, Out},
    server::Server,
};

/// What can be done with standing waits.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Tell a persona from now on what happens to another one: what is given must hold, all of it.
    Add(Box<Add>),
    /// List what a persona wants to be told.
    List(Of),
    /// Tell nothing more.
    Remove(Which),
}

/// A standing wait to be.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("condition").required(true).multiple(true).args(["kind", "tag", "text"]))]
pub struct Add {
    /// Slug or id of the persona that is told.
    persona: String,
    /// Slug or id of the persona whose doings are looked at.
    #[arg(long, value_name = "PERSONA")]
    watched: String,
    /// message, `goal_over`, done, unconfirmed, failed, cancelled, http, screenshot, file, execution or llm.
    #[arg(long)]
    kind: Option<String>,
    /// The project label of the work, or `#tag` in a text.
    #[arg(long)]
    tag: Option<String>,
    /// These words, whatever their case.
    #[arg(long)]
    text: Option<String>,
}

/// One persona's.
#[derive(Debug, Args)]
pub struct Of {
    /// Its slug or id.
    persona: String,
}

/// One standing wait.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id.
    wait: String,
}

impl Verb {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        match self {
            Self::Add(add) => add.run(server, out).await?,
            Self::List(of) => {
                let found = server.get(&["api", "personas", &of.persona, "waits"], &[]).await?;
                out.answer(&found, |found| table(items(found)));
            }
            Self::Remove(which) => {
                server.delete(&["api", "waits", &which.wait]).await?;
                out.answer(&json!({"removed": which.wait}), |_| format!("{} tells nothing more", which.wait));
            }
        }
        Ok(Ended::Well)
    }
}

impl Add {
    async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let mut body = Map::from_iter([("watched".to_owned(), Value::from(self.watched))]);
        for (field, value) in [("kind", self.kind), ("tag", self.tag), ("text", self.text)] {
            if let Some(value) = value {
                body.insert(field.to_owned(), value.into());
            }
        }
        let wait = server.post(&["api", "personas", &self.persona, "waits"], &body.into()).await?;
        out.answer(&wait, |wait| {
            format!("{}: {} is told about {}", text(wait, "id"), text(wait, "waiter"), text(wait, "watched"))
        });
        Ok(())
    }
}

fn table(waits: &[Value]) -> String {
    let row = |wait: &Value| ["id", "watched", "kind", "tag", "text", "told"].map(|field| text(wait, field));
    match waits {
        [] => "nothing".to_owned(),
        some => {
            print::table(["id", "watched", "kind", "tag", "text", "told"], &some.iter().map(row).collect::<Vec<_>>())
        }
    }
}
