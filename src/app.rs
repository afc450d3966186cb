//! Puts the rooms together. Wiring only: what is decided, is decided in the rooms.

mod adapters;
mod chronicle;
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
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return misread(&error),
    };
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

/// What was typed is no command, or asks for help: in words, or as an object for programs.
fn misread(error: &clap::Error) -> ExitCode {
    let asks_for_json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if error.use_stderr() && asks_for_json {
        let said = error.render().to_string();
        cli::print::error(&Misused(said.trim_start_matches("error: ").trim_end().to_owned()).into(), true);
    } else {
        // A reader that went away is no error.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
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
