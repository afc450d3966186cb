//! One connection from a browser to its gate: judged, resolved here, passed on or refused.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actors::domain::canonical_host;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{
    Guard, address,
    head::{Ask, LONGEST_HEAD, Malformed, closing_answer, end_of_head, read_ask},
    refusals::Why,
};

/// A browser may open a connection before it has something to ask, but not for ever.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Serves one connection until either side leaves or the rules no longer allow it.
pub(super) async fn serve(mut client: TcpStream, guard: Arc<Guard>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut bytes = Vec::with_capacity(2048);
    let Some(end) = read_head(&mut client, &mut bytes, HEAD_LIMIT).await? else { return Ok(()) };
    let ask = match read_ask(&bytes[..end]) {
        Ok(ask) => ask,
        Err(Malformed(status)) => return answer(&mut client, status).await,
    };
    let (host, port) = match &ask {
        Ask::Tunnel { host, port } | Ask::Plain { host, port, .. } => (host.clone(), *port),
    };
    // Before anything is looked up: new rules must also end what was allowed a moment ago.
    let mut rules_changed = guard.rules_changed();
    let upstream = match reach(&guard, &host, port).await {
        Ok(upstream) => upstream,
        Err(why) => {
            guard.refusals.note(&host, port, why);
            let status = match why {
                Why::TooFast => "429 Too Many Requests",
                why if why.is_rule() => "403 Forbidden",
                _ => "502 Bad Gateway",
            };
            return answer(&mut client, status).await;
        }
    };
    guard.reached.note(&host, port);
    let rest = bytes.split_off(end);
    let passing = async {
        match ask {
            Ask::Tunnel { .. } => tunnel(client, upstream, &rest).await,
            Ask::Plain { head, body, .. } => exchange(client, upstream, &head, &rest, body).await,
        }
    };
    let forbidden = async {
        while rules_changed.changed().await.is_ok() {
            if !allowed_now(&guard, &host, port) {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        done = passing => done,
        () = forbidden => Ok(()),
    }
}

/// None: the other side left before it had said anything whole.
async fn read_head(from: &mut TcpStream, bytes: &mut Vec<u8>, limit: Duration) -> io::Result<Option<usize>> {
    let reading = async {
        loop {
            if let Some(end) = end_of_head(bytes) {
                return Ok(Some(end));
            }
            if bytes.len() > LONGEST_HEAD || from.read_buf(bytes).await? == 0 {
                return Ok(None);
            }
        }
    };
    timeout(limit, reading).await.unwrap_or(Ok(None))
}

async fn answer(client: &mut TcpStream, status: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).await?;
    client.shutdown().await
}

fn allowed_now(guard: &Guard, host: &str, port: u16) -> bool {
    canonical_host(host).is_ok_and(|host| guard.judge(&host, port).is_ok())
}

/// A connection to exactly the address that was judged: a name cannot change its mind in between.
async fn reach(guard: &Guard, host: &str, port: u16) -> Result<TcpStream, Why> {
    let host = canonical_host(host).map_err(|_| Why::NotListed)?;
    guard.judge(&host, port).map_err(|_| Why::NotListed)?;
    guard.admit(&host).await.map_err(|kept| Why::from(&kept))?;
    // Waiting for its turn took time: rules may have changed.
    guard.judge(&host, port).map_err(|_| Why::NotListed)?;
    let addresses = match guard.mapped(&host, port) {
        Some(address) => vec![address],
        None => resolve(&host, port).await?,
    };
    let connecting = async {
        for address in addresses {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Ok(stream);
            }
        }
        Err(Why::Unreachable)
    };
    let stream = timeout(CONNECT_LIMIT, connecting).await.unwrap_or(Err(Why::Unreachable))?;
    stream.set_nodelay(true).map_err(|_| Why::Unreachable)?;
    Ok(stream)
}

async fn resolve(host: &url::Host<String>, port: u16) -> Result<Vec<SocketAddr>, Why> {
    let found: Vec<SocketAddr> = match host {
        url::Host::Ipv4(ip) => vec![(*ip, port).into()],
        url::Host::Ipv6(ip) => vec![(*ip, port).into()],
        url::Host::Domain(name) => match timeout(RESOLVE_LIMIT, lookup_host((name.as_str(), port))).await {
            Ok(Ok(found)) => found.take(16).collect(),
            _ => return Err(Why::NoAddress),
        },
    };
    let outside: Vec<_> = found.iter().copied().filter(|address| !address::is_private(address.ip())).collect();
    match (found.is_empty(), outside.is_empty()) {
        (true, _) => Err(Why::NoAddress),
        (false, true) => Err(Why::Private),
        (false, false) => Ok(outside),
    }
}

async fn tunnel(mut client: TcpStream, mut upstream: TcpStream, rest: &[u8]) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
    upstream.write_all(rest).await?;
    copy_bidirectional(&mut client, &mut upstream).await.map(|_| ())
}

/// One request, one answer: browsers would otherwise send requests for other hosts over the same connection.
async fn exchange(
    mut client: TcpStream,
    mut upstream: TcpStream,
    head: &[u8],
    rest: &[u8],
    body: u64,
) -> io::Result<()> {
    upstream.write_all(head).await?;
    let early = &rest[..rest.len().min(usize::try_from(body).unwrap_or(usize::MAX))];
    upstream.write_all(early).await?;
    let missing = body - early.len() as u64;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_upstream, mut to_upstream) = upstream.split();
    let sending = async {
        copy(&mut (&mut from_client).take(missing), &mut to_upstream).await?;
        // Nothing more is passed on; the end of the client's side ends the exchange.
        copy(&mut from_client, &mut tokio::io::sink()).await.map(|_| ())
    };
    let receiving = async {
        let rest = pass_answer_head(&mut from_upstream, &mut to_client).await?;
        to_client.write_all(&rest).await?;
        copy(&mut from_upstream, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::select! {
        done = sending => done,
        done = receiving => done,
    }
}

/// Passes the head on, with its connection told to close; returns what of the body came with it.
async fn pass_answer_head(
    from: &mut tokio::net::tcp::ReadHalf<'_>,
    to: &mut tokio::net::tcp::WriteHalf<'_>,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    loop {
        while let Some(end) = end_of_head(&bytes) {
            let rest = bytes.split_off(end);
            let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
            let (head, provisional) = closing_answer(&bytes).ok_or_else(nonsense)?;
            to.write_all(&head).await?;
            bytes = rest;
            if !provisional {
                return Ok(bytes);
            }
        }
        if bytes.len() > LONGEST_HEAD || from.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
