//! Templates make what the API would take, and refuse what they cannot use by the name of the field.

use actors::{
    domain::Persona,
    testing::{self, TestWorld},
};
use serde_json::{Value, json};

use super::*;

#[test]
fn every_template_is_a_payload_the_api_would_take() {
    let mut wanted = ProposalWanted::new("data pipeline", "jason@greenroom.example", GOAL_KEY);
    let plain = submit_proposal(&wanted);
    wanted.with_key = true;
    let keyed = submit_proposal(&wanted);
    for template in [open_rehearsal_mail(), master_note_outline(), plain, keyed, daily_report()] {
        let mut json = serde_json::to_value(&template.payload).unwrap();
        json.as_object_mut().unwrap().remove("kind");
        let parsed = Payload::parse(template.payload.kind(), json).unwrap();
        assert_eq!(parsed, template.payload, "{}", template.title);
        assert!(!template.proof.is_empty(), "{}", template.title);
    }
}

#[test]
fn one_step_of_a_proposal_cannot_be_taken_back() {
    let steps = submit_proposal(&ProposalWanted::new("audit", "a@b.example", GOAL_KEY)).payload.steps();
    let final_ones: Vec<_> = steps.iter().filter(|step| step.effect() == Effect::Irreversible).collect();
    assert!(matches!(final_ones[..], [Step::Click { selector, .. }] if selector == "#submit"), "{final_ones:?}");
}

fn ada() -> Persona {
    testing::persona(&TestWorld::new(1), "ada")
}

fn params(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn every_named_template_makes_a_goal_the_api_would_take() {
    let filled = json!({"niche": "data pipeline", "platform": "rehearsal", "asset": "Rows do not vanish.",
        "title": "Audit", "brief": "What was found.", "to": "bo@a.test\ncy@a.test", "text": "Hello.", "batch_size": 2});
    for named in all() {
        let wanted = named.fields.iter().filter(|field| field.required).map(|field| field.name);
        let fields: serde_json::Map<_, _> = wanted.map(|name| (name.to_owned(), filled[name].clone())).collect();
        let goal = make(named.name, &fields, &ada()).unwrap();
        let mut json = serde_json::to_value(&goal.payload).unwrap();
        json.as_object_mut().unwrap().remove("kind");
        assert_eq!(Payload::parse(goal.payload.kind(), json).unwrap(), goal.payload, "{}", named.name);
        assert!(!goal.proof.is_empty(), "{}", named.name);
        assert_eq!(goal.proof.counts_as, named.counts_as, "{}", named.name);
    }
}

#[test]
fn a_wrong_field_is_refused_by_its_name() {
    let field = |name: &str, said: Value| make(name, &params(said), &ada()).unwrap_err();
    let (post, send) = ("social.post", "outreach.send_message");
    let to = "bo@a.test\n\n cy@a.test";
    let letters = |many: Value| json!({"platform": "rehearsal", "to": to, "text": "Hello.", "batch_size": many});
    for (name, said, wrong, reason) in [
        ("social.pots", json!({}), "template", "social.post"),
        (post, json!({"platform": "rehearsal"}), "params.asset", "is required"),
        (post, json!({"platform": "rehearsal", "asset": "  "}), "params.asset", "is required"),
        (post, json!({"platform": "mars", "asset": "x"}), "params.platform", "known are: rehearsal"),
        (post, json!({"platform": 7, "asset": "x"}), "params.platform", "must be a text"),
        (post, json!({"platform": "rehearsal", "asset": "x", "colour": 1}), "params.colour", "asset"),
        (post, json!({"platform": "rehearsal", "asset": "x".repeat(401)}), "params.asset", "at most 400"),
        (post, json!({"platform": "rehearsal", "asset": "${secret:a}"}), "params.asset", "must not hold"),
        (post, json!({"platform": "rehearsal", "asset": "{{link}}"}), "params.asset", "must not hold"),
        (post, json!({"platform": "rehearsal", "asset": "x", "email": "a\nb"}), "params.email", "one line"),
        (send, letters(json!(0)), "params.batch_size", "from 1 to 30"),
        (send, letters(json!(501)), "params.batch_size", "from 1 to 30"),
        (send, letters(json!(-1)), "params.batch_size", "from 1 to 30"),
        (send, letters(json!(1.5)), "params.batch_size", "whole number"),
        (send, letters(json!(3)), "params.batch_size", "is 3, and `to` names 2 people"),
    ] {
        let bad = field(name, said.clone());
        assert_eq!(bad.field, wrong, "{name} {said}: {bad}");
        assert!(bad.reason.contains(reason), "{name} {said}: {bad}");
    }
}

#[test]
fn letters_are_outreach_one_for_each_and_fit_into_a_goal() {
    let all: Vec<String> = (0..30).map(|at| format!("p{at}@a.test")).collect();
    let said = json!({"platform": "rehearsal", "to": all.join("\n"), "text": "Hello.", "batch_size": 30});
    let goal = make("outreach.send_message", &params(said), &ada()).unwrap();
    let steps = goal.payload.steps();
    let final_ones: Vec<_> = steps.iter().filter(|step| step.effect() == Effect::Irreversible).collect();
    assert!(final_ones.len() == 30 && final_ones.iter().all(|step| step.is_outreach()), "{final_ones:?}");
    assert_eq!((goal.proof.units, steps.len() <= 200), (Some(30), true));
}

#[test]
fn each_has_one_step_that_cannot_be_taken_back() {
    for (name, said) in [
        ("social.post", json!({"platform": "rehearsal", "asset": "x"})),
        ("deliverable.publish", json!({"platform": "rehearsal", "title": "x", "brief": "y"})),
        ("worker.submit_proposal", json!({"platform": "rehearsal", "niche": "x"})),
    ] {
        let steps = make(name, &params(said), &ada()).unwrap().payload.steps();
        assert_eq!(steps.iter().filter(|step| step.effect() == Effect::Irreversible).count(), 1, "{name}");
    }
}
