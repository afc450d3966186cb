//! How people and programs reach the company: HTTP, live sockets and pages.
//!
//! Nothing here holds truth. Commands go down through the `Company` handle, reads through `storage`'s views; every
//! address stands in a table ([`routes`]) with the role that may call it.

pub mod api;
pub mod auth;
pub mod cursor;
pub mod day;
pub mod errors;
pub mod input;
pub mod live;
pub mod mcp;
mod names;
pub mod observe;
pub mod openapi;
pub mod pages;
pub mod readiness;
pub mod routes;
pub mod spending;
mod static_files;
pub mod trace;
pub mod usage;
pub mod v1;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{Method, header},
    middleware::{Compress, from_fn},
    web as actix,
};
use actors::{
    ports::{Blobs, World},
    supervisor::Company,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    egress::Egress,
    models::Models,
    storage::{Accounts, Db, Vault},
    tools::{
        Fitted,
        isolation::Isolations,
        mcp::Mcp,
        own::{Bench, OwnTools},
        registry::Finder,
    },
};

/// Everything the server needs, made by `app`. Cheap to clone.
#[derive(Clone)]
pub struct Deps {
    pub company: Company,
    /// Servers whose tools personas may be allowed to call.
    pub mcp: Mcp,
    /// What some tools stand on, as far as it is there.
    pub fitted: Fitted,
    /// What lies in folders of tools.
    pub own: OwnTools,
    /// What personas' own tools may run in.
    pub isolations: Isolations,
    /// Through which they go out.
    pub egress: Egress,
    /// Whom programs ask through the gateway; personas ask the same.
    pub models: Models,
    pub db: Db,
    pub accounts: Accounts,
    pub vault: Vault,
    pub blobs: Arc<dyn Blobs>,
    pub world: Arc<dyn World>,
    pub config: Arc<Config>,
    /// How people reach this server: `http://127.0.0.1:7878`; login links start with it.
    pub base_url: String,
    /// How personas reach the rehearsal site.
    pub rehearsal_url: String,
    /// When this process started.
    pub started_ms: i64,
    /// Opens the observe endpoints; the configured one, or the one made at start.
    pub status_token: String,
    /// The command line's token, as in `server.json`. Empty: there is none.
    pub local_token: String,
}

/// The running server.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    handle: ServerHandle,
    stopping: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Lets calls end for a few seconds, closes live sockets, stops.
    pub async fn stop(self) -> io::Result<()> {
        self.stopping.cancel();
        self.handle.stop(true).await;
        self.task.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Waits until it ends by itself, which it does only when something broke.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.task).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

const STOP_LIMIT_S: u64 = 5;
const MOST_CONNECTIONS_PER_WORKER: usize = 10_000;

/// Starts the server on a bound listener.
pub fn serve(deps: Deps, listener: TcpListener) -> io::Result<Server> {
    let addr = listener.local_addr()?;
    let (workers, stopping) = (deps.config.server.workers.get(), CancellationToken::new());
    let shared = Shared::new(deps, stopping.clone());
    let app = move || {
        let shared = shared.clone();
        App::new()
            .configure(move |config| configure(config, &shared))
            .wrap(from_fn(trace::around))
            // Outermost: a problem written anew must not keep the encoding of what it replaces.
            .wrap(Compress::default())
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .max_connections(MOST_CONNECTIONS_PER_WORKER)
        .client_request_timeout(Duration::from_secs(10))
        // Who goes away in the middle of an answer is noticed at once, not at the next write.
        .h1_allow_half_closed(false)
        .shutdown_timeout(STOP_LIMIT_S)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(Server { addr, handle: server.handle(), stopping, task: tokio::spawn(server) })
}

/// What all workers share.
#[derive(Clone)]
struct Shared {
    deps: actix::Data<Deps>,
    tickets: actix::Data<auth::tickets::Tickets>,
    throttle: actix::Data<auth::throttle::Throttle>,
    names: actix::Data<names::Names>,
    keys: actix::Data<v1::keys::Keys>,
    calls: actix::Data<v1::Calls>,
    bench: actix::Data<Bench>,
    finder: actix::Data<Finder>,
    stopping: CancellationToken,
}

impl Shared {
    fn new(deps: Deps, stopping: CancellationToken) -> Self {
        Self {
            names: actix::Data::new(names::Names::new(deps.db.clone())),
            keys: actix::Data::new(v1::keys::Keys::new(deps.accounts.clone())),
            calls: actix::Data::default(),
            bench: actix::Data::new(bench(&deps)),
            finder: actix::Data::default(),
            deps: actix::Data::new(deps),
            tickets: actix::Data::default(),
            throttle: actix::Data::default(),
            stopping,
        }
    }
}

fn bench(deps: &Deps) -> Bench {
    Bench::new(deps.config.data_root.clone(), deps.isolations.clone(), Some(deps.egress.clone()))
}

/// Every table of the server.
pub fn tables() -> routes::Table {
    [
        api::routes(),
        auth::links::routes(),
        auth::tickets::routes(),
        live::routes(),
        mcp::routes(),
        observe::routes(),
        pages::routes(),
        static_files::routes(),
        v1::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Called once per worker.
fn configure(config: &mut actix::ServiceConfig, shared: &Shared) {
    let live = live::Live::new(shared.deps.clone(), shared.names.clone(), shared.stopping.clone());
    config
        .app_data(shared.deps.clone())
        .app_data(shared.tickets.clone())
        .app_data(shared.throttle.clone())
        .app_data(shared.names.clone())
        .app_data(shared.keys.clone())
        .app_data(shared.calls.clone())
        .app_data(shared.bench.clone())
        .app_data(shared.finder.clone())
        .app_data(actix::Data::new(live))
        .app_data(actix::FormConfig::default().limit(4096));
    routes::mount(&tables(), config);
    config.default_service(actix::to(no_such_address));
}

/// Programs get a problem, people a page.
async fn no_such_address(request: HttpRequest, deps: actix::Data<Deps>) -> Result<HttpResponse, errors::Problem> {
    let accepted = request.headers().get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    if request.method() != Method::GET || !accepted.contains("text/html") {
        return Err(errors::Problem::not_found("address", request.path()));
    }
    match auth::visitor(&request).await {
        Ok(caller) => Ok(pages::visit::missing(&deps, &caller, "page", request.path())),
        Err(problem) if problem.status == 401 => Ok(auth::to_login()),
        Err(problem) => Err(problem),
    }
}
