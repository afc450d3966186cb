//! What the loader accepts, refuses, and says about it.

use std::{fs, path::Path, time::Duration};

use actors::domain::{CIRCUIT_AFTER, MOST_WAITING, RESTART_WINDOW, RESTARTS, RETRY_AFTER};

use super::*;

fn env(vars: &[(&str, &str)]) -> LoadOptions {
    let home = [("HOME".to_owned(), "/home/ada".to_owned())].into_iter();
    let vars = vars.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    LoadOptions { env: home.chain(vars).collect(), ..LoadOptions::default() }
}

fn refused(options: &LoadOptions) -> String {
    Config::load(options).unwrap_err().to_string()
}

fn with_file(text: &str, vars: &[(&str, &str)]) -> (tempfile::TempDir, LoadOptions) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(FILE_NAME), text).unwrap();
    let options = LoadOptions { data_root: Some(root.path().to_owned()), ..env(vars) };
    (root, options)
}

#[test]
fn the_defaults_are_complete_and_lie_in_the_home_folder() {
    let config = Config::load(&env(&[])).unwrap();
    assert_eq!(config.data_root, Path::new("/home/ada/.local/share/greenroom"));
    assert_eq!(config.browser.root, Path::new("/home/ada/.local/share/greenroom/browsers"));
    assert_eq!(config.storage.key_file, Path::new("/home/ada/.local/share/greenroom/keys/secrets.key"));
    assert_eq!((config.server.host.to_string().as_str(), config.server.port), ("127.0.0.1", 7878));
    assert_eq!(config.company.active_personas.get(), 8);
    assert_eq!(config.models.default, "understudy");
    assert_eq!(config.limits().inner_life, actors::domain::InnerLife::default());
    assert_eq!(config.limits().rooms, actors::domain::RoomRules::default());
    assert!(config.sources.is_empty(), "nothing but defaults: {:?}", config.sources);
}

#[test]
fn every_default_has_a_comment_above_it() {
    let mut since_comment = 0;
    for line in DEFAULTS.lines().filter(|line| !line.is_empty() && !line.starts_with('[')) {
        since_comment = if line.starts_with('#') { 0 } else { since_comment + 1 };
        // Two settings under one comment belong together; three do not.
        assert!(since_comment <= 2, "no comment above {line}");
    }
}

#[test]
fn later_layers_win() {
    let file = "[server]\nport = 1000\nworkers = 3\n[company]\nactive_personas = 5\n";
    let vars = [("GREENROOM_SERVER__PORT", "2000"), ("GREENROOM_COMPANY__ACTIVE_PERSONAS", "6"), ("PORT", "3000")];
    let (root, options) = with_file(file, &vars);
    let config = Config::load(&options).unwrap();
    assert_eq!(config.server.port, 3000, "the short name stands above GREENROOM_*");
    assert_eq!(config.company.active_personas.get(), 6, "the environment stands above the file");
    assert_eq!(config.server.workers.get(), 3, "the file stands above the defaults");
    assert_eq!(config.data_root, root.path());
    assert_eq!(config.sources["server.port"], "environment variable PORT");
    assert_eq!(config.sources["server.workers"], root.path().join(FILE_NAME).display().to_string());
}

