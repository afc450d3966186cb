//! How a host is spelled: one way, wherever hosts are compared. Pure.

use url::{Host, Url};

/// One spelling per host: IDNA to punycode, odd IPv4 forms to IPv4, IPv4 in IPv6 to IPv4, no dot at the end. The error
/// says what is wrong with it.
pub fn canonical_host(host: &str) -> Result<Host<String>, String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.split('.').any(str::is_empty) && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err("a part of it is empty".to_owned());
    }
    let bare_v6 = host.parse::<std::net::Ipv6Addr>().ok().map(Host::Ipv6);
    let parsed = bare_v6.map_or_else(|| Host::parse(host).map_err(|error| error.to_string()), Ok)?;
    Ok(match parsed {
        Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(Host::Ipv6(ip), Host::Ipv4),
        other => other,
    })
}

/// The host of an address; none: it has none that anybody could reach.
pub fn host_of(url: &str) -> Option<String> {
    canonical_host(Url::parse(url).ok()?.host_str()?).ok().map(|host| host.to_string())
}
