//! One persona's running browser: its Chromium, its gate, its profile, its tab.

use std::{path::Path, sync::Arc, time::Duration};

use actors::domain::{Persona, PersonaId};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    act::Act,
    actions,
    cdp::ask_browser,
    cookies::{self, Saved, SealBytes},
    fault::Fault,
    found::Found,
    launch::{Chromium, launch},
    notes::Notes,
    place::Place,
    profile::Profile,
    refs::{Document, Refs, ref_number},
    tab::{SHORT, Tab},
    watch::{BrowserWatch, OwnTabs, close_target, watch_browser},
};
use crate::egress::{Egress, Gate, HostRules};

/// How long a browser under suspicion may take to say that it is alive.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// What a session is started from.
pub(super) struct Start<'a> {
    pub(super) persona: &'a Persona,
    pub(super) executable: &'a Path,
    pub(super) root: &'a Path,
    pub(super) egress: &'a Egress,
    pub(super) seal: Arc<dyn SealBytes>,
    pub(super) limit: Duration,
    pub(super) place: OwnedSemaphorePermit,
    pub(super) keep_popups: bool,
}

/// A running browser. Dropped without [`Session::close`], its process is killed.
pub(super) struct Session {
    chromium: Chromium,
    pub(super) gate: Gate,
    pub(super) watch: BrowserWatch,
    pub(super) notes: Notes,
    pub(super) refs: Refs,
    persona: PersonaId,
    /// Version of the persona whose rules the gate holds.
    rules_of: i64,
    tab: Option<Tab>,
    own: OwnTabs,
    seal: Arc<dyn SealBytes>,
    saved: Saved,
    /// A step ran out of time: someone hangs.
    suspect: bool,
    profile: Profile,
    _place: OwnedSemaphorePermit,
}

/// The persona's rules as the gate takes them.
pub(super) fn rules_of(persona: &Persona) -> Result<HostRules, Fault> {
    HostRules::parse(&persona.hosts).map_err(|error| Fault::permanent(format!("hosts: {error}; correct the persona")))
}

impl Session {
    /// Starts Chromium on the persona's profile, behind a gate of its own.
    pub(super) async fn start(start: Start<'_>) -> Result<Self, Fault> {
        let Start { persona, executable, root, egress, seal, limit, place, keep_popups } = start;
        let rules = rules_of(persona)?;
        let profile = Profile::take(root, persona.id).await.map_err(|error| Fault::retryable(error.to_string()))?;
        let gate = egress.gate(rules).await;
        let gate = gate.map_err(|error| Fault::retryable(format!("no loopback port for the egress: {error}")))?;
        let chromium = launch(executable, &profile.data(), &profile.cache(), gate.browser_flags(), limit).await;
        let chromium = chromium.map_err(|error| Fault::retryable(error.to_string()))?;
        if let Err(error) = profile.note_browser(chromium.mark) {
            chromium.kill().await;
            return Err(Fault::retryable(format!("the browser's profile cannot be written ({error}); check the disk")));
        }
        let deny = json!({ "behavior": "deny", "eventsEnabled": true });
        ask_browser(&chromium.browser, "Browser.setDownloadBehavior", deny, SHORT).await?;
        let (own, notes) = (OwnTabs::default(), Notes::default());
        let watch = watch_browser(chromium.browser.clone(), own.clone(), notes.clone(), keep_popups).await;
        let watch = watch.map_err(|error| Fault::from_cdp("event listener", error))?;
        // Without its cookies a persona can still log in again.
        if let Err(error) = cookies::restore(&chromium.browser, &profile.cookie_file(), persona.id, &*seal).await {
            tracing::warn!(persona = %persona.id, "cookies of persona {} were not restored: {error:#}", persona.slug);
            notes.add(&format!("saved cookies were not restored: {error}"));
        }
        Ok(Self {
            chromium,
            gate,
            watch,
            notes,
            refs: Refs::behind(profile.refs_taken()),
            persona: persona.id,
            rules_of: persona.version,
            tab: None,
            own,
            seal,
            saved: Saved::default(),
            suspect: false,
            profile,
            _place: place,
        })
    }

    /// Fires when the browser has ended by itself.
    pub(super) fn gone(&self) -> &CancellationToken {
        &self.chromium.gone
    }

    /// It has ended by itself.
    pub(super) fn is_over(&self) -> bool {
        self.chromium.is_over()
    }

    /// Takes over changed host rules; open connections that are no longer allowed end.
    pub(super) fn take_rules(&mut self, persona: &Persona) -> Result<(), Fault> {
        if self.rules_of != persona.version {
            self.gate.set_rules(rules_of(persona)?);
            self.rules_of = persona.version;
        }
        Ok(())
    }

    /// Whether it still answers; asked only when a step before ran out of time.
    pub(super) async fn answers(&mut self) -> bool {
        if !std::mem::take(&mut self.suspect) {
            return true;
        }
        if ask_browser(&self.chromium.browser, "Browser.getVersion", json!({}), PROBE_LIMIT).await.is_err() {
            return false;
        }
        if let Some(tab) = &mut self.tab {
            let alive = tab.ask("Runtime.evaluate", json!({ "expression": "1" }), PROBE_LIMIT).await;
            tab.hangs = !matches!(alive, Ok(_) | Err(Fault::PageChanged));
        }
        true
    }

