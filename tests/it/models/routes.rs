//! Who is asked when the first does not answer.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use actors::domain::{ChatRequest, Length};
use greenroom::{
    config::{ModelsConfig, ProviderConfig, ProviderKind, RouteConfig},
    models::{ModelError, Outward, Piece, Request, ToEmbed, UNDERSTUDY},
};

use super::{
    MINUTE, config, later, livia,
    mock::{Mock, Reply, USED},
    models, talk, talk_with_tool,
};

/// The route `careful`, which is the default: first one provider, then the other (and then who else is named).
fn route(first: ProviderConfig, second: ProviderConfig, others: &[&str]) -> ModelsConfig {
    let mut config = config(first);
    config.providers.insert("spare".into(), second);
    let uses = ["house", "spare/large"].iter().chain(others).map(|name| (*name).to_owned());
    config.routes.insert("careful".into(), RouteConfig { uses: uses.collect() });
    config.default = "careful".into();
    config
}

#[tokio::test]
async fn the_next_is_asked_when_one_cannot_answer() {
    let refusal = |status| Reply::Status { status, retry_after: None, reason: "no".into() };
    for (replies, expected) in [
        (vec![Reply::soon(500), Reply::soon(500), Reply::soon(500)], "answered 500 after 3 tries"),
        (vec![Reply::soon(429), Reply::soon(429), Reply::soon(429)], "answered 429 after 3 tries"),
        (vec![refusal(401)], "refused the request with 401"),
        (vec![refusal(404)], "refused the request with 404"),
        (vec![refusal(413)], "too long"),
        (vec![Reply::Raw("<html>".into())], "cannot be used"),
        (vec![Reply::Hang], "did not answer within 50 ms"),
    ] {
        let (first, second) = (Mock::start(replies).await, Mock::start([Reply::text("I can.")]).await);
        let hasty = ProviderConfig { timeout: Duration::from_millis(50), ..first.provider(ProviderKind::OpenAi) };
        let timeout = if expected.contains("within") { hasty } else { first.provider(ProviderKind::OpenAi) };
        let config = route(timeout, second.provider(ProviderKind::Anthropic), &[]);
        let chatted = models(&config).chat(&livia(None), &talk_with_tool(), MINUTE).await.unwrap();
        assert_eq!((chatted.answer.text.as_str(), chatted.provider.as_str()), ("I can.", "spare"));
        assert!(chatted.tried.len() == 1 && chatted.tried[0].contains(expected), "{:?}", chatted.tried);
        assert_eq!(second.requests()[0].body["model"], "large");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_passed_over_and_a_text_comes_all_the_same() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spare = Mock::start([Reply::text(" I can. ")]).await;
    let gone = ProviderConfig { base_url: format!("http://{closed}/v1"), ..spare.provider(ProviderKind::OpenAi) };
    let models = models(&route(gone, spare.provider(ProviderKind::OpenAi), &[UNDERSTUDY]));
    let livia = livia(None);
    let text =
        Request { persona: &livia, prompt: "Write one line.", length: Length::Short, model: None, limit: MINUTE };
    let composed = models.compose(text).await.unwrap();
    assert_eq!((composed.text.as_str(), composed.provider.as_str()), ("I can.", "spare"));
    assert!(composed.tried[0].contains("could not be reached"), "{:?}", composed.tried);
    // Its script is at its end: the understudy comes on.
    assert_eq!(models.compose(text).await.unwrap().provider, UNDERSTUDY);
    let chatted = models.chat(&livia, &talk(), MINUTE).await.unwrap();
    assert_eq!((chatted.provider.as_str(), chatted.tried.len()), (UNDERSTUDY, 2));
}

#[tokio::test]
async fn once_part_of_an_answer_was_heard_nobody_else_is_asked() {
    let (first, second) = (Mock::start([Reply::Break("Four".into())]).await, Mock::start([Reply::text("Five")]).await);
    let kind = ProviderKind::OpenAi;
    let models = models(&route(first.provider(kind), second.provider(kind), &[]));
    let mut stream = models.chat_stream(&livia(None), &talk(), MINUTE);
    assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Text("Four".into()));
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ModelError::Broken { .. }), "{error}");
    assert!(second.requests().is_empty());

    // The first one's script is at its end: it refuses, nothing was heard, so the other one speaks.
    let mut stream = models.chat_stream(&livia(None), &talk(), MINUTE);
    assert_eq!(stream.next().await.unwrap().unwrap(), Piece::Text("Five".into()));
}

