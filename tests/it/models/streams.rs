//! Answers that are heard while they come, and streams that misbehave.

use std::time::Duration;

use actors::domain::Finish;
use greenroom::{
    config::{ProviderConfig, ProviderKind},
    models::{ChatStream, Chatted, ModelError, Piece},
};
use serde_json::json;
use wiremock::{MockServer, ResponseTemplate, matchers::method};

use super::{
    KEY, MINUTE, WIRES, config, livia,
    mock::{Mock, Reply},
    models, provider, talk, talk_with_tool,
};

/// All pieces before the end, and the end.
async fn heard(mut stream: ChatStream) -> (Vec<Piece>, Result<Chatted, ModelError>) {
    let mut pieces = Vec::new();
    loop {
        match stream.next().await.expect("a stream ends with an answer or an error") {
            Ok(Piece::Done(chatted)) => {
                assert!(stream.next().await.is_none(), "nothing comes after the end");
                return (pieces, Ok(*chatted));
            }
            Ok(piece) => pieces.push(piece),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing comes after an error");
                return (pieces, Err(error));
            }
        }
    }
}

fn text_of(pieces: &[Piece]) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.as_str(),
        _ => "",
    });
    texts.collect()
}

/// What a provider that sends this stream leads to, and what was heard before.
async fn misheard(kind: ProviderKind, reply: Reply) -> (String, ModelError) {
    // Only where silence is expected may time decide.
    let idle_timeout = if matches!(reply, Reply::Stall(_)) { Duration::from_millis(50) } else { MINUTE };
    let mock = Mock::start([reply]).await;
    let provider = ProviderConfig { idle_timeout, retries: 0, ..mock.provider(kind) };
    let stream = models(&config(provider)).chat_stream(&livia(None), &talk(), MINUTE);
    let (pieces, ended) = heard(stream).await;
    (text_of(&pieces), ended.unwrap_err())
}

#[tokio::test]
async fn a_text_comes_in_pieces_that_make_up_the_answer() {
    for kind in WIRES {
        let said = "Four degrees in Malmö, and „grün“ 🌿 behind it.";
        let mock = Mock::start([Reply::text(said)]).await;
        let stream = models(&mock.config(kind)).chat_stream(&livia(None), &talk(), MINUTE);
        let (pieces, ended) = heard(stream).await;
        assert!(pieces.len() > 5, "{pieces:?}");
        let chatted = ended.unwrap();
        assert_eq!((text_of(&pieces).as_str(), chatted.answer.text.as_str()), (said, said));
        assert_eq!((chatted.answer.finish, chatted.model.as_str()), (Finish::Stop, "small-1-0613"));
        let cost = chatted.cost.unwrap();
        assert_eq!((cost.input_tokens, cost.output_tokens), (100, 20));
        let asked = &mock.requests()[0].body;
        assert_eq!(asked["stream"], true);
        assert_eq!(asked["stream_options"]["include_usage"] == true, kind == ProviderKind::OpenAi);
    }
}

