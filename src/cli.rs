//! The command line: what people type, how answers are printed, and with which code a command ends.
//!
//! Codes: 0 it is so, or it was done; 1 it is not so, or it went wrong; 2 the command or the configuration cannot be
//! understood. Errors go to standard error, in one line with their causes.

pub mod agent;
pub mod announcement;
pub mod approval;
pub mod budget;
pub mod config;
mod container;
pub mod demo;
pub mod doctor;
pub mod goal;
pub mod host;
pub mod key;
pub mod learning;
pub mod lock;
pub mod login;
pub mod mcp;
pub mod message;
pub mod persona;
pub mod print;
pub mod quotas;
pub mod receipts;
pub mod room;
pub mod run;
pub mod schedule;
mod server;
pub mod sim;
pub mod tool;
pub mod wait;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, LoadOptions};

/// An actor runtime for AI personas that proves what it did.
#[derive(Debug, Parser)]
#[command(name = "greenroom", version, propagate_version = true, arg_required_else_help = true)]
pub struct Command {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Settings file instead of `<data root>/greenroom.toml`.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for database, artifacts, profiles and keys.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_root: Option<PathBuf>,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Common {
    /// The settings this command runs under.
    pub fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&LoadOptions::from_process(self.config.clone(), self.data_root.clone()))
    }
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start the server.
    Serve,
    /// Start a server of its own with two personas at work.
    Demo(demo::Demo),
    /// Print a new one-time login link.
    Login(login::Login),
    /// Create, list, show, pause and resume personas.
    #[command(subcommand)]
    Persona(persona::Verb),
    /// Give goals to personas, and decide about them.
    #[command(subcommand)]
    Goal(goal::Verb),
    /// List runs, replay one from its receipts, go on from the middle of one, or take one of its steps back.
    #[command(subcommand)]
    Run(run::Verb),
    /// What personas, users and the company may spend on models.
    #[command(subcommand)]
    Budget(budget::Verb),
    /// Make, list and revoke keys with which programs ask models and personas.
    #[command(subcommand)]
    Key(key::Verb),
    /// Calls that wait for a yes or no, and what was decided.
    Approvals(approval::Approvals),
    /// Say yes to the very call that an approval is about.
    Approve(approval::Decision),
    /// Say no to it.
    Deny(approval::Decision),
    /// What may be done on a host, whoever does it.
    #[command(subcommand)]
    Host(host::Verb),
    /// Put goals and messages on a persona's calendar.
    #[command(subcommand)]
    Schedule(schedule::Verb),
    /// List messages; retry or discard those that brought a persona down.
    #[command(subcommand)]
    Message(message::Verb),
    /// Open rooms, talk there, and see who had the floor.
    #[command(subcommand)]
    Room(room::Verb),
    /// What personas want to be told about each other.
    #[command(subcommand)]
    Wait(wait::Verb),
    /// List, verify and export receipts.
    #[command(subcommand)]
    Receipts(receipts::Verb),
    /// Named variants of a persona, which goals in words may name.
    #[command(subcommand)]
    Agent(agent::Verb),
    /// What personas can use: list it, grant and revoke it, write a tool of your own, try it in its sandbox.
    #[command(subcommand)]
    Tool(tool::Verb),
    /// Servers of tools that others wrote (MCP): look at them, and confirm what personas may call.
    #[command(subcommand)]
    Mcp(mcp::Verb),
    /// Look for what would keep Greenroom from working.
    Doctor,
    /// Live through simulated days under the scheduler's policy, and check its promises.
    Sim(sim::Sim),
    /// Show and check the settings.
    #[command(subcommand)]
    Config(config::Verb),
}

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Code 0.
    Well,
    /// Code 1: what was asked is not so. It has been said.
    Badly,
}

impl Ended {
    /// Well, if this holds.
    pub const fn well_if(holds: bool) -> Self {
        if holds { Self::Well } else { Self::Badly }
    }
}

/// The command cannot be understood: code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misused(pub String);

/// Carries out a verb that asks a running server.
pub async fn ask(verb: Verb, config: &Config, json: bool) -> anyhow::Result<Ended> {
    let server = server::Server::find(config)?;
    let out = print::Out { json };
    match verb {
        Verb::Login(login) => login.run(&server, out).await,
        Verb::Persona(verb) => verb.run(&server, out).await,
        Verb::Agent(verb) => verb.run(&server, out).await,
        Verb::Mcp(verb) => verb.run(&server, out).await,
        Verb::Goal(verb) => verb.run(&server, out).await,
        Verb::Run(verb) => verb.run(&server, out).await,
        Verb::Budget(verb) => verb.run(&server, out).await,
        Verb::Key(verb) => verb.run(&server, out).await,
        Verb::Approvals(list) => list.run(&server, out).await,
        Verb::Approve(decision) => decision.run("approve", &server, out).await,
        Verb::Deny(decision) => decision.run("deny", &server, out).await,
        Verb::Host(verb) => verb.run(&server, out).await,
        Verb::Message(verb) => verb.run(&server, out).await,
        Verb::Room(verb) => verb.run(&server, out).await,
        Verb::Schedule(verb) => verb.run(&server, out).await,
        Verb::Wait(verb) => verb.run(&server, out).await,
        Verb::Receipts(receipts::Verb::List(list)) => list.run(&server, out).await,
        _ => Err(Misused("this command does not ask a server".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_hold_together() {
        Command::command().debug_assert();
    }

    #[test]
    fn options_stand_before_and_behind_the_verb() {
        let parse = |line: &str| Command::try_parse_from(line.split(' ')).unwrap();
        for line in ["greenroom --json goal list --persona ada", "greenroom goal list --persona ada --json"] {
            assert!(parse(line).common.json, "{line}");
        }
        for line in
            ["greenroom", "greenroom goal", "greenroom goal resolve 1 --done --not-done", "greenroom goal resolve 1"]
        {
            let error = Command::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    fn silent(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_about().is_none() {
            found.push(path.clone());
        }
        let unsaid = command.get_arguments().filter(|arg| arg.get_help().is_none() && !arg.is_hide_set());
        found.extend(unsaid.map(|arg| format!("{path} {}", arg.get_id())));
        command.get_subcommands().for_each(|verb| silent(verb, &path, found));
    }

    #[test]
    fn every_verb_and_option_says_what_it_is_for() {
        let mut found = Vec::new();
        silent(&Command::command(), "", &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }
}
