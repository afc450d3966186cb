//! Calendars: every due time starts one goal, whatever happens to server, persona, store and clock.

mod own_choice;

use std::time::Duration;

use ed25519_dalek::SigningKey;
use serde_json::json;

use super::harness::{House, Play, limits, settle, until};
use crate::{
    domain::{ChainId, Goal, GoalState, Hours, Payload, PersonaId, Priority, Proof, Receipt, Schedule, Starts},
    persona::carrier::Order,
    ports::{Change, Commit, World},
    supervisor::{CommandError, Company, NewSchedule, PersonaPatch, SchedulePatch},
    testing::{self, TestPorts},
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const HOUR: Duration = Duration::from_secs(3_600);

fn finish(_: &Order) -> Play {
    Play::Finish
}

fn a_line() -> Starts {
    let payload = Payload::parse(crate::domain::GoalKind::Ai, json!({"prompt": "Write a line."})).unwrap();
    let priority = Priority::try_from(700).ok();
    Starts::Goal { title: "a line".to_owned(), payload, proof: Proof::default(), priority, optional: false }
}

fn schedule(cron: &str) -> NewSchedule {
    NewSchedule { name: "morning".to_owned(), cron: cron.to_owned(), starts: a_line(), on: true }
}

impl House {
    async fn schedules(&self, persona: PersonaId, cron: &str) -> Schedule {
        self.company.add_schedule(persona, schedule(cron), &self.by()).await.unwrap()
    }

    fn line_of(&self, id: crate::domain::ScheduleId) -> Schedule {
        self.test.store.schedules().into_iter().find(|line| line.id == id).unwrap()
    }

    /// Lets so much time pass, in steps in which everybody can go on.
    async fn passes(&self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            let left = until - tokio::time::Instant::now();
            tokio::time::advance(left.min(Duration::from_secs(60))).await;
            settle().await;
        }
    }

    fn started(&self) -> Vec<Goal> {
        self.test.store.goals().into_iter().filter(|goal| goal.created_by == "calendar").collect()
    }

    /// The receipts whose summary begins so.
    fn saying(&self, begin: &str) -> Vec<Receipt> {
        let mut receipts = self.test.store.receipts();
        receipts.retain(|receipt| receipt.body.as_ref().is_some_and(|body| body.summary.starts_with(begin)));
        receipts
    }

    /// As `kill -9` would: what was not written is gone.
    async fn killed(self) -> Self {
        let test = self.test.clone();
        drop(self);
        settle().await;
        House::open_on(test, limits(4), finish).await
    }
}

#[tokio::test(start_paused = true)]
async fn each_due_time_starts_one_goal_with_its_receipt() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    // It is noon.
    let line = house.schedules(ada, "0 13,15 * * *").await;
    house.passes(HOUR - Duration::from_secs(1)).await;
    assert!(house.started().is_empty());
    house.passes(4 * HOUR).await;
    let started = house.started();
    let keys: Vec<_> = started.iter().map(|goal| goal.correlation.clone().unwrap()).collect();
    let noon_ms = line.handled_ms;
    assert_eq!(keys, [1, 3].map(|hours| line.key(noon_ms + hours * HOUR_MS)));
    assert!(started.iter().all(|goal| goal.state == GoalState::Done), "{started:?}");
    let last = house.line_of(line.id);
    assert_eq!((last.handled_ms, last.version), (noon_ms + 3 * HOUR_MS, 3));
    assert_eq!(last.last.map(|last| (last.goal, last.missed)), Some((started[1].id, 0)));
    let said = house.saying("the calendar started “morning”, due 2026-11-20 13:00 (UTC)");
    assert_eq!(said.iter().map(|receipt| receipt.goal).collect::<Vec<_>>(), [Some(started[0].id)]);
    house.accounts_for(2);
}

