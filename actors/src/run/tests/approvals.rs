//! A person is asked before an effect: the run waits without a slice, the yes is used once, and only for this page.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    agents::{calls, says},
    board::{Board, SITE, When, proof, submit},
};
use crate::{
    domain::{
        Approval, ApprovalState, Autonomy, Decided, GoalId, GoalState, HostPolicy, HostTerms, MessageState, ParkedOn,
        Permissions, Persona, Phase, Proof, ReceiptKind, Rule, Ruling, RunState, Step, StepError,
    },
    ports::{ApprovalChange, Change, Commit, GoalMove, World as _},
    run::{
        RunEnd,
        approval::{alert_of, told},
        drafts::About,
    },
    testing,
};

const CLICK: usize = 2;

/// What the page shows, by how often it was looked at before.
type Page = Arc<Mutex<Value>>;

impl Board {
    /// What the persona may do from now on.
    pub(super) fn allow_only(&mut self, autonomy: Autonomy, rules: Vec<Rule>) {
        let now = self.ports.store.personas().into_iter().find(|persona| persona.id == self.persona.id).unwrap();
        let persona = Persona { permissions: Permissions { autonomy, rules }, version: now.version + 1, ..now };
        self.persona = Arc::new(persona.clone());
        let changes = vec![Change::PersonaUpdated(Box::new(persona))];
        self.ports.store.seed(Commit { changes, ..Commit::default() }).unwrap();
    }

    /// A board whose practice site is asked about, and what its page shows.
    async fn asking() -> (Self, Page) {
        let mut board = Self::open(1_000_000).await;
        let host = Some("=rehearsal.localhost".to_owned());
        board.allow_only(Autonomy::Supervised, vec![Rule { tool: None, host, say: Ruling::Ask }]);
        let page: Page =
            Arc::new(Mutex::new(json!({"address": format!("{SITE}/form"), "form": [{"name": "price", "value": "5"}]})));
        let seen = page.clone();
        board.ports.performer.shows(move |_| Ok(Some(seen.lock().unwrap().clone())));
        (board, page)
    }

    fn asked(&self) -> Vec<Approval> {
        self.ports.store.approvals()
    }

    fn states(&self) -> Vec<ApprovalState> {
        self.asked().iter().map(|approval| approval.state).collect()
    }

    /// What the desk writes when a person has spoken.
    async fn decide(&self, goal: GoalId, state: ApprovalState) {
        let (asked, at_ms) = (self.asked().pop().unwrap(), self.ports.world.now_ms());
        let id = asked.id;
        let decided = Some(Decided { by: "anna".into(), at_ms, note: "too dear".into() });
        let goal = self.goal(goal);
        let moved = GoalMove {
            id: goal.id,
            state: GoalState::Pending,
            parked_on: None,
            attempts: goal.attempts,
            last_error: None,
            result: None,
            due_ms: Some(at_ms),
            at_ms,
        };
        let note = decided.as_ref().map(|decided: &Decided| decided.note.clone()).unwrap_or_default();
        let changes = vec![
            Change::Approval(ApprovalChange::Moved { id, state, decided }),
            Change::AlertResolved(alert_of(id), at_ms),
            Change::GoalMoved(moved),
            Change::MessageMoved(self.message(goal.id).id, MessageState::Waiting),
        ];
        let mut data = told(&asked, state);
        data["by"] = "anna".into();
        data["note"] = note.into();
        let about = About { node: &testing::node(), world: &*self.ports.world, goal: &goal, run: None };
        let said = format!("anna {state} “{}”", asked.subject.label);
        let receipts = vec![about.draft(ReceiptKind::Decision, Some(Phase::Decision), said, data)];
        self.runner.broker.evidence.record(Commit { changes, receipts, ..Commit::default() }).await.unwrap();
    }

    fn open_alerts(&self) -> usize {
        self.ports.store.alerts().iter().filter(|alert| alert.resolved_ms.is_none()).count()
    }

