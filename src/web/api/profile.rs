//! `/api/personas/{persona}/profile`: how a persona writes.

mod traits;

use std::collections::BTreeSet;

use actix_web::{http::Method, web};
use actors::{
    domain::{ConversationExample, LengthTargets, Level, Profile, ProfilePart},
    supervisor::PersonaPatch,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::traits::{PersonalityInput, ResponseStyleInput};
use super::personas;
use crate::web::{
    Deps,
    auth::Caller,
    errors::Problem,
    input::{Checks, IfMatch, Loose, version_read},
    routes::{Route, Table, Who},
};

const PATH: &str = "/api/personas/{persona}/profile";
const MOST_PRIMER: usize = 3_000;
const MOST_LINES: usize = 100;
const LONGEST_LINE: usize = 500;

/// `/api/personas/{persona}/profile`.
pub fn routes() -> Table {
    vec![
        Route::get(PATH, Who::Member, "How it writes", show).gives::<ProfileView>(),
        Route::new(Method::PUT, PATH, Who::Member, "Replaces how it writes", put)
            .takes::<ProfilePut>()
            .gives::<ProfileView>(),
    ]
}

/// A profile as sent; what is left out stays or becomes empty, as the call says.
#[derive(Default, Deserialize, ToSchema)]
pub struct ProfileInput {
    /// In front of every prompt; up to 3,000 characters.
    pub style_primer: Option<String>,
    #[serde(rename = "do")]
    pub do_: Option<Vec<String>>,
    pub dont: Option<Vec<String>>,
    pub topics: Option<Vec<String>>,
    pub signature_phrases: Option<Vec<String>>,
    /// 0 to 2; the same as `temperature_thousandths`, 0 to 2,000.
    pub temperature: Option<f64>,
    pub temperature_thousandths: Option<u16>,
    pub length: Option<LengthInput>,
    pub personality: Option<PersonalityInput>,
    pub response_style: Option<ResponseStyleInput>,
    pub expertise_areas: Option<Vec<String>>,
    /// Up to 100; the first ones that fit stand in every prompt.
    #[schema(value_type = Option<Vec<Object>>)]
    pub conversation_examples: Option<Vec<ConversationExample>>,
    /// What was read off the examples, as `train` has it; a part that is changed leaves this list.
    #[schema(value_type = Option<Vec<String>>)]
    pub fitted: Option<BTreeSet<ProfilePart>>,
    /// Texts that it composes are brought to its style and length after they are written.
    pub hold_to_style: Option<bool>,
    /// 0 to 1: a text whose drift is above this raises an alert. 1: none does.
    pub drift_limit: Option<f64>,
}

/// How long texts should be, in words.
#[derive(Default, Deserialize, ToSchema)]
pub struct LengthInput {
    pub short: Option<u32>,
    pub long: Option<u32>,
}

impl ProfileInput {
    /// What it says, over what was there.
    pub fn over(self, base: Profile, checks: &mut Checks) -> Profile {
        let length = self.length.unwrap_or_default();
        let profile = Profile {
            style_primer: self.style_primer.unwrap_or(base.style_primer),
            do_: self.do_.unwrap_or(base.do_),
            dont: self.dont.unwrap_or(base.dont),
            topics: self.topics.unwrap_or(base.topics),
            signature_phrases: self.signature_phrases.unwrap_or(base.signature_phrases),
            temperature_thousandths: thousandths(self.temperature, checks)
                .or(self.temperature_thousandths)
                .or(base.temperature_thousandths),
            length: LengthTargets {
                short: length.short.unwrap_or(base.length.short),
                long: length.long.unwrap_or(base.length.long),
            },
            personality: self.personality.unwrap_or_default().over(base.personality, checks),
            response_style: self.response_style.unwrap_or_default().over(base.response_style, checks),
            expertise_areas: self.expertise_areas.unwrap_or(base.expertise_areas),
            conversation_examples: self.conversation_examples.unwrap_or(base.conversation_examples),
            fitted: self.fitted.unwrap_or(base.fitted),
            hold_to_style: self.hold_to_style.unwrap_or(base.hold_to_style),
            drift_limit: match self.drift_limit {
                Some(share) => drift_limit(share, checks),
                None => base.drift_limit,
            },
        };
        check(&profile, checks);
        profile
    }
}

fn thousandths(temperature: Option<f64>, checks: &mut Checks) -> Option<u16> {
    let temperature = temperature?;
    let fits = (0.0..=2.0).contains(&temperature);
    checks.check("profile.temperature", fits, "must be between 0 and 2");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: 0 to 2,000")]
    fits.then(|| (temperature * 1000.0).round() as u16)
}

/// No text is above 1, so that is no limit.
fn drift_limit(share: f64, checks: &mut Checks) -> Option<Level> {
    let level = Level::of(share);
    checks.check("profile.drift_limit", level.is_some(), "must be between 0 and 1");
    level.filter(|level| level.share() < 1.0)
}

fn check(profile: &Profile, checks: &mut Checks) {
    checks.text("profile.style_primer", &profile.style_primer, 0..=MOST_PRIMER);
    let lists = [
        ("profile.do", &profile.do_),
        ("profile.dont", &profile.dont),
        ("profile.topics", &profile.topics),
        ("profile.signature_phrases", &profile.signature_phrases),
    ];
    for (field, lines) in lists {
        checks.lines(field, lines, MOST_LINES, LONGEST_LINE);
    }
    let temperature = profile.temperature_thousandths.unwrap_or_default();
    checks.check("profile.temperature_thousandths", temperature <= 2_000, "must be between 0 and 2000");
    let words = 1..=10_000;
    checks.check("profile.length.short", words.contains(&profile.length.short), "must be between 1 and 10000");
    checks.check("profile.length.long", words.contains(&profile.length.long), "must be between 1 and 10000");
    let ordered = profile.length.short <= profile.length.long;
    checks.check("profile.length.long", ordered, "must not be less than `short`");
    for fault in profile.faults() {
        checks.check(&fault.field, false, fault.reason);
    }
}

/// A whole profile, with the version it was made from.
#[derive(Deserialize, ToSchema)]
pub struct ProfilePut {
    pub version: Option<i64>,
    pub if_version: Option<i64>,
    /// What is left out becomes empty.
    pub profile: ProfileInput,
}

/// How a persona writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    #[schema(value_type = Object)]
    pub profile: Profile,
    /// The persona's version; send it back with a change.
    pub version: i64,
}

async fn show(name: web::Path<String>, deps: web::Data<Deps>) -> Result<web::Json<ProfileView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    Ok(web::Json(ProfileView { profile: persona.profile, version: persona.version }))
}

async fn put(
    name: web::Path<String>,
    caller: Caller,
    if_match: IfMatch,
    input: Loose<ProfilePut>,
    deps: web::Data<Deps>,
) -> Result<web::Json<ProfileView>, Problem> {
    let persona = personas::find(&deps, &name).await?;
    let version = version_read(input.version, input.if_version, if_match)?;
    let mut checks = Checks::default();
    let profile = Some(input.0.profile.over(Profile::default(), &mut checks).still_fitted(&persona.profile));
    checks.done()?;
    let patch = PersonaPatch { profile, ..PersonaPatch::default() };
    let updated = deps.company.update_persona(persona.id, version, patch, &caller.by()).await;
    match updated {
        Ok(updated) => Ok(web::Json(ProfileView { profile: updated.profile, version: updated.version })),
        Err(error) => Err(personas::with_version(&deps, persona.id, error.into()).await),
    }
}
