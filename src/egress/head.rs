//! Heads of HTTP messages as the proxy sees them: where a request leads, and how it is passed on.

use url::Url;

/// Longest head of a request or an answer.
pub(super) const LONGEST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 200;

/// What a client asks of the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// `CONNECT host:port`: bytes both ways.
    Tunnel { host: String, port: u16 },
    /// One plain request: its head in origin form, and how many body bytes follow.
    Plain { host: String, port: u16, head: Vec<u8>, body: u64 },
}

/// A request that is not passed on: the status it gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const BAD_REQUEST: Malformed = Malformed("400 Bad Request");

/// Length of the head if the bytes hold a whole one.
pub(super) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads a whole head.
pub(super) fn read_ask(bytes: &[u8]) -> Result<Ask, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(BAD_REQUEST),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(BAD_REQUEST) };
    if method.eq_ignore_ascii_case("CONNECT") {
        let (host, port) = target.rsplit_once(':').ok_or(BAD_REQUEST)?;
        return Ok(Ask::Tunnel { host: host.to_owned(), port: port.parse().map_err(|_| BAD_REQUEST)? });
    }
    let url = Url::parse(target).map_err(|_| BAD_REQUEST)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if url.scheme() != "http" || host.is_empty() {
        return Err(BAD_REQUEST);
    }
    let body = body_length(request.headers)?;
    let head = origin_form(method, &url, request.headers);
    Ok(Ask::Plain { port: url.port_or_known_default().unwrap_or(80), host, head, body })
}

/// Without a length the end of a body could not be told from a second request riding behind it.
fn body_length(headers: &[httparse::Header<'_>]) -> Result<u64, Malformed> {
    let named = |name: &str| headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).collect();
    let (chunked, lengths): (Vec<_>, Vec<_>) = (named("transfer-encoding"), named("content-length"));
    if !chunked.is_empty() {
        return Err(Malformed("411 Length Required"));
    }
    match lengths.as_slice() {
        [] => Ok(0),
        [one] => std::str::from_utf8(one.value).ok().and_then(|text| text.trim().parse().ok()).ok_or(BAD_REQUEST),
        _ => Err(BAD_REQUEST),
    }
}

fn origin_form(method: &str, url: &Url, headers: &[httparse::Header<'_>]) -> Vec<u8> {
    let mut path = url.path().to_owned();
    if let Some(query) = url.query() {
        path = format!("{path}?{query}");
    }
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n").into_bytes();
    push_headers(&mut head, headers, &["host"]);
    head
}

/// The head of an answer, told to close; and whether another head follows it (`100 Continue`, early hints).
pub(super) fn closing_answer(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    if !matches!(response.parse(bytes), Ok(httparse::Status::Complete(_))) {
        return None;
    }
    let code = response.code?;
    if (100..200).contains(&code) {
        return Some((bytes.to_vec(), true));
    }
    let mut head = format!("HTTP/1.1 {code} {}\r\n", response.reason.unwrap_or_default()).into_bytes();
    push_headers(&mut head, response.headers, &[]);
    Some((head, false))
}

/// Copies headers that are meant for the other end, and ends the head.
fn push_headers(head: &mut Vec<u8>, headers: &[httparse::Header<'_>], but: &[&str]) {
    const FOR_THIS_HOP: [&str; 6] =
        ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "upgrade"];
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        if FOR_THIS_HOP.contains(&name.as_str()) || but.contains(&name.as_str()) {
            continue;
        }
        head.extend_from_slice(header.name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(header.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_names_host_and_port() {
        let ask = read_ask(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n");
        assert_eq!(ask, Ok(Ask::Tunnel { host: "example.com".into(), port: 443 }));
        assert!(read_ask(b"CONNECT example.com HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn a_plain_request_goes_on_in_origin_form_and_closes() {
        let ask = read_ask(
            b"POST http://Example.com:8080/a?b=1 HTTP/1.1\r\nHost: other\r\nConnection: keep-alive\r\n\
              Proxy-Connection: keep-alive\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
        );
        let Ok(Ask::Plain { host, port, head, body }) = ask else { panic!("{ask:?}") };
        assert_eq!((host.as_str(), port, body), ("example.com", 8080, 3));
        let head = String::from_utf8(head).unwrap();
        assert_eq!(
            head,
            "POST /a?b=1 HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 3\r\nX: y\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_could_hide_a_second_request_is_refused() {
        for head in [
            "POST http://a.com/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST http://a.com/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST http://a.com/ HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "GET /origin-form HTTP/1.1\r\nHost: a.com\r\n\r\n",
            "GET https://a.com/ HTTP/1.1\r\n\r\n",
            "GET ftp://a.com/ HTTP/1.1\r\n\r\n",
            "\u{0}\u{1}\r\n\r\n",
        ] {
            assert!(read_ask(head.as_bytes()).is_err(), "{head}");
        }
    }

    #[test]
    fn an_answer_closes_unless_it_is_only_provisional() {
        let (head, more) = closing_answer(b"HTTP/1.1 200 OK\r\nKeep-Alive: x\r\nA: b\r\n\r\n").unwrap();
        assert_eq!(String::from_utf8(head).unwrap(), "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n");
        assert!(!more);
        assert!(closing_answer(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap().1);
        assert!(closing_answer(b"nonsense\r\n\r\n").is_none());
    }
}
