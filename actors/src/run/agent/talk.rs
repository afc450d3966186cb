//! The talk so far, as a model is told it: the task, what it answered, what came of its calls. Pure.
//!
//! Results are bounded: what is long is cut, and of what lies further back only a line is left, with its receipt's number.
//! Whoever asks the model makes the whole fit into that model's context.

use serde_json::{Value, json};

use super::{Thinking, is_denied};
use crate::{
    domain::{Choice, Finish, Receipt, Turn, in_brief},
    run::broker::NOTED,
};

/// Characters of one result that a model is told.
pub(super) const RESULT_CHARS: usize = 8_000;
/// Characters of all results together; the oldest are shortened first.
const TALK_CHARS: usize = 60_000;

/// What is said of a call that was made again because its page was gone.
const REBUILT: &str = "The runtime was interrupted and the page was gone: this was done once more to have it back. \
    Refs of earlier snapshots no longer hold; look again before you rely on what you saw.";

/// What is said of a call for which `max_steps` left no room.
const NO_ROOM: &str = "not begun: there is no step left for it";
/// What is said of a call that was made several times.
const REPEATED: &str = "You have made this very call several times and came no further. Do something else, or answer.";

/// What came of a step.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub receipt: Option<&'a Receipt>,
    /// The text it left as an artifact, cut.
    pub text: Option<&'a str>,
}

/// What came of the calls.
pub(super) struct Came<'a, 'b> {
    /// Of the step at a place.
    pub about: &'b dyn Fn(usize) -> Told<'a>,
    /// Whether the model wanted this call of this thought several times.
    pub repeated: &'b dyn Fn(usize, usize) -> bool,
}

/// The whole talk.
pub(super) fn turns(task: &str, thoughts: &[Thinking], came: &Came<'_, '_>, answer_now: bool) -> Vec<Turn> {
    let mut turns = vec![Turn::User { text: task.to_owned() }];
    for (number, Thinking { thought, first, taken, .. }) in thoughts.iter().enumerate() {
        let calls = thought.chosen.iter().map(|chosen| chosen.call.clone()).collect();
        turns.push(Turn::Assistant { text: thought.answer.text.clone(), calls });
        let mut place = *first;
        for (call, chosen) in thought.chosen.iter().enumerate() {
            let mut said = match &chosen.what {
                Choice::Refused(why) => json!({"ok": false, "error": why}),
                Choice::Step(_) if place >= first + taken => json!({"ok": false, "error": NO_ROOM}),
                Choice::Step(_) => {
                    place += 1;
                    result(&(came.about)(place - 1))
                }
            };
            if (came.repeated)(number, call) {
                said["note"] = json!(REPEATED);
            }
            let text = cut(&said.to_string(), 2 * RESULT_CHARS);
            turns.push(Turn::Tool { call: chosen.call.id.clone(), name: chosen.call.name.clone(), text });
        }
        if thought.chosen.is_empty() {
            let text = match thought.answer.finish {
                Finish::Length => {
                    "Your answer was cut off because it was too long. Call a tool, or answer in fewer words."
                }
                Finish::Filtered => "Your answer was held back by a filter. Call a tool, or answer in other words.",
                Finish::Stop | Finish::Calls => "Your answer was empty. Call a tool, or answer in words.",
            };
            turns.push(Turn::User { text: text.to_owned() });
        }
    }
    if answer_now {
        let text = "There is no time for more calls. Answer now with what you have; say plainly what is not done.";
        turns.push(Turn::User { text: text.to_owned() });
    }
    shorten(&mut turns);
    turns
}

