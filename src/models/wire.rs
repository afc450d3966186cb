//! The chat-completions form, as much of it as is needed. Pure: bytes in, words out.

use actors::domain::Cost;
use serde::{Deserialize, Serialize};

use super::Prompt;

/// What is sent.
#[derive(Debug, Serialize)]
pub(super) struct Ask<'a> {
    pub model: &'a str,
    pub messages: [Line<'a>; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    role: &'static str,
    content: &'a str,
}

/// What came back, as far as it matters.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub text: String,
    /// The model that answered, when it says so.
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

/// Tokens as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Usage {
    #[serde(rename = "prompt_tokens", default)]
    pub input: u64,
    #[serde(rename = "completion_tokens", default)]
    pub output: u64,
}

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    pub input: u64,
    pub output: u64,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

impl<'a> Ask<'a> {
    /// One system message with the persona, one user message with the task.
    pub(super) fn new(model: &'a str, prompt: &'a Prompt, temperature_thousandths: Option<u16>) -> Self {
        let system = Line { role: "system", content: &prompt.system };
        let user = Line { role: "user", content: &prompt.user };
        let temperature = temperature_thousandths.map(|thousandths| f64::from(thousandths) / 1000.0);
        Self { model, messages: [system, user], temperature }
    }
}

/// Reads a successful answer; the error says what is missing.
pub(super) fn read(body: &[u8]) -> Result<Answer, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let envelope: Envelope = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        format!("not the expected JSON at `{path}`: {}", error.into_inner())
    })?;
    let choice = envelope.choices.into_iter().next().ok_or("`choices` is missing or empty")?;
    let text = choice.message.content.unwrap_or_default().trim().to_owned();
    if text.is_empty() {
        let why = choice.finish_reason.unwrap_or_else(|| "not said".to_owned());
        return Err(format!("`choices[0].message.content` is empty (finish reason: {why})"));
    }
    Ok(Answer { text, model: envelope.model, usage: envelope.usage })
}

/// The provider's own words in a refusal, short, with the key taken out should it be quoted.
pub(super) fn reason(body: &[u8], key: Option<&str>) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = json.as_ref().and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        error.get("message").unwrap_or(error).as_str()
    });
    let said = said.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    let said = key.filter(|key| !key.is_empty()).map_or_else(|| said.clone(), |key| said.replace(key, "[key]"));
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        0 => "no reason given".to_owned(),
        1..=300 => line,
        _ => line.chars().take(299).chain(['…']).collect(),
    }
}

impl Price {
    /// What these tokens cost, rounded up.
    pub(super) fn of(self, usage: Usage) -> Cost {
        let micro =
            u128::from(usage.input) * u128::from(self.input) + u128::from(usage.output) * u128::from(self.output);
        let micro_usd = u64::try_from(micro.div_ceil(1_000_000)).unwrap_or(u64::MAX);
        Cost { input_tokens: usage.input, output_tokens: usage.output, micro_usd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_rounded_up() {
        let price = Price { input: 150_000, output: 600_000 };
        assert_eq!(price.of(Usage { input: 1, output: 0 }).micro_usd, 1);
        assert_eq!(price.of(Usage { input: 1_000_000, output: 500_000 }).micro_usd, 450_000);
        let dear = Price { input: u64::MAX, output: 0 };
        assert_eq!(dear.of(Usage { input: u64::MAX, output: 0 }).micro_usd, u64::MAX, "no overflow");
    }

    #[test]
    fn a_reason_never_quotes_the_key() {
        let body = br#"{"error":{"message":"Incorrect API key provided: sk-12345."}}"#;
        assert_eq!(reason(body, Some("sk-12345")), "Incorrect API key provided: [key].");
        assert_eq!(reason(b"<h1>bad\n gateway</h1>", None), "<h1>bad gateway</h1>");
        assert_eq!(reason(b"", None), "no reason given");
    }
}
