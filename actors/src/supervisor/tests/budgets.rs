//! A company that runs out of money: together nobody passes a budget, and who waits for one goes on when it allows.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::harness::{limits, new_persona, settle, until, work};
use crate::{
    domain::{
        AlertKind, ArtifactKind, Bound, Budget, BudgetPeriod, BudgetScope, BudgetUnit, Call, Cost, Entry, EntryId,
        Goal, GoalId, GoalState, Limits, NewArtifact, Outcome, ParkedOn, PersonaId, Proof, RunId, StepError, TraceId,
    },
    ports::{Change, Commit, LedgerChange, Records as _, World as _},
    supervisor::{By, CallEnd, CommandError, Company, NewWork, NotMade, ProgramCall, Work},
    testing::{Act, TestPorts},
};

const DOLLAR: u64 = 1_000_000;
const WORST: Bound = Bound { micro_usd: 60_000, tokens: 900 };
const TOOK: u64 = 41_000;

struct House {
    company: Company,
    test: TestPorts,
}

fn day(hard: u64) -> Vec<Budget> {
    vec![Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft: None, hard }]
}

impl House {
    /// Calls take a second and cost up to six cents.
    async fn open(cap: usize) -> Self {
        let test = TestPorts::new(|_| {
            let (name, media_type, bytes) = ("line.txt".to_owned(), "text/plain", b"a line".to_vec());
            let line = NewArtifact { kind: ArtifactKind::Text, name, media_type, bytes };
            let cost = Some(Cost { input_tokens: 10, output_tokens: 20, micro_usd: TOOK });
            let composed = Outcome::done("composed", json!({"value": "a line"})).with_artifact(line);
            Act::After(Duration::from_secs(1), Outcome { cost, ..composed })
        });
        Self::open_on(cap, test).await
    }

