//! The web application: routes, the hosts it answers to, limits, and what a refusal looks like.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer, ResponseError,
    body::MessageBody,
    dev::{Server, ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::{DefaultHeaders, Next, from_fn},
    web,
};
use askama::Template;

use super::{
    HOST, MOST_CONNECTIONS, board, deliverables, feed, login, mail,
    pages::{Frame, ProblemPage},
    practice,
    store::{Store, StoreError},
};

/// A form may not be larger than this.
const MOST_FORM_BYTES: usize = 64 << 10;

/// Binds the port and builds the server; nothing is served until it is polled.
pub(super) fn serve(store: Store, port: u16) -> io::Result<(SocketAddr, Server)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let addr = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(store.clone()))
            .app_data(web::FormConfig::default().limit(MOST_FORM_BYTES).error_handler(|e, _| Problem::form(&e).into()))
            .wrap(from_fn(only_known_hosts))
            .wrap(
                DefaultHeaders::new()
                    .add((header::CONTENT_SECURITY_POLICY, "default-src 'self'; img-src 'self' data:")),
            )
            .configure(routes)
            .default_service(web::to(nowhere))
    })
    .workers(1)
    .max_connections(MOST_CONNECTIONS)
    .client_request_timeout(Duration::from_secs(10))
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok((addr, server))
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(board::home))
        .route("/static/{file}", web::get().to(practice::asset))
        .configure(login::routes)
        .configure(board::routes)
        .configure(deliverables::routes)
        .configure(mail::routes)
        .configure(feed::routes)
        .configure(practice::routes);
}

/// Answers only under its own name or as plain loopback, and takes forms only from its own pages.
async fn only_known_hosts(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let header = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let host = header(header::HOST).or_else(|| request.uri().host()).unwrap_or_default();
    let origin = header(header::ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
    let foreign = !request.method().is_safe() && origin.is_some_and(|origin| !is_ours(origin));
    if is_ours(host) && !foreign { next.call(request).await } else { Err(Problem::Misdirected.into()) }
}

fn is_ours(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _port)| host);
    host.eq_ignore_ascii_case(HOST) || host == "127.0.0.1"
}

async fn nowhere() -> Result<HttpResponse, Problem> {
    Err(Problem::NoSuchPage)
}

/// A page as an answer.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let html = page.render().map_err(|_| Problem::Unavailable("the page could not be drawn".to_owned()))?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
}

/// See the other page: what follows a form that was taken.
pub(super) fn see(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish()
}

/// The frame around a page, for whoever asks.
pub(super) fn frame(request: &HttpRequest, store: &Store, here: &'static str) -> Frame {
    Frame { email: login::visitor(request, store), here }
}

/// Carries out blocking work on the store.
pub(super) async fn write<T: Send + 'static>(
    store: &Store,
    act: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = store.clone();
    let done = web::block(move || act(&store)).await.map_err(|_| StoreError::Interrupted);
    done.and_then(|result| result).map_err(|error| {
        tracing::warn!("rehearsal site could not record a submission: {error}");
        Problem::Unavailable(error.to_string())
    })
}

/// A text field, without blanks around it; refused when empty or too long.
pub(super) fn field(name: &str, text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(format!("{name} must not be empty")),
        count if count > most => Err(format!("{name} has {count} characters; at most {most} are taken")),
        _ => Ok(text.to_owned()),
    }
}

/// What went wrong, as a page.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("There is no such page. The board is at /jobs.")]
    NoSuchPage,
    #[error("This site answers only to http://rehearsal.localhost and 127.0.0.1.")]
    Misdirected,
    #[error("The form could not be read: {text}.")]
    Form { text: String, too_large: bool },
    #[error("Nothing was recorded: {0}.")]
    Unavailable(String),
    #[error("The page gave up after two minutes.")]
    GaveUp,
}

impl Problem {
    fn form(error: &actix_web::error::UrlencodedError) -> Self {
        let too_large = error.status_code() == StatusCode::PAYLOAD_TOO_LARGE;
        let text = if too_large { "it is larger than 64 kB".to_owned() } else { error.to_string() };
        Self::Form { text, too_large }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NoSuchPage => StatusCode::NOT_FOUND,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Form { too_large: true, .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Form { .. } => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::GaveUp => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let html = ProblemPage { frame: Frame::default(), text: self.to_string() }.render();
        HttpResponse::build(self.status_code())
            .content_type("text/html; charset=utf-8")
            .body(html.unwrap_or_else(|_| self.to_string()))
    }
}
