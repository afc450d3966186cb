//! What a persona is like and how it answers. What is wrong with it is said by the field's name.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Value, json};

use super::{Level, Profile, words::words};

words! {
    /// How much it says.
    Verbosity("verbosity") {
        Concise = "concise",
        Balanced = "balanced",
        Detailed = "detailed",
        Elaborate = "elaborate",
    }
}

words! {
    /// How it sounds.
    Tone("tone") {
        Professional = "professional",
        Friendly = "friendly",
        Casual = "casual",
        Authoritative = "authoritative",
        Supportive = "supportive",
        Analytical = "analytical",
    }
}

/// What a persona is like. Each trait is 0 to 1; one in the middle says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Personality {
    pub openness: Level,
    pub conscientiousness: Level,
    pub extraversion: Level,
    pub agreeableness: Level,
    pub neuroticism: Level,
    pub formality: Level,
    pub enthusiasm: Level,
    /// Traits of its own, by name.
    pub custom: BTreeMap<String, Level>,
}

impl Default for Personality {
    fn default() -> Self {
        let [openness, conscientiousness, extraversion, agreeableness, neuroticism, formality, enthusiasm] =
            [Level::MIDDLE; 7];
        let custom = BTreeMap::new();
        Self { openness, conscientiousness, extraversion, agreeableness, neuroticism, formality, enthusiasm, custom }
    }
}

impl Personality {
    /// The traits that everybody has, by name.
    pub const fn traits(&self) -> [(&'static str, Level); 7] {
        [
            ("openness", self.openness),
            ("conscientiousness", self.conscientiousness),
            ("extraversion", self.extraversion),
            ("agreeableness", self.agreeableness),
            ("neuroticism", self.neuroticism),
            ("formality", self.formality),
            ("enthusiasm", self.enthusiasm),
        ]
    }
}

/// How a persona answers. Levels are 0 to 1; one in the middle says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseStyle {
    #[serde(deserialize_with = "in_any_case")]
    pub verbosity: Verbosity,
    #[serde(deserialize_with = "in_any_case")]
    pub tone: Tone,
    pub humor: Level,
    pub technical_depth: Level,
    pub empathy: Level,
    pub proactivity: Level,
}

impl Default for ResponseStyle {
    fn default() -> Self {
        let [humor, technical_depth, empathy, proactivity] = [Level::MIDDLE; 4];
        let (verbosity, tone) = (Verbosity::Balanced, Tone::Professional);
        Self { verbosity, tone, humor, technical_depth, empathy, proactivity }
    }
}

impl ResponseStyle {
    /// Its levels, by name.
    pub const fn levels(&self) -> [(&'static str, Level); 4] {
        [
            ("humor", self.humor),
            ("technical_depth", self.technical_depth),
            ("empathy", self.empathy),
            ("proactivity", self.proactivity),
        ]
    }
}

fn in_any_case<'de, W, D>(from: D) -> Result<W, D::Error>
where
    W: FromStr<Err: std::fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.trim().to_lowercase().parse().map_err(D::Error::custom)
}

/// What somebody said, and how the persona answered it well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationExample {
    /// 1 to 2,000 characters.
    pub said: String,
    /// 1 to 4,000 characters.
    pub answer: String,
}

words! {
    /// What of a profile can be read off its examples.
    ProfilePart("part of a profile") {
        Length = "length",
        Tone = "tone",
        Formality = "formality",
        SignaturePhrases = "signature_phrases",
    }
}

impl Profile {
    /// What it says in a part.
    pub fn part(&self, part: ProfilePart) -> Value {
        match part {
            ProfilePart::Length => json!(self.length),
            ProfilePart::Tone => json!(self.response_style.tone),
            ProfilePart::Formality => json!(self.personality.formality),
            ProfilePart::SignaturePhrases => json!(self.signature_phrases),
        }
    }

    /// Whether somebody decided about a part: it is not as at first, and not read off examples either.
    pub fn is_decided(&self, part: ProfilePart) -> bool {
        !self.fitted.contains(&part) && self.part(part) != Self::default().part(part)
    }

    /// What was read off examples and still is as it was in `before`.
    #[must_use]
    pub fn still_fitted(mut self, before: &Self) -> Self {
        let fitted = std::mem::take(&mut self.fitted);
        self.fitted = fitted.into_iter().filter(|part| self.part(*part) == before.part(*part)).collect();
        self
    }
}

/// Something in a profile that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFault {
    /// From the persona down: `profile.personality.custom.patience`.
    pub field: String,
    pub reason: String,
}

const MOST_CUSTOM: usize = 20;
const MOST_AREAS: usize = 100;
/// Conversation examples of one persona.
pub const MOST_EXAMPLES: usize = 100;
const LONGEST_NAME: usize = 40;
const LONGEST_AREA: usize = 500;
const LONGEST_SAID: usize = 2_000;
const LONGEST_ANSWER: usize = 4_000;

