//! The pages over the made-up records.

use std::collections::HashMap;

use actors::{
    domain::{
        GoalState, IfFailed, Load, LoadLevel, MessageKind, MessageState, Mood, OUTREACH_IS_OFF, ParkedOn, Persona,
        Quota, QuotaRules, Quotas, Receipt, ReceiptKind, RunState, Unit,
    },
    ports::Prerequisite,
};

use super::{
    budgets, calendar,
    records::{self, NOW},
    stage,
};
use crate::tools::{
    Fitted,
    containers::{ContainerView, LastCall, State},
    templates,
};
use crate::web::day::{CountedView, DayView, QuotaView};
use crate::web::pages::{
    card::{self, Card, Numbers, Totals},
    error::ErrorPage,
    evidence::ReceiptRow,
    frame::{Frame, Section},
    login::LoginPage,
    persona::{
        Body, Head, PersonaPage, Side,
        calendar::Calendar,
        container::Container,
        goal::{Badge, GoalRow},
        input::{self, Input, Turn},
        logs::Logs,
        output::Output,
        progress::Progress,
        settings::{KeyRow, QuotaField, Settings, WaitRow},
        today::Today,
        tools::{Kind, Row as ToolRow, Tools},
    },
    personas::{self, AlertRow, PersonasPage},
    run::{self, Back, BackGoal, RunPage},
    runs::{RunRow, RunsPage},
    show::When,
};

pub(super) fn frame(title: &str, section: Section) -> Frame {
    Frame { owner: true, ..Frame::new(title, section, &records::figures(), "admin", "r41e") }
}

fn jason() -> Vec<Persona> {
    records::company().into_iter().map(|(persona, ..)| persona).filter(|persona| persona.name == "Jason").collect()
}

pub(super) fn personas() -> Vec<(&'static str, PersonasPage)> {
    let company = records::company();
    let totals = Totals::of(company.iter().map(|(_, _, numbers)| numbers));
    let cards: Vec<Card> =
        company.iter().map(|(persona, actor, numbers)| Card::new(persona, actor.as_ref(), numbers, &totals)).collect();
    let theo = company.iter().map(|(persona, ..)| persona).rfind(|persona| persona.name == "Theo");
    let alerts = theo.map(records::alerts).unwrap_or_default();
    let alerts = alerts.iter().map(|alert| AlertRow::new(alert, theo, NOW)).collect();
    let full = PersonasPage {
        frame: frame("Personas", Section::Personas),
        summary: personas::summary(cards.len(), &cards, &totals, &hot()),
        asked: String::new(),
        more: 0,
        alerts,
        stage: Some(stage::stage(&company.iter().map(|(persona, ..)| persona).collect::<Vec<_>>())),
        cards,
        feed: newest_first(),
    };
    let empty = PersonasPage {
        frame: Frame { cursor: "r0".to_owned(), held: 0, ..frame("Personas", Section::Personas) },
        summary: personas::summary(0, &[], &Totals::default(), &Load::calm(8)),
        asked: String::new(),
        more: 0,
        alerts: Vec::new(),
        stage: None,
        cards: Vec::new(),
        feed: Vec::new(),
    };
    vec![("personas", full), ("personas-empty", empty)]
}

fn hot() -> Load {
    let why = "3.4 tasks per core want to run".to_owned();
    Load { level: LoadLevel::Hot, cap: 6, configured: 8, why }
}

/// The receipts of Jason's proposal.
fn evidence() -> Vec<Receipt> {
    let made = |jason: &Persona| {
        let goal = records::goal(1, jason, "Send our standard proposal", GoalState::Done);
        records::receipts(&goal, &records::run(1, &goal, RunState::Done))
    };
    jason().first().map(made).unwrap_or_default()
}

pub(super) fn newest_first() -> Vec<ReceiptRow> {
    evidence().iter().rev().map(|receipt| ReceiptRow::new(receipt, "Jason", NOW)).collect()
}

fn head(jason: &Persona) -> Head {
    let found = records::company().into_iter().find(|(persona, ..)| persona.id == jason.id);
    let (actor, numbers) = found.map(|(_, actor, numbers)| (actor, numbers)).unwrap_or_default();
    Head::new(jason, actor.as_ref(), &numbers)
}

fn side() -> Side {
    let numbers = Numbers { inbox: 11, done: 12, failed: 1, unconfirmed: 0, receipts_today: 640, last: None };
    let totals = Totals { inbox: 63, done: 49, failed: 6, receipts_today: 1_387 };
    Side {
        today: today(),
        meters: card::meters(Some(records::vitals(Mood::Active, 640)), &numbers, 11, &totals),
        last_shot: Output::of(&evidence(), NOW).shots.into_iter().next().map(|made| made.what),
        feed: newest_first(),
    }
}

