//! Twenty steps in a real browser: by our driver with its checks, by playwright-core, and by a run that leaves
//! receipts. The same Chromium, the same site on this machine, the same steps, turn and turn about.

mod company;
mod driver;
mod playwright;
mod site;
mod steps;

use anyhow::Context as _;

use self::{company::Worker, driver::Driver, playwright::Playwright, site::Site};
use crate::report::{Aim, Line, Report};

/// Rounds that do not count: profiles, caches and compiled code get warm.
const WARM_UP: usize = 2;
const ROUNDS: usize = 11;

/// How long each took in one round, in milliseconds.
struct Round {
    driver: Run,
    receipts: f64,
    playwright: Option<Run>,
}

/// One way through the steps, in milliseconds.
#[derive(Debug, Clone, serde::Deserialize)]
struct Run {
    ms: f64,
    steps: Vec<f64>,
}

/// The part of the report about browsers.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(Box::pin(turn_about(report)))
}

async fn turn_about(report: &mut Report) -> anyhow::Result<()> {
    let Some(chromium) = greenroom::browser::find_chromium(std::path::Path::new("")).ok() else {
        report.add(not_measured("20 browser steps", "Chromium is not installed"));
        return Ok(());
    };
    let site = Site::open().await?;
    let mut playwright = Playwright::start(&chromium, &site).await;
    let driver = Driver::start(&site)?;
    let worker = Worker::start(&site).await?;
    let mut rounds = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        let theirs = match &mut playwright {
            Ok(playwright) => Some(playwright.run().await.context("Playwright did not get through")?),
            Err(_) => None,
        };
        let taken = Round { driver: driver.run().await?, receipts: worker.run().await?, playwright: theirs };
        if round >= WARM_UP {
            rounds.push(taken);
        }
    }
    worker.end().await;
    driver.end().await;
    if let Ok(playwright) = &mut playwright {
        playwright.end().await;
    }
    site.close().await;
    tell(report, &rounds, playwright.err());
    Ok(())
}

fn tell(report: &mut Report, rounds: &[Round], missing: Option<anyhow::Error>) {
    let driver = median(rounds.iter().map(|round| round.driver.ms));
    let receipts = median(rounds.iter().map(|round| round.receipts));
    let pairs = rounds.iter().filter_map(|round| Some((round.playwright.as_ref()?, &round.driver)));
    match missing {
        Some(why) => report.add(not_measured("20 browser steps by playwright-core", &format!("{why:#}"))),
        None => {
            let theirs = median(pairs.clone().map(|(theirs, _)| theirs.ms));
            report.add(line("20 browser steps by playwright-core", theirs, None, Aim::None));
        }
    }
    let ratio = (pairs.clone().count() > 0).then(|| median(pairs.clone().map(|(theirs, ours)| ours.ms / theirs.ms)));
    let aim = ratio.map_or(Aim::None, |value| Aim::AtMost { aim: 0.9, value });
    let of = "Playwright's, median of paired runs";
    report.add(line("20 browser steps by our driver, checks included", driver, ratio.map(|ratio| (ratio, of)), aim));
    let ratio = median(rounds.iter().map(|round| round.receipts / round.driver.ms));
    let of = "the driver's alone, median of paired runs";
    report.add(line("20 browser steps as a goal, receipts on SQLite", receipts, Some((ratio, of)), Aim::None));
    show_steps(&pairs.collect::<Vec<_>>());
}

/// Where the time goes, for whoever makes the driver faster.
fn show_steps(pairs: &[(&Run, &Run)]) {
    for at in 0..pairs.first().map_or(0, |(theirs, _)| theirs.steps.len()) {
        let theirs = median(pairs.iter().filter_map(|(theirs, _)| theirs.steps.get(at).copied()));
        let ours = median(pairs.iter().filter_map(|(_, ours)| ours.steps.get(at).copied()));
        eprintln!("    {:2} {:<17} Playwright {theirs:6.1} ms, ours {ours:6.1} ms", at + 1, steps::name(at));
    }
}

fn line(what: &str, ms: f64, ratio: Option<(f64, &'static str)>, aim: Aim) -> Line {
    Line { what: what.to_owned(), figure: format!("{ms:.0} ms"), ratio, aim }
}

fn not_measured(what: &str, why: &str) -> Line {
    Line { what: what.to_owned(), figure: format!("not measured: {why}"), ratio: None, aim: Aim::None }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
