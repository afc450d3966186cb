//! `report_daily` of one persona's own time: its digest. Every number comes with the receipts it was counted from.

use std::fmt::Write as _;

use actors::domain::{
    ArtifactKind, ChainId, Effect, GoalState, NewArtifact, Outcome, Persona, Phase, Receipt, ReceiptKind, StepError,
};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::tools::days::{DayBook, Own};

/// Receipts that a number names one by one; the others are between the first and the last.
const MOST_NAMED: usize = 20;

/// What a digest covers, in milliseconds since 1970; `until` is left out.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) struct Span {
    pub(in crate::tools) from_ms: i64,
    pub(in crate::tools) until_ms: i64,
}

/// A digest as its receipt holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    pub from_ms: i64,
    pub until_ms: i64,
    /// The persona's time zone.
    pub zone: String,
    /// Receipts of that time.
    pub receipts: usize,
    /// There were more than are counted; these are the newest.
    pub cut: bool,
    pub numbers: Vec<Number>,
}

/// One number, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    pub what: String,
    pub count: i64,
    /// Sequences of receipts on the persona's chain, the oldest first; at most twenty.
    pub receipts: Vec<i64>,
    /// Receipts that are not named.
    pub more: usize,
}

/// Counts the persona's own time. The text is the outcome's `value` and its artifact, the numbers are its `digest`.
pub(in crate::tools) async fn digest(days: &dyn DayBook, persona: &Persona, span: Span, save_as: &str) -> Outcome {
    let own = match days.own(persona.id, span.from_ms, span.until_ms).await {
        Ok(own) => own,
        Err(error) => {
            let text = format!("the receipts of that time could not be read: {error}; try later");
            return Outcome::not_begun("counted nothing", StepError::retryable(text));
        }
    };
    let digest = Digest {
        from_ms: span.from_ms,
        until_ms: span.until_ms,
        zone: persona.hours.zone.to_string(),
        receipts: own.receipts.len(),
        cut: own.cut,
        numbers: numbers(&own, persona),
    };
    let text = markdown(&digest, persona);
    let summary = format!("counted {} receipts into {} numbers", digest.receipts, digest.numbers.len());
    let data = json!({
        "step": format!("report {save_as}"), "ok": true, "details": summary, "value": text, "digest": digest,
    });
    let name = format!("{save_as}.md");
    let artifact =
        NewArtifact { kind: ArtifactKind::Text, name, media_type: "text/markdown", bytes: text.into_bytes() };
    Outcome::done(summary, data).with_artifact(artifact)
}