impl Profile {
    /// What is wrong with traits, expertise and examples, in their order; nothing: they hold.
    pub fn faults(&self) -> Vec<ProfileFault> {
        let mut found = Faults(Vec::new());
        let custom = &self.personality.custom;
        found.count("profile.personality.custom", custom.len(), MOST_CUSTOM, "traits");
        for name in custom.keys() {
            let field = format!("profile.personality.custom.{name}");
            found.text(&field, name, LONGEST_NAME);
            found.demand(!name.contains(['\n', '\t', '=']), &field, "must be one line, without `=`");
            let taken = self.personality.traits().iter().any(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
            found.demand(!taken, &field, "is a trait that everybody has: set that one");
        }
        found.count("profile.expertise_areas", self.expertise_areas.len(), MOST_AREAS, "areas");
        for (index, area) in self.expertise_areas.iter().take(MOST_AREAS).enumerate() {
            found.text(&format!("profile.expertise_areas[{index}]"), area, LONGEST_AREA);
        }
        found.count("profile.conversation_examples", self.conversation_examples.len(), MOST_EXAMPLES, "examples");
        for (index, example) in self.conversation_examples.iter().take(MOST_EXAMPLES).enumerate() {
            let field = format!("profile.conversation_examples[{index}]");
            found.text(&format!("{field}.said"), &example.said, LONGEST_SAID);
            found.text(&format!("{field}.answer"), &example.answer, LONGEST_ANSWER);
        }
        found.0
    }
}

struct Faults(Vec<ProfileFault>);

impl Faults {
    fn demand(&mut self, holds: bool, field: &str, reason: impl Into<String>) {
        if !holds {
            self.0.push(ProfileFault { field: field.to_owned(), reason: reason.into() });
        }
    }

    fn count(&mut self, field: &str, count: usize, most: usize, what: &str) {
        self.demand(count <= most, field, format!("must hold at most {most} {what}, it holds {count}"));
    }

    fn text(&mut self, field: &str, text: &str, longest: usize) {
        let control = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        self.demand(!text.trim().is_empty(), field, "must not be empty");
        self.demand(!control, field, "must not hold control characters");
        let count = text.chars().count();
        self.demand(count <= longest, field, format!("must have at most {longest} characters, it has {count}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_without_traits_is_in_the_middle() {
        let profile: Profile = serde_json::from_value(json!({"style_primer": "Plain."})).unwrap();
        assert_eq!(profile, Profile { style_primer: "Plain.".into(), ..Profile::default() });
        assert!(profile.personality.traits().iter().all(|(_, level)| *level == Level::MIDDLE));
        assert!(profile.faults().is_empty());
    }

    #[test]
    fn words_are_read_in_any_case_and_wrong_ones_refused_with_the_list() {
        let style: ResponseStyle =
            serde_json::from_value(json!({"verbosity": "CONCISE", "tone": "Friendly", "humor": 0.7})).unwrap();
        assert_eq!((style.verbosity, style.tone, style.humor.thousandths()), (Verbosity::Concise, Tone::Friendly, 700));
        let refused = serde_json::from_value::<ResponseStyle>(json!({"tone": "loud"})).unwrap_err().to_string();
        assert!(refused.contains("professional, friendly, casual, authoritative, supportive, analytical"), "{refused}");
    }

    #[test]
    fn a_level_outside_is_refused_and_a_level_inside_comes_back_as_it_was() {
        for bad in [json!(1.001), json!(-0.1), json!("0.5"), json!(null)] {
            assert!(serde_json::from_value::<Personality>(json!({"openness": bad})).is_err(), "{bad}");
        }
        for thousandths in 0..=1_000 {
            let level = Level::from_thousandths(thousandths);
            assert_eq!(serde_json::from_value::<Level>(serde_json::to_value(level).unwrap()).unwrap(), level);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let mut profile = Profile::default();
        profile.personality.custom =
            [" ", "Openness", "patience"].map(|name| (name.to_owned(), Level::MIDDLE)).into_iter().collect();
        profile.expertise_areas = vec!["law".into(), String::new()];
        let example = |said: &str| ConversationExample { said: said.into(), answer: "Yes.".into() };
        profile.conversation_examples = vec![example("Is it?"); 101];
        profile.conversation_examples[7] = example(&"a".repeat(2_001));
        let fields: Vec<_> = profile.faults().into_iter().map(|fault| fault.field).collect();
        let custom = "profile.personality.custom";
        assert_eq!(
            fields,
            [
                &format!("{custom}. "),
                &format!("{custom}.Openness"),
                "profile.expertise_areas[1]",
                "profile.conversation_examples",
                "profile.conversation_examples[7].said",
            ]
        );
    }
}
