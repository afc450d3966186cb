//! What a persona lacks before it can do its work, as API, pages and command line show it.

use actors::domain::Persona;
use serde::Serialize;
use utoipa::ToSchema;

use super::Deps;
use crate::{
    browser::find_chromium,
    config::ModelsConfig,
    models::{INSTANCE, UNDERSTUDY},
    storage::DbError,
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
}

/// What this persona lacks now; nothing: it can do all of its work.
pub async fn of(deps: &Deps, persona: &Persona) -> Result<Vec<Missing>, DbError> {
    let mut keys = Vec::new();
    for owner in [format!("persona:{}", persona.id), INSTANCE.to_owned()] {
        keys.extend(deps.vault.list(&owner).await?.into_iter().map(|label| label.name));
    }
    let mut missing = Vec::from_iter(writer(&deps.config.models, persona.model.as_deref(), &keys));
    if persona.hosts.is_empty() {
        let text = "it may reach no host but the practice site: add hosts in its settings".to_owned();
        missing.push(Missing { what: Lack::Host, text });
    }
    if find_chromium(&deps.config.browser.executable).is_err() {
        let text = "there is no Chromium for it: install one, or name it in browser.executable".to_owned();
        missing.push(Missing { what: Lack::Browser, text });
    }
    Ok(missing)
}

/// What its model lacks: one of those who may answer is enough.
fn writer(models: &ModelsConfig, own: Option<&str>, keys: &[String]) -> Option<Missing> {
    let name = own.unwrap_or(&models.default);
    let mut wanted = Vec::new();
    for writer in models.writers_of(name) {
        let provider = models.provider_of(writer).and_then(|(provider, _)| models.providers.get(provider));
        let secret = match provider {
            _ if writer == UNDERSTUDY => return None,
            Some(provider) => &provider.key_secret,
            None => continue,
        };
        if secret.is_empty() || keys.contains(secret) {
            return None;
        }
        wanted.push(format!("`{secret}`"));
    }
    Some(match wanted.as_slice() {
        [] => {
            Missing { what: Lack::Model, text: format!("there is no model `{name}`: choose another in its settings") }
        }
        some => {
            let text = format!("no key for its model `{name}`: keep {} in its settings", some.join(" or "));
            Missing { what: Lack::Key, text }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

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
        assert_eq!(what(&models, Some("openrouter/a/b"), &["openrouter_api_key".to_owned()]), None);
        let Some(route) = models.routes.values_mut().next() else { panic!("the defaults have a route") };
        route.uses = vec!["openrouter".into(), UNDERSTUDY.into()];
        let name = models.routes.keys().next().unwrap().clone();
        assert_eq!(what(&models, Some(&name), &[]), None);
    }
}
