//! Where forbidden bytes would arrive: TCP and UDP listeners that name the way each one came.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// Three sinks and what reached them.
pub struct Sinks {
    pub tcp: SocketAddr,
    /// For QUIC.
    pub quic: SocketAddr,
    /// For STUN.
    pub stun: SocketAddr,
    reached: Reached,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

#[derive(Clone)]
struct Reached {
    ways: Arc<Mutex<BTreeSet<String>>>,
    count: watch::Sender<u64>,
}

impl Reached {
    fn note(&self, way: &str) {
        self.ways.lock().unwrap().insert(way.to_owned());
        self.count.send_modify(|count| *count += 1);
    }
}

impl Sinks {
    pub async fn start() -> Self {
        let reached = Reached { ways: Arc::default(), count: watch::channel(0).0 };
        // On every interface: TURN is not tried on loopback.
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let tcp = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port()));
        let noting = reached.clone();
        let mut tasks = vec![AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(take(stream, noting.clone()));
            }
        }))];
        let mut udp = Vec::new();
        for way in ["webtransport", "stun"] {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
            udp.push(socket.local_addr().unwrap());
            let noting = reached.clone();
            tasks.push(AbortOnDropHandle::new(tokio::spawn(async move {
                while socket.recv_from(&mut [0; 2048]).await.is_ok() {
                    noting.note(way);
                }
            })));
        }
        Self { tcp, quic: udp[0], stun: udp[1], reached, _tasks: tasks }
    }

    pub fn reached(&self) -> BTreeSet<String> {
        self.reached.ways.lock().unwrap().clone()
    }

    /// Waits until all of these have arrived.
    pub async fn all_of(&self, ways: &[&str]) {
        let mut count = self.reached.count.subscribe();
        while !ways.iter().all(|way| self.reached().contains(*way)) {
            count.changed().await.unwrap();
        }
    }
}

async fn take(mut stream: TcpStream, reached: Reached) {
    let mut bytes = Vec::new();
    while name(&bytes).is_none() {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            break;
        }
    }
    match name(&bytes) {
        Some(way) => reached.note(&way),
        // A connection without a word is already too much.
        None => reached.note("connect"),
    }
    // Scripts and pages are answered so that they run; a refusal of cross-origin reading would hide nothing here.
    let answer = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The way in the first label of the host (or of the TLS server name), or in the path for an address by number.
fn name(bytes: &[u8]) -> Option<String> {
    match bytes.first()? {
        0x16 => return server_name(bytes),
        // The first message of TURN begins with two zero bits.
        0x00 => return Some("turn-tcp".to_owned()),
        _ => {}
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let head = text.split_once("\r\n\r\n")?.0;
    let host = head.lines().find_map(|line| line.strip_prefix("Host: "))?;
    if host.ends_with(".evil.test") {
        return host.split('.').next().map(str::to_owned);
    }
    head.split_whitespace().nth(1)?.trim_start_matches('/').split(['?', '/']).next().map(str::to_owned)
}

/// The server name stands in clear in the first message of TLS.
fn server_name(bytes: &[u8]) -> Option<String> {
    let end = bytes.windows(10).position(|window| window == b".evil.test")?;
    let label: Vec<u8> =
        bytes[..end].iter().rev().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').copied().collect();
    String::from_utf8(label.into_iter().rev().collect()).ok()
}
