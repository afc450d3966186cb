//! `/api/personas/{persona}/learn` and `…/train`: a persona is given examples, and its profile is fitted to them.

use actix_web::web;
use actors::{
    domain::{ConversationExample, MOST_EXAMPLES, Persona, Profile, ProfilePart},
    supervisor::{PatchNote, PersonaPatch},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::personas;
use crate::{
    models::{Fit, FitLine, fit},
    web::{
        Deps,
        auth::Caller,
        errors::Problem,
        input::{Checks, IfMatch, Loose, version_read},
        routes::{Route, Table, Who},
    },
};

/// `/api/personas/{persona}/learn` and `…/train`.
pub fn routes() -> Table {
    vec![
        Route::post("/api/personas/{persona}/learn", Who::Member, "Adds examples of how it answers well", learn)
            .takes::<Lesson>()
            .gives::<Learned>(),
        Route::post("/api/personas/{persona}/train", Who::Member, "Fits its profile to its examples", train)
            .takes::<Training>()
            .gives::<Trained>(),
    ]
}

/// Examples, in a list or one alone.
#[derive(Deserialize, ToSchema)]
pub struct Lesson {
    pub version: Option<i64>,
    pub if_version: Option<i64>,
    /// Each with `said` (1 to 2,000 characters) and `answer` (1 to 4,000). What it knows already is passed over.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub examples: Vec<ConversationExample>,
    /// Of one example more, without a list.
    pub said: Option<String>,
    pub answer: Option<String>,
}

/// What became of a lesson.
#[derive(Serialize, ToSchema)]
pub struct Learned {
    /// Examples that are new to it.
    pub learned: usize,
    /// Examples that it had already.
    pub known: usize,
    /// How many it has now; at most 100.
    pub examples: usize,
    pub version: i64,
}

/// How its profile is to be fitted.
#[derive(Deserialize, ToSchema)]
pub struct Training {
    pub version: Option<i64>,
    pub if_version: Option<i64>,
    /// Only says what would become of it; then no version is needed.
    #[serde(default)]
    pub dry_run: bool,
    /// Parts that are fitted although a person decided about them: `length`, `tone`, `formality`, `signature_phrases`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub again: Vec<ProfilePart>,
}

/// A profile and its examples.
#[derive(Serialize, ToSchema)]
pub struct Trained {
    pub dry_run: bool,
    pub examples: usize,
    /// One for each part: what it was, what it became (null: it was left), and why.
    #[schema(value_type = Vec<Object>)]
    pub parts: Vec<FitLine>,
    /// Mean drift of the examples, 0 to 1,000.
    pub drift: MeanDrift,
    /// The same in one line.
    pub said: String,
    #[schema(value_type = Object)]
    pub profile: Profile,
    pub version: i64,
}

/// Of its examples; none: it has none.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct MeanDrift {
    /// Under the profile as it was.
    pub before: Option<u16>,
    /// Under the fitted one; never more.
    pub after: Option<u16>,
}

async fn learn(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<Lesson>,
    deps: web::Data<Deps>,
) -> Result<web::Json<Learned>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Lesson { version, if_version, examples, said, answer } = input.0;
    let version = version_read(version, if_version, if_match)?;
    let sent = with_one(examples, said, answer)?;
    let (count, mut profile) = (sent.len(), persona.profile.clone());
    let learned = add(&mut profile.conversation_examples, sent);
    check(&profile, persona.profile.conversation_examples.len())?;
    let examples = profile.conversation_examples.len();
    let known = count - learned;
    if learned == 0 {
        return if version == persona.version {
            Ok(web::Json(Learned { learned, known, examples, version }))
        } else {
            Err(Problem::conflict("It was changed meanwhile.").with_current_version(persona.version))
        };
    }
    let plural = if learned == 1 { "example" } else { "examples" };
    let did = format!("was taught {learned} {plural}");
    let data = json!({"learned": learned, "known": known, "examples": examples});
    let updated = change(&deps, &caller, persona, version, profile, PatchNote { did, data }).await?;
    Ok(web::Json(Learned { learned, known, examples, version: updated.version }))
}

fn with_one(
    mut examples: Vec<ConversationExample>,
    said: Option<String>,
    answer: Option<String>,
) -> Result<Vec<ConversationExample>, Problem> {
    match (said, answer) {
        (Some(said), Some(answer)) => examples.push(ConversationExample { said, answer }),
        (None, None) => {}
        (Some(_), None) => return Err(Problem::field("answer", "is required with `said`")),
        (None, Some(_)) => return Err(Problem::field("said", "is required with `answer`")),
    }
    match examples.len() {
        0 => Err(Problem::field("examples", "must hold at least one example")),
        count if count > MOST_EXAMPLES => {
            Err(Problem::field("examples", format!("must hold at most {MOST_EXAMPLES} examples, it holds {count}")))
        }
        _ => Ok(examples),
    }
}

