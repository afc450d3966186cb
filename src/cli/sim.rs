//! `sim`: a simulated day under the scheduler's own policy, beside the usual alternatives. Needs no server.

mod chart;

use std::{io::Write as _, num::NonZeroUsize, path::PathBuf};

use actors::{
    domain::MOST_WAITING,
    scheduler::waits::Waits,
    simulation::{Faults, Outcome, Plan, Policy, Violation},
};
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{
    Ended, Misused, goal,
    print::{Out, table},
};

/// Lives through simulated days. Equal options give equal days.
#[derive(Debug, Args)]
pub struct Sim {
    /// How many personas there are.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(3..=10_000_000))]
    personas: u32,
    /// How long it lasts.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    /// Where chance begins.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// So many days, from this seed on; only the policy of this program.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Panics, hanging steps, restarts, a failing store, and three personas that behave badly.
    #[arg(long)]
    faults: bool,
    /// Work offered over what all slots could do.
    #[arg(long, default_value_t = 0.7)]
    load: f64,
    /// Slots.
    #[arg(long, default_value = "64", value_parser = slots)]
    cap: NonZeroUsize,
    /// Where waits, slots and energy over the first day are drawn; left out: `sim-<seed>.svg`, here.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn slots(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "must be a whole number, 1 or more")
}

/// One policy's day.
#[derive(Debug, Serialize)]
struct Day {
    policy: &'static str,
    seed: u64,
    #[serde(flatten)]
    outcome: Outcome,
}

/// The answer for programs.
#[derive(Debug, Serialize)]
struct Answer {
    ok: bool,
    days: Vec<Day>,
    /// What was broken, and by which seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    violation: Option<String>,
    /// Where the first day is drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    drawn: Option<String>,
    #[serde(skip)]
    again: String,
    #[serde(skip)]
    faults: bool,
}

/// What is checked after every event of a day under this program's policy, in the words of `actors::simulation`.
const HELD: [&str; 6] = [
    "the cap, and one slice a persona",
    "no slot free while somebody could use it",
    "nothing vanishes: messages in = waiting + in hand + done + failed + expired + dropped",
    "no inbox above its limit",
    "nothing begun, and nothing left waiting, past its serve_by",
    "nothing committed while the store fails, and urgent work first while its lane has room",
];

/// How the figures are counted.
const COUNTED: &str = "\
A wait is from the arrival of a message to its first step. Urgent is late what begins more than 10 s after it came; \
where its persona had a step in hand then, after the end of that step, for no step is cut short.";

/// What the rivals are spared.
const RIVALS: &str = "\
Polling and the tick had the same arrivals, the flood too, but no panics, hanging steps, restarts or failing store.";

impl Sim {
    /// Lives through the days and prints what they were like; a broken promise ends with code 1.
    pub fn run(&self, out: Out) -> anyhow::Result<Ended> {
        if !(self.load > 0.0 && self.load <= 100.0) {
            return Err(Misused(format!("--load {}: must be above 0 and at most 100", self.load)).into());
        }
        let shown = (!out.json).then(goal::spinner);
        let mut answer = self.answer(|plan, policy| {
            if let Some(shown) = &shown {
                shown.set_message(format!("seed {}, {}", plan.seed, name(policy)));
            }
            let outcome = plan.run(policy)?;
            if let Some(shown) = &shown {
                shown.suspend(|| writeln!(std::io::stderr(), "{}", ended(plan.seed, policy, &outcome)).ok());
            }
            Ok(outcome)
        });
        if let Some(shown) = shown {
            shown.finish_and_clear();
        }
        if let Some(day) = answer.days.first() {
            let file = self.svg.clone().unwrap_or_else(|| format!("sim-{}.svg", day.seed).into());
            let drawn = chart::draw(&day.outcome, self.cap.get(), self.hours);
            std::fs::write(&file, drawn).with_context(|| format!("{} cannot be written", file.display()))?;
            answer.drawn = Some(file.display().to_string());
        }
        out.answer(&answer, text);
        Ok(Ended::well_if(answer.ok))
    }

    fn answer(&self, live: impl Fn(&Plan, Policy) -> Result<Outcome, Violation>) -> Answer {
        let faults = self.faults;
        let mut answer =
            Answer { ok: true, days: Vec::new(), violation: None, drawn: None, again: String::new(), faults };
        if let Err(violation) = self.live(live, &mut answer.days) {
            answer.ok = false;
            answer.violation = Some(violation.to_string());
            answer.again = self.again(violation.seed);
        }
        answer
    }

    fn live(
        &self,
        live: impl Fn(&Plan, Policy) -> Result<Outcome, Violation>,
        days: &mut Vec<Day>,
    ) -> Result<(), Violation> {
        let last = self.seed.saturating_add(self.seeds - 1);
        for seed in self.seed..=last {
            let policy = Policy::Greenroom;
            days.push(Day { policy: name(policy), seed, outcome: live(&self.plan(seed), policy)? });
        }
        if self.seeds == 1 {
            for policy in [Policy::Polling, Policy::Tick] {
                days.push(Day { policy: name(policy), seed: self.seed, outcome: live(&self.plan(self.seed), policy)? });
            }
        }
        Ok(())
    }

