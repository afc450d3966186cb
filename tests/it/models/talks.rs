//! Talks in both wire forms, answered whole.

use actors::domain::{ChatRequest, Finish, ToolCall, Turn};
use greenroom::{
    config::{OutputLimitField, PriceConfig, ProviderConfig, ProviderKind},
    models::{ModelError, UNDERSTUDY},
};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate, matchers::method};

use super::{
    KEY, MINUTE, WIRES, config, livia,
    mock::{Mock, Reply, Seen, USED},
    models, provider, talk, talk_with_tool,
};

#[tokio::test]
async fn a_model_calls_a_tool_and_answers_with_what_came_of_it() {
    for kind in WIRES {
        let oslo = json!({"city": "Oslo"});
        let mock = Mock::start([Reply::call("get_weather", oslo.clone()), Reply::text("Four degrees.")]).await;
        let models = models(&mock.config(kind));
        let mut request = talk_with_tool();
        let first = models.chat(&livia(None), &request, MINUTE).await.unwrap();
        assert_eq!((first.answer.finish, first.provider.as_str()), (Finish::Calls, "house"));
        assert_eq!((first.model.as_str(), first.tried.len()), ("small-1-0613", 0));
        let call = &first.answer.calls[0];
        assert_eq!((call.name.as_str(), call.id.as_str()), ("get_weather", "call_1_0"));
        assert_eq!(serde_json::from_str::<Value>(&call.arguments).unwrap(), oslo);

        let result = Turn::Tool { call: call.id.clone(), name: call.name.clone(), text: "4 °C".into() };
        request.turns.push(Turn::Assistant { text: first.answer.text, calls: first.answer.calls });
        request.turns.push(result);
        let second = models.chat(&livia(None), &request, MINUTE).await.unwrap();
        assert_eq!((second.answer.text.as_str(), second.answer.finish), ("Four degrees.", Finish::Stop));
        let cost = second.cost.unwrap();
        assert_eq!((cost.input_tokens, cost.output_tokens, cost.micro_usd), (100, 20, 120));
        told_of_the_result(kind, &mock.requests()[1]);
    }
}

