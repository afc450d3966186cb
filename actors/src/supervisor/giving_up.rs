//! A persona kept falling: it is paused in the journal too, with an alert and a receipt.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tracing::warn;

use super::{By, drafts};
use crate::{
    domain::{Alert, AlertId, AlertKind, ChainId, Persona, PersonaId, PersonaStatus, TraceId},
    evidence::RecordError,
    persona::Stage,
    ports::{Change, Commit, Guard},
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Writes it as soon as the store can; the roster keeps the persona from work meanwhile.
pub(super) fn spawn(stage: Arc<Stage>, id: PersonaId, why: String) {
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        while !settled(&stage, id, &why).await {
            warn!(persona = %id, "the pause of persona {id} is not written yet, trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    });
}

/// Whether nothing is left to do.
async fn settled(stage: &Stage, id: PersonaId, why: &str) -> bool {
    let persona = match stage.ports.records.persona(id).await {
        Ok(Some(persona)) if persona.status == PersonaStatus::Active => persona,
        Ok(_) => return true,
        Err(_) => return false,
    };
    let written = stage.evidence.record(commit(stage, persona, why)).await;
    matches!(written, Ok(_) | Err(RecordError::Ended))
}

fn commit(stage: &Stage, persona: Persona, why: &str) -> Commit {
    let world = &*stage.ports.world;
    let (id, version, now_ms) = (persona.id, persona.version, world.now_ms());
    let by = By { who: "system".to_owned(), trace: TraceId(world.new_id()) };
    let text = format!(
        "{} fell more than {} times within {} s and is paused: read the log, then resume it. The last cause: {why}",
        persona.name,
        stage.limits.restarts,
        stage.limits.restart_window.as_secs()
    );
    let data = json!({"cause": why, "restarts": stage.limits.restarts});
    let summary = "paused by system after too many restarts".to_owned();
    let mut draft = drafts::decision(&stage.limits.node, world, ChainId::Persona(id), &by, summary, data);
    draft.state = Some(PersonaStatus::Paused.as_str());
    let alert = Alert {
        id: AlertId(world.new_id()),
        kind: AlertKind::PersonaPaused,
        persona: Some(id),
        goal: None,
        text,
        raised_ms: now_ms,
        resolved_ms: None,
    };
    let persona = Persona { status: PersonaStatus::Paused, version: version + 1, updated_ms: now_ms, ..persona };
    Commit {
        guards: vec![Guard::PersonaVersion(id, version)],
        changes: vec![Change::PersonaUpdated(Box::new(persona)), Change::AlertRaised(Box::new(alert))],
        receipts: vec![draft],
    }
}
