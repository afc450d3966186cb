//! The page as compact text with refs, kept as a file.

use actors::domain::{ArtifactKind, NewArtifact};
use serde_json::{Value, json};

use crate::{
    browser::{act::Act, fault::Fault, found::Found, session::Session, tab::SHORT, tree},
    secrets::Hidden,
};

/// Room for the text of one page.
const ROOM: usize = 20_000;

pub(super) async fn snapshot(session: &mut Session, act: &Act<'_>) -> Result<Found, Fault> {
    let tab = session.page(act)?;
    let document = session.document(tab).await?;
    let mut answer = tab.ask("Accessibility.getFullAXTree", json!({}), act.left()).await?;
    let seen = tab.here(0, SHORT).await?;
    if session.document(tab).await? != document {
        return Err(Fault::PageChanged);
    }
    session.refs.begin(document);
    let refs = &mut session.refs;
    hide(&mut answer, act.hidden);
    let text = tree::compact(&answer, ROOM, &mut |node| refs.number(node));
    session.keep_refs()?;
    let name = format!("step-{:02}-snapshot.txt", act.call.step + 1);
    let mut found = Found::at(&seen)
        .field("file", name.as_str())
        .field("description", "the page as text with element refs")
        .field("refs", session.refs.len());
    found.artifacts.push(NewArtifact {
        kind: ArtifactKind::Text,
        name,
        media_type: "text/plain; charset=utf-8",
        bytes: text.into_bytes(),
    });
    Ok(found)
}

/// Names and values are masked whole, before they are cut.
fn hide(tree: &mut Value, hidden: &Hidden) {
    for node in tree["nodes"].as_array_mut().into_iter().flatten() {
        for said in ["name", "value"] {
            if let Some(text) = node.get_mut(said).and_then(|said| said.get_mut("value")) {
                hidden.mask_value(text);
            }
        }
    }
}
