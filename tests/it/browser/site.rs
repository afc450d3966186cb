//! A web site for tests: fixed answers by path, and a record of what was asked.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::task::AbortOnDropHandle;

/// What a path answers.
#[derive(Clone)]
pub enum Answer {
    /// A page.
    Html(&'static str),
    /// A page that sets this cookie.
    Cookie(&'static str, &'static str),
    /// Another type, with more header lines.
    Other(&'static str, &'static str),
    Status(&'static str),
    Redirect(&'static str),
    /// The cookies that came with the request, as a page.
    Echo,
    /// Nothing more than that it is there, once the test has opened the gate.
    Gate,
    /// Says nothing, for ever.
    Hang,
}

/// A running site.
pub struct Site {
    pub addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    changes: watch::Receiver<usize>,
    gate: watch::Sender<bool>,
    _task: AbortOnDropHandle<()>,
}

impl Site {
    pub async fn start(pages: &[(&'static str, Answer)]) -> Self {
        let pages: Arc<HashMap<&'static str, Answer>> = Arc::new(pages.iter().cloned().collect());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (changed, changes) = watch::channel(0);
        let log = asked.clone();
        let (gate, opened) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (pages, log, changed, opened) = (pages.clone(), log.clone(), changed.clone(), opened.clone());
                tokio::spawn(async move {
                    // A browser may leave at any time.
                    let _ = serve(stream, &pages, &log, &changed, opened).await;
                });
            }
        });
        Self { addr, asked, changes, gate, _task: AbortOnDropHandle::new(task) }
    }

    /// Every request so far: `POST /form a=1`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Lets the gate answer, from now on.
    pub fn open_gate(&self) {
        self.gate.send_replace(true);
    }

    /// Waits until a request begins like this.
    pub async fn was_asked(&self, start: &str) {
        let mut changes = self.changes.clone();
        while !self.asked().iter().any(|request| request.starts_with(start)) {
            changes.changed().await.unwrap();
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    pages: &HashMap<&'static str, Answer>,
    log: &Mutex<Vec<String>>,
    changed: &watch::Sender<usize>,
    mut opened: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)))
    };
    let length = header("content-length").map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await?;
    }
    let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    let line = head.lines().next().unwrap_or_default();
    let (method, path) = line.split_once(' ').unwrap_or_default();
    let path = path.split([' ', '?']).next().unwrap_or_default();
    log.lock().unwrap().push(format!("{method} {path} {body}").trim_end().to_owned());
    changed.send_modify(|count| *count += 1);
    let answer = match pages.get(path) {
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found".to_owned(),
        Some(Answer::Html(text)) => html("", text),
        Some(Answer::Cookie(cookie, text)) => html(&format!("Set-Cookie: {cookie}\r\n"), text),
        Some(Answer::Other(head, text)) => {
            format!("HTTP/1.1 200 OK\r\n{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        }
        Some(Answer::Status(status)) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
        Some(Answer::Redirect(to)) => format!("HTTP/1.1 303 See Other\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
        Some(Answer::Echo) => {
            html("", &format!("<title>echo</title>{}", header("cookie").map_or("", |(_, value)| value)))
        }
        Some(Answer::Gate) => {
            // The site ends with its test.
            let _ = opened.wait_for(|open| *open).await;
            html("", "open")
        }
        Some(Answer::Hang) => return std::future::pending().await,
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

fn html(head: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{head}Content-Length: {}\r\n\r\n{text}",
        text.len()
    )
}
