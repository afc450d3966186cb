//! Keeps secrets out of what is reported: a step is seen both as written, with names, and as carried out, with values.

use serde_json::Value;

use crate::secrets::mask;

const MOST: usize = 32;
/// Shorter values occur by chance in any text; replacing them would only garble it.
const SHORTEST: usize = 4;
const OPEN: &str = "${secret:";

/// The secrets a browser has been given, by value.
#[derive(Default)]
pub(super) struct Secrets(Vec<Secret>);

struct Secret {
    /// The value itself, and as it looks in a form, a query and a path.
    forms: [zeroize::Zeroizing<String>; 4],
    /// `${secret:name}`.
    placeholder: String,
}

impl Secrets {
    /// Learns from a step as written and as filled in.
    pub(super) fn learn(&mut self, written: &Value, filled: &Value) {
        match (written, filled) {
            (Value::String(written), Value::String(filled)) => self.learn_text(written, filled),
            (Value::Array(written), Value::Array(filled)) => {
                written.iter().zip(filled).for_each(|(written, filled)| self.learn(written, filled));
            }
            (Value::Object(written), Value::Object(filled)) => {
                for (key, written) in written {
                    self.learn(written, filled.get(key).unwrap_or(&Value::Null));
                }
            }
            _ => {}
        }
    }

    fn learn_text(&mut self, written: &str, filled: &str) {
        let Some((front, rest)) = written.split_once(OPEN) else { return };
        let Some((name, rest)) = rest.split_once('}') else { return };
        let Some(filled) = filled.strip_prefix(front) else { return };
        let plain = rest.split(OPEN).next().unwrap_or_default();
        let end = if plain.is_empty() && !rest.is_empty() {
            None // two secrets side by side: where one ends cannot be told, so both are kept as one
        } else if rest == plain {
            filled.len().checked_sub(plain.len()).filter(|_| filled.ends_with(plain))
        } else {
            filled.find(plain)
        };
        self.add(name, &filled[..end.unwrap_or(filled.len())]);
        if let Some(end) = end {
            self.learn_text(rest, &filled[end..]);
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        if value.len() < SHORTEST || self.0.iter().any(|secret| *secret.forms[0] == value) {
            return;
        }
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push(Secret { forms: forms(value), placeholder: format!("{OPEN}{name}}}") });
        // A secret that holds another one is replaced first.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.forms[0].len()));
    }

    /// The text with every known secret replaced by its name, also as it looks inside an address.
    pub(super) fn hide(&self, text: &mut String) {
        for secret in &self.0 {
            for form in &secret.forms {
                mask(text, form, &secret.placeholder);
            }
        }
    }

    /// The same for every text in a value.
    pub(super) fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.hide(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide_in(field)),
            _ => {}
        }
    }
}

fn forms(value: &str) -> [zeroize::Zeroizing<String>; 4] {
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let (mut query, mut path) = (String::new(), String::new());
    if let Ok(mut url) = url::Url::parse("http://x/") {
        url.set_query(Some(value));
        query = url.query().unwrap_or_default().to_owned();
        url.set_path(value);
        path = url.path().trim_start_matches('/').to_owned();
    }
    // An empty form would be found everywhere.
    [value.to_owned(), form, query, path].map(|form| if form.is_empty() { value.to_owned() } else { form }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hidden(written: &str, filled: &str, text: &str) -> String {
        let mut secrets = Secrets::default();
        secrets.learn(&json!({ "text": [written] }), &json!({ "text": [filled] }));
        let mut value = json!(text);
        secrets.hide_in(&mut value);
        value.as_str().unwrap().to_owned()
    }

    #[test]
    fn a_value_is_replaced_by_its_name() {
        assert_eq!(hidden("${secret:pin}", "s3cret!", "it is s3cret! here"), "it is ${secret:pin} here");
        assert_eq!(
            hidden("https://x/?k=${secret:key}&b=1", "https://x/?k=abc def&b=1", "/?k=abc+def&b=1"),
            "/?k=${secret:key}&b=1"
        );
        assert_eq!(hidden("${secret:a}:${secret:b}", "alpha:beta", "alpha and beta"), "${secret:a} and ${secret:b}");
        assert_eq!(hidden("${secret:a}${secret:b}", "alphabeta", "alphabeta"), "${secret:a}");
        assert_eq!(hidden("no secret", "no secret", "no secret"), "no secret");
        assert_eq!(hidden("${secret:a}", "abc", "abc"), "abc", "too short to replace");
    }
}
