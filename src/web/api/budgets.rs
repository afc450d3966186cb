//! `/api/budgets`, `/api/personas/{persona}/budgets`, `/api/admin/users/{user}/budgets` and
//! `/api/admin/keys/{key}/budgets`: what may be spent, and what was.

use std::collections::BTreeMap;

use actix_web::{http::Method, web};
use actors::domain::{Budget, BudgetPeriod, BudgetScope, BudgetUnit, Budgets, Zone};
use serde::Deserialize;
use utoipa::ToSchema;

use super::personas;
use crate::{
    storage::User,
    web::{
        Deps,
        auth::Caller,
        errors::Problem,
        input::{Checks, IfMatch, Loose, version_read},
        routes::{Route, Table, Who},
        spending::{self, SpendingView},
    },
};

const COMPANY: &str = "/api/budgets";
const PERSONA: &str = "/api/personas/{persona}/budgets";
const USER: &str = "/api/admin/users/{user}/budgets";
const KEY: &str = "/api/admin/keys/{key}/budgets";

/// `…/budgets`.
pub fn routes() -> Table {
    let replaces = "Replaces its budgets";
    vec![
        Route::get(COMPANY, Who::Member, "What the company may spend, and has", of_company).gives::<SpendingView>(),
        Route::new(Method::PUT, COMPANY, Who::Owner, replaces, put_company)
            .takes::<BudgetsPut>()
            .gives::<SpendingView>(),
        Route::get(PERSONA, Who::Member, "What a persona may spend, and has", of_persona).gives::<SpendingView>(),
        Route::new(Method::PUT, PERSONA, Who::Member, replaces, put_persona)
            .takes::<BudgetsPut>()
            .gives::<SpendingView>(),
        Route::get(USER, Who::Owner, "What goals that a user gave may spend, and have", of_user)
            .gives::<SpendingView>(),
        Route::get(KEY, Who::Owner, "What programs may spend by a virtual key, and have", of_key)
            .gives::<SpendingView>(),
        Route::new(Method::PUT, KEY, Who::Owner, replaces, put_key).takes::<BudgetsPut>().gives::<SpendingView>(),
        Route::new(Method::PUT, USER, Who::Owner, replaces, put_user).takes::<BudgetsPut>().gives::<SpendingView>(),
    ]
}

/// One limit.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub struct LimitInput {
    /// From here on people are told; the work goes on.
    pub soft: Option<i64>,
    /// Never passed.
    pub hard: Option<i64>,
}

/// All of them: what is left out is not limited any more.
#[derive(Deserialize, ToSchema)]
pub struct BudgetsPut {
    /// The version this change was made from; 0 when there were none.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    /// By period (`day`, `month`) and unit (`tokens`, `micro_usd`): `{"day": {"micro_usd": {"hard": 1000000}}}`.
    #[schema(value_type = Object)]
    pub limits: LimitsInput,
}

impl BudgetsPut {
    fn checked(self) -> Result<Vec<Budget>, Problem> {
        checked(self.limits)
    }
}

/// By period and unit, as a change of budgets takes them.
pub type LimitsInput = BTreeMap<String, BTreeMap<String, Option<LimitInput>>>;

/// The limits as they are kept; fields that are wrong are named.
pub fn checked(given: LimitsInput) -> Result<Vec<Budget>, Problem> {
    let (mut checks, mut limits) = (Checks::default(), Vec::new());
    for (period, of_period) in given {
        let Some(period) = checks.parse::<BudgetPeriod>(&format!("limits.{period}"), &period) else { continue };
        for (name, limit) in of_period {
            let path = format!("limits.{period}.{name}");
            let Some(unit) = checks.parse::<BudgetUnit>(&path, &name) else { continue };
            limits.extend(limit.unwrap_or_default().checked(&mut checks, &path, period, unit));
        }
    }
    checks.done()?;
    Ok(limits)
}

