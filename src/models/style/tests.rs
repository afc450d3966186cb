//! What a style does to a text, and what it never does.

use actors::domain::{LengthTargets, Level, Preset, Profile};
use proptest::prelude::*;

use super::*;

const KEPT: [&str; 8] = [
    "“I don't utilize it!”",
    "\"do not utilize\"",
    "`can't!`",
    "https://a.example/utilize?x=1!2",
    "3,141.59",
    "me@utilize.example",
    "\n> I don't utilize it!\n",
    "\n```\nI don't utilize it! Do not.\n```\n",
];

fn profile() -> impl Strategy<Value = Profile> {
    let formality = prop_oneof![Just(0), Just(500), Just(1_000)];
    let rules = prop::sample::subsequence(
        vec!["Say \"use\" instead of \"utilize\"", "\"big\" -> \"large\"", "\"large\" -> \"big\"", "\"a b\" -> \"a\""],
        0..=4,
    );
    let phrases = prop::sample::subsequence(vec!["We've got this!", "Utilize it.", "so be it"], 0..=3);
    (formality, rules, phrases, 1u32..80, any::<bool>()).prop_map(|(formality, rules, phrases, long, calm)| {
        let mut profile = Profile {
            do_: rules.into_iter().map(str::to_owned).collect(),
            dont: calm.then(|| "No exclamation marks".to_owned()).into_iter().collect(),
            signature_phrases: phrases.into_iter().map(str::to_owned).collect(),
            length: LengthTargets { short: 1, long },
            ..Profile::default()
        };
        profile.personality.formality = Level::from_thousandths(formality);
        profile
    })
}

fn sentence() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        Just("utilize".to_owned()),
        Just("don't".to_owned()),
        Just("is not".to_owned()),
        Just("big".to_owned()),
        Just("a".to_owned()),
        Just("b".to_owned()),
    ];
    (prop::collection::vec(word, 1..12), prop_oneof![Just(". "), Just("! "), Just("?\n"), Just(".\n\n")])
        .prop_map(|(words, end)| format!("The {}{end}", words.join(" ")))
}

fn prose() -> impl Strategy<Value = String> {
    prop::collection::vec(sentence(), 0..15).prop_map(|sentences| sentences.concat())
}

fn mixed() -> impl Strategy<Value = String> {
    let kept = prop::sample::select(KEPT.to_vec()).prop_map(|kept| format!("{kept} "));
    prop::collection::vec(prop_oneof![2 => sentence(), 1 => kept], 0..15).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn it_changes_nothing_the_second_time(profile in profile(), text in prop_oneof![mixed(), "\\PC{0,200}"]) {
        let once = in_style(&profile, &text, profile.length.long);
        prop_assert_eq!(in_style(&profile, &once, profile.length.long), once);
    }

    #[test]
    fn no_text_is_longer_than_the_target_by_more_than_a_sentence(profile in profile(), text in prose()) {
        // Rules that undo each other leave a text as it is.
        prop_assume!(!(profile.do_.iter().any(|rule| rule.starts_with("\"big")) && profile.do_.iter().any(|rule| rule.starts_with("\"large"))));
        let written = in_style(&profile, &text, profile.length.long);
        // Swaps lengthen `don't` to two words.
        let longest = text.split_inclusive(['.', '!', '?']).map(|sentence| sentence.split_whitespace().count()).max();
        let most = profile.length.long as usize + 2 * longest.unwrap_or(0);
        prop_assert!(written.split_whitespace().count() <= most, "{most}: {written}");
    }

    #[test]
    fn what_is_quoted_fenced_an_address_or_a_number_is_never_touched(profile in profile(), text in mixed()) {
        let written = in_style(&profile, &text, profile.length.long);
        for kept in KEPT {
            prop_assert_eq!(written.matches(kept.trim()).count(), text.matches(kept.trim()).count(), "{}\n{}", kept, written);
        }
    }

    #[test]
    fn nothing_is_invented(text in mixed()) {
        let plain = Profile { length: LengthTargets { short: 1, long: 20 }, ..Profile::default() };
        let written = in_style(&plain, &text, 20);
        let mut left = text.split_whitespace();
        prop_assert!(written.split_whitespace().all(|word| left.any(|there| there == word)), "{}", written);
    }
}

#[test]
fn presets_write_as_they_are() {
    let text =
        "We're ready ASAP, and it's no problem! I don't know \"when!\", but don't you worry: we'll utilize 2 days.";
    let styled = |preset: Preset| in_style(&preset.profile(), text, 100);
    assert_eq!(
        styled(Preset::Jarvis),
        "We are ready AT ONCE, and it's no problem. I do not know \"when!\", but don't you worry: we will utilize 2 days."
    );
    assert_eq!(styled(Preset::Buddy), text);
    assert_eq!(
        styled(Preset::DevBot),
        "We're ready ASAP, and it's no problem. I don't know \"when!\", but don't you worry: we'll use 2 days."
    );
    assert_eq!(in_style(&Preset::Buddy.profile(), "Do not assist; it is not late.", 100), "Don't help; it isn't late.");
}

#[test]
fn a_long_text_ends_with_a_phrase_of_its_own_once() {
    let text = "One word after the other. ".repeat(9);
    let profile = Preset::DevBot.profile();
    let written = in_style(&profile, text.trim(), 250);
    assert!(written.ends_with("the other. Run it and see."), "{written}");
    assert_eq!(written.matches("Run it and see.").count(), 1);
    assert_eq!(in_style(&profile, text.trim(), 46), text.trim(), "there is no room");
    assert_eq!(in_style(&profile, "Short.", 250), "Short.");
}

#[test]
fn sentences_beyond_the_length_are_left_out_and_lines_stay_lines() {
    let text = "One two three. Four five.\n\nSix seven. Costs 8 euros.\n- nine\n```\ncode\n```\nTen.";
    assert_eq!(in_style(&Profile::default(), text, 3), "One two three.\n\nCosts 8 euros.\n\n```\ncode\n```");
    assert_eq!(in_style(&Profile::default(), text, 100), text);
}