    /// What receipts say about approvals, in order.
    fn became(&self) -> Vec<String> {
        let receipts = self.ports.store.receipts();
        let data = receipts.iter().filter_map(|receipt| receipt.body.as_ref()).map(|body| &body.data);
        let word = |data: &Value| data["became"].as_str().or(data["approval"]["became"].as_str()).map(str::to_owned);
        data.filter_map(word).collect()
    }
}

use ApprovalState::{Approved, Denied, Expired, Used, Void, Waiting};

#[tokio::test(start_paused = true)]
async fn an_effect_waits_for_a_yes_without_a_slice_and_uses_it_once() {
    let (board, _) = Board::asking().await;
    let goal = board.give(submit(None), proof(false));
    let RunEnd::Later { due_ms: Some(due_ms) } = board.carry(goal).await else { panic!("it must wait") };
    let waits = board.goal(goal);
    assert_eq!(
        (waits.state, waits.parked_on, waits.due_ms),
        (GoalState::Parked, Some(ParkedOn::Approval), Some(due_ms))
    );
    assert_eq!((board.ports.store.runs()[0].state, board.submissions()), (RunState::Parked, 0));
    assert!(board.scheduler.figures().borrow().on_stage.is_empty(), "no slice is held");
    assert_eq!((board.states(), board.open_alerts()), (vec![Waiting], 1));
    let asked = board.asked().remove(0);
    assert_eq!((asked.subject.host.as_deref(), due_ms), (Some("rehearsal.localhost"), asked.expires_ms));
    assert_eq!(asked.subject.page.unwrap()["form"][0]["value"], "5");

    // Whoever wakes it before somebody has spoken asks nothing a second time.
    board.carry(goal).await;
    assert_eq!((board.states(), board.open_alerts(), board.submissions()), (vec![Waiting], 1, 0));

    board.decide(goal, Approved).await;
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.goal(goal).attempts), (GoalState::Done, 1));
    assert_eq!((board.submissions(), board.states(), board.open_alerts()), (1, vec![Used], 0));
    assert_eq!(board.ports.store.runs().len(), 1, "the same run went on");
    assert_eq!(board.became(), ["waiting", "approved", "used"]);
    let intent = board.receipts("browser_click", Phase::Intent).remove(0).body.unwrap();
    assert_eq!(intent.data["approval"]["by"], "anna");
}