#[tokio::test]
async fn calls_are_put_together_and_told_whole() {
    for kind in WIRES {
        let (oslo, rome) = (json!({"city": "Oslo"}), json!({"city": "Rome", "days": [1, 2]}));
        let calls = Reply::calls([("get_weather", oslo.clone()), ("get_weather", rome.clone())]);
        let mock = Mock::start([calls]).await;
        let stream = models(&mock.config(kind)).chat_stream(&livia(None), &talk_with_tool(), MINUTE);
        let (pieces, ended) = heard(stream).await;
        let answer = ended.unwrap().answer;
        assert_eq!(answer.finish, Finish::Calls);
        let told: Vec<_> = answer.calls.iter().cloned().map(Piece::Call).collect();
        assert_eq!(pieces, told);
        let arguments = answer.calls.iter().map(|call| serde_json::from_str(&call.arguments).unwrap());
        assert_eq!(arguments.collect::<Vec<serde_json::Value>>(), [oslo, rome]);
        assert_ne!(answer.calls[0].id, answer.calls[1].id);
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_breaks_or_ends_early_is_named() {
    for kind in WIRES {
        let (text, error) = misheard(kind, Reply::Stall("Four degrees".into())).await;
        assert!(matches!(error, ModelError::Silent { after, .. } if after < MINUTE) && error.is_unknown(), "{error}");
        assert!("Four degrees".starts_with(&text), "{text}");
        let (text, error) = misheard(kind, Reply::Break("Four degrees".into())).await;
        assert!(matches!(error, ModelError::Broken { .. }) && error.is_unknown(), "{error}");
        assert_eq!(text, "Four degrees", "nothing of the half event");
        let (_, error) = misheard(kind, Reply::EndEarly("Four degrees".into())).await;
        assert!(matches!(&error, ModelError::Broken { reason, .. } if reason.contains("before the answer")), "{error}");
    }
}

#[tokio::test]
async fn what_breaks_off_inside_an_answer_may_be_billed_whatever_the_provider_calls_it() {
    let said = [
        (
            ProviderKind::OpenAi,
            r#"{"choices":[{"delta":{"content":"Four"}}]}"#,
            r#"{"error":{"code":429,"message":"slow down"}}"#,
        ),
        (
            ProviderKind::OpenAi,
            r#"{"choices":[{"delta":{"content":"Four"}}]}"#,
            r#"{"error":{"code":400,"message":"filtered"}}"#,
        ),
        (
            ProviderKind::Anthropic,
            r#"{"type":"message_start","message":{}}"#,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}"#,
        ),
    ];
    for (kind, begin, error) in said {
        let (_, error) = misheard(kind, Reply::Raw(format!("data: {begin}\n\ndata: {error}\n\n"))).await;
        assert!(error.is_unknown() && !error.is_free(), "{error}");
        assert!(error.to_string().contains("in the middle of its answer"), "{error}");
    }
}

#[tokio::test]
async fn streams_that_make_no_sense_are_named() {
    let openai = |data: &str| (ProviderKind::OpenAi, format!("data: {data}\n\n"));
    let anthropic = |data: &str| (ProviderKind::Anthropic, format!("data: {data}\n\n"));
    let start = r#"{"type":"message_start","message":{}}"#;
    let (stop, more) = (r#"{"choices":[{"finish_reason":"stop"}]}"#, r#"{"choices":[{"delta":{"content":"more"}}]}"#);
    for ((kind, stream), expected) in [
        (openai("<html>"), "not the expected JSON"),
        (openai(r#"{"choices":7}"#), "`choices`"),
        (openai("[DONE]"), "before the answer did"),
        (openai(&format!("{stop}\n\ndata: {more}")), "out of order"),
        (openai(r#"{"error":{"code":503,"message":"overloaded"}}"#), "answered 503"),
        (openai(r#"{"error":{"code":400,"message":"context window"}}"#), "too long"),
        (anthropic(r#"{"type":"content_block_stop","index":0}"#), "out of order"),
        (anthropic(&format!("{start}\n\ndata: {start}")), "out of order"),
        (anthropic(r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#), "answered 529"),
        (anthropic(&format!("{start}\n\ndata: {{\"type\":\"message_stop\"}}")), "`stop_reason` is missing"),
    ] {
        let (text, error) = misheard(kind, Reply::Raw(stream.clone())).await;
        assert!(text.is_empty() && error.to_string().contains(expected), "{stream}: {error}");
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_never_shows_the_key() {
    for kind in WIRES {
        let said = json!({"type": "error", "error": {"type": "api_error", "message": format!("key {KEY} is wrong")}});
        let unreadable = json!({"type": KEY, "choices": KEY, "index": KEY});
        for body in [said, unreadable] {
            let mock = Mock::start([Reply::Raw(format!("data: {body}\n\n"))]).await;
            let provider = ProviderConfig { key_secret: "model_key".into(), retries: 0, ..mock.provider(kind) };
            let stream = models(&config(provider)).chat_stream(&livia(None), &talk(), MINUTE);
            let error = heard(stream).await.1.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_model_that_never_stops_is_stopped() {
    for kind in WIRES {
        let (text, error) = misheard(kind, Reply::Endless).await;
        assert!(matches!(error, ModelError::TooLarge { limit, .. } if limit == 4 << 20), "{error}");
        assert!(text.len() <= 4 << 20, "{}", text.len());
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_request() {
    for kind in WIRES {
        let mock = Mock::start([Reply::Endless, Reply::text("next")]).await;
        let provider = ProviderConfig { max_concurrent: 1, ..mock.provider(kind) };
        let models = models(&config(provider));
        let mut stream = models.chat_stream(&livia(None), &talk(), MINUTE);
        assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
        drop(stream);
        mock.was_left().await;
        let next = models.chat(&livia(None), &talk(), MINUTE).await.unwrap();
        assert_eq!(next.answer.text, "next", "its place is free again");
    }
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_before_anything_was_heard() {
    let overloaded = r#"data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    let mock = Mock::start([Reply::soon(429), Reply::Raw(format!("{overloaded}\n\n")), Reply::text("At last.")]).await;
    let stream = models(&mock.config(ProviderKind::Anthropic)).chat_stream(&livia(None), &talk(), MINUTE);
    assert_eq!(heard(stream).await.1.unwrap().answer.text, "At last.");
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_heard_at_once() {
    let server = MockServer::start().await;
    let answer = json!({"choices": [{"message": {"content": "All of it."}, "finish_reason": "stop"}]});
    let whole = ResponseTemplate::new(200).set_body_json(answer);
    wiremock::Mock::given(method("POST")).respond_with(whole).mount(&server).await;
    let provider = provider(format!("{}/v1", server.uri()));
    let stream = models(&config(provider)).chat_stream(&livia(None), &talk(), MINUTE);
    let (pieces, ended) = heard(stream).await;
    assert_eq!(pieces, [Piece::Text("All of it.".into())]);
    assert_eq!(ended.unwrap().answer.text, "All of it.");
}
