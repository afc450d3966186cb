//! What pages say of records that the samples do not show.

use actors::domain::{Effect, GoalState, MessageKind, PersonaStatus, Receipt, Role, RunState};
use serde_json::json;

use super::records::{NOW, goal, message, persona, receipts, run};
use crate::web::pages::{
    evidence::{self, ReceiptRow},
    persona::input::{Parts, Turn},
};

#[test]
fn an_answer_without_a_deed_was_not_carried_out() {
    let jason = persona(1, "Jason", Some(Role::Worker), PersonaStatus::Active).unwrap();
    let mut goal = goal(1, &jason, "Submit the proposal", GoalState::Unconfirmed);
    goal.result = Some("All set!".to_owned());
    goal.last_error = Some("nothing was proven".to_owned());
    let asked = message(1, &goal, MessageKind::Goal, "Submit the proposal");
    let told = |receipts: &[Receipt]| {
        Turn::new(&Parts { message: &asked, goal: &goal, run: None, receipts }, "Jason", "admin", NOW)
    };
    let turn = told(&[]);
    assert_eq!(turn.answer, "Answered, but nothing was proven: All set!");
    assert!(!turn.failed && turn.proofs.is_empty());
    let mut receipts = receipts(&goal, &run(1, &goal, RunState::Unconfirmed));
    assert!(told(&receipts).answer.starts_with("Answered,"), "it only looked");
    receipts.iter_mut().for_each(|receipt| receipt.effect = Some(Effect::Irreversible));
    let acted = told(&receipts).answer;
    assert_eq!(acted, "Carried out, but not proven: nothing was proven. It answered: All set!");
}

#[test]
fn a_refused_call_stands_out_with_its_reason() {
    let jason = persona(1, "Jason", Some(Role::Worker), PersonaStatus::Active).unwrap();
    let goal = goal(1, &jason, "Submit the proposal", GoalState::Running);
    let mut receipt = receipts(&goal, &run(1, &goal, RunState::Running)).remove(0);
    let calls = json!([{"tool": "browser_click"}, {"tool": "fly", "refused": "there is no tool `fly`"}]);
    receipt.body.as_mut().unwrap().data = json!({"ok": true, "calls": calls});
    assert_eq!(evidence::refused(receipt.body.as_ref().unwrap()), Some("there is no tool `fly`"));
    assert!(ReceiptRow::new(&receipt, "Jason", NOW).bad);
    receipt.body.as_mut().unwrap().data["calls"] = json!([{"tool": "browser_click"}]);
    assert!(!ReceiptRow::new(&receipt, "Jason", NOW).bad);
}
