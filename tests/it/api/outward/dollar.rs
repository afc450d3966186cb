//! A dollar is a dollar: for a hundred programs at once, and for whoever is billed without an answer.

use actors::domain::{Budget, BudgetPeriod, BudgetScope, BudgetUnit};
use serde_json::json;
use tokio::task::JoinSet;

use super::{CHAT, asks, by, code, hello};
use crate::{
    api::harness::{TestServer, answer},
    models::mock::{Mock, Reply, Seen},
    postgres,
};

const DOLLAR: u64 = 1_000_000;
const CALLERS: usize = 100;

/// Every answer uses nearly all that was reserved: whoever overbooks spends too much.
fn greedy(_: &Seen) -> Reply {
    let usage = json!({"prompt_tokens": 100, "completion_tokens": 30_000});
    let choice =
        json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "All of it."}});
    Reply::Raw(json!({"model": "small-1", "choices": [choice], "usage": usage}).to_string())
}

/// A hundred programs at once, on one key, while somebody watches what is taken.
async fn a_hundred_at_once_never_take_more_than_a_dollar(database_url: String) {
    let mock = Mock::answering(greedy).await;
    let asks = asks(&mock);
    let server = TestServer::start_with(|config| {
        asks(config);
        config.storage.database_url = database_url;
    })
    .await;
    let ada = server.persona("Ada").await["id"].as_str().unwrap().parse().unwrap();
    let limit = |hard| vec![Budget { period: BudgetPeriod::Day, unit: BudgetUnit::MicroUsd, soft: None, hard }];
    server.company.set_budgets(BudgetScope::Persona(ada), 0, limit(DOLLAR / 2), &by()).await.unwrap();
    let alone = server.key("alone", json!({"limits": {"day": {"micro_usd": {"hard": DOLLAR}}}})).await;
    let of_ada =
        server.key("of-ada", json!({"persona": "ada", "limits": {"day": {"micro_usd": {"hard": DOLLAR}}}})).await;
    let scopes = [(&alone, BudgetScope::Key("alone".into()), DOLLAR), (&of_ada, BudgetScope::Persona(ada), DOLLAR / 2)];
    let mut body = hello();
    body["max_tokens"] = 30_000.into();
    for (key, scope, hard) in scopes {
        let mut calls = JoinSet::new();
        for _ in 0..CALLERS {
            let call = server.program(key, CHAT, &body).send();
            calls.spawn(async { answer(call.await.unwrap()).await });
        }
        let (mut answered, mut refused) = (0, 0);
        while let Some(said) = calls.join_next().await.transpose().unwrap() {
            match code(&said) {
                (200, None) => answered += 1,
                // The rest is reserved for those under way, or used up.
                (429, Some("rate_limit_exceeded" | "insufficient_quota")) => refused += 1,
                _ => panic!("{}", said.json),
            }
            let now = server.today(scope.clone()).await;
            assert!(now.taken(BudgetUnit::MicroUsd) <= hard, "{now:?} of {hard}");
        }
        assert_eq!(answered + refused, CALLERS as u64);
        let mut one_more = server.chat(key, &body).await;
        while code(&one_more) == (200, None) {
            answered += 1;
            one_more = server.chat(key, &body).await;
        }
        assert_eq!(code(&one_more), (429, Some("insufficient_quota")), "nobody is under way: {}", one_more.json);
        let now = server.today(scope.clone()).await;
        assert_eq!((now.spent.micro_usd, now.reserved.micro_usd), (answered * 30_100, 0), "{scope}");
        assert!(answered > 0 && refused > 0, "{answered} were answered, {refused} refused");
    }
    let spent = server.today(BudgetScope::Key("of-ada".into())).await.spent;
    assert!(spent.micro_usd <= DOLLAR / 2, "the persona's budget holds for its key: {spent:?}");
    let denied = server.get("/api/alerts").await.json;
    assert!(denied["items"].as_array().unwrap().iter().any(|alert| alert["kind"] == "over_budget"), "{denied}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_hundred_at_once_never_take_more_than_a_dollar() {
    a_hundred_at_once_never_take_more_than_a_dollar(String::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_hundred_at_once_never_take_more_than_a_dollar() {
    a_hundred_at_once_never_take_more_than_a_dollar(postgres::database().await).await;
}

/// Every other answer comes too late for whoever stands before the provider, and is billed all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_times_out_and_is_tried_again_is_billed_within_the_dollar() {
    let mut asked = 0;
    let mock = Mock::answering(move |seen| {
        asked += 1;
        if asked % 2 == 1 { Reply::soon(504) } else { greedy(seen) }
    })
    .await;
    let asks = asks(&mock);
    let server = TestServer::start_with(|config| {
        asks(config);
        // One after another: five failures in a row would switch it off.
        for provider in config.models.providers.values_mut() {
            (provider.max_concurrent, provider.retries) = (1, 2);
        }
    })
    .await;
    let key = server.key("ci", json!({"limits": {"day": {"micro_usd": {"hard": DOLLAR}}}})).await;
    let mut body = hello();
    body["max_tokens"] = 30_000.into();
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let call = server.program(&key, CHAT, &body).send();
        calls.spawn(async { answer(call.await.unwrap()).await });
    }
    let said = calls.join_all().await;
    assert!(said.iter().any(|said| code(said).0 == 200) && said.iter().any(|said| code(said).0 == 502), "both came");
    while code(&server.chat(&key, &body).await) != (429, Some("insufficient_quota")) {}
    let billed = mock.requests().len() as u64 * 30_100;
    let today = server.today(BudgetScope::Key("ci".into())).await;
    assert!((billed..=DOLLAR).contains(&today.spent.micro_usd), "{billed} were billed, {today:?}");
    server.stop().await;
}
