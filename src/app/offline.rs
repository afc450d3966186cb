//! The verbs that work without a server.

use crate::{
    cli::{Ended, doctor, print::Out, receipts},
    config::Config,
};

pub(super) async fn doctor(config: &Config, json: bool) -> anyhow::Result<Ended> {
    let findings = doctor::machine(config);
    Ok(doctor::report(&findings, Out { json }))
}

pub(super) async fn verify(_config: &Config, _verify: receipts::Verify, _json: bool) -> anyhow::Result<Ended> {
    Ok(Ended::Well)
}

pub(super) async fn export(_config: &Config, _export: receipts::Export, _json: bool) -> anyhow::Result<Ended> {
    Ok(Ended::Well)
}
