//! Makes a talk fit into its model's context. Pure, and the same talk always becomes the same.
//!
//! What lies furthest back goes first: of a result one line is left, with the number of its receipt, and of a call its
//! name. When that is not enough the oldest exchanges are left out whole, and then the newest results are cut. What the
//! model is told throughout, its task and its last two exchanges stay. Tokens are estimated from bytes, on the safe side.

use actors::domain::{ChatRequest, ToolCall, Turn, in_brief};
use serde_json::{Value, json};

/// A token has about four bytes in English, and three or more in nearly every other script.
const BYTES_PER_TOKEN: usize = 3;
/// What a turn takes besides its words.
const FRAME_BYTES: usize = 60;
/// Exchanges at the end that are left whole as long as that is possible.
const NEWEST: usize = 2;
/// Longer arguments of old calls are not repeated.
const SHORT_BYTES: usize = 160;
/// A cut result keeps at least so much.
const LEAST_BYTES: usize = 400;

/// What the request takes of a context, its answer included, as an estimate.
pub(super) fn tokens(request: &ChatRequest) -> usize {
    (frame(request) + request.turns.iter().map(size).sum::<usize>()).div_ceil(BYTES_PER_TOKEN)
}

/// The request, made to fit into so many tokens as far as it can be; none: it fits, or nothing in it can be shorter.
pub(super) fn fitted(request: &ChatRequest, most_tokens: usize) -> Option<ChatRequest> {
    let room = most_tokens.saturating_mul(BYTES_PER_TOKEN).saturating_sub(frame(request));
    let mut talk = Talk::of(&request.turns);
    if talk.exchanges.is_empty() || talk.bytes() <= room {
        return None;
    }
    let before = talk.bytes();
    let old = talk.exchanges.len().saturating_sub(NEWEST);
    for place in 0..old {
        if talk.bytes() <= room {
            break;
        }
        talk.exchanges[place].iter_mut().for_each(shorten);
    }
    let mut left_out = Vec::new();
    while talk.bytes() > room && talk.exchanges.len() > NEWEST {
        left_out.push(talk.exchanges.remove(0));
    }
    talk.note(&left_out);
    if talk.bytes() > room {
        talk.cut_results(room);
    }
    (talk.bytes() < before).then(|| ChatRequest { turns: talk.turns(), ..request.clone() })
}

/// What is sent besides the turns, and what the answer may take.
fn frame(request: &ChatRequest) -> usize {
    let told: usize = request.tools.iter().map(|tool| json!(tool).to_string().len()).sum();
    let schema = request.answer_schema.as_ref().map_or(0, |schema| schema.to_string().len());
    let answer = usize::try_from(request.max_output_tokens).unwrap_or(usize::MAX);
    (told + schema).saturating_add(answer.saturating_mul(BYTES_PER_TOKEN))
}

fn size(turn: &Turn) -> usize {
    let of_call = |call: &ToolCall| call.id.len() + call.name.len() + call.arguments.len() + FRAME_BYTES;
    FRAME_BYTES
        + match turn {
            Turn::System { text } | Turn::User { text } => text.len(),
            Turn::Assistant { text, calls } => text.len() + calls.iter().map(of_call).sum::<usize>(),
            Turn::Tool { call, name, text } => call.len() + name.len() + text.len(),
        }
}

/// A talk in its parts.
struct Talk {
    /// Up to the task.
    beginning: Vec<Turn>,
    /// What the model said each time, and what came of it.
    exchanges: Vec<Vec<Turn>>,
}

impl Talk {
    fn of(turns: &[Turn]) -> Self {
        let mut talk = Self { beginning: Vec::new(), exchanges: Vec::new() };
        for turn in turns {
            match (turn, talk.exchanges.last_mut()) {
                (Turn::Assistant { .. }, _) => talk.exchanges.push(vec![turn.clone()]),
                (_, Some(exchange)) => exchange.push(turn.clone()),
                (_, None) => talk.beginning.push(turn.clone()),
            }
        }
        talk
    }

    fn bytes(&self) -> usize {
        self.beginning.iter().chain(self.exchanges.iter().flatten()).map(size).sum()
    }

    fn turns(self) -> Vec<Turn> {
        self.beginning.into_iter().chain(self.exchanges.into_iter().flatten()).collect()
    }

    /// The model is told what it no longer sees.
    fn note(&mut self, left_out: &[Vec<Turn>]) {
        let receipts: Vec<i64> = left_out.iter().flatten().filter_map(receipt).collect();
        let Some(Turn::User { text }) = self.beginning.last_mut().filter(|_| !left_out.is_empty()) else { return };
        let which = match (receipts.iter().min(), receipts.iter().max()) {
            (Some(first), Some(last)) => format!("; their receipts are {first} to {last}"),
            _ => String::new(),
        };
        text.push_str(&format!(
            "\n\n[The runtime: your first {} answers and what came of their calls are left out here{which}.]",
            left_out.len()
        ));
    }

