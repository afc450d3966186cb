//! The steps by our driver alone.

use std::time::Duration;

use actors::{
    domain::{Call, GoalId, Persona, RunId, TraceId},
    ports::World as _,
};
use anyhow::ensure;
use greenroom::{browser::Browsers, secrets::Hidden};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Run, site::Site, steps};

/// As `browser.step_limit` of the defaults.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// A persona's browser, driven directly.
pub(super) struct Driver<'a> {
    site: &'a Site,
    browsers: Browsers,
    persona: Persona,
}

impl<'a> Driver<'a> {
    pub(super) fn start(site: &'a Site) -> anyhow::Result<Self> {
        Ok(Self { site, browsers: site.browsers("driver")?, persona: site.persona("driver") })
    }

    /// Once through the steps; every one must hold.
    pub(super) async fn run(&self) -> anyhow::Result<Run> {
        let world = &self.site.world;
        let (goal, run, trace) = (GoalId(world.new_id()), RunId(world.new_id()), TraceId(world.new_id()));
        let steps = steps::all();
        let (begun, mut took) = (Instant::now(), Vec::with_capacity(steps.len()));
        for (index, step) in steps.iter().enumerate() {
            let before = Instant::now();
            let call = Call {
                persona: self.persona.id,
                goal,
                run,
                step: u32::try_from(index)?,
                tool: step.tool(),
                args: step.to_args(),
                effect: step.effect(),
                key: String::new(),
                page: None,
                trace,
                limit: STEP_LIMIT,
            };
            let outcome =
                self.browsers.perform(&self.persona, &call, step, &Hidden::default(), CancellationToken::new()).await;
            ensure!(outcome.holds(), "step {}: {outcome:?}", index + 1);
            took.push(ms(before));
        }
        Ok(Run { ms: ms(begun), steps: took })
    }

    pub(super) async fn end(&self) {
        self.browsers.close_all().await;
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
