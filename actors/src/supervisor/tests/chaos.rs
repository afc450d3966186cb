//! Whatever people do and whatever falls, in any order: one run per persona, the cap holds, nothing vanishes and
//! everything comes to its end.

use std::{sync::atomic::Ordering, time::Duration};

use proptest::prelude::*;

use super::harness::{House, Play, limits, settle, until};
use crate::{
    domain::{GoalId, Limits, MessageState, PersonaId},
    persona::carrier::Order,
    testing::TestPorts,
};

const CAP: usize = 2;

#[derive(Debug, Clone)]
enum Event {
    Give(usize, u16),
    Pause(usize),
    Resume(usize),
    Restart(usize),
    Fall(usize),
    Cancel(usize),
    Retry(usize),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let persona = 0_usize..4;
    prop_oneof![
        6 => (persona.clone(), 0_u16..=1000).prop_map(|(who, priority)| Event::Give(who, priority)),
        1 => persona.clone().prop_map(Event::Pause),
        2 => persona.clone().prop_map(Event::Resume),
        1 => persona.clone().prop_map(Event::Restart),
        1 => persona.prop_map(Event::Fall),
        1 => (0_usize..20).prop_map(Event::Cancel),
        1 => (0_usize..20).prop_map(Event::Retry),
        4 => (0_u64..400).prop_map(Event::Pass),
    ]
}

/// Every kind of run, chosen by the goal.
fn script(order: &Order) -> Play {
    let goal = &order.work.goal;
    match (goal.id.as_bytes()[15] % 6, goal.attempts) {
        (0, _) => Play::Panic,
        (1, 0) => Play::BackOff(Duration::from_millis(300)),
        (2 | 3, _) => Play::Take(Duration::from_millis(100)),
        _ => Play::Finish,
    }
}

impl House {
    async fn suffer(&self, event: &Event, personas: &[PersonaId], goals: &mut Vec<GoalId>) {
        let (company, by) = (&self.company, self.by());
        // Commands may be refused here; what counts is what is left behind.
        match event {
            Event::Give(who, priority) => goals.push(self.give(personas[*who], *priority).await.goal.id),
            Event::Pause(who) => drop(company.pause(personas[*who], &by).await),
            Event::Resume(who) => drop(company.resume(personas[*who], &by).await),
            Event::Restart(who) => drop(company.restart(personas[*who], &by).await),
            Event::Fall(who) => self.records.fall(personas[*who], 1),
            Event::Cancel(at) if !goals.is_empty() => {
                drop(company.cancel_goal(goals[at % goals.len()], &by).await);
            }
            Event::Retry(at) if !goals.is_empty() => {
                drop(company.retry_goal(goals[at % goals.len()], &by).await);
            }
            Event::Pass(ms) => {
                settle().await;
                tokio::time::advance(Duration::from_millis(*ms)).await;
            }
            Event::Cancel(_) | Event::Retry(_) => {}
        }
    }
}

async fn survives(events: Vec<Event>) {
    // They retire at once when idle, so that every race of going and coming happens.
    let limits = Limits { passivate_after: Duration::from_millis(1), restarts: 1_000, ..limits(CAP) };
    let house = House::open_on(TestPorts::obliging(), limits, script).await;
    let mut personas = Vec::new();
    for slug in ["ada", "bo", "cy", "di"] {
        personas.push(house.persona(slug).await);
    }
    let mut goals = Vec::new();
    for event in &events {
        house.suffer(event, &personas, &mut goals).await;
    }
    for persona in personas {
        house.records.fall(persona, 0);
        house.company.resume(persona, &house.by()).await.unwrap();
    }
    let over = |state| !matches!(state, MessageState::Waiting | MessageState::Running);
    until(|| house.test.store.messages().iter().all(|message| over(message.state))).await;
    until(|| house.company.figures().awake == 0).await;
    house.accounts_for(goals.len());
    assert!(house.seen.most.load(Ordering::SeqCst) <= CAP);
    let figures = house.company.figures();
    assert_eq!((figures.active_personas, figures.waiting_for_slice), (0, 0));
    house.company.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_company_survives(events in prop::collection::vec(event(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(survives(events));
    }
}
