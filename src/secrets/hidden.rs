//! The secrets that somebody may use, and how their values are kept out of everything that comes back.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use actors::domain::NewArtifact;
use serde_json::{Map, Value};

use super::{SecretText, masking};

/// Characters of a text that is cut off inside a value: fewer say nothing of it.
const SHORTEST_CUT: usize = 4;

/// Secrets by name, and every form in which their values may come back. The longest first: one that holds another is
/// taken out whole.
#[derive(Default)]
pub struct Hidden {
    values: BTreeMap<String, SecretText>,
    forms: Vec<Form>,
}

struct Form {
    /// What stands in its place: `${secret:name}`.
    shown: String,
    text: SecretText,
}

impl Hidden {
    /// Knows one more. Of two by one name the first is the one to use; both are hidden.
    pub fn hold(&mut self, name: &str, value: SecretText) {
        for text in forms(value.reveal()) {
            if !text.is_empty() && self.forms.iter().all(|held| held.text.reveal() != text) {
                self.forms.push(Form { shown: format!("${{secret:{name}}}"), text: SecretText::new(text) });
            }
        }
        self.forms.sort_by_key(|form| Reverse(form.text.reveal().len()));
        self.values.entry(name.to_owned()).or_insert(value);
    }

    /// The secret of that name.
    pub fn value(&self, name: &str) -> Option<&SecretText> {
        self.values.get(name)
    }

