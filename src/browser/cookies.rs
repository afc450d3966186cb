//! The cookie sidecar: Chromium writes cookies to disk only now and then, so a crash would lose a fresh login.
//!
//! Saved when a slice ends, after an act that opened a page, and last before a clean close; restored at every start.
//! So session cookies survive a pause too.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use actors::{domain::PersonaId, ports::BoxError};
use chromiumoxide::Browser;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{cdp::ask_browser, fault::Fault, tab::SHORT};

/// Encrypts what lies beside a profile, bound to its owner and name.
pub trait SealBytes: Send + Sync {
    /// The sealed form, complete with whatever opening it needs.
    fn seal(&self, owner: &str, name: &str, plain: &[u8]) -> Result<Vec<u8>, BoxError>;

    /// The inverse; fails when a byte, the owner or the name is another one.
    fn open(&self, owner: &str, name: &str, sealed: &[u8]) -> Result<Vec<u8>, BoxError>;
}

const NAME: &str = "browser.cookies";

/// What was saved last, so that the same is not written again.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Saved(Option<[u8; 32]>);

/// The cookies could not be kept or brought back.
#[derive(Debug, thiserror::Error)]
pub(super) enum CookieError {
    #[error("Chromium did not hand over its cookies ({0})")]
    Browser(String),
    #[error("the cookie file cannot be written or read")]
    File(#[from] io::Error),
    #[error("the cookie file cannot be sealed or opened; is the key file the right one?")]
    Seal(#[source] BoxError),
    #[error("the cookie file does not hold cookies")]
    Content(#[from] serde_json::Error),
}

fn owner(persona: PersonaId) -> String {
    format!("persona:{persona}")
}

/// Durable when it returns.
pub(super) async fn save(
    browser: &Browser,
    file: &Path,
    persona: PersonaId,
    seal: &dyn SealBytes,
    last: Saved,
) -> Result<Saved, CookieError> {
    let answer = ask_browser(browser, "Storage.getCookies", json!({}), SHORT).await.map_err(fault)?;
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(&answer["cookies"])?);
    let now = Saved(Some(Sha256::digest(&plain).into()));
    if now == last {
        return Ok(now);
    }
    let sealed = seal.seal(&owner(persona), NAME, &plain).map_err(CookieError::Seal)?;
    let file = file.to_owned();
    let written = tokio::task::spawn_blocking(move || replace(&file, &sealed)).await;
    written.map_err(io::Error::other)??;
    Ok(now)
}

/// The whole new file or the whole old one, never a part.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = file.with_extension("new");
    let mut to = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
    to.write_all(bytes)?;
    to.sync_data()?;
    fs::rename(&fresh, file)
}

/// Brings back what was saved; a missing file is an empty one.
pub(super) async fn restore(
    browser: &Browser,
    file: &Path,
    persona: PersonaId,
    seal: &dyn SealBytes,
) -> Result<usize, CookieError> {
    let sealed = match fs::read(file) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let plain = zeroize::Zeroizing::new(seal.open(&owner(persona), NAME, &sealed).map_err(CookieError::Seal)?);
    let cookies: Vec<Map<String, Value>> = serde_json::from_slice(&plain)?;
    let cookies: Vec<Value> = cookies.iter().map(settable).collect();
    let count = cookies.len();
    if count > 0 {
        let params = json!({ "cookies": cookies });
        ask_browser(browser, "Storage.setCookies", params, SHORT).await.map_err(fault)?;
    }
    Ok(count)
}

fn fault(fault: Fault) -> CookieError {
    CookieError::Browser(fault.into_error().text)
}

/// A cookie as it is set: one bound to a single host is set through an address, else it would spread below it.
fn settable(cookie: &Map<String, Value>) -> Value {
    const SAME: [&str; 9] =
        ["name", "value", "path", "secure", "httpOnly", "sameSite", "priority", "sourceScheme", "partitionKey"];
    let mut set: Map<String, Value> =
        SAME.iter().filter_map(|name| Some(((*name).to_owned(), cookie.get(*name)?.clone()))).collect();
    let text = |name: &str| cookie.get(name).and_then(Value::as_str).unwrap_or_default();
    let domain = text("domain");
    if domain.starts_with('.') {
        set.insert("domain".to_owned(), json!(domain));
    } else {
        let scheme = if cookie.get("secure") == Some(&Value::Bool(true)) { "https" } else { "http" };
        set.insert("url".to_owned(), json!(format!("{scheme}://{domain}{}", text("path"))));
    }
    if cookie.get("session") != Some(&Value::Bool(true)) {
        set.insert("expires".to_owned(), cookie.get("expires").cloned().unwrap_or(Value::Null));
    }
    Value::Object(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cookie_stays_on_its_host_and_a_session_cookie_ends_with_the_session() {
        let cookie = |value: Value| settable(value.as_object().unwrap());
        let host =
            cookie(json!({"name": "a", "value": "1", "domain": "x.com", "path": "/p", "secure": true, "size": 2,
            "session": true, "expires": -1}));
        assert_eq!(host, json!({"name": "a", "value": "1", "path": "/p", "secure": true, "url": "https://x.com/p"}));
        let wide = cookie(json!({"name": "a", "value": "1", "domain": ".x.com", "path": "/", "session": false,
            "expires": 1.5}));
        assert_eq!(wide, json!({"name": "a", "value": "1", "path": "/", "domain": ".x.com", "expires": 1.5}));
    }

    #[test]
    fn the_file_is_private_and_replaced_whole() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cookies.sealed");
        replace(&file, b"old").unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
