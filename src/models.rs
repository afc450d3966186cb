//! Who writes: model providers over HTTP, and the understudy, which needs none.
//!
//! **The way of a request.** A persona's model, or the default, names a route, a provider or `<provider>/<model>`. The
//! writers of a route are asked in turn until one answers; each stands behind a gate (`gate.rs`: switched off or not, so
//! many at once, so many a minute), is spoken to in its own form (`wire.rs`, pure) and asked again when it is busy
//! (`retry.rs`). A try that may be billed without an answer is a writer's last, so that one worst case for each of them is
//! all that a request can take; where an answer must have a form, one that has not is asked for once more, and both count.
//! Once part of an answer was told, nobody else is asked. Every answer names who gave it, who did not
//! before, and what it cost, so that the receipt can.

mod breaker;
mod compact;
mod drift;
mod endpoint;
mod error;
mod fit;
mod gate;
mod keyring;
mod outward;
mod price;
mod prompt;
mod prose;
mod rate;
mod refusal;
mod refusals;
mod retry;
mod rules;
mod stream;
mod structure;
mod style;
mod understudy;
mod wire;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actors::domain::{Bound, ChatAnswer, ChatRequest, Cost, Length, Persona, PersonaId, Turn};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use drift::{Drift, DriftPart, drift};
pub use error::ModelError;
pub use fit::{Fit, FitLine, LEAST_EXAMPLES, fit};
pub use keyring::{INSTANCE, Keyring, is_key, secrets_of};
pub use outward::{Embedded, Outward, ToEmbed};
pub use prompt::{Prompt, Style, build_agent_prompt, build_persona_prompt};
pub use rate::Rate;
pub use stream::{ChatStream, Piece};
pub use structure::schema_fault;
pub use style::apply_persona_style;

use self::{
    endpoint::{Endpoint, Errand},
    refusals::Refusals,
    stream::Told,
    wire::Asked,
};
use crate::{config::ModelsConfig, secrets::SecretText};

/// The name of the writer that needs no endpoint.
pub const UNDERSTUDY: &str = "understudy";
/// No request takes longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that a composed text may take at least: some models think before they write.
const LEAST_TOKENS: u32 = 2_048;
const MOST_TOKENS: u32 = 32_768;
/// More than any language needs.
const TOKENS_PER_WORD: u32 = 8;

/// Every configured model. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    config: Arc<ModelsConfig>,
    endpoints: Arc<BTreeMap<String, Endpoint>>,
    keyring: Arc<dyn Keyring>,
    refusals: Refusals,
}

/// A text to be written.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub persona: &'a Persona,
    pub prompt: &'a str,
    pub length: Length,
    /// A configured model's or route's name; none: the persona's.
    pub model: Option<&'a str>,
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
    /// None: the provider did not say what was used, or has no price.
    pub cost: Option<Cost>,
    /// Who was asked before and why there was no answer, one line each.
    pub tried: Vec<String>,
}

/// An answer, and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chatted {
    pub answer: ChatAnswer,
    /// Name of the provider in the configuration, or [`UNDERSTUDY`].
    pub provider: String,
    /// As the provider named it, else as it was asked for.
    pub model: String,
    /// What was sent, where the talk had to be made shorter for the model's context.
    pub sent: Option<ChatRequest>,
    /// None: the provider did not say what was used, or has no price.
    pub cost: Option<Cost>,
    /// Who was asked before and why there was no answer, one line each.
    pub tried: Vec<String>,
}

/// A talk, for as long as somebody is looked for who goes on with it.
struct Talk<'a> {
    /// None: a program asks, of no persona.
    persona: Option<&'a Persona>,
    request: &'a ChatRequest,
    /// The request as a program wrote it, for providers that speak its form.
    raw: Option<&'a Map<String, Value>>,
    /// How much the understudy writes.
    length: Length,
    deadline: Instant,
    told: Option<&'a Told>,
}

/// One of those who may answer.
enum Writer<'a> {
    Understudy,
    Model { provider: &'a str, endpoint: &'a Endpoint, model: &'a str },
}

