//! Fits a profile to the conversation examples of its persona: what can be counted in them, and nothing else. Pure.
//!
//! What a person decided stays, unless it is asked for by name; and nothing is taken over that the examples would be
//! farther from than before.

mod phrases;

use actors::domain::{ConversationExample, LengthTargets, Level, Profile, ProfilePart, Tone};
use serde::Serialize;
use serde_json::Value;

use super::{
    drift::{self, SIGNS_ENOUGH, drift_of},
    prose::Prose,
    rules::Rules,
};

/// Fewer examples say nothing.
pub const LEAST_EXAMPLES: usize = 3;
/// Formality is said in steps of so many thousandths.
const FORMALITY_STEP: usize = 50;

/// A profile fitted to its examples.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub profile: Profile,
    /// One for each part, in their order.
    pub lines: Vec<FitLine>,
    /// Mean drift of the examples under the profile as it was, 0 to 1,000; none: there are none.
    pub before: Option<u16>,
    /// The same under the fitted one: never more.
    pub after: Option<u16>,
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FitLine {
    pub part: ProfilePart,
    /// As it was.
    pub from: Value,
    /// As it is now; none: it was left.
    pub to: Option<Value>,
    /// What was counted, or why it was left.
    pub why: String,
}

/// What the answers say of a part: the profile with it, and what was counted; or why they say nothing.
type Read = Result<(Profile, String), String>;

/// Reads the parts off the examples. `again`: also what a person decided.
pub fn fit(profile: &Profile, again: &[ProfilePart]) -> Fit {
    let answers: Vec<Prose<'_>> =
        profile.conversation_examples.iter().map(|example| Prose::of(&example.answer)).collect();
    let before = mean_drift(profile, &answers);
    let (mut fitted, mut now) = (profile.clone(), before);
    let mut lines = Vec::with_capacity(ProfilePart::ALL.len());
    for part in ProfilePart::ALL.iter().copied() {
        let (from, named) = (fitted.part(part), again.contains(&part));
        let mut line = FitLine { part, from, to: None, why: String::new() };
        match read(part, &fitted, &answers, named) {
            Err(why) => line.why = why,
            Ok((candidate, _)) if mean_drift(&candidate, &answers) > now => {
                line.why = "left: the examples would be farther from it".to_owned();
            }
            Ok((mut candidate, why)) => {
                candidate.fitted.insert(part);
                now = mean_drift(&candidate, &answers);
                let to = candidate.part(part);
                line.to = (to != line.from).then_some(to);
                line.why = if line.to.is_some() { why } else { format!("as it is: {why}") };
                fitted = candidate;
            }
        }
        lines.push(line);
    }
    Fit { profile: fitted, lines, before, after: now }
}

