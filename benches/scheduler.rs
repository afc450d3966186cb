//! Whose turn it is: what the policy keeps on simulated days, beside the usual alternatives on the same arrivals, and
//! what one grant costs.

use std::{num::NonZeroUsize, time::Duration};

use actors::simulation::{Faults, Outcome, Plan, Policy, Queue};
use anyhow::Context as _;
use tokio::time::Instant;

use crate::report::{Aim, Line, Report};

const SEED: u64 = 7;
const WAITING: u32 = 100_000;
const TURNS: u32 = 1_000_000;

/// The part of the report about the scheduler.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    usual_day(report)?;
    full_day(report)?;
    for (uneven, how) in [(false, "alike"), (true, "cost and popularity differ")] {
        overload(report, uneven, how)?;
    }
    grants(report)
}

fn day(load: f64) -> anyhow::Result<Plan> {
    Ok(Plan {
        personas: 10_000,
        minutes: 24 * 60,
        seed: SEED,
        cap: NonZeroUsize::new(64).context("a cap")?,
        load,
        popularity: 0.6,
        bursts: true,
        uneven_costs: false,
        faults: Faults::default(),
    })
}

fn usual_day(report: &mut Report) -> anyhow::Result<()> {
    let plan = day(0.7)?;
    let began = Instant::now();
    let ours = plan.run(Policy::Greenroom)?;
    report.add(seconds("a day of 10,000 personas, load 0.7, cap 64, simulated with its checks", began.elapsed(), 5.0));
    let (polling, tick) = (plan.run(Policy::Polling)?, plan.run(Policy::Tick)?);
    report.add(late("that day, urgent messages late (over 10 s)", &ours, 0.0));
    report.add(Line { aim: Aim::None, ..late("  polling by cadence", &polling, 0.0) });
    report.add(Line { aim: Aim::None, ..late("  a tick of 30 s", &tick, 0.0) });
    report.add(Line {
        what: "that day, messages past their serve_by that did not expire then".into(),
        figure: format!("{} ({} expired)", ours.overstayed, ours.ends.expired),
        ratio: None,
        aim: Aim::AtMost { aim: 0.0, value: real(ours.overstayed) },
    });
    bad_personas(report, &plan, &ours)?;
    let fewer = real(polling.looks_by_clock) / real(ours.looks_by_clock.max(1));
    report.add(Line {
        what: "that day, wake-ups by the clock".into(),
        figure: format!("{} (polling {}, tick {})", ours.looks_by_clock, polling.looks_by_clock, tick.looks_by_clock),
        ratio: None,
        aim: Aim::AtLeast { aim: 500.0, value: fewer },
    });
    Ok(())
}

/// One that panics, one that hangs, one that is flooded: by how much the others' waits move, in the band where most.
fn bad_personas(report: &mut Report, plan: &Plan, quiet: &Outcome) -> anyhow::Result<()> {
    let faults = Faults { bad_personas: true, ..plan.faults };
    let bad = Plan { faults, ..plan.clone() }.run(Policy::Greenroom)?;
    let ratios = bad.waits.iter().zip(&quiet.waits).map(|(bad, quiet)| real(bad.p99_ms) / real(quiet.p99_ms.max(1)));
    let ratios: Vec<f64> = ratios.collect();
    report.add(Line {
        what: "that day with three bad personas, the others' p99 wait over that without, the worst band".into(),
        figure: format!(
            "low {:.3}, middle {:.3}, urgent {:.3}; {} late",
            ratios[0], ratios[1], ratios[2], bad.urgent_late
        ),
        ratio: None,
        aim: Aim::AtMost { aim: 1.1, value: ratios.into_iter().fold(0.0, f64::max) },
    });
    Ok(())
}

fn full_day(report: &mut Report) -> anyhow::Result<()> {
    let ours = day(0.95)?.run(Policy::Greenroom)?;
    report.add(late("load 0.95 (1.33 at the peak), urgent messages late", &ours, 0.000_2));
    Ok(())
}

/// Everybody always wants something: the least popular, too, wants more than its share.
fn overload(report: &mut Report, uneven_costs: bool, how: &str) -> anyhow::Result<()> {
    let cap = NonZeroUsize::new(8).context("a cap")?;
    let popularity = if uneven_costs { 0.3 } else { 0.0 };
    let faults = Faults::default();
    let minutes = 24 * 60;
    let plan =
        Plan { personas: 500, minutes, seed: SEED, cap, load: 8.0, popularity, bursts: false, uneven_costs, faults };
    let (ours, polling) = (plan.run(Policy::Greenroom)?, plan.run(Policy::Polling)?);
    report.add(Line {
        what: format!("eightfold overload, 500 personas, {how}: Jain's index of time used"),
        figure: format!("{:.4} (polling {:.4})", ours.jain, polling.jain),
        ratio: None,
        aim: Aim::AtLeast { aim: 0.995, value: ours.jain },
    });
    Ok(())
}

/// A slice comes back, the next is granted, and who had it asks again.
fn grants(report: &mut Report) -> anyhow::Result<()> {
    let cap = NonZeroUsize::new(64).context("a cap")?;
    let mut queue = Queue::new(WAITING, cap, SEED);
    (0..WAITING).for_each(|_| queue.turn());
    let began = Instant::now();
    (0..TURNS).for_each(|_| queue.turn());
    let each = began.elapsed() / TURNS;
    report.add(Line {
        what: format!("one turn (back, grant, ask again) with {} waiting", queue.waiting()),
        figure: format!("{:.2} µs", each.as_secs_f64() * 1e6),
        ratio: None,
        aim: Aim::AtMost { aim: 2.0, value: each.as_secs_f64() * 1e6 },
    });
    Ok(())
}

fn late(what: &str, outcome: &Outcome, aim: f64) -> Line {
    let share = outcome.urgent_late_share();
    Line {
        what: what.to_owned(),
        figure: format!("{} of {} ({:.4} %)", outcome.urgent_late, outcome.waits[2].begun, share * 100.0),
        ratio: None,
        aim: Aim::AtMost { aim, value: share },
    }
}

fn seconds(what: &str, took: Duration, aim: f64) -> Line {
    let value = took.as_secs_f64();
    Line { what: what.to_owned(), figure: format!("{value:.2} s"), ratio: None, aim: Aim::AtMost { aim, value } }
}

/// Counts as figures; they are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "nobody reads the 16th digit")]
fn real(count: u64) -> f64 {
    count as f64
}