impl Writer<'_> {
    /// What it may bill for this talk at most; none: nobody said.
    fn worst(&self, talk: &Talk<'_>) -> Option<Cost> {
        match self {
            Self::Understudy => Some(Cost::default()),
            Self::Model { endpoint, model, .. } => {
                let fitted = fitted(talk.request, talk.raw, endpoint.context_tokens(model));
                let request = fitted.as_ref().unwrap_or(talk.request);
                endpoint.worst(&asked(talk.persona, request, talk.raw, (endpoint, model), talk.told.is_some()))
            }
        }
    }
}

impl Models {
    /// Fails when a provider cannot be called as configured, or the default or a route names nobody.
    pub fn new(config: &ModelsConfig, keyring: Arc<dyn Keyring>) -> Result<Self, ModelError> {
        let endpoints = config.providers.iter().map(|(name, config)| Ok((name.clone(), Endpoint::new(name, config)?)));
        let endpoints = Arc::new(endpoints.collect::<Result<_, ModelError>>()?);
        let models = Self { config: Arc::new(config.clone()), endpoints, keyring, refusals: Refusals::default() };
        for name in std::iter::once(&config.default).chain(config.routes.keys()) {
            models.writers(name)?;
        }
        Ok(models)
    }

    /// From here on `hear` is told of every answer 429, with the persona that asked; none: a program of its own. Once; a
    /// second one is ignored.
    pub fn on_refusal(&self, hear: impl Fn(Option<PersonaId>) + Send + Sync + 'static) {
        self.refusals.told_to(Box::new(hear));
    }

    /// Writes a text in the persona's voice, by the model that the request names, else the persona's, else the default.
    pub async fn compose(&self, request: Request<'_>) -> Result<Composed, ModelError> {
        let Request { persona, length, limit, .. } = request;
        let asked = composing(&request);
        let talk =
            Talk { persona: Some(persona), request: &asked, raw: None, length, deadline: deadline(limit), told: None };
        let Chatted { answer, provider, model, cost, tried, .. } = self.answered(&talk).await?;
        let text = answer.text.trim().to_owned();
        if text.is_empty() {
            let reason = format!("the text is empty (it stopped for: {})", answer.finish);
            return Err(ModelError::BadAnswer { provider, reason });
        }
        Ok(Composed { text, provider, model, cost, tried })
    }

    /// The most that such a text can take.
    pub fn compose_bound(&self, request: &Request<'_>) -> Result<Bound, ModelError> {
        self.bound(request.persona, &composing(request))
    }

    /// Goes on with a talk, by the model that the request names, else the persona's, else the default. `limit` is for
    /// everybody on the route and every try together.
    pub async fn chat(&self, persona: &Persona, request: &ChatRequest, limit: Duration) -> Result<Chatted, ModelError> {
        let (persona, length, deadline) = (Some(persona), Length::Short, deadline(limit));
        self.answered(&Talk { persona, request, raw: None, length, deadline, told: None }).await
    }

    /// The same, told while the answer comes.
    pub fn chat_stream(&self, persona: &Persona, request: &ChatRequest, limit: Duration) -> ChatStream {
        let (models, persona, request) = (self.clone(), persona.clone(), request.clone());
        let (length, deadline) = (Length::Short, deadline(limit));
        ChatStream::of(|told| async move {
            let (persona, told_to) = (Some(&persona), Some(&told));
            let talk = Talk { persona, request: &request, raw: None, length, deadline, told: told_to };
            let ended = models.answered(&talk).await;
            told.end(ended).await;
        })
    }

    /// The most that this request can take, whoever of the route answers it; fails when one of them has no price.
    pub fn bound(&self, persona: &Persona, request: &ChatRequest) -> Result<Bound, ModelError> {
        self.worst(Some(persona), request, None)
    }

    fn worst(
        &self,
        persona: Option<&Persona>,
        request: &ChatRequest,
        raw: Option<&Map<String, Value>>,
    ) -> Result<Bound, ModelError> {
        let writers = self.writers(self.wanted(persona, request))?;
        let mut bounds = writers.iter().map(|writer| match writer {
            Writer::Understudy => Ok(Bound::default()),
            Writer::Model { endpoint, model, .. } => {
                let fitted = fitted(request, raw, endpoint.context_tokens(model));
                let request = fitted.as_ref().unwrap_or(request);
                // A streamed request is the longer one.
                endpoint.bound(&asked(persona, request, raw, (endpoint, model), true))
            }
        });
        // One that broke off may bill what it made, and then the next one answers.
        bounds.try_fold(Bound::default(), |all, bound| Ok(all.plus(bound?)))
    }

