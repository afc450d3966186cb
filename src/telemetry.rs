//! Logs: lines for people on standard error, JSON lines in a bounded file that `/logs/tail` shows.
//!
//! **Secrets stay out** because nothing logs them: a secret is a type whose `Debug` shows its last characters, step
//! arguments are logged with the names of secrets, and addresses of databases pass `config::without_password`.
//! Nothing of ours is filtered afterwards; a filter would only hide the mistake. A crate that logs whatever the other
//! side says ([`SILENT`]) is not heard at all, by any filter: the other side may repeat what it was sent.

mod rotating;

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt,
    layer::{Filter, SubscriberExt as _},
    registry::LookupSpan,
};

use self::rotating::Rotating;

/// The newest lines are in this file; `.1` to `.3` are older.
const MOST_BYTES: u64 = 8 << 20;
const OLDER_FILES: u32 = 3;
/// Lines waiting for the disk; when it is full, lines are dropped rather than work held up.
const MOST_WAITING: usize = 16_384;
/// How far back [`tail`] looks.
const TAIL_BYTES: u64 = 1 << 20;
/// The most lines [`tail`] gives.
pub const MOST_TAIL_LINES: usize = 2_000;

/// Crates that log what others say.
const SILENT: [&str; 1] = ["rmcp"];

/// What standard error shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stderr {
    /// What the filter lets through.
    All,
    /// Warnings and errors: something else speaks to people there.
    Warnings,
}

/// Keeps the log going; dropping it writes out what waits.
#[must_use = "dropping it ends the log file"]
pub struct Telemetry {
    _file: WorkerGuard,
}

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The file cannot be written: mend the folder.
    #[error("the log file {0} cannot be opened")]
    File(PathBuf, #[source] io::Error),
    /// The filter cannot be read: mend `log.filter`.
    #[error("`log.filter` is not a filter")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// A log is running in this process already.
    #[error("a log is running in this process already")]
    Running(#[source] tracing::subscriber::SetGlobalDefaultError),
}

/// Where the newest lines are.
pub fn log_file(data_root: &Path) -> PathBuf {
    data_root.join("logs/greenroom.log")
}

/// Starts the log of this process; `filter` as `log.filter` has it.
pub fn start(filter: &str, data_root: &Path, stderr: Stderr) -> Result<Telemetry, TelemetryError> {
    let path = log_file(data_root);
    let file = Rotating::open(&path, MOST_BYTES, OLDER_FILES).map_err(|error| TelemetryError::File(path, error))?;
    let (file, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MOST_WAITING).thread_name("log").finish(file);
    let shown = match stderr {
        Stderr::All => LevelFilter::TRACE,
        Stderr::Warnings => LevelFilter::WARN,
    };
    let for_people = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_filter(shown)
        .with_filter(kept(filter)?);
    let subscriber = tracing_subscriber::registry().with(for_file(file).with_filter(kept(filter)?)).with(for_people);
    tracing::subscriber::set_global_default(subscriber).map_err(TelemetryError::Running)?;
    Ok(Telemetry { _file: guard })
}

/// What the filter lets through of what may be kept.
fn kept<S: Subscriber>(filter: &str) -> Result<impl Filter<S> + use<S>, TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(TelemetryError::Filter)?;
    let is_of =
        |target: &str, name: &str| target.strip_prefix(name).is_some_and(|at| at.is_empty() || at.starts_with("::"));
    let heard = filter_fn(move |about| SILENT.iter().all(|name| !is_of(about.target(), name)));
    Ok(FilterExt::<S>::and(filter, heard))
}

/// One JSON object per line: timestamp, level, target, message and its fields, all on one level.
fn for_file<S, W>(writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> fmt::MakeWriter<'writer> + Send + Sync + 'static,
{
    fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false).with_writer(writer)
}

/// The newest `lines` lines, oldest first; none when nothing was logged yet. Blocks: it reads up to a megabyte.
pub fn tail(data_root: &Path, lines: usize) -> io::Result<Vec<String>> {
    let mut file = match File::open(log_file(data_root)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line may be cut in two when reading began in the middle.
    let whole = text.lines().skip(usize::from(from > 0)).filter(|line| !line.is_empty());
    let all: Vec<&str> = whole.collect();
    let first = all.len().saturating_sub(lines.min(MOST_TAIL_LINES));
    Ok(all.into_iter().skip(first).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write as _,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_in_the_file_is_one_flat_json_object() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::registry().with(for_file(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || tracing::info!(persona = "ada", "persona ada\nwoke up"));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["persona"], &line["message"]), (&"ada".into(), &"persona ada\nwoke up".into()));
    }

    #[test]
    fn no_filter_lets_through_what_others_say() {
        for filter in ["info", "trace", "info,rmcp=trace", "off,rmcp::service=trace,greenroom=info"] {
            let written = Written::default();
            let writer = written.clone();
            let layer = for_file(move || writer.clone()).with_filter(kept(filter).unwrap());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                tracing::error!(target: "rmcp::service", "a server said this");
                tracing::error!(target: "rmcp", "a server said this");
                tracing::info!(target: "greenroom", "we said this");
            });
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("we said this") && !text.contains("a server said this"), "{filter}: {text}");
        }
    }

    #[test]
    fn the_tail_is_the_newest_lines_and_bounded() {
        let root = tempfile::tempdir().unwrap();
        assert!(tail(root.path(), 5).unwrap().is_empty(), "nothing was logged yet");
        fs::create_dir(root.path().join("logs")).unwrap();
        let mut file = File::create(log_file(root.path())).unwrap();
        for number in 0..50_000 {
            writeln!(file, "line {number} {}", "x".repeat(40)).unwrap();
        }
        let newest = tail(root.path(), 2).unwrap();
        assert!(newest[0].starts_with("line 49998 ") && newest[1].starts_with("line 49999 "), "{newest:?}");
        let most = tail(root.path(), usize::MAX).unwrap();
        assert_eq!(most.len(), MOST_TAIL_LINES);
        assert!(most.iter().all(|line| line.starts_with("line ")), "no half line");
    }
}
