//! Which settings there are: a key nobody knows is refused with the nearest one that is known.

use figment::value::{Dict, Value};

use super::{
    ConfigError, Problem,
    layers::{self, Layer},
};

/// Tables whose names are the operator's own, and the entry in the defaults that shows their form. Below such an entry
/// the path is that of the one shown.
const OWN_NAMES: [(&[&str], &str); 7] = [
    (&["models", "providers"], "openrouter"),
    (&["models", "providers", "openrouter", "prices"], "openai/gpt-4o"),
    (&["models", "routes"], "everyday"),
    (&["company", "site_acts_per_second"], "rehearsal.localhost"),
    // Any of the known units for any of the known roles.
    (&["quotas"], "worker"),
    (&["quotas", "worker"], "proposal"),
    (&["day_caps"], "proposal"),
];

/// How alike two names must be, from 0 to 1, before one is offered for the other.
const NEAR: f64 = 0.8;

/// The value in the defaults that shows the form of this setting; none: there is no such setting.
pub(super) fn example<'a>(defaults: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = defaults.get(first)?;
    let mut at = vec![first.as_str()];
    for part in rest {
        let Value::Dict(_, inner) = value else { return None };
        let own = OWN_NAMES.iter().find(|(table, _)| *table == at.as_slice());
        let shown = own.map_or(part.as_str(), |(_, shown)| shown);
        value = inner.get(shown)?;
        at.push(shown);
    }
    Some(value)
}

/// Refuses every key of every layer that the defaults do not know.
pub(super) fn check(layers: &[Layer], defaults: &Dict) -> Result<(), ConfigError> {
    let problems: Vec<_> = layers.iter().flat_map(|layer| in_layer(layer, defaults)).collect();
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
}

/// What to say about a variable that starts like ours and names no setting.
pub(super) fn unknown_env(defaults: &Dict, name: &str) -> String {
    // The beginning that all of them have in common says nothing about how near one is.
    let bare = |name: &str| name.strip_prefix(layers::PREFIX).unwrap_or(name).to_owned();
    let known: Vec<_> = layers::leaves(defaults).iter().map(|(path, _)| bare(&layers::env_name(path))).collect();
    let near = nearest(&bare(name), known.iter().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean {}{near}?", layers::PREFIX));
    let all = || "; `greenroom config show` lists them".to_owned();
    format!("there is no such setting{}", hint.unwrap_or_else(all))
}

fn in_layer(layer: &Layer, defaults: &Dict) -> Vec<Problem> {
    let unknown = layers::leaves(&layer.values).into_iter().filter_map(|(path, _)| {
        // The first part of the path that leads nowhere is the one to name.
        let wrong = (1..=path.len()).find(|&parts| example(defaults, &path[..parts]).is_none())?;
        Some(path[..wrong].to_vec())
    });
    let mut unknown: Vec<_> = unknown.collect();
    unknown.dedup();
    let problem = |path: Vec<String>| Problem {
        text: unknown_key(defaults, &path),
        key: Some(path.join(".")),
        origin: Some(layer.origin.clone()),
    };
    unknown.into_iter().map(problem).collect()
}

fn unknown_key(defaults: &Dict, path: &[String]) -> String {
    let (name, above) = path.split_last().map_or(("", &[][..]), |(name, above)| (name.as_str(), above));
    let siblings = match above {
        [] => Some(defaults),
        above => example(defaults, above).and_then(Value::as_dict),
    };
    let Some(siblings) = siblings else {
        return format!("there is no such setting: `{}` is no section", above.join("."));
    };
    if let Some(near) = nearest(name, siblings.keys().map(String::as_str)) {
        let full: Vec<_> = above.iter().map(String::as_str).chain([near]).collect();
        return format!("there is no such setting; did you mean `{}`?", full.join("."));
    }
    // The name may be right and only the section forgotten or wrong.
    let all = layers::leaves(defaults);
    let elsewhere = all.iter().find(|(known, _)| known.last().is_some_and(|last| last == name));
    match elsewhere {
        Some((known, _)) => format!("there is no such setting; did you mean `{}`?", known.join(".")),
        None => format!(
            "there is no such setting; known here are {}",
            siblings.keys().cloned().collect::<Vec<_>>().join(", ")
        ),
    }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= NEAR).then_some(best.1)
}
