//! What comes in on a simulated day: made from a seed, the same for every policy.

use std::ops::Range;

use fastrand::Rng;

use super::{Plan, real};
use crate::domain::Priority;

/// Mean of an ordinary run, and the longest; it does a step about every second.
const RUN_MS: f64 = 2_000.0;
const RUN_MOST_MS: f64 = 8_000.0;
const STEP_MS: u32 = 1_000;
/// One run in so many is a single slow step: ten seconds to a minute.
const SLOW_ONE_IN: u32 = 200;
const SLOW_FROM_MS: u32 = 10_000;
const SLOW_TO_MS: u32 = 60_000;
/// The part of the load that comes in bursts to many personas at once.
const IN_BURSTS: f64 = 0.35;
const BURST_WITHIN_MS: i64 = 2_000;
/// One in so many messages of a burst is the first line of talk in a room, of up to so many further ones.
const TALK_ONE_IN: u32 = 8;
const MOST_FURTHER: u32 = 3;
const INCIDENT_WITHIN_MS: i64 = 5_000;
/// How much busier the peak of the day is than its mean.
const DAILY_SWING: f64 = 0.4;
const HOUR_MS: f64 = 3_600_000.0;
const DAY_MS: f64 = 24.0 * HOUR_MS;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    pub at_ms: i64,
    pub persona: u32,
    pub priority: Priority,
    /// How long its run takes, if nothing goes wrong, and in how many steps.
    pub cost_ms: u32,
    pub steps: u8,
    /// Lines of one talk: those that wait at the same time coalesce.
    pub talk: Option<u32>,
}

/// Everything that arrives, in order.
pub(super) fn all(plan: &Plan) -> Vec<Arrival> {
    let mut made = Making { rng: Rng::with_seed(plan.seed), whom: Whom::new(plan), plan, arrivals: Vec::new() };
    made.steadily();
    if plan.bursts {
        let before = made.arrivals.len();
        made.in_bursts();
        let burst = before..made.arrivals.len();
        made.incidents();
        made.talks(burst);
    }
    if plan.faults.bad_personas {
        made.flood();
    }
    let mut arrivals = made.arrivals;
    arrivals.retain(|arrival| arrival.at_ms < plan.ends_ms());
    // Stable: what arrives at one moment stays in the order in which it was made.
    arrivals.sort_by_key(|arrival| arrival.at_ms);
    arrivals
}

/// Which personas get mail, and how dear it is to serve them.
struct Whom {
    popularity: Vec<f64>,
    /// Popular personas have no special number.
    order: Vec<u32>,
    dearness: Vec<f64>,
}

impl Whom {
    fn new(plan: &Plan) -> Self {
        // From a seed of its own, so that the same personas are popular whatever else is drawn.
        let mut rng = Rng::with_seed(!plan.seed);
        let mut whole = 0.0;
        let popularity = (1..=plan.personas).map(|rank| {
            whole += real(u64::from(rank)).powf(-plan.popularity);
            whole
        });
        let popularity = popularity.collect();
        let mut order: Vec<u32> = (0..plan.personas).collect();
        rng.shuffle(&mut order);
        let dearness = order.iter().map(|_| if plan.uneven_costs { 2_f64.powf(rng.f64() * 2.0 - 1.0) } else { 1.0 });
        let dearness = dearness.collect();
        Self { popularity, order, dearness }
    }

    fn popular(&self, rng: &mut Rng) -> u32 {
        let at = self.popularity.last().copied().unwrap_or(0.0) * rng.f64();
        let rank = self.popularity.partition_point(|upto| *upto < at).min(self.order.len() - 1);
        self.order[rank]
    }

    /// By how much the mean step is dearer because some personas are.
    fn mean_dearness(&self) -> f64 {
        let shares = self.popularity.iter().scan(0.0, |before, upto| Some(upto - std::mem::replace(before, *upto)));
        let weighed: f64 = shares.zip(&self.order).map(|(share, who)| share * self.dearness[*who as usize]).sum();
        weighed / self.popularity.last().copied().unwrap_or(1.0)
    }
}

struct Making<'a> {
    rng: Rng,
    whom: Whom,
    plan: &'a Plan,
    arrivals: Vec<Arrival>,
}

