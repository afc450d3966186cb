//! Opens the rooms from the ground up, each with what it stands on, and closes them from the top down.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actors::{
    domain::TraceId,
    ports::{Ports, World},
    supervisor::{By, Company},
};
use anyhow::{Context as _, bail};
use ed25519_dalek::SigningKey;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::{
    adapters::{Policies, SealedWith},
    world::ThisMachine,
};
use crate::{
    browser::Browsers,
    config::{Config, REHEARSAL_HOST},
    egress::{Egress, HostRules},
    models::Models,
    rehearsal::{Rehearsal, Running},
    secrets::{EvidenceKey, SecretKey},
    storage::{Archive, NodeKey, Storage},
    tools::{
        Fitted, Tools, ToolsDeps, Web,
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        own::OwnTools,
        registry,
        templates::Templates,
    },
    web::api::mcp::watch,
};

/// Browsers that do not close are ended by the next start's sweep.
const CLOSING: Duration = Duration::from_secs(10);
const INSTANCE: &str = "instance";

/// Everything below the pages, at work.
pub(super) struct Rooms {
    pub(super) company: Company,
    pub(super) mcp: Mcp,
    /// It ends with the rooms.
    _watch: AbortOnDropHandle<()>,
    pub(super) fitted: Fitted,
    pub(super) own: OwnTools,
    pub(super) isolations: Isolations,
    pub(super) egress: Egress,
    pub(super) models: Models,
    pub(super) storage: Storage,
    pub(super) world: Arc<dyn World>,
    browsers: Browsers,
    /// None: it runs elsewhere.
    rehearsal: Option<Running>,
}

impl Rooms {
    /// The caller holds the lock on the data root.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let world: Arc<dyn World> = Arc::new(ThisMachine);
        let storage = Storage::open(&config.storage, &config.data_root, &config.node, world.clone())
            .await
            .context("the store cannot be opened")?;
        let (evidence_key, signs_anew) = evidence_key(config, &storage).await?;

        let (practice, rehearsal) = practice_site(config).await?;
        let egress = open_egress(config, practice)?.under(Arc::new(Policies(storage.db.clone()))).paced(config.pace());
        let browsers = open_browsers(config, egress.clone())?;
        let orphans = browsers.sweep_orphans().await;
        if orphans > 0 {
            tracing::warn!(orphans, "ended {orphans} browsers that a crash left behind");
        }

        let isolations = Isolations::new(config, world.clone());
        let left = isolations.containers.sweep().await;
        if left > 0 {
            tracing::warn!(left, "removed {left} containers that a crash left behind");
        }

        let web = web(config, egress.clone())?;
        let mcp = open_mcp(config, &storage, egress.clone());
        let journal = storage.journal.clone();
        #[cfg(feature = "failpoints")]
        let journal = super::failpoints::around(journal);
        let models = open_models(config, &storage)?;
        let own = registry::watched(config.data_root.clone());
        let ways = (web, mcp.clone(), own.clone(), isolations.clone());
        let tools = tools(config, &storage, &browsers, models.clone(), ways, world.clone());
        let fitted = tools.fitted();
        let ports = Ports {
            journal,
            records: storage.records.clone(),
            performer: Arc::new(tools),
            blobs: storage.blobs.clone(),
            world: world.clone(),
        };
        let company = Company::start(config.limits(), ports, evidence_key).await.context("the company cannot start")?;
        company.plan_from(Arc::new(Templates));
        models.on_refusal({
            let company = company.clone();
            move |persona| company.model_refused(persona)
        });
        let _watch = AbortOnDropHandle::new(tokio::spawn(watch(mcp.clone(), company.clone())));
        let rooms =
            Self { company, mcp, fitted, own, isolations, egress, _watch, models, storage, world, browsers, rehearsal };
        rooms.keep_env_keys(config).await?;
        if signs_anew {
            rooms.tell_of_new_key().await?;
        }
        Ok(rooms)
    }

    /// How personas reach the practice site.
    pub(super) fn rehearsal_url() -> String {
        format!("http://{REHEARSAL_HOST}")
    }

    /// An act of this program itself, as receipts name it.
    pub(super) fn by(&self, who: &str) -> By {
        By { who: who.to_owned(), trace: TraceId(self.world.new_id()) }
    }

    async fn tell_of_new_key(&self) -> anyhow::Result<()> {
        tracing::warn!("heads are signed with another key from now on: somebody has put a new evidence key there");
        let said = "heads are signed with another evidence key from now on".to_owned();
        self.company.record_act(said, json!({}), &self.by("start")).await.context("a receipt cannot be written")
    }

    /// Keys from the environment become secrets of the instance; the same key again is no news.
    async fn keep_env_keys(&self, config: &Config) -> anyhow::Result<()> {
        let vault = &self.storage.vault;
        for (name, value) in &config.env_keys.0 {
            let kept =
                vault.get(INSTANCE, name).await.with_context(|| format!("the secret `{name}` cannot be read"))?;
            if kept.is_some_and(|kept| kept.reveal() == value) {
                continue;
            }
            vault.set(INSTANCE, name, value).await.with_context(|| format!("the secret `{name}` cannot be kept"))?;
            let summary = format!("took the secret {name} from the environment");
            self.company.record_act(summary, json!({ "owner": INSTANCE, "name": name }), &self.by("system")).await?;
        }
        Ok(())
    }

    /// Steps under way end and are recorded, then browsers and the practice site close.
    pub(super) async fn close(self) {
        self.company.end().await;
        self.isolations.containers.close().await;
        if tokio::time::timeout(CLOSING, self.browsers.close_all()).await.is_err() {
            tracing::warn!("some browsers did not close in time, the next start ends them");
        }
        if let Some(rehearsal) = self.rehearsal {
            rehearsal.stop().await;
        }
    }
}

