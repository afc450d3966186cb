//! A person at a browser: opens pages, presses, types, waits for what must come, keeps pictures.

use std::{fs, path::Path};

use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::browser_protocol::{
        emulation::SetDeviceMetricsOverrideParams,
        input::{DispatchKeyEventParams, DispatchKeyEventType, InsertTextParams},
        page::{AddScriptToEvaluateOnNewDocumentParams, CaptureScreenshotParams},
    },
    layout::Point,
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use super::house::{House, PATIENCE};

/// A browser with one page.
pub struct Visitor {
    pub page: Page,
    browser: Browser,
    events: JoinHandle<()>,
    base: String,
    _profile: TempDir,
}

/// Notes everything a strict page must not have.
const NOTES: &str = "window.faults = [];
    addEventListener('error', (e) => window.faults.push(String(e.message || e.target?.src || e.type)), true);
    addEventListener('unhandledrejection', (e) => window.faults.push(String(e.reason)));
    document.addEventListener('securitypolicyviolation', (e) => window.faults.push(`${e.violatedDirective} ${e.blockedURI}`));";

impl Visitor {
    /// Comes to the house with a screen of this width.
    pub async fn come(house: &House, width: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let config = BrowserConfig::builder()
            .no_sandbox()
            .new_headless_mode()
            .user_data_dir(profile.path())
            .args(["--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await.unwrap();
        page.execute(AddScriptToEvaluateOnNewDocumentParams::new(NOTES)).await.unwrap();
        let visitor = Self { page, browser, events, base: house.deps.base_url.clone(), _profile: profile };
        visitor.resize(width).await;
        visitor
    }

    /// Comes and presses the button of a login link.
    pub async fn signed_in(house: &House, width: u32) -> Self {
        let visitor = Self::come(house, width).await;
        visitor.open(&house.login_link().await).await;
        visitor.press("form[action='/login'] button").await;
        visitor.until("location.pathname === '/personas' && document.readyState === 'complete'").await;
        visitor
    }

    pub async fn resize(&self, width: u32) {
        let height = if width < 600 { 900 } else { 1000 };
        let params = SetDeviceMetricsOverrideParams::new(width, height, 1.0, false);
        self.page.execute(params).await.unwrap();
    }

    /// Opens an address of the house, or a whole one.
    pub async fn open(&self, address: &str) {
        let whole = if address.starts_with("http") { address.to_owned() } else { format!("{}{address}", self.base) };
        timeout(PATIENCE, self.page.goto(whole)).await.unwrap().unwrap();
        self.until("document.readyState === 'complete'").await;
    }

    /// What a script answers.
    pub async fn ask<T: DeserializeOwned>(&self, script: &str) -> T {
        let answer = timeout(PATIENCE, self.page.evaluate(script)).await;
        answer.unwrap().unwrap_or_else(|error| panic!("{script}: {error}")).into_value().unwrap()
    }

    /// Waits until a condition holds in the page, over navigations too.
    pub async fn until(&self, condition: &str) {
        let _: bool = self.wait_for(&format!("({condition}) ? true : null")).await;
    }

    /// Waits until an expression brings something, over navigations too.
    async fn wait_for<T: DeserializeOwned>(&self, expression: &str) -> T {
        let wait = format!(
            "new Promise((done) => {{ const look = () => {{ let found = null; try {{ found = {expression}; }} catch {{}} \
             found === null ? setTimeout(look, 20) : done(found); }}; look(); }})"
        );
        let found = timeout(PATIENCE, async {
            loop {
                // A navigation ends the script's world: the wait begins again in the next one.
                if let Ok(found) = self.page.evaluate(wait.as_str()).await {
                    return found.into_value().unwrap();
                }
            }
        });
        if let Ok(found) = found.await {
            return found;
        }
        self.keep("gave-up").await;
        let text: String = self.ask("document.body.innerText").await;
        let faults: Vec<String> = self.ask("window.faults").await;
        panic!("waited in vain for {expression}; faults: {faults:#?}; the page says:\n{text}");
    }

    /// Waits until a text is visible.
    pub async fn sees(&self, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.until(&format!("document.body.innerText.includes({text})")).await;
    }

    /// Waits until the live stream is open.
    pub async fn is_live(&self) {
        self.until("document.getElementById('live').dataset.state === 'live'").await;
    }

    /// Where the mouse can hit an element, once its page is there and nothing lies over it.
    async fn place_of(&self, selector: &str) -> Point {
        let selector = serde_json::to_string(selector).unwrap();
        let look = format!(
            "(() => {{ const it = document.querySelector({selector}); it.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const {{ x, y, width, height }} = it.getClientRects()[0]; const at = [x + width / 2, y + Math.min(height / 2, 200)]; \
             const hit = document.elementFromPoint(...at); if (document.readyState !== 'complete') return null; \
             return it.contains(hit) || hit?.contains(it) && hit.closest('label') ? at : null; }})()"
        );
        let [x, y]: [f64; 2] = self.wait_for(&look).await;
        Point::new(x, y)
    }

    /// Presses an element with the mouse, where it is. When it moved away under the mouse, where it is now: as people do.
    pub async fn press(&self, selector: &str) {
        let quoted = serde_json::to_string(selector).unwrap();
        let listen = format!(
            "(window.missed = false, window.pressing?.abort(), window.pressing = new AbortController(), \
             ['mousedown', 'mouseup'].forEach((kind) => document.addEventListener(kind, ({{ target }}) => {{ \
             const it = document.querySelector({quoted}); \
             window.missed ||= !it?.contains(target) && !target.closest('label')?.contains(it); \
             }}, {{ once: true, capture: true, signal: window.pressing.signal }})), true)"
        );
        loop {
            let place = self.place_of(selector).await;
            let _: bool = self.ask(&listen).await;
            self.page.click(place).await.unwrap();
            // In another page nothing is known of a miss: it was led there.
            let missed = timeout(PATIENCE, self.page.evaluate("window.missed === true")).await.unwrap();
            if !missed.is_ok_and(|missed| missed.into_value::<bool>().unwrap()) {
                return;
            }
        }
    }

    /// Moves the mouse over an element.
    pub async fn point_at(&self, selector: &str) {
        self.page.move_mouse(self.place_of(selector).await).await.unwrap();
    }

    /// Replaces what a field holds.
    pub async fn write(&self, selector: &str, text: &str) {
        self.press(selector).await;
        let quoted = serde_json::to_string(selector).unwrap();
        self.until(&format!("document.activeElement === document.querySelector({quoted})")).await;
        let _: bool = self.ask("(document.activeElement.select(), true)").await;
        self.page.execute(InsertTextParams::new(text)).await.unwrap();
    }

    /// Writes to a persona on its page, and sends it.
    pub async fn says_to(&self, slug: &str, text: &str) {
        self.open(&format!("/personas/{slug}?tab=input")).await;
        self.is_live().await;
        self.write("textarea[name=text]", text).await;
        self.key("Enter").await;
    }

    /// Presses a key.
    pub async fn key(&self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Tab" => (9, None),
            "Escape" => (27, None),
            "PageUp" => (33, None),
            "ArrowLeft" => (37, None),
            "ArrowRight" => (39, None),
            other => panic!("the visitor has no key {other}"),
        };
        for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
            let event = DispatchKeyEventParams::builder().key(key).code(key).windows_virtual_key_code(code);
            let event = match text.filter(|_| kind == DispatchKeyEventType::KeyDown) {
                Some(text) => event.text(text),
                None => event,
            };
            self.page.execute(event.r#type(kind).build().unwrap()).await.unwrap();
        }
    }

    /// Keeps a picture of the whole page under `target/tmp/pages-seen`, and says if something was wrong with it.
    pub async fn keep(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages-seen");
        fs::create_dir_all(&folder).unwrap();
        let picture = self.page.screenshot(CaptureScreenshotParams::default()).await.unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// Nothing was refused by the content policy, no script failed.
    pub async fn is_clean(&self) {
        let faults: Vec<String> = self.ask("window.faults").await;
        assert!(faults.is_empty(), "{}: {faults:#?}", self.page.url().await.unwrap().unwrap_or_default());
    }

    /// Nothing sticks out at the sides.
    pub async fn fits(&self, name: &str) {
        let wide: Vec<String> = self
            .ask(
                "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && \
                 e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.tabs, pre, .hidden, .clip, svg')) \
                 .map((e) => `${e.tagName}.${e.className} ${e.getBoundingClientRect().right}`)",
            )
            .await;
        assert!(wide.is_empty(), "{name}: wider than the screen: {wide:#?}");
    }

    /// Leaves.
    pub async fn leave(mut self) {
        let _ = self.browser.close().await;
        let _ = self.browser.wait().await;
        self.events.abort();
    }
}
