//! What a persona may be made of, checked field by field before the company sees it.

use std::collections::BTreeMap;

use actors::{
    domain::{Hours, Persona, Preset, Role, Slug, Weight},
    supervisor::{self, PersonaPatch},
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{
    super::{profile::ProfileInput, secrets::NewKeys},
    hours::HoursInput,
};
use crate::{
    egress::HostRules,
    web::{errors::Problem, input::Checks},
};

const MOST_HOSTS: usize = 200;

/// A persona to be.
#[derive(Deserialize, ToSchema)]
pub struct NewPersona {
    /// `jarvis`, `buddy` or `devbot`: what is left out below is taken from it.
    #[schema(value_type = Option<String>)]
    pub preset: Option<Preset>,
    /// 1 to 80 characters; needed without a preset.
    pub name: Option<String>,
    /// Lower-case letters, digits and `-`; left out: made from the name.
    pub slug: Option<String>,
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    pub description: Option<String>,
    pub profile: Option<ProfileInput>,
    /// Hosts it may reach besides the rehearsal site.
    pub hosts: Option<Vec<String>>,
    pub model: Option<String>,
    /// Its share of the company's time when there is not enough for all: 0.1 to 10; left out: 1.
    pub weight: Option<f64>,
    /// Left out: up all day, by UTC.
    pub hours: Option<HoursInput>,
    /// Keys by name; kept sealed, never shown again.
    pub api_keys: Option<BTreeMap<String, Option<String>>>,
}

impl NewPersona {
    /// Every field in order, or all complaints at once.
    pub fn checked(self) -> Result<(supervisor::NewPersona, NewKeys), Problem> {
        let mut checks = Checks::default();
        let own_name = self.name.or_else(|| self.preset.map(|preset| preset.name().to_owned()));
        let named = own_name.is_some();
        checks.check("name", named, "is required");
        let name = own_name.unwrap_or_default().trim().to_owned();
        let slug = match &self.slug {
            Some(slug) => checks.parse::<Slug>("slug", slug),
            None if name.is_empty() => None,
            None => {
                let made = Slug::from_name(&name);
                let why = "no slug can be made from this name; send `slug` too";
                checks.check("slug", made.is_ok(), why);
                made.ok()
            }
        };
        if slug.is_some() || !name.is_empty() {
            checks.line("name", &name, 1..=80);
        } else {
            checks.check("name", !named, "must not be empty");
        }
        let of_preset = self.preset.map_or("", Preset::description);
        let description = self.description.unwrap_or_else(|| of_preset.to_owned());
        description_holds(&mut checks, &description);
        let hosts = self.hosts.unwrap_or_default();
        hosts_hold(&mut checks, &hosts);
        model_holds(&mut checks, self.model.as_deref());
        let weight = weight_held(&mut checks, self.weight).unwrap_or_default();
        let profile =
            self.profile.unwrap_or_default().over(self.preset.map(Preset::profile).unwrap_or_default(), &mut checks);
        let hours = self.hours.unwrap_or_default().over(Hours::ALWAYS, &mut checks);
        let keys = NewKeys::checked(self.api_keys.unwrap_or_default(), &mut checks);
        checks.done()?;
        let slug = slug.ok_or_else(|| Problem::field("slug", "is required"))?;
        let (role, model) = (self.role.or_else(|| self.preset.map(Preset::role)), self.model);
        Ok((supervisor::NewPersona { slug, name, role, description, profile, hosts, model, weight, hours }, keys))
    }
}

/// What is to change; what is left out stays, `null` takes away.
#[derive(Deserialize, ToSchema)]
pub struct PersonaChange {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    pub name: Option<String>,
    pub slug: Option<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Option<Role>>,
    pub description: Option<String>,
    /// Fields that are left out stay.
    pub profile: Option<ProfileInput>,
    pub hosts: Option<Vec<String>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub model: Option<Option<String>>,
    pub weight: Option<f64>,
    /// Fields that are left out stay.
    pub hours: Option<HoursInput>,
    /// Keys by name; `null` removes one.
    pub api_keys: Option<BTreeMap<String, Option<String>>>,
}

/// Tells `null` from left out.
fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl PersonaChange {
    /// The change, or all complaints at once.
    pub fn checked(self, persona: &Persona) -> Result<(PersonaPatch, NewKeys), Problem> {
        let mut checks = Checks::default();
        let name = self.name.map(|name| name.trim().to_owned());
        if let Some(name) = &name {
            checks.line("name", name, 1..=80);
        }
        let slug = self.slug.and_then(|slug| checks.parse::<Slug>("slug", &slug));
        description_holds(&mut checks, self.description.as_deref().unwrap_or_default());
        hosts_hold(&mut checks, self.hosts.as_deref().unwrap_or_default());
        model_holds(&mut checks, self.model.as_ref().and_then(|model| model.as_deref()));
        let weight = weight_held(&mut checks, self.weight);
        let profile = self.profile.map(|profile| profile.over(persona.profile.clone(), &mut checks));
        let hours = self.hours.map(|hours| hours.over(persona.hours, &mut checks));
        let keys = NewKeys::checked(self.api_keys.unwrap_or_default(), &mut checks);
        checks.done()?;
        let (role, description, hosts, model) = (self.role, self.description, self.hosts, self.model);
        let patch = PersonaPatch {
            slug,
            name,
            role,
            description,
            profile,
            hosts,
            model,
            weight,
            hours,
            ..PersonaPatch::default()
        };
        Ok((patch, keys))
    }
}

/// All of a persona; what is left out becomes empty.
#[derive(Deserialize, ToSchema)]
pub struct PersonaWhole {
    /// The version this change was made from.
    pub version: Option<i64>,
    /// The same, by its other name.
    pub if_version: Option<i64>,
    pub name: String,
    /// Left out: stays.
    pub slug: Option<String>,
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub profile: ProfileInput,
    #[serde(default)]
    pub hosts: Vec<String>,
    pub model: Option<String>,
    /// Left out: 1.
    pub weight: Option<f64>,
    #[serde(default)]
    pub hours: HoursInput,
    /// Keys by name; `null` removes one, those not named stay.
    pub api_keys: Option<BTreeMap<String, Option<String>>>,
}

impl PersonaWhole {
    /// The change, or all complaints at once.
    pub fn checked(self, persona: &Persona) -> Result<(PersonaPatch, NewKeys), Problem> {
        let blank = Persona { profile: Default::default(), hours: Hours::ALWAYS, ..persona.clone() };
        let change = PersonaChange {
            version: None,
            if_version: None,
            name: Some(self.name),
            slug: self.slug,
            role: Some(self.role),
            description: Some(self.description),
            profile: Some(self.profile),
            hosts: Some(self.hosts),
            model: Some(self.model),
            weight: Some(self.weight.unwrap_or(1.0)),
            hours: Some(self.hours),
            api_keys: self.api_keys,
        };
        change.checked(&blank)
    }
}

fn description_holds(checks: &mut Checks, text: &str) {
    checks.text("description", text, 0..=2_000);
}

fn model_holds(checks: &mut Checks, model: Option<&str>) {
    if let Some(model) = model {
        checks.line("model", model, 1..=120);
    }
}

fn weight_held(checks: &mut Checks, share: Option<f64>) -> Option<Weight> {
    match Weight::try_from(share?) {
        Ok(weight) => Some(weight),
        Err(error) => {
            checks.check("weight", false, error.to_string());
            None
        }
    }
}

fn hosts_hold(checks: &mut Checks, hosts: &[String]) {
    checks.check("hosts", hosts.len() <= MOST_HOSTS, format!("must hold at most {MOST_HOSTS} hosts"));
    for (index, host) in hosts.iter().take(MOST_HOSTS).enumerate() {
        if let Err(error) = HostRules::parse(std::slice::from_ref(host)) {
            checks.check(&format!("hosts[{index}]"), false, error.to_string());
        }
    }
}
