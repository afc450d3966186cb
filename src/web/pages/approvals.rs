//! `/approvals`: what waits for a yes or no, effects of which nobody knows whether they happened, what was decided.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::domain::{Approval, ApprovalId, ApprovalState, Goal, GoalId, HostPolicy, Persona, PersonaId};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use super::{
    frame::{Frame, Section},
    show::{self, When},
    visit::{self, NoPage, Visit},
};
use crate::{
    storage::ApprovalFilter,
    web::{
        Deps,
        api::reconcile::{self, UnknownView},
        auth::Caller,
        cursor::{IdCursor, Page},
        names::Names,
        routes::{Route, Table, Who},
    },
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "approvals.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct ApprovalsPage {
    pub frame: Frame,
    pub waiting: Stretch,
    pub unknown: Vec<UnknownRow>,
    /// Where those of older goals are; none: there are none.
    pub unknown_earlier: Option<String>,
    pub decided: Stretch,
    pub hosts: Vec<HostRow>,
}

/// As much of a list as a page shows, the newest first.
#[derive(Debug, Default)]
pub struct Stretch {
    pub rows: Vec<AskedRow>,
    /// Where the newest are; none: these are.
    pub newest: Option<String>,
    /// Where those asked before these are.
    pub earlier: Option<String>,
}

/// A question, ready to be shown.
#[derive(Debug, Clone)]
pub struct AskedRow {
    pub id: String,
    /// Name and page of the persona.
    pub who: (String, String),
    pub goal: String,
    pub run_href: String,
    pub what: String,
    pub host: Option<String>,
    pub rule: String,
    pub disclosure: Option<String>,
    /// What it acts on: the arguments and the page, name by name.
    pub facts: Vec<(String, String)>,
    pub again: bool,
    pub asked: When,
    pub expires: When,
    pub state: &'static str,
    pub tone: &'static str,
    /// `anna: too dear`.
    pub said: Option<String>,
    pub digest: String,
}

/// A host's policy, ready to be edited; the last one is to be filled.
#[derive(Debug, Clone, Default)]
pub struct HostRow {
    pub host: String,
    pub version: i64,
    pub actions: String,
    pub pace: String,
    pub disclosure: String,
    /// The part about outreach as JSON; empty: off.
    pub outreach: String,
}

impl HostRow {
    /// Prepares a policy.
    pub fn new(policy: HostPolicy) -> Self {
        let HostPolicy { host, version, terms } = policy;
        let outreach = terms.outreach.and_then(|outreach| serde_json::to_string(&outreach).ok());
        Self {
            host,
            version,
            actions: terms.actions.unwrap_or_default().join("\n"),
            pace: terms.acts_per_1000_s.map_or_else(String::new, |pace| (f64::from(pace) / 1_000.0).to_string()),
            disclosure: terms.disclosure,
            outreach: outreach.unwrap_or_default(),
        }
    }
}

/// An effect that may or may not have happened.
#[derive(Debug, Clone)]
pub struct UnknownRow {
    pub goal: String,
    pub who: (String, String),
    pub title: String,
    pub what: String,
    pub page: Option<String>,
    pub tried: When,
    pub screenshot: Option<String>,
    /// What to look for on which page; none: the plan has no read-back.
    pub read_back: Option<String>,
}

impl AskedRow {
    /// Prepares a question, as seen from now.
    pub fn new(approval: &Approval, about: Option<&Persona>, goal: Option<&Goal>, now_ms: i64) -> Self {
        let state = approval.state_at(now_ms);
        let subject = &approval.subject;
        let said = approval.decided.as_ref().map(|said| match said.note.as_str() {
            "" => said.by.clone(),
            note => format!("{}: {note}", said.by),
        });
        let mut facts = Vec::new();
        for (name, value) in subject.args.as_object().into_iter().flatten() {
            if !value.is_null() && name != "action" {
                facts.push((name.replace('_', " "), plain(value)));
            }
        }
        page_facts(subject.page.as_ref(), &mut facts);
        Self {
            id: approval.id.to_string(),
            who: named(about, approval.persona),
            goal: goal.map_or_else(|| format!("goal {}", show::short(approval.goal)), |goal| goal.title.clone()),
            run_href: format!("/runs/{}", approval.run),
            what: subject.label.clone(),
            host: subject.host.clone(),
            rule: subject.rule.clone(),
            disclosure: subject.disclosure.clone(),
            facts,
            again: approval.again,
            asked: When::at(approval.asked_ms, now_ms),
            expires: When::at(approval.expires_ms, now_ms),
            state: match state {
                ApprovalState::Approved => "approved, not used yet",
                ApprovalState::Used => "approved",
                other => other.as_str(),
            },
            tone: match state {
                ApprovalState::Approved | ApprovalState::Used => "ok",
                ApprovalState::Denied | ApprovalState::Void => "bad",
                ApprovalState::Waiting | ApprovalState::Expired => "warn",
            },
            said,
            digest: approval.digest.short(),
        }
    }
}

impl UnknownRow {
    /// Prepares an effect, as seen from now.
    pub fn new(unknown: &UnknownView, about: Option<&Persona>, now_ms: i64) -> Self {
        let name = unknown.persona.clone().unwrap_or_default();
        let href = format!("/personas/{name}");
        Self {
            goal: unknown.goal.to_string(),
            who: about.map_or((name, href.clone()), |persona| (persona.name.clone(), href)),
            title: unknown.title.clone(),
            what: unknown.what.clone(),
            page: unknown.page.clone(),
            tried: When::at(unknown.tried_ms, now_ms),
            screenshot: unknown.screenshot.map(|hash| format!("/api/artifacts/{hash}")),
            read_back: unknown.read_back.as_ref().map(|wanted| format!("“{}” on {}", wanted.contains, wanted.url)),
        }
    }
}