    /// There is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Where in a text secrets stand, in bytes; one may lie inside another.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let all = self.forms.iter().map(|form| form.text.reveal());
        all.flat_map(|form| masking::found(text, form).map(move |at| at..at + form.len())).collect()
    }

    /// Every secret in a text is replaced by its name, also one that the end of the text cuts off.
    pub fn mask(&self, text: &mut String) {
        for Form { shown, text: form } in &self.forms {
            masking::mask(text, form.reveal(), shown);
        }
        let cut = |form: &Form| Some((cut_off(text, form.text.reveal())?, form.shown.clone()));
        if let Some((at, shown)) = self.forms.iter().filter_map(cut).min() {
            text.truncate(at);
            text.push_str(&shown);
        }
    }

    /// What somebody else said, with every secret replaced by its name, and then cut.
    pub fn said(&self, text: &str, most_chars: usize) -> String {
        let mut text = text.to_owned();
        self.mask(&mut text);
        text.chars().take(most_chars).collect()
    }

    /// The same in texts, names and numbers of a value.
    pub fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.mask(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_value(value)),
            Value::Object(fields) => self.mask_fields(fields),
            Value::Number(number) => {
                let text = number.to_string();
                if let Some(form) = self.forms.iter().find(|form| form.text.reveal() == text) {
                    *value = form.shown.clone().into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The same in an object.
    pub fn mask_fields(&self, fields: &mut Map<String, Value>) {
        let all = std::mem::take(fields).into_iter().map(|(mut name, mut value)| {
            self.mask(&mut name);
            self.mask_value(&mut value);
            (name, value)
        });
        *fields = all.collect();
    }

    /// The same in a file and its name. Pictures and sounds stay as they are.
    pub fn mask_artifact(&self, artifact: &mut NewArtifact) {
        if self.is_empty() {
            return;
        }
        self.mask(&mut artifact.name);
        if !["image/", "audio/", "video/"].iter().any(|kind| artifact.media_type.starts_with(kind)) {
            self.mask_bytes(&mut artifact.bytes);
        }
    }

    /// The same in the bytes of a file, as far as they are text. What is a list or an object in JSON stays one.
    pub fn mask_bytes(&self, bytes: &mut Vec<u8>) {
        if let Ok(value @ (Value::Array(_) | Value::Object(_))) = serde_json::from_slice::<Value>(bytes) {
            let mut masked = value.clone();
            self.mask_value(&mut masked);
            if masked != value {
                *bytes = masked.to_string().into_bytes();
            }
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        let mut masked = text.clone().into_owned();
        self.mask(&mut masked);
        if masked != text {
            *bytes = masked.into_bytes();
        }
    }
}

/// Where a text ends inside the value: with at least half of it.
fn cut_off(text: &str, value: &str) -> Option<usize> {
    let ends = value.char_indices().map(|(at, _)| at).rev();
    let half = ends.take_while(|at| *at >= SHORTEST_CUT && at * 2 >= value.len());
    let mut fronts = half.map(|at| &value[..at]);
    fronts.find(|front| text.ends_with(front)).map(|front| text.len() - front.len())
}

/// As stored; as sites write addresses of mail; as it stands in a script, in JSON, in HTML, and in an address.
fn forms(value: &str) -> BTreeSet<String> {
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let (mut query, mut path) = (String::new(), String::new());
    if let Ok(mut url) = url::Url::parse("http://x/") {
        url.set_query(Some(value));
        query = url.query().unwrap_or_default().to_owned();
        url.set_path(value);
        path = url.path().trim_start_matches('/').to_owned();
    }
    let all = [
        value.to_owned(),
        value.to_lowercase(),
        value.to_uppercase(),
        in_script(value),
        in_json(value),
        in_html(value),
        form,
        query,
        path,
    ];
    all.into()
}

fn in_json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn in_html(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Safe inside any string of a script: nothing in it can end the string.
pub fn in_script(value: &str) -> String {
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
    use serde_json::json;

    use super::*;

    fn hidden(secrets: &[(&str, &str)]) -> Hidden {
        let mut hidden = Hidden::default();
        secrets.iter().for_each(|(name, value)| hidden.hold(name, SecretText::new((*value).to_owned())));
        hidden
    }

    fn masked(secrets: &[(&str, &str)], text: &str) -> String {
        let mut text = text.to_owned();
        hidden(secrets).mask(&mut text);
        text
    }

    #[test]
    fn a_value_cannot_leave_its_string() {
        assert_eq!(
            in_script("it's `${x}`\"\\\n"),
            "it\\u0027s \\u0060\\u0024\\u007bx\\u007d\\u0060\\u0022\\u005c\\u000a"
        );
        assert_eq!(in_script("😀"), "\\ud83d\\ude00");
    }

    #[test]
    fn a_value_is_replaced_by_its_name_in_every_form() {
        let pin = [("pin", "s3<c r'ét!")];
        for form in [
            "s3<c r'ét!",
            "S3<C R'ÉT!",
            "s3%3Cc+r%27%C3%A9t%21",
            "s3%3Cc%20r'%C3%A9t!",
            "s3&lt;c r&#39;ét!",
            "s3\\u003cc r\\u0027\\u00e9t\\u0021",
        ] {
            assert_eq!(masked(&pin, &format!("it is {form} here")), "it is ${secret:pin} here", "{form}");
        }
        assert_eq!(masked(&[("mail", "Ada@x.test")], "by ada@x.test"), "by ${secret:mail}");
        assert_eq!(masked(&[("a", "7")], "17"), "1${secret:a}", "a short one, too");
    }

    #[test]
    fn the_first_of_a_name_is_used_and_both_are_hidden() {
        let both = hidden(&[("key", "her-own-key"), ("key", "the-house-key")]);
        assert_eq!(both.value("key").unwrap().reveal(), "her-own-key");
        let mut said = json!({"the-house-key": ["her-own-key", 7]});
        both.mask_value(&mut said);
        assert_eq!(said, json!({"${secret:key}": ["${secret:key}", 7]}));
    }

    #[test]
    fn half_of_a_value_at_the_end_of_a_text_is_no_longer_there() {
        let key = [("key", "abcdef-key")];
        assert_eq!(masked(&key, "it is abcdef-ke"), "it is ${secret:key}");
        assert_eq!(masked(&key, "it is abcde"), "it is ${secret:key}");
        assert_eq!(masked(&key, "it is abcd"), "it is abcd", "less than half");
        assert_eq!(masked(&key, ""), "");
    }

    #[test]
    fn bytes_without_a_secret_stay_as_they_are() {
        let key = hidden(&[("key", "abcdef")]);
        for (bytes, after) in
            [(&b"\xffabcdef\xfe"[..], "\u{fffd}${secret:key}\u{fffd}".as_bytes()), (b"\xff\xfe", b"\xff\xfe")]
        {
            let mut masked = bytes.to_vec();
            key.mask_bytes(&mut masked);
            assert_eq!(masked, after);
        }
    }
}
