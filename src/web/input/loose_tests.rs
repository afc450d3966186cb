//! What the loose reader takes, and what it says when it does not.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{from_query, from_value};

#[derive(Debug, PartialEq, Deserialize)]
struct Outer {
    voice_agent_id: String,
    #[serde(default)]
    inner: Vec<Inner>,
    proof: Option<Word>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    max_words: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    TitleContains(String),
    Plain,
}

fn refused(value: Value) -> (String, String) {
    let error = from_value::<Outer>(value).unwrap_err().errors.remove(0);
    (error.field, error.reason)
}

#[test]
fn names_match_in_every_spelling_at_every_depth() {
    for name in ["voice_agent_id", "voiceAgentId", "voiceagentid", "VOICE_AGENT_ID", "voice-agent-id"] {
        let read: Outer = from_value(json!({name: "v", "Inner": [{"maxWords": 3}]})).unwrap();
        assert_eq!((read.voice_agent_id.as_str(), read.inner[0].max_words), ("v", 3), "{name}");
    }
    let read: Outer = from_value(json!({"voiceAgentId": "v", "proof": {"titleContains": "x"}})).unwrap();
    assert_eq!(read.proof, Some(Word::TitleContains("x".into())));
    let read: Outer = from_value(json!({"voiceAgentId": "v", "proof": "plain"})).unwrap();
    assert_eq!(read.proof, Some(Word::Plain));
}

#[test]
fn a_complaint_names_the_field_and_the_way_out() {
    let (field, reason) = refused(json!({"voice_agent": "v"}));
    assert_eq!(field, "voice_agent");
    assert!(reason.contains("did you mean `voice_agent_id`"), "{reason}");

    let (field, reason) = refused(json!({"voice_agent_id": "v", "voiceAgentId": "w"}));
    assert_eq!(field, "voice_agent_id");
    assert!(reason.starts_with("stands twice"), "{reason}");

    assert_eq!(refused(json!({})), ("voice_agent_id".into(), "is required".into()));
    let (field, reason) = refused(json!({"voice_agent_id": 7}));
    assert_eq!(field, "voice_agent_id");
    assert!(reason == "must be a text, it is 7", "{reason}");

    let (field, _) = refused(json!({"voice_agent_id": "v", "inner": [{"max_words": 1}, {"max_wrods": 2}]}));
    assert_eq!(field, "inner[1].max_wrods");
    let (field, _) = refused(json!({"voice_agent_id": "v", "inner": [{"max_words": -1}]}));
    assert_eq!(field, "inner[0].max_words");
    assert_eq!(refused(json!([1])), ("body".into(), "must be an object, it is a list".into()));
    let (field, reason) = refused(json!({"voice_agent_id": "v", "proof": "plian"}));
    assert_eq!(field, "proof");
    assert!(reason.contains("did you mean `plain`"), "{reason}");
}

#[test]
fn a_query_gives_numbers_as_text() {
    let pairs = |name: &str, text: &str| Map::from_iter([(name.to_owned(), Value::from(text))]);
    assert_eq!(from_query::<Inner>(pairs("maxWords", "12")).unwrap(), Inner { max_words: 12 });
    assert_eq!(from_query::<Inner>(pairs("max_words", "many")).unwrap_err().errors[0].field, "max_words");
}
