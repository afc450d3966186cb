//! What programs ask the gateway for: the same routes, limits and prices as for personas, and no persona.

use std::time::Duration;

use actors::domain::{Bound, ChatRequest, Cost, Length, Persona};
use serde_json::{Map, Value};

use super::{ChatStream, Chatted, ModelError, Models, Talk, Writer, deadline, price, share, wire};

/// A program's request for talk.
#[derive(Debug, Clone)]
pub struct Outward {
    /// Whose keys and default model are used first; none: the instance's.
    pub persona: Option<Persona>,
    pub request: ChatRequest,
    /// As the program wrote it, in OpenAI's form.
    pub raw: Map<String, Value>,
}

/// A program's request for embeddings.
#[derive(Debug, Clone)]
pub struct ToEmbed {
    /// Whose keys are used first; none: the instance's.
    pub persona: Option<Persona>,
    /// A route, a provider or `<provider>/<model>`.
    pub model: String,
    /// As the program wrote it, in OpenAI's form.
    pub raw: Map<String, Value>,
}

/// Embeddings, and who made them.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The list, as the provider wrote it.
    pub data: Value,
    pub provider: String,
    /// As the provider named it, else as it was asked for.
    pub model: String,
    pub input_tokens: u64,
    /// None: the provider did not say what was used, or has no price.
    pub cost: Option<Cost>,
}

impl Models {
    /// The names that programs may ask for: routes, providers and the understudy.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.config.names()
    }

    /// Whether somebody answers under this name.
    pub fn knows(&self, name: &str) -> bool {
        self.writers(name).is_ok()
    }

    /// Why nobody would answer under this name, and which there are; none: somebody would.
    pub fn why_unknown(&self, name: &str) -> Option<String> {
        self.writers(name).err().map(|error| error.to_string())
    }

    /// The most that this request can take, whoever of the route answers it.
    pub fn pass_bound(&self, asked: &Outward) -> Result<Bound, ModelError> {
        self.worst(asked.persona.as_ref(), &asked.request, Some(&asked.raw))
    }

    /// Answers it whole.
    pub async fn pass(&self, asked: &Outward, limit: Duration) -> Result<Chatted, ModelError> {
        let Outward { persona, request, raw } = asked;
        let (persona, raw, length) = (persona.as_ref(), Some(raw), Length::Short);
        self.answered(&Talk { persona, request, raw, length, deadline: deadline(limit), told: None }).await
    }

    /// The same, told while the answer comes.
    pub fn pass_stream(&self, asked: Outward, limit: Duration) -> ChatStream {
        let (models, deadline) = (self.clone(), deadline(limit));
        ChatStream::of(|told| async move {
            let Outward { persona, request, raw } = &asked;
            let (persona, raw, length) = (persona.as_ref(), Some(raw), Length::Short);
            let ended = models.answered(&Talk { persona, request, raw, length, deadline, told: Some(&told) }).await;
            told.end(ended).await;
        })
    }

    /// The most that these embeddings can take.
    pub fn embed_bound(&self, asked: &ToEmbed) -> Result<Bound, ModelError> {
        let mut bounds = self.writers(&asked.model)?.into_iter().map(|writer| match writer {
            Writer::Understudy => Ok(Bound::default()),
            Writer::Model { endpoint, model, .. } => {
                endpoint.bound_of_bytes(model, wire::embeddings(&asked.raw, model).len())
            }
        });
        bounds.try_fold(Bound::default(), |all, bound| Ok(all.plus(bound?)))
    }

    /// Makes embeddings, by the first on the route that can.
    pub async fn embed(&self, asked: &ToEmbed, limit: Duration) -> Result<Embedded, ModelError> {
        let deadline = deadline(limit);
        let mut errors = Vec::new();
        // What those who made none may bill all the same; none: nobody knows.
        let mut lost = Some(Cost::default());
        let writers = self.writers(&asked.model)?;
        for (index, writer) in writers.iter().enumerate() {
            let Writer::Model { provider, endpoint, model } = writer else {
                errors.push(ModelError::CannotAct { wanted: "make embeddings" });
                continue;
            };
            let body = wire::embeddings(&asked.raw, model);
            let (bytes, share) = (body.len(), share(deadline, index + 1 == writers.len()));
            let whose = asked.persona.as_ref().map(|persona| persona.id);
            let refused = || self.refusals.tell(whose);
            let made = async {
                let key = self.key(asked.persona.as_ref(), provider, endpoint).await?;
                endpoint.embed(model, body, key.as_ref(), (share, deadline), &refused).await
            };
            match made.await {
                Ok(made) => {
                    return Ok(Embedded {
                        data: made.data,
                        provider: (*provider).to_owned(),
                        model: made.model.unwrap_or_else(|| (*model).to_owned()),
                        input_tokens: made.usage.map_or(0, |usage| usage.input),
                        cost: lost.and_then(|lost| Some(price::sum(lost, endpoint.price(model)?.cost(made.usage?)))),
                    });
                }
                Err(error) => {
                    if !error.is_free() {
                        lost = lost.zip(endpoint.worst_of_bytes(model, bytes)).map(|(a, b)| price::sum(a, b));
                    }
                    errors.push(error);
                }
            }
        }
        Err(ModelError::of_route(errors).unwrap_or_else(|| self.unknown(&asked.model)))
    }
}
