//! May this call be made at all, and must a person be asked first? Pure.

use serde_json::Value;

use crate::domain::{
    Autonomy, Effect, HostTerms, Outreach, Permissions, Rule, Ruling, Step, canonical_host, host_of, ruled,
};

/// What the rules say about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed; for an effect outside, by which rule (it goes into the intent).
    Allow { rule: Option<String> },
    /// Allowed when a person says yes to it; by which rule.
    Ask { rule: String },
    /// Forbidden, and why.
    Deny { reason: String },
}

/// By what a step is judged.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    pub permissions: &'a Permissions,
    /// The built-in rules.
    pub standing: &'a [Rule],
    /// The policy of the host that the step reaches.
    pub terms: Option<&'a HostTerms>,
}

/// Judges a step. `page`: the address the browser shows now.
pub fn judge(step: &Step, page: Option<&str>, rules: &Rules<'_>) -> Verdict {
    let Rules { permissions, standing, terms } = *rules;
    let (tool, effect, host) = (step.tool(), step.effect(), reaches(step, page));
    let rule = ruled(standing.iter().chain(&permissions.rules), &tool, host.as_deref());
    if let Some(rule) = rule.filter(|rule| rule.say == Ruling::Deny) {
        return Verdict::Deny { reason: format!("a rule of the persona says: {rule}") };
    }
    if let Some(reason) = forbidden(step, host.as_deref(), terms) {
        return Verdict::Deny { reason };
    }
    if !effect.needs_intent() {
        return Verdict::Allow { rule: None };
    }
    if permissions.autonomy == Autonomy::ReadOnly && step.file_path().is_none() {
        let reason =
            format!("`{tool}` is {effect} and the persona is readonly: it only looks, and keeps its own files");
        return Verdict::Deny { reason };
    }
    if step.is_browser() && host.is_none() {
        let reason = format!("`{tool}` is {effect} and no page is open: start with a `goto`");
        return Verdict::Deny { reason };
    }
    match (rule.map(|rule| (rule.say, rule.to_string())), effect, permissions.autonomy) {
        (Some((Ruling::Ask, rule)), ..) => Verdict::Ask { rule: format!("rule: {rule}") },
        (Some((_, rule)), ..) => Verdict::Allow { rule: Some(format!("rule: {rule}")) },
        (None, Effect::Irreversible, Autonomy::Full) => Verdict::Allow { rule: Some("autonomy: full".to_owned()) },
        (None, Effect::Irreversible, _) => {
            Verdict::Ask { rule: "autonomy: supervised asks before what cannot be taken back".to_owned() }
        }
        (None, ..) => Verdict::Allow { rule: None },
    }
}

/// Why a host's policy does not allow the call.
fn forbidden(step: &Step, host: Option<&str>, terms: Option<&HostTerms>) -> Option<String> {
    let tool = step.tool();
    if let (Some(host), Some(terms)) = (host, terms)
        && terms.forbids(&tool)
    {
        return Some(format!("the policy of {host} does not allow `{tool}` there"));
    }
    if !step.is_outreach() {
        return None;
    }
    let Some(host) = host else {
        let lacks = if step.is_browser() { "no page is open" } else { "names no `host`" };
        return Some(format!("`{tool}` writes to strangers and {lacks}"));
    };
    let Some(outreach) = terms.and_then(|terms| terms.outreach.as_ref()) else {
        return Some(format!("outreach is off on {host}: no host policy allows it"));
    };
    if disclosure(terms).is_some() && text_of(step).is_none() {
        return Some(format!(
            "the policy of {host} wants something said with it, and `{tool}` has no `text` to say it in"
        ));
    }
    let to = recipients(step);
    if to.is_empty() {
        return Some(format!("`{tool}` writes to strangers and names nobody in `to`"));
    }
    let same = |list: &[String], name: &str| list.iter().any(|known| is_same(known, name));
    let out = to.iter().find(|name| same(&outreach.opted_out, name));
    if let Some(name) = out {
        return Some(format!("{name} does not want to be written to on {host}"));
    }
    let unknown = to.iter().find(|name| !same(&outreach.recipients, name))?;
    Some(format!("{unknown} is not among those who want to be written to on {host}"))
}

