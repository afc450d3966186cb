//! How far a text is from its persona's profile. Pure; every point of the score is explained.
//!
//! A sentence about a text, not a verdict: it counts words and signs. What is quoted or fenced is somebody else's and
//! counts for nothing but the length.

use actors::domain::{Profile, Tone};
use serde::{Deserialize, Serialize};

use super::{prose::Prose, rules::Rules};

/// How far a text is from a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// 0 (as the profile has it) to 1,000; the sum of the parts' points.
    pub score: u16,
    pub parts: Vec<DriftPart>,
}

/// One reason for the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftPart {
    /// `length`, `tone`, `formality` or `banned`.
    pub what: String,
    pub points: u16,
    /// The most points it can have.
    pub of: u16,
    pub why: String,
}

const OF_LENGTH: u16 = 250;
const OF_TONE: u16 = 200;
const OF_FORMALITY: u16 = 200;
const OF_BANNED: u16 = 350;
/// Points for each thing that the persona never says.
const EACH_BANNED: usize = 175;
/// So far from the length that was aimed at, in per cent, is no drift.
const FREE_PERCENT: usize = 25;
/// Fewer signs of a manner than this say less, in proportion.
pub(super) const SIGNS_ENOUGH: usize = 4;
/// So far from the profile's formality, in thousandths, is no drift: one in the middle says nothing.
const FREE_FORMALITY: u16 = 500;

/// Looks at a text that was to have so many words.
pub fn drift(profile: &Profile, text: &str, words: u32) -> Drift {
    drift_of(profile, &Prose::of(text), words)
}

/// The same of a text that was read already.
pub(super) fn drift_of(profile: &Profile, prose: &Prose<'_>, words: u32) -> Drift {
    let parts = vec![
        length(prose, usize::try_from(words).unwrap_or(usize::MAX)),
        tone(prose, profile.response_style.tone),
        formality(prose, profile.personality.formality.thousandths()),
        banned(prose, &Rules::of(profile)),
    ];
    Drift { score: parts.iter().map(|part| part.points).sum(), parts }
}

/// `of` times a share, which is at most one.
fn part(what: &str, of: u16, (share, whole): (usize, usize), why: String) -> DriftPart {
    let points = usize::from(of) * share.min(whole) / whole.max(1);
    DriftPart { what: what.to_owned(), points: u16::try_from(points).unwrap_or(of), of, why }
}

/// Nothing within a quarter of the target; all of it at no words, or at twice as many.
fn length(prose: &Prose<'_>, aim: usize) -> DriftPart {
    let words = prose.words();
    let off = words.abs_diff(aim).saturating_mul(100);
    let share = off.saturating_sub(aim.saturating_mul(FREE_PERCENT));
    let whole = aim.saturating_mul(100 - FREE_PERCENT);
    part("length", OF_LENGTH, (share, whole), format!("{words} words, {aim} were aimed at"))
}

const SLANG: [&str; 20] = [
    "hey",
    "yeah",
    "yep",
    "nope",
    "gonna",
    "wanna",
    "gotta",
    "kinda",
    "sorta",
    "lol",
    "omg",
    "dude",
    "guys",
    "awesome",
    "cool",
    "ugh",
    "stuff",
    "tons of",
    "no worries",
    "btw",
];
const STIFF: [&str; 14] = [
    "furthermore",
    "moreover",
    "hereby",
    "herewith",
    "pursuant to",
    "henceforth",
    "therefore",
    "thus",
    "regarding",
    "sincerely",
    "shall",
    "kindly",
    "with respect to",
    "in accordance with",
];
const COLD: [&str; 9] = [
    "obviously",
    "you failed",
    "you should have",
    "as stated",
    "per my last message",
    "not my problem",
    "you must",
    "wrong again",
    "calm down",
];
const UNSURE: [&str; 9] =
    ["maybe", "perhaps", "i guess", "kind of", "sort of", "i think", "not sure", "hopefully", "probably"];
const GUSHING: [&str; 9] =
    ["amazing", "incredible", "fantastic", "awesome", "so excited", "love it", "super", "wow", "thrilled"];

/// What does not go with a tone.
const fn against(tone: Tone) -> (&'static [&'static str], &'static [&'static str]) {
    match tone {
        Tone::Professional => (&SLANG, &GUSHING),
        Tone::Friendly | Tone::Supportive => (&COLD, &STIFF),
        Tone::Casual => (&STIFF, &[]),
        Tone::Authoritative => (&UNSURE, &SLANG),
        Tone::Analytical => (&GUSHING, &SLANG),
    }
}

pub(super) fn tone(prose: &Prose<'_>, tone: Tone) -> DriftPart {
    let (one, other) = against(tone);
    let found: Vec<&str> = one.iter().chain(other).copied().filter(|word| prose.finds(word) > 0).collect();
    let why = match found.as_slice() {
        [] => format!("nothing that is not {tone}"),
        some => format!("not {tone}: {}", listed(some)),
    };
    part("tone", OF_TONE, (found.len(), SIGNS_ENOUGH), why)
}

