//! Phrases that come again and again in answers, and are not the other's words. Pure.

use std::collections::{BTreeMap, BTreeSet};

use actors::domain::ConversationExample;

use crate::models::prose::Prose;

/// A phrase has so many words at most.
const LONGEST: usize = 6;
/// Shorter ones count only as a sentence of their own.
const SHORTEST_INSIDE: usize = 3;
/// It stands in so many answers at least,
const LEAST_ANSWERS: usize = 3;
/// and in this share of them: one in so many.
const LEAST_SHARE: usize = 5;
/// A phrase without a longer word is a turn of the language.
const LONG_WORD: usize = 5;
const MOST: usize = 5;

/// A phrase, and in how many answers it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recurring {
    pub text: String,
    pub answers: usize,
}

/// The most telling ones first; none is part of another.
pub(super) fn recurring(examples: &[ConversationExample], answers: &[Prose<'_>]) -> Vec<Recurring> {
    let mut counted: BTreeMap<Vec<String>, Recurring> = BTreeMap::new();
    for answer in answers {
        let mut seen = BTreeSet::new();
        for (words, text) in phrases_of(answer) {
            if seen.insert(words.clone()) {
                counted.entry(words).or_insert_with(|| Recurring { text, answers: 0 }).answers += 1;
            }
        }
    }
    let least = LEAST_ANSWERS.max(answers.len().div_ceil(LEAST_SHARE));
    // A phrase with a telling word of the other's is about what was asked.
    let said: BTreeSet<String> = examples.iter().flat_map(|example| plain(&example.said)).collect();
    let others = |words: &[String]| words.iter().any(|word| tells(word) && said.contains(word));
    let mut found: Vec<_> = counted.into_iter().filter(|(_, found)| found.answers >= least).collect();
    found.retain(|(words, _)| !others(words));
    // A stable sort: equal ones stay in the order of their words.
    found.sort_by_key(|(words, found)| std::cmp::Reverse(words.len() * found.answers));
    let mut taken: Vec<(Vec<String>, Recurring)> = Vec::new();
    for (words, one) in found {
        if !taken.iter().any(|(other, _)| overlap(other, &words)) {
            taken.push((words, one));
        }
        if taken.len() == MOST {
            break;
        }
    }
    taken.into_iter().map(|(_, found)| found).collect()
}

/// Every phrase that could be one, as words and as it is written.
fn phrases_of(answer: &Prose<'_>) -> Vec<(Vec<String>, String)> {
    let mut phrases = Vec::new();
    for unit in answer.units().iter().filter(|unit| !answer.is_kept(unit)) {
        let parts: Vec<&str> = answer.text_of(unit).split_whitespace().collect();
        for length in 1..=LONGEST.min(parts.len()) {
            for window in parts.windows(length).filter(|_| length >= SHORTEST_INSIDE || length == parts.len()) {
                let text = window.join(" ");
                let text = text.trim_matches(|c: char| !c.is_alphanumeric());
                let words = plain(text);
                // Beyond a comma or a full stop another thought begins.
                if words.iter().any(|word| tells(word))
                    && words.len() == length
                    && !text.contains([',', ';', ':', '.', '!', '?', '(', ')'])
                {
                    phrases.push((words, text.to_owned()));
                }
            }
        }
    }
    phrases
}

fn tells(word: &str) -> bool {
    word.chars().count() >= LONG_WORD
}

/// Its words in lower case, without the signs around them.
fn plain(text: &str) -> Vec<String> {
    let word = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    text.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

fn holds(text: &[String], words: &[String]) -> bool {
    !words.is_empty() && text.windows(words.len()).any(|window| window == words)
}

/// Whether one is a part of the other, or goes on where it ends: `thank you for` and `you for waiting`.
fn overlap(a: &[String], b: &[String]) -> bool {
    let runs_on = |a: &[String], b: &[String]| (2..=a.len().min(b.len())).any(|n| a[a.len() - n..] == b[..n]);
    holds(a, b) || holds(b, a) || runs_on(a, b) || runs_on(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Vec<(String, usize)> {
        let example =
            |(said, answer): &(&str, &str)| ConversationExample { said: (*said).into(), answer: (*answer).into() };
        let examples: Vec<_> = pairs.iter().map(example).collect();
        let answers: Vec<_> = examples.iter().map(|example| Prose::of(&example.answer)).collect();
        recurring(&examples, &answers).into_iter().map(|found| (found.text, found.answers)).collect()
    }

    #[test]
    fn a_phrase_that_comes_again_is_found_whole_as_it_is_written_first() {
        let found = of(&[
            ("Is it done?", "Yes. Thank you for waiting, it is done."),
            ("And mine?", "Tomorrow, and thank you for waiting."),
            ("When?", "Soon! thank you for waiting!"),
            ("Why?", "It is late. Onwards!"),
            ("Who?", "Ada. Onwards!"),
            ("What?", "Onwards!"),
        ]);
        assert_eq!(found, [("Thank you for waiting".to_owned(), 3), ("Onwards".to_owned(), 3)]);
    }

    #[test]
    fn the_others_words_quotations_and_turns_of_the_language_are_no_signature() {
        let same = ("Where is the blue kettle?", "The blue kettle is there. It is on it. “Blue skies ahead!”");
        assert_eq!(of(&[same, same, same]), [], "the question has the kettle, the rest is nobody's");
        let twice = ("Hm?", "Always forward together.");
        assert_eq!(of(&[twice, twice, ("Hm?", "No.")]), []);
        assert_eq!(of(&[]), []);
    }
}