/// To whom an outreach call writes: its `to`, one name or a list.
fn recipients(step: &Step) -> Vec<&str> {
    let args = match step {
        Step::Message { to, .. } => return vec![to],
        Step::Tool { args, .. } => args,
        _ => return Vec::new(),
    };
    match args.get("to") {
        Some(Value::String(name)) => vec![name],
        // What is no name is nobody's, and so refused.
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().unwrap_or("?")).collect(),
        _ => Vec::new(),
    }
}

/// What of a policy bears on this step: of those who may be written to, the ones that it writes to.
pub fn narrowed(terms: HostTerms, step: &Step) -> HostTerms {
    let to = recipients(step);
    let named = |list: Vec<String>| list.into_iter().filter(|name| to.iter().any(|to| is_same(to, name))).collect();
    let outreach = terms
        .outreach
        .filter(|_| step.is_outreach())
        .map(|all| Outreach { recipients: named(all.recipients), opted_out: named(all.opted_out) });
    HostTerms { acts_per_1000_s: None, outreach, ..terms }
}

fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

/// What the host's policy wants said.
fn disclosure(terms: Option<&HostTerms>) -> Option<&str> {
    terms.map(|terms| terms.disclosure.trim()).filter(|text| !text.is_empty())
}

/// What an outreach call sends.
fn text_of(step: &Step) -> Option<&str> {
    match step {
        Step::Message { text, .. } => Some(text),
        Step::Tool { args, .. } => args.get("text").and_then(Value::as_str),
        _ => None,
    }
}

/// The step with what the host's policy wants said put into what an outreach call sends: its `text`.
pub fn disclosed(mut step: Step, terms: Option<&HostTerms>) -> Step {
    let Some(disclosure) = disclosure(terms).filter(|_| step.is_outreach()) else { return step };
    let text = match &mut step {
        Step::Message { text, .. } => Some(text),
        Step::Tool { args, .. } => match args.get_mut("text") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    };
    if let Some(text) = text.filter(|text| !text.contains(disclosure)) {
        *text = format!("{}\n\n{disclosure}", text.trim_end());
    }
    step
}

/// The host that a call reaches: of the address it opens, of the page it acts on, or the one that outreach names.
pub fn reaches(step: &Step, page: Option<&str>) -> Option<String> {
    match step {
        Step::Goto { url, .. } | Step::Fetch { url, .. } => host_of(url),
        step if step.is_browser() => page.and_then(host_of),
        Step::Tool { args, .. } if step.is_outreach() => {
            let host = args.get("host").and_then(Value::as_str)?;
            canonical_host(host.trim()).ok().map(|host| host.to_string())
        }
        _ => None,
    }
}

/// Where irreversible effects need no yes, unless a persona's own rules say otherwise.
pub fn standing_rules(hosts: &[String]) -> Vec<Rule> {
    let rule = |host: &String| Rule { tool: None, host: Some(format!("={host}")), say: Ruling::Allow };
    hosts.iter().map(rule).collect()
}