fn result(told: &Told<'_>) -> Value {
    let Some(receipt) = told.receipt else { return json!({"ok": false, "error": "it was not begun"}) };
    let body = receipt.body.as_ref();
    let error = body.and_then(|body| body.error.clone());
    let mut said = json!({ "ok": error.is_none() && !is_denied(receipt), "receipt": receipt.seq });
    if let Some(body) = body {
        said["summary"] = json!(body.summary);
        if !body.data.is_null() {
            said["data"] = without_notes(body.data.clone());
        }
        let files: Vec<&str> = body.artifacts.iter().map(|kept| kept.name.as_str()).collect();
        if !files.is_empty() {
            said["files"] = json!(files);
        }
    }
    if let Some(error) = error {
        said["error"] = json!(error);
    }
    if let Some(text) = told.text {
        said["text"] = json!(text);
    }
    if receipt.replay_of.is_some() && body.is_some_and(|body| body.data.get("forked_from").is_none()) {
        said["interrupted"] = json!(REBUILT);
    }
    said
}

/// What the broker noted for itself: a model has no use for it, and timings differ between two runs that do the same.
fn without_notes(mut data: Value) -> Value {
    if let Some(data) = data.as_object_mut() {
        data.remove("took_ms");
        data.remove(NOTED);
    }
    data
}

pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} … ({} characters left out)", &text[..end], text[end..].chars().count()),
    }
}

/// The oldest results lose their length first; the task and the newest keep theirs.
fn shorten(turns: &mut [Turn]) {
    let length = |turn: &Turn| match turn {
        Turn::Tool { text, .. } => text.len(),
        _ => 0,
    };
    let mut all: usize = turns.iter().map(length).sum();
    for turn in turns {
        if all <= TALK_CHARS {
            return;
        }
        if let Turn::Tool { text, .. } = turn {
            let line = in_brief(text);
            if line.len() < text.len() {
                all = all - text.len() + line.len();
                *text = line;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::circles::digest, *};
    use crate::domain::{ChatAnswer, Chosen, Step, Thought, ToolCall};

    fn thinking(first: usize, calls: usize) -> Thinking {
        let chosen = (0..calls).map(|n| Chosen {
            call: ToolCall { id: format!("c{n}"), name: "browser_snapshot".into(), arguments: "{}".into() },
            what: if n == 0 { Choice::Step(Box::new(Step::Snapshot {})) } else { Choice::Refused("no".into()) },
        });
        let chosen: Vec<_> = chosen.collect();
        let calls = chosen.iter().map(|chosen| chosen.call.clone()).collect();
        let answer = ChatAnswer { text: String::new(), calls, finish: Finish::Calls };
        let asked = chosen.iter().map(digest).collect();
        Thinking { thought: Thought { answer, chosen }, first, taken: 1, asked }
    }

    #[test]
    fn every_call_gets_its_result_in_order() {
        let came = Came { about: &|_| Told::default(), repeated: &|_, _| false };
        let told = turns("do it", &[thinking(1, 2), thinking(3, 1)], &came, true);
        let names = told.iter().map(|turn| match turn {
            Turn::User { .. } => "user",
            Turn::Assistant { .. } => "assistant",
            Turn::Tool { .. } => "tool",
            Turn::System { .. } => "system",
        });
        assert_eq!(names.collect::<Vec<_>>(), ["user", "assistant", "tool", "tool", "assistant", "tool", "user"]);
    }

    #[test]
    fn a_long_talk_loses_its_oldest_results_first() {
        let said = |n: usize| json!({"ok": true, "receipt": n, "summary": "saw", "text": "é".repeat(RESULT_CHARS)});
        let long = |n: usize| Turn::Tool { call: n.to_string(), name: "x".into(), text: said(n).to_string() };
        let mut told: Vec<Turn> = (0..10).map(long).collect();
        shorten(&mut told);
        let lengths: Vec<usize> =
            told.iter().map(|turn| if let Turn::Tool { text, .. } = turn { text.len() } else { 0 }).collect();
        assert!(lengths[0] < 100 && lengths[9] > 2 * RESULT_CHARS, "{lengths:?}");
        assert!(lengths.iter().sum::<usize>() <= TALK_CHARS + 2 * RESULT_CHARS);
        let text = r#"{"ok":true,"receipt":0,"shortened":true,"summary":"saw"}"#.to_owned();
        assert_eq!(told[0], Turn::Tool { call: "0".into(), name: "x".into(), text });
    }
}
