//! `report_daily`: the day in numbers, each with the receipts it rests on.

use std::{collections::HashMap, fmt::Write as _};

use actors::domain::{ArtifactKind, ChainId, GoalId, GoalState, NewArtifact, Outcome, Persona, StepError};
use chrono::DateTime;
use serde_json::json;

use crate::tools::days::{Day, DayBook, Line};

const DAY_MS: i64 = 86_400_000;
const MOST_GOALS_LISTED: usize = 100;

/// Counts the day (UTC) up to now. The text is the outcome's `value` and its artifact.
pub(in crate::tools) async fn report(days: &dyn DayBook, now_ms: i64, save_as: &str) -> Outcome {
    let from_ms = now_ms - now_ms.rem_euclid(DAY_MS);
    let day = match days.since(from_ms).await {
        Ok(day) => day,
        Err(error) => {
            let text = format!("the day's receipts could not be read: {error}; try later");
            return Outcome::not_begun("counted nothing", StepError::retryable(text));
        }
    };
    let text = markdown(&day, now_ms);
    let summary = format!("counted {} receipts and {} goals", day.receipts.len(), day.goals.len());
    let data = json!({ "step": format!("report {save_as}"), "ok": true, "details": summary, "value": text });
    let name = format!("{save_as}.md");
    let artifact =
        NewArtifact { kind: ArtifactKind::Text, name, media_type: "text/markdown", bytes: text.into_bytes() };
    Outcome::done(summary, data).with_artifact(artifact)
}

/// The report. Pure: the same record, the same words.
pub(in crate::tools) fn markdown(day: &Day, now_ms: i64) -> String {
    let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    let mut out = format!("# Daily report, {}\n\n", now.format("%-d %B %Y"));
    let _ = writeln!(
        out,
        "Counted at {} UTC from {} receipts. Each line ends with the last receipt it rests on.\n",
        now.format("%H:%M"),
        day.receipts.len()
    );
    if day.cut {
        out.push_str("The day holds more receipts than are counted here; these are the newest.\n\n");
    }
    table(&mut out, day);
    for persona in &day.personas {
        section(&mut out, day, persona);
    }
    let errors = day.receipts.iter().filter(|receipt| receipt.error).count();
    let _ = writeln!(
        out,
        "## Numbers\n\n- proposals proven: {}\n- posts proven: {}\n- messages received: {}\n- receipts that name an error: {errors}",
        day.proposals, day.posts, day.messages
    );
    out
}

fn table(out: &mut String, day: &Day) {
    out.push_str("| Persona | Done | Unconfirmed | Failed | Cancelled | Open | Receipts |\n");
    out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for persona in &day.personas {
        let goals = || day.goals.iter().filter(|goal| goal.persona == persona.id);
        let count = |state| goals().filter(|goal| goal.state == state).count();
        let receipts = day.receipts.iter().filter(|receipt| receipt.chain == ChainId::Persona(persona.id)).count();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {receipts} |",
            cell(&persona.name),
            count(GoalState::Done),
            count(GoalState::Unconfirmed),
            count(GoalState::Failed),
            count(GoalState::Cancelled),
            goals().filter(|goal| !goal.state.is_over()).count(),
        );
    }
    out.push('\n');
}

fn section(out: &mut String, day: &Day, persona: &Persona) {
    let goals: Vec<_> = day.goals.iter().filter(|goal| goal.persona == persona.id).collect();
    if goals.is_empty() {
        return;
    }
    let role = persona.role.map(|role| format!(", {role}")).unwrap_or_default();
    let _ = writeln!(out, "## {}{role}\n", cell(&persona.name));
    let last = last_receipts(day);
    // Oldest first, as the day went.
    for goal in goals.iter().take(MOST_GOALS_LISTED).rev() {
        let _ = write!(out, "- **{}** {}", goal.state, cell(&goal.title));
        if let Some(said) = goal.result.as_ref().or(goal.last_error.as_ref()) {
            let _ = write!(out, ": {}", cell(said));
        }
        match last.get(&goal.id) {
            Some(receipt) => {
                let _ = writeln!(out, " [receipt {} `{}`]", receipt.seq, receipt.hash);
            }
            None => out.push('\n'),
        }
    }
    if goals.len() > MOST_GOALS_LISTED {
        let _ = writeln!(out, "- and {} more", goals.len() - MOST_GOALS_LISTED);
    }
    out.push('\n');
}

fn last_receipts(day: &Day) -> HashMap<GoalId, &Line> {
    let mut last = HashMap::new();
    for receipt in &day.receipts {
        if let (Some(goal), ChainId::Persona(_)) = (receipt.goal, &receipt.chain) {
            last.entry(goal).or_insert(receipt);
        }
    }
    last
}

/// One line, without what Markdown would take for a table, and not too long.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    if line.chars().count() > 200 { line.chars().take(199).chain(['…']).collect() } else { line }
}
