//! Replay: a run is carried out again by the same code, and everything from outside is answered from its receipts.
//!
//! Nothing is performed and nothing is written. The run asks for the time, for the result of a call, for what its journal
//! says, and gets what is on record (`tape.rs`); what it would write is held against what was written. So a replay shows
//! that the receipts follow from what the run was told, and finds the first one that does not. What people did meanwhile
//! (a cancellation, a word about an effect whose end nobody saw) is taken as told.
//!
//! A run that was interrupted is replayed in its stretches: each begins with the receipt that opened it, which holds what
//! the run was told at that moment (`opening.rs`), and ends where the record of it ends.

mod difference;
mod opening;
mod questions;
mod records;
mod tape;

use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use self::difference::Difference;
pub(super) use self::{opening::Opening, tape::Tape};
use self::{
    records::{Checked, Told},
    tape::{Stretch, found_lost_later},
};
use super::{Now, RunEnd, Runner, attempt::Attempt, broker::Broker, policy, stage::Stage};
use crate::{
    domain::{Limits, Message, Persona, Phase, Receipt, Run, RunId, RunState, StepIndex},
    evidence::Evidence,
    ports::{Blobs, Ports, Records, Unavailable, Waiting},
    scheduler::HostBook,
};

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    pub run: RunId,
    /// Receipts that came out again as they are on record, byte for byte in their bodies.
    pub equal: usize,
    /// Receipts of people about the run, taken as told.
    pub told: usize,
    /// How often the run was begun or carried on.
    pub stretches: usize,
    /// The first receipt that does not come out again; none: all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

impl Replayed {
    /// One line for people.
    pub fn said(&self) -> String {
        match &self.difference {
            None => format!("all {} receipts came out again", self.equal),
            Some(Difference { seq: Some(seq), step, .. }) => {
                format!("receipt {seq}{} does not come out again", at_step(*step))
            }
            Some(Difference { seq: None, step, .. }) => {
                format!("it goes on{} where the record ends", at_step(*step))
            }
        }
    }
}

/// Why a run cannot be replayed at all.
#[derive(Debug, thiserror::Error)]
pub enum NoReplay {
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    #[error("run {0} is under way: wait until it ends or stands still")]
    UnderWay(RunId),
    #[error("run {0} does not say what it was told when it began: it was carried before runs could be replayed")]
    NotRecorded(RunId),
    #[error("receipt {seq}{} was erased, so nobody can say what the run was told", at_step(*.step))]
    Erased { seq: i64, step: Option<StepIndex> },
    #[error("receipt {seq} of the goal{} is not what was written: its body or header does not fit its hash", at_step(*.step))]
    Unsound { seq: i64, step: Option<StepIndex> },
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn at_step(step: Option<StepIndex>) -> String {
    step.map(|step| format!(" (step {})", step + 1)).unwrap_or_default()
}

/// What a replay reads: records and artifacts, and the limits of the company for what no receipt depends on.
#[derive(Clone)]
pub struct Library {
    pub records: Arc<dyn Records>,
    pub blobs: Arc<dyn Blobs>,
    pub limits: Limits,
}

/// Replays a run. `under_way`: also one that is not over nor parked, as far as its record goes.
pub async fn replay(library: &Library, id: RunId, under_way: bool) -> Result<Replayed, NoReplay> {
    let run = library.records.run(id).await?.ok_or(NoReplay::NoSuchRun(id))?;
    if run.state == RunState::Running && !under_way {
        return Err(NoReplay::UnderWay(id));
    }
    let all = library.records.goal_receipts(run.goal).await?;
    check(library, &run, &all).await?;
    let mut own: Vec<Receipt> = all.iter().filter(|receipt| receipt.run == Some(id)).cloned().collect();
    let told = found_lost_later(&own);
    own.truncate(own.len() - told);
    let persona = library.records.persona(run.persona).await?.ok_or(NoReplay::NotRecorded(id))?;
    let message = library.records.message_of(run.goal).await?.ok_or(NoReplay::NotRecorded(id))?;
    let stretches = Stretch::all(&own, &run).ok_or(NoReplay::NotRecorded(id))?;
    let mut replayed = Replayed { run: id, equal: 0, told, stretches: stretches.len(), difference: None };
    for stretch in stretches {
        let first = own[stretch.range.start].seq;
        let before: Vec<Receipt> = all.iter().filter(|receipt| receipt.seq < first).cloned().collect();
        let opening = Opening::read(&own[stretch.range.start], &Checked(library.blobs.clone())).await;
        let opening = opening.ok_or(NoReplay::NotRecorded(id))?;
        let (persona, message) = (opening.persona(&persona), Message { falls: opening.falls, ..message.clone() });
        let tape = Arc::new(Tape::new(own[stretch.range.clone()].to_vec(), &stretch));
        Scene { library, run: &run, opening, persona, message, before, tape: tape.clone(), stretch: &stretch }
            .carry()
            .await;
        let read = tape.read_out();
        replayed.equal += read.equal;
        replayed.told += read.told;
        if read.difference.is_some() {
            replayed.difference = read.difference;
            break;
        }
    }
    Ok(replayed)
}

/// What was erased cannot be told again, and what was changed must not be.
async fn check(library: &Library, run: &Run, all: &[Receipt]) -> Result<(), NoReplay> {
    let last = all.iter().rev().find(|receipt| receipt.run == Some(run.id)).map_or(0, |receipt| receipt.seq);
    let step_of = |seq: i64| all.iter().find(|receipt| receipt.seq == seq).and_then(|receipt| receipt.step);
    if let Some(seq) = library.records.unsound(run.goal).await?.filter(|seq| *seq <= last) {
        return Err(NoReplay::Unsound { seq, step: step_of(seq) });
    }
    let erased = all.iter().find(|receipt| receipt.seq <= last && receipt.body.is_none());
    erased.map_or(Ok(()), |receipt| Err(NoReplay::Erased { seq: receipt.seq, step: receipt.step }))
}

/// One stretch, with everything it is replayed from.
struct Scene<'a> {
    library: &'a Library,
    run: &'a Run,
    opening: Opening,
    persona: Persona,
    message: Message,
    before: Vec<Receipt>,
    tape: Arc<Tape>,
    stretch: &'a Stretch,
}

