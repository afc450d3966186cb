//! Where a call comes from: our own pages, an allowed origin, this machine.

use actix_web::{HttpRequest, http::header};

use super::{Caller, Via};
use crate::{
    storage::UserRole,
    web::{Deps, errors::Problem, trace::trace_of},
};

/// Whether an `Origin` is ours (the host the request was sent to) or on the list.
pub fn is_own(origin: &str, host: &str, allowed: &[String]) -> bool {
    let same = |scheme: &str| origin.strip_prefix(scheme).is_some_and(|rest| rest.eq_ignore_ascii_case(host));
    same("http://") || same("https://") || allowed.iter().any(|one| one.trim_end_matches('/') == origin)
}

/// A call that a browser would also send for a foreign page must show that it comes from ours.
pub fn own_origin_needed(request: &HttpRequest, allowed: &[String]) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
    let own = match (text(header::ORIGIN), text(header::HeaderName::from_static("sec-fetch-site"))) {
        (Some(origin), _) => is_own(origin, text(header::HOST).unwrap_or_default(), allowed),
        (None, site) => site == Some("same-origin"),
    };
    let detail = "The call does not come from this server's own pages (`Origin`). Add the origin to \
                  `server.allowed_origins`, or use a token.";
    if own { Ok(()) } else { Err(Problem::forbidden(detail)) }
}

/// Seeding: switched on, from this machine, and not by a foreign page in this machine's browser.
pub(super) fn seeder(request: &HttpRequest, deps: &Deps) -> Result<Caller, Problem> {
    if !deps.config.server.allow_seed {
        return Err(Problem::not_found("address", request.path()));
    }
    let local_peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|h| request.headers().contains_key(*h));
    let named_locally = is_local_host(request.headers().get(header::HOST).and_then(|host| host.to_str().ok()));
    if !local_peer || forwarded || !named_locally {
        return Err(Problem::forbidden("Seeding answers only calls from this machine."));
    }
    if request.headers().contains_key(header::ORIGIN) || request.headers().contains_key("sec-fetch-site") {
        own_origin_needed(request, &[])?;
    }
    let (name, trace) = ("seed".to_owned(), trace_of(request));
    Ok(Caller { user: None, name, role: UserRole::Owner, via: Via::Loopback, trace })
}

/// A name that a foreign site cannot point at this machine.
fn is_local_host(host: Option<&str>) -> bool {
    let Some(url) = host.and_then(|host| url::Url::parse(&format!("http://{host}")).ok()) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_ours_only_whole() {
        let allowed = ["https://ops.example.com/".to_owned()];
        assert!(is_own("http://127.0.0.1:7878", "127.0.0.1:7878", &[]));
        assert!(is_own("https://ops.example.com", "127.0.0.1:7878", &allowed));
        for foreign in ["http://127.0.0.1:7879", "http://127.0.0.1:7878.evil.com", "null", "", "https://example.com"] {
            assert!(!is_own(foreign, "127.0.0.1:7878", &allowed), "{foreign}");
        }
    }

    #[test]
    fn only_fixed_names_are_local() {
        assert!(is_local_host(Some("localhost:7878")) && is_local_host(Some("[::1]:1")));
        assert!(!is_local_host(Some("evil.com:7878")) && !is_local_host(None));
    }
}
