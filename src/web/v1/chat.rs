//! `POST /v1/chat/completions`.

pub(super) mod words;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header::ContentEncoding, web};
use actors::{
    domain::{Cost, NewArtifact, PersonaStatus, TraceId, Zone},
    evidence::canonical::sha256,
    supervisor::{CallEnd, OpenCall, ProgramCall},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::words::Words;
use super::{
    CALL_LIMIT, Calls, Place,
    asked::{self, Asked, How},
    errors::Refusal,
    key_of, persona, stream,
    told::Label,
};
use crate::{
    models::{Chatted, ModelError, Outward},
    storage::VirtualKey,
    web::{Deps, trace::Trace},
};

/// One call on its way, with all that answers it.
pub(super) struct Calling {
    pub deps: web::Data<Deps>,
    pub key: Arc<VirtualKey>,
    pub trace: TraceId,
    /// The request as the program wrote it, if its key keeps words.
    pub body: Option<Vec<u8>>,
    pub _place: Place,
}

pub(super) async fn complete(
    request: HttpRequest,
    trace: Trace,
    payload: web::Payload,
    deps: web::Data<Deps>,
    calls: web::Data<Calls>,
) -> Result<HttpResponse, Refusal> {
    let key = key_of(&request)?.0;
    let mut place = calls.enter()?;
    let body = asked::body(payload, &mut place).await?;
    let asked = Asked::read(&body)?;
    let body = key.keeps_words.then_some(body);
    let calling = Calling { deps, key, trace: trace.0, body, _place: place };
    if !calling.key.allows(&asked.how.model) {
        return Err(Refusal::no_model(&asked.how.model));
    }
    match (persona::slug_of(&asked.how.model), asked.how.stream) {
        (Some(_), true) => stream::of_persona(calling, asked).await,
        (Some(_), false) => Ok(json_of(&calls.carry(persona::whole(calling, asked)).await?)),
        (None, true) => stream::of_model(calling, asked).await,
        (None, false) => Ok(json_of(&calls.carry(whole(calling, asked)).await?)),
    }
}

/// As it is: compressing what is small costs more than it saves.
pub(super) fn json_of(answer: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentEncoding::Identity).json(answer)
}

async fn whole(mut calling: Calling, asked: Asked) -> Result<Value, Refusal> {
    let Begun { mut open, outward, how, words } = calling.begin(asked).await?;
    let label = Label::new(calling.deps.world.new_id(), calling.deps.world.now_ms(), &how.model);
    open.sent();
    let began = Instant::now();
    match calling.deps.models.pass(&outward, CALL_LIMIT).await {
        Ok(chatted) => {
            open.keep(words.answer(&chatted.answer));
            open.end(answered(&chatted, began)).await?;
            Ok(label.completion(&chatted.answer, chatted.cost))
        }
        Err(error) => {
            open.end(failed(&error)).await?;
            Err(error.into())
        }
    }
}

/// A call that is on record.
pub(super) struct Begun {
    pub open: OpenCall,
    pub outward: Outward,
    pub how: How,
    pub words: Words,
}

impl Calling {
    /// Reserves what it may take and puts it on record.
    pub(super) async fn begin(&mut self, asked: Asked) -> Result<Begun, Refusal> {
        let Asked { how, request, raw } = asked;
        let persona = self.payer().await?;
        let charged = persona.as_ref().map(|persona| (persona.id, persona.hours.zone));
        let outward = Outward { persona, request, raw };
        if !self.deps.models.knows(&how.model) {
            return Err(Refusal::no_model(&how.model));
        }
        let bound = self.deps.models.pass_bound(&outward);
        let data = json!({
            "model": how.model, "request": how.digest, "request_bytes": how.bytes, "stream": how.stream,
        });
        let (words, prompt) = self.words().await?;
        let open = self.reserve("chat", charged, bound, data, prompt).await?;
        Ok(Begun { open, outward, how, words })
    }

    /// Whoever is charged beside the key: a persona that is there and not paused.
    pub(super) async fn payer(&self) -> Result<Option<actors::domain::Persona>, Refusal> {
        let Some(id) = self.key.persona else { return Ok(None) };
        let persona = self.deps.db.persona(id).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
        let persona = persona.ok_or_else(Refusal::no_key)?;
        if persona.status == PersonaStatus::Paused {
            return Err(Refusal::conflict(format!("The persona of this key, {}, is paused.", persona.slug)));
        }
        Ok(Some(persona))
    }

    /// The call with its reservation on disk.
    pub(super) async fn reserve(
        &self,
        tool: &'static str,
        persona: Option<(actors::domain::PersonaId, Zone)>,
        bound: Result<actors::domain::Bound, ModelError>,
        data: Value,
        prompt: Option<NewArtifact>,
    ) -> Result<OpenCall, Refusal> {
        let bound = match bound {
            Err(error @ ModelError::UnknownModel { .. }) => return Err(error.into()),
            Ok(bound) if !bound.is_of_one_call() => Err("its worst case is beyond all measure".to_owned()),
            bound => bound.map_err(|error| error.to_string()),
        };
        let (key, trace) = (self.key.name.clone(), self.trace);
        Ok(self.deps.company.begin_call(ProgramCall { key, persona, tool, bound, data, prompt, trace }).await??)
    }
}

/// What the receipt says of an answer: who gave it, how much it was, and its digest. Its words are the program's, unless the
/// key keeps them: that costs each call two durable files more.
pub(super) fn answered(chatted: &Chatted, began: Instant) -> CallEnd {
    let said = serde_json::to_vec(&chatted.answer).unwrap_or_default();
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut data = json!({
        "provider": chatted.provider, "answered_by": chatted.model, "finish": chatted.answer.finish,
        "answer": sha256(&said), "answer_bytes": said.len(), "took_ms": took_ms,
    });
    if !chatted.tried.is_empty() {
        data["tried"] = json!(chatted.tried);
    }
    CallEnd::Answered { cost: chatted.cost, data }
}

/// What is known of a call that brought no answer.
pub(super) fn failed(error: &ModelError) -> CallEnd {
    let text = error.to_string();
    if error.is_unknown() {
        return CallEnd::Unknown { error: text };
    }
    CallEnd::Failed { spent: error.is_free().then(Cost::default), error: text }
}
