//! A deliverable: written, kept as a file, handed in on the rehearsal site.

use actors::domain::{ArtifactKind, Assertion, Effect, Length, Payload, Proof, ReadBack, Step, StepsPayload, Unit};

use super::{
    GOAL_KEY, REHEARSAL_PASSWORD, Template, address, click, expect_title, fill, goto, screenshot, sign_in, wait_for,
};

const RECEIVED: &str = "Deliverable received";

/// What is handed in.
pub(super) struct Delivery<'a> {
    pub title: &'a str,
    pub brief: &'a str,
    pub email: &'a str,
}

/// Writes the work, keeps it as a file, uploads its text, and proves it by the file, the page that confirms the upload
/// with its screenshot, and read-back.
pub(super) fn publish_deliverable(delivery: &Delivery<'_>) -> Template {
    let Delivery { title, brief, email } = delivery;
    let file = format!("deliverables/{GOAL_KEY}.md");
    let mut steps = vec![
        Step::Compose {
            prompt: format!("Write \"{title}\".\n\n{brief}"),
            save_as: "work".to_owned(),
            length: Length::Long,
            model: None,
        },
        Step::WriteFile {
            path: file.clone(),
            content: format!("# {title}\n\n{{{{work}}}}\n"),
            description: "deliverable".to_owned(),
        },
    ];
    steps.extend(sign_in(email, REHEARSAL_PASSWORD));
    steps.extend([
        goto("/deliverables/new"),
        wait_for("#deliverable"),
        fill("#title", title),
        fill("#reference", GOAL_KEY),
        fill("#work", "{{work}}"),
        click("#upload", Effect::Irreversible),
        expect_title(RECEIVED),
        screenshot("The upload is confirmed", "received"),
    ]);
    Template {
        title: format!("Hand in: {title}"),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof {
            assertions: vec![Assertion::File(file), Assertion::TitleContains(RECEIVED.to_owned())],
            artifacts: vec![ArtifactKind::File, ArtifactKind::Screenshot],
            read_back: Some(ReadBack { url: address("/deliverables"), contains: GOAL_KEY.to_owned() }),
            counts_as: Some(Unit::Deliverable),
            units: None,
        },
    }
}
