//! `run rollback`: shows what would take a step back, asks, and does it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{
    Ended, goal,
    persona::text,
    print::{self, Out},
    server::Server,
};

/// Which step is taken back.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The run's id.
    run: String,
    /// The step, from 1 as pages number them.
    #[arg(long, value_name = "K")]
    step: u32,
    /// Do it: the digest of the plan that was shown.
    #[arg(long, value_name = "DIGEST")]
    confirm: Option<String>,
    /// Wait until it is over or waits for a person; code 1 unless it is done.
    #[arg(long)]
    wait: bool,
}

impl Rollback {
    pub(super) async fn run(self, server: &Server, out: Out) -> anyhow::Result<Ended> {
        if let Some(digest) = &self.confirm {
            return self.confirmed(digest, server, out).await;
        }
        let plan = server.post(&["api", "runs", &self.run, "rollback"], &json!({"step": self.step})).await?;
        out.answer(&plan, card);
        if out.json {
            return Ok(Ended::Well);
        }
        let digest = text(&plan, "digest");
        if !io::stdin().is_terminal() {
            let again = format!("greenroom run rollback {} --step {} --confirm {digest}", self.run, self.step);
            print::line(&format!("nothing was done; to do this:\n  {again}"));
            return Ok(Ended::Well);
        }
        if !says_yes()? {
            print::line("nothing was done");
            return Ok(Ended::Badly);
        }
        self.confirmed(&digest, server, out).await
    }

    async fn confirmed(&self, digest: &str, server: &Server, out: Out) -> anyhow::Result<Ended> {
        let body = json!({"step": self.step, "confirm": digest});
        let begun = server.post(&["api", "runs", &self.run, "rollback"], &body).await?;
        if !self.wait {
            out.answer(&begun, done);
            return Ok(Ended::Well);
        }
        let goal = server.get(&["api", "goals", &text(&begun, "goal")], &[]).await?;
        let goal = goal::until_over(goal, server).await?;
        out.answer(&goal, goal::card);
        Ok(Ended::well_if(goal["state"] == "done"))
    }
}

/// The second word, from the terminal.
fn says_yes() -> io::Result<bool> {
    print!("type `yes` to do it: ");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

fn card(plan: &Value) -> String {
    let mut lines = vec![
        format!("takes back `{}` (receipt {} of {})", text(plan, "undoes"), text(plan, "seq"), text(plan, "persona")),
        format!("by calling `{}`, which is {}", text(plan, "tool"), text(plan, "effect")),
        format!("with {}", print::plain(&plan["args"].to_string())),
    ];
    if !plan["host"].is_null() {
        lines.push(format!("on {}", text(plan, "host")));
    }
    if !plan["asks"].is_null() {
        lines.push(format!("an approval will be asked for before the call ({})", text(plan, "asks")));
    }
    lines.push(format!("may be confirmed until {} UTC", print::moment(plan["expires_ms"].as_i64().unwrap_or(0))));
    lines.join("\n")
}

fn done(answer: &Value) -> String {
    format!("goal {} takes it back: `greenroom goal show {0}` says how it went", text(answer, "goal"))
}
