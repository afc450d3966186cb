//! A house to visit: a company on SQLite behind the real server, in a scripted world.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actors::{
    domain::{Persona, Receipt, TraceId},
    ports::{Journal, Ports, World},
    supervisor::{By, Company, NewPersona},
    testing::{ScriptedPerformer, TestWorld},
};
use ed25519_dalek::SigningKey;
use greenroom::{
    config::Config,
    egress::{Egress, HostRules},
    models::Models,
    storage::Storage,
    tools::{
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        registry,
    },
    web::{self, Deps, Server},
};
use tempfile::TempDir;
use tokio::{net::TcpSocket, sync::broadcast};
use uuid::Uuid;

use super::script;

/// The most a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running house.
pub struct House {
    pub company: Company,
    pub deps: Deps,
    pub journal: Arc<dyn Journal>,
    pub addr: SocketAddr,
    server: Option<Server>,
    /// Bound and never listening: the port stays ours while the server is away.
    _port: TcpSocket,
    _root: TempDir,
}

impl House {
    /// Opens an empty house.
    pub async fn open() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(root.path());
        config.company.retry_after.clear();
        let world: Arc<dyn World> = Arc::new(TestWorld::new(1));
        let storage = Storage::open(&config.storage, root.path(), &config.node, world.clone()).await.unwrap();
        let performer = ScriptedPerformer::new(script::answer);
        performer.shows(|call| Ok(Some(script::shows(call))));
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            performer: Arc::new(performer),
            blobs: storage.blobs.clone(),
            world: world.clone(),
        };
        let company = Company::start(config.limits(), ports, SigningKey::from_bytes(&[7; 32])).await.unwrap();
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = port.local_addr().unwrap();
        let listener = TcpListener::bind(addr).unwrap();
        let egress = Egress::new(HostRules::default(), ([127, 0, 0, 1], 9).into());
        let deps = Deps {
            company: company.clone(),
            fitted: Default::default(),
            egress: egress.clone(),
            mcp: Mcp::new(McpDeps {
                pins: Arc::new(storage.db.clone()),
                egress,
                keyring: Arc::new(storage.vault.clone()),
                data_root: config.data_root.clone(),
            }),
            own: registry::watched(config.data_root.clone()),
            isolations: Isolations::new(&config, world.clone()),
            models: Models::new(&config.models, Arc::new(storage.vault.clone())).unwrap(),
            db: storage.db.clone(),
            accounts: storage.accounts.clone(),
            vault: storage.vault.clone(),
            blobs: storage.blobs.clone(),
            started_ms: world.now_ms(),
            world,
            config: Arc::new(config),
            base_url: format!("http://{addr}"),
            rehearsal_url: "http://rehearsal.localhost".to_owned(),
            status_token: String::new(),
            local_token: String::new(),
        };
        let server = Some(web::serve(deps.clone(), listener).unwrap());
        Self { company, deps, journal: storage.journal.clone(), addr, server, _port: port, _root: root }
    }

    /// The address of a one-time login link.
    pub async fn login_link(&self) -> String {
        let owner = web::auth::links::first_owner(&self.deps.accounts).await.unwrap();
        let (accounts, world) = (&self.deps.accounts, self.deps.world.as_ref());
        web::auth::links::new_link(accounts, world, &self.deps.base_url, owner).await.unwrap().url
    }

    /// Makes a persona by this name.
    pub async fn persona(&self, name: &str) -> Persona {
        let new = NewPersona {
            slug: actors::domain::Slug::from_name(name).unwrap(),
            name: name.to_owned(),
            role: Some(actors::domain::Role::Worker),
            description: format!("{name} is here for a test"),
            profile: actors::domain::Profile::default(),
            hosts: Vec::new(),
            model: None,
            weight: actors::domain::Weight::ORDINARY,
            hours: Default::default(),
        };
        self.company.create_persona(new, &by()).await.unwrap()
    }

    /// The server goes away; the company stays.
    pub async fn lose_server(&mut self) {
        self.server.take().unwrap().stop().await.unwrap();
    }

    /// The server comes back at the same address.
    pub fn bring_server_back(&mut self) {
        let listener = TcpListener::bind(self.addr).unwrap();
        self.server = Some(web::serve(self.deps.clone(), listener).unwrap());
    }

    /// From now on: what is written is seen.
    pub fn watch(&self) -> Watch {
        Watch(self.company.receipts())
    }

    /// Ends everything in order.
    pub async fn close(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.unwrap();
        }
        self.company.end().await;
    }
}

/// Who acts where a test acts itself.
pub fn by() -> By {
    By { who: "test".to_owned(), trace: TraceId(Uuid::now_v7()) }
}

/// Waits for receipts.
pub struct Watch(broadcast::Receiver<Arc<Receipt>>);

impl Watch {
    /// The first receipt whose summary contains this text.
    pub async fn saw(&mut self, text: &str) -> Arc<Receipt> {
        let summary = |receipt: &Receipt| receipt.body.as_ref().map(|body| body.summary.clone()).unwrap_or_default();
        let mut seen = Vec::new();
        let found = async {
            loop {
                let receipt = self.0.recv().await.unwrap();
                if summary(&receipt).contains(text) {
                    return receipt;
                }
                seen.push(summary(&receipt));
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(receipt) => receipt,
            Err(_) => panic!("no receipt says “{text}”; these came: {seen:#?}"),
        }
    }
}
