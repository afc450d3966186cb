//! Talks that do not fit into their model's context: made shorter before they are sent, and once more when the provider says
//! that they were too long all the same.

use actors::domain::{ChatRequest, ToolCall, Turn};
use greenroom::{config::ProviderConfig, models::ModelError};
use serde_json::{Value, json};

use super::{
    MINUTE, WIRES, config, livia,
    mock::{Mock, Reply},
    models, talk_with_tool,
};

/// So many calls, each with a result of three thousand bytes.
fn long(exchanges: usize) -> ChatRequest {
    let mut request = talk_with_tool();
    for n in 0..exchanges {
        let call = ToolCall { id: format!("c{n}"), name: "get_weather".into(), arguments: r#"{"city":"Oslo"}"#.into() };
        request.turns.push(Turn::Assistant { text: String::new(), calls: vec![call.clone()] });
        let said = json!({"ok": true, "receipt": n + 1, "summary": "asked", "text": "x".repeat(3_000)}).to_string();
        request.turns.push(Turn::Tool { call: call.id, name: call.name, text: said });
    }
    request
}

fn bytes(body: &Value) -> usize {
    body["messages"].to_string().len()
}

#[tokio::test]
async fn a_long_talk_is_made_to_fit_before_it_is_sent() {
    for kind in WIRES {
        let mock = Mock::start([Reply::text("Cold."), Reply::text("Cold."), Reply::text("Cold.")]).await;
        let windows = [("small-1", 4_000), ("large-1", 100_000)].map(|(model, tokens)| (model.to_owned(), tokens));
        let provider = ProviderConfig { contexts: windows.into(), ..mock.provider(kind) };
        let models = models(&config(provider));
        let request = long(12);
        let chatted = models.chat(&livia(None), &request, MINUTE).await.unwrap();
        let sent = chatted.sent.unwrap();
        assert!(sent.turns.len() <= request.turns.len() && sent.turns[..1] == request.turns[..1]);
        let first = &mock.requests()[0].body;
        assert!(bytes(first) < 12_000, "{}", bytes(first));
        let text = first.to_string();
        assert!(text.contains(r#"\"receipt\":12,"#) && text.contains("shortened"), "{text}");
        models.chat(&livia(None), &request, MINUTE).await.unwrap();
        assert_eq!(mock.requests()[1].body, *first, "the same talk becomes the same");
        // What is not sent is not reserved; a stream takes a few words more, and providers add some tokens of their own.
        let most = u64::try_from(text.len()).unwrap() + u64::from(request.max_output_tokens);
        let bound = models.bound(&livia(None), &request).unwrap();
        assert!((most..most + 2_000).contains(&bound.tokens), "{bound:?} for {most}");

        let large = ChatRequest { model: Some("house/large-1".into()), ..request };
        assert_eq!(models.chat(&livia(None), &large, MINUTE).await.unwrap().sent, None);
        assert!(bytes(&mock.requests()[2].body) > 36_000);
    }
}

#[tokio::test]
async fn who_says_that_it_was_too_long_is_asked_once_more_with_half() {
    let too_long = || Reply::Status {
        status: 400,
        retry_after: None,
        reason: "This model's maximum context length is 8192 tokens (context_length_exceeded).".into(),
    };
    for kind in WIRES {
        let mock = Mock::start([too_long(), Reply::text("Cold."), too_long(), too_long(), Reply::text("Never.")]).await;
        let models = models(&mock.config(kind));
        let request = long(12);
        let chatted = models.chat(&livia(None), &request, MINUTE).await.unwrap();
        assert_eq!((chatted.answer.text.as_str(), chatted.tried.len()), ("Cold.", 0));
        let asked = mock.requests();
        assert!(bytes(&asked[1].body) < bytes(&asked[0].body) * 6 / 10);

        let error = models.chat(&livia(None), &request, MINUTE).await.unwrap_err();
        assert!(matches!(error, ModelError::TooLong { .. }) && !error.is_retryable(), "{error}");
        assert!(error.to_string().contains("shorten it or choose another model"), "{error}");
        assert_eq!(mock.requests().len(), 4, "once more, and not again");
    }
}