#[tokio::test(start_paused = true)]
async fn after_downtime_the_latest_runs_once_and_the_receipt_counts_the_others() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "0 * * * *").await;
    drop(house.company);
    tokio::time::advance(3 * HOUR + Duration::from_secs(1200)).await;
    let house = House::open_on(house.test, limits(4), finish).await;
    until(|| !house.started().is_empty()).await;
    house.passes(Duration::from_secs(1200)).await;
    let started = house.started();
    assert_eq!(started.len(), 1);
    assert_eq!(started[0].correlation, Some(line.key(line.handled_ms + 3 * HOUR_MS)));
    assert_eq!(house.line_of(line.id).last.unwrap().missed, 2);
    let said = "the calendar started “morning”, due 2026-11-20 15:00 (UTC); 2 earlier times were missed";
    let data = house.saying(said)[0].body.clone().unwrap().data;
    assert_eq!((data["missed"].as_u64(), data["cron"].as_str()), (Some(2), Some("0 * * * *")));
    house.passes(HOUR).await;
    assert_eq!(house.started().len(), 2, "and then on as before");
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_moment_it_is_one_goal_for_each_due_time() {
    let mut house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    house.schedules(ada, "0 * * * *").await;
    for round in 0..12u64 {
        // Ever nearer to the due time, on it, and just behind it.
        let pause = HOUR_MS.unsigned_abs() - 3 + round % 6;
        tokio::time::advance(Duration::from_millis(pause % HOUR_MS.unsigned_abs())).await;
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        house = house.killed().await;
    }
    house.passes(2 * HOUR).await;
    let mut keys: Vec<_> = house.started().into_iter().map(|goal| goal.correlation).collect();
    let started = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), started, "a due time twice");
    assert!(started >= 2, "{started}");
    house.accounts_for(started);
}

#[tokio::test(start_paused = true)]
async fn a_due_time_that_was_started_is_not_started_again_even_if_its_line_forgot() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "0 13 * * *").await;
    house.passes(2 * HOUR).await;
    assert_eq!(house.started().len(), 1);
    // As a backup of an older row would say.
    let changes = vec![Change::ScheduleSet(Box::new(line.clone()))];
    let receipts = vec![testing::draft(&*house.test.world, ChainId::Persona(ada), None, "an older row")];
    house.test.store.seed(Commit { changes, receipts, ..Commit::default() }).unwrap();
    let house = house.killed().await;
    until(|| house.line_of(line.id).handled_ms > line.handled_ms).await;
    assert_eq!(house.started().len(), 1);
    assert_eq!(house.saying("the calendar did not start “morning”: it has been started already").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_gone_it_is_tried_again_and_started_once() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    house.schedules(ada, "0 13 * * *").await;
    {
        let _outage = house.test.store.fail_until_told();
        house.passes(HOUR + Duration::from_secs(300)).await;
        assert!(house.started().is_empty());
    }
    house.passes(Duration::from_secs(120)).await;
    assert_eq!(house.started().len(), 1);
    house.passes(3 * HOUR).await;
    assert_eq!(house.started().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_personas_calendar_rests_and_goes_on_with_the_latest() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "0 * * * *").await;
    house.company.pause(ada, &house.by()).await.unwrap();
    house.passes(3 * HOUR).await;
    assert!(house.started().is_empty());
    house.company.resume(ada, &house.by()).await.unwrap();
    house.passes(Duration::from_secs(60)).await;
    assert_eq!(house.started().len(), 1);
    assert_eq!(house.line_of(line.id).last.unwrap().missed, 2);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_misses_nothing_and_removed_it_starts_nothing() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "0 * * * *").await;
    let off = SchedulePatch { version: 1, on: Some(false), ..SchedulePatch::default() };
    let line = house.company.change_schedule(line.id, off.clone(), &house.by()).await.unwrap();
    let stale = house.company.change_schedule(line.id, off, &house.by()).await;
    assert!(matches!(stale, Err(CommandError::Conflict(_))), "{stale:?}");
    house.passes(3 * HOUR + Duration::from_secs(600)).await;
    let on = SchedulePatch { version: 2, on: Some(true), ..SchedulePatch::default() };
    house.company.change_schedule(line.id, on, &house.by()).await.unwrap();
    house.passes(Duration::from_secs(600)).await;
    assert!(house.started().is_empty(), "it counts from now");
    house.passes(HOUR).await;
    assert_eq!(house.started().len(), 1);
    house.company.remove_schedule(line.id, &house.by()).await.unwrap();
    house.passes(3 * HOUR).await;
    assert_eq!((house.started().len(), house.test.store.schedules().len()), (1, 0));
    for said in ["ada put “morning” on the calendar", "ada switched off", "ada switched on", "ada took “morning” off"]
    {
        assert_eq!(house.saying(said).len(), 1, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_misses_what_it_jumps_over_and_runs_the_latest_at_once() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "*/20 * * * *").await;
    settle().await;
    house.test.world.set_clock(HOUR_MS, false);
    settle().await;
    let last = house.line_of(line.id);
    assert_eq!((house.started().len(), last.last.unwrap().missed), (1, 2), "12:20 and 12:40 were missed");
    assert_eq!(last.handled_ms, line.handled_ms + HOUR_MS);
    // Where nobody says that the clock was set, it is noticed within ten minutes.
    house.test.world.set_clock(HOUR_MS, true);
    house.passes(Duration::from_secs(600)).await;
    assert_eq!(house.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_runs_nothing_twice() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "*/20 * * * *").await;
    house.passes(HOUR + Duration::from_secs(60)).await;
    assert_eq!(house.started().len(), 3);
    house.test.world.set_clock(-HOUR_MS, false);
    house.passes(HOUR - Duration::from_secs(60)).await;
    assert_eq!(house.started().len(), 3, "until the clock has caught up");
    house.passes(Duration::from_secs(1500)).await;
    let keys: Vec<_> = house.started().into_iter().map(|goal| goal.correlation.unwrap()).collect();
    assert_eq!(keys, [1, 2, 3, 4].map(|third| line.key(line.handled_ms + third * 20 * MINUTE_MS)));
}

