//! An identity: who a persona is, how it writes, what it may reach.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Agent, Autoplan, ConversationExample, Grants, Hours, Length, Level, Permissions, PersonaId, Personality,
    ProfilePart, Quotas, ResponseStyle, Weight, words::words,
};

words! {
    /// What a persona is for.
    Role("role") {
        Manager = "manager",
        Worker = "worker",
        Performer = "performer",
        Friend = "friend",
    }
}

words! {
    /// Whether a persona may work.
    PersonaStatus("persona status") {
        Active = "active",
        Paused = "paused",
        /// Soft: the chain stays.
        Deleted = "deleted",
    }
}

/// A unique name in addresses and folders: lower-case letters, digits and single `-` between them, at most 48.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Slug(String);

/// A text that cannot be a slug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSlug {
    #[error("`{0}` is not a slug: use 1 to 48 lower-case letters, digits and single `-` between them")]
    Malformed(String),
    #[error("`{0}` is a word of addresses like `/api/personas/{0}`: choose another slug")]
    Reserved(String),
}

/// What stands where a slug does in an address, and means something else.
const RESERVED: [&str; 1] = ["active"];

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The slug nearest to a display name, if any letter or digit of it can be kept.
    pub fn from_name(name: &str) -> Result<Self, BadSlug> {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.truncate(48);
        slug.trim_end_matches('-').parse().map_err(|bad| match bad {
            BadSlug::Malformed(_) => BadSlug::Malformed(name.to_owned()),
            reserved @ BadSlug::Reserved(_) => reserved,
        })
    }
}

impl FromStr for Slug {
    type Err = BadSlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        // An id is accepted wherever a slug is, so no slug may look like one.
        let looks_like_id = uuid::Uuid::try_parse(text).is_ok();
        if text.len() > 48 || !text.split('-').all(part) || looks_like_id {
            Err(BadSlug::Malformed(text.to_owned()))
        } else if RESERVED.contains(&text) {
            Err(BadSlug::Reserved(text.to_owned()))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = BadSlug;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How long an answer should be, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthTargets {
    pub short: u32,
    pub long: u32,
}

impl Default for LengthTargets {
    fn default() -> Self {
        Self { short: 40, long: 180 }
    }
}

impl LengthTargets {
    /// The target of a text, in words.
    pub const fn words(self, length: Length) -> u32 {
        match length {
            Length::Short => self.short,
            Length::Long => self.long,
        }
    }
}

/// How a persona writes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Free text in front of every prompt; 3,000 characters fit.
    pub style_primer: String,
    #[serde(rename = "do")]
    pub do_: Vec<String>,
    pub dont: Vec<String>,
    pub topics: Vec<String>,
    pub signature_phrases: Vec<String>,
    /// Sampling temperature for models that take one, in thousandths.
    pub temperature_thousandths: Option<u16>,
    pub length: LengthTargets,
    pub personality: Personality,
    pub response_style: ResponseStyle,
    /// What it is asked about rather than others.
    pub expertise_areas: Vec<String>,
    /// How it answered well; the first ones that fit stand in every prompt.
    pub conversation_examples: Vec<ConversationExample>,
    /// What of it was read off the examples, and nobody changed since.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub fitted: BTreeSet<ProfilePart>,
    /// Texts that it composes are brought to its style and length after they are written.
    pub hold_to_style: bool,
    /// A text whose drift is above this raises an alert; none: no text does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_limit: Option<Level>,
}

/// A persona as the journal knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Persona {
    pub id: PersonaId,
    pub slug: Slug,
    /// As people see it, 1 to 80 characters.
    pub name: String,
    pub role: Option<Role>,
    pub description: String,
    pub status: PersonaStatus,
    /// Rises with every change; an update names the version it read.
    pub version: i64,
    pub profile: Profile,
    /// Host rules in addition to the rehearsal site (`egress` gives them meaning).
    pub hosts: Vec<String>,
    /// Which model answers for it; none: the configured default.
    pub model: Option<String>,
    /// Its share of the company's time when there is not enough for all.
    pub weight: Weight,
    /// Its time zone, and when in its days it is up.
    pub hours: Hours,
    /// Its own quotas, instead of its role's.
    pub quotas: Quotas,
    /// What its days are planned from.
    pub autoplan: Autoplan,
    /// What it may do without asking.
    pub permissions: Permissions,
    /// What was said about its tools.
    pub grants: Grants,
    /// Its named variants.
    pub agents: Vec<Agent>,
    pub created_ms: i64,
    pub updated_ms: i64,
    /// When it was resumed last; none: it never was. No work of it waits for a slice while it is paused.
    pub resumed_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_strict() {
        for good in ["ada", "ada-2", "a-b-c", "7"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        let long = "a".repeat(49);
        for bad in
            ["", "-a", "a-", "a--b", "Ada", "a_b", "../x", "a b", "é", &long, "67e55044-10b1-426f-9247-bb680e5fe0c8"]
        {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_becomes_the_nearest_slug() {
        assert_eq!(Slug::from_name("  Ada Lovelace (2nd)").unwrap().as_str(), "ada-lovelace-2nd");
        assert!(Slug::from_name("日本").is_err());
        let reserved = Slug::from_name("Active").unwrap_err();
        assert!(reserved.to_string().contains("choose another"), "{reserved}");
        assert!("active-ada".parse::<Slug>().is_ok());
    }
}
