//! What a persona may do without asking: its autonomy, and rules for tools and hosts. Pure.

use serde::{Deserialize, Serialize};

use super::{host::canonical_host, words::words};

words! {
    /// How much a persona may do by itself, where no rule says otherwise.
    Autonomy("autonomy") {
        /// Looks, and writes files in its own folder; no rule widens that.
        ReadOnly = "readonly",
        /// Asks before every irreversible effect.
        Supervised = "supervised",
        /// Asks nobody.
        Full = "full",
    }
}

words! {
    /// What a rule says about a call; the stricter one is the greater.
    Ruling("ruling") {
        Allow = "allow",
        /// A person is asked before an effect; what only looks is never asked about.
        Ask = "ask",
        Deny = "deny",
    }
}

/// A rule about calls of a tool, on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// None: every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// As in host lists: `example.com` with its sub-domains, `=example.com` alone. None: everywhere, also where no
    /// host is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    pub say: Ruling,
}

/// What a persona may do without asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Permissions {
    pub autonomy: Autonomy,
    pub rules: Vec<Rule>,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { autonomy: Autonomy::Supervised, rules: Vec::new() }
    }
}

/// Rules that one persona may have.
const MOST_RULES: usize = 200;
const LONGEST_NAME: usize = 253;

impl Permissions {
    /// What is wrong: the place of the rule, its field, and why.
    pub fn fault(&self) -> Option<(usize, &'static str, &'static str)> {
        if self.rules.len() > MOST_RULES {
            return Some((MOST_RULES, "tool", "is one rule too many: 200 fit"));
        }
        self.rules.iter().enumerate().find_map(|(at, rule)| rule.fault().map(|(field, reason)| (at, field, reason)))
    }
}

impl Rule {
    /// Which field is wrong, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let tool = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
        let is =
            |name: &str, fits: fn(char) -> bool| (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(fits);
        // Spelled otherwise it would speak of no host that is ever reached.
        let is_host = |name: &str| is(name, host) && canonical_host(name).is_ok_and(|host| host.to_string() == name);
        match (&self.tool, &self.host) {
            (Some(name), _) if !is(name, tool) => Some(("tool", "must be the name of a tool, as in `browser_click`")),
            (_, Some(name)) if !is_host(name.strip_prefix('=').unwrap_or(name)) => Some((
                "host",
                "must be a host in lower case without port and last dot, as in `example.com` or `=example.com`",
            )),
            _ => None,
        }
    }

    /// Whether it speaks of a call of this tool on this host.
    pub fn concerns(&self, tool: &str, host: Option<&str>) -> bool {
        let on = |pattern: &String| host.is_some_and(|host| covers(pattern, host));
        self.tool.as_ref().is_none_or(|named| named == tool) && self.host.as_ref().is_none_or(on)
    }

    /// Whether it speaks of less than the other one, and of nothing that the other does not.
    fn refines(&self, other: &Self) -> bool {
        let by_tool = other.tool.is_none() || self.tool == other.tool;
        let by_host = match (&self.host, &other.host) {
            (_, None) => true,
            (Some(own), Some(wider)) => own == wider || narrows(own, wider),
            (None, Some(_)) => false,
        };
        by_tool && by_host && (self.tool != other.tool || self.host != other.host)
    }
}

/// As people read it: `ask browser_click on example.com`.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.say, self.tool.as_deref().unwrap_or("every tool"))?;
        self.host.as_ref().map_or(Ok(()), |host| write!(f, " on {host}"))
    }
}

/// Whether a host pattern speaks of this host.
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('=') {
        Some(exact) => exact == host,
        None => host.strip_suffix(pattern).is_some_and(|front| front.is_empty() || front.ends_with('.')),
    }
}

/// Whether a pattern speaks of fewer hosts than another one that speaks of all of them.
fn narrows(own: &str, wider: &str) -> bool {
    !wider.starts_with('=') && own != wider && covers(wider, own.strip_prefix('=').unwrap_or(own))
}

