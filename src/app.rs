//! Puts the rooms together. Wiring only: what is decided, is decided in the rooms.

mod adapters;
mod demo;
#[cfg(feature = "failpoints")]
mod failpoints;
mod machine;
mod offline;
mod rooms;
mod serve;
mod world;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Parser as _;

use crate::{
    cli::{self, Command, Ended, Misused, Verb, receipts, run},
    config::ConfigError,
    tools::sandbox::way_out,
};

/// The whole program: reads the command, carries it out, says how it ended.
pub fn main() -> ExitCode {
    if let Some(ended) = way_out::inside(std::env::args_os()) {
        return ended;
    }
    let command = Command::parse();
    let json = command.common.json;
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
        .and_then(|runtime| runtime.block_on(run(command)));
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Badly) => ExitCode::from(1),
        Err(error) => {
            cli::print::error(&error, json);
            let misused = error.is::<Misused>() || error.is::<ConfigError>();
            ExitCode::from(if misused { 2 } else { 1 })
        }
    }
}

async fn run(command: Command) -> anyhow::Result<Ended> {
    let Command { common, verb } = command;
    let json = common.json;
    if let Verb::Config(verb) = verb {
        return verb.run(&common);
    }
    if let Verb::Sim(sim) = verb {
        return sim.run(cli::print::Out { json });
    }
    if let Verb::Demo(demo) = verb {
        return demo::demo(demo, common).await;
    }
    let config = common.load()?;
    match verb {
        Verb::Tool(verb) => verb.run(&config, cli::print::Out { json }, Arc::new(world::ThisMachine)).await,
        Verb::Serve => serve::serve(config, common.json).await,
        Verb::Doctor => offline::doctor(&config, common.json).await,
        Verb::Receipts(receipts::Verb::Verify(verify)) => offline::verify(&config, verify, common.json).await,
        Verb::Receipts(receipts::Verb::Export(export)) => offline::export(&config, export, common.json).await,
        Verb::Run(run::Verb::Replay(replay)) if replay.offline => {
            offline::replay(&config, &replay.run, common.json).await
        }
        verb => cli::ask(verb, &config, common.json).await,
    }
}
