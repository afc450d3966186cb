//! Host rules: which hosts and ports a persona may reach, judged on canonical names only.
//!
//! `linkedin.com` allows the host and everything below it, `=linkedin.com` the host alone, `*.linkedin.com` only what
//! lies below. `:8443` names the port; without one, 80 and 443 are allowed. An IP rule allows exactly that address.

use std::net::IpAddr;

use actors::domain::canonical_host;
use url::{Host, Url};

use super::address;

/// The practice site's name: always allowed on port 80, mapped inside the egress.
pub const REHEARSAL_HOST: &str = "rehearsal.localhost";

const MOST_RULES: usize = 500;
const LONGEST_RULE: usize = 260;

/// What one persona (or the whole instance) may reach. Empty allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostRules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    host: Pattern,
    /// None: 80 and 443.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Name { name: String, itself: bool, below: bool },
    Address(IpAddr),
}

/// A host rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("host rule `{rule}` {reason}")]
pub struct BadRule {
    pub rule: String,
    pub reason: String,
}

/// Why an address is not reached. The text never holds more of it than host and port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this is not an address a browser can open ({0}); write it like `https://example.com/page`")]
    NotAnAddress(String),
    #[error("`{0}:` addresses are not opened; only http and https are")]
    Scheme(String),
    #[error("an address with a user name or password in it is not opened; use the site's login form")]
    UserInfo,
    #[error("host {host}:{port} is not on the host list; {}", advice(.host, *.port))]
    NotListed { host: String, port: u16 },
    #[error("host {host}:{port} is not on the instance's list `egress.allowed_hosts`")]
    NotListedGlobally { host: String, port: u16 },
    #[error("host {host} leads to a loopback or private address, which is never reached")]
    Private { host: String },
}

/// What to do about a host that is not listed: the rule to add, or why none helps.
pub(super) fn advice(host: &str, port: u16) -> String {
    if host == REHEARSAL_HOST {
        return "the practice site is reached on port 80 alone, without any rule".to_owned();
    }
    let place = if matches!(port, 80 | 443) { host.to_owned() } else { format!("{host}:{port}") };
    let fits = |rule: &String| HostRules::parse(std::slice::from_ref(rule)).is_ok();
    match [place.clone(), format!("={place}")].into_iter().find(fits) {
        Some(rule) => format!("add `{rule}` to the persona's hosts if it should be reached"),
        None => match HostRules::parse(&[place]) {
            Err(BadRule { reason, .. }) => format!("no rule can allow it: it {reason}"),
            Ok(_) => String::new(),
        },
    }
}

impl HostRules {
    /// Reads rules as people write them; the first bad one is named.
    pub fn parse<T: AsRef<str>>(rules: &[T]) -> Result<Self, BadRule> {
        if rules.len() > MOST_RULES {
            let rule = rules.get(MOST_RULES).map(|rule| rule.as_ref().to_owned()).unwrap_or_default();
            return Err(BadRule { rule, reason: format!("is one too many: a list holds at most {MOST_RULES}") });
        }
        let bad = |rule: &str, reason: String| BadRule { rule: rule.chars().take(LONGEST_RULE).collect(), reason };
        let parse = |rule: &T| Rule::parse(rule.as_ref().trim()).map_err(|reason| bad(rule.as_ref(), reason));
        rules.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one rule allows this canonical host on this port.
    pub fn allows(&self, host: &Host<String>, port: u16) -> bool {
        self.0.iter().any(|rule| rule.allows(host, port))
    }

    /// The address, if these rules alone allow it.
    pub fn check_url(&self, text: &str) -> Result<Url, Refusal> {
        let (url, host, port) = place_of(text)?;
        if self.allows(&host, port) { Ok(url) } else { Err(Refusal::NotListed { host: host.to_string(), port }) }
    }
}

impl Rule {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > LONGEST_RULE {
            return Err(format!("must have 1 to {LONGEST_RULE} characters"));
        }
        if text.contains(['/', '@', '?', '#', '\\', '%']) || text.contains(char::is_whitespace) {
            return Err(
                "must be a bare host, like `example.com`, `=example.com`, `*.example.com` or `example.com:8443`"
                    .to_owned(),
            );
        }
        let (exact, rest) = text.strip_prefix('=').map_or((false, text), |rest| (true, rest));
        let (below_only, rest) = rest.strip_prefix("*.").map_or((false, rest), |rest| (true, rest));
        if exact && below_only {
            return Err("cannot be both `=` (itself only) and `*.` (below only)".to_owned());
        }
        let (host, port) = split_port(rest)?;
        let host = match canonical_host(host).map_err(|reason| format!("is not a host name: {reason}"))? {
            Host::Domain(name) => {
                check_name(&name, exact)?;
                Pattern::Name { name, itself: !below_only, below: !exact }
            }
            Host::Ipv4(ip) => Pattern::Address(public(ip.into(), below_only)?),
            Host::Ipv6(ip) => Pattern::Address(public(ip.into(), below_only)?),
        };
        Ok(Self { host, port })
    }