/// What the rules say about a call: of those that speak of it, one that a narrower one refines does not count; of the
/// others the strictest decides. None: no rule speaks of it.
pub fn ruled<'a>(rules: impl Iterator<Item = &'a Rule>, tool: &str, host: Option<&str>) -> Option<&'a Rule> {
    let speaking: Vec<&Rule> = rules.filter(|rule| rule.concerns(tool, host)).collect();
    let counts = |rule: &&&Rule| !speaking.iter().any(|other| other.refines(rule));
    let mut counting: Vec<&Rule> = speaking.iter().filter(counts).copied().collect();
    // The first of equally strict ones is named.
    counting.sort_by_key(|rule| std::cmp::Reverse(rule.say));
    counting.first().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(tool: Option<&str>, host: Option<&str>, say: Ruling) -> Rule {
        Rule { tool: tool.map(str::to_owned), host: host.map(str::to_owned), say }
    }

    fn says(rules: &[Rule], tool: &str, host: Option<&str>) -> Option<Ruling> {
        ruled(rules.iter(), tool, host).map(|rule| rule.say)
    }

    #[test]
    fn the_narrower_rule_wins_and_among_equals_the_stricter() {
        use Ruling::{Allow, Ask, Deny};
        let rules = [
            rule(None, Some("example.com"), Deny),
            rule(Some("browser_click"), Some("example.com"), Ask),
            rule(None, Some("=shop.example.com"), Allow),
        ];
        let click = |host| says(&rules, "browser_click", Some(host));
        assert_eq!(click("example.com"), Some(Ask), "tool and host say more than the host");
        assert_eq!(click("shop.example.com"), Some(Ask), "neither refines the other: the stricter");
        assert_eq!(says(&rules, "browser_fill", Some("shop.example.com")), Some(Allow));
        assert_eq!(says(&rules, "browser_fill", Some("www.example.com")), Some(Deny));
        assert_eq!((click("notexample.com"), says(&rules, "browser_click", None)), (None, None));
        let tie = [rule(Some("x"), None, Allow), rule(None, Some("a.test"), Deny)];
        assert_eq!(says(&tie, "x", Some("a.test")), Some(Deny));
    }

    #[test]
    fn a_rule_that_cannot_be_meant_is_refused() {
        assert_eq!(rule(Some("browser_click"), Some("=a.test"), Ruling::Ask).fault(), None);
        for (tool, host, field) in [
            (Some(""), None, "tool"),
            (Some("a b"), None, "tool"),
            (None, Some("Example.com"), "host"),
            (None, Some("a.test:80"), "host"),
            (None, Some("="), "host"),
            (None, Some("a.test."), "host"),
            (None, Some("0x7f.1"), "host"),
        ] {
            assert_eq!(rule(tool, host, Ruling::Ask).fault().map(|(at, _)| at), Some(field), "{tool:?} {host:?}");
        }
    }

    fn some_rule() -> impl Strategy<Value = Rule> {
        let tool = prop::option::of(prop::sample::select(vec!["click", "fill"]));
        let host = prop::option::of(prop::sample::select(vec!["a.test", "=a.test", "x.a.test", "=x.a.test", "b.test"]));
        let say = prop::sample::select(Ruling::ALL.to_vec());
        (tool, host, say).prop_map(|(tool, host, say)| rule(tool, host, say))
    }

    proptest! {
        #[test]
        fn their_order_means_nothing(rules in prop::collection::vec(some_rule(), 0..8), shift in 0_usize..8) {
            let mut other = rules.clone();
            other.rotate_left(shift.min(rules.len()));
            for host in [None, Some("a.test"), Some("x.a.test"), Some("b.test")] {
                prop_assert_eq!(says(&rules, "click", host), says(&other, "click", host));
            }
        }

        #[test]
        fn a_deny_that_names_tool_and_host_alone_beats_every_other_rule(rules in prop::collection::vec(some_rule(), 0..8)) {
            let mut rules = rules;
            rules.push(rule(Some("click"), Some("=x.a.test"), Ruling::Deny));
            prop_assert_eq!(says(&rules, "click", Some("x.a.test")), Some(Ruling::Deny));
        }

        #[test]
        fn a_rule_for_everything_decides_only_where_no_other_speaks(rules in prop::collection::vec(some_rule(), 0..8), say in prop::sample::select(Ruling::ALL.to_vec())) {
            let narrow: Vec<_> = rules.into_iter().filter(|rule| rule.tool.is_some() || rule.host.is_some()).collect();
            let mut all = narrow.clone();
            all.push(rule(None, None, say));
            for host in [None, Some("a.test"), Some("b.test")] {
                prop_assert_eq!(says(&all, "click", host), says(&narrow, "click", host).or(Some(say)));
            }
        }
    }
}