#[tokio::test]
async fn when_nobody_answers_everybody_s_reason_is_told() {
    let too_long = || Reply::Status { status: 413, retry_after: None, reason: "too big".into() };
    let kind = ProviderKind::OpenAi;
    let (first, second) =
        (Mock::start([too_long(), too_long()]).await, Mock::start([Reply::soon(429), too_long()]).await);
    let busy = ProviderConfig { retries: 0, ..second.provider(kind) };
    let models = models(&route(first.provider(kind), busy, &[]));
    let error = models.chat(&livia(None), &talk(), MINUTE).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("`house`") && shown.contains("`spare` answered 429"), "{shown}");
    assert!(error.is_throttled() && error.is_retryable() && !error.is_not_begun(), "{error:?}");
    // Too long for everybody: that is final.
    let error = models.chat(&livia(None), &talk(), MINUTE).await.unwrap_err();
    assert!(matches!(error, ModelError::TooLong { .. }) && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn nobody_is_asked_when_the_time_is_over() {
    let (first, second) = (Mock::start([Reply::Hang]).await, Mock::start([Reply::Hang]).await);
    let kind = ProviderKind::OpenAi;
    let models = models(&route(first.provider(kind), second.provider(kind), &[]));
    let error = models.chat(&livia(None), &talk(), Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, ModelError::TimedOut { .. }), "{error}");
    assert!(second.requests().is_empty());
}

/// A provider's own `timeout` is longer than the whole limit, as it may be configured.
#[tokio::test]
async fn one_that_hangs_leaves_the_next_its_time_and_is_left_alone_in_the_end() {
    let first = Mock::answering(|_| Reply::Hang).await;
    let second = Mock::answering(|_| Reply::text("I can.")).await;
    let kind = ProviderKind::OpenAi;
    let models = models(&route(first.provider(kind), second.provider(kind), &[UNDERSTUDY]));
    for times in 1..=6 {
        let models = models.clone();
        let chat = tokio::spawn(async move { models.chat(&livia(None), &talk(), MINUTE).await });
        while first.requests().len() < times && times < 6 {
            tokio::task::yield_now().await;
        }
        if times < 6 {
            later(MINUTE / 2).await;
        }
        let chatted = chat.await.unwrap().unwrap();
        let expected = if times == 6 { "failed 5 times in a row" } else { "did not answer within" };
        assert!(chatted.tried.len() == 1 && chatted.tried[0].contains(expected), "{times}: {:?}", chatted.tried);
        assert_eq!(chatted.provider, "spare");
    }
    assert_eq!(first.requests().len(), 5);
}

#[tokio::test]
async fn one_that_is_full_leaves_the_next_its_time() {
    let (first, second) =
        (Mock::start([Reply::Stall("I am".into())]).await, Mock::start([Reply::text("I can.")]).await);
    let kind = ProviderKind::OpenAi;
    let single = ProviderConfig { max_concurrent: 1, ..first.provider(kind) };
    let models = models(&route(single, second.provider(kind), &[]));
    let mut holds_the_place = models.chat_stream(&livia(None), &talk(), MINUTE);
    assert!(matches!(holds_the_place.next().await, Some(Ok(Piece::Text(_)))));
    let chat = tokio::spawn(async move { models.chat(&livia(None), &talk(), MINUTE).await });
    // On this one thread it runs until it has to wait.
    tokio::task::yield_now().await;
    later(MINUTE / 2).await;
    let chatted = chat.await.unwrap().unwrap();
    assert!(chatted.tried[0].contains("at its limit (max_concurrent)"), "{:?}", chatted.tried);
    assert_eq!(chatted.answer.text, "I can.");
}

