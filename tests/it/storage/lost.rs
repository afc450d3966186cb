//! PostgreSQL goes away, or is slow: before the batch, and between its last statement and the answer.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use actors::{
    domain::{ChainId, PersonaId},
    ports::{Change, Commit, World},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Notify,
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

/// Stands between the store and its server. Told to, it swallows the answer to a batch's last statement and hangs up, or
/// holds answers back.
struct Proxy {
    port: u16,
    told: Arc<Told>,
}

/// What it is to do, and how often.
#[derive(Default)]
struct Told {
    swallow: AtomicU32,
    refuse: AtomicU32,
    /// The next answer of all, and the next to a last statement.
    hold: AtomicU32,
    hold_last: AtomicU32,
    held: Notify,
    go_on: Notify,
}

impl Told {
    async fn holds(&self) {
        self.held.notify_one();
        self.go_on.notified().await;
    }
}

impl Proxy {
    async fn start(server: PathBuf, last: Last) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Told::default());
        let orders = told.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !take(&orders.refuse) {
                    tokio::spawn(carry(client, server.clone(), orders.clone(), last.mark()));
                }
            }
        });
        Self { port, told }
    }
}

fn take(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

async fn carry(mut client: TcpStream, server: PathBuf, told: Arc<Told>, mark: &'static [u8]) {
    let mut server = UnixStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    let mut committing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let n = read.unwrap_or(0);
                if n == 0 { return }
                committing = up[..n].windows(mark.len()).any(|window| window == mark);
                if server.write_all(&up[..n]).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let n = read.unwrap_or(0);
                // The server has committed; nobody hears of it.
                if n == 0 || committing && take(&told.swallow) { return }
                if take(&told.hold) || committing && take(&told.hold_last) { told.holds().await }
                if client.write_all(&down[..n]).await.is_err() { return }
            }
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
        proxy.told.swallow.store(1, Ordering::SeqCst);
        let written = store.commit(last.batch(&store, ada.id)).await;
        assert_eq!(proxy.told.swallow.load(Ordering::SeqCst), 0, "{last:?}: an answer was lost");
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
        proxy.told.swallow.store(1, Ordering::SeqCst);
        proxy.told.refuse.store(1, Ordering::SeqCst);
        assert!(store.journal.write(vec![commit.clone()]).await.is_err(), "{last:?}: the server cannot be asked");

        // Evidence keeps an outcome and hands it in again, among others.
        let other = Commit { receipts: vec![store.note(ada.id, "other")], ..Commit::default() };
        let results = store.write(vec![other, commit]).await;
        let seqs: Vec<_> = results.iter().map(|result| result.as_ref().unwrap().receipts[0].seq).collect();
        assert_eq!(seqs, [3, 2], "{last:?}: the landed one is where it was");
        assert_eq!(store.storage().db.receipt_head().await.unwrap(), 3);
    }
}

/// The clock stands still until it is moved by hand, while real sockets are waited for.
fn stop_the_clock() -> std::sync::mpsc::Sender<()> {
    tokio::time::pause();
    // Tokio never moves a stopped clock by itself while a blocking task is under way.
    let (until, ended) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || ended.recv());
    until
}

#[tokio::test]
async fn a_slow_batch_has_the_whole_time_for_its_last_statement() {
    for last in Last::ALL {
        let (store, proxy) = behind_a_proxy(last).await;
        let (ada, other) = (store.persona("ada").await, PersonaId(store.world.new_id()));
        let clock = stop_the_clock();
        proxy.told.hold.store(1, Ordering::SeqCst);
        proxy.told.hold_last.store(1, Ordering::SeqCst);
        // A chain that is not known is read first.
        let mut commit = last.batch(&store, ada.id);
        commit.receipts.push(store.draft(ChainId::Persona(other), "read first"));
        let journal = store.journal.clone();
        let writing = tokio::spawn(async move { journal.write(vec![commit]).await });
        proxy.told.held.notified().await;
        tokio::time::advance(Duration::from_secs(15)).await;
        proxy.told.go_on.notify_one();
        proxy.told.held.notified().await;
        // More than a batch may take, but not than its last statement may: so this is no end.
        tokio::time::advance(Duration::from_secs(6)).await;
        // Now it is, and it is found out what came of it.
        tokio::time::advance(Duration::from_secs(5)).await;
        proxy.told.go_on.notify_one();
        let written = writing.await.unwrap().unwrap_or_else(|error| panic!("{last:?}: {:?}", error.0));
        assert_eq!(written[0].as_ref().unwrap().receipts[0].seq, 2, "{last:?}: as it was written");
        drop(clock);
        tokio::time::resume();
        let next = store.commit(Commit { receipts: vec![store.note(ada.id, "next")], ..Commit::default() }).await;
        assert_eq!(next[0].seq, 3, "{last:?}: once");
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
