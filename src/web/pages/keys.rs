//! `/keys`: virtual keys of programs, what they may and have spent; a new one is shown here once.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{domain::BudgetUnit, ledger::said};
use askama::Template;

use super::{
    frame::{Frame, Section},
    show::When,
    visit::{self, NoPage, Visit},
};
use crate::web::{
    Deps,
    api::keys::{self, KeyView},
    auth::Caller,
    routes::{Route, Table, Who},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "keys.html", config = "src/web/pages/askama.toml", blocks = ["main"])]
pub struct KeysPage {
    pub frame: Frame,
    pub rows: Vec<Row>,
    /// Where programs ask: `http://127.0.0.1:7878/v1`.
    pub base_url: String,
}

/// A key.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub tail: String,
    pub models: String,
    /// Empty: no persona is charged beside it.
    pub persona: String,
    /// `60 a minute`
    pub rate: String,
    pub keeps_words: bool,
    /// `$0.03 today, $0.97 left`
    pub spent: String,
    pub made: When,
    /// None: it is good.
    pub revoked: Option<When>,
}

impl Row {
    /// Prepares a row, as seen from now.
    pub fn new(key: KeyView, now_ms: i64) -> Self {
        let day = key.spending.periods.first();
        let money = |amount| said(BudgetUnit::MicroUsd, amount);
        let spent = day.map_or_else(String::new, |day| match day.limits.get(BudgetUnit::MicroUsd.as_str()) {
            Some(limit) => format!("{} today, {} left", money(day.spent.micro_usd), money(limit.left)),
            None => format!("{} today, no limit", money(day.spent.micro_usd)),
        });
        let rate = match key.per_minute {
            0 => "any number".to_owned(),
            most => format!("{most} a minute"),
        };
        Self {
            name: key.name,
            tail: key.tail,
            models: key.models.join(" "),
            persona: key.persona.unwrap_or_default(),
            rate,
            keeps_words: key.keeps_words,
            spent,
            made: When::at(key.created_ms, now_ms),
            revoked: key.revoked_ms.map(|at_ms| When::at(at_ms, now_ms)),
        }
    }
}

/// `/keys`.
pub fn routes() -> Table {
    vec![Route::page("/keys", Who::Owner, "Virtual keys of programs", show)]
}

async fn show(request: HttpRequest, caller: Caller, deps: web::Data<Deps>) -> HttpResponse {
    let page = load(&deps, &caller).await;
    visit::answer(&request, &deps, &caller, page)
}

async fn load(deps: &Deps, caller: &Caller) -> Result<KeysPage, NoPage> {
    let visit = Visit::begin(deps, caller).await?;
    let rows = keys::views(deps).await?.into_iter().map(|key| Row::new(key, visit.now_ms)).collect();
    let base_url = format!("{}/v1", deps.base_url);
    Ok(KeysPage { frame: visit.frame("Keys", Section::Keys), rows, base_url })
}
