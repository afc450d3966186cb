//! The rehearsal site: "Callboard", a small job board with inbox and feed where personas practise.
//!
//! It knows nothing of the rest of Greenroom and Greenroom nothing of its inside: a persona meets it as a web site, at
//! `http://rehearsal.localhost`. What is submitted lies in its own durable [`Store`], on disk before the
//! answer leaves, so that a read-back can be trusted whatever crashes.

mod board;
mod deliverables;
mod feed;
mod login;
mod mail;
mod pages;
mod practice;
mod seeds;
mod site;
mod store;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use actix_web::dev::ServerHandle;
use tokio::task::JoinHandle;

pub use login::PASSWORD;
pub use store::{Deliverable, Letter, Post, Proposal, Store, StoreError};

/// The name under which personas know the site.
pub const HOST: &str = "rehearsal.localhost";

const MOST_CONNECTIONS: usize = 256;

/// Starts the site.
pub struct Rehearsal;

/// The site while it runs. Dropping this does not stop it; [`Running::stop`] does, or the end of the process.
pub struct Running {
    /// Where it listens, on loopback.
    pub addr: SocketAddr,
    store: Store,
    server: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

/// The site could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its port cannot be had.
    #[error(
        "the rehearsal site could not listen on 127.0.0.1:{port}: {source}; free the port or set `rehearsal.port` (0 takes a free one)"
    )]
    Listen { port: u16, source: io::Error },
}

impl Rehearsal {
    /// Opens the store in `dir` and serves the site on a loopback port; 0 takes a free one.
    pub async fn start(dir: PathBuf, port: u16) -> Result<Running, StartError> {
        let opened = tokio::task::spawn_blocking(move || Store::open(&dir)).await;
        let store = opened.map_err(|_| StoreError::Interrupted)??;
        let (addr, server) = site::serve(store.clone(), port).map_err(|source| StartError::Listen { port, source })?;
        let handle = server.handle();
        tracing::info!(%addr, "rehearsal site listens on {addr}");
        Ok(Running { addr, store, server: handle, task: tokio::spawn(server) })
    }
}

impl Running {
    /// What was submitted; tests and demos read it.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Stops listening, ends open connections and gives the store back. What was answered is on disk.
    pub async fn stop(self) {
        // Both bounded: a page that never loads must not keep the process.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.server.stop(false)).await;
        let _ = tokio::time::timeout(Duration::from_secs(5), self.task).await;
        // Workers let go of their clones later.
        self.store.close();
    }
}
