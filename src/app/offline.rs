//! The verbs that work without a server.

use anyhow::Context as _;

use super::rooms;
use crate::{
    cli::{
        Ended, doctor, goal,
        print::Out,
        receipts::{
            self,
            bundle::{self, Bundle},
            check::{self, Verified},
            record::Record,
        },
    },
    config::Config,
};

pub(super) async fn doctor(config: &Config, json: bool) -> anyhow::Result<Ended> {
    let findings = doctor::machine(config);
    Ok(doctor::report(&findings, Out { json }))
}

/// Checks an exported folder, or the database.
pub(super) async fn verify(config: &Config, verify: receipts::Verify, json: bool) -> anyhow::Result<Ended> {
    let verified = match &verify.bundle {
        Some(folder) => check::check(&mut Bundle::open(folder)?, verify.head, &goal::spinner()).await?,
        None => verified(config, &verify).await?,
    };
    Out { json }.answer(&verified, |verified| check::text(verified, rooms::own_key(config).as_ref()));
    Ok(Ended::well_if(verified.ok))
}

/// Checks the database.
pub(super) async fn verified(config: &Config, verify: &receipts::Verify) -> anyhow::Result<Verified> {
    let mut record = open(config, verify.persona.as_deref()).await?;
    check::check(record.as_mut(), verify.head, &goal::spinner()).await
}

pub(super) async fn export(config: &Config, export: receipts::Export, json: bool) -> anyhow::Result<Ended> {
    let mut record = open(config, export.persona.as_deref()).await?;
    let exported = bundle::export(record.as_mut(), &export.to, &goal::spinner()).await?;
    Out { json }.answer(&exported, |exported| bundle::said(exported, &export.to));
    Ok(Ended::Well)
}

async fn open(_config: &Config, _persona: Option<&str>) -> anyhow::Result<Box<dyn Record>> {
    None.context("the database cannot be read yet")
}
