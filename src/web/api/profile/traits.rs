//! Traits and style as sent: what is left out stays as it was.

use std::collections::BTreeMap;

use actors::domain::{Level, Personality, ResponseStyle, Tone, Verbosity};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::web::input::Checks;

/// What a persona is like; each trait 0 to 1.
#[derive(Default, Deserialize, ToSchema)]
pub struct PersonalityInput {
    pub openness: Option<f64>,
    pub conscientiousness: Option<f64>,
    pub extraversion: Option<f64>,
    pub agreeableness: Option<f64>,
    pub neuroticism: Option<f64>,
    pub formality: Option<f64>,
    pub enthusiasm: Option<f64>,
    /// Traits of its own by name, up to 20; replaces those there were.
    pub custom: Option<BTreeMap<String, f64>>,
}

/// How a persona answers; each level 0 to 1.
#[derive(Default, Deserialize, ToSchema)]
pub struct ResponseStyleInput {
    /// `concise`, `balanced`, `detailed` or `elaborate`, in any case.
    #[schema(value_type = Option<String>)]
    pub verbosity: Option<Verbosity>,
    /// `professional`, `friendly`, `casual`, `authoritative`, `supportive` or `analytical`, in any case.
    #[schema(value_type = Option<String>)]
    pub tone: Option<Tone>,
    pub humor: Option<f64>,
    pub technical_depth: Option<f64>,
    pub empathy: Option<f64>,
    pub proactivity: Option<f64>,
}

impl PersonalityInput {
    pub(super) fn over(self, base: Personality, checks: &mut Checks) -> Personality {
        let mut level = |name: &str, sent, base| level(&format!("profile.personality.{name}"), sent, base, checks);
        Personality {
            openness: level("openness", self.openness, base.openness),
            conscientiousness: level("conscientiousness", self.conscientiousness, base.conscientiousness),
            extraversion: level("extraversion", self.extraversion, base.extraversion),
            agreeableness: level("agreeableness", self.agreeableness, base.agreeableness),
            neuroticism: level("neuroticism", self.neuroticism, base.neuroticism),
            formality: level("formality", self.formality, base.formality),
            enthusiasm: level("enthusiasm", self.enthusiasm, base.enthusiasm),
            custom: match self.custom {
                None => base.custom,
                Some(custom) => {
                    let own = |(name, sent): (String, f64)| {
                        let held = level(&format!("custom.{name}"), Some(sent), Level::MIDDLE);
                        (name, held)
                    };
                    custom.into_iter().map(own).collect()
                }
            },
        }
    }
}

impl ResponseStyleInput {
    pub(super) fn over(self, base: ResponseStyle, checks: &mut Checks) -> ResponseStyle {
        let mut level = |name: &str, sent, base| level(&format!("profile.response_style.{name}"), sent, base, checks);
        ResponseStyle {
            verbosity: self.verbosity.unwrap_or(base.verbosity),
            tone: self.tone.unwrap_or(base.tone),
            humor: level("humor", self.humor, base.humor),
            technical_depth: level("technical_depth", self.technical_depth, base.technical_depth),
            empathy: level("empathy", self.empathy, base.empathy),
            proactivity: level("proactivity", self.proactivity, base.proactivity),
        }
    }
}

fn level(field: &str, sent: Option<f64>, base: Level, checks: &mut Checks) -> Level {
    let Some(sent) = sent else { return base };
    let held = Level::of(sent);
    checks.check(field, held.is_some(), "must be between 0 and 1");
    held.unwrap_or(base)
}
