//! `/api/personas/{persona}/permissions`: its autonomy, and rules for tools and hosts.

use actix_web::{http::Method, web};
use actors::{
    domain::{Autonomy, Permissions, Persona, Rule, Ruling},
    supervisor::PersonaPatch,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::personas;
use crate::web::{
    Deps,
    auth::Caller,
    errors::Problem,
    input::{Checks, IfMatch, Loose, version_read},
    routes::{Route, Table, Who},
};

const PERMISSIONS: &str = "/api/personas/{persona}/permissions";

/// `/api/personas/{persona}/permissions`.
pub fn routes() -> Table {
    vec![
        Route::get(PERMISSIONS, Who::Member, "What it may do without asking", show).gives::<PermissionsView>(),
        Route::new(Method::PUT, PERMISSIONS, Who::Member, "Replaces what it may do without asking", put)
            .takes::<PermissionsPut>()
            .gives::<PermissionsView>(),
    ]
}

/// A rule about calls.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RuleView {
    /// None: every tool.
    pub tool: Option<String>,
    /// None: everywhere.
    pub host: Option<String>,
    /// `allow`, `ask` or `deny`.
    pub say: &'static str,
}

/// What a persona may do without asking.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionsView {
    /// The persona's version; send it back with a change.
    pub version: i64,
    /// `readonly`, `supervised` or `full`.
    pub autonomy: &'static str,
    pub rules: Vec<RuleView>,
    /// These hold for everybody; a persona's own rule of the same width wins when it is stricter.
    pub built_in: Vec<RuleView>,
}

impl PermissionsView {
    fn new(deps: &Deps, persona: &Persona) -> Self {
        let Permissions { autonomy, rules } = &persona.permissions;
        let built_in = standing(deps);
        let view = |rules: &[Rule]| rules.iter().map(RuleView::from).collect();
        Self { version: persona.version, autonomy: autonomy.as_str(), rules: view(rules), built_in: view(&built_in) }
    }
}

/// The built-in rules.
pub fn standing(deps: &Deps) -> Vec<Rule> {
    actors::run::standing_rules(&deps.config.limits().standing_hosts)
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> Self {
        Self { tool: rule.tool.clone(), host: rule.host.clone(), say: rule.say.as_str() }
    }
}

/// A rule to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct RuleInput {
    /// Left out: every tool.
    pub tool: Option<String>,
    /// `example.com` with its sub-domains, `=example.com` alone; left out: everywhere.
    pub host: Option<String>,
    /// `allow`, `ask` or `deny`.
    pub say: String,
}

/// All of it: what is left out becomes as it was at first.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PermissionsPut {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    /// `readonly`, `supervised` or `full`; left out: supervised.
    pub autonomy: Option<String>,
    #[serde(default)]
    pub rules: Vec<RuleInput>,
}

impl PermissionsPut {
    fn checked(self) -> Result<Permissions, Problem> {
        let mut checks = Checks::default();
        let autonomy = match self.autonomy {
            Some(word) => checks.parse::<Autonomy>("autonomy", &word),
            None => Some(Autonomy::Supervised),
        };
        let mut rules = Vec::new();
        for (at, RuleInput { tool, host, say }) in self.rules.into_iter().enumerate() {
            let some = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            let host = some(host).map(|host| host.to_ascii_lowercase());
            if let Some(say) = checks.parse::<Ruling>(&format!("rules[{at}].say"), &say) {
                rules.push(Rule { tool: some(tool), host, say });
            }
        }
        let permissions = Permissions { autonomy: autonomy.unwrap_or(Autonomy::Supervised), rules };
        if let Some((at, field, reason)) = permissions.fault() {
            checks.check(&format!("rules[{at}].{field}"), false, reason);
        }
        checks.done()?;
        Ok(permissions)
    }
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<PermissionsView>, Problem> {
    Ok(web::Json(PermissionsView::new(&deps, &personas::find(&deps, &name).await?)))
}

async fn put(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<PermissionsPut>,
    deps: web::Data<Deps>,
) -> Result<web::Json<PermissionsView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Loose(input) = input;
    let version = version_read(input.version, input.if_version, if_match)?;
    let patch = PersonaPatch { permissions: Some(input.checked()?), ..PersonaPatch::default() };
    match deps.company.update_persona(persona.id, version, patch, &caller.by()).await {
        Ok(persona) => Ok(web::Json(PermissionsView::new(&deps, &persona))),
        Err(error) => Err(personas::with_version(&deps, persona.id, error.into()).await),
    }
}