/// Where personas practise, and the site itself when it is ours.
async fn practice_site(config: &Config) -> anyhow::Result<(SocketAddr, Option<Running>)> {
    #[cfg(feature = "failpoints")]
    if let Some(elsewhere) = super::failpoints::practice_site()? {
        return Ok((elsewhere, None));
    }
    let running = Rehearsal::start(config.data_root.join("rehearsal"), config.rehearsal.port).await?;
    Ok((running.addr, Some(running)))
}

fn open_egress(config: &Config, rehearsal: SocketAddr) -> anyhow::Result<Egress> {
    let rules = HostRules::parse(&config.egress.allowed_hosts)
        .context("`egress.allowed_hosts` (ALLOWED_HOSTS) holds a rule that cannot be used")?;
    Ok(Egress::new(rules, rehearsal))
}

fn open_browsers(config: &Config, egress: Egress) -> anyhow::Result<Browsers> {
    let key = SecretKey::load(&config.storage.key_file)?;
    Ok(Browsers::new(config.browser.clone(), egress, config.browser.root.clone(), Arc::new(SealedWith(key))))
}

fn open_models(config: &Config, storage: &Storage) -> anyhow::Result<Models> {
    Models::new(&config.models, Arc::new(storage.vault.clone())).context("the models cannot be set up")
}

fn open_mcp(config: &Config, storage: &Storage, egress: Egress) -> Mcp {
    let (pins, keyring) = (Arc::new(storage.db.clone()), Arc::new(storage.vault.clone()));
    Mcp::new(McpDeps { pins, egress, keyring, data_root: config.data_root.clone() })
}

fn web(config: &Config, egress: Egress) -> anyhow::Result<Web> {
    let search = match config.tools.web_search.as_str() {
        "" => None,
        address => Some(address.parse().context("`tools.web_search` is no address")?),
    };
    Ok(Web { egress, search })
}

fn tools(
    config: &Config,
    storage: &Storage,
    browsers: &Browsers,
    models: Models,
    (web, mcp, own, isolations): (Web, Mcp, OwnTools, Isolations),
    world: Arc<dyn World>,
) -> Tools {
    let keyring = Arc::new(storage.vault.clone());
    Tools::new(ToolsDeps {
        records: storage.records.clone(),
        keyring,
        models,
        browser: Arc::new(browsers.clone()),
        days: Arc::new(storage.db.clone()),
        world,
        web,
        mcp,
        // Rooms to come: until then their tools say that they are not available.
        memory: None,
        voice: None,
        data_root: config.data_root.clone(),
        own,
        isolations,
    })
}

/// The key that signs heads, and whether it is another than those that signed for this node before. One is made only
/// where nothing was signed yet: a key that is gone is somebody's to restore or to replace.
async fn evidence_key(config: &Config, storage: &Storage) -> anyhow::Result<(SigningKey, bool)> {
    let file = config.evidence_key_file();
    let known = Archive::of(storage.db.clone(), &config.data_root).keys().await;
    let known = known.context("the signing keys cannot be read")?.into_iter();
    let own: Vec<_> = known.filter(|known| known.node == config.node.to_string()).map(|known| known.key).collect();
    if !own.is_empty() && !file.exists() {
        let path = file.display();
        bail!(
            "heads of receipts are signed, but the key file {path} that signed them is gone; restore it from a backup, \
             or, if it is lost, put a new one there: openssl rand -hex 32 > {path} && chmod 600 {path} (what was signed \
             stays verifiable)"
        );
    }
    let key = EvidenceKey::load_or_create(&file)?;
    let signs_anew = !own.is_empty() && !own.contains(&key.verifying_key());
    storage.register_signing_key(&key.verifying_key()).await.context("the signing key cannot be named")?;
    Ok((key, signs_anew))
}

/// The public half of this machine's evidence key, if it has one.
pub(super) fn own_key(config: &Config) -> Option<NodeKey> {
    let file = config.evidence_key_file();
    if !file.exists() {
        return None;
    }
    let key = EvidenceKey::load_or_create(&file).ok()?;
    Some(NodeKey { node: config.node.to_string(), key: key.verifying_key() })
}
