//! One server per test, with its store in a folder that goes away.

use std::{net::TcpListener, sync::Arc};

use actors::{
    ports::{Ports, World},
    supervisor::Company,
    testing::TestPorts,
};
use ed25519_dalek::SigningKey;
use greenroom::{
    config::Config,
    egress::{Egress, HostRules},
    models::Models,
    storage::{Storage, UserRole},
    tools::{
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        registry,
    },
    web::{self, Deps, Server, auth::links, auth::random},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const STATUS_TOKEN: &str = "status-token-of-the-test";
pub(super) const LOCAL_TOKEN: &str = "local-token-of-the-test";

/// A running server with everything behind it.
pub(super) struct TestServer {
    pub(super) base: String,
    pub(super) client: Client,
    pub(super) storage: Storage,
    pub(super) company: Company,
    pub(super) world: Arc<dyn World>,
    pub(super) config: Config,
    server: Server,
    _folder: TempDir,
}

/// A status and its JSON.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: header::HeaderMap,
    pub(super) json: Value,
}

impl TestServer {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(TestPorts::obliging(), change).await
    }

    /// In a world that does as the test says; what is stored lies in a real store.
    pub(super) async fn start_on(test: TestPorts, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_test(folder.path());
        change(&mut config);
        let world: Arc<dyn World> = test.world.clone();
        let storage = Storage::open(&config.storage, &config.data_root, &config.node, world.clone()).await.unwrap();
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            blobs: storage.blobs.clone(),
            ..test.ports()
        };
        let key = SigningKey::from_bytes(&[7; 32]);
        storage.register_signing_key(&key.verifying_key()).await.unwrap();
        let company = Company::start(config.limits(), ports, key).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
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
            world: world.clone(),
            config: Arc::new(config.clone()),
            base_url: base.clone(),
            rehearsal_url: "http://rehearsal.localhost".to_owned(),
            status_token: STATUS_TOKEN.to_owned(),
            local_token: LOCAL_TOKEN.to_owned(),
        };
        let server = web::serve(deps, listener).unwrap();
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { base, client, storage, company, world, config, server, _folder: folder }
    }

    /// Ends it in order.
    pub(super) async fn stop(self) {
        self.server.stop().await.unwrap();
        self.company.end().await;
    }

    /// A request nobody has signed.
    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request of the local command line.
    pub(super) fn local(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).bearer_auth(LOCAL_TOKEN)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        answer(self.local(Method::GET, path).send().await.unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.local(Method::POST, path).json(body).send().await.unwrap()).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.local(Method::PATCH, path).json(body).send().await.unwrap()).await
    }

    /// A persona by name.
    pub(super) async fn persona(&self, name: &str) -> Value {
        let made = self.post("/api/personas", &json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{}", made.json);
        made.json
    }

    /// A token of a user with this role.
    pub(super) async fn token(&self, name: &str, role: UserRole) -> String {
        let accounts = &self.storage.accounts;
        let user = accounts.create_user(name, role).await.unwrap();
        let token = format!("gr_{name}");
        accounts.create_token(user.id, "test", random::hash_of(&token), self.world.now_ms()).await.unwrap();
        token
    }

    /// A fresh login link's secret, for the first owner.
    pub(super) async fn link(&self) -> String {
        let accounts = &self.storage.accounts;
        let owner = links::first_owner(accounts).await.unwrap();
        let link = links::new_link(accounts, self.world.as_ref(), &self.base, owner).await.unwrap();
        link.url.split("token=").nth(1).unwrap().to_owned()
    }

    /// Logs in as a browser does; the answer is the `Cookie` header to send.
    pub(super) async fn login(&self) -> String {
        let body = format!("token={}", self.link().await);
        let sent = self.form("/login", body).header("Origin", &self.base).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::SEE_OTHER);
        assert_eq!(sent.headers()["location"], "/personas");
        let cookie = sent.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(super) fn form(&self, path: &str, body: String) -> RequestBuilder {
        self.ask(Method::POST, path).header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    /// A ticket for a live socket, for the local command line.
    pub(super) async fn ticket(&self) -> String {
        let made = self.post("/api/auth/ticket", &json!({})).await;
        assert_eq!(made.status, 200, "{}", made.json);
        made.json["ticket"].as_str().unwrap().to_owned()
    }
}

pub(super) async fn answer(response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, headers, json }
}
