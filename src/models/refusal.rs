//! What a provider says instead of an answer: its own words, short, and what they mean. Pure.

use serde_json::Value;

const MOST_REASON_CHARS: usize = 300;

/// The provider's own words in a refusal.
pub(super) fn reason(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let said = json.as_ref().and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        error.get("message").unwrap_or(error).as_str()
    });
    said.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned)
}

/// One short line, with the key taken out should it be quoted.
pub(super) fn shown(said: &str, key: Option<&str>) -> String {
    let said = key.filter(|key| !key.is_empty()).map_or_else(|| said.to_owned(), |key| said.replace(key, "[key]"));
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        // An empty answer is one in any notation.
        0..=4 if ["", "{}", "[]", "\"\"", "null"].contains(&line.as_str()) => "no reason given".to_owned(),
        ..=MOST_REASON_CHARS => line,
        _ => line.chars().take(MOST_REASON_CHARS - 1).chain(['…']).collect(),
    }
}

/// The request does not fit into the model's context; known by the words that servers use for it.
pub(super) fn is_too_long(status: u16, body: &str) -> bool {
    const WORDS: [&str; 8] = [
        "context_length_exceeded",
        "maximum context length",
        "prompt is too long",
        "exceed context limit",
        "exceed_context_size",
        "exceeds the available context size",
        "context window",
        "input is too long",
    ];
    let said = body.to_lowercase();
    status == 413 || matches!(status, 400 | 422) && WORDS.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_never_quotes_the_key() {
        let body = br#"{"error":{"message":"Incorrect API key provided: sk-12345."}}"#;
        assert_eq!(shown(&reason(body), Some("sk-12345")), "Incorrect API key provided: [key].");
        assert_eq!(shown(&reason(b"<h1>bad\n gateway</h1>"), None), "<h1>bad gateway</h1>");
        assert_eq!(shown(&reason(b""), None), "no reason given");
        let long = "ab ".repeat(400);
        assert_eq!(shown(&long, Some("")).chars().count(), MOST_REASON_CHARS);
    }

    #[test]
    fn a_prompt_that_is_too_long_is_known_by_its_words() {
        let openai = r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#;
        let anthropic = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#;
        assert!(is_too_long(400, openai) && is_too_long(400, anthropic) && is_too_long(413, ""));
        assert!(!is_too_long(400, "unknown field `tools`") && !is_too_long(500, openai));
    }
}
