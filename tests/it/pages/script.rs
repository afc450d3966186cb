//! What the scripted world answers: words in a prompt or address decide how a step ends.

use actors::{
    domain::{ArtifactKind, Call, Cost, LengthTargets, NewArtifact, Outcome, Profile, StepError},
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

fn obliging(call: &Call) -> Outcome {
    let step = |data: serde_json::Value| Outcome::done(format!("{} done", call.tool), data);
    match call.tool {
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
        "browser_screenshot" => step(json!({"ok": true, "file": "page.png", "caption": "the page", "title": "Jobs", "url": "http://rehearsal.localhost/jobs"}))
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
        _ => step(json!({"ok": true, "url": "http://rehearsal.localhost/jobs", "title": "Jobs"})),
    }
}
