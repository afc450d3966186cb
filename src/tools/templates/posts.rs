//! A post in the rehearsal feed.

use actors::domain::{ArtifactKind, Assertion, Effect, Payload, Proof, ReadBack, Step, StepsPayload, Unit};

use super::{
    GOAL_KEY, REHEARSAL_PASSWORD, Template, address, click, expect_title, fill, goto, screenshot, sign_in, wait_for,
};

const PUBLISHED: &str = "Post published";
/// Characters of a post in its goal's title.
const SHOWN: usize = 60;

/// Signs in, publishes the text with the goal's key behind it, and proves it by title, screenshot, its link in a CSV row,
/// and read-back.
pub(super) fn publish_post(text: &str, email: &str) -> Template {
    let found = format!("/feed?q={GOAL_KEY}");
    let mut steps = sign_in(email, REHEARSAL_PASSWORD);
    steps.extend([
        goto("/feed"),
        wait_for("#compose"),
        fill("#text", &format!("{text} · {GOAL_KEY}")),
        click("#publish", Effect::Irreversible),
        expect_title(PUBLISHED),
        screenshot("The post", "post"),
        // The link is looked up, not read off the page behind the click: that page may be lost in a crash.
        goto(&found),
        Step::Extract {
            selector: "#feed .entry a".to_owned(),
            save_as: "link".to_owned(),
            attribute: Some("href".to_owned()),
            timeout_ms: None,
        },
        Step::AppendCsv {
            path: "posts.csv".to_owned(),
            row: [("link", "{{link}}"), ("text", text), ("reference", GOAL_KEY)]
                .map(|(column, value)| (column.to_owned(), value.to_owned()))
                .into(),
            description: "Posts published".to_owned(),
        },
    ]);
    let line: String = text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
    Template {
        title: format!("Post: {line}"),
        payload: Payload::Browser(StepsPayload { steps }),
        proof: Proof {
            assertions: vec![Assertion::TitleContains(PUBLISHED.to_owned())],
            artifacts: vec![ArtifactKind::Screenshot, ArtifactKind::CsvRow],
            read_back: Some(ReadBack { url: address("/feed"), contains: GOAL_KEY.to_owned() }),
            counts_as: Some(Unit::Post),
            units: None,
        },
    }
}