#[tokio::test(start_paused = true)]
async fn a_no_ends_the_goal_clearly() {
    let (board, _) = Board::asking().await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    board.decide(goal, Denied).await;
    board.carry(goal).await;
    let after = board.goal(goal);
    assert_eq!((after.state, after.last_error.as_deref()), (GoalState::Failed, Some("anna said no: too dear")));
    assert_eq!((board.submissions(), board.receipts("browser_click", Phase::Denied).len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn nobody_says_anything_until_it_is_too_late() {
    for answer in [None, Some(Approved)] {
        let (board, _) = Board::asking().await;
        let goal = board.give(submit(None), proof(false));
        board.carry(goal).await;
        if let Some(answer) = answer {
            board.decide(goal, answer).await;
        }
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        board.carry(goal).await;
        let after = board.goal(goal);
        assert_eq!(
            (after.state, board.states(), board.submissions()),
            (GoalState::Failed, vec![Expired], 0),
            "{answer:?}"
        );
        assert!(after.last_error.unwrap().contains("nobody approved it in time"));
        assert_eq!((board.became().last().map(String::as_str), board.open_alerts()), (Some("expired"), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_changed_voids_the_yes_and_is_asked_about_once_more() {
    let (board, page) = Board::asking().await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    board.decide(goal, Approved).await;
    page.lock().unwrap()["form"][0]["value"] = "6".into();
    assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }));
    assert_eq!((board.states(), board.submissions(), board.open_alerts()), (vec![Void, Waiting], 0, 1));
    let told = board.ports.store.alerts().pop().unwrap().text;
    assert!(told.contains("form · price · value: “5” → “6”"), "{told}");

    board.decide(goal, Approved).await;
    page.lock().unwrap()["form"][0]["value"] = "7".into();
    board.carry(goal).await;
    let after = board.goal(goal);
    assert_eq!((after.state, board.states(), board.submissions()), (GoalState::Failed, vec![Void, Void], 0));
    assert!(after.last_error.unwrap().contains("twice"));
    assert_eq!(board.became(), ["waiting", "approved", "void", "waiting", "approved", "void"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_changes_behind_the_intent_is_not_acted_on() {
    let (board, page) = Board::asking().await;
    let (seen, mut looks) = (page.clone(), 0);
    // Asked about, compared before the intent, and another page behind it.
    board.ports.performer.shows(move |_| {
        looks += 1;
        let price = if looks == 3 { "6" } else { "5" };
        seen.lock().unwrap()["form"][0]["value"] = price.into();
        Ok(Some(seen.lock().unwrap().clone()))
    });
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    board.decide(goal, Approved).await;
    board.carry(goal).await;
    assert_eq!((board.states(), board.submissions()), (vec![Void, Waiting], 0));
    assert_eq!(board.receipts("browser_click", Phase::Intent).len(), 1);
    let told = board.ports.store.alerts().pop().unwrap().text;
    assert!(told.contains("The page has changed: form · price · value: “5” → “6”"), "{told}");
    board.decide(goal, Approved).await;
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.submissions(), board.states()), (GoalState::Done, 1, vec![Void, Used]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_not_asked_about_and_a_yes_to_it_is_void() {
    let (board, _) = Board::asking().await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    board.decide(goal, Approved).await;
    board.ports.performer.shows(|_| Err(StepError::retryable("`#send` is not on the page")));
    assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }), "it backs off");
    let after = board.goal(goal);
    assert_eq!((after.state, after.last_error.as_deref()), (GoalState::Pending, Some("`#send` is not on the page")));
    assert_eq!((board.states(), board.submissions(), board.open_alerts()), (vec![Void], 0, 0));
}

/// Killed at every call of an approved effect: it happens at most once, and no yes is used twice.
#[tokio::test(start_paused = true)]
async fn a_crash_around_an_approved_effect_never_uses_the_yes_twice() {
    for when in [When::Before, When::After] {
        let (board, _) = Board::asking().await;
        let goal = board.give(submit(None), proof(false));
        board.carry(goal).await;
        board.decide(goal, Approved).await;
        // The page is rebuilt by two calls, then comes the click.
        let before = board.calls_made();
        board.world.lock().unwrap().crash_at = Some((before + CLICK, when));
        let run = board.begin(goal).await;
        board.ports.performer.called(before + CLICK + 1).await;
        board.crash(run).await;
        assert_eq!(board.states(), [Used], "{when:?}");
        board.carry(goal).await;
        let after = board.goal(goal);
        assert_eq!((after.state, after.parked_on), (GoalState::Parked, Some(ParkedOn::Reconcile)), "{when:?}");
        assert_eq!(board.submissions(), usize::from(when == When::After), "{when:?}");
        assert_eq!(board.states(), [Used], "{when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_told_of_a_no_and_goes_another_way() {
    let (board, _) = Board::asking().await;
    let goto = Step::Goto { url: format!("{SITE}/form"), timeout_ms: None };
    let click = Step::Click { selector: "#send".into(), effect: None, timeout_ms: None };
    let thoughts = vec![calls(vec![goto]), calls(vec![click]), says("I was not allowed to send it.")];
    let goal = board.agent(thoughts, Proof::default());
    assert!(matches!(board.carry(goal).await, RunEnd::Later { due_ms: Some(_) }));
    board.decide(goal, Denied).await;
    board.carry(goal).await;
    assert_eq!((board.goal(goal).state, board.submissions()), (GoalState::Unconfirmed, 0));
    assert!(board.told().contains("anna said no: too dear"), "{}", board.told());
}

#[tokio::test(start_paused = true)]
async fn who_is_supervised_is_asked_away_from_the_practice_site_and_who_is_full_is_not() {
    for (autonomy, asked) in [(Autonomy::Supervised, 1), (Autonomy::Full, 0)] {
        let mut board = Board::open(1_000_000).await;
        board.allow_only(autonomy, Vec::new());
        let mut steps = submit(None);
        steps[0] = Step::Goto { url: "http://board.example/form".into(), timeout_ms: None };
        let goal = board.give(steps, proof(false));
        board.carry(goal).await;
        assert_eq!((board.asked().len(), board.submissions()), (asked, 1 - asked), "{autonomy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_no_longer_needs_an_answer_is_closed() {
    let allow_all = (Autonomy::Full, Vec::new(), 1);
    let deny = Rule { tool: Some("browser_click".into()), host: None, say: Ruling::Deny };
    for (autonomy, rules, sent) in [allow_all, (Autonomy::Full, vec![deny], 0)] {
        let (mut board, _) = Board::asking().await;
        let goal = board.give(submit(None), proof(false));
        board.carry(goal).await;
        board.allow_only(autonomy, rules);
        board.carry(goal).await;
        assert!(board.goal(goal).state.is_over(), "{:?}", board.goal(goal).state);
        assert_eq!((board.submissions(), board.states(), board.open_alerts()), (sent, vec![Void], 0));
    }
    let (board, _) = Board::asking().await;
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    board.world.lock().unwrap().failing = Some(("browser_navigate", usize::MAX));
    while let RunEnd::Later { .. } = board.carry(goal).await {}
    assert_eq!((board.goal(goal).state, board.states(), board.open_alerts()), (GoalState::Failed, vec![Void], 0));
}

/// A person says yes in the middle of a run that was woken too early; whatever it does just then.
#[tokio::test(start_paused = true)]
async fn a_yes_is_not_slept_over() {
    for nth in 1.. {
        let (board, _) = Board::asking().await;
        let id = board.give(submit(None), proof(false));
        board.carry(id).await;
        let (store, asked) = (board.ports.store.clone(), board.asked().remove(0));
        board.ports.world.interrupt(nth, move || {
            let decided = Some(Decided { by: "anna".into(), at_ms: asked.asked_ms, note: String::new() });
            let yes = ApprovalChange::Moved { id: asked.id, state: Approved, decided };
            let mut changes = vec![Change::Approval(yes)];
            let goal = store.goals().into_iter().find(|goal| goal.id == id).unwrap();
            if goal.parked_on == Some(ParkedOn::Approval) {
                let (state, at_ms) = (GoalState::Pending, goal.updated_ms);
                let (last_error, result) = (None, None);
                let due_ms = Some(at_ms);
                changes.push(Change::GoalMoved(GoalMove {
                    id,
                    state,
                    parked_on: None,
                    attempts: 1,
                    last_error,
                    result,
                    due_ms,
                    at_ms,
                }));
            }
            store.seed(Commit { changes, ..Commit::default() }).unwrap();
        });
        board.begin(id).await.await.unwrap();
        if board.ports.world.is_uninterrupted() {
            assert!(nth > 3, "it was looked at in between");
            return;
        }
        let sleeps = board.goal(id).parked_on == Some(ParkedOn::Approval) && board.states() == [Approved];
        assert!(!sleeps, "at the {nth}. look at the clock");
        board.begin(id).await.await.unwrap();
        assert_eq!((board.goal(id).state, board.submissions(), board.states()), (GoalState::Done, 1, vec![Used]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_hosts_policy_wants_said_is_shown_to_who_approves() {
    let (board, _) = Board::asking().await;
    let terms = HostTerms { disclosure: "Written by a machine.".into(), ..HostTerms::default() };
    let policy = HostPolicy { host: "rehearsal.localhost".into(), version: 1, terms };
    board.scheduler.hosts().keep(policy);
    let goal = board.give(submit(None), proof(false));
    board.carry(goal).await;
    assert_eq!(board.asked()[0].subject.disclosure.as_deref(), Some("Written by a machine."));
}