    /// The newest results share what room there is.
    fn cut_results(&mut self, room: usize) {
        let is_result = |turn: &&Turn| matches!(turn, Turn::Tool { .. });
        let results = self.exchanges.iter().flatten().filter(is_result).count().max(1);
        let texts: usize = self.exchanges.iter().flatten().filter(is_result).map(size).sum();
        let share =
            (room.saturating_sub(self.bytes() - texts) / results).saturating_sub(2 * FRAME_BYTES).max(LEAST_BYTES);
        for turn in self.exchanges.iter_mut().flatten() {
            if let Turn::Tool { text, .. } = turn
                && text.len() > share
            {
                let mut end = share;
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                *text = format!("{} … ({} bytes left out)", &text[..end], text.len() - end);
            }
        }
    }
}

/// The number of the receipt that a result names.
fn receipt(turn: &Turn) -> Option<i64> {
    let Turn::Tool { text, .. } = turn else { return None };
    serde_json::from_str::<Value>(text).ok()?.get("receipt")?.as_i64()
}

fn shorten(turn: &mut Turn) {
    match turn {
        Turn::Tool { text, .. } => {
            let brief = in_brief(text);
            if brief.len() < text.len() {
                *text = brief;
            }
        }
        Turn::Assistant { text, calls } => {
            if text.len() > SHORT_BYTES && !calls.is_empty() {
                text.clear();
            }
            for call in calls.iter_mut().filter(|call| call.arguments.len() > SHORT_BYTES) {
                // Some providers take nothing but an object.
                call.arguments = json!({"shortened": format!("{} bytes", call.arguments.len())}).to_string();
            }
        }
        Turn::System { .. } | Turn::User { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many exchanges of one call each, whose results have this length.
    fn talk(exchanges: usize, result_bytes: usize) -> ChatRequest {
        let mut turns = vec![Turn::System { text: "You are Ada.".into() }, Turn::User { text: "Count them.".into() }];
        for n in 0..exchanges {
            let call = ToolCall { id: format!("c{n}"), name: "look".into(), arguments: format!("{{\"n\":{n}}}") };
            turns.push(Turn::Assistant { text: String::new(), calls: vec![call] });
            let said = json!({"ok": true, "receipt": n + 10, "summary": "looked", "text": "x".repeat(result_bytes)});
            turns.push(Turn::Tool { call: format!("c{n}"), name: "look".into(), text: said.to_string() });
        }
        ChatRequest {
            model: None,
            turns,
            tools: Vec::new(),
            must_answer: false,
            max_output_tokens: 100,
            temperature_thousandths: None,
            answer_schema: None,
        }
    }

    fn results(request: &ChatRequest) -> Vec<&str> {
        let texts = request.turns.iter().filter_map(|turn| match turn {
            Turn::Tool { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let request = talk(5, 1_000);
        assert!(fitted(&request, tokens(&request)).is_none());
        assert!(fitted(&request, tokens(&request) - 1).is_some());
        let no_calls = ChatRequest { turns: vec![Turn::User { text: "x".repeat(9_000) }], ..talk(0, 0) };
        assert!(fitted(&no_calls, 100).is_none(), "a task is never cut");
    }

    #[test]
    fn the_oldest_results_become_one_line_with_their_receipts() {
        let request = talk(6, 3_000);
        let fitted = fitted(&request, tokens(&request) - 2_500).unwrap();
        assert!(tokens(&fitted) <= tokens(&request) - 2_500);
        let (before, after) = (results(&request), results(&fitted));
        assert_eq!(after[0], r#"{"ok":true,"receipt":10,"shortened":true,"summary":"looked"}"#);
        assert_eq!(after[3..], before[3..], "no more than needed");
        assert_eq!(fitted.turns[..2], request.turns[..2]);
    }

    #[test]
    fn then_the_oldest_exchanges_go_and_the_last_two_stay() {
        let request = talk(60, 900);
        let fitted = fitted(&request, 1_500).unwrap();
        assert!(tokens(&fitted) <= 1_500, "{}", tokens(&fitted));
        let (before, after) = (results(&request), results(&fitted));
        assert_eq!(after[after.len() - 2..], before[58..]);
        let Turn::User { text } = &fitted.turns[1] else { panic!() };
        let left_out = 60 - after.len();
        let last = 9 + left_out;
        assert!(text.starts_with("Count them.") && text.contains(&format!("receipts are 10 to {last}")), "{text}");
        assert_eq!(super::fitted(&request, 1_500), Some(fitted), "and always the same");
    }

    #[test]
    fn the_newest_results_are_cut_when_nothing_else_is_left() {
        let request = talk(2, 30_000);
        let fitted = fitted(&request, 3_000).unwrap();
        assert!(tokens(&fitted) <= 3_000, "{}", tokens(&fitted));
        assert!(results(&fitted).iter().all(|text| text.contains("bytes left out")));
    }
}
