//! `/api/personas/{persona}/quotas` and `…/autoplan`: what its days are to hold and may hold, and what plans them.

use std::collections::BTreeMap;

use actix_web::{http::Method, web};
use actors::{
    domain::{Autoplan, Persona, Quota, Quotas, Recipe, Unit},
    supervisor::PersonaPatch,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::personas;
use crate::{
    tools::templates,
    web::{
        Deps,
        auth::Caller,
        day::{self, DayView},
        errors::Problem,
        input::{Checks, IfMatch, Loose, version_read},
        routes::{Route, Table, Who},
    },
};

const QUOTAS: &str = "/api/personas/{persona}/quotas";
const AUTOPLAN: &str = "/api/personas/{persona}/autoplan";
const MOST_WORK: usize = 50;

/// `/api/personas/{persona}/{quotas|autoplan}`.
pub fn routes() -> Table {
    vec![
        Route::get(QUOTAS, Who::Member, "Its quotas, and what its day has of them", show).gives::<QuotasView>(),
        Route::new(Method::PATCH, QUOTAS, Who::Member, "Gives it quotas of its own", patch)
            .takes::<QuotasChange>()
            .gives::<QuotasView>(),
        Route::get(AUTOPLAN, Who::Member, "What its days are planned from", plan).gives::<AutoplanView>(),
        Route::new(Method::PUT, AUTOPLAN, Who::Member, "Replaces what its days are planned from", put_plan)
            .takes::<AutoplanPut>()
            .gives::<AutoplanView>(),
    ]
}

/// Quotas with the day they hold for.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotasView {
    /// The persona's version; send it back with a change.
    pub version: i64,
    #[serde(flatten)]
    pub day: DayView,
}

/// The least and the most of a day.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub struct BoundsInput {
    pub floor: Option<i64>,
    pub ceiling: Option<i64>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
pub struct QuotasChange {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    /// By unit (`post`, `proposal`, `deliverable`, `message`): `{"floor": 2, "ceiling": 4}`; `null`: its role's again.
    #[schema(value_type = Object)]
    pub quotas: BTreeMap<String, Option<BoundsInput>>,
}

impl QuotasChange {
    fn over(self, mut quotas: Quotas) -> Result<Quotas, Problem> {
        let mut checks = Checks::default();
        for (name, bounds) in self.quotas {
            let Some(unit) = checks.parse::<Unit>(&format!("quotas.{name}"), &name) else { continue };
            let (floor, ceiling) = bounds.map_or((None, None), |bounds| (bounds.floor, bounds.ceiling));
            match (floor, ceiling) {
                (None, None) => drop(quotas.remove(&unit)),
                (Some(floor), Some(ceiling)) => match Quota::new(floor, ceiling) {
                    Ok(quota) => drop(quotas.insert(unit, quota)),
                    Err(bad) => checks.check(&format!("quotas.{name}.{}", bad.field), false, bad.reason),
                },
                (floor, _) => {
                    let missing = if floor.is_none() { "floor" } else { "ceiling" };
                    checks.check(&format!("quotas.{name}.{missing}"), false, "is required beside the other");
                }
            }
        }
        checks.done()?;
        Ok(quotas)
    }
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<QuotasView>, Problem> {
    view(&deps, &personas::find(&deps, &name).await?).await
}

async fn view(deps: &Deps, persona: &Persona) -> Result<web::Json<QuotasView>, Problem> {
    Ok(web::Json(QuotasView { version: persona.version, day: day::of(deps, persona).await? }))
}

async fn patch(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<QuotasChange>,
    deps: web::Data<Deps>,
) -> Result<web::Json<QuotasView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let quotas = Some(input.0.over(persona.quotas.clone())?);
    let patch = PersonaPatch { quotas, ..PersonaPatch::default() };
    view(&deps, &change(&deps, &caller, &persona, version, patch).await?).await
}

async fn change(
    deps: &Deps,
    caller: &Caller,
    persona: &Persona,
    version: i64,
    patch: PersonaPatch,
) -> Result<Persona, Problem> {
    match deps.company.update_persona(persona.id, version, patch, &caller.by()).await {
        Ok(updated) => Ok(updated),
        Err(error) => Err(personas::with_version(deps, persona.id, error.into()).await),
    }
}

/// What a persona's days are planned from.
#[derive(Debug, Serialize, ToSchema)]
pub struct AutoplanView {
    /// The persona's version; send it back with a change.
    pub version: i64,
    pub on: bool,
    #[schema(value_type = Vec<Object>)]
    pub work: Vec<Recipe>,
}

impl From<Persona> for AutoplanView {
    fn from(persona: Persona) -> Self {
        Self { version: persona.version, on: persona.autoplan.on, work: persona.autoplan.work }
    }
}

/// A template with its fields filled in.
#[derive(Deserialize, ToSchema)]
pub struct RecipeInput {
    /// One of `/api/templates` that counts as something.
    pub template: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
}

/// All of it.
#[derive(Deserialize, ToSchema)]
pub struct AutoplanPut {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    /// Whether its days are planned.
    pub on: bool,
    /// Left out: stays.
    pub work: Option<Vec<RecipeInput>>,
}

impl AutoplanPut {
    fn checked(self, persona: &Persona) -> Result<Autoplan, Problem> {
        let mut checks = Checks::default();
        let work = self.work.map_or_else(
            || persona.autoplan.work.clone(),
            |work| work.into_iter().map(|one| Recipe { template: one.template, params: one.params }).collect(),
        );
        checks.check("work", work.len() <= MOST_WORK, format!("must hold at most {MOST_WORK} templates"));
        checks.check("work", !self.on || !work.is_empty(), "must name a template before days can be planned from it");
        for (index, recipe) in work.iter().take(MOST_WORK).enumerate() {
            let counts = match templates::make(&recipe.template, &recipe.params, persona) {
                Ok(goal) => goal.proof.counts_as.is_some(),
                Err(bad) => {
                    checks.check(&format!("work[{index}].{}", bad.field), false, bad.reason);
                    continue;
                }
            };
            let nothing = "counts as nothing, so no quota asks for it";
            checks.check(&format!("work[{index}].template"), counts, nothing);
        }
        checks.done()?;
        Ok(Autoplan { on: self.on, work })
    }
}

async fn plan(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<AutoplanView>, Problem> {
    Ok(web::Json(personas::find(&deps, &name).await?.into()))
}

async fn put_plan(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<AutoplanPut>,
    deps: web::Data<Deps>,
) -> Result<web::Json<AutoplanView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let autoplan = Some(input.0.checked(&persona)?);
    let patch = PersonaPatch { autoplan, ..PersonaPatch::default() };
    Ok(web::Json(change(&deps, &caller, &persona, version, patch).await?.into()))
}
