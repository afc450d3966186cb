//! What a persona lacks before it can do its work, as API, pages and command line show it.

use actix_web::web;
use actors::domain::{BudgetScope, BudgetUnit, Persona, ToolKind, Zone};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Deps,
    spending::{self, SpendingView},
};
use crate::{
    browser::find_chromium,
    config::{ModelsConfig, Readiness},
    models::{INSTANCE, is_key},
    storage::DbError,
    tools::{Fitted, isolation},
};

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missing {
    pub what: Lack,
    /// What is missing and what to do about it.
    pub text: String,
}

/// The sorts of what can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Its model is not configured.
    Model,
    /// Nobody who may answer for it has a key.
    Key,
    /// It may reach no host but the practice site.
    Host,
    /// There is no Chromium.
    Browser,
    /// Its budget, or the company's, lets no call begin.
    Budget,
    /// It may look into a memory that is not there.
    Memory,
    /// It may speak with a voice that is not there.
    Voice,
    /// A tool of its runs in a container, and none can be had.
    Container,
}

/// What this persona lacks now; nothing: it can do all of its work.
pub async fn of(deps: &Deps, persona: &Persona) -> Result<Vec<Missing>, DbError> {
    let mut keys = Vec::new();
    for owner in [format!("persona:{}", persona.id), INSTANCE.to_owned()] {
        keys.extend(deps.vault.list(&owner).await?.into_iter().map(|label| label.name));
    }
    let mut missing = Vec::from_iter(writer(&deps.config.models, persona.model.as_deref(), &keys));
    missing.extend(budget(deps, persona).await?);
    if persona.hosts.is_empty() {
        let text = "it may reach no host but the practice site: add hosts in its settings".to_owned();
        missing.push(Missing { what: Lack::Host, text });
    }
    if find_chromium(&deps.config.browser.executable).is_err() {
        let text = "there is no Chromium for it: install one, or name it in browser.executable".to_owned();
        missing.push(Missing { what: Lack::Browser, text });
    }
    missing.extend(unfitted(deps.fitted, persona));
    missing.extend(container(deps, persona).await);
    Ok(missing)
}

/// What it was granted and is not there.
fn unfitted(fitted: Fitted, persona: &Persona) -> impl Iterator<Item = Missing> {
    let tools = [("rag_search", ToolKind::Memory, Lack::Memory), ("speak", ToolKind::Voice, Lack::Voice)];
    let granted = move |tool, kind| persona.grants.permits(tool, kind, persona.role);
    tools.into_iter().filter(move |(tool, kind, _)| granted(tool, *kind)).filter_map(move |(tool, _, what)| {
        let why = fitted.lack(tool)?;
        let text = format!("it may use `{tool}`, and {why}: revoke it, or let its goals do without");
        Some(Missing { what, text })
    })
}

/// The engine is asked only where a tool of its wants a container.
async fn container(deps: &Deps, persona: &Persona) -> Option<Missing> {
    let (config, persona) = (deps.config.clone(), persona.clone());
    let wants = web::block(move || isolation::wants_container(&config, Some((&persona).into()))).await;
    if !wants.unwrap_or_default() {
        return None;
    }
    let error = deps.isolations.containers.check().await.err()?;
    Some(Missing { what: Lack::Container, text: format!("a tool of its runs in a container: {error}") })
}

/// What its model lacks: one of those who may answer is enough.
fn writer(models: &ModelsConfig, own: Option<&str>, keys: &[String]) -> Option<Missing> {
    let name = own.unwrap_or(&models.default);
    match models.readiness(name, |secret| keys.iter().any(|key| is_key(key, secret))) {
        Readiness::Ready => None,
        Readiness::Nobody => {
            let text = format!("there is no model `{name}`: choose another in its settings");
            Some(Missing { what: Lack::Model, text })
        }
        Readiness::NoKey(secrets) => {
            let some = secrets.iter().map(|secret| format!("`{secret}`")).collect::<Vec<_>>().join(" or ");
            let text = format!("no key for its model `{name}`: keep {some} in its settings");
            Some(Missing { what: Lack::Key, text })
        }
    }
}

/// The first budget, of its own or of the company, that lets no call begin.
async fn budget(deps: &Deps, persona: &Persona) -> Result<Option<Missing>, DbError> {
    let own = spending::of(deps, BudgetScope::Persona(persona.id), persona.hours.zone).await?;
    let company = spending::of(deps, BudgetScope::Company, Zone::UTC).await?;
    Ok(shut("its", &own).or_else(|| shut("the company's", &company)))
}

/// The first limit that lets no call begin, and whether that is for good or only until calls under way have ended.
fn shut(whose: &str, spending: &SpendingView) -> Option<Missing> {
    spending.periods.iter().find_map(|period| {
        let (unit, limit) = period.limits.iter().find(|(_, limit)| limit.left == 0)?;
        let spent = unit.parse::<BudgetUnit>().map(|unit| period.spent.of(unit)).unwrap_or_default();
        let (is_how, what_to_do) = match limit.hard {
            0 => ("is 0", "raise it, or give it a model that is free"),
            hard if spent < hard => ("is reserved for calls under way", "wait until they have ended, or raise it"),
            _ => ("is used up", "raise it, or give it a model that is free"),
        };
        let text = format!("{whose} budget of the {} {is_how}: {what_to_do}", period.period);
        Some(Missing { what: Lack::Budget, text })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, models::UNDERSTUDY};

    #[test]
    fn what_is_only_reserved_is_not_said_to_be_used_up() {
        use crate::web::spending::{AmountView, LimitView, PeriodView};
        let told = |hard: u64, spent: u64, reserved: u64| {
            let amount = |micro_usd| AmountView { micro_usd, tokens: 0 };
            let left = hard.saturating_sub(spent + reserved);
            let limits = [("micro_usd", LimitView { soft: None, hard, left })].into();
            let (spent, reserved) = (amount(spent), amount(reserved));
            let period = PeriodView { period: "day", begins_ms: 0, ends_ms: 1, spent, reserved, limits };
            let spending = SpendingView { scope: "company".into(), version: 1, periods: vec![period] };
            shut("its", &spending).map(|missing| missing.text)
        };
        assert_eq!(told(100, 40, 59), None);
        assert!(told(100, 40, 60).unwrap().contains("is reserved for calls under way: wait"));
        assert!(told(100, 100, 0).unwrap().contains("is used up: raise it"));
        assert!(told(0, 0, 0).unwrap().contains("is 0: raise it"));
    }

    #[test]
    fn one_writer_that_can_answer_is_enough() {
        let root = tempfile::tempdir().unwrap();
        let mut models = Config::for_test(root.path()).models;
        let what = |models: &ModelsConfig, own: Option<&str>, keys: &[String]| {
            writer(models, own, keys).map(|missing| missing.what)
        };
        assert_eq!(what(&models, None, &[]), None, "the understudy needs none");
        assert_eq!(what(&models, Some("gone"), &[]), Some(Lack::Model));
        assert_eq!(what(&models, Some("openrouter"), &[]), Some(Lack::Key));
        for key in ["openrouter_api_key", "OPENROUTER_API_KEY"] {
            assert_eq!(what(&models, Some("openrouter/a/b"), &[key.to_owned()]), None);
        }
        let Some(route) = models.routes.values_mut().next() else { panic!("the defaults have a route") };
        route.uses = vec!["openrouter".into(), UNDERSTUDY.into()];
        let name = models.routes.keys().next().unwrap().clone();
        assert_eq!(what(&models, Some(&name), &[]), None);
    }
}