    fn allows(&self, host: &Host<String>, port: u16) -> bool {
        if !self.port.map_or(matches!(port, 80 | 443), |own| own == port) {
            return false;
        }
        match (&self.host, host) {
            (Pattern::Name { name, itself, below }, Host::Domain(asked)) => {
                // On a label boundary: `evil-linkedin.com` is not below `linkedin.com`.
                let is_below = asked.strip_suffix(name.as_str()).is_some_and(|front| front.ends_with('.'));
                (*itself && asked == name) || (*below && is_below)
            }
            (Pattern::Address(own), Host::Ipv4(ip)) => *own == IpAddr::V4(*ip),
            (Pattern::Address(own), Host::Ipv6(ip)) => *own == IpAddr::V6(*ip),
            _ => false,
        }
    }
}

/// A name one may list: a public suffix would let in strangers, a loopback name leads inside.
fn check_name(name: &str, exact: bool) -> Result<(), String> {
    if name == REHEARSAL_HOST {
        return Ok(());
    }
    if name == "localhost" || name.ends_with(".localhost") {
        return Err(format!("leads to this machine; only `{REHEARSAL_HOST}` does, and is always allowed"));
    }
    if !name.contains('.') {
        return Err("has a single label; name a host like `example.com`".to_owned());
    }
    if !exact && psl::domain(name.as_bytes()).is_none() {
        return Err("is a public suffix, under which anyone may have a host; name the host itself".to_owned());
    }
    Ok(())
}

fn public(ip: IpAddr, below_only: bool) -> Result<IpAddr, String> {
    if below_only {
        return Err("has nothing below it: an IP address is one host".to_owned());
    }
    if address::is_private(ip) {
        return Err("is a loopback or private address, which is never reached".to_owned());
    }
    Ok(ip)
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    match text.rsplit_once(':') {
        // `[::1]:80` has a port, a bare `2001:db8::1` has none.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) if port != 0 => Ok((host, Some(port))),
            _ => Err("has a port that is not between 1 and 65535".to_owned()),
        },
        _ => Ok((text, None)),
    }
}

