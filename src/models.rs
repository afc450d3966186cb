//! Who writes: OpenAI-compatible endpoints, and the understudy, which needs none.
//!
//! A text is always asked for in a persona's voice; what the persona is told stands in `prompt.rs`. Every answer names who
//! gave it and what it cost, so that the receipt can.

mod bounds;
mod error;
mod keyring;
mod openai;
mod prompt;
mod retry;
mod understudy;
mod wire;

use std::{sync::Arc, time::Duration};

use actors::domain::{Cost, Length, Persona};

pub use bounds::WorstCase;
pub use error::ModelError;
pub use keyring::{INSTANCE, Keyring, secret_of};
pub use prompt::{Prompt, build_persona_prompt};

use self::openai::OpenAi;
use crate::{config::ModelsConfig, secrets::SecretText};

/// The name of the writer that needs no endpoint.
pub const UNDERSTUDY: &str = "understudy";

/// Every configured model. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    default: Arc<str>,
    providers: Arc<[OpenAi]>,
    keyring: Arc<dyn Keyring>,
}

/// A text to be written.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub persona: &'a Persona,
    pub prompt: &'a str,
    pub length: Length,
    /// How long all tries together may take.
    pub limit: Duration,
}

/// A text, and who wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    pub text: String,
    /// Name of the provider in the configuration, or [`UNDERSTUDY`].
    pub provider: String,
    pub model: String,
    /// None: the provider did not say what was used.
    pub cost: Option<Cost>,
}

impl Models {
    /// Fails when a provider cannot be called as configured, or the default is not among them.
    pub fn new(config: &ModelsConfig, keyring: Arc<dyn Keyring>) -> Result<Self, ModelError> {
        let providers = config.providers.iter().map(|(name, provider)| OpenAi::new(name, provider));
        let providers = providers.collect::<Result<Vec<_>, _>>()?.into();
        let models = Self { default: config.default.as_str().into(), providers, keyring };
        models.writer(&models.default)?;
        Ok(models)
    }

    /// Writes a text in the persona's voice, by the persona's model or the default.
    pub async fn compose(&self, request: Request<'_>) -> Result<Composed, ModelError> {
        let Some((provider, model)) = self.writer(request.persona.model.as_deref().unwrap_or(&self.default))? else {
            return Ok(understudy::compose(&request));
        };
        let key = match provider.key_secret() {
            "" => None,
            name => Some(self.key(&request, provider.name(), name).await?),
        };
        provider.compose(&request, model, key.as_ref()).await
    }

    async fn key(&self, request: &Request<'_>, provider: &str, name: &str) -> Result<SecretText, ModelError> {
        let found = secret_of(&*self.keyring, request.persona.id, name).await.map_err(ModelError::Keyring)?;
        found.ok_or_else(|| ModelError::NoKey { provider: provider.to_owned(), secret: name.to_owned() })
    }

    /// The provider a name stands for and the model to ask there; none: the understudy.
    /// A name is a provider's, or `<provider>/<model>`.
    fn writer<'a>(&'a self, name: &'a str) -> Result<Option<(&'a OpenAi, Option<&'a str>)>, ModelError> {
        if name == UNDERSTUDY {
            return Ok(None);
        }
        let known = |wanted: &str| self.providers.iter().find(|provider| provider.name() == wanted);
        let split = || name.split_once('/').and_then(|(provider, model)| Some((known(provider)?, Some(model))));
        match known(name).map(|provider| (provider, None)).or_else(split) {
            Some(found) => Ok(Some(found)),
            None => {
                let mut known: Vec<_> = self.providers.iter().map(OpenAi::name).collect();
                known.push(UNDERSTUDY);
                Err(ModelError::UnknownModel { name: name.to_owned(), known: known.join(", ") })
            }
        }
    }
}

/// How many words the persona's profile asks for.
fn words_wanted(request: &Request<'_>) -> u32 {
    let targets = request.persona.profile.length;
    match request.length {
        Length::Short => targets.short,
        Length::Long => targets.long,
    }
}
