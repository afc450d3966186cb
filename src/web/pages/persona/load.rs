//! Fills the persona page from the store and the roster.

use std::collections::{HashMap, HashSet};

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    domain::{
        ArtifactKind, BigThree, BudgetScope, Goal, GoalId, GoalState, Persona, PersonaStatus, Receipt, ReceiptKind,
        Run, TurnState, Unit,
    },
    supervisor::ActorInfo,
};
use serde::Deserialize;

use super::{
    Body, Head, PersonaPage, Side, Tab, budgets::Budgets, calendar::Calendar, container::Container, goal::GoalRow,
    input, logs::Logs, output::Output, progress::Progress, settings, today::Today, tools::Tools,
};
use crate::{
    storage::{GoalFilter, ReceiptFilter, RunFilter},
    tools::{
        containers::Home,
        isolation,
        registry::{self, Listed},
        templates,
    },
    web::{
        Deps,
        api::permissions::standing,
        auth::Caller,
        cursor::Cursor,
        day,
        pages::{
            card::{self, Numbers, Totals},
            frame::Section,
            personas::AlertRow,
            runs::RunRow,
            show::When,
            visit::{self, NoPage, Visit},
        },
        readiness::{self, Lack, Missing},
        routes::{Route, Table, Who},
        spending, usage,
    },
};

/// `/personas/{persona}`.
pub fn routes() -> Table {
    vec![Route::page("/personas/{persona}", Who::Member, "One persona, in five tabs", show)]
}

/// What an address may ask of the page. Words that mean nothing are ignored.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    tab: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    before: String,
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let which = request.match_info().get("persona").unwrap_or_default();
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, which, &asked).await;
    visit::answer(&request, &deps, &caller, page)
}

async fn load(deps: &Deps, caller: &Caller, which: &str, asked: &Asked) -> Result<PersonaPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let found = deps.db.persona_named(which).await?.filter(|persona| persona.status != PersonaStatus::Deleted);
    let persona = found.ok_or_else(|| NoPage::missing("persona", which))?;
    let all: HashMap<_, Numbers> =
        deps.db.persona_numbers().await?.into_iter().map(|(id, numbers)| (id, numbers.into())).collect();
    let numbers = all.get(&persona.id).cloned().unwrap_or_default();
    let actors = visit.actors();
    let actor = actors.get(&persona.id);
    let body = body(&visit, &persona, asked).await?;
    let side = match body {
        Body::Progress(_) | Body::Input(_) => {
            Some(side(&visit, &persona, actor, &numbers, &Totals::of(all.values())).await?)
        }
        _ => None,
    };
    let alerts = deps.db.alerts(true, MOST_ALERTS).await?;
    let mine = alerts.iter().filter(|alert| alert.persona == Some(persona.id));
    Ok(PersonaPage {
        frame: visit.frame(&persona.name, Section::Personas).about(persona.slug.as_str()),
        head: Head::new(&persona, actor, &numbers),
        alerts: mine.map(|alert| AlertRow::new(alert, None, visit.now_ms)).collect(),
        missing: missing(deps, &persona, Tab::of(&asked.tab)).await?,
        body,
        side,
        templates: templates::all(),
        outreach: visit.deps.db.allows_outreach().await?,
    })
}

const MOST_ALERTS: u32 = 200;

/// Without hosts it can do all of its work on the practice site: only who sets it up is told.
async fn missing(deps: &Deps, persona: &Persona, tab: Tab) -> Result<Vec<Missing>, NoPage> {
    let mut missing = readiness::of(deps, persona).await?;
    missing.retain(|one| tab == Tab::Settings || one.what != Lack::Host);
    Ok(missing)
}

async fn body(visit: &Visit<'_>, persona: &Persona, asked: &Asked) -> Result<Body, NoPage> {
    Ok(match Tab::of(&asked.tab) {
        Tab::Progress => Body::Progress(progress(visit, persona, asked).await?),
        Tab::Input => Body::Input(conversation(visit, persona, asked).await?),
        Tab::Logs => Body::Logs(log(visit, persona, asked).await?),
        Tab::Output => Body::Output(output(visit, persona, asked).await?),
        Tab::Settings => Body::Settings(Box::new(settings(visit, persona).await?)),
    })
}

