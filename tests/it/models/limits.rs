//! Providers that are asked too much, and those that keep failing.

use std::time::Duration;

use actors::domain::ChatRequest;
use greenroom::{
    config::{ProviderConfig, ProviderKind},
    models::{ModelError, Models, Piece},
};

use super::{
    MINUTE, config, later, livia,
    mock::{Mock, Reply},
    models, talk,
};

const KIND: ProviderKind = ProviderKind::OpenAi;

async fn asked(models: &Models, limit: Duration) -> Result<String, ModelError> {
    models.chat(&livia(None), &talk(), limit).await.map(|chatted| chatted.answer.text)
}

#[tokio::test]
async fn waiting_for_a_place_counts_against_the_limit() {
    let mock = Mock::start([Reply::Stall("I am".into()), Reply::text("Now me.")]).await;
    let models = models(&config(ProviderConfig { max_concurrent: 1, ..mock.provider(KIND) }));
    let mut holds_the_place = models.chat_stream(&livia(None), &talk(), MINUTE);
    assert!(matches!(holds_the_place.next().await, Some(Ok(Piece::Text(_)))));
    let error = asked(&models, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(error, ModelError::Full { limit: "max_concurrent", .. }), "{error}");
    assert!(error.is_not_begun() && error.is_retryable() && mock.requests().len() == 1);
    drop(holds_the_place);
    assert_eq!(asked(&models, MINUTE).await.unwrap(), "Now me.");
}

#[tokio::test]
async fn no_more_requests_a_minute_than_are_allowed() {
    let mock = Mock::start([Reply::text("one"), Reply::text("two"), Reply::text("three")]).await;
    let models = models(&config(ProviderConfig { requests_per_minute: 2, ..mock.provider(KIND) }));
    let half = MINUTE / 2;
    assert_eq!(asked(&models, half).await.unwrap(), "one");
    assert_eq!(asked(&models, half).await.unwrap(), "two");
    let error = asked(&models, half).await.unwrap_err();
    assert!(matches!(error, ModelError::Full { limit: "requests_per_minute", .. }), "{error}");
    assert_eq!(mock.requests().len(), 2);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_left_alone_for_a_minute() {
    let failures = std::iter::repeat_n(Reply::soon(500), 6);
    let mock = Mock::start(failures.chain([Reply::text("Well again."), Reply::text("Still well.")])).await;
    let models = models(&config(ProviderConfig { retries: 0, ..mock.provider(KIND) }));
    for _ in 0..5 {
        assert!(matches!(asked(&models, MINUTE).await, Err(ModelError::Busy { status: 500, .. })));
    }
    let error = asked(&models, MINUTE).await.unwrap_err();
    assert!(matches!(error, ModelError::SwitchedOff { failures: 5, .. }) && error.is_not_begun(), "{error}");
    assert_eq!(mock.requests().len(), 5, "it was not asked");

    later(MINUTE).await;
    assert!(matches!(asked(&models, MINUTE).await, Err(ModelError::Busy { .. })), "one call finds out");
    assert!(matches!(asked(&models, MINUTE).await, Err(ModelError::SwitchedOff { failures: 6, .. })));
    later(MINUTE).await;
    assert_eq!(asked(&models, MINUTE).await.unwrap(), "Well again.");
    assert_eq!(asked(&models, MINUTE).await.unwrap(), "Still well.");
}

#[tokio::test]
async fn refusals_and_callers_that_go_away_switch_nothing_off() {
    let refused = Reply::Status { status: 401, retry_after: None, reason: "no".into() };
    let storm = std::iter::repeat_n(Reply::soon(429), 6).chain(std::iter::repeat_n(refused, 6));
    let replies = storm.chain(std::iter::repeat_n(Reply::Hang, 6)).chain([Reply::text("Here.")]);
    let mock = Mock::start(replies).await;
    let models = models(&config(ProviderConfig { retries: 0, ..mock.provider(KIND) }));
    for _ in 0..12 {
        assert!(matches!(
            asked(&models, MINUTE).await,
            Err(ModelError::Busy { status: 429, .. } | ModelError::Refused { status: 401, .. })
        ));
    }
    for _ in 0..6 {
        // As long as it takes to reach the mock: the request must have arrived before the caller goes away.
        let before = mock.requests().len();
        tokio::select! {
            answer = asked(&models, MINUTE) => panic!("it hangs: {answer:?}"),
            () = async { while mock.requests().len() == before { tokio::task::yield_now().await } } => {}
        }
    }
    assert_eq!(asked(&models, MINUTE).await.unwrap(), "Here.");
}

#[tokio::test]
async fn a_caller_with_little_time_switches_nothing_off() {
    let mock = Mock::answering(|seen| match seen.body["max_tokens"].as_u64() {
        Some(7) => Reply::text("Here."),
        _ => Reply::Hang,
    });
    let mock = mock.await;
    let models = models(&mock.config(KIND));
    for _ in 0..6 {
        let error = asked(&models, Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, ModelError::TimedOut { .. }), "{error}");
    }
    let short = ChatRequest { max_output_tokens: 7, ..talk() };
    assert_eq!(models.chat(&livia(None), &short, MINUTE).await.unwrap().answer.text, "Here.");
}

#[tokio::test]
async fn a_date_to_come_back_at_is_understood() {
    for (date, expected) in [("Wed, 21 Oct 2015 07:28:00 GMT", None), ("Wed, 21 Oct 2099 07:28:00 GMT", Some(1))] {
        let busy = Reply::Status { status: 429, retry_after: Some(date.into()), reason: "later".into() };
        let mock = Mock::start([busy, Reply::text("Here.")]).await;
        let answer = asked(&models(&mock.config(KIND)), MINUTE).await;
        let tries = answer.err().map(|error| match error {
            ModelError::Busy { tries, .. } => tries,
            error => panic!("{error}"),
        });
        assert_eq!(tries, expected, "{date}");
    }
}