impl Making<'_> {
    /// Messages a millisecond that make the wanted load.
    fn rate(&self) -> f64 {
        let slow = f64::from(SLOW_FROM_MS + SLOW_TO_MS) / 2.0 / f64::from(SLOW_ONE_IN);
        let mean_ms = (RUN_MS + slow) * self.whom.mean_dearness();
        self.plan.load * real(self.plan.cap.get() as u64) / mean_ms
    }

    fn steadily(&mut self) {
        let rate = self.rate() * if self.plan.bursts { 1.0 - IN_BURSTS } else { 1.0 };
        let mut at_ms = 0.0;
        loop {
            let of_day: f64 = at_ms / DAY_MS;
            let busy = 1.0 + DAILY_SWING * (of_day * std::f64::consts::TAU).sin();
            at_ms += self.pause(1.0 / (rate * busy));
            if at_ms >= real_ms(self.plan.ends_ms()) {
                return;
            }
            let (persona, priority) = (self.whom.popular(&mut self.rng), self.priority());
            self.arrive(whole_ms(at_ms), persona, priority);
        }
    }

    /// Something is told to many at once.
    fn in_bursts(&mut self) {
        let cap = u32::try_from(self.plan.cap.get()).unwrap_or(u32::MAX);
        let (least, most) = (cap, cap.saturating_mul(4));
        let every_ms = f64::from(least + most) / 2.0 / (self.rate() * IN_BURSTS);
        let mut at_ms = self.pause(every_ms);
        while at_ms < real_ms(self.plan.ends_ms()) {
            for _ in 0..self.rng.u32(least..=most) {
                let priority = thousandths(self.rng.u16(300..=800));
                self.call_anybody(at_ms, BURST_WITHIN_MS, priority);
            }
            at_ms += self.pause(every_ms);
        }
    }

    /// Some go on talking. Their further lines come on top of the load: a talk is to be served once.
    fn talks(&mut self, burst: Range<usize>) {
        // From a seed of its own, so that all else is the same without them.
        self.rng = Rng::with_seed(self.plan.seed.rotate_left(16));
        for (number, at) in (0..).zip(burst) {
            if self.rng.u32(0..TALK_ONE_IN) > 0 {
                continue;
            }
            self.arrivals[at].talk = Some(number);
            let Arrival { at_ms, persona, .. } = self.arrivals[at];
            for _ in 0..self.rng.u32(1..=MOST_FURTHER) {
                let (later_ms, priority) = (self.rng.i64(0..BURST_WITHIN_MS), thousandths(self.rng.u16(300..=800)));
                self.arrive(at_ms + later_ms, persona, priority);
                if let Some(line) = self.arrivals.last_mut() {
                    line.talk = Some(number);
                }
            }
        }
    }

    /// About once an hour many personas are called urgently at once.
    fn incidents(&mut self) {
        let mut at_ms = self.pause(HOUR_MS);
        while at_ms < real_ms(self.plan.ends_ms()) {
            for _ in 0..self.plan.cap.get() * 3 {
                let priority = thousandths(self.rng.u16(801..=1_000));
                self.call_anybody(at_ms, INCIDENT_WITHIN_MS, priority);
            }
            at_ms += self.pause(HOUR_MS);
        }
    }

    /// One persona is called urgently every second.
    fn flood(&mut self) {
        for second in 0..self.plan.ends_ms() / 1_000 {
            self.arrive(second * 1_000, Plan::FLOODED, thousandths(900));
        }
    }

    fn call_anybody(&mut self, from_ms: f64, within_ms: i64, priority: Priority) {
        let at_ms = whole_ms(from_ms) + self.rng.i64(0..within_ms);
        let persona = self.rng.u32(0..self.plan.personas);
        self.arrive(at_ms, persona, priority);
    }

    fn arrive(&mut self, at_ms: i64, persona: u32, priority: Priority) {
        let slow = self.rng.u32(0..SLOW_ONE_IN) == 0;
        let cost_ms = if slow {
            f64::from(self.rng.u32(SLOW_FROM_MS..=SLOW_TO_MS))
        } else {
            // Log-normal, as work is: many short, few long.
            let normal = (-2.0 * (1.0 - self.rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * self.rng.f64()).cos();
            (RUN_MS * (0.6 * normal - 0.18).exp()).clamp(RUN_MS / 10.0, RUN_MOST_MS)
        };
        let cost_ms = whole_ms(cost_ms * self.whom.dearness[persona as usize]);
        let cost_ms = u32::try_from(cost_ms).unwrap_or(u32::MAX).max(1);
        let steps = if slow { 1 } else { u8::try_from(cost_ms.div_ceil(STEP_MS)).unwrap_or(u8::MAX) };
        self.arrivals.push(Arrival { at_ms, persona, priority, cost_ms, steps, talk: None });
    }

    fn priority(&mut self) -> Priority {
        thousandths(match self.rng.u32(0..100) {
            0..30 => self.rng.u16(50..=300),
            30..88 => self.rng.u16(301..=800),
            _ => self.rng.u16(801..=1_000),
        })
    }

    /// Until the next of events that come by chance, so many milliseconds apart in the mean.
    fn pause(&mut self, mean_ms: f64) -> f64 {
        -mean_ms * (1.0 - self.rng.f64()).ln()
    }
}

fn thousandths(thousandths: u16) -> Priority {
    Priority::try_from(thousandths).unwrap_or(Priority::BASE)
}

/// Times of a simulation are far below 2^52 ms.
#[expect(clippy::cast_precision_loss, reason = "a virtual clock of days")]
fn real_ms(ms: i64) -> f64 {
    ms as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a virtual clock of days; parts of a millisecond do not count")]
fn whole_ms(ms: f64) -> i64 {
    ms as i64
}