const FEED: u32 = 30;

async fn side(
    visit: &Visit<'_>,
    persona: &Persona,
    actor: Option<&ActorInfo>,
    numbers: &Numbers,
    all: &Totals,
) -> Result<Side, NoPage> {
    let people = HashMap::from([(persona.id, persona)]);
    let newest = newest(visit, persona, None, FEED).await?;
    let is_shot = |receipt: &Receipt| receipt.kind == ReceiptKind::Screenshot;
    let shots = scan(visit, persona, None, 1, is_shot).await?.found;
    let day = day::of(visit.deps, persona).await?;
    let filter = RunFilter { persona: Some(persona.id), limit: 200, ..RunFilter::default() };
    let mut links = HashMap::new();
    for run in visit.deps.db.runs(filter).await? {
        links.entry(run.goal).or_insert_with(|| format!("/runs/{}", run.id));
    }
    Ok(Side {
        today: Today::new(persona, &day, &links, visit.now_ms),
        meters: card::meters(actor.map(|actor| actor.vitals), numbers, numbers.inbox, all),
        last_shot: Output::of(&shots, visit.now_ms).shots.into_iter().next().map(|made| made.what),
        feed: visit.rows(&newest, &people),
    })
}

async fn newest(visit: &Visit<'_>, persona: &Persona, before: Option<i64>, limit: u32) -> Result<Vec<Receipt>, NoPage> {
    let filter =
        ReceiptFilter { persona: Some(persona.id), before, newest_first: true, limit, ..ReceiptFilter::default() };
    Ok(visit.deps.db.receipts(filter).await?)
}

/// Receipts of one sort, newest first, and where to go on.
struct Scan {
    found: Vec<Receipt>,
    next: Option<i64>,
}

/// Looks through the newest receipts for those of one sort; bounded, because a sort may be rare.
async fn scan(
    visit: &Visit<'_>,
    persona: &Persona,
    mut before: Option<i64>,
    most: usize,
    wanted: impl Fn(&Receipt) -> bool,
) -> Result<Scan, NoPage> {
    const BATCH: u32 = 500;
    const BATCHES: usize = 10;
    let mut found = Vec::new();
    for _ in 0..BATCHES {
        let batch = newest(visit, persona, before, BATCH).await?;
        let whole = batch.len() < BATCH as usize;
        for receipt in batch {
            if found.len() == most {
                return Ok(Scan { found, next: before });
            }
            before = Some(receipt.pos);
            if wanted(&receipt) {
                found.push(receipt);
            }
        }
        if whole {
            return Ok(Scan { found, next: None });
        }
    }
    Ok(Scan { found, next: before })
}

fn link(persona: &Persona, tab: Tab, rest: &str) -> String {
    format!("/personas/{}?tab={}{rest}", persona.slug, tab.word())
}

const GOALS: u32 = 30;
const RUNS: u32 = 20;