fn named(about: Option<&Persona>, id: PersonaId) -> (String, String) {
    about.map_or_else(
        || (show::short(id), "/personas".to_owned()),
        |persona| (persona.name.clone(), format!("/personas/{}", persona.slug)),
    )
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// The page as people read it: each field of the form by its name.
fn page_facts(page: Option<&Value>, facts: &mut Vec<(String, String)>) {
    let Some(page) = page.and_then(Value::as_object) else { return };
    for (name, value) in page {
        match (name.as_str(), value) {
            ("form", Value::Array(fields)) => {
                for field in fields {
                    facts.push((format!("field {}", plain(&field["name"])), plain(&field["value"])));
                }
            }
            ("element", element) => {
                facts
                    .push(("element".to_owned(), format!("{} “{}”", plain(&element["role"]), plain(&element["name"]))));
            }
            (name, value) => facts.push((name.replace('_', " "), plain(value))),
        }
    }
}

/// `/approvals`.
pub fn routes() -> Table {
    vec![Route::page("/approvals", Who::Member, "What waits for a person's word", show_page)]
}

/// How far down each list the page is. What is no cursor is ignored.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    waiting: String,
    #[serde(default)]
    decided: String,
    #[serde(default)]
    unknown: String,
}

impl Asked {
    /// The page with this list somewhere else and the other one where it is.
    fn address(&self, list: List, cursor: &str) -> String {
        match list {
            List::Waiting => format!("/approvals?waiting={cursor}&decided={}", self.decided),
            List::Decided => format!("/approvals?waiting={}&decided={cursor}", self.waiting),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum List {
    Waiting,
    Decided,
}

/// Of each list.
const ROWS: u32 = 50;

async fn show_page(
    request: HttpRequest,
    caller: Caller,
    deps: web::Data<Deps>,
    names: web::Data<Names>,
) -> HttpResponse {
    let asked = web::Query::<Asked>::from_query(request.query_string()).map(web::Query::into_inner).unwrap_or_default();
    let page = load(&deps, &caller, &names, asked).await;
    visit::answer(&request, &deps, &caller, page)
}

/// What an address may hold of a cursor.
fn place(cursor: &str) -> Option<ApprovalId> {
    cursor.parse::<IdCursor>().ok().map(|cursor| ApprovalId(cursor.0))
}

async fn load(deps: &Deps, caller: &Caller, names: &Names, asked: Asked) -> Result<ApprovalsPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let now_ms = visit.now_ms;
    let people = deps.db.personas(true).await?;
    let by_id: HashMap<PersonaId, &Persona> = people.iter().map(|persona| (persona.id, persona)).collect();
    // Anything else would stand in the addresses of this page.
    let known = |cursor: String| Some(cursor).filter(|cursor| place(cursor).is_some()).unwrap_or_default();
    let asked = Asked { waiting: known(asked.waiting), decided: known(asked.decided), unknown: known(asked.unknown) };
    let all = ApprovalFilter { limit: ROWS + 1, ..ApprovalFilter::default() };
    let waiting = ApprovalFilter { waiting_at_ms: Some(now_ms), before: place(&asked.waiting), ..all };
    let decided = ApprovalFilter { decided_at_ms: Some(now_ms), before: place(&asked.decided), ..all };
    let page = |found| Page::of(found, ROWS, |approval: &Approval| IdCursor(approval.id.0).to_string());
    let (waiting, decided) = (page(deps.db.approvals(waiting).await?), page(deps.db.approvals(decided).await?));
    let mut goals: HashMap<GoalId, Goal> = HashMap::new();
    for approval in waiting.items.iter().chain(&decided.items) {
        if !goals.contains_key(&approval.goal)
            && let Some(goal) = deps.db.goal(approval.goal).await?
        {
            goals.insert(approval.goal, goal);
        }
    }
    let row = |approval: &Approval| {
        AskedRow::new(approval, by_id.get(&approval.persona).copied(), goals.get(&approval.goal), now_ms)
    };
    let stretch = |list, at: &str, page: &Page<Approval>| Stretch {
        rows: page.items.iter().map(row).collect(),
        newest: (!at.is_empty()).then(|| asked.address(list, "")),
        earlier: page.next.as_deref().map(|next| asked.address(list, next)),
    };
    let by_slug = |slug: &Option<String>| people.iter().find(|one| Some(one.slug.as_str()) == slug.as_deref());
    let before = place(&asked.unknown).map(|place| GoalId(place.0));
    let unknown = reconcile::unknown(deps, names, before, ROWS).await?;
    Ok(ApprovalsPage {
        frame: visit.frame("Approvals", Section::Approvals),
        waiting: stretch(List::Waiting, &asked.waiting, &waiting),
        unknown_earlier: unknown.next.map(|next| format!("/approvals?unknown={next}")),
        unknown: unknown.items.iter().map(|one| UnknownRow::new(one, by_slug(&one.persona), now_ms)).collect(),
        decided: stretch(List::Decided, &asked.decided, &decided),
        hosts: deps.db.host_policies().await?.into_iter().map(HostRow::new).collect(),
    })
}