fn today() -> Today {
    let jason = &jason()[0];
    let goal = |number, title: &str, counts_as, due_ms| CountedView {
        goal: records::goal(number, jason, title, GoalState::Done).id,
        title: title.to_owned(),
        state: "done",
        units: 1,
        counts_as,
        due_ms,
    };
    let quota = |unit, floor, ceiling, done, forbidden, goals| QuotaView {
        unit,
        floor,
        ceiling,
        unlimited: false,
        own: false,
        forbidden,
        set: None,
        done,
        under_way: 0,
        waiting: 1,
        goals,
    };
    let goals = vec![
        goal(1, "Submit a proposal: data pipeline", "done", None),
        goal(4, "Submit a proposal: <audit>", "waiting", Some(NOW + 3_600_000)),
    ];
    let day = DayView {
        date: "2026-11-21".to_owned(),
        begins_ms: NOW - 3_600_000,
        ends_ms: NOW + 7_200_000,
        quotas: vec![
            quota("proposal", 10, 20, 12, None, goals),
            quota("deliverable", 1, 2, 2, None, Vec::new()),
            quota("message", 0, 0, 0, Some(OUTREACH_IS_OFF), Vec::new()),
        ],
    };
    let runs = HashMap::from([(records::goal(1, jason, "", GoalState::Done).id, "/runs/1".to_owned())]);
    Today::new(jason, &day, &runs, NOW)
}

pub(super) fn persona() -> Vec<(&'static str, PersonaPage)> {
    let mut pages = Vec::new();
    for jason in jason() {
        let page = |body: Body, side: Option<Side>| PersonaPage {
            frame: frame("Jason", Section::Personas).about("jason"),
            head: head(&jason),
            alerts: Vec::new(),
            missing: Vec::new(),
            body,
            side,
            templates: &templates::all()[..2],
            outreach: false,
        };
        pages.push(("persona-progress", page(Body::Progress(progress(&jason)), Some(side()))));
        pages.push(("persona-input", page(Body::Input(conversation(&jason)), Some(side()))));
        let logs =
            Logs { rows: newest_first(), kind: None, earlier: Some("/personas/jason?tab=logs&before=41".to_owned()) };
        pages.push(("persona-logs", page(Body::Logs(logs), None)));
        let only = newest_first().into_iter().filter(|row| row.kind == ReceiptKind::File.as_str()).collect();
        let logs = Logs { rows: only, kind: Some(ReceiptKind::File), earlier: None };
        pages.push(("persona-logs-files", page(Body::Logs(logs), None)));
        pages.push(("persona-output", page(Body::Output(output()), None)));
        pages.push(("persona-settings", page(Body::Settings(Box::new(settings(&jason))), None)));
    }
    pages
}

fn output() -> Output {
    Output { digests: vec![calendar::digest()], ..Output::of(&evidence(), NOW) }
}

fn progress(jason: &Persona) -> Progress {
    let mut goals = vec![
        records::goal(1, jason, "Send our standard proposal · Data pipeline audit", GoalState::Done),
        records::goal(2, jason, "Send our standard proposal · Warehouse move", GoalState::Running),
        records::goal(3, jason, "Send our standard proposal · Till reports", GoalState::Parked),
        records::goal(4, jason, "Send our standard proposal · Invoice audit", GoalState::Pending),
        records::goal(5, jason, "Send our standard proposal · Old posting", GoalState::Failed),
        records::goal(6, jason, "Send our standard proposal · Other posting", GoalState::Unconfirmed),
        records::goal(7, jason, "Count the evening", GoalState::Parked),
        records::goal(10, jason, "Order three lamps", GoalState::Parked),
    ];
    if let [done, _, parked, pending, failed, unconfirmed, waits, asks] = goals.as_mut_slice() {
        asks.parked_on = Some(ParkedOn::Approval);
        asks.due_ms = Some(NOW + 3_600_000);
        done.result = Some("title “Submitted · Rehearsal Jobs”, 1 screenshot, 1 CSV row, read back".to_owned());
        parked.parked_on = Some(ParkedOn::Reconcile);
        parked.last_error = Some("the process ended between clicking #submit and its outcome".to_owned());
        pending.attempts = 2;
        pending.due_ms = Some(NOW + 300_000);
        pending.last_error = Some("waited 10 s for #submit: no such element; look at the snapshot".to_owned());
        failed.attempts = 4;
        failed.last_error = Some("opened rehearsal.localhost/jobs/7: answered 404; the posting is gone".to_owned());
        unconfirmed.last_error = Some("no CSV row was kept".to_owned());
        waits.parked_on = Some(ParkedOn::Dependency);
    }
    let three = calendar::big_three(jason, &goals);
    let runs = [
        records::run(2, &goals[1], RunState::Running),
        records::run(1, &goals[0], RunState::Done),
        records::run(5, &goals[4], RunState::Failed),
    ];
    let newest: HashMap<_, _> = runs.iter().map(|run| (run.goal, run)).collect();
    let waits_for: Vec<_> =
        goals[1..3].iter().map(|goal| Prerequisite { goal: goal.clone(), if_failed: IfFailed::Fail }).collect();
    Progress {
        goals: goals
            .iter()
            .map(|goal| GoalRow::new(goal, &waits_for, &newest, 4, NOW).among(goal, three.as_ref()))
            .collect(),
        passed: vec![passed(jason)],
        calendar: Calendar::of(jason, &calendar::of(jason), NOW),
        runs: runs.iter().map(|run| run_row(run, &goals, jason)).collect(),
        earlier: Some("/personas/jason?tab=progress&before=x".to_owned()),
    }
}

