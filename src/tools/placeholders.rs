//! `${secret:name}`: filled in on the way to the browser, taken out of everything on the way back.
//!
//! Only what a person or template wrote into the plan is filled. A page or a mail that says `${secret:…}` and gets into a
//! step through a `{{placeholder}}` is text like any other, else it could talk a persona out of its secrets.

use std::{cmp::Reverse, collections::BTreeMap};

use actors::domain::{NewArtifact, Outcome, PersonaId, Step, StepError};
use serde_json::{Map, Value};
use url::Url;

use crate::{
    models::{Keyring, secret_of},
    secrets::{SecretText, mask},
};

const OPEN: &str = "${secret:";
const MOST_NAME: usize = 64;

/// The secrets one step was given, in every form in which they may come back. The longest first: one that holds another
/// is taken out whole.
#[derive(Default)]
pub(super) struct Secrets(Vec<Form>);

struct Form {
    /// What stands in its place: `${secret:name}`.
    shown: String,
    text: SecretText,
}

/// Whether a step mentions any secret.
pub(super) fn mentions_secret(step: &Step) -> bool {
    may_hold(step).is_some_and(|text| text.contains(OPEN))
}

/// Fills the secrets of a step that types or runs a script. `written` is the step as it stands in the plan: a secret it
/// does not name is not filled. Where only the name would reach the browser, it is refused.
pub(super) async fn fill(
    mut step: Step,
    written: Option<&Step>,
    persona: PersonaId,
    keyring: &dyn Keyring,
) -> Result<(Step, Secrets), StepError> {
    let mut secrets = Secrets::default();
    let named = written.and_then(may_hold).map(names).transpose()?.unwrap_or_default();
    match &mut step {
        _ if named.is_empty() => {}
        Step::Type { text, .. } => *text = secrets.fill_in(text, &named, persona, keyring, str::to_owned).await?,
        Step::Evaluate { script, .. } => {
            *script = secrets.fill_in(script, &named, persona, keyring, in_script).await?;
        }
        _ => {
            let text = "`${secret:…}` is filled in only in `type` and `evaluate` steps; use one of those";
            return Err(StepError::permanent(text));
        }
    }
    Ok((step, secrets))
}

/// Whether an agent may have the secrets typed that its step names: `allowed` has the host for each, `page` is the
/// address that is open. The browser refuses to type them anywhere else.
pub(super) fn check_agent(
    step: &Step,
    allowed: &BTreeMap<String, String>,
    page: Option<&str>,
) -> Result<(), StepError> {
    let host = page.and_then(|page| Url::parse(page).ok()).and_then(|url| url.host_str().map(str::to_owned));
    for name in may_hold(step).map(names).transpose()?.unwrap_or_default() {
        match (step, allowed.get(name)) {
            (Step::Type { .. }, Some(there)) if host.as_ref() == Some(there) => {}
            (Step::Type { .. }, Some(there)) => {
                return Err(StepError::permanent(format!("the secret `{name}` may be typed on {there} only")));
            }
            _ => return Err(StepError::permanent(format!("the goal does not let you use the secret `{name}` there"))),
        }
    }
    Ok(())
}

/// The text of a step that goes to a page.
fn may_hold(step: &Step) -> Option<&str> {
    match step {
        Step::Type { text, .. } | Step::Goto { url: text, .. } | Step::Select { value: text, .. } => Some(text),
        Step::Evaluate { script, .. } => Some(script),
        _ => None,
    }
}

/// The secrets that a text names.
fn names(text: &str) -> Result<Vec<&str>, StepError> {
    let name = |after: &'_ str| -> Option<usize> { after.find('}').filter(|end| is_name(&after[..*end])) };
    text.split(OPEN)
        .skip(1)
        .map(|after| {
            let bad = "`${secret:` must be followed by a name (letters, digits, `_`, `-`, `.`) and `}`";
            name(after).map(|end| &after[..end]).ok_or_else(|| StepError::permanent(bad))
        })
        .collect()
}

impl Secrets {
    /// A text of the operator's with its secrets filled in; they are taken out of what comes back.
    pub(super) async fn filled(
        &mut self,
        text: &str,
        persona: PersonaId,
        keyring: &dyn Keyring,
    ) -> Result<String, StepError> {
        let named = names(text)?;
        self.fill_in(text, &named, persona, keyring, str::to_owned).await
    }