fn told_of_the_result(kind: ProviderKind, seen: &Seen) {
    assert_eq!((&seen.body["model"], &seen.body["max_tokens"]), (&json!("small-1"), &json!(500)));
    assert_eq!(seen.body["temperature"], 0.7, "the persona's own");
    let messages = seen.body["messages"].as_array().unwrap();
    match kind {
        ProviderKind::OpenAi => {
            assert_eq!(seen.path, "/v1/chat/completions");
            assert_eq!(messages[0], json!({"role": "system", "content": "You run the house."}));
            assert_eq!(messages[2]["tool_calls"][0]["function"]["arguments"], r#"{"city":"Oslo"}"#);
            assert_eq!(messages[2]["content"], Value::Null);
            assert_eq!(messages[3], json!({"role": "tool", "tool_call_id": "call_1_0", "content": "4 °C"}));
            assert_eq!(seen.body["tools"][0]["function"]["parameters"]["required"], json!(["city"]));
        }
        ProviderKind::Anthropic => {
            assert_eq!((seen.path.as_str(), &seen.body["system"]), ("/v1/messages", &json!("You run the house.")));
            assert_eq!(messages[1]["content"][0]["input"], json!({"city": "Oslo"}));
            let result = json!({"type": "tool_result", "tool_use_id": "call_1_0", "content": "4 °C"});
            assert_eq!((&messages[2]["role"], &messages[2]["content"]), (&json!("user"), &json!([result])));
            assert_eq!(seen.body["tools"][0]["input_schema"]["required"], json!(["city"]));
        }
    }
}

#[tokio::test]
async fn keys_go_where_each_provider_looks_for_them_and_nowhere_else() {
    for (kind, header, value) in [
        (ProviderKind::OpenAi, "authorization", format!("Bearer {KEY}")),
        (ProviderKind::Anthropic, "x-api-key", KEY.to_owned()),
    ] {
        let said = format!("wrong key {KEY}, said the server; once more: {KEY}");
        let replies = [401, 400, 500].map(|status| Reply::Status { status, retry_after: None, reason: said.clone() });
        let garbage = Reply::Raw(format!(r#"{{"choices": [{{"message": "{KEY}"}}], "content": "{KEY}"}}"#));
        let mock = Mock::start(replies.into_iter().chain([garbage])).await;
        let provider = ProviderConfig { key_secret: "model_key".into(), retries: 0, ..mock.provider(kind) };
        let models = models(&config(provider));
        for _ in 0..4 {
            let error = models.chat(&livia(None), &talk(), MINUTE).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "{shown}");
        }
        for seen in mock.requests() {
            assert_eq!(seen.headers[header], value);
            assert!(!seen.body.to_string().contains(KEY) && !seen.path.contains(KEY));
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Mock::start([]).await;
    for kind in WIRES {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(307).insert_header("location", format!("{}/messages", elsewhere.url()));
        wiremock::Mock::given(method("POST")).respond_with(moved).mount(&server).await;
        let provider = ProviderConfig { kind, ..provider(format!("{}/v1", server.uri())) };
        let error = models(&config(provider)).chat(&livia(None), &talk(), MINUTE).await.unwrap_err();
        assert!(matches!(error, ModelError::Refused { status: 307, .. }), "{error}");
    }
    assert!(elsewhere.requests().is_empty(), "the key went nowhere else");
}

#[tokio::test]
async fn an_answer_fits_the_schema_that_was_asked_for() {
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    let request = ChatRequest { answer_schema: Some(schema.clone()), ..talk() };
    let mock = Mock::start([Reply::text("[1,2]")]).await;
    let chatted = models(&mock.config(ProviderKind::OpenAi)).chat(&livia(None), &request, MINUTE).await.unwrap();
    assert_eq!(chatted.answer.text, "[1,2]");
    assert_eq!(mock.requests()[0].body["response_format"]["json_schema"]["schema"], schema);

    // There it is what a tool is given, which takes objects only.
    let mock = Mock::start([Reply::call("final_answer", json!({"answer": [1, 2]}))]).await;
    let chatted = models(&mock.config(ProviderKind::Anthropic)).chat(&livia(None), &request, MINUTE).await.unwrap();
    assert_eq!((chatted.answer.text.as_str(), chatted.answer.finish), ("[1,2]", Finish::Stop));
    let seen = &mock.requests()[0].body;
    assert_eq!(seen["tool_choice"], json!({"type": "tool", "name": "final_answer"}));
    assert_eq!(seen["tools"][0]["input_schema"]["properties"]["answer"], schema);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_asked_for_once_more_and_no_more() {
    let schema = json!({"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}});
    let request = ChatRequest { answer_schema: Some(schema), ..talk() };
    for kind in [ProviderKind::OpenAi, ProviderKind::Anthropic] {
        let mock = Mock::start([Reply::text("Three."), Reply::text(r#"{"count":3}"#)]).await;
        let models = models(&mock.config(kind));
        let chatted = models.chat(&livia(None), &request, MINUTE).await.unwrap();
        assert_eq!(chatted.answer.text, r#"{"count":3}"#);
        assert!(chatted.tried[0].contains("does not fit the schema it was given: it is not JSON"), "{chatted:?}");
        let (cost, bound) = (chatted.cost.unwrap(), models.bound(&livia(None), &request).unwrap());
        assert_eq!((cost.input_tokens, cost.output_tokens), (2 * USED.0, 2 * USED.1), "both are paid for");
        let told = mock.requests()[1].body["messages"].to_string();
        assert!(told.contains("Three.") && told.contains("does not fit the schema"), "{told}");
        let sent: usize = mock.requests().iter().map(|seen| seen.body.to_string().len()).sum();
        assert!(bound.tokens >= u64::try_from(sent).unwrap() + 2 * u64::from(request.max_output_tokens), "{bound:?}");
    }
    let mock = Mock::start([Reply::text("Three."), Reply::text(r#"{"count":"three"}"#)]).await;
    let error = models(&mock.config(ProviderKind::OpenAi)).chat(&livia(None), &request, MINUTE).await.unwrap_err();
    assert!(matches!(&error, ModelError::Unfit { reason, .. } if reason.starts_with("/count: ")), "{error}");
    // What was told cannot be taken back, so nothing is asked again.
    let mock = Mock::start([Reply::text("Three."), Reply::text(r#"{"count":3}"#)]).await;
    let mut told = models(&mock.config(ProviderKind::OpenAi)).chat_stream(&livia(None), &request, MINUTE);
    let mut last = None;
    while let Some(piece) = told.next().await {
        last = Some(piece);
    }
    assert!(matches!(last, Some(Err(ModelError::Unfit { .. }))), "{last:?}");
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test]
async fn the_newer_name_of_the_limit_can_be_chosen() {
    let mock = Mock::start([Reply::text("ok")]).await;
    let output_limit_field = OutputLimitField::MaxCompletionTokens;
    let provider = ProviderConfig { output_limit_field, ..mock.provider(ProviderKind::OpenAi) };
    models(&config(provider)).chat(&livia(None), &talk(), MINUTE).await.unwrap();
    let seen = &mock.requests()[0].body;
    assert_eq!((&seen["max_completion_tokens"], &seen["max_tokens"]), (&json!(500), &Value::Null));
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_said_to_be() {
    for (kind, reason) in [
        (ProviderKind::OpenAi, "This model's maximum context length is 8192 tokens."),
        (ProviderKind::Anthropic, "prompt is too long: 210000 tokens > 200000 maximum"),
    ] {
        let too_long = Reply::Status { status: 400, retry_after: None, reason: reason.to_owned() };
        let mock = Mock::start([too_long]).await;
        let error = models(&mock.config(kind)).chat(&livia(None), &talk(), MINUTE).await.unwrap_err();
        assert!(matches!(&error, ModelError::TooLong { model, .. } if model == "small-1"), "{error}");
        assert!(!error.is_retryable() && error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn the_understudy_talks_and_does_not_act() {
    let mock = Mock::start([]).await;
    let models = models(&mock.config(ProviderKind::OpenAi));
    let livia = livia(Some(UNDERSTUDY));
    let chatted = models.chat(&livia, &talk(), MINUTE).await.unwrap();
    assert!(chatted.answer.text.contains("How warm is it in Oslo"), "{}", chatted.answer.text);
    assert_eq!((chatted.provider.as_str(), chatted.cost.unwrap().micro_usd), (UNDERSTUDY, 0));
    let error = models.chat(&livia, &talk_with_tool(), MINUTE).await.unwrap_err();
    assert!(matches!(error, ModelError::CannotAct { .. }) && error.is_not_begun() && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("name a model for this persona"), "{error}");
    assert!(mock.requests().is_empty());
}

#[tokio::test]
async fn the_worst_case_is_named_and_holds() {
    for kind in WIRES {
        let mock = Mock::start([Reply::text("ok")]).await;
        let own = PriceConfig { input_micro_usd_per_million: 0, output_micro_usd_per_million: 10_000_000 };
        let mut provider = mock.provider(kind);
        provider.prices.insert("large".into(), own);
        let models = models(&config(provider));
        let bound = models.bound(&livia(None), &talk()).unwrap();
        let cost = models.chat(&livia(None), &talk(), MINUTE).await.unwrap().cost.unwrap();
        assert!(cost.micro_usd <= bound.micro_usd && cost.input_tokens + cost.output_tokens <= bound.tokens);
        let large = models.bound(&livia(Some("house/large")), &talk()).unwrap();
        assert_eq!(large.micro_usd, 5_000, "500 tokens out at the model's own price, nothing for those in");
        assert_eq!(models.bound(&livia(Some(UNDERSTUDY)), &talk()).unwrap().micro_usd, 0);
    }
}

#[tokio::test]
async fn without_a_price_there_is_no_worst_case_and_no_cost() {
    let mock = Mock::start([Reply::text("ok")]).await;
    let provider = ProviderConfig {
        input_micro_usd_per_million: None,
        output_micro_usd_per_million: None,
        ..mock.provider(ProviderKind::OpenAi)
    };
    let models = models(&config(provider));
    let error = models.bound(&livia(None), &talk()).unwrap_err();
    assert!(matches!(&error, ModelError::Unbounded { model, .. } if model == "small-1"), "{error}");
    assert_eq!(models.chat(&livia(None), &talk(), MINUTE).await.unwrap().cost, None);
}

#[tokio::test]
async fn half_a_call_is_no_answer_and_broken_arguments_are_the_callers() {
    let called = |call: Value| json!({"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]});
    let nameless = called(json!({"id": "a", "function": {"arguments": "{}"}}));
    let broken = called(json!({"id": "a", "function": {"name": "get_weather", "arguments": "{\"city\": "}}));
    let mock = Mock::start([nameless, broken].map(|body| Reply::Raw(body.to_string()))).await;
    let models = models(&mock.config(ProviderKind::OpenAi));
    let error = models.chat(&livia(None), &talk_with_tool(), MINUTE).await.unwrap_err();
    assert!(matches!(&error, ModelError::BadAnswer { reason, .. } if reason.contains("half a tool call")), "{error}");
    let call = models.chat(&livia(None), &talk_with_tool(), MINUTE).await.unwrap().answer.calls.remove(0);
    assert_eq!(call, ToolCall { id: "a".into(), name: "get_weather".into(), arguments: "{\"city\": ".into() });
}
