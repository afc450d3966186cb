//! Tools that people try by hand, on record.

use serde_json::json;

use super::harness::{House, Play, limits, until};
use crate::{
    domain::{ChainId, Effect, PersonaId, Phase, Receipt},
    supervisor::{CommandError, NewTry, TryEnd},
    testing,
};

fn tries(house: &House, chain: &ChainId) -> Vec<(Option<Phase>, Option<Effect>, String)> {
    let of_tool = |receipt: &Receipt| receipt.tool.as_deref() == Some("count");
    let chain = house.test.store.chain(chain).into_iter().filter(of_tool);
    chain.map(|receipt| (receipt.phase, receipt.effect, receipt.body.unwrap().summary)).collect()
}

fn new(house: &House, persona: Option<PersonaId>, effect: Effect) -> NewTry {
    let data = json!({"arguments": {"text": "a b"}});
    NewTry { tool: "count".to_owned(), persona, effect, data, by: house.by() }
}

fn end(error: Option<&str>) -> TryEnd {
    TryEnd { known: true, data: json!({"exit": 0}), error: error.map(str::to_owned) }
}

#[tokio::test(start_paused = true)]
async fn what_may_write_has_its_intent_first_and_every_try_its_outcome() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let (own, system) = (ChainId::Persona(ada), ChainId::System(testing::node()));
    let looks = house.company.begin_try(new(&house, None, Effect::Pure)).await.unwrap();
    assert_eq!(tries(&house, &system), []);
    looks.end(end(None)).await.unwrap();
    let outcome = (Some(Phase::Outcome), Some(Effect::Pure), "ada tried count: it answered".to_owned());
    assert_eq!(tries(&house, &system), [outcome]);

    let writes = house.company.begin_try(new(&house, Some(ada), Effect::Idempotent)).await.unwrap();
    let intent = (Some(Phase::Intent), Some(Effect::Idempotent), "ada tries count".to_owned());
    assert_eq!(tries(&house, &own), std::slice::from_ref(&intent));
    writes.end(end(Some("it ended with code 3"))).await.unwrap();
    let said = "ada tried count: it did not do what it should".to_owned();
    assert_eq!(tries(&house, &own), [intent, (Some(Phase::Outcome), Some(Effect::Idempotent), said)]);
    let body = house.test.store.chain(&own).pop().unwrap().body.unwrap();
    assert_eq!(body.data, json!({"tried_by": "ada", "arguments": {"text": "a b"}, "exit": 0}));
    assert_eq!(body.error.as_deref(), Some("it ended with code 3"));
}

#[tokio::test(start_paused = true)]
async fn a_try_that_nobody_ends_is_unknown_and_one_for_nobody_is_refused() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let own = ChainId::Persona(ada);
    drop(house.company.begin_try(new(&house, Some(ada), Effect::Irreversible)).await.unwrap());
    until(|| tries(&house, &own).len() == 2).await;
    assert_eq!(tries(&house, &own)[1].0, Some(Phase::Unknown));
    house.company.delete_persona(ada, &house.by()).await.unwrap();
    for effect in [Effect::Pure, Effect::Idempotent] {
        let refused = house.company.begin_try(new(&house, Some(ada), effect)).await.map(drop);
        assert!(matches!(refused, Err(CommandError::NotFound { what: "persona", .. })), "{refused:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_try_that_a_crash_cut_off_is_unknown_from_the_next_start_on() {
    let house = House::open(1, |_| Play::Finish).await;
    let ada = house.persona("ada").await;
    let (own, system) = (ChainId::Persona(ada), ChainId::System(testing::node()));
    for persona in [Some(ada), None] {
        // Whoever would say how it ended dies with the process.
        std::mem::forget(house.company.begin_try(new(&house, persona, Effect::Irreversible)).await.unwrap());
    }
    house.company.begin_try(new(&house, None, Effect::Idempotent)).await.unwrap().end(end(None)).await.unwrap();
    house.company.end().await;

    let next = House::open_on(house.test.clone(), limits(1), |_| Play::Finish).await;
    let said = "ada tried count: nobody knows what it did".to_owned();
    let lost = (Some(Phase::Unknown), Some(Effect::Irreversible), said);
    for (chain, receipts) in [(&own, 2), (&system, 4)] {
        let tries = tries(&next, chain);
        assert_eq!((tries.len(), tries.last()), (receipts, Some(&lost)), "{tries:?}");
        let receipts = next.test.store.chain(chain);
        let last = receipts.iter().rfind(|receipt| receipt.tool.is_some()).unwrap();
        assert_eq!(last.body.as_ref().unwrap().error.as_deref(), Some("the server ended before it did"));
        let intent = |receipt: &&Receipt| receipt.phase == Some(Phase::Intent) && receipt.trace == last.trace;
        assert!(receipts.iter().find(intent).is_some(), "it is about that intent");
    }
    next.company.end().await;
    let third = House::open_on(next.test.clone(), limits(1), |_| Play::Finish).await;
    assert_eq!((tries(&third, &own).len(), tries(&third, &system).len()), (2, 4), "once");
}