async fn progress(visit: &Visit<'_>, persona: &Persona, asked: &Asked) -> Result<Progress, NoPage> {
    let db = &visit.deps.db;
    let before = asked.before.parse::<GoalId>().ok();
    let filter = GoalFilter { persona: Some(persona.id), before, limit: GOALS + 1, ..GoalFilter::default() };
    let mut goals = db.goals(filter).await?;
    let more = goals.len() > GOALS as usize;
    goals.truncate(GOALS as usize);
    let earlier =
        goals.last().filter(|_| more).map(|last| link(persona, Tab::Progress, &format!("&before={}", last.id)));
    let filter = RunFilter { persona: Some(persona.id), limit: 4 * RUNS, ..RunFilter::default() };
    let runs = db.runs(filter).await?;
    let mut newest: HashMap<GoalId, &Run> = HashMap::new();
    for run in &runs {
        newest.entry(run.goal).or_insert(run);
    }
    let left = left_turns(visit, &goals).await?;
    let by_id: HashMap<GoalId, &Goal> = goals.iter().map(|goal| (goal.id, goal)).collect();
    let waits_for = db.prerequisites(&goals.iter().map(|goal| goal.id).collect::<Vec<_>>()).await?;
    let calendar = Calendar::of(persona, &db.schedules(persona.id).await?, visit.now_ms);
    let waits_for = |id: &GoalId| waits_for.get(id).map(Vec::as_slice).unwrap_or_default();
    let (now_ms, attempts) = (visit.now_ms, visit.most_attempts());
    let three = db.big_three(persona.id).await?.filter(|three| three.hour_ms >= BigThree::hour(now_ms));
    let row =
        |goal: &Goal| GoalRow::new(goal, waits_for(&goal.id), &newest, attempts, now_ms).among(goal, three.as_ref());
    let (passed, own): (Vec<&Goal>, Vec<&Goal>) = goals.iter().partition(|goal| left.contains(&goal.id));
    Ok(Progress {
        goals: own.into_iter().map(row).collect(),
        passed: passed.into_iter().map(row).collect(),
        calendar,
        runs: runs
            .iter()
            .take(RUNS as usize)
            .map(|run| RunRow::new(run, by_id.get(&run.goal).copied(), Some(persona), now_ms))
            .collect(),
        earlier,
    })
}

/// Those of these goals that were turns in rooms and ended without an answer.
async fn left_turns(visit: &Visit<'_>, goals: &[Goal]) -> Result<HashSet<GoalId>, NoPage> {
    let cancelled = goals.iter().filter(|goal| goal.state == GoalState::Cancelled).map(|goal| goal.id);
    let turns = visit.deps.db.turns_of(&cancelled.collect::<Vec<_>>()).await?;
    let left = turns.iter().filter(|turn| matches!(turn.state, TurnState::Passed | TurnState::Coalesced));
    Ok(left.map(|turn| turn.goal).collect())
}

const TURNS: u32 = 15;
const GOAL_RECEIPTS: u32 = 300;

async fn conversation(visit: &Visit<'_>, persona: &Persona, asked: &Asked) -> Result<input::Input, NoPage> {
    let db = &visit.deps.db;
    let mut messages = db.messages(persona.id, TURNS + 1, asked.before.parse().ok(), None).await?;
    let more = messages.len() > TURNS as usize;
    messages.truncate(TURNS as usize);
    let earlier =
        messages.last().filter(|_| more).map(|last| link(persona, Tab::Input, &format!("&before={}", last.id)));
    let mut turns = Vec::with_capacity(messages.len());
    for message in messages.iter().rev() {
        let Some(goal) = db.goal(message.goal).await? else { continue };
        let runs = db.runs(RunFilter { goal: Some(goal.id), limit: 1, ..RunFilter::default() }).await?;
        let filter =
            ReceiptFilter { goal: Some(goal.id), newest_first: true, limit: GOAL_RECEIPTS, ..ReceiptFilter::default() };
        let mut receipts = db.receipts(filter).await?;
        receipts.reverse();
        let parts = input::Parts { message, goal: &goal, run: runs.first(), receipts: &receipts };
        turns.push(input::Turn::new(&parts, &persona.name, &visit.caller.name, visit.now_ms));
    }
    Ok(input::Input { turns, earlier })
}

const LOG_ROWS: usize = 100;

async fn log(visit: &Visit<'_>, persona: &Persona, asked: &Asked) -> Result<Logs, NoPage> {
    let kind: Option<ReceiptKind> = asked.kind.parse().ok();
    let before = asked.before.parse::<Cursor>().ok().map(|cursor| cursor.0);
    let scan = scan(visit, persona, before, LOG_ROWS, |receipt| kind.is_none_or(|kind| receipt.kind == kind)).await?;
    let only = kind.map(|kind| format!("&kind={kind}")).unwrap_or_default();
    Ok(Logs {
        rows: visit.rows(&scan.found, &HashMap::from([(persona.id, persona)])),
        kind,
        earlier: scan.next.map(|pos| link(persona, Tab::Logs, &format!("{only}&before={}", Cursor(pos)))),
    })
}

