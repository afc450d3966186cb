//! What the scripted world answers: words in a prompt or address decide how a step ends.

use actors::{
    domain::{
        ArtifactKind, Call, ChatAnswer, Choice, Chosen, Cost, Finish, LengthTargets, NewArtifact, Outcome, Profile,
        Step, StepError, Thought, ToolCall,
    },
    testing::Act,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

/// A turquoise square, 8 × 5.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAFCAIAAAD38zoCAAAAFElEQVR4nGNwuDDfBRvGLoqbg10UAGpSNkXxP6JKAAAAAElFTkSuQmCC";

/// What a model writes.
const ANSWER: &str = "As you wish. <b>Plainly.</b>";

/// Every tool does what it is asked, unless a word says otherwise: `fail`, `vanish` (nobody knows), `linger`.
pub fn answer(call: &Call) -> Act {
    let asked = call.args.to_string();
    if asked.contains("fail") {
        return Outcome::not_begun("did not begin", StepError::permanent("the script says no")).into();
    }
    if asked.contains("vanish") {
        return Outcome::unknown("lost sight of it", StepError::retryable("nobody saw how it ended")).into();
    }
    let done = obliging(call);
    if asked.contains("linger") { Act::UntilStopped(done) } else { done.into() }
}

/// What a call would act on.
pub fn shows(call: &Call) -> serde_json::Value {
    json!({
        "address": call.page, "element": {"role": "button", "name": "Send the proposal"},
        "form": [{"name": "cover_letter", "value": "Dear board, I read your posting twice."}, {"name": "rate", "value": "80"}],
        "sends_to": "http://rehearsal.localhost/proposals",
    })
}

fn obliging(call: &Call) -> Outcome {
    let step = |data: serde_json::Value| Outcome::done(format!("{} done", call.tool), data);
    match &*call.tool {
        "compose" => Outcome {
            cost: Some(Cost { input_tokens: 30, output_tokens: 12, micro_usd: 2_100 }),
            ..step(json!({"ok": true, "value": ANSWER, "provider": "understudy", "model": "script",
                "drift": greenroom::models::drift(&Profile::default(), ANSWER, LengthTargets::default().short)}))
        }
        .with_artifact(NewArtifact {
            kind: ArtifactKind::Text,
            name: "answer.txt".to_owned(),
            media_type: "text/plain",
            bytes: ANSWER.as_bytes().to_vec(),
        }),
        "think" => think(call),
        "browser_screenshot" => step(json!({"ok": true, "file": "page.png", "caption": "the page", "title": "Job board · Callboard", "url": "http://rehearsal.localhost/jobs"}))
            .with_artifact(NewArtifact {
                kind: ArtifactKind::Screenshot,
                name: "page.png".to_owned(),
                media_type: "image/png",
                bytes: BASE64_STANDARD.decode(PICTURE).unwrap(),
            }),
        "file_write" => step(json!({"ok": true, "file": "note.md", "description": "a note"})).with_artifact(NewArtifact {
            kind: ArtifactKind::File,
            name: "note.md".to_owned(),
            media_type: "text/markdown",
            bytes: b"a note".to_vec(),
        }),
        "book" => step(json!({"ok": true, "value": {"ticket": "t-1"}, "files": ["t-1"]})),
        "give_back" => step(json!({"ok": true, "removed": ["t-1"]})),
        _ => step(json!({"ok": true, "url": "http://rehearsal.localhost/jobs", "title": "Job board · Callboard"})),
    }
}

/// Opens the board and takes a picture, writes a note, says so.
fn think(call: &Call) -> Outcome {
    let answered = call.args["turns"].as_array().unwrap().iter().filter(|turn| turn["role"] == "assistant").count();
    let asks = call.args["turns"][0].to_string().contains("Ask me");
    let steps = match answered {
        0 if asks => json!([{"action": "ask_human", "question": "Which colour?"}]),
        0 => json!([{"action": "goto", "url": "http://rehearsal.localhost/jobs"}, {"action": "screenshot"}]),
        1 if !asks => json!([{"action": "write_file", "path": "note.md", "content": "a note"}]),
        _ => json!([]),
    };
    let steps: Vec<Step> = serde_json::from_value(steps).unwrap();
    let chosen = steps.into_iter().enumerate().map(|(at, step)| Chosen {
        call: ToolCall { id: format!("c{at}"), name: step.tool().into_owned(), arguments: "{}".to_owned() },
        what: Choice::Step(Box::new(step)),
    });
    let chosen: Vec<Chosen> = chosen.collect();
    let (text, finish) = if chosen.is_empty() && asks {
        ("Blue it is.", Finish::Stop)
    } else if chosen.is_empty() {
        ("I opened the board and wrote note.md.", Finish::Stop)
    } else {
        ("", Finish::Calls)
    };
    let calls: Vec<_> = chosen.iter().map(|chosen| json!({"tool": chosen.call.name})).collect();
    let did = if calls.is_empty() {
        "answered, by script".to_owned()
    } else {
        format!("chose {} calls, by script", calls.len())
    };
    let answer =
        ChatAnswer { text: text.to_owned(), calls: chosen.iter().map(|chosen| chosen.call.clone()).collect(), finish };
    let data = json!({"step": "think", "ok": true, "details": did, "model": "script", "calls": calls, "text": text});
    let bytes = serde_json::to_vec(&Thought { answer, chosen }).unwrap();
    Outcome { cost: Some(Cost { input_tokens: 300, output_tokens: 40, micro_usd: 4_100 }), ..Outcome::done(did, data) }
        .with_artifact(NewArtifact {
            kind: ArtifactKind::Text,
            name: Thought::FILE.to_owned(),
            media_type: "application/json",
            bytes,
        })
}
