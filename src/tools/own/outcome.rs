//! What came of a run, from what was observed. A tool that ran and failed may have done half, whatever it left: what cannot
//! be taken back is unknown then, and a person says. One that may be called again with its key has done nothing when it
//! left the workspace as it was and reached nobody.

use std::time::Duration;

use actors::domain::{ArtifactKind, Effect, Ended, NewArtifact, Outcome, StepError};
use serde_json::{Value, json};

use super::run::Tried;
use crate::tools::{
    folder::{Folder, Inside, media_type},
    sandbox::{End, MOST_OUTPUT_BYTES, Ran},
};

/// An answer up to this stands in the receipt; a longer one is an artifact.
pub(super) const MOST_VALUE_BYTES: usize = 8 << 10;
const MOST_ERROR_CHARS: usize = 1_000;
/// Files that are kept as artifacts, and how much of them.
const MOST_KEPT: usize = 16;
const MOST_FILE_BYTES: u64 = 8 << 20;
/// Names in a receipt.
const MOST_NAMES: usize = 50;

/// The JSON on standard output of a tool that ended well; nothing at all is `null`.
pub(super) fn answer(ran: &Ran, limit: Duration) -> Result<Value, String> {
    let hit = match ran.hit.as_slice() {
        [] => String::new(),
        some => format!("; it ran into its limit of {}", some.join(" and ")),
    };
    match (ran.end, ran.signal()) {
        (End::Exit(0), _) if ran.output.is_cut() => {
            Err(format!("it wrote {} bytes; at most {MOST_OUTPUT_BYTES} are taken", ran.output.total_bytes))
        }
        (End::Exit(0), _) if ran.output.text().trim().is_empty() => Ok(Value::Null),
        (End::Exit(0), _) => {
            serde_json::from_slice(&ran.output.bytes).map_err(|error| format!("what it wrote is not JSON: {error}"))
        }
        (End::Exit(code), Some(signal)) => Err(format!("it ended with code {code}, as after signal {signal}{hit}")),
        (End::Exit(code), None) => Err(format!("it ended with code {code}{hit}{}", last_words(ran))),
        (End::TimedOut, _) => Err(format!("it took longer than {} ms and was ended{hit}", limit.as_millis())),
        (End::DiskFull, _) => Err("it took more of the disk than it may and was ended".to_owned()),
        (End::Lost, _) => Err("what it ran in was ended around it; whether it had done its work nobody saw".to_owned()),
        (End::Stopped, _) => Err("the run was stopped, and it was ended".to_owned()),
    }
}

/// The last line of what it complained.
fn last_words(ran: &Ran) -> String {
    let text = ran.errors.text();
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map(|line| format!(": {}", line.trim().chars().take(300).collect::<String>())).unwrap_or_default()
}

impl Tried {
    /// Why it brought no answer, with the first place where it was not let.
    pub fn fault(&self) -> Option<String> {
        let fault = self.value.as_ref().err()?;
        let kept_back = self.went.as_ref().and_then(|went| went.first.as_ref());
        Some(kept_back.map_or_else(|| fault.clone(), |why| format!("{fault}; {why}")))
    }

    /// How it ended, by what it may do and what was seen of it.
    pub(super) fn ended(&self, effect: Effect) -> Ended {
        match effect {
            _ if self.value.is_ok() => Ended::Done,
            Effect::Pure | Effect::Read => Ended::Done,
            Effect::Idempotent if self.left.is_none() && self.reached().is_empty() => Ended::NotBegun,
            Effect::Idempotent | Effect::Irreversible => Ended::Unknown,
        }
    }

    /// A rule let it go nowhere.
    fn was_kept_back(&self) -> bool {
        self.went.as_ref().is_some_and(|went| went.by_rule) && self.reached().is_empty()
    }
}

/// Reads what was left, and says how it ended. Blocking.
pub(super) fn outcome(name: &str, effect: Effect, tried: Tried, folder: &Folder) -> Outcome {
    let (mut artifacts, not_kept) = keep(&tried.left.files, folder);
    let mut data = observed(&tried, &not_kept);
    let (fault, ended, denied) = (tried.fault(), tried.ended(effect), tried.was_kept_back());
    match tried.value {
        Ok(value) if value.to_string().len() <= MOST_VALUE_BYTES => data["value"] = value,
        // Longer than a receipt should be: a model and people read it there.
        Ok(_) => artifacts.push(NewArtifact {
            kind: ArtifactKind::Text,
            name: format!("{name}.json"),
            media_type: "application/json",
            bytes: tried.ran.output.bytes,
        }),
        Err(_) => {}
    }
    data["step"] = name.into();
    data["ok"] = fault.is_none().into();
    let outcome = match fault {
        None => Outcome::done(format!("ran {name}"), data),
        Some(text) => {
            let said = format!("{name}: {text}");
            // Asked again it would be kept back again.
            let error = if denied { StepError::denied(said) } else { StepError::retryable(said) };
            Outcome { ended, ..Outcome::does_not_hold(format!("ran {name}: {text}"), data, error) }
        }
    };
    artifacts.into_iter().fold(outcome, Outcome::with_artifact)
}

/// What the sandbox saw of it.
pub(super) fn observed(tried: &Tried, not_kept: &[&str]) -> Value {
    let names = |names: &[String]| json!(names.iter().take(MOST_NAMES).collect::<Vec<_>>());
    let mut data = json!({ "ran_ms": u64::try_from(tried.ran.took.as_millis()).unwrap_or(u64::MAX) });
    data["exit"] = tried.ran.end.told();
    if let Some(container) = &tried.ran.container {
        data["container"] = json!({ "id": container.id, "image": container.image, "runtime": container.runtime });
    }
    if let Some(went) = &tried.went {
        data["network"] = json!({ "reached": names(&went.reached), "refused": names(&went.refused) });
    }
    if let Some(signal) = tried.ran.signal() {
        data["signal"] = signal.into();
    }
    if !tried.ran.hit.is_empty() {
        data["limits_hit"] = json!(tried.ran.hit);
    }
    let errors = tried.ran.errors.text();
    if !errors.trim().is_empty() {
        let from = errors.chars().count().saturating_sub(MOST_ERROR_CHARS);
        data["stderr"] = errors.chars().skip(from).collect::<String>().into();
    }
    if tried.ran.output.is_cut() {
        data["output_bytes"] = tried.ran.output.total_bytes.into();
    }
    let left = &tried.left;
    for (key, list) in [("files", &left.files), ("removed", &left.removed), ("not_files", &left.others)] {
        if !list.is_empty() {
            data[key] = names(list);
        }
    }
    if !not_kept.is_empty() {
        data["not_kept"] = json!(not_kept.iter().take(MOST_NAMES).collect::<Vec<_>>());
    }
    data
}

/// The first files as artifacts, and those that are too many, too large or strangely named.
fn keep<'a>(files: &'a [String], folder: &Folder) -> (Vec<NewArtifact>, Vec<&'a str>) {
    let (mut kept, mut not_kept) = (Vec::new(), Vec::new());
    for path in files {
        let read = || {
            let place = Inside::parse(path).ok().filter(|_| kept.len() < MOST_KEPT)?;
            let bytes = folder.read(&place, MOST_FILE_BYTES).ok()??;
            let (name, media_type) = (place.name.to_owned(), media_type(path));
            Some(NewArtifact { kind: ArtifactKind::File, name, media_type, bytes })
        };
        match read() {
            Some(artifact) => kept.push(artifact),
            None => not_kept.push(path.as_str()),
        }
    }
    (kept, not_kept)
}