fn passed(jason: &Persona) -> GoalRow {
    let mut goal = records::goal(9, jason, "Launch: who takes the notes?", GoalState::Cancelled);
    goal.result = Some("passed: others were asked".to_owned());
    GoalRow::new(&goal, &[], &HashMap::new(), 4, NOW)
}

fn run_row(run: &actors::domain::Run, goals: &[actors::domain::Goal], jason: &Persona) -> RunRow {
    RunRow::new(run, goals.iter().find(|goal| goal.id == run.goal), Some(jason), NOW)
}

fn conversation(jason: &Persona) -> Input {
    let mut done = records::goal(1, jason, "Send our standard proposal", GoalState::Done);
    done.result = Some("Submitted. Title “Submitted · Rehearsal Jobs”, 1 screenshot, 1 CSV row, read back.".to_owned());
    let run = records::run(1, &done, RunState::Done);
    let asked = records::message(1, &done, MessageKind::Goal, "Send our standard proposal · Data pipeline audit");
    let receipts = records::receipts(&done, &run);
    let first = input::Parts { message: &asked, goal: &done, run: Some(&run), receipts: &receipts };
    let mut failed = records::goal(5, jason, "Old posting", GoalState::Failed);
    failed.last_error = Some("opened rehearsal.localhost/jobs/7: answered 404; the posting is gone".to_owned());
    let said = records::message(5, &failed, MessageKind::Chat, "And the old posting? <script>alert(1)</script>");
    let second = input::Parts { message: &said, goal: &failed, run: None, receipts: &[] };
    let pending = records::goal(4, jason, "Invoice audit", GoalState::Pending);
    let next = records::message(4, &pending, MessageKind::Chat, "Then the invoice audit, please.");
    let third = input::Parts { message: &next, goal: &pending, run: None, receipts: &[] };
    let mut fatal = records::goal(8, jason, "Read the feed", GoalState::Failed);
    fatal.last_error = Some("its persona fell 2 times over it, the last time with: a feed of 3 GB".to_owned());
    let mut letter = records::message(8, &fatal, MessageKind::Chat, "Read the whole feed, please.");
    (letter.state, letter.falls) = (MessageState::DeadLettered, 2);
    let fourth = input::Parts { message: &letter, goal: &fatal, run: None, receipts: &[] };
    Input {
        turns: [first, second, third, fourth].iter().map(|parts| Turn::new(parts, &jason.name, "admin", NOW)).collect(),
        earlier: Some("/personas/jason?tab=input&before=x".to_owned()),
    }
}

fn settings(jason: &Persona) -> Settings {
    let updated = When::at(NOW - 86_400_000, NOW);
    let rules = QuotaRules {
        everyone: Quotas::from([(Unit::Post, Quota::new(2, 4).unwrap_or(Quota::NONE))]),
        ..QuotaRules::default()
    };
    Settings {
        budgets: budgets::budgets(),
        standing: actors::run::standing_rules(&["rehearsal.localhost".to_owned()]),
        quotas: Unit::ALL.iter().map(|unit| QuotaField::new(*unit, jason, &rules, false)).collect(),
        persona: jason.clone(),
        keys: vec![KeyRow { name: "JOBS_PASSWORD".to_owned(), last_four: "h7Qz".to_owned(), updated }],
        models: vec!["understudy".to_owned(), "openai".to_owned()],
        default_model: "understudy".to_owned(),
        waits: vec![WaitRow {
            id: "01939e00-0000-7000-8000-000000000040".to_owned(),
            watched: "Helper".to_owned(),
            condition: "done, tagged code, about “parser”".to_owned(),
            told: "told 3, last at 14:02".to_owned(),
        }],
        others: vec!["bo".to_owned(), "helper".to_owned()],
        tools: tools(),
        container: Some(container()),
    }
}

