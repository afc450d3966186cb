//! The whole house below the pages: the real company, a real store, a real browser, the rehearsal site.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use actors::{
    domain::{
        Body, Goal, GoalId, InboxLimits, InnerLife, Limits, Pace, ParkedOn, PersonaId, Profile, Role, RoomRules,
        TraceId, WaitsFor, Weight,
    },
    ports::Ports,
    run::replay::{Library, NoReplay, Replayed, replay},
    supervisor::{By, Company, NewPersona, NewWork, Work},
    testing::{self, TestWorld},
};
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use ed25519_dalek::SigningKey;
use greenroom::{
    browser::Browsers,
    config::{BrowserConfig, Config, ModelsConfig, StorageConfig},
    egress::{Egress, Enforcement, HostRules, REHEARSAL_HOST},
    memory::Memory,
    models::{Models, UNDERSTUDY},
    rehearsal::{Rehearsal, Running},
    storage::{ReceiptFilter, RunFilter, Storage},
    tools::{
        Tools, ToolsDeps, Web,
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        registry,
        templates::Template,
    },
    voice::Voice,
};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::browser::stage::{self, Mirror};

pub struct House {
    pub company: Company,
    pub mcp: Mcp,
    pub storage: Storage,
    pub browsers: Browsers,
    pub site: Running,
    pub root: TempDir,
    pub by: By,
}

/// What not every house has.
#[derive(Default)]
struct Parts {
    fixed: Option<HashMap<(String, u16), SocketAddr>>,
    search: Option<Url>,
    memory: Option<Arc<dyn Memory>>,
    voice: Option<Arc<dyn Voice>>,
}

impl House {
    pub async fn open() -> Self {
        Self::with(stage::config()).await
    }

    pub async fn with(browser: BrowserConfig) -> Self {
        let models = ModelsConfig { default: UNDERSTUDY.into(), routes: BTreeMap::new(), providers: BTreeMap::new() };
        Self::opened(browser, models).await
    }

    /// With these models, none of them bundled.
    pub async fn asking(models: ModelsConfig) -> Self {
        Self::opened(stage::config(), models).await
    }

    /// With these models, and a way to these hosts.
    pub async fn reaching(models: ModelsConfig, hosts: &[(&str, SocketAddr)], search: Option<Url>) -> Self {
        let fixed = hosts.iter().map(|(host, addr)| (((*host).to_owned(), 80), *addr)).collect();
        Self::built(stage::config(), models, Parts { fixed: Some(fixed), search, ..Parts::default() }).await
    }

    /// With these models, and what remembers and speaks.
    pub async fn fitted(models: ModelsConfig, memory: Arc<dyn Memory>, voice: Arc<dyn Voice>) -> Self {
        let parts = Parts { memory: Some(memory), voice: Some(voice), ..Parts::default() };
        Self::built(stage::config(), models, parts).await
    }

    async fn opened(browser: BrowserConfig, models: ModelsConfig) -> Self {
        Self::built(browser, models, Parts::default()).await
    }