impl Scene<'_> {
    async fn carry(self) {
        let (runner, records) = self.runner();
        let (persona, streak) = (records.persona.clone(), self.opening.streak);
        let work = Waiting { message: self.message.clone(), goal: self.opening.goal.clone() };
        let carried = async {
            let (stop, now) = (CancellationToken::new(), Now::default());
            let begun = Attempt::begin(&runner, persona.clone(), work.clone(), streak, stop, now, None).await;
            match begun {
                Ok(mut attempt) => attempt.carry().await,
                Err(end) => end,
            }
        };
        let _end: RunEnd = tokio::select! {
            biased;
            () = self.tape.cut_off() => RunEnd::Stopped,
            end = Box::pin(carried) => end,
        };
        if let Some(text) = &self.stretch.fell
            && self.tape.goes_on_after_fall()
        {
            let work = Waiting { goal: self.opening.begun_goal(self.run), ..work };
            Box::pin(runner.after_panic(persona, Arc::new(work), text.clone())).await;
        }
        self.tape.close();
    }

    fn runner(&self) -> (Runner, Arc<Told>) {
        let Library { records, blobs, limits } = self.library;
        let limits = Arc::new(self.opening.limits.over(limits));
        let told = Arc::new(Told {
            tape: self.tape.clone(),
            real: records.clone(),
            persona: Arc::new(self.persona.clone()),
            message: self.message.clone(),
            run: self.run.clone(),
            goal: self.opening.begun_goal(self.run),
            resumed: self.opening.resumed,
            streak: self.opening.streak,
            before: self.before.clone(),
        });
        let tape = self.tape.clone();
        let evidence = Evidence::told(told.clone(), limits.node.clone(), move |commit| tape.commit(commit));
        let ports = Ports {
            journal: told.clone(),
            records: told.clone(),
            performer: told.clone(),
            blobs: Arc::new(Checked(blobs.clone())),
            world: told.clone(),
        };
        let broker = Broker {
            ports,
            evidence,
            node: limits.node.clone(),
            standing: policy::standing_rules(&limits.standing_hosts).into(),
            hosts: HostBook::default(),
            step_limit: limits.step,
            record: Some(self.tape.clone()),
        };
        (Runner { broker, stage: Stage::Told(self.tape.clone()), limits, colleagues: Some(told.clone()) }, told)
    }
}

/// The tool whose outcome is what a person says.
const ASK_HUMAN: &str = "ask_human";

/// Whether a person wrote this about a run.
fn is_told(receipt: &Receipt) -> bool {
    let said = |name: &str| receipt.body.as_ref().and_then(|body| body.data.get(name));
    // What another run was told, this one took from its record.
    let by = said("by").filter(|_| said("forked_from").is_none()).and_then(serde_json::Value::as_str);
    let says = match receipt.phase {
        Some(Phase::Decision | Phase::Reconciled) => true,
        // A person's answer is what came of the step that asked.
        Some(Phase::Outcome) => receipt.tool.as_deref() == Some(ASK_HUMAN),
        _ => false,
    };
    says && by.is_some_and(|by| by != "read-back")
}
