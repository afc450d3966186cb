//! The verbs that work without a server.

use crate::{
    cli::{Ended, receipts},
    config::Config,
};

pub(super) async fn doctor(_config: &Config, _json: bool) -> anyhow::Result<Ended> {
    Ok(Ended::Well)
}

pub(super) async fn verify(_config: &Config, _verify: receipts::Verify, _json: bool) -> anyhow::Result<Ended> {
    Ok(Ended::Well)
}

pub(super) async fn export(_config: &Config, _export: receipts::Export, _json: bool) -> anyhow::Result<Ended> {
    Ok(Ended::Well)
}