fn read(part: ProfilePart, profile: &Profile, answers: &[Prose<'_>], named: bool) -> Read {
    if answers.len() < LEAST_EXAMPLES {
        return Err(format!("left: it takes {LEAST_EXAMPLES} examples, there are {}", answers.len()));
    }
    if profile.is_decided(part) && !named {
        return Err("left: somebody decided about it; name it to have it fitted all the same".to_owned());
    }
    match part {
        ProfilePart::Length => length(profile, answers),
        ProfilePart::Tone => tone(profile, answers),
        ProfilePart::Formality => formality(profile, answers),
        ProfilePart::SignaturePhrases => phrases(profile, &profile.conversation_examples, answers),
    }
}

/// The middle of the shorter half and of the longer half.
fn length(profile: &Profile, answers: &[Prose<'_>]) -> Read {
    let mut words: Vec<u32> =
        answers.iter().map(|answer| u32::try_from(answer.words()).unwrap_or(u32::MAX).max(1)).collect();
    words.sort_unstable();
    let half = words.len().div_ceil(2);
    let middle = |some: &[u32]| some.get(some.len() / 2).copied().unwrap_or(1);
    let (shorter, longer) = (&words[..half], &words[words.len() - half..]);
    let length = LengthTargets { short: middle(shorter), long: middle(longer) };
    let why = format!(
        "the answers have {} to {} words; half of them about {}, half about {}",
        words.first().copied().unwrap_or_default(),
        words.last().copied().unwrap_or_default(),
        length.short,
        length.long
    );
    Ok((Profile { length, ..profile.clone() }, why))
}

/// The one with the least against it; the persona's own where that is as good.
fn tone(profile: &Profile, answers: &[Prose<'_>]) -> Read {
    let against =
        |tone: Tone| answers.iter().map(|answer| usize::from(drift::tone(answer, tone).points)).sum::<usize>();
    let own = profile.response_style.tone;
    let (mut best, mut least) = (own, against(own));
    if least == 0 {
        return Err(format!("left: nothing in the answers is not {own}"));
    }
    for tone in Tone::ALL.iter().copied() {
        let points = against(tone);
        if points < least {
            (best, least) = (tone, points);
        }
    }
    let mut fitted = profile.clone();
    fitted.response_style.tone = best;
    Ok((fitted, format!("of all tones the answers have the fewest words that are not {best}")))
}

fn formality(profile: &Profile, answers: &[Prose<'_>]) -> Read {
    let signs = answers.iter().map(drift::signs_of_formality);
    let (formal, informal) = signs.fold((0, 0), |sum, signs| (sum.0 + signs.0, sum.1 + signs.1));
    let all = formal + informal;
    if all < SIGNS_ENOUGH {
        return Err(format!("left: {all} signs of formality are too few to say"));
    }
    let steps = (formal * 1_000 / all + FORMALITY_STEP / 2) / FORMALITY_STEP;
    let level = Level::from_thousandths(u16::try_from(steps * FORMALITY_STEP).unwrap_or(1_000));
    let mut fitted = profile.clone();
    fitted.personality.formality = level;
    Ok((fitted, format!("{formal} formal and {informal} informal signs in the answers")))
}

fn phrases(profile: &Profile, examples: &[ConversationExample], answers: &[Prose<'_>]) -> Read {
    let rules = Rules::of(profile);
    let found = phrases::recurring(examples, answers);
    let found: Vec<_> = found.into_iter().filter(|found| rules.broken(&Prose::of(&found.text)).is_empty()).collect();
    if found.is_empty() {
        return Err("left: no phrase comes again in the answers".to_owned());
    }
    let counted: Vec<String> = found.iter().map(|found| format!("“{}” in {}", found.text, found.answers)).collect();
    let why = format!("of {} answers: {}", answers.len(), counted.join(", "));
    let signature_phrases = found.into_iter().map(|found| found.text).collect();
    Ok((Profile { signature_phrases, ..profile.clone() }, why))
}

/// Under this profile; each answer is held against the nearer of the two lengths.
fn mean_drift(profile: &Profile, answers: &[Prose<'_>]) -> Option<u16> {
    let LengthTargets { short, long } = profile.length;
    let of = |answer: &Prose<'_>| {
        let words = u32::try_from(answer.words()).unwrap_or(u32::MAX);
        let aim = if words.abs_diff(short) <= words.abs_diff(long) { short } else { long };
        usize::from(drift_of(profile, answer, aim).score)
    };
    let sum: usize = answers.iter().map(of).sum();
    u16::try_from(sum.checked_div(answers.len())?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(answers: &[&str]) -> Profile {
        let example = |answer: &&str| ConversationExample { said: "Is it there?".into(), answer: (*answer).to_owned() };
        Profile { conversation_examples: answers.iter().map(example).collect(), ..Profile::default() }
    }

    const CHATTY: [&str; 4] = [
        "Hey! It's on its way, don't you worry. Cheers from the workshop!",
        "Yeah, we've got it, it's cool. Cheers from the workshop!",
        "Can't say yet, I'm looking. Cheers from the workshop!",
        "Nope, that's gone, sorry. I'd take the blue one, it's awesome and it won't break. Cheers from the workshop!",
    ];

    fn line(fit: &Fit, part: ProfilePart) -> &FitLine {
        fit.lines.iter().find(|line| line.part == part).unwrap()
    }

    #[test]
    fn what_can_be_counted_in_the_examples_is_taken_over_and_they_are_nearer_then() {
        let profile = of(&CHATTY);
        let fit = fit(&profile, &[]);
        assert_eq!(fit.profile.length, LengthTargets { short: 10, long: 19 }, "{:?}", fit.lines);
        assert_eq!(fit.profile.response_style.tone, Tone::Friendly, "professional has slang against it");
        assert_eq!(fit.profile.personality.formality, Level::from_thousandths(0));
        assert_eq!(fit.profile.signature_phrases, ["Cheers from the workshop"]);
        assert!(fit.after < fit.before, "{:?} {:?}", fit.before, fit.after);
        assert_eq!(line(&fit, ProfilePart::Length).to, Some(json!({"short": 10, "long": 19})));
        let again = super::fit(&fit.profile, &[]);
        assert_eq!((&again.profile, again.before), (&fit.profile, fit.after), "a second time changes nothing");
        assert!(again.lines.iter().all(|line| line.to.is_none()), "{:?}", again.lines);
    }

    #[test]
    fn what_somebody_decided_stays_until_it_is_named() {
        let length = LengthTargets { short: 5, long: 300 };
        let profile = Profile { length, signature_phrases: vec!["Onwards.".into()], ..of(&CHATTY) };
        let fitted = fit(&profile, &[]);
        assert_eq!(
            (fitted.profile.length, &fitted.profile.signature_phrases[..]),
            (length, &["Onwards.".to_owned()][..])
        );
        assert!(line(&fitted, ProfilePart::Length).why.contains("somebody decided"));
        let named = fit(&profile, &[ProfilePart::Length]);
        assert_eq!((named.profile.length.long, &named.profile.signature_phrases), (19, &profile.signature_phrases));
        // What was fitted is nobody's decision, until somebody changes it.
        let more =
            Profile { conversation_examples: of(&[CHATTY[0]; 3]).conversation_examples, ..named.profile.clone() };
        assert_eq!(fit(&more, &[]).profile.length, LengthTargets { short: 12, long: 12 });
        let changed = Profile { length, ..named.profile.clone() }.still_fitted(&named.profile);
        assert_eq!(fit(&changed, &[]).profile.length, length);
    }

    #[test]
    fn few_examples_or_few_signs_say_nothing() {
        let two = fit(&of(&CHATTY[..2]), &[]);
        assert!(two.lines.iter().all(|line| line.to.is_none() && line.why.contains("takes 3 examples")));
        let plain = fit(&of(&["It is there.", "On Monday.", "By post."]), &[]);
        assert!(line(&plain, ProfilePart::Formality).why.contains("too few"), "{:?}", plain.lines);
        assert!(line(&plain, ProfilePart::SignaturePhrases).why.contains("no phrase"));
        assert_eq!(fit(&Profile::default(), &[]).before, None);
    }

    #[test]
    fn what_it_never_says_becomes_no_signature() {
        let profile = Profile { dont: vec!["Never say \"cheers\"".into()], ..of(&CHATTY) };
        assert!(fit(&profile, &[]).profile.signature_phrases.is_empty());
    }

    proptest! {
        #[test]
        fn the_examples_are_never_farther_from_what_was_fitted(
            answers in prop::collection::vec("([a-zA-Z'!., ]{0,60}|hey dude|I do not|it's \\PC{0,20}){1,4}", 0..8),
            short in 1u32..60, more in 0u32..200, formality in 0u16..=1000,
        ) {
            let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
            let mut profile = of(&answers);
            profile.length = LengthTargets { short, long: short + more };
            profile.personality.formality = Level::from_thousandths(formality);
            for again in [&[][..], ProfilePart::ALL] {
                let fit = fit(&profile, again);
                prop_assert!(fit.after <= fit.before);
                prop_assert!(fit.profile.length.short >= 1 && fit.profile.length.short <= fit.profile.length.long);
                prop_assert_eq!(fit.lines.len(), ProfilePart::ALL.len());
            }
        }
    }
}
