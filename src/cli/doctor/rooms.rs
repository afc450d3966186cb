//! What only the rooms themselves can tell: the database and the browser.

use std::{process::Stdio, time::Duration};

use actors::domain::{PersonaId, PersonaStatus};

use super::{Finding, checks};
use crate::{
    browser::find_chromium,
    config::{self, Config, Isolation},
    egress::HostRules,
    storage::{Age, Archive, OpenError},
    tools::{
        isolation::{self, Isolations},
        own::{Origin, OwnTool, Unwatched, Whose, folders},
        registry,
        sandbox::Sandbox,
    },
};

const CHROMIUM_LIMIT: Duration = Duration::from_secs(20);

/// The database as `Storage::open_read_only` found it, and the keys that open its secrets and sign its heads.
pub async fn database(config: &Config, opened: Result<Archive, OpenError>) -> Vec<Finding> {
    let (opens, signs) = match &opened {
        Ok(archive) => (lost_secrets_key(config, archive).await, lost_evidence_key(config, archive).await),
        Err(_) => (None, None),
    };
    let opens = opens.unwrap_or_else(|| checks::key("secrets", &config.storage.key_file));
    let signs = signs.unwrap_or_else(|| checks::key("evidence", &config.evidence_key_file()));
    vec![opens, signs, contents(config, opened).await]
}

/// Secrets are stored, and the key that sealed them is not there: the next start is refused.
async fn lost_secrets_key(config: &Config, archive: &Archive) -> Option<Finding> {
    let error = archive.opens_secrets(&config.storage.key_file).await.err()?;
    // What cannot be read of the database or the file is told with them.
    matches!(error, OpenError::KeyGone { .. } | OpenError::OtherKey { .. }).then(|| {
        let found = format!("{error}: the server will not start");
        Finding::bad("keys", found, "put the key file back from a backup: no other key opens these secrets")
    })
}

/// Heads are signed, and the key that signed them is not there: the next start is refused.
async fn lost_evidence_key(config: &Config, archive: &Archive) -> Option<Finding> {
    let file = config.evidence_key_file();
    // What cannot be read of a new database is told with the database.
    let known = archive.keys().await.ok()?;
    let own = known.iter().any(|known| known.node == config.node.to_string());
    let path = file.display();
    (own && !file.exists()).then(|| {
        let found =
            format!("heads of receipts are signed, but {path} that signed them is gone: the server will not start");
        let next = format!(
            "restore it from a backup, or, if it is lost: openssl rand -hex 32 > {path} && chmod 600 {path} (what was \
             signed stays verifiable)"
        );
        Finding::bad("keys", found, next)
    })
}

async fn contents(config: &Config, opened: Result<Archive, OpenError>) -> Finding {
    let what = match config.storage.database_url.as_str() {
        "" => "SQLite in the data root".to_owned(),
        address => config::without_password(address),
    };
    let archive = match opened {
        Ok(archive) => archive,
        Err(OpenError::NotThere { .. }) => return Finding::ok("database", format!("{what} will be made")),
        Err(error) => return unreachable(&what, error.into()),
    };
    match archive.age().await {
        Ok(age) if !age.newer.is_empty() => Finding::bad(
            "database",
            format!("{what} was written by a newer Greenroom (it knows {})", age.newer.join(", ")),
            "start the newer Greenroom, or restore a backup",
        ),
        Ok(age) => Finding::ok("database", format!("{what}, {}{}", migrations(&age), personas(&archive).await)),
        Err(error) => unreachable(&what, error.into()),
    }
}

fn unreachable(what: &str, error: anyhow::Error) -> Finding {
    let found = format!("{what} cannot be read: {error:#}");
    Finding::bad("database", found, "look at DATABASE_URL (storage.database_url), the server behind it and its rights")
}

fn migrations(age: &Age) -> String {
    match age.pending.len() {
        0 => format!("{} migrations, up to date", age.applied),
        some => format!("{} migrations, the next start brings {some} more", age.applied),
    }
}

/// A first look at the data; a database without it is only new.
async fn personas(archive: &Archive) -> String {
    let Ok(all) = archive.db.personas(false).await else { return String::new() };
    let paused = all.iter().filter(|persona| persona.status == PersonaStatus::Paused).count();
    format!(", {} personas ({paused} paused)", all.len())
}

