//! Approvals: rules on the Settings tab, questions with a live count, a yes, a no, and what nobody saw the end of.

use actors::{
    domain::{
        Approval, ApprovalId, ApprovalState, ArtifactKind, GoalId, Hash, Payload, PersonaId, Proof, RunId, Step,
        StepsPayload, Subject, WaitsFor,
    },
    ports::{ApprovalChange, Change, Commit},
    supervisor::{NewWork, Work},
};

use super::{
    house::{House, by},
    visitor::Visitor,
};

/// Opens the board, takes a picture, sends.
async fn give(house: &House, persona: PersonaId, title: &str, button: &str) {
    let steps = vec![
        Step::Goto { url: "http://rehearsal.localhost/jobs".into(), timeout_ms: None },
        Step::Screenshot { caption: None, file: None, full_page: false, selector: None, format: Default::default() },
        Step::Click { selector: button.to_owned(), effect: None, timeout_ms: None },
    ];
    let proof = Proof { artifacts: vec![ArtifactKind::Screenshot], ..Proof::default() };
    let payload = Payload::Browser(StepsPayload { steps });
    let work = NewWork {
        persona,
        what: Work::Goal { title: title.to_owned(), payload, proof },
        priority: None,
        serve_by_ms: None,
        due_ms: None,
        correlation: None,
        project: None,
        waits_for: WaitsFor::default(),
    };
    house.company.deliver(work, &by()).await.unwrap();
}

const COUNT: &str = "document.querySelector('#waiting-count:not([hidden])')?.textContent";

