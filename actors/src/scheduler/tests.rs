//! Slices as values: whatever becomes of their holders, the cap holds and no slot is lost.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Wake},
};

use futures::FutureExt;
use uuid::Uuid;

use super::*;
use crate::{
    domain::{Priority, Weight},
    testing::TestWorld,
};

struct Nobody;

#[ractor::async_trait]
impl Actor for Nobody {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _me: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn scheduler(cap: usize) -> Scheduler {
    let (supervisor, _) = Actor::spawn(None, Nobody, ()).await.unwrap();
    let pace = Pace { default_per_1000_s: 500, sites: Vec::new() };
    let world = Arc::new(TestWorld::new(1));
    Scheduler::spawn(NonZeroUsize::new(cap).unwrap(), pace, world, supervisor.get_cell()).await.unwrap()
}

fn persona(n: u128) -> PersonaId {
    PersonaId(Uuid::from_u128(n))
}

async fn acquire(scheduler: &Scheduler, n: u128) -> Slice {
    scheduler.acquire(wish(scheduler, n, 500, 0)).await.unwrap()
}

/// What a persona wants that has waited so long already.
fn wish(scheduler: &Scheduler, n: u128, priority: u16, waited_ms: i64) -> Wish {
    let priority = Priority::try_from(priority).unwrap();
    let since_ms = scheduler.world.now_ms() - waited_ms;
    Wish { persona: persona(n), priority, weight: Weight::ORDINARY, since_ms, ready_ms: Some(since_ms) }
}

/// Waits for figures of this many holders and waiters.
async fn figures(scheduler: &Scheduler, held: usize, waiting: usize) {
    let mut figures = scheduler.figures();
    figures.wait_for(|figures| (figures.on_stage.len(), figures.waiting) == (held, waiting)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_cap_counts_holders_and_a_dropped_slice_is_the_next_ones() {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    let bo = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { acquire(&scheduler, 2).await }
    });
    figures(&scheduler, 1, 1).await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert!(!bo.is_finished(), "a slice is held as long as it is held");
    drop(ada);
    assert_eq!(bo.await.unwrap().persona(), persona(2));
    figures(&scheduler, 0, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_panics_or_is_aborted_frees_its_slot() {
    let scheduler = scheduler(1).await;
    let panicked = AssertUnwindSafe(async {
        let _slice = acquire(&scheduler, 1).await;
        panic!("as the test asked");
    });
    assert!(panicked.catch_unwind().await.is_err());
    let holder = tokio::spawn({
        let scheduler = scheduler.clone();
        async move {
            let _slice = acquire(&scheduler, 2).await;
            std::future::pending::<()>().await;
        }
    });
    figures(&scheduler, 1, 0).await;
    holder.abort();
    assert_eq!(acquire(&scheduler, 3).await.persona(), persona(3));
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_loses_its_place_and_no_slot() {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    let gives_up = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { acquire(&scheduler, 2).await }
    });
    figures(&scheduler, 1, 1).await;
    gives_up.abort();
    figures(&scheduler, 1, 0).await;
    drop(ada);
    acquire(&scheduler, 3).await;
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_long_already_goes_first() {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    let wait = |n, waited_ms| {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.acquire(wish(&scheduler, n, 500, waited_ms)).await.unwrap() })
    };
    let (fresh, old) = (wait(2, 0), wait(3, 60_000));
    figures(&scheduler, 1, 2).await;
    drop(ada);
    let old = old.await.unwrap();
    assert!(!fresh.is_finished());
    drop(old);
    fresh.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waited_behind_its_own_persona_is_late_from_when_it_was_ready() {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    drop(ada);
    let asks = |waited_ms| {
        let scheduler = scheduler.clone();
        async move { scheduler.acquire(wish(&scheduler, 1, 900, waited_ms)).await.unwrap() }
    };
    drop(asks(15_000).await);
    drop(asks(10_000).await);
    let told = scheduler.turn_figures().await.unwrap();
    assert_eq!((told.urgent_late, told.waits[2].p99_ms), (1, 0), "its slice was free at once");
}

#[tokio::test(start_paused = true)]
async fn figures_tell_what_was_granted_and_used() {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    let bo = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.acquire(wish(&scheduler, 2, 900, 0)).await.unwrap() }
    });
    figures(&scheduler, 1, 1).await;
    tokio::time::advance(Duration::from_secs(20)).await;
    drop(ada);
    let _bo = bo.await.unwrap();
    let told = scheduler.turn_figures().await.unwrap();
    assert_eq!((told.over_ms, told.grants, told.urgent_late), (20_000, 2, 1));
    assert_eq!((told.waits[1].p99_ms, told.waits[2].p99_ms), (0, 20_000));
    assert_eq!((told.jain, told.used_slots), (Some(1.0), 1.0));
}

