//! `persona learn` and `persona train`: examples of how a persona answers well, and a profile fitted to them.

use clap::Args;
use serde_json::{Value, json};

use super::{
    Misused,
    goal::json_or_file,
    persona::{text, text_or_file},
    print::{self, Out},
    server::Server,
};

/// Examples for one persona.
#[derive(Debug, Args)]
pub struct Learn {
    /// Its slug or id.
    persona: String,
    /// What somebody said, or `@FILE` that holds it.
    #[arg(long, value_name = "TEXT", requires = "answer")]
    said: Option<String>,
    /// How it answered well, or `@FILE` that holds it.
    #[arg(long, value_name = "TEXT", requires = "said")]
    answer: Option<String>,
    /// Several at once: JSON or `@FILE`, `[{"said": "…", "answer": "…"}, …]`.
    #[arg(long, value_name = "JSON", required_unless_present = "said")]
    examples: Option<String>,
}

/// How a profile is fitted.
#[derive(Debug, Args)]
pub struct Train {
    /// Its slug or id.
    persona: String,
    /// Only say what would become of it.
    #[arg(long)]
    dry_run: bool,
    /// A part to fit although somebody decided about it: length, tone, formality or signature_phrases. May be given
    /// several times.
    #[arg(long, value_name = "PART")]
    again: Vec<String>,
}

impl Learn {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let mut examples = match &self.examples {
            None => Vec::new(),
            Some(written) => match json_or_file("--examples", written)? {
                Value::Array(examples) => examples,
                _ => return Err(Misused("`--examples` must be a JSON list".to_owned()).into()),
            },
        };
        if let (Some(said), Some(answer)) = (&self.said, &self.answer) {
            examples.push(json!({"said": text_or_file(said)?, "answer": text_or_file(answer)?}));
        }
        let path = ["api", "personas", &self.persona];
        let version = server.get(&path, &[]).await?["version"].clone();
        let path = ["api", "personas", &self.persona, "learn"];
        let learned = server.post(&path, &json!({"version": version, "examples": examples})).await?;
        out.answer(&learned, |learned| {
            let [new, known, all] = ["learned", "known", "examples"].map(|field| text(learned, field));
            format!("learned {new}, knew {known}; it has {all}")
        });
        Ok(())
    }
}

impl Train {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let mut body = json!({"dry_run": self.dry_run, "again": self.again});
        if !self.dry_run {
            let path = ["api", "personas", &self.persona];
            body["version"] = server.get(&path, &[]).await?["version"].clone();
        }
        let trained = server.post(&["api", "personas", &self.persona, "train"], &body).await?;
        out.answer(&trained, table);
        Ok(())
    }
}

fn table(trained: &Value) -> String {
    let row = |line: &Value| ["part", "from", "to", "why"].map(|field| text(line, field));
    let rows: Vec<_> = trained["parts"].as_array().into_iter().flatten().map(row).collect();
    let table = print::table(["part", "was", "is", ""], &rows);
    let said = |field: &str| text(&trained["drift"], field);
    match &trained["drift"]["before"] {
        Value::Null => table,
        _ => format!("{table}\n\ndrift of the examples, 0 to 1000: {} before, {} after", said("before"), said("after")),
    }
}
