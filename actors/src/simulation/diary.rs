//! Writes down what happens on a simulated day, until it is an [`Outcome`].

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Plan,
    outcome::{Ends, Outcome, Sample},
    real,
};
use crate::{
    domain::{GoalKind, Inner, InnerLife, Level, Priority},
    scheduler::{
        figures::jain,
        waits::{Band, Histogram},
    },
};

/// Urgent work begun later than this is late.
const LATE_MS: i64 = 10_000;
/// Stretches of the timeline: five minutes each of a day.
const SAMPLES: usize = 288;

/// What was seen so far.
pub(super) struct Diary<'a> {
    plan: &'a Plan,
    histograms: [Histogram; 3],
    used_ms: Vec<i64>,
    urgent_late: u64,
    pub(super) overstayed: u64,
    pub(super) looks_by_clock: u64,
    /// Personas that were paused.
    pub(super) paused: u64,
    /// Of these: by their circuit.
    pub(super) circuits: u64,
    /// Slices given to others between two steps.
    pub(super) yields: u64,
    /// Slot time and longest waits.
    samples: Vec<(i64, [Option<i64>; 3])>,
    /// How everybody feels, and at the end of each stretch the mean and the lowest energy; none: nobody asks.
    lives: Vec<Inner>,
    energy: Vec<(Level, Level)>,
    rules: InnerLife,
    began: Instant,
    sample_ms: i64,
    now_ms: i64,
}

impl<'a> Diary<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            histograms: Default::default(),
            used_ms: vec![0; plan.personas as usize],
            urgent_late: 0,
            overstayed: 0,
            looks_by_clock: 0,
            paused: 0,
            circuits: 0,
            yields: 0,
            samples: vec![(0, [None; 3]); SAMPLES],
            lives: Vec::new(),
            energy: Vec::new(),
            rules: InnerLife::default(),
            began: Instant::now(),
            sample_ms: (plan.ends_ms() / SAMPLES as i64).max(1),
            now_ms: 0,
        }
    }

    /// The same, with an inner life for everybody.
    pub(super) fn with_lives(plan: &'a Plan) -> Self {
        let mut diary = Self::new(plan);
        diary.lives = vec![Inner::rested(diary.began.into_std()); plan.personas as usize];
        diary
    }

    /// The virtual clock, as monotonic time.
    pub(super) fn instant(&self) -> Instant {
        self.began + Duration::from_millis(self.now_ms.unsigned_abs())
    }

    pub(super) fn work_begins(&mut self, persona: u32) {
        let now = self.instant().into_std();
        self.lives[persona as usize].work_begins(now, GoalKind::Browser, &self.rules);
    }

    /// Looks at everybody, once in a stretch.
    fn feel(&mut self) {
        let now = self.instant().into_std();
        let energies = || self.lives.iter().map(|life| life.look(0, now, &self.rules).energy);
        if let Some(lowest) = energies().min() {
            self.energy.push((Level::mean(energies()), lowest));
        }
    }

    fn sample(&mut self, at_ms: i64) -> &mut (i64, [Option<i64>; 3]) {
        let at = usize::try_from(at_ms / self.sample_ms).unwrap_or(0).min(SAMPLES - 1);
        &mut self.samples[at]
    }

    /// Time goes on while so many slots are in use.
    pub(super) fn until(&mut self, now_ms: i64, held: usize) {
        while self.now_ms < now_ms {
            let ends_ms = ((self.now_ms / self.sample_ms + 1) * self.sample_ms).min(now_ms);
            let slot_ms = (ends_ms - self.now_ms) * i64::try_from(held).unwrap_or(0);
            self.sample(self.now_ms).0 += slot_ms;
            self.now_ms = ends_ms;
            if ends_ms % self.sample_ms == 0 && self.energy.len() < SAMPLES {
                self.feel();
            }
        }
    }

    /// A message was begun for the first time now. Before `ready_ms` it could not be: its persona had a step in hand when
    /// it came, and no step is cut short. All else that kept it waiting counts, its persona's other work too.
    pub(super) fn begun(&mut self, persona: u32, priority: Priority, arrived_ms: i64, ready_ms: i64) {
        if self.plan.is_bad(persona) {
            return;
        }
        let (band, waited_ms) = (Band::of(priority), self.now_ms - arrived_ms);
        self.histograms[band as usize].note(waited_ms);
        self.urgent_late += u64::from(band == Band::Urgent && self.now_ms - ready_ms > LATE_MS);
        let longest = &mut self.sample(self.now_ms).1[band as usize];
        *longest = (*longest).max(Some(waited_ms));
    }

    /// A slice was given back now.
    pub(super) fn used(&mut self, persona: u32, ms: i64) {
        self.used_ms[persona as usize] += ms;
        let now = self.instant().into_std();
        if let Some(life) = self.lives.get_mut(persona as usize) {
            life.work_ends(now, &self.rules);
        }
    }

    pub(super) fn close(self, ends: Ends, open: u64) -> Outcome {
        let ratio = |part: i64, whole: i64| real(part.unsigned_abs()) / real(whole.unsigned_abs().max(1));
        let slots = i64::try_from(self.plan.cap.get()).unwrap_or(i64::MAX);
        let slot_ms: i64 = self.samples.iter().map(|(slot_ms, _)| slot_ms).sum();
        let sample = |((slot_ms, longest_ms), at): ((i64, _), usize)| Sample {
            from_ms: i64::try_from(at).unwrap_or(0) * self.sample_ms,
            slots: ratio(slot_ms, self.sample_ms),
            longest_ms,
            energy: self.energy.get(at).map(|(mean, _)| *mean),
            lowest_energy: self.energy.get(at).map(|(_, lowest)| *lowest),
        };
        let energies = || self.energy.iter().map(|(mean, _)| *mean);
        Outcome {
            ends,
            open,
            waits: Band::ALL.map(|band| self.histograms[band as usize].waits(band)),
            urgent_late: self.urgent_late,
            overstayed: self.overstayed,
            looks_by_clock: self.looks_by_clock,
            paused: self.paused,
            circuits: self.circuits,
            yields: self.yields,
            energy: energies().next().map(|_| Level::mean(energies())),
            jain: jain(&self.used_ms),
            utilisation: ratio(slot_ms, slots * self.plan.ends_ms()),
            timeline: self.samples.into_iter().zip(0..).map(sample).collect(),
        }
    }
}