/// What a receipt counts as; it may be several things.
type Counts = (&'static str, fn(&Receipt) -> i64);

const COUNTED: &[Counts] = &[
    ("messages received", |receipt| (receipt.phase.is_none() && data(receipt, "message")).into()),
    ("goals done", |receipt| ended(receipt, GoalState::Done)),
    ("goals unconfirmed", |receipt| ended(receipt, GoalState::Unconfirmed)),
    ("goals failed", |receipt| ended(receipt, GoalState::Failed)),
    ("goals cancelled", |receipt| ended(receipt, GoalState::Cancelled)),
    ("units proven", |receipt| receipt.units.unwrap_or(0)),
    ("steps carried out", |receipt| is(receipt, Phase::Outcome).into()),
    ("irreversible effects", |receipt| {
        (is(receipt, Phase::Outcome) && receipt.effect == Some(Effect::Irreversible)).into()
    }),
    ("model calls", |receipt| (is(receipt, Phase::Outcome) && receipt.kind == ReceiptKind::Llm).into()),
    ("screenshots", |receipt| (receipt.kind == ReceiptKind::Screenshot).into()),
    ("effects that ended unknown", |receipt| is(receipt, Phase::Unknown).into()),
    ("calls denied", |receipt| is(receipt, Phase::Denied).into()),
    ("messages expired", |receipt| is(receipt, Phase::Expired).into()),
    ("messages dropped", dropped),
    ("receipts that name an error", |receipt| receipt.body.as_ref().is_some_and(|body| body.error.is_some()).into()),
];

/// One receipt may list many.
fn dropped(receipt: &Receipt) -> i64 {
    let data = receipt.body.as_ref().map(|body| &body.data["dropped_messages_and_goals"]);
    let listed = data.and_then(Value::as_array).map_or(1, Vec::len);
    if is(receipt, Phase::Dropped) { i64::try_from(listed).unwrap_or(i64::MAX) } else { 0 }
}

fn is(receipt: &Receipt, phase: Phase) -> bool {
    receipt.phase == Some(phase)
}

fn data(receipt: &Receipt, name: &str) -> bool {
    receipt.body.as_ref().is_some_and(|body| body.data.get(name).is_some())
}

/// Whether a goal became this: said of the goal, not of one of its steps.
fn ended(receipt: &Receipt, state: GoalState) -> i64 {
    (receipt.goal.is_some() && receipt.step.is_none() && receipt.state.as_deref() == Some(state.as_str())).into()
}

/// What is zero is left out.
fn numbers(own: &Own, persona: &Persona) -> Vec<Number> {
    let chain = ChainId::Persona(persona.id);
    let receipts: Vec<&Receipt> = own.receipts.iter().rev().filter(|receipt| receipt.chain == chain).collect();
    let number = |(what, counts): &Counts| {
        let found: Vec<_> =
            receipts.iter().filter_map(|one| Some((one.seq, counts(one))).filter(|(_, n)| *n > 0)).collect();
        let more = found.len().saturating_sub(MOST_NAMED);
        let count: i64 = found.iter().map(|(_, count)| count).sum();
        // The newest are named: they are what a reader looks for first.
        let named = found.into_iter().skip(more).map(|(seq, _)| seq).collect();
        (count > 0).then(|| Number { what: (*what).to_owned(), count, receipts: named, more })
    };
    COUNTED.iter().filter_map(number).collect()
}

/// Where a receipt is shown.
pub fn receipt_address(persona: &str, seq: i64) -> String {
    format!("/personas/{persona}/receipts/{seq}")
}

/// The digest as text. Pure: the same numbers, the same words.
fn markdown(digest: &Digest, persona: &Persona) -> String {
    let zone = persona.hours.zone.tz();
    let at =
        |ms| DateTime::from_timestamp_millis(ms).unwrap_or_default().with_timezone(&zone).format("%-d %B %Y, %H:%M");
    let mut out = format!("# Digest of {}\n\n", persona.name);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{} to {} ({}), counted from {} receipts. Numbers in brackets are receipts on the persona's chain.\n",
        at(digest.from_ms),
        at(digest.until_ms),
        digest.zone,
        digest.receipts
    );
    if digest.cut {
        out.push_str("There were more receipts than are counted here; these are the newest.\n\n");
    }
    for Number { what, count, receipts, more } in &digest.numbers {
        let links: Vec<_> =
            receipts.iter().map(|seq| format!("[{seq}]({})", receipt_address(persona.slug.as_str(), *seq))).collect();
        let rest = if *more > 0 { format!(" and {more} earlier") } else { String::new() };
        let _ = writeln!(out, "- {what}: **{count}** ({}{rest})", links.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use actors::{
        domain::{Body, Draft, PersonaId, ReceiptKind},
        ports::{BoxError, Commit, World as _},
        testing::{self, MemoryStore, TestWorld},
    };
    use async_trait::async_trait;

    use super::*;
    use crate::tools::Day;

    struct Kept(Vec<Receipt>);

    #[async_trait]
    impl DayBook for Kept {
        async fn since(&self, _from_ms: i64) -> Result<Day, BoxError> {
            Ok(Day::default())
        }

        async fn own(&self, _persona: PersonaId, from_ms: i64, until_ms: i64) -> Result<Own, BoxError> {
            let within = self.0.iter().filter(|receipt| (from_ms..until_ms).contains(&receipt.at_ms));
            Ok(Own { receipts: within.rev().cloned().collect(), cut: false })
        }
    }

    /// A day: a message, a goal done in two steps, one of them a model's, and one that failed; then the next day.
    fn a_day(world: &TestWorld, persona: &Persona) -> Kept {
        let store = MemoryStore::default();
        let goal = Some(testing::goal(world, persona.id).id);
        let draft = |phase, summary: &str| Draft {
            goal,
            ..testing::draft(world, ChainId::Persona(persona.id), phase, summary)
        };
        let body = |data| Body { data, ..Body::default() };
        let steps =
            (0..30).map(|step| Draft { step: Some(step), state: Some("done"), ..draft(Some(Phase::Outcome), "step") });
        let mut receipts = vec![Draft { body: body(json!({"message": 1})), ..draft(None, "received goal") }];
        receipts.extend(steps);
        receipts.push(Draft { kind: ReceiptKind::Llm, step: Some(30), ..draft(Some(Phase::Outcome), "composed") });
        receipts.push(Draft { state: Some("done"), units: Some(2), ..draft(Some(Phase::Decision), "done") });
        let error = Body { error: Some("no posting".to_owned()), ..Body::default() };
        receipts.push(Draft { state: Some("failed"), body: error, ..draft(Some(Phase::Decision), "failed") });
        let flood = body(json!({"dropped_messages_and_goals": [[1, 2], [3, 4], [5, 6]]}));
        receipts.push(Draft { body: flood, ..draft(Some(Phase::Dropped), "dropped 3 messages") });
        receipts.push(draft(Some(Phase::Dropped), "discarded a dead letter"));
        receipts.push(Draft { at_ms: world.now_ms() + 60_000, ..draft(Some(Phase::Outcome), "tomorrow") });
        store.seed(Commit { receipts, ..Commit::default() }).unwrap();
        Kept(store.receipts())
    }

    #[tokio::test]
    async fn every_number_names_its_receipts_and_what_is_zero_is_left_out() {
        let world = TestWorld::new(1);
        let ada = testing::persona(&world, "ada");
        let span = Span { from_ms: world.now_ms() - 1_000, until_ms: world.now_ms() + 1_000 };
        let outcome = digest(&a_day(&world, &ada), &ada, span, "report").await;
        let said: Digest = serde_json::from_value(outcome.data["digest"].clone()).unwrap();
        let number = |what: &str, count, receipts: &[i64], more| Number {
            what: what.to_owned(),
            count,
            receipts: receipts.to_vec(),
            more,
        };
        let newest: Vec<i64> = (13..=32).collect();
        assert_eq!(
            said.numbers,
            [
                number("messages received", 1, &[1], 0),
                number("goals done", 1, &[33], 0),
                number("goals failed", 1, &[34], 0),
                number("units proven", 2, &[33], 0),
                number("steps carried out", 31, &newest, 11),
                number("model calls", 1, &[32], 0),
                number("messages dropped", 4, &[35, 36], 0),
                number("receipts that name an error", 1, &[34], 0),
            ]
        );
        assert_eq!((said.receipts, said.cut), (36, false));
        let text = outcome.data["value"].as_str().unwrap();
        assert!(text.starts_with("# Digest of ada\n"), "{text}");
        assert!(text.contains("- goals done: **1** ([33](/personas/ada/receipts/33))"), "{text}");
        assert!(text.contains(" and 11 earlier)"), "{text}");
        assert_eq!(outcome.artifacts[0].bytes, text.as_bytes());
    }
}