/// Adds what is new; how many that were.
fn add(known: &mut Vec<ConversationExample>, sent: Vec<ConversationExample>) -> usize {
    let before = known.len();
    for example in sent {
        let example = ConversationExample { said: example.said.trim().into(), answer: example.answer.trim().into() };
        let same =
            |other: &ConversationExample| other.said.trim() == example.said && other.answer.trim() == example.answer;
        if !known.iter().any(same) {
            known.push(example);
        }
    }
    known.len() - before
}

/// Of the new ones everything wrong, by their place among the new ones; and whether there is room.
fn check(profile: &Profile, before: usize) -> Result<(), Problem> {
    let mut checks = Checks::default();
    let all = profile.conversation_examples.len();
    let new = Profile { conversation_examples: profile.conversation_examples[before..].to_vec(), ..Profile::default() };
    for fault in new.faults() {
        checks.check(fault.field.trim_start_matches("profile.conversation_"), false, fault.reason);
    }
    let room = format!("it has {before} of {MOST_EXAMPLES}, so {all} would be too many: take some out of its profile");
    checks.check("examples", all <= MOST_EXAMPLES, room);
    checks.done()
}

async fn train(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<Training>,
    deps: web::Data<Deps>,
) -> Result<web::Json<Trained>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let Training { version, if_version, dry_run, again } = input.0;
    let version = if dry_run { None } else { Some(version_read(version, if_version, if_match)?) };
    let profile = persona.profile.clone();
    // A hundred long answers take a while to read.
    let fitted = web::block(move || fit(&profile, &again)).await;
    let fitted = fitted.map_err(|error| Problem::unavailable(format!("It could not be fitted: {error}.")))?;
    let (mut now, changed) = (persona.version, fitted.profile != persona.profile);
    let mut trained = told(&fitted, dry_run);
    match version {
        Some(version) if version != now => {
            return Err(Problem::conflict("It was changed meanwhile.").with_current_version(now));
        }
        Some(version) if changed => {
            let note = PatchNote { did: "fitted to its examples".to_owned(), data: note(&trained) };
            now = change(&deps, &caller, persona, version, fitted.profile, note).await?.version;
        }
        _ => {}
    }
    trained.version = now;
    Ok(web::Json(trained))
}

fn told(fitted: &Fit, dry_run: bool) -> Trained {
    let Fit { profile, lines, before, after } = fitted;
    let said = |line: &FitLine| {
        let part = line.part.as_str().replace('_', " ");
        Some(format!("{part}: {} → {}", in_words(&line.from), in_words(line.to.as_ref()?)))
    };
    let changed: Vec<String> = lines.iter().filter_map(said).collect();
    let what = if changed.is_empty() { "nothing to change".to_owned() } else { changed.join("; ") };
    let drift = match (before, after) {
        (Some(before), Some(after)) => format!("drift of the examples {before} → {after}"),
        _ => "it has no examples".to_owned(),
    };
    Trained {
        dry_run,
        examples: profile.conversation_examples.len(),
        parts: lines.clone(),
        drift: MeanDrift { before: *before, after: *after },
        said: format!("{what}; {drift}"),
        profile: profile.clone(),
        version: 0,
    }
}

/// A value of a part, for people.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        Value::Array(phrases) if phrases.is_empty() => "none".to_owned(),
        Value::Array(phrases) => {
            phrases.iter().filter_map(Value::as_str).map(|phrase| format!("“{phrase}”")).collect::<Vec<_>>().join(", ")
        }
        Value::Object(length) => {
            length.iter().map(|(name, words)| format!("{name} {words}")).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// What the receipt keeps: the parts that changed.
fn note(trained: &Trained) -> Value {
    let parts: Vec<&FitLine> = trained.parts.iter().filter(|line| line.to.is_some()).collect();
    json!({"examples": trained.examples, "parts": parts, "drift": trained.drift})
}

async fn change(
    deps: &Deps,
    caller: &Caller,
    persona: Persona,
    version: i64,
    profile: Profile,
    note: PatchNote,
) -> Result<Persona, Problem> {
    let patch = PersonaPatch { profile: Some(profile), note: Some(note), ..PersonaPatch::default() };
    match deps.company.update_persona(persona.id, version, patch, &caller.by()).await {
        Ok(updated) => Ok(updated),
        Err(error) => Err(personas::with_version(deps, persona.id, error.into()).await),
    }
}
