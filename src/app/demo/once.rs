//! `demo --once`: does the work, shows what was proven, verifies the chains, ends.

use std::{collections::BTreeSet, io::Write as _, path::PathBuf, time::Duration};

use actors::domain::{Goal, GoalState, Phase, Receipt};
use anyhow::Context as _;
use serde::Serialize;
use tokio::time::Instant;

use super::{HOME, cast::Cast, stage::Stage};
use crate::{
    app::{
        offline, rooms,
        serve::{Serving, Signals},
    },
    cli::{
        Common, Ended, goal,
        print::{self, Out},
        receipts::{
            Verify,
            check::{self, Verified},
        },
    },
    config::Config,
    storage::ReceiptFilter,
    telemetry::Stderr,
};

/// All of it, on a slow machine. What is not done by then is said to be not done.
const LIMIT: Duration = Duration::from_secs(50);

/// What came of one goal.
#[derive(Debug, Serialize)]
struct Line {
    persona: String,
    goal: String,
    state: GoalState,
    receipts: usize,
    proofs: Vec<String>,
    said: Option<String>,
    /// An earlier start on the same data root did it; nothing is done twice.
    earlier: bool,
}

/// What came of all of it.
#[derive(Debug, Serialize)]
struct Shown {
    ok: bool,
    seconds: f64,
    goals: Vec<Line>,
    verified: Verified,
    data_root: PathBuf,
}

pub(super) async fn run(common: Common) -> anyhow::Result<Ended> {
    let out = Out { json: common.json };
    let kept = common.data_root.is_some();
    let root =
        common.data_root.clone().unwrap_or_else(|| PathBuf::from(HOME).join(format!("once-{}", std::process::id())));
    let mut config = Common { data_root: Some(root), ..common }.load()?;
    // Beside whatever else runs here.
    config.server.port = 0;
    config.rehearsal.port = 0;

    let started = Instant::now();
    let goals = perform(config.clone()).await?;
    let verified = offline::verified(&config, &Verify::default()).await.context("the chains cannot be verified")?;
    let ok = verified.ok && !goals.is_empty() && goals.iter().all(|goal| goal.state == GoalState::Done);
    let seconds = started.elapsed().as_secs_f64();
    let shown = Shown { ok, seconds, goals, verified, data_root: config.data_root.clone() };
    let own = rooms::own_key(&config);
    out.answer(&shown, |shown| format!("{}\n{}", table(shown), check::text(&shown.verified, own.as_ref())));
    if ok && !kept {
        // Only what was made here, and only when nobody needs to look into it.
        std::fs::remove_dir_all(&config.data_root).context("the data root cannot be removed")?;
    } else if !out.json {
        print::line(&format!("\nIt is all in {}", config.data_root.display()));
    }
    Ok(Ended::well_if(ok))
}

/// Runs a whole server for it and ends it in good order, so that the heads are signed.
async fn perform(config: Config) -> anyhow::Result<Vec<Line>> {
    let serving = Serving::start(config, Stderr::Warnings).await?;
    let mut signals = Signals::listen()?;
    let lines = tokio::select! {
        lines = work(&serving) => lines,
        name = signals.next() => Err(anyhow::anyhow!("ended by {name} before the work was done")),
        why = serving.rooms.company.fallen() => Err(anyhow::anyhow!("the company cannot go on: {why}")),
    };
    serving.end(&mut signals).await;
    lines
}

async fn work(serving: &Serving) -> anyhow::Result<Vec<Line>> {
    let stage = Stage::of(&serving.rooms);
    let begun_ms = serving.rooms.world.now_ms();
    let bar = goal::spinner();
    let watch = |what: &str| bar.set_message(print::short(what, 100));
    let cast = Cast::gather(&serving.rooms).await?;
    let mut goals = stage.open(&cast).await?;
    let all = async {
        stage.until_over(&goals, watch).await?;
        goals.push(stage.close(&cast).await?);
        stage.until_over(&goals[3..], watch).await
    };
    let in_time = tokio::time::timeout(LIMIT, all).await;
    bar.finish_and_clear();
    match in_time {
        Ok(done) => done.map(|_| ())?,
        Err(_) => {
            let _ = writeln!(std::io::stderr(), "not done within {} s", LIMIT.as_secs());
        }
    }
    let mut lines = Vec::new();
    for id in goals {
        let found = stage.db.goal(id).await?.context("a goal that was given is not there")?;
        let name = if found.persona == cast.livia.id { &cast.livia.name } else { &cast.jason.name };
        let filter = ReceiptFilter { goal: Some(id), limit: 1_000, ..ReceiptFilter::default() };
        let earlier = found.created_ms < begun_ms;
        lines.push(Line { earlier, ..line(name, found, &stage.db.receipts(filter).await?) });
    }
    Ok(lines)
}

fn line(persona: &str, goal: Goal, receipts: &[Receipt]) -> Line {
    let bodies = || receipts.iter().filter_map(|receipt| receipt.body.as_ref());
    let kinds: BTreeSet<_> =
        bodies().flat_map(|body| &body.artifacts).map(|artifact| artifact.kind.to_string()).collect();
    let held = receipts.iter().filter(|receipt| {
        let asserts = receipt.tool.as_deref().is_some_and(|tool| tool.starts_with("browser_expect"));
        asserts
            && receipt.phase == Some(Phase::Outcome)
            && receipt.body.as_ref().is_some_and(|body| body.error.is_none())
    });
    let held = held.count();
    let mut proofs: Vec<_> = kinds.into_iter().filter(|kind| kind != "thumbnail").collect();
    if held > 0 {
        proofs.push(format!("{held} expected"));
    }
    if goal.proof.read_back.is_some() && goal.state == GoalState::Done {
        proofs.push("read back".to_owned());
    }
    let said = goal.result.or(goal.last_error);
    Line {
        persona: persona.to_owned(),
        goal: goal.title,
        state: goal.state,
        receipts: receipts.len(),
        proofs,
        said,
        earlier: false,
    }
}

fn table(shown: &Shown) -> String {
    let row = |line: &Line| {
        let said = print::short(line.said.as_deref().unwrap_or_default(), 70);
        let goal = print::short(&line.goal, 40);
        [line.persona.clone(), goal, line.state.to_string(), line.receipts.to_string(), line.proofs.join(", "), said]
    };
    let rows: Vec<_> = shown.goals.iter().map(row).collect();
    let goals = print::table(["persona", "goal", "state", "receipts", "proofs", "said"], &rows);
    let done = shown.goals.iter().filter(|line| line.state == GoalState::Done).count();
    let earlier = shown.goals.iter().filter(|line| line.earlier).count();
    let hint = match earlier {
        0 => String::new(),
        some => {
            format!(" ({some} by an earlier start on this data root: give another --data-root to see it done anew)")
        }
    };
    format!("{goals}\n\n{done} of {} done and proven in {:.1} s{hint}", shown.goals.len(), shown.seconds)
}
