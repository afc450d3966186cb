//! `persona container`: what a persona's own tools run in, where they ask for a container.

use clap::Args;
use serde_json::{Value, json};

use super::{
    persona::text,
    print::{self, Out},
    server::Server,
};

/// One persona's container.
#[derive(Debug, Args)]
pub struct Container {
    /// Its slug or id.
    persona: String,
    /// End it, with whatever runs in it, and start another.
    #[arg(long)]
    restart: bool,
}

impl Container {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<()> {
        let path = ["api", "personas", &self.persona, "container"];
        let seen = match self.restart {
            true => server.post(&["api", "personas", &self.persona, "container", "restart"], &json!({})).await?,
            false => server.get(&path, &[]).await?,
        };
        out.answer(&seen, card);
        Ok(())
    }
}

fn card(seen: &Value) -> String {
    let mb = |field: &str| seen[field].as_u64().map(|bytes| format!("{} MB", bytes.div_ceil(1 << 20)));
    let last = &seen["last_call"];
    let last = (!last.is_null())
        .then(|| format!("{}, {}, {} ms", text(last, "tool"), text(last, "ended"), text(last, "took_ms")));
    let of = |field: &str| Some(text(seen, field)).filter(|text| !text.is_empty());
    let rows = [
        ("state", of("state").map(|state| state.replace('_', " "))),
        ("why", of("why")),
        ("id", of("id")),
        ("image", of("image")),
        ("runtime", of("runtime")),
        ("memory", mb("memory_bytes")),
        ("at most", mb("most_memory_bytes")),
        ("last call", last),
        ("problem", of("problem")),
    ];
    let line = |(name, value): (&str, Option<String>)| Some(format!("{name:12} {}", print::plain(&value?)));
    rows.into_iter().filter_map(line).collect::<Vec<_>>().join("\n")
}
