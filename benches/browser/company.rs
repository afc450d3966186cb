//! The steps as a goal that a company carries, each with its receipt on disk before the next begins.

use std::{path::Path, sync::Arc, time::Duration};

use actors::{
    domain::{GoalState, Limits, Pace, Payload, PersonaId, Proof, StepsPayload, TraceId, WaitsFor},
    ports::{Ports, World as _},
    supervisor::{By, Company, NewPersona, NewWork, Work},
};
use anyhow::{Context as _, ensure};
use ed25519_dalek::SigningKey;
use greenroom::{
    browser::Browsers,
    egress::{Egress, HostRules, REHEARSAL_HOST},
    models::Models,
    storage::Storage,
    tools::{
        Tools, ToolsDeps, Web,
        isolation::Isolations,
        mcp::{Mcp, McpDeps},
        registry,
    },
};
use tokio::time::{Instant, timeout};

use super::{site::Site, steps};

const LONGEST: Duration = Duration::from_secs(60);

/// A persona at work in a company of its own.
pub(super) struct Worker<'a> {
    site: &'a Site,
    company: Company,
    browsers: Browsers,
    persona: PersonaId,
}

impl<'a> Worker<'a> {
    pub(super) async fn start(site: &'a Site) -> anyhow::Result<Self> {
        let (config, root) = (&site.config, site.folder("company"));
        let storage = Storage::open(&config.storage, &root, &config.node, site.world.clone()).await?;
        let browsers = site.browsers("company")?;
        let tools = tools(site, &storage, &browsers, &root)?;
        let ports = Ports {
            journal: storage.journal.clone(),
            records: storage.records.clone(),
            performer: Arc::new(tools),
            blobs: storage.blobs.clone(),
            world: site.world.clone(),
        };
        // The pace is for the sake of sites; here it would only be measured itself.
        let pace = Pace { sites: vec![(REHEARSAL_HOST.to_owned(), u32::MAX)], ..config.limits().pace };
        let limits = Limits { pace, ..config.limits() };
        let company = Company::start(limits, ports, SigningKey::from_bytes(&[7; 32])).await?;
        let new = NewPersona {
            slug: "jason".parse()?,
            name: "Jason".to_owned(),
            role: None,
            description: String::new(),
            profile: actors::domain::Profile::default(),
            hosts: Vec::new(),
            model: None,
            weight: actors::domain::Weight::ORDINARY,
            hours: Default::default(),
        };
        let persona = company.create_persona(new, &by(site)).await?.id;
        Ok(Self { site, company, browsers, persona })
    }

    /// Milliseconds from the delivery of the goal until it is proved.
    pub(super) async fn run(&self) -> anyhow::Result<f64> {
        let mut receipts = self.company.receipts();
        let begun = Instant::now();
        let work = NewWork {
            persona: self.persona,
            what: Work::Goal {
                title: "twenty steps".to_owned(),
                payload: Payload::Browser(StepsPayload { steps: steps::all() }),
                proof: Proof::default(),
            },
            priority: None,
            serve_by_ms: None,
            due_ms: None,
            correlation: None,
            project: None,
            waits_for: WaitsFor::default(),
        };
        let goal = self.company.deliver(work, &by(self.site)).await?.goal.id;
        let over = async {
            loop {
                let receipt = receipts.recv().await?;
                let state = receipt.state.as_deref().and_then(|state| state.parse::<GoalState>().ok());
                // A step's outcome is `done` too; only the last receipt of a run is of no step.
                if receipt.goal == Some(goal) && receipt.step.is_none() && state.is_some_and(GoalState::is_over) {
                    let error = receipt.body.as_ref().and_then(|body| body.error.clone());
                    ensure!(state == Some(GoalState::Done), "the goal ended {state:?}: {error:?}");
                    return Ok(());
                }
            }
        };
        timeout(LONGEST, over).await.context("the goal did not end")??;
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }

    pub(super) async fn end(&self) {
        self.company.end().await;
        self.browsers.close_all().await;
    }
}

fn by(site: &Site) -> By {
    By { who: "bench".to_owned(), trace: TraceId(site.world.new_id()) }
}

/// What the persona can do.
fn tools(site: &Site, storage: &Storage, browsers: &Browsers, root: &Path) -> anyhow::Result<Tools> {
    let keyring = Arc::new(storage.vault.clone());
    let egress = Egress::new(HostRules::default(), ([127, 0, 0, 1], 9).into());
    let mcp = Mcp::new(McpDeps {
        pins: Arc::new(storage.db.clone()),
        egress: egress.clone(),
        keyring: keyring.clone(),
        data_root: root.to_path_buf(),
    });
    Ok(Tools::new(ToolsDeps {
        records: storage.records.clone(),
        models: Models::new(&site.config.models, keyring.clone())?,
        keyring,
        browser: Arc::new(browsers.clone()),
        days: Arc::new(storage.db.clone()),
        world: site.world.clone(),
        web: Web { egress, search: None },
        mcp,
        memory: None,
        voice: None,
        own: registry::watched(root.to_path_buf()),
        data_root: root.to_path_buf(),
        isolations: Isolations::new(&site.config, site.world.clone()),
    }))
}