    async fn answered(&self, talk: &Talk<'_>) -> Result<Chatted, ModelError> {
        let name = self.wanted(talk.persona, talk.request);
        let mut errors: Vec<ModelError> = Vec::new();
        // What those who gave no answer may bill all the same; none: nobody knows.
        let mut lost = Some(Cost::default());
        let writers = self.writers(name)?;
        for (index, writer) in writers.iter().enumerate() {
            let is_over = Instant::now() >= talk.deadline || talk.told.is_some_and(Told::has_begun);
            if is_over && !errors.is_empty() {
                break;
            }
            let answered = match writer {
                Writer::Understudy => match talk.persona {
                    Some(persona) => understudy::chat(persona, talk.request, talk.length),
                    None => Err(ModelError::CannotAct { wanted: "answer for nobody" }),
                },
                Writer::Model { provider, endpoint, model } => {
                    let share = share(talk.deadline, index + 1 == writers.len());
                    self.ask(talk, share, (provider, endpoint, model)).await
                }
            };
            let answered = match answered {
                Ok(chatted) => self.in_its_form(talk, writer, chatted).await,
                Err(error) => Err(error),
            };
            match answered {
                Ok(mut chatted) => {
                    let own = std::mem::take(&mut chatted.tried);
                    let tried = errors.iter().map(ToString::to_string).chain(own).collect();
                    let cost = chatted.cost.zip(lost).map(|(cost, lost)| price::sum(cost, lost));
                    return Ok(Chatted { tried, cost, ..chatted });
                }
                Err(error) => {
                    tracing::info!(route = name, "no answer for a persona from one of {name}: {error}");
                    if !error.is_free() {
                        lost = lost.zip(writer.worst(talk)).map(|(lost, worst)| price::sum(lost, worst));
                    }
                    errors.push(error);
                }
            }
        }
        Err(ModelError::of_route(errors).unwrap_or_else(|| self.unknown(name)))
    }

    /// The answer, if it has the form that was asked for; else what comes of asking once more. What was told already cannot
    /// be taken back.
    async fn in_its_form(&self, talk: &Talk<'_>, writer: &Writer<'_>, said: Chatted) -> Result<Chatted, ModelError> {
        let Some(reason) = structure::misfit(talk.request, &said.answer) else { return Ok(said) };
        let unfit = |reason| ModelError::Unfit { provider: said.provider.clone(), reason };
        let Writer::Model { provider, endpoint, model } = writer else { return Err(unfit(reason)) };
        if talk.told.is_some() || Instant::now() >= talk.deadline {
            return Err(unfit(reason));
        }
        let (request, raw) = structure::asked_again(talk.request, talk.raw, &said.answer.text, &reason);
        let Talk { persona, length, deadline, .. } = *talk;
        let again = Talk { persona, request: &request, raw: raw.as_ref(), length, deadline, told: None };
        let second = self.ask(&again, deadline, (provider, endpoint, model)).await?;
        match structure::misfit(talk.request, &second.answer) {
            Some(reason) => Err(unfit(reason)),
            None => Ok(Chatted {
                sent: second.sent.or(Some(request)),
                cost: second.cost.zip(said.cost).map(|(one, other)| price::sum(one, other)),
                tried: vec![unfit(reason).to_string()],
                ..second
            }),
        }
    }

    async fn ask(
        &self,
        talk: &Talk<'_>,
        share: Instant,
        (provider, endpoint, model): (&str, &Endpoint, &str),
    ) -> Result<Chatted, ModelError> {
        let key = self.key(talk.persona, provider, endpoint).await?;
        let (since, deadline) = (Instant::now(), talk.deadline);
        let whose = talk.persona.map(|persona| persona.id);
        let refused = || self.refusals.tell(whose);
        let ask = async |request: &ChatRequest| {
            let asked = asked(talk.persona, request, talk.raw, (endpoint, model), talk.told.is_some());
            let (key, told) = (key.as_ref(), talk.told);
            endpoint.ask(&Errand { asked, key, since, share, deadline, told, refused: &refused }).await
        };
        let mut sent = fitted(talk.request, talk.raw, endpoint.context_tokens(model));
        let mut answer = ask(sent.as_ref().unwrap_or(talk.request)).await;
        if let Err(ModelError::TooLong { .. }) = answer {
            let too_long = sent.as_ref().unwrap_or(talk.request);
            if let Some(shorter) = fitted(too_long, talk.raw, compact::tokens(too_long) / 2) {
                answer = ask(&shorter).await;
                sent = Some(shorter);
            }
        }
        let wire::Answer { text, calls, finish, model: named, usage } = answer?;
        Ok(Chatted {
            sent,
            answer: ChatAnswer { text, calls, finish },
            provider: provider.to_owned(),
            model: named.unwrap_or_else(|| model.to_owned()),
            cost: usage.and_then(|usage| Some(endpoint.price(model)?.cost(usage))),
            tried: Vec::new(),
        })
    }

