//! A model provider that follows a script, over real HTTP, in both wire forms.
//!
//! `Mock::start([Reply::text("Hello."), Reply::call("get_weather", json!({"city": "Oslo"}))]).await` answers the first
//! request with the text, the second with the call, and every further one with 400 "the script is at its end". Whether a
//! request comes to `/v1/chat/completions` or `/v1/messages`, whole or streamed, the same script answers it; streams are
//! cut into parts in inconvenient places. [`Mock::config`] is a configuration that asks it.

mod forms;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::TcpListener,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes},
};
use futures::{future, stream};
use greenroom::config::{ModelsConfig, ProviderConfig, ProviderKind};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

/// Tokens that every answer says it took in and put out.
pub const USED: (u64, u64) = (100, 20);

/// What is done with one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer, whole or streamed as it was asked for.
    Answer { text: String, calls: Vec<(String, Value)> },
    /// No success. `retry_after` is sent as it is.
    Status { status: u16, retry_after: Option<String>, reason: String },
    /// Nothing at all, not even a status.
    Hang,
    /// The beginning of this text, streamed; then silence.
    Stall(String),
    /// The beginning of this text, streamed; then the connection breaks inside an event.
    Break(String),
    /// This text, streamed; then the stream ends in good order, but without the events that say so.
    EndEarly(String),
    /// Text without end, streamed, as fast as it is read.
    Endless,
    /// A success whose body is this, sent as JSON or as a stream, as it was asked for.
    Raw(String),
}

impl Reply {
    /// A text.
    pub fn text(text: &str) -> Self {
        Self::Answer { text: text.to_owned(), calls: Vec::new() }
    }

    /// One call without a text.
    pub fn call(name: &str, arguments: Value) -> Self {
        Self::calls([(name, arguments)])
    }

    /// Several calls at once.
    pub fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let calls = calls.into_iter().map(|(name, arguments)| (name.to_owned(), arguments));
        Self::Answer { text: String::new(), calls: calls.collect() }
    }

    /// This status, to be asked again at once.
    pub fn soon(status: u16) -> Self {
        Self::Status { status, retry_after: Some("0".to_owned()), reason: "come back".to_owned() }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Seen {
    fn is_streamed(&self) -> bool {
        self.body["stream"] == true
    }

    fn kind(&self) -> ProviderKind {
        if self.path.ends_with("/messages") { ProviderKind::Anthropic } else { ProviderKind::OpenAi }
    }
}

/// The provider while it runs; it ends when this is dropped.
pub struct Mock {
    url: String,
    desk: Arc<Desk>,
    server: ServerHandle,
}

type Script = Box<dyn FnMut(&Seen) -> Reply + Send>;

struct Desk {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    /// Streams that their readers left.
    left: watch::Sender<usize>,
}

impl Mock {
    /// Answers one request after another as the list says.
    pub async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let mut script: VecDeque<_> = script.into_iter().collect();
        let over = || Reply::Status { status: 400, retry_after: None, reason: "the script is at its end".to_owned() };
        Self::answering(move |_| script.pop_front().unwrap_or_else(over)).await
    }

    /// Answers each request as this says.
    pub async fn answering(script: impl FnMut(&Seen) -> Reply + Send + 'static) -> Self {
        let script: Script = Box::new(script);
        let desk = Arc::new(Desk { script: Mutex::new(script), seen: Mutex::default(), left: watch::Sender::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let data = web::Data::from(desk.clone());
        let app = move || App::new().app_data(data.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, desk, server: handle }
    }

    /// What goes into `base_url`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Seen> {
        self.desk.seen.lock().unwrap().clone()
    }

    /// Returns when a reader has left a stream before its end.
    pub async fn was_left(&self) {
        self.desk.left.subscribe().wait_for(|left| *left > 0).await.unwrap();
    }

    /// This mock as a provider: no key, a millionth of a dollar per token.
    pub fn provider(&self, kind: ProviderKind) -> ProviderConfig {
        let (input, output) = (Some(1_000_000), Some(1_000_000));
        ProviderConfig {
            kind,
            key_secret: String::new(),
            input_micro_usd_per_million: input,
            output_micro_usd_per_million: output,
            ..super::provider(self.url())
        }
    }

    /// This mock as the only provider and the default, named `house`.
    pub fn config(&self, kind: ProviderKind) -> ModelsConfig {
        super::config(self.provider(kind))
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        // The order is given here and now; what it returns only waits.
        drop(self.server.stop(false));
    }
}

async fn answer(request: HttpRequest, body: Bytes, desk: web::Data<Desk>) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let seen = Seen { path: request.path().to_owned(), headers: headers.collect(), body };
    let number = {
        let mut all = desk.seen.lock().unwrap();
        all.push(seen.clone());
        all.len()
    };
    let reply = (desk.script.lock().unwrap())(&seen);
    respond(&seen, number, reply, desk.into_inner()).await
}

async fn respond(seen: &Seen, number: usize, reply: Reply, desk: Arc<Desk>) -> HttpResponse {
    let kind = seen.kind();
    match reply {
        Reply::Answer { text, calls } if seen.is_streamed() => {
            let parts = forms::streamed(kind, number, &text, &calls);
            streaming(desk, parts, After::End)
        }
        Reply::Answer { text, calls } => HttpResponse::Ok().json(forms::whole(kind, number, &text, &calls)),
        Reply::Status { status, retry_after, reason } => {
            let mut response = HttpResponse::build(status.try_into().unwrap());
            retry_after.map(|value| response.insert_header(("retry-after", value)));
            response.json(forms::error(kind, &reason))
        }
        Reply::Hang => future::pending().await,
        Reply::Stall(text) => streaming(desk, forms::begun(kind, &text), After::Silence),
        Reply::Break(text) => streaming(desk, forms::begun(kind, &text), After::Break(forms::half(kind))),
        Reply::EndEarly(text) => streaming(desk, forms::begun(kind, &text), After::End),
        Reply::Endless => {
            streaming(desk, forms::begun(kind, "On"), After::More(forms::more(kind, &" and on".repeat(128))))
        }
        Reply::Raw(body) if seen.is_streamed() => streaming(desk, vec![body.into()], After::End),
        Reply::Raw(body) => HttpResponse::Ok().content_type("application/json").body(body),
    }
}

enum After {
    End,
    Silence,
    /// After these bytes.
    Break(Bytes),
    More(Bytes),
}

fn streaming(desk: Arc<Desk>, parts: Vec<Bytes>, after: After) -> HttpResponse {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(1);
    tokio::spawn(async move {
        let mut open = true;
        for part in parts {
            open = open && sender.send(Ok(part)).await.is_ok();
        }
        match after {
            After::End => {}
            After::Silence => sender.closed().await,
            After::Break(half) => {
                for part in [Ok(half), Err(io::Error::other("broken on purpose"))] {
                    open = open && sender.send(part).await.is_ok();
                }
            }
            After::More(part) => while sender.send(Ok(part.clone())).await.is_ok() {},
        }
        if !open || sender.is_closed() {
            desk.left.send_modify(|left| *left += 1);
        }
    });
    let parts = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    HttpResponse::Ok().content_type("text/event-stream").streaming(Box::pin(parts))
}
