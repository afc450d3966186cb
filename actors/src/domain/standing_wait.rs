//! A persona that stands in wait for another: "tell me when Helper flags code". Pure.
//!
//! The condition is held against the other one's receipts, in order. That each is told exactly once rests on
//! `seen_seq`: it moves in the commit that tells, and only there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BadPayload, PersonaId, Phase, Receipt, ReceiptKind, StandingWaitId, priority::occurs, words::words};

words! {
    /// What may happen to a persona that is watched.
    Happening("kind of happening") {
        /// A message came in.
        Message = "message",
        /// A goal of it is over, whatever became of it.
        GoalOver = "goal_over",
        Done = "done",
        Unconfirmed = "unconfirmed",
        Failed = "failed",
        Cancelled = "cancelled",
        /// It went to an address.
        Http = "http",
        Screenshot = "screenshot",
        File = "file",
        /// A step was carried out.
        Execution = "execution",
        /// A model answered.
        Llm = "llm",
    }
}

/// When to tell. What is given must hold, all of it; at least one thing is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Condition {
    pub kind: Option<Happening>,
    /// The project label of the work, or `#tag` in a text.
    pub tag: Option<String>,
    /// These words, in this order, whatever their case.
    pub text: Option<String>,
}

/// What a persona wants to be told about another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingWait {
    pub id: StandingWaitId,
    /// Who is told.
    pub waiter: PersonaId,
    /// Whose receipts are looked at.
    pub watched: PersonaId,
    pub condition: Condition,
    pub created_by: String,
    pub created_ms: i64,
    /// Everything up to here on the other's chain was looked at, and told if it matched.
    pub seen_seq: i64,
    /// Matches told so far.
    pub told: u32,
    /// When it told last.
    pub told_ms: Option<i64>,
    /// None: it still stands.
    pub ended: Option<WaitEnd>,
}

/// Why a standing wait is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitEnd {
    pub at_ms: i64,
    pub because: String,
}

/// Characters of a tag and of the words to look for.
const LONGEST: usize = 200;
/// Characters of a line that tells what happened.
const LINE: usize = 300;

impl Condition {
    /// Refuses what can never hold or always does, with the field's name.
    pub fn check(&self) -> Result<(), BadPayload> {
        let bad = |field: &str, reason: &str| Err(BadPayload { field: field.to_owned(), reason: reason.to_owned() });
        for (field, given) in [("tag", &self.tag), ("text", &self.text)] {
            match given.as_deref().map(|given| (given.trim(), given.chars().count())) {
                Some(("", _)) => return bad(field, "must not be empty: leave it out to match anything"),
                Some((_, length)) if length > LONGEST => return bad(field, "must be at most 200 characters"),
                _ => {}
            }
        }
        if self.tag.as_deref().is_some_and(|tag| tag.trim().trim_start_matches('#').is_empty()) {
            return bad("tag", "must be more than `#`");
        }
        if *self == Self::default() {
            return bad("kind", "name a kind, a tag or a text to wait for: otherwise everything would be told");
        }
        Ok(())
    }

    /// Whether this is what it waits for.
    pub fn matches(&self, receipt: &Receipt) -> bool {
        let holds = |text: &str, words: &str| occurs(&text.to_lowercase(), &words.trim().to_lowercase());
        let text = || told(receipt);
        self.kind.is_none_or(|kind| kind.is_it(receipt))
            && self.tag.as_deref().is_none_or(|tag| {
                let tag = tag.trim().trim_start_matches('#');
                let label = receipt.project.as_deref().is_some_and(|label| label.trim().eq_ignore_ascii_case(tag));
                label || holds(&text(), &format!("#{tag}"))
            })
            && self.text.as_deref().is_none_or(|words| holds(&text(), words))
    }

