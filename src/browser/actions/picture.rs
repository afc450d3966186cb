//! Pictures of the page. The driver's own screenshot changes the viewport and the tab in front; this one does not.

use std::time::Duration;

use actors::domain::{ArtifactKind, NewArtifact, PictureFormat};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::browser::{
    act::Act, fault::Fault, found::Found, launch::VIEW, seen::Seen, session::Session, tab::Tab, veil::Veil,
};

/// Higher pages are cut off here.
const HIGHEST: f64 = 8_000.0;
const WIDEST: f64 = 4_000.0;
const QUALITY: u8 = 75;
const THUMBNAIL_SCALE: f64 = 0.25;

/// What is to be pictured, and how.
#[derive(Debug, Default)]
pub(in crate::browser) struct Capture<'a> {
    pub(in crate::browser) full_page: bool,
    pub(in crate::browser) selector: Option<&'a str>,
    pub(in crate::browser) format: PictureFormat,
}

/// A part of the page, in CSS pixels from its upper left corner.
#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub(super) async fn screenshot(
    session: &mut Session,
    act: &Act<'_>,
    capture: &Capture<'_>,
    caption: Option<&str>,
    file: Option<&str>,
) -> Result<Found, Fault> {
    let area = capture.area(session, act).await?;
    let tab = session.page(act)?;
    let veil = Veil::over(tab, act.hidden, act.left()).await?;
    let taken = async {
        let bytes = capture.shoot(tab, area, act.left()).await?;
        let seen = tab.here(0, act.left()).await?;
        let thumbnail = thumbnail(tab, area.unwrap_or_else(|| Area::shown(&seen)), act.left()).await;
        Ok((bytes, seen, thumbnail))
    };
    let taken = taken.await;
    veil.lift(tab, act.hidden, act.left()).await?;
    let (bytes, seen, thumbnail) = taken?;
    let name = capture.file_name(act, file);
    let caption = caption.map_or_else(|| seen.title.clone(), str::to_owned);
    let mut found = Found::at(&seen).field("file", name.as_str()).field("caption", caption);
    found.artifacts.push(capture.artifact(ArtifactKind::Screenshot, &name, bytes));
    match thumbnail {
        Ok(bytes) => {
            let (stem, _) = name.rsplit_once('.').unwrap_or((&name, ""));
            let name = format!("{stem}.thumb.jpg");
            let small = Capture::default();
            found.artifacts.push(small.artifact(ArtifactKind::Thumbnail, &name, bytes));
        }
        Err(fault) => found = found.detail(format!("no thumbnail: {}", fault.into_error().text)),
    }
    Ok(found)
}

impl Capture<'_> {
    /// The picture's bytes.
    pub(in crate::browser) async fn take(
        &self,
        session: &Session,
        act: &Act<'_>,
        limit: Duration,
    ) -> Result<Vec<u8>, Fault> {
        let (area, tab) = (self.area(session, act).await?, session.page(act)?);
        let veil = Veil::over(tab, act.hidden, limit).await?;
        let taken = self.shoot(tab, area, limit).await;
        veil.lift(tab, act.hidden, limit).await?;
        taken
    }

    /// None: what the window shows.
    async fn area(&self, session: &Session, act: &Act<'_>) -> Result<Option<Area>, Fault> {
        let tab = session.page(act)?;
        if let Some(selector) = self.selector {
            let place = session.locate(act, selector).await?;
            let seen = tab.wait(act.until, "box", &place.args()).await?.or_fault(selector)?;
            let (width, height) = (seen.number("width").min(WIDEST), seen.number("height").min(HIGHEST));
            return Ok(Some(Area { x: seen.number("x"), y: seen.number("y"), width, height }));
        }
        if self.full_page {
            let metrics = tab.ask("Page.getLayoutMetrics", json!({}), act.left()).await?;
            let size = |name: &str| metrics["cssContentSize"][name].as_f64().unwrap_or_default().max(1.0);
            let (width, height) = (size("width").min(WIDEST), size("height").min(HIGHEST));
            return Ok(Some(Area { x: 0.0, y: 0.0, width, height }));
        }
        Ok(None)
    }

    async fn shoot(&self, tab: &Tab, area: Option<Area>, limit: Duration) -> Result<Vec<u8>, Fault> {
        let mut params = match self.format {
            PictureFormat::Jpeg => json!({ "format": "jpeg", "quality": QUALITY }),
            PictureFormat::Png => json!({ "format": "png" }),
        };
        if let Some(area) = area {
            params["captureBeyondViewport"] = json!(true);
            params["clip"] = area.clip(1.0);
        }
        capture(tab, params, limit).await
    }

    /// The asked-for name with the extension of the format, or one made from the step's number.
    pub(in crate::browser) fn file_name(&self, act: &Act<'_>, file: Option<&str>) -> String {
        let extension = match self.format {
            PictureFormat::Jpeg => "jpg",
            PictureFormat::Png => "png",
        };
        let stem = file.map_or_else(
            || format!("step-{:02}", act.call.step + 1),
            |file| match file.rsplit_once('.') {
                Some((stem, "jpg" | "jpeg" | "png")) if !stem.is_empty() => stem.to_owned(),
                _ => file.to_owned(),
            },
        );
        format!("{stem}.{extension}")
    }

    pub(in crate::browser) fn artifact(&self, kind: ArtifactKind, name: &str, bytes: Vec<u8>) -> NewArtifact {
        let media_type = match self.format {
            PictureFormat::Jpeg => "image/jpeg",
            PictureFormat::Png => "image/png",
        };
        NewArtifact { kind, name: name.to_owned(), media_type, bytes }
    }
}

impl Area {
    /// What the window shows.
    fn shown(seen: &Seen) -> Self {
        Self { x: seen.number("x"), y: seen.number("y"), width: f64::from(VIEW.0), height: f64::from(VIEW.1) }
    }

    fn clip(self, scale: f64) -> Value {
        json!({ "x": self.x, "y": self.y, "width": self.width, "height": self.height, "scale": scale })
    }
}

/// A quarter of the size; Chromium scales it, so no picture has to be decoded here.
async fn thumbnail(tab: &Tab, area: Area, limit: Duration) -> Result<Vec<u8>, Fault> {
    // The upper part is enough to recognise a long page.
    let clip = Area { height: area.height.min(area.width * 2.0), ..area }.clip(THUMBNAIL_SCALE);
    capture(tab, json!({ "format": "jpeg", "quality": 60, "clip": clip, "captureBeyondViewport": true }), limit).await
}

async fn capture(tab: &Tab, params: Value, limit: Duration) -> Result<Vec<u8>, Fault> {
    let answer = tab.ask("Page.captureScreenshot", params, limit).await?;
    let data = answer["data"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(data).unwrap_or_default();
    if bytes.is_empty() {
        return Err(Fault::retryable("Chromium handed over an empty picture"));
    }
    Ok(bytes)
}