    fn plan(&self, seed: u64) -> Plan {
        Plan {
            personas: self.personas,
            minutes: self.hours * 60,
            seed,
            cap: self.cap,
            load: self.load,
            popularity: 0.6,
            bursts: true,
            uneven_costs: false,
            most_waiting: MOST_WAITING,
            faults: Faults { accidents: self.faults, bad_personas: self.faults },
        }
    }

    /// The command that lives through one day again.
    fn again(&self, seed: u64) -> String {
        let Self { personas, hours, faults, load, cap, .. } = self;
        let faults = if *faults { " --faults" } else { "" };
        format!("greenroom sim --personas {personas} --hours {hours} --seed {seed} --load {load} --cap {cap}{faults}")
    }
}

const fn name(policy: Policy) -> &'static str {
    match policy {
        Policy::Greenroom => "greenroom",
        Policy::Polling => "polling",
        Policy::Tick => "30 s tick",
    }
}

/// A day that has ended, while others are lived through.
fn ended(seed: u64, policy: Policy, outcome: &Outcome) -> String {
    let (messages, late, urgent) = (outcome.ends.messages, outcome.urgent_late, outcome.waits[2].begun);
    format!("seed {seed}, {}: {messages} messages, urgent late {late} of {urgent}", name(policy))
}

fn text(answer: &Answer) -> String {
    let heading = [
        "policy",
        "seed",
        "messages",
        "expired",
        "failed",
        "dropped",
        "coalesced",
        "urgent late",
        "urgent p50 / p95 / p99",
        "middle p50 / p95 / p99",
        "low p50 / p95 / p99",
        "yields",
        "paused",
        "energy",
        "woken by clock",
        "slots used",
        "even",
    ];
    let rows: Vec<_> = answer.days.iter().map(row).collect();
    let mut text = if rows.is_empty() { String::new() } else { format!("{}\n\n{COUNTED}", table(heading, &rows)) };
    if answer.faults && answer.days.iter().any(|day| day.policy != name(Policy::Greenroom)) {
        text.push_str(&format!("\n{RIVALS}"));
    }
    if answer.ok {
        text.push_str(&format!("\n\nHeld at every event (greenroom):\n- {}", HELD.join("\n- ")));
    }
    if let Some(drawn) = &answer.drawn {
        text.push_str(&format!("\n\nDrawn: {drawn}"));
    }
    if let Some(violation) = &answer.violation {
        text.push_str(&format!("\n\nBroken: {violation}\nAgain:  {}", answer.again));
    }
    text
}

fn row(day: &Day) -> [String; 17] {
    let Outcome { ends, waits: [low, middle, urgent], .. } = &day.outcome;
    let all = |waits: &Waits| [waits.p50_ms, waits.p95_ms, waits.p99_ms].map(seconds).join(" / ");
    [
        day.policy.to_owned(),
        day.seed.to_string(),
        ends.messages.to_string(),
        ends.expired.to_string(),
        ends.failed.to_string(),
        ends.dropped.to_string(),
        ends.coalesced.to_string(),
        format!("{} of {} ({:.3} %)", day.outcome.urgent_late, urgent.begun, 100.0 * day.outcome.urgent_late_share()),
        all(urgent),
        all(middle),
        all(low),
        day.outcome.yields.to_string(),
        day.outcome.paused.to_string(),
        day.outcome.energy.map_or_else(|| "-".to_owned(), |energy| format!("{} %", energy.percent())),
        day.outcome.looks_by_clock.to_string(),
        format!("{:.1} %", 100.0 * day.outcome.utilisation),
        format!("{:.3}", day.outcome.jain),
    ]
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        sim: Sim,
    }

    fn parsed(line: &str) -> Sim {
        Line::try_parse_from(line.split(' ')).unwrap().sim
    }

    #[test]
    fn a_broken_promise_says_how_to_see_it_again() {
        let sim = parsed("sim --personas 40 --hours 1 --seed 7 --seeds 9 --faults --load 0.35 --cap 3");
        let answer = sim.answer(|plan, policy| match plan.seed {
            9 => Err(Violation { seed: 9, at_ms: 77, what: "a message is lost".to_owned() }),
            _ => plan.run(policy),
        });
        assert_eq!((answer.ok, answer.days.len()), (false, 2));
        let text = text(&answer);
        let (told, again) = text.rsplit_once("\nAgain:  greenroom ").unwrap();
        assert!(told.ends_with("\nBroken: seed 9, 77 ms after the start: a message is lost"), "{told}");
        let again = parsed(again);
        assert_eq!((again.plan(again.seed), again.seeds), (sim.plan(9), 1), "the same day, and that alone");
    }
}