#[tokio::test(start_paused = true)]
async fn on_days_when_clocks_change_a_fixed_time_comes_once() {
    // 28 March 2027: from 02:00 to 03:00 in Berlin. 31 October: from 03:00 back to 02:00.
    for (day, due) in [("2027-03-27T12:00:00Z", "2027-03-28 03:00"), ("2027-10-30T12:00:00Z", "2027-10-31 02:30")] {
        let test = TestPorts::obliging();
        let day_ms = day.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp_millis();
        test.world.set_clock(day_ms - test.world.now_ms(), true);
        let house = House::open_on(test, limits(4), finish).await;
        let ada = house.persona("ada").await;
        let hours = Hours { zone: "Europe/Berlin".parse().unwrap(), ..Hours::ALWAYS };
        let patch = PersonaPatch { hours: Some(hours), ..PersonaPatch::default() };
        house.company.update_persona(ada, 1, patch, &house.by()).await.unwrap();
        house.schedules(ada, "30 2 * * *").await;
        house.passes(20 * HOUR).await;
        assert_eq!(house.started().len(), 1, "{day}");
        assert_eq!(house.saying(&format!("the calendar started “morning”, due {due}")).len(), 1, "{day}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_time_zone_counts_from_then_on() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let line = house.schedules(ada, "0 14 * * *").await;
    let hours = Hours { zone: "America/New_York".parse().unwrap(), ..Hours::ALWAYS };
    let patch = PersonaPatch { hours: Some(hours), ..PersonaPatch::default() };
    house.company.update_persona(ada, 1, patch, &house.by()).await.unwrap();
    house.passes(6 * HOUR).await;
    assert!(house.started().is_empty(), "14:00 in New York is 19:00 here");
    house.passes(HOUR).await;
    assert_eq!(house.started()[0].correlation, Some(line.key(line.handled_ms + 7 * HOUR_MS)));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_the_field_and_the_reason() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    for (cron, reason) in [
        ("0 0 30 2 *", "never comes"),
        ("* * * * * *", "the shortest pause allowed is 60 s"),
        ("at nine", "is no cron expression"),
        ("", "must hold 1 to 100 characters"),
    ] {
        match house.company.add_schedule(ada, schedule(cron), &house.by()).await {
            Err(CommandError::Invalid { field, reason: said }) => {
                assert!(field == "cron" && said.contains(reason), "{cron}: {said}");
            }
            other => panic!("{cron}: {other:?}"),
        }
    }
    let nameless = NewSchedule { name: "  ".to_owned(), ..schedule("0 9 * * *") };
    let refused = house.company.add_schedule(ada, nameless, &house.by()).await;
    assert!(matches!(refused, Err(CommandError::Invalid { ref field, .. }) if field == "name"), "{refused:?}");
    assert!(house.test.store.schedules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_lines_cost_nothing_until_they_are_due() {
    let house = House::open(4, finish).await;
    let ada = house.persona("ada").await;
    let bo = house.persona("bo").await;
    let later = house.schedules(ada, "0 9 1 1 *").await;
    house.schedules(bo, "0 13 * * *").await;
    let receipts = vec![testing::draft(&*house.test.world, ChainId::Persona(ada), None, "many")];
    let many = (0..10_000).map(|_| {
        let id = crate::domain::ScheduleId(house.test.world.new_id());
        Change::ScheduleSet(Box::new(Schedule { id, ..later.clone() }))
    });
    house.test.store.seed(Commit { changes: many.collect(), receipts, ..Commit::default() }).unwrap();
    let house = house.killed().await;
    settle().await;
    let before = house.records.reads(ada);
    house.passes(2 * HOUR).await;
    assert_eq!((house.started().len(), house.records.reads(ada)), (1, before));
}

/// A company that carries its runs itself.
async fn working(test: &TestPorts) -> Company {
    Company::start(limits(4), test.ports(), SigningKey::from_bytes(&[7; 32])).await.unwrap()
}

fn digests(test: &TestPorts) -> Vec<(PersonaId, String, GoalState)> {
    let goals = test.store.goals().into_iter().filter(|goal| matches!(goal.payload, Payload::Report(_)));
    goals.map(|goal| (goal.persona, goal.correlation.unwrap_or_default(), goal.state)).collect()
}

async fn lives(hours: u32) {
    for _ in 0..hours * 60 {
        tokio::time::advance(Duration::from_secs(60)).await;
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_worked_in_a_day_gets_one_digest_and_who_did_not_gets_none() {
    let test = TestPorts::obliging();
    let by = crate::supervisor::By { who: "ada".into(), trace: crate::domain::TraceId(test.world.new_id()) };
    let company = working(&test).await;
    let ada = company.create_persona(super::harness::new_persona("ada"), &by).await.unwrap().id;
    let bo = company.create_persona(super::harness::new_persona("bo"), &by).await.unwrap().id;
    company.create_persona(super::harness::new_persona("idle"), &by).await.unwrap();
    company.deliver(super::harness::work(ada, 500), &by).await.unwrap();
    company.deliver(super::harness::work(ada, 500), &by).await.unwrap();
    lives(11).await;
    assert!(digests(&test).is_empty(), "it is 23:00");
    lives(2).await;
    assert_eq!(digests(&test).len(), 1, "{:?}", digests(&test));
    assert_eq!((digests(&test)[0].0, digests(&test)[0].1.as_str()), (ada, "digest:2026-11-20"));
    // A digest is no work that would be worth another one.
    lives(24).await;
    assert_eq!(digests(&test).len(), 1);
    company.deliver(super::harness::work(bo, 500), &by).await.unwrap();
    lives(24).await;
    let keys: Vec<_> = digests(&test).into_iter().map(|(who, key, _)| (who, key)).collect();
    assert_eq!(keys, [(ada, "digest:2026-11-20".to_owned()), (bo, "digest:2026-11-22".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_missed_over_a_restart_is_made_once_at_the_next_start() {
    let test = TestPorts::obliging();
    let by = crate::supervisor::By { who: "ada".into(), trace: crate::domain::TraceId(test.world.new_id()) };
    let company = working(&test).await;
    let ada = company.create_persona(super::harness::new_persona("ada"), &by).await.unwrap().id;
    company.deliver(super::harness::work(ada, 500), &by).await.unwrap();
    lives(1).await;
    drop(company);
    settle().await;
    tokio::time::advance(50 * HOUR).await;
    for _ in 0..3 {
        let company = working(&test).await;
        lives(1).await;
        drop(company);
        settle().await;
        let all = digests(&test);
        assert_eq!((all.len(), all[0].1.as_str()), (1, "digest:2026-11-20"));
    }
    let digest = test.store.goals().into_iter().find(|goal| matches!(goal.payload, Payload::Report(_))).unwrap();
    let Payload::Report(report) = digest.payload else { panic!("not a report") };
    let until_ms = report.until_ms.unwrap();
    assert_eq!(until_ms - report.from_ms.unwrap(), 24 * HOUR_MS);
    assert_eq!(report.file, "digests/2026-11-20.md");
}
