//! May this call be made at all? Pure. Approvals by people come on top of this.

use url::Url;

use crate::domain::{Effect, Step};

/// What the rules say about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed; for an effect outside, by which rule (it goes into the intent).
    Allow { rule: Option<String> },
    /// Forbidden, and why.
    Deny { reason: String },
}

/// Judges a step. `page`: the address the browser shows now. `standing_hosts`: where irreversible effects need no yes.
pub fn judge(step: &Step, page: Option<&str>, standing_hosts: &[String]) -> Verdict {
    if step.effect() != Effect::Irreversible {
        return Verdict::Allow { rule: None };
    }
    if let Step::Tool { name, .. } = step {
        let reason =
            format!("the tool `{name}` is irreversible and needs an approval, and approvals are not available yet");
        return Verdict::Deny { reason };
    }
    let place = if let Step::Fetch { url, .. } = step { Some(url.as_str()) } else { page };
    let Some(host) = place.and_then(host_of) else {
        return Verdict::Deny {
            reason: format!("`{}` is irreversible and no page is open: start with a `goto`", step.tool()),
        };
    };
    if standing_hosts.contains(&host) {
        return Verdict::Allow { rule: Some(format!("standing rule: irreversible effects are allowed on {host}")) };
    }
    Verdict::Deny {
        reason: format!(
            "irreversible effects on {host} need an approval, and approvals are not available yet; \
             practise on the rehearsal site, or mark the step `\"effect\": \"read\"` if it changes nothing"
        ),
    }
}

/// The site whose pace an act has to keep: the address it opens, or the page it acts on. None: it is not paced.
pub fn paced_site(step: &Step, page: Option<&str>) -> Option<String> {
    match step {
        Step::Goto { url, .. } | Step::Fetch { url, .. } => host_of(url),
        Step::Click { .. } | Step::Type { .. } | Step::Select { .. } | Step::Evaluate { .. } => page.and_then(host_of),
        _ => None,
    }
}

fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn click(effect: Option<Effect>) -> Step {
        Step::Click { selector: "#send".into(), effect, timeout_ms: None }
    }

    #[test]
    fn irreversible_effects_happen_on_standing_hosts_only() {
        let standing = ["rehearsal.localhost".to_owned()];
        let on = |page| judge(&click(None), page, &standing);
        assert!(matches!(on(Some("http://rehearsal.localhost/jobs/1")), Verdict::Allow { rule: Some(_) }));
        for elsewhere in [
            None,
            Some("about:blank"),
            Some("http://evil-rehearsal.localhost/"),
            Some("http://x.test/?rehearsal.localhost"),
        ] {
            assert!(matches!(on(elsewhere), Verdict::Deny { .. }), "{elsewhere:?}");
        }
    }

    #[test]
    fn an_own_tool_may_do_what_can_be_repeated_and_no_page_allows_more() {
        let tool = |effect| Step::Tool {
            name: "invoice".into(),
            args: serde_json::Map::new(),
            effect,
            save_as: None,
            timeout_ms: None,
        };
        let page = "http://rehearsal.localhost/";
        let on = |effect| judge(&tool(effect), Some(page), &["rehearsal.localhost".to_owned()]);
        assert_eq!(on(Effect::Idempotent), Verdict::Allow { rule: None });
        assert!(matches!(on(Effect::Irreversible), Verdict::Deny { reason } if reason.contains("`invoice`")));
    }

    #[test]
    fn a_click_that_only_looks_is_allowed_anywhere() {
        assert_eq!(judge(&click(Some(Effect::Read)), None, &[]), Verdict::Allow { rule: None });
    }
}
