//! Model endpoints that answer, hesitate, refuse and misbehave.

#![cfg(test)]

mod composing;
mod contexts;
mod limits;
pub mod mock;
mod routes;
mod streams;
mod talks;

use std::{collections::BTreeMap, collections::HashMap, sync::Arc, time::Duration};

use actors::{
    domain::{ChatRequest, Persona, PersonaId, PersonaStatus, Profile, ToolOffer, Turn, Weight},
    ports::BoxError,
};
use async_trait::async_trait;
use greenroom::{
    config::{ModelsConfig, OutputLimitField, ProviderConfig, ProviderKind},
    models::{Keyring, Models},
    secrets::SecretText,
};
use serde_json::json;

const KEY: &str = "sk-test-0123456789";
const MINUTE: Duration = Duration::from_secs(60);
const WIRES: [ProviderKind; 2] = [ProviderKind::OpenAi, ProviderKind::Anthropic];

/// Secrets by owner and name.
pub struct Secrets(pub HashMap<(String, String), String>);

impl Secrets {
    /// One secret of the instance, named `model_key`.
    fn of_instance() -> Self {
        Self(HashMap::from([(("instance".to_owned(), "model_key".to_owned()), KEY.to_owned())]))
    }
}

#[async_trait]
impl Keyring for Secrets {
    async fn open(&self, owner: &str, name: &str) -> Result<Option<SecretText>, BoxError> {
        Ok(self.0.get(&(owner.to_owned(), name.to_owned())).cloned().map(SecretText::new))
    }

    async fn all(&self, owner: &str) -> Result<Vec<(String, SecretText)>, BoxError> {
        let own = self.0.iter().filter(|((whose, _), _)| whose == owner);
        Ok(own.map(|((_, name), value)| (name.clone(), SecretText::new(value.clone()))).collect())
    }
}

/// A persona with a style, answered for by this model.
pub fn livia(model: Option<&str>) -> Persona {
    Persona {
        id: PersonaId::from([9; 16]),
        slug: "livia".parse().unwrap(),
        name: "Livia".into(),
        role: None,
        description: "Runs the house.".into(),
        status: PersonaStatus::Active,
        version: 1,
        profile: Profile {
            style_primer: "Short sentences.".into(),
            do_: vec!["Name numbers".into()],
            temperature_thousandths: Some(700),
            ..Profile::default()
        },
        hosts: Vec::new(),
        model: model.map(str::to_owned),
        weight: Weight::ORDINARY,
        hours: Default::default(),
        quotas: Default::default(),
        autoplan: Default::default(),
        permissions: Default::default(),
        grants: Default::default(),
        agents: Vec::new(),
        created_ms: 0,
        updated_ms: 0,
        resumed_ms: None,
    }
}

/// A provider that takes the key `model_key` and answers chat completions at this address.
pub fn provider(base_url: String) -> ProviderConfig {
    ProviderConfig {
        kind: ProviderKind::OpenAi,
        base_url,
        model: "small-1".into(),
        key_secret: "model_key".into(),
        timeout: MINUTE,
        idle_timeout: MINUTE,
        retries: 2,
        max_concurrent: 8,
        requests_per_minute: 0,
        output_limit_field: OutputLimitField::MaxTokens,
        context_tokens: 128_000,
        contexts: BTreeMap::new(),
        input_micro_usd_per_million: Some(150_000),
        output_micro_usd_per_million: Some(600_000),
        prices: BTreeMap::new(),
    }
}

/// This provider alone, named `house`.
pub fn config(provider: ProviderConfig) -> ModelsConfig {
    let providers = BTreeMap::from([("house".to_owned(), provider)]);
    ModelsConfig { default: "house".into(), routes: BTreeMap::new(), providers }
}

fn models(config: &ModelsConfig) -> Models {
    Models::new(config, Arc::new(Secrets::of_instance())).unwrap()
}

/// A talk of one sentence.
fn talk() -> ChatRequest {
    ChatRequest {
        model: None,
        turns: vec![
            Turn::System { text: "You run the house.".into() },
            Turn::User { text: "How warm is it in Oslo?".into() },
        ],
        tools: Vec::new(),
        must_answer: false,
        max_output_tokens: 500,
        temperature_thousandths: None,
        answer_schema: None,
    }
}

/// The same, with a tool.
fn talk_with_tool() -> ChatRequest {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = ToolOffer { name: "get_weather".into(), description: "The weather in a city, now.".into(), parameters };
    ChatRequest { tools: vec![tool], ..talk() }
}

/// The clock jumps; nothing waits for it meanwhile.
async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}
