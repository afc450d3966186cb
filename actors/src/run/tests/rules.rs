//! What a run goes by: changed while it is under way it counts at the next step, and each run comes out of its record again
//! whatever was changed since.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    agents::{calls, click, goto, says, submits_a_proposal},
    board::{Board, SITE},
};
use crate::{
    domain::{
        Agent, AgentPayload, Autonomy, Effect, GoalState, HostPolicy, HostTerms, Outreach, Payload, Permissions,
        Persona, Phase, Proof, Receipt, Step, Thought,
    },
    ports::{Change, Commit},
    run::policy,
};

fn invoice(number: u32) -> Step {
    let Value::Object(args) = json!({ "number": number }) else { panic!("no object") };
    Step::Tool {
        name: "invoice".into(),
        args,
        effect: Effect::Idempotent,
        outreach: false,
        save_as: None,
        timeout_ms: None,
    }
}

fn mail(to: &str) -> Step {
    let args = json!({"host": "mail.test", "to": to, "text": "Hello."});
    let Value::Object(args) = args else { panic!("no object") };
    let (name, effect) = ("outreach_mail".into(), Effect::Irreversible);
    Step::Tool { name, args, effect, outreach: false, save_as: None, timeout_ms: None }
}

pub(super) fn policy_of(host: &str, version: i64, terms: HostTerms) -> HostPolicy {
    HostPolicy { host: host.into(), version, terms }
}

impl Board {
    /// What the desk commits when somebody changes the persona.
    async fn change(&self, changed: impl FnOnce(&mut Persona)) {
        let now = self.ports.store.personas().into_iter().find(|persona| persona.id == self.persona.id);
        let mut persona = now.unwrap();
        persona.version += 1;
        changed(&mut persona);
        let changes = vec![Change::PersonaUpdated(Box::new(persona))];
        self.runner.broker.evidence.record(Commit { changes, ..Commit::default() }).await.unwrap();
    }

    async fn let_it(&self, autonomy: Autonomy) {
        self.change(|persona| persona.permissions = Permissions { autonomy, rules: Vec::new() }).await;
    }

