//! Tells people of a text that does not sound like its persona.

use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use super::broker::{Act, Acted, Broker};
use crate::{
    domain::{Alert, AlertId, AlertKind, Level, ReceiptKind},
    ports::{Change, Commit},
};

/// What a receipt of a text says of its drift, where its persona has a limit for it.
#[derive(Deserialize)]
struct Judged {
    drift: Score,
    drift_limit: Level,
}

/// In thousandths.
#[derive(Deserialize)]
struct Score {
    score: u16,
}

impl Broker {
    /// Raises an alert when a text is above its persona's limit, unless the last one of the persona is still open.
    pub(super) async fn warn_of_drift(&self, act: &Act<'_>, acted: &Acted) {
        let Acted::Holds(receipt) = acted else { return };
        let Some(text) = receipt.body.as_ref().and_then(|body| told(&body.data)) else { return };
        let persona = act.about.goal.persona;
        match self.ports.records.open_alerts(persona).await {
            Ok(open) if open.iter().any(|alert| alert.kind == AlertKind::Drift) => return,
            Ok(_) => {}
            Err(error) => return warn!("a drift could not be told, for the open alerts cannot be read: {error}"),
        }
        let (id, raised_ms) = (AlertId(self.ports.world.new_id()), self.ports.world.now_ms());
        let draft = act.about.draft(ReceiptKind::Log, None, text.clone(), json!({"alert": id, "of": receipt.seq}));
        let (persona, goal) = (Some(persona), Some(act.about.goal.id));
        let alert = Alert { id, kind: AlertKind::Drift, persona, goal, text, raised_ms, resolved_ms: None };
        let changes = vec![Change::AlertRaised(Box::new(alert))];
        // Without the store the next such text is told.
        let _ = self.write(Commit { changes, receipts: vec![draft], ..Commit::default() }).await;
    }
}

/// What people are told of this text; none: it is within its limit.
fn told(data: &Value) -> Option<String> {
    let Judged { drift: Score { score }, drift_limit } = Judged::deserialize(data).ok()?;
    let score = Level::from_thousandths(score);
    (score > drift_limit).then(|| {
        let (score, limit) = (score.share(), drift_limit.share());
        format!("a text has a drift of {score}, and {limit} is the limit: look at it, and at the profile or the model")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_limit_is_told() {
        let of = |score: u16, limit: f64| told(&json!({"drift": {"score": score, "parts": []}, "drift_limit": limit}));
        assert!(of(501, 0.5).unwrap().starts_with("a text has a drift of 0.501, and 0.5 is the limit"));
        assert_eq!((of(500, 0.5), of(1_000, 1.0)), (None, None));
        assert_eq!(told(&json!({"drift": {"score": 900}})), None, "it has no limit");
    }
}
