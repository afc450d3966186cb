//! The promises of the evidence actor, with the clock stopped.

mod outages;
mod pens;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ed25519_dalek::SigningKey;
use futures::{FutureExt, future::join_all};
use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio::{
    sync::{broadcast::error::TryRecvError, oneshot},
    task::JoinHandle,
    time::Instant,
};

use super::{chain::Heads, *};
use crate::{
    domain::{ChainId, Draft, PersonaId, Phase, Run, RunId, RunState},
    ports::{Change, Guard, Records, Written},
    testing::{MemoryStore, TestWorld, chain, draft, goal, node, persona},
};

struct Desk {
    evidence: Evidence,
    task: JoinHandle<()>,
    store: Arc<MemoryStore>,
    world: Arc<TestWorld>,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

async fn desk() -> Desk {
    let (store, world) = (Arc::<MemoryStore>::default(), Arc::new(TestWorld::new(3)));
    let setup = Setup { journal: store.clone(), world: world.clone(), key: key(), node: node() };
    let (evidence, task) = Evidence::spawn(setup).await.unwrap();
    Desk { evidence, task, store, world }
}

impl Desk {
    fn commit(&self, n: u128, phase: Option<Phase>) -> Commit {
        Commit { receipts: vec![draft(&*self.world, chain(n), phase, "did")], ..Commit::default() }
    }

    /// Records in a task of its own.
    fn recording(&self, commit: Commit) -> JoinHandle<Result<Committed, RecordError>> {
        let evidence = self.evidence.clone();
        tokio::spawn(async move { evidence.record(commit).await })
    }

    /// The store holds `n` receipts, and a verifier finds nothing wrong with them.
    fn is_sound(&self, n: usize) {
        let mut verifier = verify::Verifier::new(vec![key().verifying_key()]);
        self.store.checkpoints().iter().for_each(|head| verifier.checkpoint(head));
        self.store.rows().iter().for_each(|row| verifier.receipt(&row.view()));
        let report = verifier.finish();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.receipts, n as u64);
    }

