//! `serve`: takes the data root, opens the rooms, lets people in, and ends in good order when told to.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::AbortOnDropHandle;

use super::{chronicle, rooms::Rooms};
use crate::{
    cli::{Ended, announcement::Announcement, lock::DataRootLock, print::Out},
    config::Config,
    telemetry::{self, Stderr, Telemetry},
    web::{
        self, Deps,
        auth::{links, random},
    },
};

/// Steps under way may take this long to end; what is cut off is carried on at the next start.
const END_LIMIT: Duration = Duration::from_secs(45);

/// A server at work.
pub(super) struct Serving {
    pub(super) rooms: Rooms,
    /// How people reach it.
    pub(super) url: String,
    config: Arc<Config>,
    web: web::Server,
    status_token: String,
    _chronicle: AbortOnDropHandle<()>,
    // Dropped last and in this order: the log, then the data root.
    _log: Telemetry,
    _lock: DataRootLock,
}

/// Runs until it is told to end.
pub(super) async fn serve(config: Config, json: bool) -> anyhow::Result<Ended> {
    let mut serving = Serving::start(config, Stderr::All).await?;
    let mut signals = Signals::listen()?;
    let first = serving.rooms.storage.accounts.user_count().await? == 0;
    let link = if first { Some(serving.login_link().await?) } else { None };
    serving.greet(link.as_deref(), Out { json });
    let why = serving.until_told(&mut signals).await;
    serving.end(&mut signals).await;
    why.map(|()| Ended::Well)
}

impl Serving {
    pub(super) async fn start(config: Config, stderr: Stderr) -> anyhow::Result<Self> {
        let lock = DataRootLock::take(&config.data_root)?;
        let listener = listen(&config)?;
        let log = telemetry::start(&config.log.filter, &config.data_root, stderr)?;
        let rooms = Rooms::open(&config).await?;
        let _chronicle = AbortOnDropHandle::new(tokio::spawn(chronicle::keep(rooms.company.clone())));
        let url = url_of(listener.local_addr().context("the listening address is not known")?);
        let config = Arc::new(config);
        let secret = || random::new_secret(rooms.world.as_ref());
        let status_token = match config.server.status_token.as_str() {
            "" => secret(),
            set => set.to_owned(),
        };
        let announcement = Announcement { url: url.clone(), pid: std::process::id(), token: secret() };
        let deps = Deps {
            company: rooms.company.clone(),
            mcp: rooms.mcp.clone(),
            fitted: rooms.fitted,
            own: rooms.own.clone(),
            isolations: rooms.isolations.clone(),
            egress: rooms.egress.clone(),
            models: rooms.models.clone(),
            db: rooms.storage.db.clone(),
            accounts: rooms.storage.accounts.clone(),
            vault: rooms.storage.vault.clone(),
            blobs: rooms.storage.blobs.clone(),
            world: rooms.world.clone(),
            config: config.clone(),
            base_url: url.clone(),
            rehearsal_url: Rooms::rehearsal_url(),
            started_ms: rooms.world.now_ms(),
            status_token: status_token.clone(),
            local_token: announcement.token.clone(),
        };
        let web = web::serve(deps, listener).context("the web server cannot start")?;
        announcement
            .write(&config.data_root)
            .with_context(|| format!("the server cannot announce itself in {}", config.data_root.display()))?;
        tracing::info!(%url, "greenroom is ready at {url}");
        Ok(Self { rooms, url, config, web, status_token, _chronicle, _log: log, _lock: lock })
    }

    /// A link that logs in the first owner, once.
    pub(super) async fn login_link(&self) -> anyhow::Result<String> {
        let accounts = &self.rooms.storage.accounts;
        let owner = links::first_owner(accounts).await?;
        let link = links::new_link(accounts, self.rooms.world.as_ref(), &self.url, owner).await?;
        Ok(link.url)
    }

    /// What people need to know at the start.
    pub(super) fn greet(&self, link: Option<&str>, out: Out) {
        let made = self.config.server.status_token.is_empty().then_some(self.status_token.as_str());
        let said = json!({ "url": self.url, "login": link, "status_token": made, "pid": std::process::id() });
        out.answer(&said, |_| greeting(&self.url, link, made, &self.config.data_root));
    }

    /// Waits for a signal, or for something that must not happen.
    pub(super) async fn until_told(&mut self, signals: &mut Signals) -> anyhow::Result<()> {
        tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = name, "told to end by {name}");
                Ok(())
            }
            why = self.rooms.company.fallen() => bail!("the company cannot go on: {why}"),
            why = self.web.ended() => Err(why.err().map_or_else(|| anyhow!("the web server ended by itself"), Into::into)),
        }
    }

    /// Nothing new is let in, steps under way are recorded, everything closes. A second signal ends at once.
    pub(super) async fn end(self, signals: &mut Signals) {
        Announcement::remove(&self.config.data_root);
        let closing = async {
            if let Err(error) = self.web.stop().await {
                tracing::warn!(%error, "the web server did not end in good order");
            }
            self.rooms.close().await;
        };
        tokio::select! {
            ended = tokio::time::timeout(END_LIMIT, closing) => match ended {
                Ok(()) => tracing::info!("ended"),
                Err(_) => tracing::warn!("not everything ended in time, the next start carries it on"),
            },
            name = signals.next() => tracing::warn!("ended at once by a second {name}, the next start carries on"),
        }
    }
}

fn greeting(url: &str, link: Option<&str>, made: Option<&str>, data_root: &Path) -> String {
    let mut text = format!("Greenroom is at {url}\n");
    match link {
        Some(link) => text.push_str(&format!("Log in, once and within 15 minutes:\n  {link}\n")),
        None => text.push_str(&format!("A login link: `greenroom login --data-root {}`\n", data_root.display())),
    }
    if let Some(token) = made {
        text.push_str(&format!("Status token (STATUS_TOKEN sets another): {token}\n"));
    }
    text.push_str(&format!("Log: {}\nCtrl-C ends it.", telemetry::log_file(data_root).display()));
    text
}

fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "{address} is in use: end what listens there (`ss -ltnp` names it), or set server.port (PORT); 0 takes a \
             free port"
        ),
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address} (server.host, server.port)")),
    })
}

/// The address as people on this machine write it.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// What tells a process to end.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(root.path());
        config.server.port = taken.local_addr().unwrap().port();
        let text = listen(&config).unwrap_err().to_string();
        assert!(text.contains("is in use") && text.contains("PORT"), "{text}");
    }

    #[test]
    fn an_address_that_means_every_address_is_shown_as_one_that_can_be_opened() {
        assert_eq!(url_of("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(url_of("[::1]:80".parse().unwrap()), "http://[::1]:80");
    }
}
