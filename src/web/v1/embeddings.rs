//! `POST /v1/embeddings`.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{domain::Hash, evidence::canonical::sha256, supervisor::CallEnd};
use serde_json::{Value, json};

use super::{
    CALL_LIMIT, Calls,
    asked::{body, object},
    chat::{Calling, failed, json_of},
    errors::Refusal,
    key_of, persona,
    told::usage,
};
use crate::{
    models::ToEmbed,
    web::{Deps, trace::Trace},
};

/// Texts in one request.
const MOST_TEXTS: usize = 2_048;

pub(super) async fn make(
    request: HttpRequest,
    trace: Trace,
    payload: web::Payload,
    deps: web::Data<Deps>,
    calls: web::Data<Calls>,
) -> Result<HttpResponse, Refusal> {
    let key = key_of(&request)?.0;
    let mut place = calls.enter()?;
    let body = body(payload, &mut place).await?;
    let kept = key.keeps_words.then(|| body.clone());
    let calling = Calling { deps, key, trace: trace.0, body: kept, _place: place };
    let (raw, model) = object(&body)?;
    let is_input = match raw.get("input") {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(texts)) => !texts.is_empty() && texts.len() <= MOST_TEXTS,
        _ => false,
    };
    if !is_input {
        let reason = format!("must be a text or a list of 1 to {MOST_TEXTS}, none of them empty");
        return Err(Refusal::field("input", reason));
    }
    let is_model = calling.deps.models.knows(&model) && persona::slug_of(&model).is_none();
    if !(is_model && calling.key.allows(&model)) {
        return Err(Refusal::no_model(&model));
    }
    let asked = ToEmbed { persona: calling.payer().await?, model, raw };
    Ok(json_of(&calls.carry(embed(calling, asked, (sha256(&body), body.len()))).await?))
}

async fn embed(mut calling: Calling, asked: ToEmbed, (digest, bytes): (Hash, usize)) -> Result<Value, Refusal> {
    let charged = asked.persona.as_ref().map(|persona| (persona.id, persona.hours.zone));
    let bound = calling.deps.models.embed_bound(&asked);
    let data = json!({ "model": asked.model, "request": digest, "request_bytes": bytes });
    // What is made of the words has none.
    let (_, prompt) = calling.words().await?;
    let mut open = calling.reserve("embed", charged, bound, data, prompt).await?;
    open.sent();
    match calling.deps.models.embed(&asked, CALL_LIMIT).await {
        Ok(made) => {
            let data = json!({ "provider": made.provider, "answered_by": made.model });
            open.end(CallEnd::Answered { cost: made.cost, data }).await?;
            let mut answer = json!({ "object": "list", "data": made.data, "model": asked.model });
            if let Some(cost) = made.cost {
                answer["usage"] = usage(cost);
            }
            Ok(answer)
        }
        Err(error) => {
            open.end(failed(&error)).await?;
            Err(error.into())
        }
    }
}
