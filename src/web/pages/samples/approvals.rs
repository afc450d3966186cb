//! A made-up page of approvals.

use actors::domain::{
    Approval, ApprovalId, ApprovalState, Decided, GoalId, GoalState, Persona, PersonaStatus, ReadBack, Role, RunId,
    Subject,
};
use serde_json::json;

use super::records::{self, NOW, hash, id};
use crate::web::{
    api::reconcile::UnknownView,
    pages::{
        approvals::{ApprovalsPage, AskedRow, HostRow, Stretch, UnknownRow},
        frame::{Frame, Section},
    },
};

fn asked(number: u128, jason: &Persona, state: ApprovalState, by: Option<(&str, &str)>) -> Approval {
    let page = json!({
        "address": "https://shop.example/cart",
        "element": {"role": "button", "name": "Place order"},
        "form": [{"name": "quantity", "value": "3"}, {"name": "note", "value": "<script>alert(1)</script>"}],
        "sends_to": "https://shop.example/orders",
    });
    Approval {
        id: ApprovalId(id(200 + number)),
        persona: jason.id,
        goal: GoalId(id(2)),
        run: RunId(id(2)),
        step: 4,
        key: "key".to_owned(),
        tool: "browser_click".to_owned(),
        digest: hash(7),
        state,
        subject: Subject {
            label: "browser_click #order".to_owned(),
            args: json!({"action": "click", "selector": "#order"}),
            page: Some(page),
            host: Some("shop.example".to_owned()),
            rule: "autonomy: supervised asks before what cannot be taken back".to_owned(),
            disclosure: Some("Ordered by a machine.".to_owned()),
        },
        again: number == 1,
        asked_ms: NOW - 600_000,
        expires_ms: NOW + 85_800_000,
        decided: by.map(|(by, note)| Decided { by: by.to_owned(), at_ms: NOW - 300_000, note: note.to_owned() }),
    }
}

pub(super) fn approvals(frame: fn(&str, Section) -> Frame) -> Option<ApprovalsPage> {
    let jason = records::persona(1, "Jason", Some(Role::Worker), PersonaStatus::Active)?;
    let goal = records::goal(2, &jason, "Order three lamps", GoalState::Parked);
    let row = |approval: Approval| AskedRow::new(&approval, Some(&jason), Some(&goal), NOW);
    let unknown = UnknownView {
        persona: Some("jason".to_owned()),
        goal: goal.id,
        title: goal.title.clone(),
        step: 4,
        tool: "browser_click".to_owned(),
        what: "browser_click #order".to_owned(),
        args: json!({}),
        page: Some("https://shop.example/cart".to_owned()),
        tried_ms: NOW - 60_000,
        screenshot: None,
        read_back: Some(ReadBack { url: "https://shop.example/orders".to_owned(), contains: "lamp".to_owned() }),
    };
    let said = |number, state, by| row(asked(number, &jason, state, by));
    Some(ApprovalsPage {
        frame: Frame { waiting: 3, ..frame("Approvals", Section::Approvals) },
        waiting: Stretch {
            rows: vec![said(1, ApprovalState::Waiting, None), said(2, ApprovalState::Waiting, None)],
            newest: None,
            earlier: Some("/approvals?waiting=earlier&decided=".to_owned()),
        },
        unknown_earlier: None,
        unknown: vec![UnknownRow::new(&unknown, Some(&jason), NOW)],
        decided: Stretch {
            rows: vec![
                said(3, ApprovalState::Denied, Some(("anna", "too dear"))),
                said(4, ApprovalState::Used, Some(("anna", ""))),
                said(5, ApprovalState::Void, None),
            ],
            newest: Some("/approvals?waiting=&decided=".to_owned()),
            earlier: None,
        },
        hosts: vec![HostRow {
            host: "shop.example".to_owned(),
            version: 2,
            actions: "browser_navigate\nbrowser_click".to_owned(),
            pace: "0.2".to_owned(),
            disclosure: "Ordered by a machine.".to_owned(),
            outreach: String::new(),
        }],
    })
}
