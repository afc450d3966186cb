//! PostgreSQL goes away: before the batch, and between its last statement and the answer.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use actors::{
    domain::PersonaId,
    ports::{Change, Commit},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::stores::{Place, Store};
use crate::postgres;

/// What makes a batch durable.
#[derive(Clone, Copy, Debug)]
enum Last {
    /// It is receipts alone: their statement is a transaction.
    Statement,
    Commit,
}

impl Last {
    const ALL: [Self; 2] = [Self::Statement, Self::Commit];

    /// What the packet holds that carries it.
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Statement => b"landed",
            Self::Commit => b"COMMIT",
        }
    }

    fn batch(self, store: &Store, persona: PersonaId) -> Commit {
        let changes = match self {
            Self::Statement => vec![],
            Self::Commit => vec![Change::FailureStreak(persona, 1)],
        };
        Commit { receipts: vec![store.note(persona, "landed")], changes, ..Commit::default() }
    }
}

/// Stands between the store and its server. Told to, it swallows the answer to a batch's last statement and hangs up.
struct Proxy {
    port: u16,
    swallow: Arc<AtomicU32>,
    refuse: Arc<AtomicU32>,
}

impl Proxy {
    async fn start(server: PathBuf, last: Last) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (swallow, refuse) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let told = (swallow.clone(), refuse.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !take(&told.1) {
                    tokio::spawn(carry(client, server.clone(), told.0.clone(), last.mark()));
                }
            }
        });
        Self { port, swallow, refuse }
    }
}

fn take(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

async fn carry(mut client: TcpStream, server: PathBuf, swallow: Arc<AtomicU32>, mark: &'static [u8]) {
    let mut server = UnixStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut committing = false;
    loop {
        tokio::select! {
            Ok(n) = client.read(&mut up) => {
                if n == 0 { return }
                committing = up[..n].windows(mark.len()).any(|window| window == mark);
                if server.write_all(&up[..n]).await.is_err() { return }
            }
            Ok(n) = server.read(&mut down) => {
                // The server has committed; nobody hears of it.
                if n == 0 || committing && take(&swallow) { return }
                if client.write_all(&down[..n]).await.is_err() { return }
            }
            else => return,
        }
    }
}

async fn behind_a_proxy(last: Last) -> (Store, Proxy) {
    let proxy = Proxy::start(postgres::socket().await, last).await;
    let database = postgres::database().await;
    let name = database.trim_start_matches("postgresql:///").split('?').next().unwrap().to_owned();
    let url = format!("postgresql://postgres@127.0.0.1:{}/{name}", proxy.port);
    let store = Place::new(url).open().await;
    (store, proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_to_the_last_statement_is_found_out() {
    for last in Last::ALL {
        let (store, proxy) = behind_a_proxy(last).await;
        let ada = store.persona("ada").await;
        proxy.swallow.store(1, Ordering::SeqCst);
        let written = store.commit(last.batch(&store, ada.id)).await;
        assert_eq!(proxy.swallow.load(Ordering::SeqCst), 0, "{last:?}: an answer was lost");
        assert_eq!(written[0].seq, 2);
        let next = store.commit(Commit { receipts: vec![store.note(ada.id, "next")], ..Commit::default() }).await;
        assert_eq!((next[0].seq, next[0].prev), (3, written[0].hash));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_landed_unseen_is_not_written_twice() {
    for last in Last::ALL {
        let (store, proxy) = behind_a_proxy(last).await;
        let ada = store.persona("ada").await;
        let commit = last.batch(&store, ada.id);
        proxy.swallow.store(1, Ordering::SeqCst);
        proxy.refuse.store(1, Ordering::SeqCst);
        assert!(store.journal.write(vec![commit.clone()]).await.is_err(), "{last:?}: the server cannot be asked");

        // Evidence keeps an outcome and hands it in again, among others.
        let other = Commit { receipts: vec![store.note(ada.id, "other")], ..Commit::default() };
        let results = store.write(vec![other, commit]).await;
        let seqs: Vec<_> = results.iter().map(|result| result.as_ref().unwrap().receipts[0].seq).collect();
        assert_eq!(seqs, [3, 2], "{last:?}: the landed one is where it was");
        assert_eq!(store.storage().db.receipt_head().await.unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_up_is_unavailable_and_then_it_is_not() {
    let store = super::stores::postgres().await;
    let ada = store.persona("ada").await;
    let url = &store.place.config.database_url;
    postgres::sql(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid();",
    );
    let commit = || vec![Commit { receipts: vec![store.note(ada.id, "written")], ..Commit::default() }];
    assert!(store.journal.write(commit()).await.is_err());
    let written = store.write(commit()).await.remove(0).unwrap();
    assert_eq!(written.receipts[0].seq, 2);
    assert_eq!(store.storage().db.receipt_head().await.unwrap(), 2, "the pool finds new connections too");
}
