//! Whose turn it is: what the policy keeps on simulated days, beside the usual alternatives on the same arrivals, and
//! what one grant costs.

use std::{num::NonZeroUsize, time::Duration};

use actors::{
    domain::MOST_WAITING,
    simulation::{Faults, Outcome, Plan, Policy, Queue},
};
use anyhow::Context as _;
use tokio::time::Instant;

use crate::report::{Aim, Line, Report};

const SEED: u64 = 7;
const WAITING: u32 = 100_000;
const FEW_WAITING: u32 = 1_000;
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
        most_waiting: MOST_WAITING,
        faults: Faults::default(),
    })
}

fn usual_day(report: &mut Report) -> anyhow::Result<()> {
    let plan = day(0.7)?;
    let [ours, polling, tick] = Beside::each(&plan)?;
    let value = ours.took.as_secs_f64();
    report.add(Line {
        what: "a day of 10,000 personas, load 0.7, cap 64, simulated with its checks".into(),
        figure: format!("{value:.2} s"),
        ratio: over(value, polling.took.as_secs_f64(), "polling, without checks"),
        aim: Aim::AtMost { aim: 5.0, value },
    });
    let [ours, polling, tick] = [ours.outcome, polling.outcome, tick.outcome];
    late(report, "that day, urgent messages late (over 10 s)", 0.0, [&ours, &polling, &tick]);
    let [expired, by_polling, by_tick] = [&ours, &polling, &tick].map(|of| of.ends.expired);
    report.add(Line {
        what: "that day, messages that expired unbegun".into(),
        figure: format!("{expired} (polling {by_polling}, tick {by_tick})"),
        ratio: over(real(expired), real(by_polling), "polling"),
        aim: Aim::AtMost { aim: 0.0, value: real(expired) },
    });
    bad_personas(report, &plan, &ours)?;
    let [wakes, polled, ticked] = [&ours, &polling, &tick].map(|of| real(of.looks_by_clock.max(1)));
    report.add(Line {
        what: "that day, wake-ups by the clock".into(),
        figure: format!(
            "{wakes} (polling {polled}, {:.0} times; tick {ticked}, {:.0} times)",
            polled / wakes,
            ticked / wakes
        ),
        ratio: over(wakes, polled, "polling"),
        aim: Aim::AtLeast { aim: 500.0, value: polled / wakes },
    });
    Ok(())
}

/// A day under one policy, and how long it took to live through it.
struct Beside {
    outcome: Outcome,
    took: Duration,
}

impl Beside {
    /// The same day under ours, polling and the tick.
    fn each(plan: &Plan) -> anyhow::Result<[Self; 3]> {
        let live = |policy| {
            let began = Instant::now();
            anyhow::Ok(Self { outcome: plan.run(policy)?, took: began.elapsed() })
        };
        Ok([live(Policy::Greenroom)?, live(Policy::Polling)?, live(Policy::Tick)?])
    }
}

/// One that panics, one that hangs, one that is flooded: by how much the others' waits move, in the band where most.
fn bad_personas(report: &mut Report, plan: &Plan, quiet: &Outcome) -> anyhow::Result<()> {
    let faults = Faults { bad_personas: true, ..plan.faults };
    let bad = Plan { faults, ..plan.clone() }.run(Policy::Greenroom)?;
    let ratios = bad.waits.iter().zip(&quiet.waits).map(|(bad, quiet)| real(bad.p99_ms) / real(quiet.p99_ms.max(1)));
    let ratios: Vec<f64> = ratios.collect();
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    report.add(Line {
        what: "that day with three bad personas, the others' p99 wait over that without, the worst band".into(),
        figure: format!(
            "low {:.3}, middle {:.3}, urgent {:.3}; {} late",
            ratios[0], ratios[1], ratios[2], bad.urgent_late
        ),
        ratio: Some((worst, "that day without them")),
        aim: Aim::AtMost { aim: 1.1, value: worst },
    });
    Ok(())
}

fn full_day(report: &mut Report) -> anyhow::Result<()> {
    let [ours, polling, tick] = Beside::each(&day(0.95)?)?.map(|beside| beside.outcome);
    late(report, "load 0.95 (1.33 at the peak), urgent messages late", 0.000_2, [&ours, &polling, &tick]);
    Ok(())
}

/// Everybody always wants something: the least popular, too, wants more than its share.
fn overload(report: &mut Report, uneven_costs: bool, how: &str) -> anyhow::Result<()> {
    let cap = NonZeroUsize::new(8).context("a cap")?;
    let popularity = if uneven_costs { 0.3 } else { 0.0 };
    let faults = Faults::default();
    let minutes = 24 * 60;
    let plan = Plan {
        personas: 500,
        minutes,
        seed: SEED,
        cap,
        load: 8.0,
        popularity,
        bursts: false,
        uneven_costs,
        most_waiting: MOST_WAITING,
        faults,
    };
    let [ours, polling, tick] = Beside::each(&plan)?.map(|beside| beside.outcome.jain);
    report.add(Line {
        what: format!("eightfold overload, 500 personas, {how}: Jain's index of time used"),
        figure: format!("{ours:.4} (polling {polling:.4}, tick {tick:.4})"),
        ratio: over(ours, polling, "polling"),
        aim: Aim::AtLeast { aim: 0.995, value: ours },
    });
    Ok(())
}

/// A slice comes back, the next is granted, and who had it asks again.
fn grants(report: &mut Report) -> anyhow::Result<()> {
    let cap = NonZeroUsize::new(64).context("a cap")?;
    let each = |waiting: u32| {
        let mut queue = Queue::new(waiting, cap, SEED);
        (0..waiting).for_each(|_| queue.turn());
        let began = Instant::now();
        (0..TURNS).for_each(|_| queue.turn());
        (queue.waiting(), (began.elapsed() / TURNS).as_secs_f64() * 1e6)
    };
    let ((waiting, value), (_, few)) = (each(WAITING), each(FEW_WAITING));
    report.add(Line {
        what: format!("one turn (back, grant, ask again) with {waiting} waiting"),
        figure: format!("{value:.2} µs"),
        ratio: over(value, few, "that with 1,000"),
        aim: Aim::AtMost { aim: 2.0, value },
    });
    Ok(())
}

/// Urgent messages late: ours over polling's, and theirs.
fn late(report: &mut Report, what: &str, aim: f64, [ours, polling, tick]: [&Outcome; 3]) {
    let line = |what: &str, of: &Outcome| Line {
        what: what.to_owned(),
        figure: format!("{} of {} ({:.4} %)", of.urgent_late, of.waits[2].begun, of.urgent_late_share() * 100.0),
        ratio: None,
        aim: Aim::None,
    };
    let value = ours.urgent_late_share();
    let ratio = over(value, polling.urgent_late_share(), "polling");
    report.add(Line { ratio, aim: Aim::AtMost { aim, value }, ..line(what, ours) });
    report.add(line("  polling by cadence", polling));
    report.add(line("  a tick of 30 s", tick));
}

/// None: there is nothing to compare with.
fn over(value: f64, bound: f64, of: &'static str) -> Option<(f64, &'static str)> {
    (bound > 0.0).then(|| (value / bound, of))
}

/// Counts as figures; they are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "nobody reads the 16th digit")]
fn real(count: u64) -> f64 {
    count as f64
}
