//! Letters from the rehearsal mail: outreach, so the host's policy says to whom, and what has to be said with it.

use actors::domain::{ArtifactKind, Assertion, Payload, Proof, ReadBack, Step, StepsPayload, Unit};

use super::{GOAL_KEY, REHEARSAL_PASSWORD, Template, address, expect_title, goto, screenshot, sign_in, wait_for};

const SENT: &str = "Letter sent";

/// Signs in and writes the same to each, with the goal's key; the send log is a CSV row for each.
pub(super) fn send_letters(to: &[&str], text: &str, email: &str) -> Template {
    let mut steps = sign_in(email, REHEARSAL_PASSWORD);
    for name in to {
        steps.extend([
            goto("/outbox/new"),
            wait_for("#letter"),
            Step::Message {
                to: (*name).to_owned(),
                text: format!("{text}\n\nRef. {GOAL_KEY}"),
                to_field: "#to".to_owned(),
                text_field: "#text".to_owned(),
                send: "#send".to_owned(),
                timeout_ms: None,
            },
            expect_title(SENT),
            Step::AppendCsv {
                path: "sent.csv".to_owned(),
                row: [("to", name), ("reference", &GOAL_KEY)]
                    .map(|(column, value)| (column.to_owned(), (*value).to_owned()))
                    .into(),
                description: "Letters sent".to_owned(),
            },
        ]);
    }
    let found = format!("/outbox?q={GOAL_KEY}");
    steps.extend([goto(&found), wait_for("#letters"), screenshot("The letters that were sent", "outbox")]);
    Template {
        title: match to {
            [one] => format!("Write to {one}"),
            all => format!("Write to {} people", all.len()),
        },
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof {
            assertions: vec![Assertion::TitleContains(SENT.to_owned())],
            artifacts: vec![ArtifactKind::Screenshot, ArtifactKind::CsvRow],
            read_back: Some(ReadBack { url: address("/outbox"), contains: GOAL_KEY.to_owned() }),
            counts_as: Some(Unit::Message),
            units: u32::try_from(to.len()).ok(),
        },
    }
}