    /// For people: `done, tagged code, about “parser”`.
    pub fn in_words(&self) -> String {
        let kind = self.kind.map(|kind| kind.as_str().replace('_', " "));
        let tag = self.tag.as_deref().map(|tag| format!("tagged {}", tag.trim().trim_start_matches('#')));
        let text = self.text.as_deref().map(|text| format!("about “{}”", text.trim()));
        [kind, tag, text].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Happening {
    fn is_it(self, receipt: &Receipt) -> bool {
        let over = |states: &[&str]| {
            let said = matches!(receipt.phase, Some(Phase::Decision | Phase::Expired | Phase::Dropped));
            let state = receipt.state.as_deref().unwrap_or_default();
            said && receipt.goal.is_some() && receipt.step.is_none() && states.contains(&state)
        };
        let took_place = |kind| receipt.kind == kind && receipt.phase == Some(Phase::Outcome);
        match self {
            Self::Message => {
                let data = receipt.body.as_ref().map(|body| &body.data);
                receipt.phase.is_none()
                    && data.is_some_and(|data| data.get("message").is_some() && data.get("text").is_some())
            }
            Self::GoalOver => over(&["done", "unconfirmed", "failed", "cancelled"]),
            Self::Done | Self::Unconfirmed | Self::Failed | Self::Cancelled => over(&[self.as_str()]),
            Self::Http => took_place(ReceiptKind::Http),
            Self::Screenshot => took_place(ReceiptKind::Screenshot),
            Self::File => took_place(ReceiptKind::File),
            Self::Execution => took_place(ReceiptKind::Execution),
            Self::Llm => took_place(ReceiptKind::Llm),
        }
    }
}

/// What a receipt tells in words: its summary, and the text it is about.
fn told(receipt: &Receipt) -> String {
    let Some(body) = &receipt.body else { return String::new() };
    let of = |field: &str| body.data.get(field).and_then(Value::as_str).unwrap_or_default();
    let error = body.error.as_deref().unwrap_or_default();
    [body.summary.as_str(), of("text"), of("value"), error].join("\n")
}

/// One line that says what happened.
pub fn line(receipt: &Receipt) -> String {
    let all = told(receipt);
    let parts: Vec<_> = all.lines().map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(" · ").chars().take(LINE).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        domain::{Body, ChainId, GoalId, Hash, PersonaId},
        testing,
    };

    fn receipt(kind: ReceiptKind, phase: Option<Phase>, state: Option<&str>, summary: &str, text: &str) -> Receipt {
        Receipt {
            pos: 1,
            chain: ChainId::Persona(PersonaId(Uuid::from_u128(1))),
            seq: 1,
            prev: Hash([0; 32]),
            hash: Hash([0; 32]),
            at_ms: 0,
            node: testing::node(),
            kind,
            phase,
            state: state.map(str::to_owned),
            tool: None,
            effect: None,
            goal: Some(GoalId(Uuid::from_u128(2))),
            run: None,
            step: None,
            replay_of: None,
            trace: None,
            project: None,
            units: None,
            body: Some(Body {
                summary: summary.to_owned(),
                data: json!({"message": "m", "text": text}),
                ..Body::default()
            }),
        }
    }

    fn condition(kind: Option<Happening>, tag: Option<&str>, text: Option<&str>) -> Condition {
        Condition { kind, tag: tag.map(str::to_owned), text: text.map(str::to_owned) }
    }

    #[test]
    fn kind_tag_and_text_must_all_hold() {
        let done = receipt(ReceiptKind::Decision, Some(Phase::Decision), Some("done"), "proved “read parser.rs”", "");
        let came = receipt(ReceiptKind::Log, None, Some("pending"), "received message from bo", "this is #Code, look");
        let labelled = Receipt { project: Some("Code".to_owned()), ..done.clone() };
        for (waits, happened, holds) in [
            (condition(Some(Happening::Done), None, None), &done, true),
            (condition(Some(Happening::GoalOver), None, None), &done, true),
            (condition(Some(Happening::Failed), None, None), &done, false),
            (condition(Some(Happening::Message), None, None), &done, false),
            (condition(Some(Happening::Message), None, None), &came, true),
            (condition(None, Some("code"), None), &came, true),
            (condition(None, Some("#code"), None), &came, true),
            (condition(None, Some("cod"), None), &came, false),
            (condition(None, Some("code"), None), &done, false),
            (condition(None, Some("code"), None), &labelled, true),
            (condition(None, None, Some("READ Parser")), &done, true),
            (condition(None, None, Some("pars")), &done, false),
            (condition(Some(Happening::Done), Some("code"), Some("parser")), &labelled, true),
            (condition(Some(Happening::Done), Some("code"), Some("lexer")), &labelled, false),
        ] {
            assert_eq!(waits.matches(happened), holds, "{waits:?} {happened:?}");
        }
        assert_eq!(line(&came), "received message from bo · this is #Code, look");
        assert_eq!(
            condition(Some(Happening::GoalOver), Some("#code"), Some("parser")).in_words(),
            "goal over, tagged code, about “parser”"
        );
    }

    #[test]
    fn a_condition_that_says_nothing_is_refused_by_the_name_of_its_field() {
        let refused = |condition: Condition| condition.check().unwrap_err().field;
        assert_eq!(refused(condition(None, None, None)), "kind");
        assert_eq!(refused(condition(Some(Happening::Done), Some(" "), None)), "tag");
        assert_eq!(refused(condition(None, Some("#"), None)), "tag");
        assert_eq!(refused(condition(None, None, Some(""))), "text");
        assert_eq!(refused(condition(None, None, Some(&"x".repeat(201)))), "text");
    }
}