    /// The provider's key; none: it takes none.
    async fn key(
        &self,
        persona: Option<&Persona>,
        provider: &str,
        endpoint: &Endpoint,
    ) -> Result<Option<SecretText>, ModelError> {
        let name = endpoint.key_secret();
        if name.is_empty() {
            return Ok(None);
        }
        let found = keyring::key_of(&*self.keyring, persona.map(|persona| persona.id), name).await;
        let found = found.map_err(ModelError::Keyring)?;
        found.map(Some).ok_or_else(|| ModelError::NoKey { provider: provider.to_owned(), secret: name.to_owned() })
    }

    fn wanted<'a>(&'a self, persona: Option<&'a Persona>, request: &'a ChatRequest) -> &'a str {
        let own = || persona.and_then(|persona| persona.model.as_deref());
        request.model.as_deref().or_else(own).unwrap_or(&self.config.default)
    }

    /// Those who may answer under this name, in their order; at least one.
    fn writers<'a>(&'a self, name: &'a str) -> Result<Vec<Writer<'a>>, ModelError> {
        let writers = self.config.writers_of(name).into_iter().map(|name| {
            if name == UNDERSTUDY {
                return Ok(Writer::Understudy);
            }
            let found = self.config.provider_of(name);
            let found = found.and_then(|(provider, model)| Some((provider, self.endpoints.get(provider)?, model)));
            let (provider, endpoint, model) = found.ok_or_else(|| self.unknown(name))?;
            Ok(Writer::Model { provider, endpoint, model })
        });
        writers.collect()
    }

    fn unknown(&self, name: &str) -> ModelError {
        let known = self.config.names().collect::<Vec<_>>().join(", ");
        ModelError::UnknownModel { name: name.to_owned(), known }
    }
}

fn asked<'a>(
    persona: Option<&Persona>,
    request: &'a ChatRequest,
    raw: Option<&'a Map<String, Value>>,
    (endpoint, model): (&Endpoint, &'a str),
    streaming: bool,
) -> Asked<'a> {
    let own = || persona.and_then(|persona| persona.profile.temperature_thousandths);
    let temperature_thousandths = request.temperature_thousandths.or_else(own);
    let output_limit_field = endpoint.output_limit_field();
    Asked { request, raw, model, temperature_thousandths, output_limit_field, streaming }
}

/// The request as it is sent where so many tokens have room; none: as it is. What a program wrote itself is not touched.
fn fitted(request: &ChatRequest, raw: Option<&Map<String, Value>>, most_tokens: usize) -> Option<ChatRequest> {
    if raw.is_some() { None } else { compact::fitted(request, most_tokens) }
}

fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit.min(LONGEST)
}

/// Until when one of a route has time: the last until the end, each other one for half of what is left.
fn share(deadline: Instant, is_last: bool) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    if is_last { deadline } else { deadline - left / 2 }
}

/// A text as it is asked for: the whole prompt.
pub fn composing(request: &Request<'_>) -> ChatRequest {
    let profile = &request.persona.profile;
    let words = profile.length.words(request.length);
    let style = Style { answers: &profile.response_style, words };
    let Prompt { system, user } = build_persona_prompt(request.persona, style, &[], request.prompt);
    ChatRequest {
        model: request.model.map(str::to_owned),
        turns: vec![Turn::System { text: system }, Turn::User { text: user }],
        tools: Vec::new(),
        must_answer: false,
        max_output_tokens: words.saturating_mul(TOKENS_PER_WORD).clamp(LEAST_TOKENS, MOST_TOKENS),
        temperature_thousandths: None,
        answer_schema: None,
    }
}