/// The site whose pace an act has to keep: the address it opens, the page it acts on, or where it writes to. None: it is
/// not paced.
pub fn paced_site(step: &Step, page: Option<&str>) -> Option<String> {
    match step {
        Step::Goto { url, .. } | Step::Fetch { url, .. } => host_of(url),
        Step::Click { .. } | Step::Type { .. } | Step::Select { .. } | Step::Evaluate { .. } => page.and_then(host_of),
        step if step.is_outreach() => reaches(step, page),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn click(effect: Option<Effect>) -> Step {
        Step::Click { selector: "#send".into(), effect, timeout_ms: None }
    }

    fn tool(effect: Effect) -> Step {
        let (name, args) = ("invoice".to_owned(), serde_json::Map::new());
        Step::Tool { name, args, effect, outreach: false, save_as: None, timeout_ms: None }
    }

    fn file() -> Step {
        Step::WriteFile { path: "a.txt".into(), content: String::new(), description: String::new() }
    }

    fn standing() -> Vec<Rule> {
        standing_rules(&["rehearsal.localhost".to_owned()])
    }

    fn persona(autonomy: Autonomy, rules: &[(Option<&str>, Option<&str>, Ruling)]) -> Permissions {
        let rule = |(tool, host, say): &(Option<&str>, Option<&str>, Ruling)| Rule {
            tool: tool.map(str::to_owned),
            host: host.map(str::to_owned),
            say: *say,
        };
        Permissions { autonomy, rules: rules.iter().map(rule).collect() }
    }

    fn by<'a>(permissions: &'a Permissions, standing: &'a [Rule]) -> Rules<'a> {
        Rules { permissions, standing, terms: None }
    }

    const PRACTICE: Option<&str> = Some("http://rehearsal.localhost/jobs/1");
    const SHOP: Option<&str> = Some("https://shop.test/cart");

    #[test]
    fn supervised_asks_before_what_cannot_be_taken_back_but_not_on_the_practice_site() {
        let mine = persona(Autonomy::Supervised, &[]);
        let on = |page| judge(&click(None), page, &by(&mine, &standing()));
        assert_eq!(
            on(PRACTICE),
            Verdict::Allow { rule: Some("rule: allow every tool on =rehearsal.localhost".to_owned()) }
        );
        for elsewhere in
            ["http://evil-rehearsal.localhost/", "http://x.rehearsal.localhost/", "http://x.test/?rehearsal.localhost"]
        {
            assert!(matches!(on(Some(elsewhere)), Verdict::Ask { .. }), "{elsewhere:?}");
        }
        for nowhere in [None, Some("about:blank")] {
            assert!(matches!(on(nowhere), Verdict::Deny { .. }), "{nowhere:?}");
        }
        assert_eq!(judge(&tool(Effect::Idempotent), PRACTICE, &by(&mine, &standing())), Verdict::Allow { rule: None });
        let ask = judge(&tool(Effect::Irreversible), PRACTICE, &by(&mine, &standing()));
        assert!(matches!(ask, Verdict::Ask { .. }), "no page allows an own tool more: {ask:?}");
    }

    #[test]
    fn readonly_keeps_its_own_files_and_nothing_else() {
        let mine = persona(Autonomy::ReadOnly, &[(None, None, Ruling::Allow)]);
        let says = |step: &Step| judge(step, PRACTICE, &by(&mine, &standing()));
        assert!(matches!(says(&click(None)), Verdict::Deny { .. }), "no rule widens it");
        assert!(matches!(says(&tool(Effect::Idempotent)), Verdict::Deny { .. }));
        assert!(matches!(says(&file()), Verdict::Allow { .. }));
        assert_eq!(says(&click(Some(Effect::Read))), Verdict::Allow { rule: None });
        assert_eq!(says(&tool(Effect::Read)), Verdict::Allow { rule: None });
    }

    #[test]
    fn full_asks_nobody_unless_a_rule_says_so() {
        let mine = persona(Autonomy::Full, &[(Some("browser_click"), Some("pay.test"), Ruling::Ask)]);
        let on = |page| judge(&click(None), Some(page), &by(&mine, &standing()));
        assert!(matches!(on("https://shop.test/"), Verdict::Allow { rule: Some(_) }));
        assert_eq!(
            on("https://www.pay.test/"),
            Verdict::Ask { rule: "rule: ask browser_click on pay.test".to_owned() }
        );
    }

    #[test]
    fn another_spelling_of_a_host_is_the_same_host() {
        let rules = [(Some("browser_click"), Some("pay.test"), Ruling::Ask), (None, Some("192.0.2.1"), Ruling::Deny)];
        let mine = persona(Autonomy::Full, &rules);
        let says = |page| judge(&click(None), Some(page), &by(&mine, &[]));
        for page in ["https://pay.test./", "https://PAY.test/", "https://www.pay.test./cart"] {
            assert_eq!(says(page), Verdict::Ask { rule: "rule: ask browser_click on pay.test".to_owned() }, "{page}");
        }
        for page in ["http://192.0.2.1./", "http://[::ffff:192.0.2.1]/", "http://3221225985/"] {
            assert!(matches!(says(page), Verdict::Deny { .. }), "{page}");
        }
        let plain = Some("pay.test".to_owned());
        assert_eq!(paced_site(&click(None), Some("https://pay.test./")), plain, "one pace for both");
        assert_eq!(reaches(&outreach(json!({"host": " Pay.test. "})), None), plain);
    }

    #[test]
    fn a_rule_of_the_persona_can_take_the_practice_site_away() {
        let mine = persona(Autonomy::Full, &[(None, Some("=rehearsal.localhost"), Ruling::Deny)]);
        let look = Step::Goto { url: "http://rehearsal.localhost/".into(), timeout_ms: None };
        assert!(matches!(judge(&click(None), PRACTICE, &by(&mine, &standing())), Verdict::Deny { .. }));
        assert!(
            matches!(judge(&look, SHOP, &by(&mine, &standing())), Verdict::Deny { .. }),
            "a deny is about looks, too"
        );
    }

    #[test]
    fn what_only_looks_is_never_asked_about() {
        let mine = persona(Autonomy::Supervised, &[(None, None, Ruling::Ask)]);
        assert_eq!(judge(&click(Some(Effect::Read)), SHOP, &by(&mine, &[])), Verdict::Allow { rule: None });
        assert!(matches!(judge(&file(), None, &by(&mine, &[])), Verdict::Ask { .. }));
    }

    fn outreach(args: Value) -> Step {
        let Value::Object(args) = args else { panic!("{args}") };
        let (name, effect) = ("outreach_mail".into(), Effect::Irreversible);
        Step::Tool { name, args, effect, outreach: false, save_as: None, timeout_ms: None }
    }

    #[test]
    fn outreach_is_refused_without_a_policy_a_known_recipient_and_their_consent() {
        let (mine, standing) = (persona(Autonomy::Full, &[]), Vec::new());
        let both =
            Outreach { recipients: vec!["Bo@a.test".into(), "cy@a.test".into()], opted_out: vec!["cy@a.test".into()] };
        let open = HostTerms { outreach: Some(both), ..HostTerms::default() };
        let says = |args: Value, terms: Option<&HostTerms>| {
            judge(&outreach(args), None, &Rules { terms, ..by(&mine, &standing) })
        };
        let refused = |args: Value, terms: Option<&HostTerms>| match says(args, terms) {
            Verdict::Deny { reason } => reason,
            other => panic!("{other:?}"),
        };
        let to_bo = json!({"host": "a.test", "to": "bo@a.test"});
        assert!(refused(to_bo.clone(), None).contains("outreach is off on a.test"));
        assert!(refused(to_bo.clone(), Some(&HostTerms::default())).contains("outreach is off"));
        assert!(refused(json!({"to": "bo@a.test"}), Some(&open)).contains("names no `host`"));
        assert!(refused(json!({"host": "a.test"}), Some(&open)).contains("names nobody"));
        assert!(
            refused(json!({"host": "a.test", "to": ["bo@a.test", "cy@a.test"]}), Some(&open)).contains("does not want")
        );
        assert!(refused(json!({"host": "a.test", "to": ["bo@a.test", 7]}), Some(&open)).contains("not among"));
        assert!(matches!(says(to_bo, Some(&open)), Verdict::Allow { .. }));
    }

    #[test]
    fn outreach_is_what_says_so_of_itself_whatever_its_name_is() {
        let (mine, standing) = (persona(Autonomy::Full, &[]), standing());
        let args = json!({"host": "a.test", "to": "bo@a.test", "text": "Hello."});
        let Value::Object(args) = args else { panic!() };
        let called = |outreach| {
            let (name, effect, args) = ("letter".to_owned(), Effect::Irreversible, args.clone());
            Step::Tool { name, args, effect, outreach, save_as: None, timeout_ms: None }
        };
        let on = |step: &Step, page| judge(step, page, &by(&mine, &standing));
        assert!(matches!(on(&called(false), None), Verdict::Allow { .. }));
        assert!(
            matches!(on(&called(true), None), Verdict::Deny { reason } if reason.contains("outreach is off on a.test"))
        );
        let field = |name: &str| name.to_owned();
        let message = Step::Message {
            to: field("bo@a.test"),
            text: field("Hello."),
            to_field: field("#to"),
            text_field: field("#text"),
            send: field("#send"),
            timeout_ms: None,
        };
        let off = on(&message, PRACTICE);
        assert!(matches!(&off, Verdict::Deny { reason } if reason.contains("off on rehearsal.localhost")), "{off:?}");
        assert!(matches!(on(&message, None), Verdict::Deny { reason } if reason.contains("no page is open")));
        let terms = HostTerms { disclosure: "By a machine.".into(), ..HostTerms::default() };
        let Step::Message { text, .. } = disclosed(message, Some(&terms)) else { panic!() };
        assert_eq!(text, "Hello.\n\nBy a machine.");
    }

    #[test]
    fn a_policy_names_the_only_tools_of_its_host() {
        let (mine, standing) = (persona(Autonomy::Full, &[]), standing());
        let terms = HostTerms { actions: Some(vec!["browser_navigate".into()]), ..HostTerms::default() };
        let rules = Rules { terms: Some(&terms), ..by(&mine, &standing) };
        assert!(
            matches!(judge(&click(None), PRACTICE, &rules), Verdict::Deny { .. }),
            "whatever the standing rule says"
        );
        let look = Step::Goto { url: "http://rehearsal.localhost/".into(), timeout_ms: None };
        assert_eq!(judge(&look, None, &rules), Verdict::Allow { rule: None });
    }

    #[test]
    fn what_a_policy_wants_said_is_put_into_what_is_sent_once() {
        let terms = HostTerms { disclosure: "Written by a machine.".into(), ..HostTerms::default() };
        let text = |step: &Step| match step {
            Step::Tool { args, .. } => args["text"].as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        let once = disclosed(outreach(json!({"text": "Hello."})), Some(&terms));
        assert_eq!(text(&once), "Hello.\n\nWritten by a machine.");
        assert_eq!(disclosed(once.clone(), Some(&terms)), once);
        assert_eq!(disclosed(click(None), Some(&terms)), click(None));
    }

    #[test]
    fn outreach_keeps_the_pace_of_its_host_and_leaves_room_for_what_the_policy_wants_said() {
        assert_eq!(paced_site(&outreach(json!({"host": "A.test"})), None), Some("a.test".to_owned()));
        assert_eq!(paced_site(&tool(Effect::Irreversible), PRACTICE), None);
        let (mine, standing) = (persona(Autonomy::Full, &[]), Vec::new());
        let to_all = Outreach { recipients: vec!["bo@a.test".into()], opted_out: Vec::new() };
        let terms = |disclosure: &str| HostTerms {
            disclosure: disclosure.into(),
            outreach: Some(to_all.clone()),
            ..HostTerms::default()
        };
        let says = |args: Value, disclosure: &str| {
            judge(&outreach(args), None, &Rules { terms: Some(&terms(disclosure)), ..by(&mine, &standing) })
        };
        for args in [
            json!({"host": "a.test", "to": "bo@a.test", "body": "Hello."}),
            json!({"host": "a.test", "to": "bo@a.test", "text": ["Hello."]}),
        ] {
            assert!(matches!(says(args.clone(), " "), Verdict::Allow { .. }), "{args}");
            assert!(matches!(says(args.clone(), "By a machine."), Verdict::Deny { .. }), "{args}");
        }
        let written = json!({"host": "a.test", "to": "bo@a.test", "text": "Hello."});
        assert!(matches!(says(written, "By a machine."), Verdict::Allow { .. }));
    }

    fn strictness(verdict: &Verdict) -> u8 {
        match verdict {
            Verdict::Allow { .. } => 0,
            Verdict::Ask { .. } => 1,
            Verdict::Deny { .. } => 2,
        }
    }

    proptest! {
        #[test]
        fn less_autonomy_never_allows_more(
            rules in prop::collection::vec((
                prop::option::of(prop::sample::select(vec!["browser_click", "invoice", "file_write"])),
                prop::option::of(prop::sample::select(vec!["shop.test", "=rehearsal.localhost", "test"])),
                prop::sample::select(Ruling::ALL.to_vec()),
            ), 0..6),
            step in prop::sample::select(vec![click(None), click(Some(Effect::Read)), tool(Effect::Irreversible), tool(Effect::Idempotent), file()]),
            page in prop::sample::select(vec![None, PRACTICE, SHOP]),
        ) {
            let says = |autonomy| strictness(&judge(&step, page, &by(&persona(autonomy, &rules), &standing())));
            prop_assert!(says(Autonomy::ReadOnly) >= says(Autonomy::Supervised));
            prop_assert!(says(Autonomy::Supervised) >= says(Autonomy::Full));
        }
    }
}