/// Persona 1 holds the only slice; persona 2 waits for it with this priority.
async fn contended(priority: u16) -> (Scheduler, Slice, tokio::task::JoinHandle<Slice>) {
    let scheduler = scheduler(1).await;
    let ada = acquire(&scheduler, 1).await;
    let waits = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.acquire(wish(&scheduler, 2, priority, 0)).await.unwrap() }
    });
    figures(&scheduler, 1, 1).await;
    (scheduler, ada, waits)
}

#[tokio::test(start_paused = true)]
async fn an_offered_slice_goes_to_who_is_owed_it_and_comes_back() {
    let (scheduler, ada, waits) = contended(500).await;
    assert!(scheduler.offer(&ada, wish(&scheduler, 1, 500, 0)).await.unwrap().is_none(), "not yet");
    tokio::time::advance(Duration::from_secs(2)).await;
    let place = scheduler.offer(&ada, wish(&scheduler, 1, 500, 0)).await.unwrap().unwrap();
    let bo = waits.await.unwrap();
    let place = place.at_once().unwrap_err();
    // The old slice is worth nothing: dropping it frees nobody's slot.
    drop(ada);
    figures(&scheduler, 1, 1).await;
    assert_eq!(scheduler.figures().borrow().on_stage, HashSet::from([persona(2)]));
    let view = scheduler.stage(Duration::from_secs(300), 5).await.unwrap();
    assert_eq!((view.slots[0].len(), view.waiting, view.next[0].persona), (2, 1, persona(1)));
    assert_eq!((view.slots[0][0].until_ms, view.slots[0][1].waited_ms), (Some(view.now_ms), 2_000));
    drop(bo);
    assert_eq!(place.granted().await.unwrap().persona(), persona(1));
    assert_eq!(scheduler.turn_figures().await.unwrap().grants, 3);
}

#[tokio::test(start_paused = true)]
async fn who_is_the_next_itself_goes_on_without_a_turn() {
    let (scheduler, ada, _waits) = contended(50).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    let place = scheduler.offer(&ada, wish(&scheduler, 1, 750, 0)).await.unwrap().unwrap();
    let _again = place.at_once().unwrap();
    drop(ada);
    figures(&scheduler, 1, 1).await;
    let told = scheduler.turn_figures().await.unwrap();
    assert_eq!((told.grants, told.used_slots), (1, 1.0));
    assert_eq!(scheduler.stage(Duration::from_secs(300), 5).await.unwrap().slots[0].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_gone_while_it_waits_for_its_next_turn_loses_only_its_place() {
    let (scheduler, ada, waits) = contended(900).await;
    drop(scheduler.offer(&ada, wish(&scheduler, 1, 500, 0)).await.unwrap().unwrap());
    drop(ada);
    let bo = waits.await.unwrap();
    figures(&scheduler, 1, 0).await;
    drop(bo);
    figures(&scheduler, 0, 0).await;
}

#[tokio::test(start_paused = true)]
async fn acts_keep_their_pace_and_the_end_is_told_to_who_waits() {
    let scheduler = scheduler(1).await;
    assert_eq!(scheduler.pace(persona(1), "a.example", "click").await, Ok(Ok(())));
    assert_eq!(scheduler.pace(persona(1), "a.example", "click").await, Ok(Err(Duration::from_secs(2))));
    let ada = acquire(&scheduler, 1).await;
    let waits = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.acquire(wish(&scheduler, 2, 500, 0)).await.map(drop) }
    });
    figures(&scheduler, 1, 1).await;
    scheduler.stop();
    assert_eq!(waits.await.unwrap(), Err(Ended));
    drop(ada);
}

/// An offer that is looked at in the very moment in which it is answered, as a free core would.
struct Hasty {
    offer: Mutex<Pin<Box<dyn Future<Output = bool> + Send>>>,
    at_once: Mutex<Option<bool>>,
}

impl Wake for Hasty {
    fn wake(self: Arc<Self>) {
        let waker = self.clone().into();
        let polled = self.offer.lock().unwrap().as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(at_once) = polled {
            *self.at_once.lock().unwrap() = Some(at_once);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_the_next_itself_has_its_slice_when_it_hears_that() {
    let scheduler = scheduler(1).await;
    let mine = acquire(&scheduler, 1).await;
    let waits = tokio::spawn({
        let scheduler = scheduler.clone();
        async move { scheduler.acquire(wish(&scheduler, 2, 50, 0)).await }
    });
    figures(&scheduler, 1, 1).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let offer = {
        let scheduler = scheduler.clone();
        async move {
            let place = scheduler.offer(&mine, wish(&scheduler, 1, 750, 0)).await.unwrap();
            place.expect("its quantum is over").at_once().is_ok()
        }
    };
    let hasty = Arc::new(Hasty { offer: Mutex::new(Box::pin(offer)), at_once: Mutex::default() });
    hasty.clone().wake();
    while hasty.at_once.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*hasty.at_once.lock().unwrap(), Some(true));
    waits.abort();
}