    async fn trouble_is(&self, expected: bool) {
        self.evidence.trouble().wait_for(|trouble| trouble.is_some() == expected).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_durable_before_anyone_sees_it() {
    let desk = desk().await;
    let mut live = desk.evidence.subscribe();
    let hold = desk.store.hold_writes().await;
    let recording = desk.recording(desk.commit(1, Some(Phase::Outcome)));
    desk.store.asked(1).await;
    assert!(!recording.is_finished());
    assert_eq!(live.try_recv(), Err(TryRecvError::Empty));

    drop(hold);
    let committed = recording.await.unwrap().unwrap();
    assert_eq!(*live.recv().await.unwrap(), committed.receipts[0]);
    assert_eq!(desk.store.receipts(), committed.receipts);
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_a_write_shares_the_next_up_to_a_limit() {
    let desk = desk().await;
    let mut live = desk.evidence.subscribe();
    let hold = desk.store.hold_writes().await;
    let first = desk.recording(desk.commit(1, None));
    desk.store.asked(1).await;
    let many = join_all((0..600).map(|n| desk.evidence.record(desk.commit(n % 50, None))));
    let mut many = std::pin::pin!(tokio::task::unconstrained(many));
    assert!(many.as_mut().now_or_never().is_none(), "all are handed in, none is answered");

    drop(hold);
    assert!(first.await.unwrap().is_ok());
    assert!(many.await.iter().all(Result::is_ok));
    assert_eq!(desk.store.batches(), [1, 512, 88]);
    for pos in 1..=601 {
        assert_eq!(live.recv().await.unwrap().pos, pos, "live in the order of the log");
    }
    desk.is_sound(601);
}

#[tokio::test(start_paused = true)]
async fn a_refused_commit_is_refused_alone() {
    let desk = desk().await;
    let nobody = Guard::PersonaExists(PersonaId(uuid::Uuid::from_u128(1)));
    let refused = Commit { guards: vec![nobody.clone()], ..desk.commit(1, Some(Phase::Outcome)) };
    // They come while another is written, and share the next transaction.
    let hold = desk.store.hold_writes().await;
    let writing = desk.recording(desk.commit(2, None));
    desk.store.asked(1).await;
    let all = async {
        tokio::join!(
            desk.evidence.record(desk.commit(1, None)),
            desk.evidence.record(refused),
            desk.evidence.record(desk.commit(1, None)),
        )
    };
    let mut all = std::pin::pin!(all);
    assert!(all.as_mut().now_or_never().is_none());
    drop(hold);
    let (before, refused, after) = all.await;
    writing.await.unwrap().unwrap();
    assert!(matches!(refused, Err(RecordError::Outdated(Outdated { guard })) if guard == nobody));
    assert_eq!((before.unwrap().receipts[0].seq, after.unwrap().receipts[0].seq), (1, 2));
    assert_eq!(desk.store.batches(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn every_head_is_signed_within_a_second() {
    let desk = desk().await;
    for n in 1..=3 {
        desk.evidence.record(desk.commit(n, None)).await.unwrap();
    }
    assert!(desk.store.checkpoints().is_empty());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let signed = desk.store.checkpoints();
    assert_eq!(signed.len(), 3);
    assert_eq!(signed.iter().map(|head| head.seq).collect::<Vec<_>>(), [1, 1, 1]);

    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(desk.store.batches().len(), 4, "an idle company writes nothing");
    desk.evidence.record(desk.commit(1, None)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(desk.store.checkpoints()[3].seq, 2);
    desk.is_sound(4);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_is_signed_at_once() {
    let desk = desk().await;
    let persona = persona(&*desk.world, "ada");
    let goal = goal(&*desk.world, persona.id);
    let run = Run {
        id: RunId(desk.world.new_id()),
        goal: goal.id,
        persona: persona.id,
        attempt: 1,
        state: RunState::Running,
        started_ms: 0,
        ended_ms: None,
        error: None,
        trace: goal.trace,
        waited_ms: 0,
        first_seq: 0,
        last_seq: None,
    };
    let ends = Change::RunMoved { id: run.id, state: RunState::Done, ended_ms: Some(1), error: None };
    let receipt = || vec![draft(&*desk.world, ChainId::Persona(persona.id), Some(Phase::Outcome), "did")];
    let begins = vec![
        Change::PersonaCreated(Box::new(persona.clone())),
        Change::GoalAdded(Box::new(goal)),
        Change::RunStarted(Box::new(run)),
    ];
    let began = Instant::now();
    desk.evidence.record(desk.commit(1, None)).await.unwrap();
    desk.evidence.record(Commit { changes: begins, receipts: receipt(), guards: Vec::new() }).await.unwrap();
    desk.evidence.record(Commit { changes: vec![ends], receipts: receipt(), guards: Vec::new() }).await.unwrap();
    desk.store.asked(4).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    let signed = desk.store.checkpoints();
    assert_eq!((signed.len(), &signed[0].chain, signed[0].seq), (1, &ChainId::Persona(persona.id), 2));
    assert_eq!((desk.store.runs()[0].first_seq, desk.store.runs()[0].last_seq), (1, Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_loses_the_answer_not_the_transaction() {
    let desk = desk().await;
    let hold = desk.store.hold_writes().await;
    let writing = desk.recording(desk.commit(1, Some(Phase::Intent)));
    desk.store.asked(1).await;
    let (told, poked) = oneshot::channel();
    let then = |committed: &Committed| told.send(committed.receipts[0].seq).unwrap();
    assert!(desk.evidence.record_then(desk.commit(2, None), then).now_or_never().is_none());
    let mut queued = Box::pin(desk.evidence.record(desk.commit(3, Some(Phase::Intent))));
    assert!(queued.as_mut().now_or_never().is_none());
    drop(queued);
    writing.abort();

    drop(hold);
    assert_eq!(poked.await, Ok(1), "whoever must be poked is poked");
    desk.evidence.close().await.unwrap();
    assert_eq!(desk.store.chain(&chain(1)).len(), 1, "what was being written is written");
    assert_eq!(desk.store.chain(&chain(3)).len(), 0, "nothing is begun that nobody waits for");
}

#[tokio::test(start_paused = true)]
async fn closing_writes_what_was_handed_in_and_signs_the_heads() {
    let mut desk = desk().await;
    let task = std::mem::replace(&mut desk.task, tokio::spawn(async {}));
    let hold = desk.store.hold_writes().await;
    let many = join_all((0..700).map(|n| desk.evidence.record(desk.commit(n, None))));
    let mut many = std::pin::pin!(tokio::task::unconstrained(many));
    assert!(many.as_mut().now_or_never().is_none());
    drop(hold);
    desk.evidence.close().await.unwrap();
    assert!(many.await.iter().all(Result::is_ok));
    assert_eq!(desk.store.checkpoints().len(), 700);
    desk.is_sound(700);
    assert!(matches!(desk.evidence.record(desk.commit(1, None)).await, Err(RecordError::Ended)));
    desk.evidence.close().await.unwrap();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn closing_says_what_a_store_that_is_gone_did_not_take() {
    let desk = desk().await;
    let _outage = desk.store.fail_until_told();
    let lost = desk.recording(desk.commit(1, Some(Phase::Outcome)));
    desk.trouble_is(true).await;
    let unwritten = desk.evidence.close().await.unwrap_err();
    assert_eq!(unwritten.commits, 1);
    assert!(unwritten.reason.contains("locked"));
    assert!(matches!(lost.await.unwrap(), Err(RecordError::Ended)));
}

#[tokio::test(start_paused = true)]
async fn evidence_ends_when_every_handle_is_gone() {
    let Desk { evidence, task, store, world } = desk().await;
    let receipts = vec![draft(&*world, chain(1), None, "did")];
    assert!(evidence.record(Commit { receipts, ..Commit::default() }).await.is_ok());
    drop(evidence);
    task.await.unwrap();
    assert_eq!(store.checkpoints().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_hourly_seal_covers_every_head() {
    let desk = desk().await;
    for n in [1, 2, 2] {
        desk.evidence.record(desk.commit(n, None)).await.unwrap();
    }
    let heads = desk.store.heads().await.unwrap();
    let seal = desk.evidence.seal_hour(&*desk.store, None).await.unwrap().unwrap();
    assert_eq!((heads.pos, heads.heads.len()), (3, 2));
    assert_eq!(seal.chain, ChainId::System(node()));
    assert_eq!(seal.body.unwrap().data["root"], checkpoint::root(&heads.heads).to_string());
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_sealed_when_something_was_written_in_it_and_only_then() {
    let Desk { evidence, store, world, task } = desk().await;
    let sealing = tokio::spawn(evidence.clone().keep_sealed(store.clone(), key()));
    let sealed = || store.chain(&ChainId::System(node())).len();
    let hour = Duration::from_secs(3_601);
    for (written, seals) in [(true, 1), (false, 1), (false, 1), (true, 2)] {
        if written {
            let receipts = vec![draft(&*world, chain(1), None, "did")];
            evidence.record(Commit { receipts, ..Commit::default() }).await.unwrap();
        }
        tokio::time::sleep(hour).await;
        assert_eq!(sealed(), seals);
    }
    evidence.close().await.unwrap();
    task.await.unwrap();
    sealing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_unsigned_is_signed_at_the_next_start() {
    let desk = desk().await;
    desk.store.seed(desk.commit(1, None)).unwrap();
    desk.store.seed(desk.commit(1, None)).unwrap();
    let mut elsewhere = desk.commit(1, None);
    elsewhere.receipts[0].chain = ChainId::System("other".parse().unwrap());
    desk.store.seed(elsewhere).unwrap();
    assert_eq!(desk.evidence.sign_left_over(&*desk.store, &key()).await.unwrap(), 1, "not for another node");
    assert_eq!(desk.store.checkpoints()[0].seq, 2, "the head covers what lies before it");
    assert_eq!(desk.evidence.sign_left_over(&*desk.store, &key()).await.unwrap(), 0);
    desk.evidence.record(desk.commit(1, None)).await.unwrap();
    desk.evidence.close().await.unwrap();
    assert_eq!(desk.store.checkpoints().len(), 2);
    desk.is_sound(4);
}

/// Breaks its promises.
#[derive(Clone, Copy)]
enum Fault {
    Falls,
    AnswersTooLittle,
    BreaksChains,
}

struct BadJournal {
    fault: Fault,
    /// On the thread of the one who asks.
    here: bool,
}

impl Fault {
    fn answer(self, commits: usize) -> Written {
        let world = TestWorld::new(1);
        match self {
            Self::Falls => panic!("the key cannot be read"),
            Self::AnswersTooLittle => Ok(Vec::new()),
            Self::BreaksChains => {
                let mut heads = chain::Heads::new(5);
                let linked = heads.begin().link(draft(&world, chain(1), None, "did")).to_receipt();
                Ok((0..commits).map(|_| Ok(Committed { receipts: vec![linked.clone(), linked.clone()] })).collect())
            }
        }
    }
}

#[async_trait]
impl Journal for BadJournal {
    async fn write(&self, batch: Vec<Commit>) -> Written {
        self.fault.answer(batch.len())
    }

    fn write_here(&self, commit: Commit) -> Result<Written, Commit> {
        if self.here { Ok(self.fault.answer(1)) } else { Err(commit) }
    }
}

/// Says when its child has failed.
struct Watcher;

#[ractor::async_trait]
impl Actor for Watcher {
    type Msg = ();
    type State = Option<oneshot::Sender<String>>;
    type Arguments = oneshot::Sender<String>;

    async fn pre_start(&self, _me: ActorRef<()>, tell: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(Some(tell))
    }

    async fn handle_supervisor_evt(
        &self,
        _me: ActorRef<()>,
        event: SupervisionEvent,
        tell: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, why) = event {
            tell.take().unwrap().send(why.to_string()).unwrap();
        }
        Ok(())
    }
}

async fn fails_with(fault: Fault, here: bool) -> String {
    let (tell, told) = oneshot::channel();
    let (watcher, _) = Actor::spawn(None, Watcher, tell).await.unwrap();
    let world = Arc::new(TestWorld::new(1));
    let setup = Setup { journal: Arc::new(BadJournal { fault, here }), world: world.clone(), key: key(), node: node() };
    let (evidence, _) = Evidence::spawn_linked(setup, watcher.get_cell()).await.unwrap();
    let receipts = vec![draft(&*world, chain(1), None, "did")];
    let answer = evidence.record(Commit { receipts, ..Commit::default() }).await;
    assert!(matches!(answer, Err(RecordError::Ended)), "{answer:?}");
    let why = told.await.unwrap();
    watcher.stop(None);
    why
}

#[tokio::test(start_paused = true)]
async fn a_broken_invariant_is_told_to_the_supervisor() {
    for here in [false, true] {
        assert!(fails_with(Fault::Falls, here).await.contains("the key cannot be read"));
        assert!(fails_with(Fault::AnswersTooLittle, here).await.contains("0 answers to 1 commits"));
        assert!(fails_with(Fault::BreaksChains, here).await.contains("does not continue"));
    }
}

#[tokio::test]
async fn a_draft_rendered_ahead_is_linked_like_any_other() {
    let world = TestWorld::new(1);
    let plain = draft(&world, chain(1), None, "did");
    let ahead = Draft { rendered: Some(canonical::render(&plain)), ..plain.clone() };
    assert_eq!(Heads::new(0).begin().link(ahead), Heads::new(0).begin().link(plain));
}