    async fn fill_in(
        &mut self,
        text: &str,
        named: &[&str],
        persona: PersonaId,
        keyring: &dyn Keyring,
        form: fn(&str) -> String,
    ) -> Result<String, StepError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            filled.push_str(before);
            match after.split_once('}').filter(|(name, _)| named.contains(name)) {
                Some((name, after)) => {
                    let value = opened(name, persona, keyring).await?;
                    filled.push_str(&form(value.reveal()));
                    self.hold(name, value);
                    rest = after;
                }
                None => {
                    filled.push_str(OPEN);
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The outcome with every secret replaced by its name.
    pub(super) fn masked(&self, mut outcome: Outcome) -> Outcome {
        if self.0.is_empty() {
            return outcome;
        }
        self.mask(&mut outcome.summary);
        self.mask_value(&mut outcome.data);
        if let Some(error) = &mut outcome.error {
            self.mask(&mut error.text);
        }
        for artifact in &mut outcome.artifacts {
            self.mask_artifact(artifact);
        }
        outcome
    }

    /// As stored, as it stands in a script, and as it stands in JSON.
    fn hold(&mut self, name: &str, value: SecretText) {
        let forms = [in_script(value.reveal()), in_json(value.reveal())].map(SecretText::new);
        for text in forms.into_iter().chain([value]) {
            if !text.reveal().is_empty() && self.0.iter().all(|held| held.text != text) {
                self.0.push(Form { shown: format!("{OPEN}{name}}}"), text });
            }
        }
        self.0.sort_by_key(|form| Reverse(form.text.reveal().len()));
    }

    /// What somebody else said, with every secret replaced by its name, and then cut.
    pub(super) fn said(&self, text: &str, most_chars: usize) -> String {
        let mut text = text.to_owned();
        self.mask(&mut text);
        text.chars().take(most_chars).collect()
    }

    /// Every secret in a text is replaced by its name.
    pub(super) fn mask(&self, text: &mut String) {
        for Form { shown, text: form } in &self.0 {
            mask(text, form.reveal(), shown);
        }
    }

    /// The same in texts, names and numbers of a value.
    pub(super) fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.mask(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_value(value)),
            Value::Object(fields) => self.mask_fields(fields),
            Value::Number(number) => {
                let text = number.to_string();
                if let Some(form) = self.0.iter().find(|form| form.text.reveal() == text) {
                    *value = form.shown.clone().into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The same in an object.
    pub(super) fn mask_fields(&self, fields: &mut Map<String, Value>) {
        let all = std::mem::take(fields).into_iter().map(|(mut name, mut value)| {
            self.mask(&mut name);
            self.mask_value(&mut value);
            (name, value)
        });
        *fields = all.collect();
    }

    fn mask_artifact(&self, artifact: &mut NewArtifact) {
        self.mask(&mut artifact.name);
        if let Ok(text) = std::str::from_utf8(&artifact.bytes) {
            let mut text = text.to_owned();
            self.mask(&mut text);
            artifact.bytes = text.into_bytes();
        }
    }
}

async fn opened(name: &str, persona: PersonaId, keyring: &dyn Keyring) -> Result<SecretText, StepError> {
    let value = secret_of(keyring, persona, name).await.map_err(|error| {
        StepError::retryable(format!("the secret `{name}` could not be read: {error}; see `greenroom doctor`"))
    })?;
    value.ok_or_else(|| {
        StepError::permanent(format!(
            "the secret `{name}` is set neither for this persona nor for the instance; store it under that name"
        ))
    })
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=MOST_NAME).contains(&name.len()) && name.chars().all(fits)
}

fn in_json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Safe inside any string of a script: nothing in it can end the string.
fn in_script(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '_' | '@' | ':' | '/' | '+');
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if plain(c) {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_string() {
        assert_eq!(
            in_script("it's `${x}`\"\\\n"),
            "it\\u0027s \\u0060\\u0024\\u007bx\\u007d\\u0060\\u0022\\u005c\\u000a"
        );
        assert_eq!(in_script("😀"), "\\ud83d\\ude00");
    }
}