    async fn open_on(cap: usize, test: TestPorts) -> Self {
        test.performer.bound_by(|_| Ok(Some(WORST)));
        let limits = Limits { active_personas: NonZeroUsize::new(cap).unwrap(), ..limits(1) };
        let company = Company::start(limits, test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap();
        Self { company, test }
    }

    fn by(&self) -> By {
        By { who: "ada".to_owned(), trace: TraceId(self.test.world.new_id()) }
    }

    async fn persona(&self, slug: &str) -> PersonaId {
        self.company.create_persona(new_persona(slug), &self.by()).await.unwrap().id
    }

    async fn give(&self, persona: PersonaId) -> GoalId {
        let mut work = work(persona, 500);
        if let NewWork { what: Work::Goal { proof, .. }, .. } = &mut work {
            *proof = Proof { artifacts: vec![ArtifactKind::Text], ..Proof::default() };
        }
        self.company.deliver(work, &self.by()).await.unwrap().goal.id
    }

    fn count(&self, stands: impl Fn(GoalState, Option<ParkedOn>) -> bool) -> usize {
        self.test.store.goals().iter().filter(|goal| stands(goal.state, goal.parked_on)).count()
    }

    fn waiting(&self) -> usize {
        self.count(|state, on| state == GoalState::Parked && on == Some(ParkedOn::Budget))
    }

    fn done(&self) -> usize {
        self.count(|state, _| state == GoalState::Done)
    }

    /// What calls reserved, and what was spent.
    fn money(&self) -> Vec<(Bound, Option<Bound>)> {
        self.test.store.entries().into_iter().map(|(entry, spent)| (entry.reserved, spent)).collect()
    }

    /// What was spent since the company was opened.
    fn spent(&self) -> u64 {
        let spent = self.test.store.entries().into_iter();
        spent.map(|(entry, spent)| spent.unwrap_or(entry.reserved).micro_usd).sum()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_personas_at_once_never_spend_more_than_their_dollar() {
    let house = House::open(100).await;
    house.company.set_budgets(BudgetScope::Company, 0, day(DOLLAR), &house.by()).await.unwrap();
    let store = house.test.store.clone();
    let (watched, begins_ms) = (store.clone(), house.test.world.now_ms() - 12 * 3_600_000);
    let most = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let highest = most.clone();
    // Looked at from inside, before each call reserves anything.
    house.test.performer.bound_by(move |_| {
        let taken = watched.entries().into_iter().filter(|(entry, _)| entry.at_ms < begins_ms + 24 * 3_600_000);
        let taken: u64 = taken.map(|(entry, spent)| spent.unwrap_or(entry.reserved).micro_usd).sum();
        highest.fetch_max(taken, std::sync::atomic::Ordering::SeqCst);
        Ok(Some(WORST))
    });
    for number in 0..100 {
        let persona = house.persona(&format!("p{number}")).await;
        house.give(persona).await;
    }
    // Sixteen fit at their worst, and what they leave lets others in as long as six cents are left.
    let fit = ((DOLLAR - WORST.micro_usd) / TOOK + 1) as usize;
    let midnight_ms = begins_ms + 24 * 3_600_000;
    let waits = |goal: &Goal| goal.parked_on == Some(ParkedOn::Budget) && goal.due_ms == Some(midnight_ms);
    let waiting = || store.goals().iter().filter(|goal| waits(goal)).count();
    until(|| house.done() == fit && waiting() == 100 - fit).await;
    assert!(house.spent() <= DOLLAR && most.load(std::sync::atomic::Ordering::SeqCst) <= DOLLAR);
    assert!(house.test.performer.most_at_once() <= 16, "{} at once", house.test.performer.most_at_once());
    assert_eq!(house.spent(), house.done() as u64 * TOOK, "every call is settled");
    let (done, alerts) = (fit, store.alerts());
    assert!(house.test.world.now_ms() < midnight_ms, "nobody waited for the next day");
    assert_eq!(alerts.iter().filter(|alert| alert.kind == AlertKind::OverBudget).count(), 1, "told once");

    let left_ms = u64::try_from(midnight_ms - house.test.world.now_ms()).unwrap();
    tokio::time::advance(Duration::from_millis(left_ms - 1_000)).await;
    settle().await;
    assert_eq!(house.done(), done, "nobody goes on before midnight");
    until(|| house.done() > done).await;
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_raised_lets_those_who_waited_for_it_go_on_at_once() {
    let house = House::open(2).await;
    let (ada, bo) = (house.persona("ada").await, house.persona("bo").await);
    let set = async |persona, version, hard| {
        let scope = BudgetScope::Persona(persona);
        house.company.set_budgets(scope, version, day(hard), &house.by()).await.unwrap();
    };
    for persona in [ada, bo] {
        set(persona, 0, WORST.micro_usd).await;
        house.give(persona).await;
        house.give(persona).await;
    }
    until(|| house.done() == 2 && house.waiting() == 2).await;
    let before_ms = house.test.world.now_ms();
    set(ada, 1, 2 * WORST.micro_usd).await;
    until(|| house.done() == 3).await;
    assert!(house.test.world.now_ms() - before_ms < 60_000, "it did not wait for the next day");
    settle().await;
    assert_eq!(house.waiting(), 1, "the other one still waits for its own");
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_goal_is_cancelled_is_settled_at_its_worst_case() {
    let cut = |_: &Call| Act::UntilStopped(Outcome::unknown("was cut off", StepError::retryable("it was stopped")));
    let house = House::open_on(1, TestPorts::new(cut)).await;
    let ada = house.persona("ada").await;
    let goal = house.give(ada).await;
    house.test.performer.called(1).await;
    assert_eq!(house.money(), [(WORST, None)], "it is under way");
    house.company.cancel_goal(goal, &house.by()).await.unwrap();
    until(|| house.money() == [(WORST, Some(WORST))]).await;
    assert_eq!(house.count(|state, _| state == GoalState::Cancelled), 1);
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_goal_left_reserved_is_settled_when_it_ends_unopened() {
    let house = House::open(1).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    let (cancelled, deleted) = (house.give(ada).await, house.give(ada).await);
    for goal in [cancelled, deleted] {
        let at_ms = house.test.world.now_ms();
        let (id, run) = (EntryId(house.test.world.new_id()), RunId(house.test.world.new_id()));
        let (persona, goal, run) = (Some(ada), Some(goal), Some(run));
        let entry = Entry { id, persona, user: "ada".into(), goal, run, step: 0, at_ms, reserved: WORST };
        let changes = vec![Change::Ledger(LedgerChange::Reserved(entry))];
        house.test.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }
    house.company.cancel_goal(cancelled, &house.by()).await.unwrap();
    assert_eq!(house.money(), [(WORST, Some(WORST)), (WORST, None)]);
    house.company.delete_persona(ada, &house.by()).await.unwrap();
    assert_eq!(house.money(), [(WORST, Some(WORST)), (WORST, Some(WORST))]);
    house.company.end().await;
}

/// A call reserves in between the look at what is reserved and the commit that ends its goal; then the process dies.
#[tokio::test(start_paused = true)]
async fn what_was_reserved_for_a_goal_that_is_over_is_settled_by_the_next_start() {
    let house = House::open(1).await;
    let ada = house.persona("ada").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    let (over, open) = (house.give(ada).await, house.give(ada).await);
    house.company.cancel_goal(over, &house.by()).await.unwrap();
    for goal in [over, open] {
        let (id, run) = (EntryId(house.test.world.new_id()), Some(RunId(house.test.world.new_id())));
        let (at_ms, goal) = (house.test.world.now_ms(), Some(goal));
        let entry = Entry { id, persona: Some(ada), user: "ada".into(), goal, run, step: 0, at_ms, reserved: WORST };
        let changes = vec![Change::Ledger(LedgerChange::Reserved(entry))];
        house.test.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }
    house.company.end().await;
    let house = House::open_on(1, house.test).await;
    assert_eq!(house.money(), [(WORST, Some(WORST)), (WORST, None)], "the other one may go on");
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn budgets_are_set_from_what_was_there_and_by_receipt() {
    let house = House::open(1).await;
    let ada = house.persona("ada").await;
    let scope = BudgetScope::Persona(ada);
    let set = async |scope: &BudgetScope, version, limits| {
        house.company.set_budgets(scope.clone(), version, limits, &house.by()).await
    };
    assert_eq!(set(&scope, 0, day(5)).await.unwrap().version, 1);
    assert!(matches!(set(&scope, 0, day(6)).await, Err(CommandError::Conflict(_))), "somebody was faster");
    assert_eq!(set(&scope, 1, Vec::new()).await.unwrap().limits, []);
    let twice = [day(1), day(2)].concat();
    let refused = set(&BudgetScope::Company, 0, twice).await.unwrap_err();
    assert!(matches!(&refused, CommandError::Invalid { field, .. } if field == "limits[1].unit"), "{refused}");
    let nobody = BudgetScope::Persona(PersonaId(house.test.world.new_id()));
    assert!(matches!(set(&nobody, 0, day(1)).await, Err(CommandError::NotFound { .. })));
    let said = |text: &str| {
        let receipts = house.test.store.receipts();
        receipts.iter().any(|receipt| receipt.body.as_ref().is_some_and(|body| body.summary.contains(text)))
    };
    assert!(said("ada set the budgets of ada") && !said("budgets of company"));
    let kept = house.test.store.budgets(&[scope, BudgetScope::Company]).await.unwrap();
    assert_eq!((kept[0].version, kept[1].version), (2, 0));
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn words_that_cannot_be_kept_hinder_a_call_that_would_begin_and_none_that_was_made() {
    let house = House::open(1).await;
    let words = |text: &str| NewArtifact::text("text.txt", text);
    let begin = || {
        let (bound, prompt) = (Ok(Bound { micro_usd: 500, tokens: 10 }), Some(words("Who are you?")));
        let (key, trace, data) = ("ci".to_owned(), house.by().trace, json!({"model": "house"}));
        house.company.begin_call(ProgramCall { key, persona: None, tool: "chat", bound, data, prompt, trace })
    };
    let of_calls = || {
        let receipts = house.test.store.receipts();
        receipts.into_iter().filter(|receipt| receipt.tool.as_deref() == Some("chat")).collect::<Vec<_>>()
    };
    house.test.blobs.fail_next(1);
    assert!(matches!(begin().await, Err(CommandError::Unavailable(_))));
    assert_eq!(of_calls(), [], "nothing begun, nothing reserved");

    let mut open = begin().await.unwrap().unwrap();
    house.test.blobs.fail_next(1);
    open.keep([words("I am Bo.")]);
    open.end(CallEnd::Answered { cost: None, data: json!({}) }).await.unwrap();
    let [intent, outcome] = &of_calls()[..] else { panic!("{:?}", of_calls()) };
    assert!(!intent.body.as_ref().unwrap().artifacts[0].missing);
    let told = outcome.body.clone().unwrap();
    assert!(told.artifacts[0].missing && told.error.unwrap().contains("is the disk full?"));
    assert_eq!(told.data["spent"]["micro_usd"], 500, "it is settled all the same");
    assert_eq!(house.test.blobs.len(), 1);
    house.company.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_finds_the_rest_only_reserved_may_try_again_and_nobody_is_alarmed() {
    let house = House::open(1).await;
    house.company.set_budgets(BudgetScope::Company, 0, day(DOLLAR), &house.by()).await.unwrap();
    let begin = async |micro_usd| {
        let bound = Ok(Bound { micro_usd, tokens: 10 });
        let (key, trace) = ("ci".to_owned(), house.by().trace);
        let call = ProgramCall {
            key,
            persona: None,
            tool: "chat",
            bound,
            data: json!({"model": "house"}),
            prompt: None,
            trace,
        };
        house.company.begin_call(call).await.unwrap()
    };
    let first = begin(600_000).await.unwrap();
    let NotMade::NoRoom { why, only_reserved: true, .. } = begin(600_000).await.err().unwrap() else {
        panic!("no room")
    };
    assert!(!why.contains("it is tried again"), "nobody else does: {why}");
    assert_eq!(house.test.store.alerts(), []);
    let cost = Cost { input_tokens: 1, output_tokens: 1, micro_usd: 500_000 };
    first.end(CallEnd::Answered { cost: Some(cost), data: json!({}) }).await.unwrap();
    let NotMade::NoRoom { only_reserved: false, .. } = begin(600_000).await.err().unwrap() else { panic!("no room") };
    assert_eq!(house.test.store.alerts().len(), 1);
    drop(begin(400_000).await.unwrap());
    house.company.end().await;
}