#[test]
fn the_short_names_are_understood() {
    let config = Config::load(&env(&[
        ("ACTIVE_PERSONAS", "12"),
        ("ALLOWED_HOSTS", "example.com, mail.example.org,"),
        ("STATUS_TOKEN", "12345678"),
        ("TITAN_DATA_ROOT", "/srv/old"),
        ("DATA_ROOT", "/srv/greenroom"),
        ("PLAYWRIGHT_ROOT", "/srv/browsers"),
        ("DATABASE_URL", "postgres://ada@db/greenroom"),
        ("ALLOW_SEED", "1"),
        ("GIT_SHA", "0123abc"),
        ("OPENROUTER_API_KEY", "sk-or-secret"),
        ("ELEVENLABS_API_KEY", ""),
    ]))
    .unwrap();
    assert_eq!(config.company.active_personas.get(), 12);
    assert_eq!(config.egress.allowed_hosts, ["example.com", "mail.example.org"]);
    assert_eq!(config.server.status_token, "12345678", "digits alone are still a text");
    assert_eq!(config.data_root, Path::new("/srv/greenroom"));
    assert_eq!(config.browser.root, Path::new("/srv/browsers"));
    assert_eq!(config.storage.database_url, "postgres://ada@db/greenroom");
    assert!(config.server.allow_seed);
    assert_eq!(config.server.git_sha, "0123abc");
    assert_eq!(config.env_keys.0["openrouter_api_key"], "sk-or-secret");
    assert!(!config.env_keys.0.contains_key("elevenlabs_api_key"), "empty is not set");
    assert!(!format!("{:?}", config.env_keys).contains("secret"));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one_and_its_place() {
    let (root, options) = with_file("[server]\nprot = 1\n[sever]\nport = 1\n", &[]);
    let text = refused(&options);
    assert!(text.contains("`server.prot`") && text.contains("did you mean `server.port`?"), "{text}");
    assert!(text.contains("`sever`") && text.contains("did you mean `server`?"), "{text}");
    assert!(text.contains(&root.path().join(FILE_NAME).display().to_string()), "{text}");

    let (_root, options) = with_file("active_personas = 3\n", &[]);
    assert!(refused(&options).contains("did you mean `company.active_personas`?"));

    let text = refused(&env(&[("GREENROOM_SERVER__PROT", "1")]));
    assert_eq!(
        text,
        "environment variable GREENROOM_SERVER__PROT: there is no such setting; did you mean GREENROOM_SERVER__PORT?"
    );
}

#[test]
fn the_beginning_of_all_our_variables_makes_none_of_them_near() {
    let text = refused(&env(&[("GREENROOM_FOO__BAR", "1")]));
    assert!(text.ends_with("there is no such setting; `greenroom config show` lists them"), "{text}");
}

#[test]
fn a_wrong_type_names_key_and_place() {
    let (_root, options) = with_file("[server]\nport = \"high\"\n", &[]);
    let text = refused(&options);
    assert!(text.starts_with("`server.port` in "), "{text}");
    assert!(text.ends_with(": must be a whole number from 0 to 65535, it is the text \"high\""), "{text}");
    let text = refused(&env(&[("PORT", "high")]));
    assert_eq!(text, "`server.port` in environment variable PORT: `high` is not a whole number");
    let text = refused(&env(&[("ACTIVE_PERSONAS", "0")]));
    let key = "`company.active_personas` in environment variable ACTIVE_PERSONAS";
    assert_eq!(text, format!("{key}: must be a whole number, 1 or more, it is 0"));
    let text = refused(&env(&[("PORT", "99999")]));
    assert!(text.ends_with("PORT: must be a whole number from 0 to 65535, it is 99999"), "{text}");
    let (_root, options) = with_file("[company]\npassivate_after = \"soon\"\n", &[]);
    let text = refused(&options);
    assert!(text.starts_with("`company.passivate_after` in "), "{text}");
    let (_root, options) = with_file("[server\n", &[]);
    assert!(refused(&options).contains("line 1"));
}

/// Wrong in every section.
const OUT_OF_RANGE: &str = r#"
        [company]
        acts_per_second = 0.9
        retry_after = ["2d"]
        [company.site_acts_per_second]
        "HTTP://X" = 1.0
        [inner_life]
        work_per_minute = -0.1
        rest_per_minute = nan
        tired_below = 0.6
        overwhelmed_above = 0
        attention_recovers = 0
        [inner_life.complexity]
        report = 11.0
        [inner_life.optional]
        above_tired = 1.5
        rest_idle = "0s"
        [inbox]
        most_waiting = 0
        tell_again_after = "2d"
        [rooms]
        speakers = 0
        window = "5ms"
        silence_after = 0
        [browser]
        most_open = 2
        most_starting = 3
        [models]
        default = "gpt"
        [storage]
        database_url = "mysql://ada:hush@db/x"
        [server]
        allowed_origins = ["https://a.example/path"]
        [tools]
        web_search = "localhost:8888/search"
        [log]
        filter = "a=b=c"
        [quotas.worker]
        proposal = { floor = 21, ceiling = 20 }
        [quotas.everyone]
        post = { floor = 2, ceiling = 5_000_000_000 }
        [day_caps]
        post = 1_000_001
    "#;

#[test]
fn values_out_of_range_are_all_named() {
    let (_root, options) = with_file(OUT_OF_RANGE, &[]);
    let text = refused(&options);
    for key in [
        "company.acts_per_second",
        "company.retry_after",
        "company.site_acts_per_second.HTTP://X",
        "inner_life.work_per_minute",
        "inner_life.rest_per_minute",
        "inner_life.overwhelmed_above",
        "inner_life.attention_recovers",
        "inner_life.complexity.report",
        "inner_life.optional.above_tired",
        "inner_life.optional.rest_idle",
        "inbox.most_waiting",
        "inbox.tell_again_after",
        "rooms.speakers",
        "rooms.window",
        "rooms.silence_after",
        "browser.most_starting",
        "models.default",
        "storage.database_url",
        "server.allowed_origins",
        "tools.web_search",
        "log.filter",
        "quotas.worker.proposal.floor",
        "quotas.everyone.post.ceiling",
        "day_caps.post",
    ] {
        assert!(text.contains(&format!("`{key}` in ")), "{key} is missing in:\n{text}");
    }
    assert!(text.contains("0.5 is out of range: must be 0.6 to 1"), "who is active is not tired: {text}");
    assert!(!text.contains("hush"), "no password in an error");
    assert!(text.contains("0.9 is out of range: must be 0.2 to 0.5"), "{text}");
}

#[test]
fn calendars_and_load_have_bounds_that_cannot_make_the_cap_swing() {
    let file = r#"
        [calendar]
        shortest = "1s"
        [load]
        sample_every = "1s"
        hot_run_queue = 1.0
        cool_run_queue = 1.0
        hot_memory = 1.5
        hot_refusals = 0
    "#;
    let (_root, options) = with_file(file, &[]);
    let text = refused(&options);
    for key in ["calendar.shortest", "load.sample_every", "load.cool_run_queue", "load.hot_memory", "load.hot_refusals"]
    {
        assert!(text.contains(&format!("`{key}` in ")), "{key} is missing in:\n{text}");
    }
    let (_root, options) = with_file("[calendar]\ndigest_at = \"25:00\"\n", &[]);
    assert!(refused(&options).contains("`25:00` is not a time of the day"));
}

#[test]
fn own_providers_and_sites_are_merged_with_the_known_ones() {
    let file = r#"
        [company.site_acts_per_second]
        "example.com" = 1
        [models]
        default = "ollama"
        [models.providers.ollama]
        base_url = "http://localhost:11434/v1"
        model = "llama"
        key_secret = ""
        timeout = "90s"
        retries = 0
        input_micro_usd_per_million = 0
        output_micro_usd_per_million = 0
    "#;
    let (_root, options) = with_file(file, &[("GREENROOM_MODELS__PROVIDERS__OLLAMA__RETRIES", "4")]);
    let config = Config::load(&options).unwrap();
    assert_eq!(config.models.providers.len(), 2);
    assert_eq!(config.models.providers["ollama"].retries, 4);
    let pace = config.limits().pace;
    assert_eq!(pace.default_per_1000_s, 300);
    assert!(pace.sites.contains(&("example.com".into(), 1000)), "{pace:?}");
    assert!(pace.sites.contains(&(REHEARSAL_HOST.into(), 50_000)), "{pace:?}");

    let (_root, options) = with_file("[models.providers.x]\nbase_url = \"http://h/v1\"\n", &[]);
    let text = refused(&options);
    assert!(text.contains("`models.providers.x`") && text.contains("missing"), "{text}");
    let (_root, options) = with_file("[models.providers.x]\nmodle = \"m\"\n", &[]);
    assert!(refused(&options).contains("did you mean `models.providers.x.model`?"));
}

#[test]
fn routes_prices_and_kinds_are_read_and_shown() {
    let file = r#"
        [models]
        default = "careful"
        [models.routes.careful]
        use = ["claude/claude-large", "openrouter", "understudy"]
        [models.providers.claude]
        kind = "anthropic"
        base_url = "https://api.anthropic.com/v1"
        model = "claude-small"
        key_secret = "anthropic_key"
        timeout = "60s"
        retries = 2
        [models.providers.claude.prices."claude-large"]
        input_micro_usd_per_million = 3_000_000
        output_micro_usd_per_million = 15_000_000
    "#;
    let (_root, options) = with_file(file, &[]);
    let config = Config::load(&options).unwrap();
    let claude = &config.models.providers["claude"];
    assert_eq!((claude.kind, claude.max_concurrent), (ProviderKind::Anthropic, 8));
    assert_eq!(claude.input_micro_usd_per_million, None, "no price was said for the others");
    assert_eq!(claude.prices["claude-large"].output_micro_usd_per_million, 15_000_000);
    assert_eq!(config.models.providers["openrouter"].kind, ProviderKind::OpenAi);
    assert_eq!(config.models.writers_of("careful"), ["claude/claude-large", "openrouter", "understudy"]);
    assert_eq!(config.models.provider_of("claude/claude-large"), Some(("claude", "claude-large")));
    assert_eq!(
        config.models.names().collect::<Vec<_>>(),
        ["understudy", "careful", "everyday", "claude", "openrouter"]
    );
    let settings = config.settings();
    let shown = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().value.clone();
    assert_eq!(
        shown("models.routes.careful.use"),
        serde_json::json!(["claude/claude-large", "openrouter", "understudy"])
    );
    assert_eq!(shown("models.providers.claude.kind"), "anthropic");
    assert_eq!(shown("models.providers.claude.prices.claude-large.input_micro_usd_per_million"), 3_000_000);
}

#[test]
fn routes_and_providers_that_cannot_be_asked_are_named() {
    let file = r#"
        [models.routes.openrouter]
        use = ["understudy"]
        [models.routes.everyday]
        use = ["openrouters", "everyday"]
        [models.routes.none]
        use = []
        [models.providers.odd]
        base_url = "http://localhost/v1"
        model = "m"
        key_secret = ""
        timeout = "60s"
        retries = 2
        idle_timeout = "1h"
        max_concurrent = 0
        requests_per_minute = 1_000_000
        input_micro_usd_per_million = 1
    "#;
    let (_root, options) = with_file(file, &[]);
    let text = refused(&options);
    for key in [
        "routes.openrouter.use",
        "routes.everyday.use",
        "routes.none.use",
        "providers.odd.idle_timeout",
        "providers.odd.max_concurrent",
        "providers.odd.requests_per_minute",
        "providers.odd.input_micro_usd_per_million",
    ] {
        assert!(text.contains(&format!("`models.{key}` in ")), "{key} is missing in:\n{text}");
    }
    assert!(text.contains("there is no provider `openrouters`; known are understudy, odd, openrouter"), "{text}");
    assert!(text.contains("there is no provider `everyday`"), "a route is none: {text}");
    let (_root, options) = with_file("[models.providers.openrouter]\nkind = \"gemini\"\n", &[]);
    let text = refused(&options);
    assert!(text.contains("`models.providers.openrouter.kind`") && text.contains("anthropic"), "{text}");
    let misspelt = "[models.providers.openrouter.prices.\"a/b\"]\ninput_per_million = 1\n";
    let (_root, options) = with_file(misspelt, &[]);
    assert!(refused(&options).contains("did you mean"), "{}", refused(&options));
}

#[test]
fn a_named_file_must_be_there_and_may_set_the_data_root() {
    let missing = LoadOptions { file: Some("/nowhere/greenroom.toml".into()), ..env(&[]) };
    assert!(refused(&missing).starts_with("/nowhere/greenroom.toml: this settings file cannot be read"));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.toml");
    fs::write(&file, "data_root = \"/srv/greenroom\"\n").unwrap();
    let config = Config::load(&LoadOptions { file: Some(file), ..env(&[]) }).unwrap();
    assert_eq!(config.data_root, Path::new("/srv/greenroom"));

    let (_root, options) = with_file("data_root = \"/elsewhere\"\n", &[]);
    assert!(refused(&options).contains("cannot move it"));
}

#[test]
fn what_is_shown_holds_no_secret() {
    let vars = [("STATUS_TOKEN", "a-long-status-token"), ("DATABASE_URL", "postgres://ada:hush@db/x?password=psst")];
    let config = Config::load(&env(&vars)).unwrap();
    let settings = config.settings();
    let shown = serde_json::to_string(&settings).unwrap();
    assert!(!shown.contains("hush") && !shown.contains("psst") && !shown.contains("status-token"), "{shown}");
    let find = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap();
    assert_eq!(find("server.status_token").value, "…oken");
    assert_eq!(find("storage.database_url").value, "postgres://ada:…@db/x?…");
    assert_eq!(find("server.port").from, "default");
    assert_eq!(find("company.retry_after").value, serde_json::json!(["1m", "5m", "15m"]));
    assert_eq!(find("storage.database_url").from, "environment variable DATABASE_URL");
}

#[test]
fn a_test_gets_free_ports_and_its_own_folder() {
    let root = tempfile::tempdir().unwrap();
    let config = Config::for_test(root.path());
    assert_eq!((config.server.port, config.rehearsal.port), (0, 0));
    assert_eq!(config.data_root, root.path());
    let limits = config.limits();
    assert_eq!(limits.retry_after, [60, 300, 900].map(Duration::from_secs));
    assert_eq!(limits.retry_after, RETRY_AFTER, "simulated days live by the same");
    let falls = (limits.circuit_after, limits.restarts, limits.restart_window, limits.inbox.most_waiting);
    assert_eq!(falls, (CIRCUIT_AFTER, RESTARTS, RESTART_WINDOW, MOST_WAITING));
}