/// Nobody knows how far the first one came, and its bill may come; who refuses sends none.
#[tokio::test]
async fn who_broke_off_before_the_answer_is_paid_for_at_its_worst() {
    for (reply, is_paid) in [(Reply::Raw("<html>".into()), true), (Reply::soon(401), false)] {
        let (first, second) = (Mock::start([reply]).await, Mock::start([Reply::text("I can.")]).await);
        let kind = ProviderKind::OpenAi;
        let models = models(&route(first.provider(kind), second.provider(kind), &[]));
        let bound = |name: &str| models.bound(&livia(Some(name)), &talk()).unwrap();
        let cost = models.chat(&livia(None), &talk(), MINUTE).await.unwrap().cost.unwrap();
        let answered = USED.0 + USED.1;
        match is_paid {
            // What is bounded is the streamed request, whose body is a little longer.
            true => assert!(
                (bound("house").micro_usd - 100..=bound("house").micro_usd).contains(&(cost.micro_usd - answered))
            ),
            false => assert_eq!(cost.micro_usd, answered),
        }
        assert!(
            cost.micro_usd <= bound("careful").micro_usd
                && cost.input_tokens + cost.output_tokens <= bound("careful").tokens
        );
    }
}

/// Somebody between gave up on it, and the model may have gone on: asked once more, it could bill twice what was reserved.
#[tokio::test]
async fn what_may_be_billed_is_not_asked_of_the_same_one_again() {
    for status in [408, 502, 504, 524] {
        let first = Mock::start([Reply::soon(status), Reply::text("Too dear.")]).await;
        let second = Mock::start([Reply::text("I can.")]).await;
        let kind = ProviderKind::OpenAi;
        let models = models(&route(first.provider(kind), second.provider(kind), &[]));
        let bound = |name: &str| models.bound(&livia(Some(name)), &talk()).unwrap();
        let chatted = models.chat(&livia(None), &talk(), MINUTE).await.unwrap();
        assert_eq!((chatted.answer.text.as_str(), first.requests().len()), ("I can.", 1), "{status}");
        let (lost, cost) = (chatted.cost.unwrap().micro_usd - USED.0 - USED.1, bound("house").micro_usd);
        assert!((cost - 100..=cost).contains(&lost), "{status}: {lost} of {cost}");
    }
}

#[tokio::test]
async fn who_was_busy_and_then_answers_is_paid_for_the_answer() {
    for status in [429, 500, 503, 529] {
        let mock = Mock::start([Reply::soon(status), Reply::soon(status), Reply::text("I can.")]).await;
        let models = models(&mock.config(ProviderKind::OpenAi));
        let chatted = models.chat(&livia(None), &talk(), MINUTE).await.unwrap();
        assert_eq!((chatted.cost.unwrap().micro_usd, mock.requests().len()), (USED.0 + USED.1, 3), "{status}");
    }
}

/// Every answer 429 is heard of, whoever answers in the end: what is asked again costs a provider's patience, too.
#[tokio::test]
async fn every_answer_that_there_were_too_many_requests_is_told_with_who_asked() {
    let kind = ProviderKind::OpenAi;
    let busy = || Mock::start([Reply::soon(429), Reply::soon(429), Reply::soon(429)]);
    let (first, second) =
        (busy().await, Mock::start([Reply::soon(503), Reply::soon(429), Reply::text("I can.")]).await);
    let models = models(&route(first.provider(kind), second.provider(kind), &[]));
    let heard: Arc<Mutex<Vec<_>>> = Arc::default();
    models.on_refusal({
        let heard = heard.clone();
        move |persona| heard.lock().unwrap().push(persona)
    });
    let livia = livia(None);
    models.chat(&livia, &ChatRequest { model: Some("careful".into()), ..talk() }, MINUTE).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), vec![Some(livia.id); 4], "three of the first, one of the second");
    heard.lock().unwrap().clear();
    let program = Mock::start([Reply::soon(429), Reply::soon(429), Reply::soon(429)]).await;
    let models = super::models(&program.config(kind));
    models.on_refusal({
        let heard = heard.clone();
        move |persona| heard.lock().unwrap().push(persona)
    });
    let asked = Outward { persona: None, request: talk(), raw: serde_json::Map::new() };
    models.pass(&asked, MINUTE).await.unwrap_err();
    assert_eq!(*heard.lock().unwrap(), vec![None; 3]);
}