impl LimitInput {
    fn checked(self, checks: &mut Checks, path: &str, period: BudgetPeriod, unit: BudgetUnit) -> Option<Budget> {
        let mut amount = |field: &str, number: Option<i64>| {
            let amount = number.map(u64::try_from)?;
            checks.check(&format!("{path}.{field}"), amount.is_ok(), "must not be negative");
            amount.ok()
        };
        let (soft, hard) = (amount("soft", self.soft), amount("hard", self.hard));
        let Some(hard) = hard else {
            checks.check(&format!("{path}.hard"), self.soft.is_none(), "is required beside a soft limit");
            return None;
        };
        let limit = Budget { period, unit, soft, hard };
        match Budgets::check(&[limit]) {
            Ok(()) => Some(limit),
            Err(bad) => {
                checks.check(&format!("{path}.{}", bad.field), false, bad.reason);
                None
            }
        }
    }
}

type Answer = Result<web::Json<SpendingView>, Problem>;

/// A change of budgets and whose it is, as it was sent.
type Sent = (Caller, IfMatch, Loose<BudgetsPut>);

async fn view(deps: &Deps, scope: BudgetScope, zone: Zone) -> Answer {
    Ok(web::Json(spending::of(deps, scope, zone).await?))
}

async fn replace(deps: &Deps, scope: BudgetScope, zone: Zone, sent: Sent) -> Answer {
    let (caller, if_match, Loose(input)) = sent;
    let version = version_read(input.version, input.if_version, if_match)?;
    let limits = input.checked()?;
    match deps.company.set_budgets(scope.clone(), version, limits, &caller.by()).await {
        Ok(_) => view(deps, scope, zone).await,
        Err(error) => {
            let (problem, now) = (Problem::from(error), deps.db.budgets(&[scope]).await?.pop());
            Err(match now {
                Some(now) if problem.status == 409 => problem.with_current_version(now.version),
                _ => problem,
            })
        }
    }
}

async fn of_company(deps: web::Data<Deps>) -> Answer {
    view(&deps, BudgetScope::Company, Zone::UTC).await
}

async fn put_company(sent: Sent, deps: web::Data<Deps>) -> Answer {
    replace(&deps, BudgetScope::Company, Zone::UTC, sent).await
}

async fn of_persona(name: web::Path<String>, deps: web::Data<Deps>) -> Answer {
    let persona = personas::find(&deps, &name).await?;
    view(&deps, BudgetScope::Persona(persona.id), persona.hours.zone).await
}

async fn put_persona(name: web::Path<String>, sent: Sent, deps: web::Data<Deps>) -> Answer {
    let persona = personas::find(&deps, &name).await?;
    let (scope, zone) = (BudgetScope::Persona(persona.id), persona.hours.zone);
    replace(&deps, scope, zone, sent).await
}

async fn user(deps: &Deps, name: &str) -> Result<BudgetScope, Problem> {
    let found: Option<User> = deps.accounts.users().await?.into_iter().find(|user| user.name == name);
    found.map(|user| BudgetScope::User(user.name)).ok_or_else(|| Problem::not_found("user", name))
}

async fn of_user(name: web::Path<String>, deps: web::Data<Deps>) -> Answer {
    view(&deps, user(&deps, &name).await?, Zone::UTC).await
}

async fn put_user(name: web::Path<String>, sent: Sent, deps: web::Data<Deps>) -> Answer {
    let scope = user(&deps, &name).await?;
    replace(&deps, scope, Zone::UTC, sent).await
}

async fn key(deps: &Deps, name: &str) -> Result<BudgetScope, Problem> {
    let found = deps.accounts.key_named(name).await?;
    found.map(|key| BudgetScope::Key(key.name)).ok_or_else(|| Problem::not_found("key", name))
}

async fn of_key(name: web::Path<String>, deps: web::Data<Deps>) -> Answer {
    view(&deps, key(&deps, &name).await?, Zone::UTC).await
}

async fn put_key(name: web::Path<String>, sent: Sent, deps: web::Data<Deps>) -> Answer {
    let scope = key(&deps, &name).await?;
    replace(&deps, scope, Zone::UTC, sent).await
}
