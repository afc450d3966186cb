//! Goals that wait for goals: who begins when, what fails with whom, and what is refused.

use std::time::Duration;

use serde_json::json;

use super::harness::{House, Play, limits, settle, until, work};
use crate::{
    domain::{ChainId, GoalId, GoalState, IfFailed, MessageState, ParkedOn, PersonaId, Receipt, WaitsFor},
    persona::carrier::Order,
    ports::{Change, Commit, Guard, World},
    supervisor::{ActorState, CommandError, Correction, NewWork, Work, desk},
    testing,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs do what their goal is called.
fn by_title(order: &Order) -> Play {
    match order.work.goal.title.as_str() {
        "slow" => Play::Take(MINUTE),
        "slower" => Play::Take(10 * MINUTE),
        "falls" => Play::Panic,
        "falls once" if order.work.goal.version == 1 => Play::Panic,
        "endless" => Play::UntilStopped,
        _ => Play::Finish,
    }
}

fn titled(persona: PersonaId, title: &str, goals: &[GoalId], if_failed: IfFailed) -> NewWork {
    let plain = work(persona, 500);
    let what = match plain.what {
        Work::Goal { payload, proof, .. } => Work::Goal { title: title.to_owned(), payload, proof },
        other => other,
    };
    NewWork { what, waits_for: WaitsFor { goals: goals.to_vec(), if_failed }, ..plain }
}

impl House {
    async fn gives(&self, persona: PersonaId, title: &str, goals: &[GoalId]) -> GoalId {
        self.gives_with(persona, title, goals, IfFailed::Fail).await
    }

    async fn gives_with(&self, persona: PersonaId, title: &str, goals: &[GoalId], if_failed: IfFailed) -> GoalId {
        self.company.deliver(titled(persona, title, goals, if_failed), &self.by()).await.unwrap().goal.id
    }

    /// The receipts of a goal whose summary begins so.
    fn said(&self, goal: GoalId, begin: &str) -> Vec<Receipt> {
        let mut receipts = self.test.store.receipts();
        let fits = |receipt: &Receipt| receipt.body.as_ref().is_some_and(|body| body.summary.starts_with(begin));
        receipts.retain(|receipt| receipt.goal == Some(goal) && fits(receipt));
        receipts
    }

    fn waits(&self, goal: GoalId) -> bool {
        let goal = self.goal(goal);
        (goal.state, goal.parked_on) == (GoalState::Parked, Some(ParkedOn::Dependency))
    }

    /// The last thing a process wrote before it was killed: this end, and nothing about those that wait for it.
    fn ends_unseen(&self, goal: GoalId, state: GoalState) {
        let step = desk::moved(&self.goal(goal), state, self.test.world.now_ms());
        let chain = ChainId::Persona(self.goal(goal).persona);
        let receipts = vec![testing::draft(&*self.test.world, chain, None, "ended")];
        let changes = vec![Change::GoalMoved(step)];
        self.test.store.seed(Commit { guards: Vec::new(), changes, receipts }).unwrap();
    }

    fn message_state(&self, goal: GoalId) -> MessageState {
        self.test.store.messages().into_iter().find(|message| message.goal == goal).unwrap().state
    }

    async fn corrects(&self, goal: GoalId, waits_for: &[GoalId]) -> Result<GoalState, CommandError> {
        let (version, waits_for) = (self.goal(goal).version, Some(waits_for.to_vec()));
        let correction = Correction { version, waits_for, ..Correction::default() };
        Ok(self.company.correct_goal(goal, correction, &self.by()).await?.state)
    }
}

fn refused_field<T: std::fmt::Debug>(answer: Result<T, CommandError>) -> (String, String) {
    match answer {
        Err(CommandError::Invalid { field, reason }) => (field, reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_dependent_sleeps_until_its_last_prerequisite_is_done() {
    let house = House::open(4, by_title).await;
    let (ada, bo, cleo) = (house.persona("ada").await, house.persona("bo").await, house.persona("cleo").await);
    let prerequisites = [house.gives(ada, "slow", &[]).await, house.gives(cleo, "slower", &[]).await];
    let dependent = house.gives(bo, "then", &prerequisites).await;
    settle().await;
    assert!(house.waits(dependent));
    house.goal_becomes(prerequisites[0], GoalState::Done).await;
    settle().await;
    assert!(house.waits(dependent), "one is still open");
    assert_eq!((house.records.reads(bo), house.line(bo).state), (0, ActorState::Asleep), "it cost no wake-up");

    house.goal_becomes(dependent, GoalState::Done).await;
    assert_eq!(house.goal(prerequisites[1]).state, GoalState::Done);
    let released = house.said(dependent, "may begin");
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].state.as_deref(), Some("pending"));
    let ended = &released[0].body.as_ref().unwrap().data["waited_for"];
    assert_eq!(ended[1], json!({"goal": prerequisites[1], "title": "slower", "state": "done"}));
    assert_eq!(house.seen.order.lock().unwrap().len(), 3);
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_fails_the_whole_chain_and_names_the_cause_at_each_link() {
    let house = House::open(2, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let slow = house.gives(ada, "slower", &[]).await;
    let first = house.gives(ada, "falls", &[]).await;
    let second = house.gives(bo, "second", &[slow, first]).await;
    let third = house.gives(ada, "third", &[second]).await;
    house.goal_becomes(third, GoalState::Failed).await;
    let error = |goal| house.goal(goal).last_error.unwrap();
    assert!(error(second).contains("“falls”") && error(second).contains(&first.to_string()), "{}", error(second));
    assert!(error(third).contains("“second”"), "{}", error(third));
    for dependent in [second, third] {
        assert_eq!(
            (house.message_state(dependent), house.said(dependent, "failed “").len()),
            (MessageState::Failed, 1)
        );
    }
    assert_eq!(*house.seen.order.lock().unwrap(), [slow, first], "neither was ever begun");
    until(|| house.company.figures().inbox == 0).await;
    house.accounts_for(4);
}

#[tokio::test(start_paused = true)]
async fn a_releasing_dependent_runs_when_all_are_over_whatever_became_of_them() {
    let house = House::open(4, by_title).await;
    let (ada, bo, cleo) = (house.persona("ada").await, house.persona("bo").await, house.persona("cleo").await);
    let falls = house.gives(ada, "falls", &[]).await;
    let endless = house.gives(cleo, "endless", &[]).await;
    let dependent = house.gives_with(bo, "anyway", &[falls, endless], IfFailed::Release).await;
    house.goal_becomes(falls, GoalState::Failed).await;
    settle().await;
    assert!(house.waits(dependent));
    house.company.cancel_goal(endless, &house.by()).await.unwrap();
    house.goal_becomes(dependent, GoalState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_expired_and_deleted_prerequisites_count_as_failed() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let busy = house.gives(ada, "endless", &[]).await;
    until(|| house.line(ada).on_stage).await;
    let gone = house.persona("gone").await;
    let serve_by_ms = Some(house.test.world.now_ms() + 60_000);
    let late = NewWork { serve_by_ms, ..titled(gone, "late", &[], IfFailed::Fail) };
    let late = house.company.deliver(late, &house.by()).await.unwrap().goal.id;
    let deleted = house.gives(gone, "deleted", &[]).await;
    let dependents = [
        house.gives(bo, "after a cancelled one", &[busy]).await,
        house.gives(bo, "after an expired one", &[late]).await,
        house.gives(bo, "after a deleted one", &[deleted]).await,
    ];
    house.goal_becomes(dependents[1], GoalState::Failed).await;
    assert_eq!(house.message_state(late), MessageState::Expired);
    house.company.delete_persona(gone, &house.by()).await.unwrap();
    house.goal_becomes(dependents[2], GoalState::Failed).await;
    house.company.cancel_goal(busy, &house.by()).await.unwrap();
    house.goal_becomes(dependents[0], GoalState::Failed).await;
    assert!(house.goal(dependents[0]).last_error.unwrap().contains("which is cancelled"));
}

#[tokio::test(start_paused = true)]
async fn what_is_over_already_is_decided_at_once() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let done = house.gives(ada, "quick", &[]).await;
    let falls = house.gives(ada, "falls", &[]).await;
    house.goal_becomes(done, GoalState::Done).await;
    house.goal_becomes(falls, GoalState::Failed).await;
    let runs = house.gives(bo, "runs", &[done]).await;
    let fails = house.gives(bo, "fails", &[done, falls]).await;
    house.goal_becomes(runs, GoalState::Done).await;
    house.goal_becomes(fails, GoalState::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_keeps_the_moment_before_which_it_may_not_begin() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.gives(ada, "slower", &[]).await;
    let now_ms = house.test.world.now_ms();
    let due = NewWork { due_ms: Some(now_ms + 3_600_000), ..titled(bo, "later", &[first], IfFailed::Fail) };
    let due = house.company.deliver(due, &house.by()).await.unwrap().goal.id;
    house.goal_becomes(first, GoalState::Done).await;
    until(|| house.state(due) == GoalState::Pending).await;
    house.becomes(bo, ActorState::Asleep).await;
    house.goal_becomes(due, GoalState::Done).await;
    assert!(house.test.world.now_ms() >= now_ms + 3_600_000);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_others_expires_by_its_own_time_and_wakes_nobody_before() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    house.company.pause(ada, &house.by()).await.unwrap();
    let first = house.gives(ada, "slow", &[]).await;
    let by_ms = house.test.world.now_ms() + 3_600_000;
    let waits = NewWork { serve_by_ms: Some(by_ms), ..titled(bo, "waits", &[first], IfFailed::Fail) };
    let waits = house.company.deliver(waits, &house.by()).await.unwrap().goal.id;
    let patient = house.gives(bo, "patient", &[first]).await;
    house.becomes(bo, ActorState::Asleep).await;
    let reads = house.records.reads(bo);
    while house.test.world.now_ms() < by_ms - 2_000 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    assert_eq!((house.records.reads(bo), house.waits(waits)), (reads, true), "nobody looks before");
    while house.waits(waits) && house.test.world.now_ms() < by_ms + 5_000 {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle().await;
    }
    assert_eq!((house.message_state(waits), house.state(waits)), (MessageState::Expired, GoalState::Cancelled));
    assert_eq!(house.said(waits, "let “waits” expire").len(), 1);
    // Who said nothing waits a day longer than those it waits for may.
    let serve_by_ms = |goal| house.test.store.messages().into_iter().find(|m| m.goal == goal).unwrap().serve_by_ms;
    assert_eq!(serve_by_ms(patient), serve_by_ms(first) + 24 * 3_600_000);
    assert!(house.waits(patient));
    // A retry has as much time anew.
    house.company.retry_goal(waits, &house.by()).await.unwrap();
    assert_eq!(house.message_state(waits), MessageState::Waiting);
    assert!((3_600_000..3_660_000).contains(&(serve_by_ms(waits) - house.test.world.now_ms())));
    house.company.resume(ada, &house.by()).await.unwrap();
    house.goal_becomes(waits, GoalState::Done).await;
    house.goal_becomes(patient, GoalState::Done).await;
    house.accounts_for(3);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_end_and_the_release_is_made_good_at_the_next_start() {
    let house = House::open(2, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let (ends, falls) = (house.gives(ada, "endless", &[]).await, house.gives(ada, "endless", &[]).await);
    let released = house.gives(bo, "released", &[ends]).await;
    let fails = house.gives(bo, "fails", &[falls]).await;
    let waits = house.gives(bo, "chained", &[fails]).await;
    settle().await;
    house.company.end().await;
    house.ends_unseen(ends, GoalState::Done);
    house.ends_unseen(falls, GoalState::Cancelled);
    assert!(house.waits(released) && house.waits(fails));

    let next = House::open_on(house.test.clone(), limits(2), by_title).await;
    next.goal_becomes(released, GoalState::Done).await;
    next.goal_becomes(waits, GoalState::Failed).await;
    assert_eq!(next.said(released, "may begin").len(), 1);
    assert_eq!(next.said(fails, "failed “fails”").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_delays_the_release_only() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.gives(ada, "endless", &[]).await;
    let dependent = house.gives(bo, "then", &[first]).await;
    house.company.end().await;
    house.ends_unseen(first, GoalState::Done);
    let outage = house.test.store.fail_until_told();
    let next = House::open_on(house.test.clone(), limits(1), by_title).await;
    tokio::time::advance(MINUTE).await;
    settle().await;
    assert!(next.waits(dependent));
    drop(outage);
    next.goal_becomes(dependent, GoalState::Done).await;
    assert_eq!(next.said(dependent, "may begin").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_retried_prerequisite_leaves_failed_dependents_and_a_person_may_retry_those() {
    let house = House::open(2, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.gives(ada, "falls once", &[]).await;
    let dependent = house.gives(bo, "then", &[first]).await;
    let other = house.gives(bo, "too", &[first]).await;
    house.goal_becomes(other, GoalState::Failed).await;
    house.goal_becomes(dependent, GoalState::Failed).await;

    // All that it waited for is over: a person's word counts more than the failure.
    house.company.retry_goal(other, &house.by()).await.unwrap();
    house.goal_becomes(other, GoalState::Done).await;

    house.company.retry_goal(first, &house.by()).await.unwrap();
    house.goal_becomes(first, GoalState::Done).await;
    assert_eq!(house.state(dependent), GoalState::Failed, "decided is decided");
}

#[tokio::test(start_paused = true)]
async fn a_dependent_that_is_retried_waits_again_for_what_is_open() {
    let house = House::open(2, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.gives(ada, "endless", &[]).await;
    let dependent = house.gives(bo, "then", &[first]).await;
    let parked = house.company.retry_goal(dependent, &house.by()).await;
    assert!(matches!(parked, Err(CommandError::Conflict(text)) if text.contains("waits for others")));
    house.company.cancel_goal(dependent, &house.by()).await.unwrap();
    let again = house.company.retry_goal(dependent, &house.by()).await.unwrap();
    assert_eq!((again.state, again.parked_on), (GoalState::Parked, Some(ParkedOn::Dependency)));
    assert_eq!(house.message_state(dependent), MessageState::Waiting);
    house.company.cancel_goal(first, &house.by()).await.unwrap();
    house.goal_becomes(dependent, GoalState::Failed).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_waited_for_is_refused_by_name() {
    let house = House::open(1, by_title).await;
    let (ada, gone) = (house.persona("ada").await, house.persona("gone").await);
    let open = house.gives(ada, "endless", &[]).await;
    let of_nobody = house.gives(gone, "x", &[]).await;
    house.company.delete_persona(gone, &house.by()).await.unwrap();
    let unknown = GoalId(house.test.world.new_id());
    for (goals, field, reason) in [
        (vec![open, unknown], "waits_for[1]", unknown.to_string()),
        (vec![of_nobody], "waits_for[0]", "deleted".to_owned()),
        (vec![open, open], "waits_for[1]", "already".to_owned()),
        (vec![open; 65], "waits_for", "at most 64".to_owned()),
    ] {
        let answer = house.company.deliver(titled(ada, "y", &goals, IfFailed::Fail), &house.by()).await;
        let (named, why) = refused_field(answer);
        assert!(named == field && why.contains(&reason), "{named}: {why}");
    }
    assert_eq!(house.test.store.goals().len(), 2, "nothing was written");
    let guard = Guard::PersonaExists(gone);
    let commit = Commit { guards: vec![guard.clone()], ..Commit::default() };
    assert_eq!(house.test.store.seed(commit).unwrap_err().guard, guard);
}

#[tokio::test(start_paused = true)]
async fn a_correction_that_closes_a_circle_is_refused_with_the_circle_named() {
    let house = House::open(1, by_title).await;
    let ada = house.persona("ada").await;
    let open = house.gives(ada, "endless", &[]).await;
    let first = house.gives(ada, "first", &[open]).await;
    let second = house.gives(ada, "second", &[first, open]).await;
    let third = house.gives(ada, "third", &[open, second]).await;
    let (field, why) = refused_field(house.corrects(first, &[open, third]).await);
    assert_eq!(field, "waits_for");
    let circle = format!(
        "“first” ({first}) would wait for itself: it waits for “third” ({third}), which waits for “second” ({second}), \
         which waits for “first” ({first})"
    );
    assert_eq!(why, circle);
    let (field, why) = refused_field(house.corrects(first, &[first]).await);
    assert_eq!((field.as_str(), why.as_str()), ("waits_for[0]", "a goal cannot wait for itself"));
    assert!(house.waits(first));
}

#[tokio::test(start_paused = true)]
async fn two_people_cannot_close_a_circle_from_both_ends() {
    let house = House::open(1, by_title).await;
    let ada = house.persona("ada").await;
    let open = house.gives(ada, "endless", &[]).await;
    let one = house.gives(ada, "one", &[open]).await;
    let two = house.gives(ada, "two", &[open]).await;
    let hold = house.test.store.hold_writes().await;
    let (to_two, to_one) = ([two], [one]);
    let (first, second, ()) = tokio::join!(house.corrects(one, &to_two), house.corrects(two, &to_one), async {
        settle().await;
        drop(hold);
    });
    assert_eq!(first.unwrap(), GoalState::Parked);
    assert!(matches!(second, Err(CommandError::Conflict(text)) if text.contains("changed meanwhile")));
}

#[tokio::test(start_paused = true)]
async fn a_correction_parks_releases_and_is_refused_once_begun() {
    let house = House::open(1, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let open = house.gives(ada, "endless", &[]).await;
    until(|| house.line(ada).on_stage).await;
    let pending = house.gives(bo, "plain", &[]).await;
    assert_eq!(house.corrects(pending, &[open]).await.unwrap(), GoalState::Parked);
    settle().await;
    assert!(house.waits(pending));
    assert!(matches!(house.corrects(open, &[]).await, Err(CommandError::Conflict(_))), "it is running");
    house.corrects(pending, &[]).await.unwrap();
    until(|| house.state(pending) == GoalState::Pending).await;
    house.company.cancel_goal(open, &house.by()).await.unwrap();
    house.goal_becomes(pending, GoalState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn a_persona_that_cannot_be_read_is_not_called_deleted() {
    let house = House::open(2, by_title).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let first = house.gives(bo, "slow", &[]).await;
    settle().await;
    house.test.store.fail_reads_of(bo, 1);
    let refused = house.company.deliver(titled(ada, "a line", &[first], IfFailed::Fail), &house.by()).await;
    assert!(matches!(refused, Err(CommandError::Unavailable(_))), "{refused:?}");
    house.gives(ada, "a line", &[first]).await;
}