    async fn built(browser: BrowserConfig, models: ModelsConfig, parts: Parts) -> Self {
        let Parts { fixed, search, memory, voice } = parts;
        let (root, world) = (tempfile::tempdir().unwrap(), Arc::new(TestWorld::new(11)));
        let site = Rehearsal::start(root.path().join("rehearsal"), 0).await.unwrap();
        let config = storage_config();
        let storage = Storage::open(&config, root.path(), &testing::node(), world.clone()).await.unwrap();
        let egress = match fixed {
            Some(fixed) => Egress::for_test(site.addr, Enforcement::On, fixed),
            None => Egress::new(HostRules::default(), site.addr),
        };
        let browsers = Browsers::new(browser, egress.clone(), root.path().join("browsers"), Arc::new(Mirror));
        let keyring = Arc::new(storage.vault.clone());
        let mcp = Mcp::new(McpDeps {
            pins: Arc::new(storage.db.clone()),
            egress: egress.clone(),
            keyring: keyring.clone(),
            data_root: root.path().to_path_buf(),
        });
        let performer = Arc::new(Tools::new(ToolsDeps {
            records: storage.records.clone(),
            models: Models::new(&models, keyring.clone()).unwrap(),
            keyring,
            browser: Arc::new(browsers.clone()),
            days: Arc::new(storage.db.clone()),
            world: world.clone(),
            web: Web { egress, search },
            mcp: mcp.clone(),
            memory,
            voice,
            data_root: root.path().to_path_buf(),
            own: registry::watched(root.path().to_path_buf()),
            isolations: Isolations::new(&Config::for_test(root.path()), world.clone()),
        }));
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            performer,
            blobs: storage.blobs.clone(),
            world,
        };
        let key = SigningKey::from_bytes(&[5; 32]);
        storage.register_signing_key(&key.verifying_key()).await.unwrap();
        let company = Company::start(limits(), ports, key).await.unwrap();
        let by = By { who: "test".into(), trace: TraceId(Uuid::from_u128(1)) };
        Self { company, mcp, storage, browsers, site, root, by }
    }

    pub async fn hire(&self, slug: &str, role: Role) -> PersonaId {
        let new = NewPersona {
            slug: slug.parse().unwrap(),
            name: slug.to_owned(),
            role: Some(role),
            description: String::new(),
            profile: Profile { topics: vec!["data lineage".into()], ..Profile::default() },
            hosts: Vec::new(),
            model: None,
            weight: Weight::ORDINARY,
            hours: Default::default(),
        };
        self.company.create_persona(new, &self.by).await.unwrap().id
    }

    /// Gives the goal and waits until it is over, has failed once, or asks a person.
    pub async fn play(&self, persona: PersonaId, template: Template) -> Goal {
        let Template { title, payload, proof } = template;
        let mut receipts = self.company.receipts();
        let work = NewWork {
            persona,
            what: Work::Goal { title, payload, proof },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: None,
            waits_for: WaitsFor::default(),
        };
        let id = self.company.deliver(work, &self.by).await.unwrap().goal.id;
        let over = async {
            loop {
                receipts.recv().await.unwrap();
                let goal = self.storage.db.goal(id).await.unwrap().unwrap();
                let asks = goal.parked_on == Some(ParkedOn::Approval);
                if goal.state.is_over() || goal.last_error.is_some() || asks {
                    return goal;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(120), over).await {
            Ok(goal) => goal,
            Err(_) => panic!("it does not come to an end: {:#?}", self.told(id).await),
        }
    }

    /// What the receipts of a goal say, in order.
    async fn told(&self, goal: GoalId) -> Vec<String> {
        let filter = ReceiptFilter { goal: Some(goal), newest_first: false, limit: 500, ..ReceiptFilter::default() };
        let receipts = self.storage.db.receipts(filter).await.unwrap();
        let line = |body: Body| format!("{} {}", body.summary, body.error.unwrap_or_default());
        receipts.into_iter().filter_map(|receipt| receipt.body).map(line).collect()
    }

    /// Company, browsers and site are gone; what is left is the data root, read as the command line reads it. Of the
    /// limits of another company nothing may matter.
    pub async fn replayed_in_the_dark(self, goal: GoalId) -> Replayed {
        self.company.end().await;
        self.browsers.close_all().await;
        self.site.stop().await;
        let run = self.storage.db.runs(RunFilter { goal: Some(goal), ..RunFilter::default() }).await.unwrap()[0].id;
        drop(self.storage);
        let (config, world) = (storage_config(), Arc::new(TestWorld::new(12)));
        let archive = Storage::open_read_only(&config, self.root.path(), world).await.unwrap();
        let limits = Limits { standing_hosts: Vec::new(), circuit_after: 1, ..limits() };
        let library = Library { records: archive.records(), blobs: Arc::new(archive.blobs.clone()), limits };
        let replayed = replay(&library, run, false).await.unwrap();
        let receipts = archive.records().goal_receipts(goal).await.unwrap();
        let own = receipts.iter().filter(|receipt| receipt.run == Some(run));
        assert_eq!(replayed.equal + replayed.told, own.count(), "every receipt of the run");

        // One that is not what was written is not replayed, and named.
        let looked = receipts.iter().find(|receipt| receipt.step == Some(2)).unwrap();
        let edit =
            format!("UPDATE receipts SET body = replace(body, 'signed', 'sneaked') || ' ' WHERE pos = {};", looked.pos);
        let mut file = SqliteConnection::establish(self.root.path().join("greenroom.db").to_str().unwrap()).unwrap();
        file.batch_execute(&edit).unwrap();
        let refused = replay(&library, run, false).await.unwrap_err();
        assert!(matches!(refused, NoReplay::Unsound { seq, step: Some(2) } if seq == looked.seq), "{refused}");
        replayed
    }

    pub async fn close(self) {
        self.company.end().await;
        self.browsers.close_all().await;
        self.site.stop().await;
        drop(self.root);
    }
}

fn storage_config() -> StorageConfig {
    StorageConfig { database_url: String::new(), min_free_mb: 0, readers: NonZeroUsize::MIN, key_file: PathBuf::new() }
}

fn limits() -> Limits {
    Limits {
        node: testing::node(),
        active_personas: NonZeroUsize::new(2).unwrap(),
        retry_after: Vec::new(),
        circuit_after: 3,
        passivate_after: Duration::from_secs(60),
        restarts: 1,
        restart_window: Duration::from_secs(60),
        step: Duration::from_secs(30),
        standing_hosts: vec![REHEARSAL_HOST.to_owned()],
        approve_within: Duration::from_secs(24 * 3600),
        pace: Pace { default_per_1000_s: 200, sites: vec![(REHEARSAL_HOST.to_owned(), 1_000_000)] },
        serve_within: Duration::from_secs(600),
        inbox: InboxLimits::default(),
        inner_life: InnerLife::default(),
        rooms: RoomRules::default(),
        calendar: Default::default(),
        load: Default::default(),
        quotas: Default::default(),
    }
}
