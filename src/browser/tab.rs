//! One tab: calls into its page, in a world of its own that page scripts cannot reach.

use std::{
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actors::domain::RunId;
use chromiumoxide::{Browser, Page, cdp::browser_protocol::target::TargetId};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    cdp::ask_page,
    fault::Fault,
    notes::Notes,
    seen::Seen,
    watch::{OwnTabs, watch_tab},
};

/// How long a command may take that does not wait for anything.
pub(super) const SHORT: Duration = Duration::from_secs(5);
const OPEN_LIMIT: Duration = Duration::from_secs(15);

/// `page.js` with one of its functions called by name.
static CALL: LazyLock<String> =
    LazyLock::new(|| format!("(name, ...args) => (\n{}\n)[name](...args)", include_str!("page.js")));

/// What is known of the document in a tab.
#[derive(Debug, Default)]
struct Document {
    /// Number of the world of `page.js` in it.
    world: Option<i64>,
    /// Address and title, as the step at work saw them last.
    at: Option<(String, String)>,
}

/// A tab of ours.
pub(super) struct Tab {
    pub(super) page: Page,
    /// The run that last opened an address here; another run does not inherit its page.
    pub(super) run: Option<RunId>,
    /// It no longer answers.
    pub(super) hangs: bool,
    /// A navigation that has not come to its end; another one would queue behind it.
    pub(super) unfinished: Option<JoinHandle<()>>,
    crashed: CancellationToken,
    document: Mutex<Document>,
    _watch: AbortOnDropHandle<()>,
}

impl Tab {
    /// Opens an empty tab. The driver attaches to everything a page starts and so keeps service workers from
    /// starting at all; that is switched off before any address is opened.
    pub(super) async fn open(browser: &Browser, own: &OwnTabs, notes: Notes) -> Result<Self, Fault> {
        let opened = {
            let mut own = own.lock().await;
            let opened = timeout(OPEN_LIMIT, browser.new_page("about:blank")).await;
            let page = opened.map_err(|_| Fault::Slow("new tab"))?;
            let page = page.map_err(|error| Fault::from_cdp("Target.createTarget", error))?;
            own.insert(page.target_id().clone());
            page
        };
        let alone = json!({ "autoAttach": false, "waitForDebuggerOnStart": false, "flatten": true });
        ask_page(&opened, "Target.setAutoAttach", alone, SHORT).await?;
        ask_page(&opened, "Inspector.enable", json!({}), SHORT).await?;
        let crashed = CancellationToken::new();
        let watch = watch_tab(&opened, crashed.clone(), notes).await;
        let watch = watch.map_err(|error| Fault::from_cdp("event listener", error))?;
        Ok(Self {
            page: opened,
            run: None,
            hangs: false,
            unfinished: None,
            crashed,
            document: Mutex::default(),
            _watch: watch,
        })
    }

    fn document(&self) -> MutexGuard<'_, Document> {
        self.document.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> &TargetId {
        self.page.target_id()
    }

    /// The main frame bears the tab's own id.
    pub(super) fn main_frame(&self) -> &str {
        self.page.target_id().inner()
    }