/// What waits cannot be waved away on the persona's page, and its goal says why it waits.
async fn alert_leads_to_it(visitor: &Visitor) {
    visitor.open("/personas/jason").await;
    visitor.sees("may it make its next call?").await;
    visitor
        .until("!document.querySelector('#alerts button') && document.querySelector('#goals p a[href=\"/approvals\"]')")
        .await;
    visitor.keep("alert-approval-1440").await;
    visitor.resize(400).await;
    visitor.fits("alert-approval").await;
    visitor.keep("alert-approval-400").await;
    visitor.resize(1440).await;
    visitor.press("#alerts a.btn").await;
    visitor.until("document.querySelector(location.hash)?.matches('.asked')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_from_the_page() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    visitor.open("/personas/jason?tab=settings").await;
    visitor.write("[name=rules]", "ask browser_click somewhere").await;
    visitor.press("[data-act$=permissions] [type=submit]").await;
    visitor.until("document.querySelector('[name=rules]').getAttribute('aria-invalid') === 'true'").await;
    visitor.write("[name=rules]", "ask browser_click on =rehearsal.localhost").await;
    visitor.press("[data-act$=permissions] [type=submit]").await;
    watch.saw("updated by").await;
    visitor.sees("Permissions saved.").await;
    visitor.keep("permissions").await;

    visitor.open("/personas").await;
    visitor.is_live().await;
    visitor.until(&format!("{COUNT} === undefined")).await;
    give(&house, jason.id, "Send the first", "#send").await;
    watch.saw("asked whether it may").await;
    visitor.until(&format!("{COUNT} === '1'")).await;
    visitor.sees("Approve it?").await;
    alert_leads_to_it(&visitor).await;
    visitor.sees("Dear board, I read your posting twice.").await;
    visitor.keep("approvals-waiting-1440").await;
    visitor.resize(400).await;
    visitor.fits("approvals").await;
    visitor.keep("approvals-waiting-400").await;
    visitor.is_live().await;
    visitor.press("#waiting .btn.primary").await;
    watch.saw("proved “Send the first”").await;
    visitor.until("document.querySelector('#decided .badge.ok')?.textContent === 'approved'").await;
    visitor.until(&format!("{COUNT} === undefined")).await;

    give(&house, jason.id, "Send the second", "#send").await;
    visitor.write("#waiting [name=note]", "too dear").await;
    visitor.press("#waiting .btn.danger").await;
    watch.saw("failed “Send the second”").await;
    visitor.until("document.querySelectorAll('#decided details').length === 2").await;
    visitor.press("#decided details summary").await;
    visitor.sees("too dear").await;
    visitor.keep("approvals-decided-400").await;
    for (at, host) in ["a.example", "b.example"].into_iter().enumerate() {
        visitor.press("#hosts > details summary").await;
        visitor.write("[data-act='PUT /api/hosts/{host}'] [name=host]", host).await;
        visitor.press("[data-act='PUT /api/hosts/{host}'] [type=submit]").await;
        watch.saw(&format!("set the policy of {host}")).await;
        visitor.until(&format!("document.querySelectorAll('#hosts > form').length === {}", at + 1)).await;
    }
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_saw_the_end_of_is_settled_from_the_page() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    let visitor = Visitor::signed_in(&house, 1440).await;
    let mut watch = house.watch();
    give(&house, jason.id, "Send it", "#vanish").await;
    watch.saw("nobody saw whether step 3").await;
    visitor.open("/approvals").await;
    visitor.is_live().await;
    visitor.sees("browser_click #vanish").await;
    visitor.until("document.querySelector('#unknown img.shot')?.naturalWidth === 8").await;
    visitor.keep("reconcile-1440").await;
    visitor.resize(400).await;
    visitor.fits("reconcile").await;
    visitor.keep("reconcile-400").await;
    visitor.press("#unknown .btn.primary").await;
    watch.saw("proved “Send it”").await;
    visitor.sees("The end of every effect is known.").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}

/// Questions about buttons of these numbers, in this state.
async fn ask(house: &House, persona: PersonaId, numbers: std::ops::Range<u32>, state: ApprovalState) {
    let world = &*house.deps.world;
    let asked = numbers.map(|number| Approval {
        id: ApprovalId(world.new_id()),
        persona,
        goal: GoalId(world.new_id()),
        run: RunId(world.new_id()),
        step: 1,
        key: format!("{number}"),
        tool: "browser_click".to_owned(),
        digest: Hash([7; 32]),
        state,
        subject: Subject {
            label: format!("browser_click #{number}"),
            args: serde_json::json!({"action": "click"}),
            page: None,
            host: Some("a.example".to_owned()),
            rule: "a rule".to_owned(),
            disclosure: None,
        },
        again: false,
        asked_ms: world.now_ms(),
        expires_ms: world.now_ms() + 86_400_000,
        decided: None,
    });
    let changes = asked.map(|approval| Change::Approval(ApprovalChange::Asked(Box::new(approval)))).collect();
    house.journal.write(vec![Commit { changes, ..Commit::default() }]).await.unwrap().remove(0).unwrap();
}

/// What stands in a list, each as it is called.
async fn listed(visitor: &Visitor, rows: &str) -> Vec<String> {
    let script = format!("[...document.querySelectorAll('{rows}')].map((row) => row.textContent.match(/#\\d+/)[0])");
    visitor.ask(&script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_say_that_they_go_on_and_give_the_rest() {
    let house = House::open().await;
    let jason = house.persona("Jason").await;
    ask(&house, jason.id, 0..60, ApprovalState::Waiting).await;
    ask(&house, jason.id, 100..155, ApprovalState::Denied).await;
    let (waiting, decided) = ("#waiting article h3", "#decided summary");
    let all = |numbers: std::ops::Range<u32>| numbers.rev().map(|number| format!("#{number}")).collect::<Vec<_>>();
    let visitor = Visitor::signed_in(&house, 1440).await;
    for width in [1440, 400] {
        visitor.resize(width).await;
        visitor.open("/approvals").await;
        visitor.sees("50 of the 60 that wait are shown here.").await;
        visitor.sees("There are more.").await;
        visitor.fits("approvals").await;
        let (mut asked, mut said) = (listed(&visitor, waiting).await, listed(&visitor, decided).await);
        assert_eq!((asked.len(), said.len()), (50, 50));
        visitor.press("#waiting-more a").await;
        visitor.sees("10 of the 60 that wait are shown here.").await;
        asked.extend(listed(&visitor, waiting).await);
        assert_eq!((asked, listed(&visitor, decided).await == said), (all(0..60), true), "the other list stays");
        visitor.press("#decided-more a").await;
        visitor.sees("These are the first.").await;
        said.extend(listed(&visitor, decided).await);
        assert_eq!((said, listed(&visitor, waiting).await.len()), (all(100..155), 10), "the other list stays");
        visitor.fits("approvals").await;
        visitor.keep(&format!("approvals-further-{width}")).await;
        visitor.press("#waiting-more a").await;
        visitor.sees("50 of the 60 that wait are shown here.").await;
    }
    visitor.open("/approvals?waiting=%22%3E%3Cb%3E&decided=nothing").await;
    visitor.sees("50 of the 60 that wait are shown here.").await;
    visitor.is_clean().await;
    visitor.leave().await;
    house.close().await;
}