/// The first may bill; that the key of the next is missing is no reason to forget it.
#[tokio::test]
async fn embeddings_go_on_behind_one_without_a_key_and_forget_no_bill() {
    let kind = ProviderKind::OpenAi;
    let (first, third) = (Mock::start([Reply::Raw("<html>".into())]).await, Mock::start([]).await);
    let keyless = ProviderConfig { key_secret: "missing".into(), ..first.provider(kind) };
    let mut config = route(first.provider(kind), keyless, &["third"]);
    config.providers.insert("third".into(), third.provider(kind));
    let raw = serde_json::Map::from_iter([("input".to_owned(), "a line".into())]);
    let asked = ToEmbed { persona: None, model: "careful".into(), raw };
    let error = models(&config).embed(&asked, MINUTE).await.unwrap_err();
    assert!(!error.is_free() && error.to_string().contains("`missing`"), "{error}");
    assert_eq!(third.requests().len(), 1);
}

#[tokio::test]
async fn the_request_s_model_comes_before_the_persona_s_and_that_before_the_default() {
    let mock = Mock::start([Reply::text("1"), Reply::text("2"), Reply::text("3")]).await;
    let kind = ProviderKind::OpenAi;
    let models = models(&route(mock.provider(kind), mock.provider(kind), &[]));
    let named = ChatRequest { model: Some("spare/vendor/huge".into()), ..talk() };
    for (persona, request) in [(livia(None), talk()), (livia(Some("spare")), talk()), (livia(Some("spare")), named)] {
        models.chat(&persona, &request, MINUTE).await.unwrap();
    }
    let asked: Vec<_> = mock.requests().iter().map(|seen| seen.body["model"].as_str().unwrap().to_owned()).collect();
    assert_eq!(asked, ["small-1", "small-1", "vendor/huge"]);
    let nobody = ChatRequest { model: Some("spare/".into()), ..talk() };
    let error = models.chat(&livia(None), &nobody, MINUTE).await.unwrap_err();
    assert!(error.to_string().contains("known are: understudy, careful, house, spare"), "{error}");
}

#[tokio::test]
async fn the_worst_case_of_a_route_is_that_of_all_together() {
    let mock = Mock::start([]).await;
    let kind = ProviderKind::OpenAi;
    let dear = ProviderConfig { output_micro_usd_per_million: Some(80_000_000), ..mock.provider(kind) };
    let both = models(&route(mock.provider(kind), dear.clone(), &[]));
    let bound = |name: &str| both.bound(&livia(Some(name)), &talk()).unwrap();
    assert_eq!(bound("careful"), bound("spare/large").plus(bound("house")));
    let unknown = ProviderConfig { input_micro_usd_per_million: None, output_micro_usd_per_million: None, ..dear };
    let error = models(&route(mock.provider(kind), unknown, &[])).bound(&livia(None), &talk()).unwrap_err();
    assert!(matches!(&error, ModelError::Unbounded { provider, .. } if provider == "spare"), "{error}");
}

#[tokio::test]
async fn an_understudy_behind_a_model_does_not_act_in_its_place() {
    let mock = Mock::start([]).await;
    let mut config = mock.config(ProviderKind::OpenAi);
    config.routes.insert("careful".into(), RouteConfig { uses: vec!["house".into(), UNDERSTUDY.into()] });
    let error = models(&config).chat(&livia(Some("careful")), &talk_with_tool(), MINUTE).await.unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("the script is at its end") && shown.contains("cannot make calls"), "{shown}");
}
