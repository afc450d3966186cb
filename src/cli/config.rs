//! `config`: which settings are in force, and whether they can be used. Works without a server.

use clap::Subcommand;
use serde_json::json;

use super::{Common, Ended, Misused, print};
use crate::{
    config::{Config, Setting},
    egress::HostRules,
};

/// What can be asked about the settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Verb {
    /// Print every setting with where it came from. Secrets are cut to their last characters.
    Show,
    /// Say whether the settings can be used, and name everything that is wrong.
    Check,
}

impl Verb {
    /// Prints the answer. A configuration that cannot be used is code 1 for `check`, code 2 for everything else.
    pub fn run(self, common: &Common) -> anyhow::Result<Ended> {
        let out = print::Out { json: common.json };
        match (self, common.load()) {
            (Self::Show, Ok(config)) => out.answer(&config.settings(), |settings| text(settings)),
            (Self::Show, Err(error)) => return Err(Misused(error.to_string()).into()),
            (Self::Check, Ok(config)) => return Ok(checked(&config, out)),
            (Self::Check, Err(error)) => {
                let problems = error.problems.iter();
                let listed = problems.map(|p| json!({"key": p.key, "in": p.origin, "problem": p.text}));
                let listed = listed.collect::<Vec<_>>();
                out.answer(&json!({"ok": false, "problems": listed}), |_| error.to_string());
                return Ok(Ended::Badly);
            }
        }
        Ok(Ended::Well)
    }
}

/// What no layer of the settings can judge: host rules are read by the room that holds to them.
fn checked(config: &Config, out: print::Out) -> Ended {
    let key = "egress.allowed_hosts";
    match HostRules::parse(&config.egress.allowed_hosts) {
        Ok(_) => out.answer(&json!({"ok": true, "problems": []}), |_| sound(config)),
        Err(bad) => {
            let problem = json!({"key": key, "in": config.sources.get(key), "problem": bad.to_string()});
            out.answer(&json!({"ok": false, "problems": [problem]}), |_| format!("{key}: {bad}"));
            return Ended::Badly;
        }
    }
    Ended::Well
}

fn sound(config: &Config) -> String {
    let own = config.sources.len();
    format!("the settings can be used; {own} differ from the defaults; data root {}", config.data_root.display())
}

fn text(settings: &[Setting]) -> String {
    let row = |setting: &Setting| [setting.key.clone(), setting.value.to_string(), setting.from.clone()];
    print::table(["setting", "value", "from"], &settings.iter().map(row).collect::<Vec<_>>())
}
