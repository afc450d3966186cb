//! `demo`: a server on a data root of its own, with Livia and Jason at work on the practice site.

mod cast;
mod once;
mod stage;

use std::path::PathBuf;

use anyhow::Context as _;

use self::cast::Cast;
use super::serve::{Serving, Signals};
use crate::{
    cli::{
        Common, Ended, demo,
        print::{self, Out},
    },
    telemetry::Stderr,
};

/// Where it keeps what it does, unless told otherwise: inside the checkout, ignored by git.
const HOME: &str = ".greenroom";

/// Starts the demo as the command asks for it.
pub(super) async fn demo(demo: demo::Demo, common: Common) -> anyhow::Result<Ended> {
    if demo.once {
        return once::run(common).await;
    }
    let json = common.json;
    let root = common.data_root.clone().unwrap_or_else(|| PathBuf::from(HOME).join("demo"));
    let config = Common { data_root: Some(root), ..common }.load()?;
    let to_see = cast::what_to_see(&config.data_root);
    let mut serving = Serving::start(config, Stderr::Warnings).await?;
    let mut signals = Signals::listen()?;
    let link = serving.login_link().await?;
    serving.greet(Some(&link), Out { json });
    if !json {
        print::line(&format!("\n{to_see}"));
    }
    let cast = Cast::gather(&serving.rooms).await.context("the personas cannot be made")?;
    let work = tokio::spawn(stage::play(stage::Stage::of(&serving.rooms), cast));
    let why = serving.until_told(&mut signals).await;
    work.abort();
    serving.end(&mut signals).await;
    why.map(|()| Ended::Well)
}