/// Contractions and slang against stiff words; where there is none of either, nothing is said.
fn formality(prose: &Prose<'_>, wanted: u16) -> DriftPart {
    let (formal, informal) = signs_of_formality(prose);
    let signs = informal + formal;
    let why = match signs {
        0 => "no sign of either".to_owned(),
        _ => format!("{formal} formal and {informal} informal signs, formality is {}", decimal(wanted)),
    };
    let seen = formal * 1_000 / signs.max(1);
    let off = seen.abs_diff(wanted.into()).saturating_sub(FREE_FORMALITY.into());
    let share = if signs == 0 { 0 } else { off * signs.min(SIGNS_ENOUGH) };
    part("formality", OF_FORMALITY, (share, usize::from(1_000 - FREE_FORMALITY) * SIGNS_ENOUGH), why)
}

/// Formal and informal ones.
pub(super) fn signs_of_formality(prose: &Prose<'_>) -> (usize, usize) {
    let count = |words: &[&str]| words.iter().map(|word| prose.finds(word)).sum::<usize>();
    let in_full = ["do not", "does not", "is not", "are not", "cannot", "will not", "i am", "we are", "you are"];
    (count(&in_full) + count(&STIFF), contractions(prose) + count(&SLANG))
}

fn contractions(prose: &Prose<'_>) -> usize {
    const ENDS: [&str; 6] = ["t", "re", "ve", "ll", "m", "d"];
    prose.signs(&['\'', '’']).filter(|at| ENDS.contains(&prose.letters_behind(*at).as_str())).count()
}

fn banned(prose: &Prose<'_>, rules: &Rules) -> DriftPart {
    let found = rules.broken(prose);
    let why = match found.as_slice() {
        [] => "nothing that it never says".to_owned(),
        some => format!("never says {}", listed(some)),
    };
    part("banned", OF_BANNED, (found.len() * EACH_BANNED, OF_BANNED.into()), why)
}

/// The first few, in quotation marks.
fn listed(some: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = some.iter().take(SHOWN).map(|word| format!("“{word}”")).collect();
    let more = some.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn decimal(thousandths: u16) -> f64 {
    f64::from(thousandths) / 1_000.0
}

#[cfg(test)]
mod tests {
    use actors::domain::{Level, Preset};
    use proptest::prelude::*;

    use super::*;

    fn points(drift: &Drift, what: &str) -> u16 {
        drift.parts.iter().find(|part| part.what == what).unwrap().points
    }

    #[test]
    fn a_text_in_its_persona_s_voice_does_not_drift_and_another_s_does() {
        let said = "Two matters. The audit is due at four, and the draft is ready for you. I am afraid that the supplier \
                    has not answered, so I shall ask again at noon and report to you.";
        let own = drift(&Preset::Jarvis.profile(), said, 40);
        assert_eq!(own.score, 0, "{own:?}");
        let other = "Hey dude! Yeah, no problem, we're gonna do it asap, it's awesome and I can't wait!";
        let off = drift(&Preset::Jarvis.profile(), other, 40);
        assert!(off.score > 700, "{off:?}");
        assert!(drift(&Preset::Buddy.profile(), other, 20).score < 100);
        let why = &off.parts[3].why;
        assert_eq!(why, "never says “asap”, “no problem”, “!”");
    }

    #[test]
    fn length_counts_from_a_quarter_off_to_twice_as_long() {
        let of = |words: usize| points(&drift(&Profile::default(), &"word ".repeat(words), 100), "length");
        assert_eq!([0, 75, 100, 125, 200, 500].map(of), [250, 0, 0, 0, 250, 250]);
        assert!(of(150) > of(140) && of(40) > of(50));
    }

    #[test]
    fn what_is_quoted_or_fenced_is_somebody_else_s() {
        let text = "They wrote “hey dude, no problem!” and\n```\nyeah!\n```\n> gonna!\nthat was it.";
        let drift = drift(&Preset::Jarvis.profile(), text, 14);
        assert_eq!(points(&drift, "tone") + points(&drift, "banned") + points(&drift, "formality"), 0, "{drift:?}");
    }

    proptest! {
        #[test]
        fn the_score_is_the_sum_of_its_parts_and_in_bounds(text in "\\PC{0,300}", words in 0u32..500, formality in 0u16..=1000) {
            for preset in Preset::ALL {
                let mut profile = preset.profile();
                profile.personality.formality = Level::from_thousandths(formality);
                let drift = drift(&profile, &text, words);
                prop_assert!(drift.score <= 1_000);
                prop_assert_eq!(drift.score, drift.parts.iter().map(|part| part.points).sum::<u16>());
                prop_assert!(drift.parts.iter().all(|part| part.points <= part.of && !part.why.is_empty()));
            }
        }
    }
}