/// An address taken apart: what it is, where it leads.
pub fn place_of(text: &str) -> Result<(Url, Host<String>, u16), Refusal> {
    let bad = |reason: String| Refusal::NotAnAddress(reason);
    let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::UserInfo);
    }
    let host = canonical_host(url.host_str().unwrap_or_default()).map_err(bad)?;
    let port = url.port_or_known_default().ok_or_else(|| bad("it has no port".to_owned()))?;
    Ok((url, host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [&str; 7] = [
        "linkedin.com",
        "=exact.org",
        "*.subs.net",
        "bücher.example",
        "203.0.113.5",
        "api.x.com:8443",
        "[2001:db8::1]:80",
    ];

    #[test]
    fn allowed_addresses() {
        let rules = HostRules::parse(&RULES).unwrap();
        for url in [
            "https://linkedin.com",
            "https://www.LinkedIn.com./x",
            "http://a.b.linkedin.com/",
            "https://exact.org",
            "https://q.subs.net",
            "https://bücher.example/",
            "https://xn--bcher-kva.example",
            "http://203.0.113.5/",
            "http://0xcb.0.113.5/",
            "https://api.x.com:8443/",
            "http://[2001:db8::1]/",
            "https://linkedin.com:443/",
            "https://www.linkedin。com/",
        ] {
            assert!(rules.check_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn refused_addresses() {
        let rules = HostRules::parse(&RULES).unwrap();
        for url in [
            "https://evil-linkedin.com",
            "https://linkedin.com.evil.com",
            "https://notlinkedin.com",
            "https://linkedin.com@evil.com/",
            "https://evil.com\\@linkedin.com",
            "https://user:pw@linkedin.com/",
            "https://linkedin.com:8443/",
            "https://a.exact.org",
            "https://subs.net",
            "http://2130706433/",
            "http://127.0.0.1",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost",
            "ftp://linkedin.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://linkedin.com%2eevil.com",
            "https://lіnkedin.com", // Cyrillic
            "https://linkedin。evil.com",
            "https://api.x.com/",
            "https://",
            "view-source:https://linkedin.com",
            "https://evil.com#@linkedin.com",
            "https://evil.com?linkedin.com",
            "https://linkedin.com../",
            "not a url",
        ] {
            assert!(rules.check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn refused_rules_say_why() {
        for (rule, reason) in [
            ("com", "single label"),
            ("co.uk", "public suffix"),
            ("*.github.io", "public suffix"),
            ("localhost", "this machine"),
            ("app.localhost", "this machine"),
            ("https://x.com", "bare host"),
            ("x.com/path", "bare host"),
            ("a@b.com", "bare host"),
            ("x.com:99999", "port"),
            ("x.com:0", "port"),
            ("=*.x.com", "both"),
            ("*.203.0.113.5", "nothing below"),
            ("127.0.0.1", "private"),
            ("[::ffff:10.0.0.1]", "private"),
            ("169.254.169.254", "private"),
            ("x..com.", "host name"),
            ("", "1 to"),
        ] {
            let said = HostRules::parse(&[rule]).map(|_| ()).unwrap_err().to_string();
            assert!(said.contains(reason), "{rule}: {said}");
        }
        assert!(HostRules::parse(&["=co.uk", "2001:db8::7", REHEARSAL_HOST]).is_ok());
        assert!(HostRules::parse(&vec!["x.com"; MOST_RULES + 1]).is_err());
    }

    #[test]
    fn a_refusal_advises_only_what_can_be_done() {
        for (url, advised) in [
            ("https://example.com/", "add `example.com` to the persona's hosts"),
            ("https://example.com:8443/", "add `example.com:8443` to the persona's hosts"),
            ("http://203.0.113.5:81/", "add `203.0.113.5:81` to the persona's hosts"),
            ("http://[2001:db8::7]:81/", "add `[2001:db8::7]:81` to the persona's hosts"),
            ("https://github.io/", "add `=github.io` to the persona's hosts"),
            ("http://127.0.0.1/", "no rule can allow it: it is a loopback or private address, which is never reached"),
            ("http://localhost/", "no rule can allow it: it leads to this machine"),
            ("http://intranet/", "no rule can allow it: it has a single label"),
            ("http://rehearsal.localhost:22/", "the practice site is reached on port 80 alone"),
        ] {
            let said = HostRules::default().check_url(url).unwrap_err().to_string();
            assert!(said.contains(advised), "{url}: {said}");
            let rule = advised.split('`').nth(1);
            assert!(rule.is_none_or(|rule| HostRules::parse(&[rule]).unwrap().check_url(url).is_ok()), "{url}: {said}");
        }
    }

    #[test]
    fn no_rule_allows_nothing_and_a_refusal_names_the_host_only() {
        let said = HostRules::default().check_url("https://example.com/a?token=abc").unwrap_err().to_string();
        assert!(said.contains("example.com:443") && !said.contains("abc"), "{said}");
    }
}