    /// Whether the next address needs another tab.
    pub(super) fn is_spent(&self) -> bool {
        self.hangs || self.crashed.is_cancelled() || self.unfinished.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// One command; ends at once when the page crashes.
    pub(super) async fn ask(&self, method: &'static str, params: Value, limit: Duration) -> Result<Value, Fault> {
        tokio::select! {
            biased;
            () = self.crashed.cancelled() => Err(Fault::PageCrashed),
            answer = ask_page(&self.page, method, params, limit) => answer,
        }
    }

    /// Waits for anything else of this page, unless it crashes.
    pub(super) async fn unless_crashed<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.crashed.cancelled() => Err(Fault::PageCrashed),
            done = waiting => Ok(done),
        }
    }

    /// Calls a function of `page.js` once, in the document that is there now.
    pub(super) async fn call(&self, function: &str, args: Vec<Value>, limit: Duration) -> Result<Seen, Fault> {
        let args: Vec<_> = std::iter::once(json!({ "value": function })).chain(args).collect();
        let known = self.document().world;
        if let Some(world) = known {
            match self.call_in(world, &args, limit).await {
                // The world that was known is that of a document before.
                Err(Fault::PageChanged) => self.forget_world(),
                other => return other,
            }
        }
        self.call_in(self.world().await?, &args, limit).await
    }

    async fn call_in(&self, world: i64, args: &[Value], limit: Duration) -> Result<Seen, Fault> {
        let params = json!({
            "functionDeclaration": *CALL, "executionContextId": world, "arguments": args,
            "awaitPromise": true, "returnByValue": true,
        });
        let answer = self.ask("Runtime.callFunctionOn", params, limit).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            return Err(Fault::Refused { method: "a look at the page", message: thrown_text(thrown) });
        }
        let seen: Seen = serde_json::from_value(answer["result"]["value"].clone())
            .map_err(|error| Fault::Refused { method: "a look at the page", message: error.to_string() })?;
        self.document().at = Some((seen.url.clone(), seen.title.clone()));
        Ok(seen)
    }

    /// Where the page is, and up to so many characters of its text; of the next page, if it leaves meanwhile.
    pub(super) async fn here(&self, longest: usize, limit: Duration) -> Result<Seen, Fault> {
        let looking = async {
            loop {
                match self.call("here", vec![json!({ "value": longest })], limit).await {
                    Err(Fault::PageChanged) => {}
                    other => return other,
                }
            }
        };
        timeout(limit, looking).await.unwrap_or(Err(Fault::Slow("a look at the page")))
    }

    /// Calls a function whose first argument is how long it may wait, again in each new document, until it is time.
    pub(super) async fn wait(&self, until: Instant, function: &str, args: &[Value]) -> Result<Seen, Fault> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            let args = std::iter::once(json!({ "value": ms })).chain(args.iter().cloned()).collect();
            match self.call(function, args, left + SHORT).await {
                Err(Fault::PageChanged) if !left.is_zero() => {}
                other => return other,
            }
        }
    }

    /// The world is made anew with each document; its number is kept until Chromium no longer knows it.
    async fn world(&self) -> Result<i64, Fault> {
        let known = self.document().world;
        if let Some(world) = known {
            return Ok(world);
        }
        let params = json!({ "frameId": self.main_frame(), "worldName": "greenroom", "grantUniveralAccess": false });
        let answer = self.ask("Page.createIsolatedWorld", params, SHORT).await?;
        let world = answer["executionContextId"].as_i64().ok_or(Fault::PageChanged)?;
        self.document().world = Some(world);
        Ok(world)
    }

    /// Another document is there: asking in the world of the one before would only cost time.
    pub(super) fn forget_world(&self) {
        *self.document() = Document::default();
    }

    /// A step begins: what the one before saw may no longer be so.
    pub(super) fn forget_sight(&self) {
        self.document().at = None;
    }

    /// Address and title, if the step at work has looked at the document that is there now.
    pub(super) fn last_seen(&self) -> Option<(String, String)> {
        self.document().at.clone()
    }

    /// An element in the world of `page.js`, by the number the browser gave it.
    pub(super) async fn resolve(&self, backend_node: i64) -> Result<String, Fault> {
        let params = json!({ "backendNodeId": backend_node, "executionContextId": self.world().await? });
        let answer = self.ask("DOM.resolveNode", params, SHORT).await?;
        answer["object"]["objectId"].as_str().map(str::to_owned).ok_or(Fault::PageChanged)
    }

    /// Names the document that is shown now.
    pub(super) async fn loader(&self) -> Result<String, Fault> {
        let answer = self.ask("Page.getFrameTree", json!({}), SHORT).await?;
        Ok(answer["frameTree"]["frame"]["loaderId"].as_str().unwrap_or_default().to_owned())
    }
}

/// What a script threw, as people read it.
pub(super) fn thrown_text(details: &Value) -> String {
    let text = details["exception"]["description"].as_str().or_else(|| details["exception"]["value"].as_str());
    let text = text.or_else(|| details["text"].as_str()).unwrap_or("an error without a text");
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
