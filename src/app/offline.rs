//! The verbs that work without a server.

use std::sync::Arc;

use actors::run::{self, replay::Library};

use super::{rooms, world::ThisMachine};
use crate::{
    cli::{
        self, Ended, Misused, doctor, goal,
        print::Out,
        receipts::{
            self,
            bundle::{self, Bundle},
            check::{self, Verified},
            record::Stored,
        },
    },
    config::Config,
    storage::Storage,
    tools::isolation::Isolations,
};

pub(super) async fn doctor(config: &Config, json: bool) -> anyhow::Result<Ended> {
    let mut findings = doctor::machine(config);
    let opened = Storage::open_read_only(&config.storage, &config.data_root, Arc::new(ThisMachine)).await;
    findings.extend(doctor::database(config, opened).await);
    findings.push(doctor::chromium(config).await);
    findings.push(doctor::hosts(config));
    findings.push(doctor::sandbox().await);
    findings.push(doctor::tools(config));
    let isolations = Isolations::new(config, Arc::new(ThisMachine));
    findings.push(doctor::containers(config, &isolations).await);
    Ok(doctor::report(&findings, Out { json }))
}

/// Checks an exported folder, or the database.
pub(super) async fn verify(config: &Config, verify: receipts::Verify, json: bool) -> anyhow::Result<Ended> {
    let verified = match &verify.bundle {
        Some(folder) => {
            let mut bundle = Bundle::open(folder, verify.persona.as_deref())?;
            check::check(&mut bundle, verify.kept(), &goal::spinner()).await?
        }
        None => verified(config, &verify).await?,
    };
    Out { json }.answer(&verified, |verified| check::text(verified, rooms::own_key(config).as_ref()));
    Ok(Ended::well_if(verified.ok))
}

/// Checks the database.
pub(super) async fn verified(config: &Config, verify: &receipts::Verify) -> anyhow::Result<Verified> {
    let mut record = open(config, verify.persona.as_deref()).await?;
    check::check(&mut record, verify.kept(), &goal::spinner()).await
}

pub(super) async fn export(config: &Config, export: receipts::Export, json: bool) -> anyhow::Result<Ended> {
    let mut record = open(config, export.persona.as_deref()).await?;
    let exported = bundle::export(&mut record, &export.to, &goal::spinner()).await?;
    Out { json }.answer(&exported, |exported| bundle::said(exported, &export.to));
    Ok(Ended::Well)
}

/// Carries a run out again from the data root.
pub(super) async fn replay(config: &Config, id: &str, json: bool) -> anyhow::Result<Ended> {
    let id = id.parse().map_err(|_| Misused(format!("`{id}` is no run's id; see `greenroom run list`")))?;
    let archive = Storage::open_read_only(&config.storage, &config.data_root, Arc::new(ThisMachine)).await?;
    let library =
        Library { records: archive.records(), blobs: Arc::new(archive.blobs.clone()), limits: config.limits() };
    let replayed = Box::pin(run::replay::replay(&library, id, true)).await?;
    Ok(cli::run::said(&replayed, Out { json }))
}

/// Read only: a server may be at work beside it, and nothing is made or brought up to date.
async fn open(config: &Config, persona: Option<&str>) -> anyhow::Result<Stored> {
    let archive = Storage::open_read_only(&config.storage, &config.data_root, Arc::new(ThisMachine)).await?;
    Stored::open(archive, persona).await
}
