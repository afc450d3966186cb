//! What is written: the receipts of runs that act, an intent and an outcome in turn, and how their rate is taken.

use std::time::Duration;

use actors::{
    domain::{
        Body, ChainId, Draft, Effect, Goal, GoalId, PersonaId, Phase, ReceiptKind, Run, RunId, RunState, TraceId,
    },
    evidence::canonical,
    ports::{Change, Commit, Guard, World},
    testing,
};
use serde_json::json;
use tokio::time::Instant;

/// Not counted: buffers, files and write-ahead logs grow to their size.
pub const WARM: Duration = Duration::from_millis(250);

/// One persona's chain, and the run that writes to it.
pub struct Chain {
    persona: PersonaId,
    goal: GoalId,
    run: RunId,
    trace: TraceId,
    written: u32,
}

impl Chain {
    pub fn new(world: &dyn World) -> Self {
        Self {
            persona: PersonaId(world.new_id()),
            goal: GoalId(world.new_id()),
            run: RunId(world.new_id()),
            trace: TraceId(world.new_id()),
            written: 0,
        }
    }

    /// The goal and the run that the guards of its intents ask about.
    pub fn opening(&self, world: &dyn World) -> [Change; 2] {
        let goal = Goal { id: self.goal, trace: self.trace, ..testing::goal(world, self.persona) };
        let run = Run {
            id: self.run,
            goal: self.goal,
            persona: self.persona,
            attempt: 1,
            state: RunState::Running,
            started_ms: world.now_ms(),
            ended_ms: None,
            error: None,
            trace: self.trace,
            waited_ms: 0,
            first_seq: 0,
            last_seq: None,
        };
        [Change::GoalAdded(Box::new(goal)), Change::RunStarted(Box::new(run))]
    }

    /// The next commit as the broker makes it: an intent asks whether goal and run still go on, an outcome nothing.
    pub fn commit(&mut self, world: &dyn World) -> Commit {
        let draft = self.draft(world);
        let guards = match draft.phase {
            Some(Phase::Intent) => vec![Guard::GoalOpen(self.goal), Guard::RunLive(self.run)],
            _ => Vec::new(),
        };
        Commit { guards, receipts: vec![draft], ..Commit::default() }
    }

    /// The next receipt; header about 490 bytes, body about 350.
    pub fn draft(&mut self, world: &dyn World) -> Draft {
        let (step, is_intent) = (self.written / 2, self.written.is_multiple_of(2));
        self.written += 1;
        let label = "click `#proposal-form button[type=submit]`";
        let (phase, state, summary, data) = if is_intent {
            let args = json!({ "selector": "#proposal-form button[type=submit]", "timeout_ms": 10_000 });
            let key = format!("{}:{step}", self.goal);
            let page = "http://rehearsal.localhost/jobs/42/proposal";
            (Phase::Intent, None, "is about to", json!({ "step": label, "args": args, "key": key, "page": page }))
        } else {
            let details = "the form was sent; the page shows “Thank you, your proposal was received” in its heading";
            let page = "http://rehearsal.localhost/jobs/42/thanks";
            let data = json!({ "step": label, "ok": true, "details": details, "page": page, "took_ms": 112 });
            (Phase::Outcome, Some("done"), "did", data)
        };
        Draft {
            phase: Some(phase),
            state,
            tool: Some("browser_click".into()),
            effect: Some(Effect::Irreversible),
            goal: Some(self.goal),
            run: Some(self.run),
            step: Some(step),
            trace: Some(self.trace),
            ..Draft::new(
                ChainId::Persona(self.persona),
                world.now_ms(),
                testing::node(),
                ReceiptKind::Execution,
                world.salt(),
                Body { summary: format!("{summary} {label}"), data, ..Body::default() },
            )
        }
    }
}

/// The chains of a loop, in an order that has nothing to do with their age: ids of one moment follow each other, and a
/// round in the order of the key would be kinder to the index than producers are.
pub fn chains(world: &dyn World, count: usize) -> Vec<Chain> {
    let mut chains: Vec<_> = std::iter::repeat_with(|| Chain::new(world)).take(count).collect();
    chains.sort_by_cached_key(|chain| canonical::sha256(chain.persona.as_bytes()).0);
    chains
}

/// Rows per second of a loop: `WARM` is not counted, nor what a turn does before it starts its clock.
pub struct Rate {
    span: Duration,
    gone: Duration,
    rows: usize,
    busy: Duration,
}

impl Rate {
    /// Counts for this long.
    pub fn over(span: Duration) -> Self {
        Self { span, gone: Duration::ZERO, rows: 0, busy: Duration::ZERO }
    }

    /// Whether the loop goes on.
    pub fn goes_on(&self) -> bool {
        self.gone < WARM + self.span
    }

    /// A turn that began then has written its rows.
    pub fn turn(&mut self, rows: usize, began: Instant) {
        let took = began.elapsed();
        if self.gone >= WARM {
            self.rows += rows;
            self.busy += took;
        }
        self.gone += took;
    }

    /// Rows per second.
    pub fn per_second(&self) -> f64 {
        self.rows as f64 / self.busy.as_secs_f64()
    }
}
