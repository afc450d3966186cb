//! Which values a setting may have, beyond its type.

use std::time::Duration;

use actors::domain::Quota;
use url::Url;

use super::{Config, ConfigError, Problem, show};

pub(super) const MINUTE: u64 = 60;
pub(super) const DAY: u64 = 24 * 60 * MINUTE;

/// Finds every value that is out of range, not only the first.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let mut found = Findings { config, problems: Vec::new() };
    server(&mut found);
    storage(&mut found);
    company(&mut found);
    inbox(&mut found);
    inner_life(&mut found);
    rooms(&mut found);
    quotas(&mut found);
    browser(&mut found);
    tools(&mut found);
    super::models::check(&mut found);
    super::calendar::check(&mut found);
    super::tools::check(&mut found);
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.log.filter) {
        found.refuse("log.filter", format!("`{}` is not a log filter: {error}", config.log.filter));
    }
    if found.problems.is_empty() { Ok(()) } else { Err(ConfigError { problems: found.problems }) }
}

pub(super) struct Findings<'a> {
    pub(super) config: &'a Config,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    pub(super) fn refuse(&mut self, key: &str, text: String) {
        let origin = self.config.sources.get(key).cloned();
        self.problems.push(Problem { key: Some(key.to_owned()), origin, text });
    }

    pub(super) fn demand(&mut self, holds: bool, key: &str, text: &str) {
        if !holds {
            self.refuse(key, text.to_owned());
        }
    }

    /// Refuses a count outside of `least..=most`.
    pub(super) fn count(&mut self, key: &str, value: usize, least: usize, most: usize) {
        if !(least..=most).contains(&value) {
            self.refuse(key, format!("{value} is out of range: must be {least} to {most}"));
        }
    }

    /// Refuses a duration outside of `least..=most` seconds.
    pub(super) fn seconds(&mut self, key: &str, value: Duration, least: u64, most: u64) {
        if !(Duration::from_secs(least)..=Duration::from_secs(most)).contains(&value) {
            let text = |seconds| show::duration(Duration::from_secs(seconds));
            self.refuse(
                key,
                format!("{} is out of range: must be {} to {}", show::duration(value), text(least), text(most)),
            );
        }
    }

    /// Refuses a pace outside of `least..=most` acts per second (and what is not a number).
    fn pace(&mut self, key: &str, value: f64, least: f64, most: f64) {
        if !(least..=most).contains(&value) {
            self.refuse(key, format!("{value} is out of range: must be {least} to {most} acts per second"));
        }
    }
}

fn server(found: &mut Findings) {
    let server = &found.config.server;
    found.count("server.workers", server.workers.get(), 1, 64);
    found.seconds("server.session_lasts", server.session_lasts, MINUTE, 90 * DAY);
    for origin in &server.allowed_origins {
        if !is_origin(origin) {
            let text =
                format!("`{origin}` is not an origin: write it like `https://greenroom.example`, without a path");
            found.refuse("server.allowed_origins", text);
        }
    }
    let visible = |text: &str, most: usize| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic());
    found.demand(
        visible(&server.status_token, 200),
        "server.status_token",
        "must be at most 200 visible ASCII characters without spaces, so that it fits into a header",
    );
    found.demand(
        !server.git_sha.is_empty() && visible(&server.git_sha, 100),
        "server.git_sha",
        "must be 1 to 100 visible ASCII characters",
    );
    let port = found.config.rehearsal.port;
    found.demand(
        port == 0 || port != server.port,
        "rehearsal.port",
        "is the server's own port: choose another one, or 0 for a free one",
    );
}

fn storage(found: &mut Findings) {
    let storage = &found.config.storage;
    found.count("storage.readers", storage.readers.get(), 1, 64);
    found.demand(storage.min_free_mb <= 1_000_000, "storage.min_free_mb", "must be at most 1000000 megabytes");
    let address = &storage.database_url;
    let known = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    // The address is not repeated: it may hold a password.
    found.demand(
        address.is_empty() || known,
        "storage.database_url",
        "is not an address like `postgres://user@host/database`; empty means SQLite in the data root",
    );
}

fn company(found: &mut Findings) {
    let company = &found.config.company;
    found.count("company.active_personas", company.active_personas.get(), 1, 1000);
    found.count("company.circuit_after", company.circuit_after as usize, 1, 100);
    found.count("company.restarts", company.restarts as usize, 0, 100);
    found.demand(company.retry_after.len() <= 10, "company.retry_after", "must hold at most 10 pauses");
    for pause in &company.retry_after {
        found.seconds("company.retry_after", pause.0, 0, DAY);
    }
    found.seconds("company.passivate_after", company.passivate_after, 1, DAY);
    found.seconds("company.restart_window", company.restart_window, 1, DAY);
    found.seconds("company.step_limit", company.step_limit, 1, 2 * MINUTE);
    found.seconds("company.serve_within", company.serve_within, 1, 30 * DAY);
    found.seconds("company.approve_within", company.approve_within, 60, 30 * DAY);
    found.pace("company.acts_per_second", company.acts_per_second, 0.2, 0.5);
    for (site, pace) in &company.site_acts_per_second {
        let key = format!("company.site_acts_per_second.{site}");
        found.pace(&key, *pace, 0.001, 1000.0);
        let is_host = url::Host::parse(site).is_ok_and(|host| host.to_string() == *site);
        found.demand(is_host, &key, "is not a host in its plain form: lower case, no scheme, no port, no path");
    }
}