    /// Carries one step out, as far as it comes.
    pub(super) async fn perform(&mut self, act: &Act<'_>, stop: &CancellationToken) -> Result<Found, Fault> {
        if let Some(tab) = &self.tab {
            tab.forget_sight();
        }
        let gone = self.chromium.gone.clone();
        let result = tokio::select! {
            biased;
            () = gone.cancelled() => Err(Fault::Gone),
            () = stop.cancelled() => Err(Fault::Stopped),
            done = tokio::time::timeout_at(act.deadline, Box::pin(actions::carry_out(self, act))) => {
                done.unwrap_or(Err(Fault::Slow("the step")))
            }
        };
        self.suspect |= matches!(result, Err(Fault::Slow(_)));
        // The connection is often lost a moment before the process is known to have ended.
        if matches!(result, Err(Fault::Gone)) {
            self.chromium.gone.cancel();
        }
        result
    }

    /// The page this run has opened.
    pub(super) fn page(&self, act: &Act<'_>) -> Result<&Tab, Fault> {
        match &self.tab {
            Some(tab) if tab.run == Some(act.call.run) && !tab.hangs => Ok(tab),
            Some(tab) if tab.hangs => Err(Fault::retryable("the page hangs; open an address again with a goto")),
            _ => Err(Fault::retryable(
                "no page is open in this run (a page does not outlive its browser or its run); a goto must come first",
            )),
        }
    }

    /// A tab that can be sent somewhere: the one there is, or a new one when it is spent.
    pub(super) async fn tab_to_navigate(&mut self) -> Result<&mut Tab, Fault> {
        let usable = self.tab.take().filter(|tab| !tab.is_spent());
        let tab = match usable {
            Some(tab) => tab,
            None => {
                let before: Vec<_> = self.own.lock().await.iter().cloned().collect();
                let tab = Tab::open(&self.chromium.browser, &self.own, self.notes.clone()).await?;
                for old in before {
                    close_target(&self.chromium.browser, &old).await;
                    self.own.lock().await.remove(&old);
                }
                tab
            }
        };
        Ok(self.tab.insert(tab))
    }

    /// What a selector means on the page as it is now.
    pub(super) async fn locate(&self, act: &Act<'_>, selector: &str) -> Result<Place, Fault> {
        let Some(number) = ref_number(selector) else { return Ok(Place::css(selector)) };
        let number = number.map_err(Fault::permanent)?;
        let tab = self.page(act)?;
        let now = self.document(tab).await?;
        let stale = || Fault::retryable(format!("`ref=e{number}` is a stale ref, take a new snapshot"));
        let node = self.refs.node(number, &now).ok_or_else(stale)?;
        let object = tab.resolve(node).await.map_err(|fault| match fault {
            Fault::PageChanged | Fault::Refused { .. } => stale(),
            other => other,
        })?;
        Ok(Place::node(selector, object))
    }

    /// No later browser of this profile gives the numbers of this snapshot again.
    pub(super) fn keep_refs(&mut self) -> Result<(), Fault> {
        let Some(upto) = self.refs.to_take() else { return Ok(()) };
        let kept = self.profile.take_refs(upto);
        kept.map_err(|error| {
            Fault::retryable(format!("the browser's profile cannot be written ({error}); check the disk"))
        })?;
        self.refs.take(upto);
        Ok(())
    }

    /// What refs are bound to now.
    pub(super) async fn document(&self, tab: &Tab) -> Result<Document, Fault> {
        Ok(Document { tab: tab.id().inner().clone(), loader: tab.loader().await? })
    }

    /// Address and title as the step saw them last, or now, if it never looked and the page can say.
    pub(super) async fn whereabouts(&self, act: &Act<'_>) -> Option<(String, String)> {
        let tab = self.page(act).ok()?;
        if let Some(at) = tab.last_seen() {
            return Some(at);
        }
        let seen = tab.here(0, act.left().min(SHORT)).await.ok()?;
        Some((seen.url, seen.title))
    }

    /// Hosts the page asked for in vain since that refusal, for the details.
    pub(super) fn refused_since(&self, number: u64) -> Option<String> {
        let mut refused: Vec<String> = self.gate.refusals_since(number).iter().filter_map(of_the_page).collect();
        refused.dedup();
        let more = refused.len().saturating_sub(5);
        refused.truncate(5);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!refused.is_empty()).then(|| format!("not reached: {}{rest}", refused.join(", ")))
    }

    /// Keeps the cookies, so that a crash loses no login.
    pub(super) async fn save_cookies(&mut self) {
        let file = self.profile.cookie_file();
        match cookies::save(&self.chromium.browser, &file, self.persona, &*self.seal, self.saved).await {
            Ok(saved) => self.saved = saved,
            Err(error) => {
                tracing::warn!(persona = %self.persona, "cookies of persona {} were not saved: {error:#}", self.persona);
                self.notes.add(&format!("cookies were not saved: {error}"));
            }
        }
    }

    /// Closes it cleanly, cookies kept.
    pub(super) async fn close(mut self) {
        if !self.is_over() {
            self.save_cookies().await;
        }
        self.chromium.close().await;
        self.profile.forget_browser();
    }

    /// Ends what does not answer, or clears up after what has ended.
    pub(super) async fn kill(self) {
        self.chromium.kill().await;
        self.profile.forget_browser();
    }

    /// The process, for tests that kill it.
    pub(super) fn pid(&self) -> i32 {
        self.chromium.mark.pid
    }
}

fn of_the_page(refused: &crate::egress::Refused) -> Option<String> {
    let news = !crate::egress::is_own_errand(&refused.host);
    news.then(|| refused.to_string())
}