    fn said(&self, about: &str) -> Vec<Receipt> {
        let receipts = self.ports.store.receipts().into_iter();
        receipts.filter(|receipt| receipt.body.as_ref().is_some_and(|body| body.summary.contains(about))).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_from_a_persona_holds_at_its_next_step() {
    let board = Board::open(1_000_000).await;
    board.world.lock().unwrap().slow = Some("think");
    let mut thoughts: Vec<Thought> = (1..=4).map(|number| calls(vec![invoice(number)])).collect();
    thoughts.push(says("That is all."));
    let id = board.agent(thoughts, Proof::default());
    let run = board.begin(id).await;
    // Asked, written, asked again.
    board.ports.performer.called(3).await;
    board.let_it(Autonomy::ReadOnly).await;
    // The two in between were refused, and it is asked for the fourth time.
    board.ports.performer.called(5).await;
    board.let_it(Autonomy::Full).await;
    run.await.unwrap();
    let count = |phase| board.receipts("invoice", phase).len();
    assert_eq!((count(Phase::Outcome), count(Phase::Denied)), (2, 2), "{:?}", board.goal(id).last_error);
    assert_eq!(board.said("other rules").len(), 2);
    board.every_run_replays().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_run_was_allowed_meanwhile_comes_out_again() {
    let mut board = Board::open(1_000_000).await;
    board.persona = Arc::new(Persona { permissions: Permissions::default(), ..(*board.persona).clone() });
    board.world.lock().unwrap().slow = Some("think");
    let away = Step::Goto { url: "http://board.example/form".into(), timeout_ms: None };
    let thoughts = vec![calls(vec![away]), calls(vec![click()]), calls(vec![click()]), says("That is all.")];
    let id = board.agent(thoughts, Proof::default());
    let run = board.begin(id).await;
    board.ports.performer.called(3).await;
    board.let_it(Autonomy::Full).await;
    board.ports.performer.called(5).await;
    let terms = HostTerms { actions: Some(vec!["browser_navigate".into()]), ..HostTerms::default() };
    board.scheduler.hosts().keep(policy_of("rehearsal.localhost", 1, terms));
    run.await.unwrap();
    let count = |phase| board.receipts("browser_click", phase).len();
    assert_eq!((count(Phase::Outcome), count(Phase::Denied)), (1, 1), "{:?}", board.goal(id).last_error);
    board.every_run_replays().await;
}

#[tokio::test(start_paused = true)]
async fn who_edits_an_agent_or_renames_its_persona_accuses_no_run() {
    let mut board = Board::open(1_000_000).await;
    let named = |name: &str, instructions: &str| Agent {
        name: name.parse().unwrap(),
        instructions: instructions.into(),
        model: None,
        tools: Vec::new(),
    };
    board.change(|persona| persona.agents = vec![named("researcher", "Look twice.")]).await;
    board.persona = Arc::new(board.ports.store.personas().remove(0));
    let fetch = || Step::Fetch { url: "http://a.test/".into(), post: None, content_type: None, save_as: None };
    for agent_name in ["researcher", "researchers"] {
        board.world.lock().unwrap().thoughts = vec![calls(vec![fetch()]), says("That is all.")];
        let payload = AgentPayload { agent: Some(agent_name.into()), ..submits_a_proposal() };
        let id = board.give_payload(Payload::Agent(Box::new(payload)), Proof::default());
        board.carry(id).await;
        let wanted = if agent_name == "researcher" { GoalState::Unconfirmed } else { GoalState::Failed };
        assert_eq!(board.goal(id).state, wanted, "{:?}", board.goal(id).last_error);
    }
    assert_eq!(board.receipts("http_fetch", Phase::Denied).len(), 1, "its slug stands in the refusal");
    board
        .change(|persona| {
            persona.agents = vec![named("writer", "Write.")];
            persona.slug = "jacob".parse().unwrap();
        })
        .await;
    board.every_run_replays().await;
}

#[tokio::test(start_paused = true)]
async fn a_receipt_names_of_a_policy_only_what_its_step_has_to_do_with() {
    let mut board = Board::open(1_000_000).await;
    board.allow_only(Autonomy::Full, Vec::new());
    let outreach = Outreach { recipients: vec!["bo@a.test".into(), "ed@a.test".into()], opted_out: vec![] };
    let terms = HostTerms { outreach: Some(outreach), disclosure: "By a machine.".into(), ..HostTerms::default() };
    board.scheduler.hosts().keep(policy_of("mail.test", 1, terms.clone()));
    board.scheduler.hosts().keep(policy_of("shop.test", 1, terms));
    let thoughts = vec![calls(vec![goto("form")]), calls(vec![mail("bo@a.test")]), says("That is all.")];
    let id = board.agent(thoughts, Proof::default());
    board.carry(id).await;
    assert_eq!(board.receipts("outreach_mail", Phase::Outcome).len(), 1, "{:?}", board.goal(id).last_error);
    let all: Vec<String> = board.ports.store.receipts().into_iter().map(|receipt| format!("{receipt:?}")).collect();
    let naming = |word: &str| all.iter().filter(|text| text.contains(word)).count();
    assert_eq!((naming("shop.test"), naming("ed@a.test")), (0, 0), "{all:#?}");
    assert!(naming("bo@a.test") > 0 && naming("By a machine.") > 0);
}

#[test]
fn what_does_not_bear_on_a_step_changes_nothing_that_is_said_of_it() {
    let outreach = Outreach { recipients: vec!["Bo@a.test ".into()], opted_out: vec!["ed@a.test".into()] };
    let terms = HostTerms { outreach: Some(outreach), ..HostTerms::default() };
    let permissions = Permissions { autonomy: Autonomy::Full, rules: Vec::new() };
    for to in ["bo@a.test", "ed@a.test", "cy@a.test"] {
        let says = |terms: &HostTerms| {
            policy::judge(
                &mail(to),
                Some(SITE),
                &policy::Rules { permissions: &permissions, standing: &[], terms: Some(terms) },
            )
        };
        assert_eq!(says(&terms), says(&policy::narrowed(terms.clone(), &mail(to))), "{to}");
    }
    let look = Step::Goto { url: "http://mail.test/".into(), timeout_ms: None };
    assert_eq!(policy::narrowed(terms, &look), HostTerms::default(), "nobody is named who is not written to");
}