const MADE: usize = 60;

async fn output(visit: &Visit<'_>, persona: &Persona, asked: &Asked) -> Result<Output, NoPage> {
    let before = asked.before.parse::<Cursor>().ok().map(|cursor| cursor.0);
    let has_made = |receipt: &Receipt| {
        let artifacts = receipt.body.as_ref().map(|body| body.artifacts.as_slice()).unwrap_or_default();
        artifacts.iter().any(|artifact| artifact.kind != ArtifactKind::Thumbnail)
    };
    let scan = scan(visit, persona, before, MADE, has_made).await?;
    let mut output = Output::of(&scan.found, visit.now_ms);
    output.earlier = scan.next.map(|pos| link(persona, Tab::Output, &format!("&before={}", Cursor(pos))));
    Ok(output)
}

/// Personas that are suggested to be watched.
const SUGGESTED: usize = 100;

/// Read from folders, beside.
async fn tools_of(visit: &Visit<'_>, persona: &Persona) -> Vec<Listed> {
    let confirmed = visit.deps.mcp.offered(Some(persona)).await;
    let (own, persona, fitted) = (visit.deps.own.clone(), persona.clone(), visit.deps.fitted);
    // Who cannot be read has none; the list is there again with the next look.
    web::block(move || registry::list(&own, Some(&persona), &confirmed, fitted)).await.unwrap_or_default()
}

/// Only where a tool of its asks for one.
async fn container(visit: &Visit<'_>, persona: &Persona) -> Option<Container> {
    let deps = visit.deps;
    let (config, of) = (deps.config.clone(), persona.clone());
    let wants = web::block(move || isolation::wants_container(&config, Some((&of).into()))).await;
    if !wants.unwrap_or_default() {
        return None;
    }
    let home = Home::of(&deps.config.data_root, persona.into());
    Some(Container::new(deps.isolations.containers.view(&home).await, visit.now_ms))
}

async fn settings(visit: &Visit<'_>, persona: &Persona) -> Result<settings::Settings, NoPage> {
    let labels = visit.deps.vault.list(&format!("persona:{}", persona.id)).await?;
    let key = |label: crate::storage::SecretLabel| settings::KeyRow {
        name: label.name,
        last_four: label.last_four,
        updated: When::at(label.updated_ms, visit.now_ms),
    };
    let actors = visit.deps.company.actors();
    let others = actors.iter().filter(|other| other.persona != persona.id);
    let mut waits = Vec::new();
    for wait in visit.deps.db.standing_waits_of(persona.id).await? {
        let watched = visit.deps.db.persona_named(&wait.watched.to_string()).await?;
        let name = watched.map_or_else(|| wait.watched.to_string(), |other| other.name);
        waits.push(settings::WaitRow::new(&wait, name, visit.now_ms));
    }
    let models = &visit.deps.config.models;
    let listed = tools_of(visit, persona).await;
    let used = usage::of(&visit.deps.db, Some(persona.id)).await?;
    let rules = visit.deps.config.quota_rules();
    let outreach = visit.deps.db.allows_outreach().await?;
    let scope = BudgetScope::Persona(persona.id);
    let spending = spending::of(visit.deps, scope, persona.hours.zone).await?;
    Ok(settings::Settings {
        budgets: Budgets::new(&spending, visit.now_ms),
        standing: standing(visit.deps),
        tools: Tools::new(&listed, &used, &persona.grants),
        container: container(visit, persona).await,
        quotas: Unit::ALL.iter().map(|unit| settings::QuotaField::new(*unit, persona, &rules, outreach)).collect(),
        persona: persona.clone(),
        keys: labels.into_iter().map(key).collect(),
        models: models.names().map(str::to_owned).collect(),
        default_model: models.default.clone(),
        waits,
        others: others.map(|other| other.slug.to_string()).take(SUGGESTED).collect(),
    })
}