/// Whether own tools can be run, and what bounds them.
pub async fn sandbox() -> Finding {
    let held = match Sandbox::find() {
        Ok(sandbox) => sandbox.report().await,
        Err(error) => Err(error),
    };
    let next = "install bubblewrap, and allow this user to make name spaces; until then no own tool runs";
    let held = match held {
        Ok(held) => held,
        Err(error) => return Finding::warn("sandbox", error.to_string(), next),
    };
    let missing: Vec<_> = held.iter().filter(|held| !held.in_force).collect();
    let names = held.iter().filter(|held| held.in_force).map(|held| held.what).collect::<Vec<_>>().join(", ");
    if missing.is_empty() {
        return Finding::ok("sandbox", format!("own tools are bounded in {names}"));
    }
    let said = missing.iter().map(|held| format!("{}: {}", held.what, held.how)).collect::<Vec<_>>().join("; ");
    let next = "give this process control groups of its own (systemd: Delegate=yes), or run it as a user of its own";
    Finding::warn("sandbox", format!("own tools are bounded in {names}, but not wholly in {said}"), next)
}

/// Whether a change of an own tool is told by the kernel, or everything has to be looked at each time.
pub fn tools(config: &Config) -> Finding {
    let (what, own) = ("own tools", registry::watched(config.data_root.clone()));
    let personas = folders(&config.data_root.join("personas"));
    // Which of them is a slug and which an id is no matter.
    let whose = personas.iter().map(|(slug, _)| Whose { id: PersonaId::from([0; 16]), slug });
    let theirs = |tools: &[OwnTool]| tools.iter().filter(|tool| tool.from == Origin::Persona).count();
    let count = own.of(None).tools.len() + whose.map(|whose| theirs(&own.of(Some(whose)).tools)).sum::<usize>();
    match own.unwatched() {
        None => Finding::ok(what, format!("{count}; the kernel tells when one changes")),
        Some(why) => {
            let found = format!("{count}, looked at anew at each step: {why}");
            Finding::warn(what, found, unwatched(why))
        }
    }
}

const fn unwatched(why: Unwatched) -> &'static str {
    match why {
        Unwatched::TooMany => {
            "sysctl fs.inotify.max_user_watches=524288; until then steps take longer the more there are"
        }
        Unwatched::Refused(_) => {
            "sysctl fs.inotify.max_user_instances=512; until then steps take longer the more there are"
        }
        Unwatched::Shared(_) => {
            "keep the data root on a disk of this machine; until then steps take longer the more there are"
        }
    }
}

/// Whether own tools that ask for a container get one.
pub async fn containers(config: &Config, isolations: &Isolations) -> Finding {
    let (what, usual) = ("containers", config.tools.isolation == Isolation::Container);
    if !usual && !isolation::anybody_wants_container(config) {
        return Finding::ok(what, "no own tool asks for one");
    }
    match isolations.containers.check().await {
        Ok(found) => Finding::ok(what, found),
        Err(error) => Finding::bad(what, error.to_string(), "until then no own tool that asks for a container runs"),
    }
}

/// Chromium, and whether it starts at all.
pub async fn chromium(config: &Config) -> Finding {
    let found = match find_chromium(&config.browser.executable) {
        Ok(found) => found,
        Err(error) => return Finding::bad("chromium", error.to_string(), "apt-get install chromium"),
    };
    let shown = found.display().to_string();
    let asked = tokio::process::Command::new(&found).arg("--version").stdin(Stdio::null()).kill_on_drop(true).output();
    let next = "run it by hand to see why, or name another with browser.executable";
    match tokio::time::timeout(CHROMIUM_LIMIT, asked).await {
        Ok(Ok(said)) if said.status.success() => {
            let version = String::from_utf8_lossy(&said.stdout);
            Finding::ok("chromium", format!("{} ({shown})", crate::cli::print::short(&version, 80)))
        }
        Ok(Ok(said)) => Finding::bad("chromium", format!("{shown} does not start: {}", said.status), next),
        Ok(Err(error)) => Finding::bad("chromium", format!("{shown} does not start: {error}"), next),
        Err(_) => Finding::bad("chromium", format!("{shown} did not answer within 20 s"), next),
    }
}

/// Whether the global host list can be read.
pub fn hosts(config: &Config) -> Finding {
    match HostRules::parse(&config.egress.allowed_hosts) {
        Err(error) => Finding::bad("hosts", error.to_string(), "correct egress.allowed_hosts (ALLOWED_HOSTS)"),
        Ok(rules) if rules.is_empty() => {
            Finding::ok("hosts", "no global list: each persona's own list decides, which starts empty")
        }
        Ok(_) => Finding::ok("hosts", config.egress.allowed_hosts.join(", ")),
    }
}
