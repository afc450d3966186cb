//! Presses an element once it is visible, enabled, at rest and on top.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::browser::{
    act::Act,
    evidence,
    fault::Fault,
    found::Found,
    seen::Seen,
    session::Session,
    settle::Settling,
    tab::{SHORT, Tab},
};

/// Kept for the page that a press may open.
const AFTER_PRESS: Duration = Duration::from_secs(5);

pub(super) async fn click(session: &mut Session, act: &Act<'_>, selector: &str) -> Result<Found, Fault> {
    let place = session.locate(act, selector).await?;
    let tab = session.page(act)?;
    let left = act.until.saturating_duration_since(Instant::now());
    let ready_by = act.until - AFTER_PRESS.min(left / 4);
    let spot = tab.wait(ready_by, "spot", &place.args()).await?.or_fault(selector)?;
    evidence::same_origin(act, spot.text("origin"))?;
    let settling = Settling::begin(tab).await?;
    act.sent();
    press(tab, &spot).await?;
    let rest = settling.rest(tab, act.deadline, act.is_effect()).await?;
    evidence::after(session, act, rest).await
}

/// The pointer comes, presses and lets go; sent in one go, so that nothing moves in between.
async fn press(tab: &Tab, spot: &Seen) -> Result<(), Fault> {
    let (x, y) = (spot.number("x"), spot.number("y"));
    let mouse = |kind: &str, buttons: u8| {
        json!({ "type": kind, "x": x, "y": y, "button": if kind == "mouseMoved" { "none" } else { "left" },
                "buttons": buttons, "clickCount": u8::from(kind != "mouseMoved") })
    };
    let send = |params| tab.ask("Input.dispatchMouseEvent", params, SHORT);
    let (moved, pressed, released) = futures::future::join3(
        send(mouse("mouseMoved", 0)),
        send(mouse("mousePressed", 1)),
        send(mouse("mouseReleased", 0)),
    )
    .await;
    // A page that leaves at the press answers none of them.
    for sent in [moved, pressed, released] {
        if let Err(fault) = sent
            && !matches!(fault, Fault::PageChanged)
        {
            return Err(fault);
        }
    }
    Ok(())
}
