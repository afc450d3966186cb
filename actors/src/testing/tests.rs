//! The store in memory keeps the promises of the ports, so that tests on it mean something.

use super::*;
use crate::{
    domain::{
        ChainId, Goal, GoalState, Message, MessageState, ParkedOn, Persona, PersonaStatus, Priority, Run, RunId,
        RunState,
    },
    ports::{Change, Commit, GoalMove, Guard, Journal, Records, World},
};

struct Desk {
    store: MemoryStore,
    world: TestWorld,
    ada: Persona,
}

fn desk() -> Desk {
    let (store, world) = (MemoryStore::default(), TestWorld::new(1));
    let ada = persona(&world, "ada");
    let desk = Desk { store, world, ada };
    desk.apply(vec![Change::PersonaCreated(Box::new(desk.ada.clone()))]);
    desk
}

impl Desk {
    fn commit(&self, guards: Vec<Guard>, changes: Vec<Change>) -> Commit {
        let receipts = vec![draft(&self.world, ChainId::Persona(self.ada.id), None, "did")];
        Commit { guards, changes, receipts }
    }

    fn apply(&self, changes: Vec<Change>) {
        self.store.seed(self.commit(Vec::new(), changes)).unwrap();
    }

    fn delivered(&self, thousandths: u16) -> (Message, Goal) {
        let goal = goal(&self.world, self.ada.id);
        let message = Message { priority: Priority::try_from(thousandths).unwrap(), ..message(&self.world, &goal) };
        self.apply(vec![
            Change::MessageDelivered(Box::new(message.clone())),
            Change::GoalAdded(Box::new(goal.clone())),
        ]);
        (message, goal)
    }

    fn move_goal(&self, goal: &Goal, state: GoalState, parked_on: Option<ParkedOn>, due_ms: Option<i64>) {
        let step =
            GoalMove { id: goal.id, state, parked_on, attempts: 1, last_error: None, result: None, due_ms, at_ms: 1 };
        self.apply(vec![Change::GoalMoved(step)]);
    }
}

#[tokio::test]
async fn guards_see_what_their_accepted_neighbours_did() {
    let desk = desk();
    let version_two = Persona { version: 2, ..desk.ada.clone() };
    let update = |from| {
        let guard = vec![Guard::PersonaVersion(desk.ada.id, from)];
        desk.commit(guard, vec![Change::PersonaUpdated(Box::new(version_two.clone()))])
    };
    let answers = desk.store.write(vec![update(1), update(1), update(2)]).await.unwrap();
    let accepted: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true]);
    let seqs: Vec<_> = answers.iter().flatten().map(|committed| committed.receipts[0].seq).collect();
    assert_eq!(seqs, [2, 3], "a refused commit leaves no gap");
}

#[test]
fn every_guard_can_fail_and_can_hold() {
    let desk = desk();
    let (message, goal) = desk.delivered(500);
    let nobody = persona(&desk.world, "bo");
    let holds = |guard: Guard| desk.store.seed(desk.commit(vec![guard], Vec::new())).is_ok();
    assert!(!holds(Guard::SlugFree(desk.ada.slug.clone())) && holds(Guard::SlugFree(nobody.slug.clone())));
    assert!(holds(Guard::PersonaExists(desk.ada.id)) && !holds(Guard::PersonaExists(nobody.id)));
    assert!(holds(Guard::CorrelationFree(desk.ada.id, "k".into())));
    assert!(holds(Guard::MessageIs(message.id, MessageState::Waiting)));
    assert!(!holds(Guard::MessageIs(message.id, MessageState::Running)));
    assert!(holds(Guard::GoalOpen(goal.id)) && holds(Guard::GoalVersion(goal.id, 1)));
    desk.move_goal(&goal, GoalState::Cancelled, None, None);
    assert!(!holds(Guard::GoalOpen(goal.id)) && holds(Guard::GoalVersion(goal.id, 2)));
    assert!(!holds(Guard::RunLive(RunId(desk.world.new_id()))));

    let deleted = Persona { status: PersonaStatus::Deleted, ..desk.ada.clone() };
    desk.apply(vec![Change::PersonaUpdated(Box::new(deleted))]);
    assert!(!holds(Guard::PersonaExists(desk.ada.id)));
    assert!(!holds(Guard::SlugFree(desk.ada.slug.clone())), "a deleted persona keeps its slug");
}

#[tokio::test]
async fn the_inbox_is_what_is_open_the_most_important_first() {
    let desk = desk();
    let ((low, _), (high, _), (later, over)) = (desk.delivered(200), desk.delivered(900), desk.delivered(200));
    let inbox = async |limit| {
        let waiting = desk.store.inbox(desk.ada.id, limit).await.unwrap();
        waiting.into_iter().map(|waiting| waiting.message.id).collect::<Vec<_>>()
    };
    assert_eq!(inbox(10).await, [high.id, low.id, later.id]);
    assert_eq!(inbox(2).await, [high.id, low.id]);
    desk.move_goal(&over, GoalState::Done, None, None);
    assert_eq!(inbox(10).await, [high.id, low.id]);
}

#[tokio::test]
async fn the_roster_says_when_something_can_be_done() {
    let desk = desk();
    let due = async || desk.store.roster_record(desk.ada.id).await.unwrap().unwrap().due_ms;
    assert_eq!(due().await, None);
    let (_, goal) = desk.delivered(500);
    assert_eq!(due().await, Some(0));
    desk.move_goal(&goal, GoalState::Pending, None, Some(77));
    assert_eq!(due().await, Some(77));
    desk.move_goal(&goal, GoalState::Parked, Some(ParkedOn::Rate), Some(88));
    assert_eq!(due().await, Some(88));
    desk.move_goal(&goal, GoalState::Parked, Some(ParkedOn::Reconcile), None);
    assert_eq!(due().await, None, "not until someone acts");
    let roster = desk.store.roster().await.unwrap();
    assert_eq!((roster.len(), roster[0].waiting, roster[0].paused), (1, 1, false));
}

#[tokio::test]
async fn goals_and_runs_know_where_their_receipts_lie() {
    let desk = desk();
    let (_, goal) = desk.delivered(500);
    let run = Run {
        id: RunId(desk.world.new_id()),
        goal: goal.id,
        persona: desk.ada.id,
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
    desk.apply(vec![Change::RunStarted(Box::new(run.clone()))]);
    let open = desk.store.open_run(goal.id).await.unwrap().unwrap();
    assert_eq!((open.first_seq, open.last_seq), (3, None));
    desk.apply(Vec::new());
    desk.apply(vec![Change::RunMoved { id: run.id, state: RunState::Done, ended_ms: Some(1), error: None }]);
    desk.move_goal(&goal, GoalState::Done, None, None);
    assert_eq!(desk.store.open_run(goal.id).await.unwrap(), None);
    assert_eq!(desk.store.run(run.id).await.unwrap().unwrap().last_seq, Some(5));
    assert_eq!(desk.store.goal_range(goal.id), Some((2, 6)));
}
