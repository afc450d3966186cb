//! The real server as a process that can be killed, asked over HTTP and watched over its live stream.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use async_tungstenite::{
    WebSocketStream,
    tokio::{TokioAdapter, client_async},
    tungstenite::Message,
};
use futures::StreamExt as _;
use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::Child,
    sync::mpsc,
    time::timeout,
};

use super::place::Place;

/// The most anything that must come may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Among the boundaries: it has greeted.
const GREETING: &str = "}";

/// A running server; killed when dropped.
pub(super) struct Server {
    child: Child,
    /// Boundaries as they are passed.
    boundaries: mpsc::UnboundedReceiver<String>,
    passed: Vec<String>,
    caller: Caller,
}

/// Asks a server; goes on asking when that one is gone.
#[derive(Clone)]
pub(super) struct Caller {
    base: String,
    token: String,
    client: Client,
}

/// The live stream of receipts.
pub(super) struct Live(WebSocketStream<TokioAdapter<TcpStream>>);

impl Server {
    /// Starts and waits until it answers. `stop_at`: the boundary it stands still at; empty: none, but all are told.
    pub(super) async fn start(place: &Place, practice: SocketAddr, stop_at: Option<&str>) -> Self {
        let mut command = place.server();
        command.args(["serve", "--json"]).env("BROWSER_ROOT", place.browsers()).env("PORT", "0");
        command.env("FAILPOINT_REHEARSAL", practice.to_string());
        // What else this machine does is no matter of the test.
        command.env("GREENROOM_LOAD__ADAPT", "false");
        if let Some(boundary) = stop_at {
            command.env("FAILPOINT_AT", boundary);
        }
        // What it says on standard error is in its log file too.
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (told, boundaries) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let told = match line.strip_prefix("failpoint: ") {
                    Some(boundary) => told.send(boundary.to_owned()),
                    // The last line of the greeting: from now on it answers.
                    None if line == GREETING => told.send(GREETING.to_owned()),
                    None => Ok(()),
                };
                if told.is_err() {
                    return;
                }
            }
        });
        let caller = Caller { base: String::new(), token: String::new(), client: Client::new() };
        let mut server = Self { child, boundaries, passed: Vec::new(), caller };
        server.passes(GREETING).await;
        let announced = std::fs::read(place.data_root.join("server.json")).unwrap();
        let announced: Value = serde_json::from_slice(&announced).unwrap();
        [server.caller.base, server.caller.token] =
            ["url", "token"].map(|key| announced[key].as_str().unwrap().to_owned());
        server
    }

    /// Waits until it has come to this boundary.
    pub(super) async fn passes(&mut self, boundary: &str) {
        let hit = async {
            while !self.passed.iter().any(|passed| passed == boundary) {
                let Some(passed) = self.boundaries.recv().await else { return false };
                self.passed.push(passed);
            }
            true
        };
        let hit = timeout(PATIENCE, hit).await;
        assert_eq!(hit, Ok(true), "the boundary `{boundary}` was not hit, these were: {:#?}", self.passed);
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// `kill -9`.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it in good order; every boundary that it passed.
    pub(super) async fn end(mut self) -> Vec<String> {
        let pid = Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let code = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code();
        assert_eq!(code, Some(0), "it ends in good order");
        while let Some(passed) = self.boundaries.recv().await {
            self.passed.push(passed);
        }
        self.passed.retain(|passed| passed != GREETING);
        self.passed
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.caller.request(method, path)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// All receipts of a goal on all chains, in order.
    pub(super) async fn receipts(&self, goal: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/receipts?goal={goal}&order=oldest&limit=500")).await;
        assert!(page["next"].is_null(), "one page holds them");
        page["items"].as_array().unwrap().clone()
    }

    /// The goal, once nothing more happens to it by itself, at least not for a while.
    pub(super) async fn at_rest(&self, goal: &str) -> Value {
        self.until(goal, |goal| is_over(goal) || goal["parked_on"] == "reconcile" || !goal["due_ms"].is_null()).await
    }

    /// The goal, once it is over.
    pub(super) async fn over(&self, goal: &str) -> Value {
        self.until(goal, is_over).await
    }

    async fn until(&self, goal: &str, wanted: fn(&Value) -> bool) -> Value {
        let path = format!("/api/goals/{goal}");
        let mut live = self.live().await;
        let mut last = Value::Null;
        let wait = async {
            loop {
                last = self.get(&path).await;
                if wanted(&last) {
                    return;
                }
                live.receipt().await;
            }
        };
        let came = timeout(PATIENCE, wait).await;
        assert!(came.is_ok(), "the goal does not come to where it should: {last:#}");
        last
    }

    /// What is answered, whatever it is.
    pub(super) async fn ask(&self, request: RequestBuilder) -> (u16, String) {
        let sent = request.send().await.unwrap();
        (sent.status().as_u16(), sent.text().await.unwrap())
    }

    /// From now on: what is written is seen.
    pub(super) async fn live(&self) -> Live {
        let made = self.post("/api/auth/ticket", &json!({})).await;
        let host = self.caller.base.trim_start_matches("http://");
        let address = format!("ws://{host}/ws/evidence?ticket={}", made["ticket"].as_str().unwrap());
        let stream = TcpStream::connect(host).await.unwrap();
        Live(client_async(address, stream).await.unwrap().0)
    }
}

impl Caller {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}

impl Live {
    /// Waits until anything is told: a receipt, that some were left out, who is awake.
    pub(super) async fn news(&mut self) {
        while !matches!(self.0.next().await.unwrap().unwrap(), Message::Text(_)) {}
    }

    /// Waits for the next receipt.
    async fn receipt(&mut self) -> Value {
        loop {
            let Message::Text(text) = self.0.next().await.unwrap().unwrap() else { continue };
            let mut frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == "receipt" {
                return frame["receipt"].take();
            }
        }
    }

    /// Waits for a receipt that fits.
    pub(super) async fn saw(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let receipt = self.receipt().await;
                if fits(&receipt) {
                    return receipt;
                }
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("no receipt came of {what}"))
    }
}

fn is_over(goal: &Value) -> bool {
    ["done", "unconfirmed", "failed", "cancelled"].iter().any(|state| goal["state"] == *state)
}

async fn answer(request: RequestBuilder) -> Value {
    let sent = request.send().await.unwrap();
    let (status, text) = (sent.status(), sent.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}