fn container() -> Container {
    let last_call =
        LastCall { tool: "invoice".to_owned(), at_ms: NOW - 90_000, took_ms: 38, ended: "exit 0".to_owned() };
    let seen = ContainerView {
        state: State::Running,
        since_ms: Some(NOW - 3_600_000),
        why: None,
        id: Some("7d2b9c01aa53".to_owned()),
        image: "python:3-slim".to_owned(),
        runtime: Some("runsc".to_owned()),
        memory_bytes: Some(3 << 20),
        most_memory_bytes: Some(272 << 20),
        last_call: Some(last_call),
        problem: None,
    };
    Container::new(seen, NOW)
}

fn tools() -> Tools {
    let row = |name: &str, about: &str, granted| ToolRow {
        name: name.to_owned(),
        about: about.to_owned(),
        effect: "read".to_owned(),
        granted,
        said: granted,
        used: if granted { "12 calls, 1 failed, 40 ms".to_owned() } else { String::new() },
        error: None,
        unavailable: false,
    };
    let lacking = Fitted::default().lack("web_search").map(str::to_owned);
    let search = ToolRow { error: lacking, unavailable: true, ..row("web_search", "Search the web.", false) };
    let tools = vec![row("http_fetch", "Ask an address over HTTP.", true), search];
    let (word, about, granted) = ("network", "requests on its hosts, and searches", "1 of 2 granted".to_owned());
    Tools { kinds: vec![Kind { word, about, granted, said: false, tools }] }
}

pub(super) fn runs() -> RunsPage {
    let people = jason();
    let mut rows = Vec::new();
    for jason in &people {
        let goals = [
            records::goal(2, jason, "Send our standard proposal · Warehouse move", GoalState::Running),
            records::goal(1, jason, "Send our standard proposal · Data pipeline audit", GoalState::Done),
            records::goal(5, jason, "Send our standard proposal · Old posting", GoalState::Failed),
        ];
        let states = [RunState::Running, RunState::Done, RunState::Failed];
        for ((number, goal), state) in (1..).zip(&goals).zip(states) {
            rows.push(run_row(&records::run(number, goal, state), &goals, jason));
        }
    }
    RunsPage {
        frame: frame("Runs", Section::Runs),
        runs: rows,
        state: None,
        only: String::new(),
        personas: people.iter().map(|jason| (jason.slug.to_string(), jason.name.clone())).collect(),
        earlier: Some("/runs?before=x".to_owned()),
        with_persona: true,
    }
}

pub(super) fn run() -> Vec<(&'static str, RunPage)> {
    let mut pages = Vec::new();
    for jason in jason() {
        let goal = records::goal(1, &jason, "Send our standard proposal · Data pipeline audit", GoalState::Done);
        let attempt = records::run(1, &goal, RunState::Done);
        pages.push(("run", run_page(&jason, &goal, &attempt, 15)));
        let open = records::goal(2, &jason, "Send our standard proposal · Warehouse move", GoalState::Running);
        let attempt = records::run(2, &open, RunState::Running);
        pages.push(("run-open", run_page(&jason, &open, &attempt, 10)));
    }
    pages
}

fn run_page(jason: &Persona, goal: &actors::domain::Goal, attempt: &actors::domain::Run, so_far: usize) -> RunPage {
    let receipts: Vec<Receipt> = records::receipts(goal, attempt).into_iter().take(so_far).collect();
    let badge = Badge::of_run(RunState::Done);
    let back = Back { offered: true, goal: Some(BackGoal { badge, href: "/runs/x".to_owned() }) };
    let parts = run::Parts {
        run: attempt,
        goal,
        persona: jason,
        receipts: &receipts,
        goal_receipts: &receipts,
        most_attempts: 4,
        backs: HashMap::from([(2, back)]),
        more: false,
    };
    RunPage::new(frame("Run", Section::Runs), &parts, NOW)
}

pub(super) fn login() -> Vec<(&'static str, LoginPage)> {
    let used = "This link was used or has expired. Make a new one.".to_owned();
    vec![
        ("login", LoginPage { token: Some("once".to_owned()), problem: None }),
        ("login-used", LoginPage { token: None, problem: Some(used) }),
    ]
}

pub(super) fn missing() -> ErrorPage {
    ErrorPage {
        frame: frame("Not found", Section::Personas),
        title: "There is no persona “zoe”".to_owned(),
        text: "It may have been deleted, or the address has a typing error.".to_owned(),
    }
}
