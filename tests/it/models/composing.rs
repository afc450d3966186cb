//! Texts in a persona's voice.

use std::{collections::BTreeMap, collections::HashMap, sync::Arc, time::Duration};

use actors::domain::{Length, Persona};
use greenroom::{
    config::{ModelsConfig, ProviderConfig},
    models::{Composed, Keyring, ModelError, Models, Request},
};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{bearer_token, body_partial_json, method, path},
};

use super::{KEY, Secrets, config, livia, provider};

async fn ask_as(persona: &Persona, config: &ModelsConfig, secrets: Secrets) -> Result<Composed, ModelError> {
    let limit = Duration::from_secs(60);
    let request = Request { persona, prompt: "Write one line.", length: Length::Short, model: None, limit };
    Models::new(config, Arc::new(secrets)).unwrap().compose(request).await
}

async fn ask(provider: ProviderConfig) -> Result<Composed, ModelError> {
    ask_as(&livia(None), &config(provider), Secrets::of_instance()).await
}

async fn answering(template: ResponseTemplate) -> (MockServer, ProviderConfig) {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(template).mount(&server).await;
    let config = provider(format!("{}/v1", server.uri()));
    (server, config)
}

fn answer(text: &str) -> Value {
    json!({"model": "small-1-0613", "choices": [{"message": {"role": "assistant", "content": text}}],
           "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}})
}

fn soon(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("retry-after", "0").set_body_string("come back")
}

#[tokio::test]
async fn an_answer_names_its_model_its_tokens_and_its_cost() {
    let server = MockServer::start().await;
    Mock::given(bearer_token(KEY))
        .and(body_partial_json(json!({"model": "small-1", "temperature": 0.7})))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer(" Two rows lost. ")))
        .expect(1)
        .mount(&server)
        .await;
    let composed = ask(provider(format!("{}/v1/", server.uri()))).await.unwrap();
    assert_eq!((composed.text.as_str(), composed.model.as_str()), ("Two rows lost.", "small-1-0613"));
    let cost = composed.cost.unwrap();
    assert_eq!((cost.input_tokens, cost.output_tokens, cost.micro_usd), (100, 20, 27));

    let sent: Value = server.received_requests().await.unwrap()[0].body_json().unwrap();
    let system = sent["messages"][0]["content"].as_str().unwrap();
    for told in ["Livia", "Runs the house.", "Short sentences.", "Name numbers", "40 words"] {
        assert!(system.contains(told), "{told}: {system}");
    }
    assert_eq!(sent["messages"][1]["content"], "Write one line.");
}

#[tokio::test]
async fn a_persona_s_own_key_and_model_come_first() {
    let server = MockServer::start().await;
    Mock::given(bearer_token("own-key"))
        .and(body_partial_json(json!({"model": "vendor/large"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer("ok")))
        .mount(&server)
        .await;
    let persona = livia(Some("house/vendor/large"));
    let mut secrets = Secrets::of_instance();
    secrets.0.insert((format!("persona:{}", persona.id), "model_key".to_owned()), "own-key".to_owned());
    let config = config(provider(format!("{}/v1", server.uri())));
    assert_eq!(ask_as(&persona, &config, secrets).await.unwrap().text, "ok");
}

/// As the environment has it, and as people copy it.
#[tokio::test]
async fn a_key_may_be_kept_under_its_name_in_capitals() {
    let server = MockServer::start().await;
    let reply = ResponseTemplate::new(200).set_body_json(answer("ok"));
    Mock::given(bearer_token("own-key")).respond_with(reply).mount(&server).await;
    let secrets = Secrets([(("instance".to_owned(), "MODEL_KEY".to_owned()), "own-key".to_owned())].into());
    let config = config(provider(format!("{}/v1", server.uri())));
    assert_eq!(ask_as(&livia(None), &config, secrets).await.unwrap().text, "ok");
}

#[tokio::test]
async fn a_busy_endpoint_is_asked_again() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(soon(429)).up_to_n_times(1).expect(1).mount(&server).await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer("at last")))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(ask(provider(format!("{}/v1", server.uri()))).await.unwrap().text, "at last");
}