fn tools(found: &mut Findings) {
    let address = &found.config.tools.web_search;
    let known = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    found.demand(
        address.is_empty() || known,
        "tools.web_search",
        "is not an address like `https://search.example.com/search`; empty: nobody searches the web",
    );
}

fn inbox(found: &mut Findings) {
    let inbox = &found.config.inbox;
    found.count("inbox.most_waiting", inbox.most_waiting as usize, 1, 1_000_000);
    found.seconds("inbox.tell_again_after", inbox.tell_again_after, 1, DAY);
}

fn inner_life(found: &mut Findings) {
    let life = &found.config.inner_life;
    let share = 0.0..=1.0;
    for (name, value, fits) in [
        ("work_per_minute", life.work_per_minute, &share),
        ("rest_per_minute", life.rest_per_minute, &(0.01..=60.0)),
        ("attention_recovers", life.attention_recovers, &(0.01..=60.0)),
        ("complexity.browser", life.complexity.browser, &(0.0..=10.0)),
        ("complexity.io", life.complexity.io, &(0.0..=10.0)),
        ("complexity.ai", life.complexity.ai, &(0.0..=10.0)),
        ("complexity.report", life.complexity.report, &(0.0..=10.0)),
        ("complexity.agent", life.complexity.agent, &(0.0..=10.0)),
        ("attention_after_tired_work", life.attention_after_tired_work, &share),
        ("compute_after_refusal", life.compute_after_refusal, &share),
        ("compute_per_minute", life.compute_per_minute, &(0.01..=60.0)),
        ("tired_below", life.tired_below, &share),
        ("active_above", life.active_above, &(life.tired_below..=1.0)),
        ("optional.above_idle", life.optional.above_idle, &share),
        ("optional.above_active", life.optional.above_active, &share),
        ("optional.above_tired", life.optional.above_tired, &share),
        ("optional.tired_energy", life.optional.tired_energy, &share),
        ("optional.rest_twice_below_compute", life.optional.rest_twice_below_compute, &share),
    ] {
        if !fits.contains(&value) {
            let text = format!("{value} is out of range: must be {} to {}", fits.start(), fits.end());
            found.refuse(&format!("inner_life.{name}"), text);
        }
    }
    found.seconds("inner_life.answers_within", life.answers_within, 1, DAY);
    for (name, rest) in [
        ("rest_idle", life.optional.rest_idle),
        ("rest_active", life.optional.rest_active),
        ("rest_tired", life.optional.rest_tired),
        ("rest_overwhelmed", life.optional.rest_overwhelmed),
    ] {
        found.seconds(&format!("inner_life.optional.{name}"), rest, 1, DAY);
    }
    found.count("inner_life.overwhelmed_above", life.overwhelmed_above as usize, 1, 100_000);
}

fn rooms(found: &mut Findings) {
    let rooms = &found.config.rooms;
    found.count("rooms.speakers", rooms.speakers as usize, 1, 8);
    let window = Duration::from_millis(100)..=Duration::from_secs(MINUTE);
    found.demand(window.contains(&rooms.window), "rooms.window", "must be 100ms to 1m");
    found.seconds("rooms.answer_within", rooms.answer_within, 1, 10 * MINUTE);
    found.count("rooms.regrants", rooms.regrants as usize, 0, 20);
    found.count("rooms.persona_turns_per_minute", rooms.persona_turns_per_minute as usize, 0, 60);
    found.count("rooms.silence_after", rooms.silence_after as usize, 1, 100);
}

fn quotas(found: &mut Findings) {
    for (table, _, quotas) in found.config.quotas.tables() {
        for (unit, quota) in quotas {
            if let Err(bad) = Quota::new(quota.floor, quota.ceiling) {
                found.refuse(&format!("quotas.{table}.{unit}.{}", bad.field), bad.reason);
            }
        }
    }
    for (unit, cap) in &found.config.day_caps {
        found.count(&format!("day_caps.{unit}"), *cap as usize, 0, 1_000_000);
    }
}

fn browser(found: &mut Findings) {
    let browser = &found.config.browser;
    found.count("browser.most_open", browser.most_open.get(), 1, 64);
    found.count("browser.most_starting", browser.most_starting.get(), 1, browser.most_open.get());
    found.seconds("browser.warm_for", browser.warm_for, 1, DAY);
    found.seconds("browser.start_limit", browser.start_limit, 1, 2 * MINUTE);
    found.seconds("browser.step_limit", browser.step_limit, 1, 2 * MINUTE);
}

/// Scheme, host and port, and nothing else.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text.trim_end_matches('/')
    })
}
