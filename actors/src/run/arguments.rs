//! What an intent says of a call's arguments: the arguments themselves, or, where they are large, their digest and size
//! and the artifact that holds them, so that receipts stay small.

use serde_json::{Value, json};

use crate::{
    domain::{Call, NewArtifact, Phase, Receipt, Step},
    evidence::canonical,
    ports::{Blobs, Unavailable},
};

/// Bytes of arguments that an intent holds itself.
const MOST_BYTES: usize = 4 << 10;
/// File name of the artifact that holds larger ones.
const FILE: &str = "arguments.json";

/// What the intent says, and what must be kept before it.
pub(super) fn on_record(step: &Step, call: &Call) -> (Value, Option<NewArtifact>) {
    let text = call.args.to_string();
    let digest = canonical::sha256(text.as_bytes());
    if let Step::Think { turns, .. } = step {
        // A talk is on record with its answer, as an artifact, and need not stand in each intent once more.
        return (json!({"turns": turns.len(), "digest": digest}), None);
    }
    if text.len() <= MOST_BYTES {
        return (call.args.clone(), None);
    }
    let said = json!({"digest": digest, "bytes": text.len(), "artifact": FILE});
    (said, Some(NewArtifact::json(FILE, text.into_bytes())))
}

/// What a question says of them: of large ones their digest and size, for the intent behind a yes keeps them.
pub(super) fn in_brief(args: &Value) -> Value {
    let text = args.to_string();
    match text.len() <= MOST_BYTES {
        true => args.clone(),
        false => json!({"digest": canonical::sha256(text.as_bytes()), "bytes": text.len()}),
    }
}

/// The same receipts, with the arguments of their intents whole. An intent whose arguments are gone counts as erased.
pub(crate) async fn whole(mut receipts: Vec<Receipt>, blobs: &dyn Blobs) -> Result<Vec<Receipt>, Unavailable> {
    for receipt in receipts.iter_mut().filter(|receipt| receipt.phase == Some(Phase::Intent)) {
        let Some(body) = &mut receipt.body else { continue };
        let is_elsewhere = body.data.get("args").and_then(|args| args.get("artifact")).is_some_and(|name| name == FILE);
        let Some(kept) = body.artifacts.iter().find(|kept| is_elsewhere && kept.name == FILE) else { continue };
        let bytes = blobs.get(kept.hash).await?.filter(|bytes| canonical::sha256(bytes) == kept.hash);
        match bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            Some::<Value>(args) => body.data["args"] = args,
            None => receipt.body = None,
        }
    }
    Ok(receipts)
}