#[tokio::test]
async fn a_broken_endpoint_is_given_up_after_its_tries() {
    let (server, config) = answering(soon(500)).await;
    let error = ask(config).await.unwrap_err();
    assert!(
        matches!(&error, ModelError::Busy { status: 500, tries: 3, reason, .. } if reason == "come back"),
        "{error}"
    );
    assert!(error.is_retryable());
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_final_and_never_shows_the_key() {
    let said = json!({"error": {"message": format!("Incorrect API key provided: {KEY}")}});
    let (server, config) = answering(ResponseTemplate::new(401).set_body_json(said)).await;
    let error = ask(config).await.unwrap_err();
    assert!(matches!(error, ModelError::Refused { status: 401, .. }) && !error.is_retryable(), "{error}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY) && shown.contains("check the stored key"), "{shown}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    let late = ResponseTemplate::new(200).set_body_json(answer("too late")).set_delay(Duration::from_secs(600));
    let (_server, config) = answering(late).await;
    let error = ask(ProviderConfig { timeout: Duration::from_millis(50), ..config }).await.unwrap_err();
    assert!(matches!(error, ModelError::TimedOut { .. }) && error.is_unknown(), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_is_named() {
    let empty = json!({"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]});
    let cases = [
        (ResponseTemplate::new(200).set_body_string("<html>"), "not the expected JSON"),
        (ResponseTemplate::new(200).set_body_json(json!({"id": "x"})), "`choices` is missing or empty"),
        (ResponseTemplate::new(200).set_body_json(json!({"choices": [{"message": {"content": 7}}]})), "content"),
        (ResponseTemplate::new(200).set_body_json(empty), "it stopped for: filtered"),
    ];
    for (template, expected) in cases {
        let (_server, config) = answering(template).await;
        let error = ask(config).await.unwrap_err();
        assert!(matches!(&error, ModelError::BadAnswer { reason, .. } if reason.contains(expected)), "{error}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_dropped() {
    let (_server, config) = answering(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 5 << 20])).await;
    assert!(matches!(ask(config).await, Err(ModelError::TooLarge { .. })));
}

#[tokio::test]
async fn nothing_is_sent_without_key_endpoint_or_known_model() {
    let (server, config_with_key) = answering(ResponseTemplate::new(200).set_body_json(answer("no"))).await;
    let error = ask_as(&livia(None), &config(config_with_key.clone()), Secrets(HashMap::new())).await.unwrap_err();
    assert!(matches!(&error, ModelError::NoKey { secret, .. } if secret == "model_key"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 0);

    let config = config(config_with_key);
    let error = ask_as(&livia(Some("hous")), &config, Secrets::of_instance()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "model `hous` is not configured; known are: understudy, house. Add it under `models.providers` or \
         `models.routes`, or choose another"
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = ask(provider(format!("http://{closed}/v1"))).await.unwrap_err();
    assert!(matches!(error, ModelError::Unreachable { .. }) && error.is_not_begun(), "{error}");
    assert!(ask(ProviderConfig { key_secret: String::new(), ..config.providers["house"].clone() }).await.is_ok());
}

#[test]
fn a_provider_that_cannot_be_called_is_refused_at_start() {
    let none: Arc<dyn Keyring> = Arc::new(Secrets(HashMap::new()));
    for (provider, field) in [
        (provider("ftp://models.example/v1".into()), "models.providers.house.base_url"),
        (
            ProviderConfig { model: " ".into(), ..provider("https://models.example/v1".into()) },
            "models.providers.house.model",
        ),
    ] {
        let Err(error) = Models::new(&config(provider), none.clone()) else { panic!("{field} must be refused") };
        assert!(error.to_string().starts_with(field), "{error}");
    }
    let config = ModelsConfig { default: "nobody".into(), routes: BTreeMap::new(), providers: BTreeMap::new() };
    assert!(matches!(Models::new(&config, none), Err(ModelError::UnknownModel { .. })));
}

#[tokio::test]
async fn the_understudy_needs_nothing_and_says_who_it_is() {
    let config = ModelsConfig { default: "understudy".into(), routes: BTreeMap::new(), providers: BTreeMap::new() };
    let composed = ask_as(&livia(None), &config, Secrets(HashMap::new())).await.unwrap();
    assert_eq!((composed.provider.as_str(), composed.model.as_str()), ("understudy", "understudy"));
    assert_eq!(composed, ask_as(&livia(None), &config, Secrets(HashMap::new())).await.unwrap());
}
