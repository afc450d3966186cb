//! Clauses of an answer: which of them say that the speaker did something, and what they name. Pure.

use super::{
    Deed,
    lexicon::{
        AUXILIARY, BE, DENIALS, DETERMINERS, EMPTY, FAMILIAR, FOREIGN, HARMLESS, IRREGULAR, JOINTS, NOTHING,
        OTHER_TIMES, SPEAKERS, VERBS,
    },
};

/// A clause that says that something was done.
#[derive(Debug, PartialEq)]
pub(super) struct Claim {
    pub text: String,
    /// What was done, each with what it was done to.
    pub deeds: Vec<(Deed, Names)>,
}

/// What a claim names, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Kinds of things: a proposal, a flight.
    pub things: Vec<String>,
    /// Names of their own: people, places, addresses.
    pub own: Vec<String>,
}

/// A word as it stands, and to compare.
struct Word<'a> {
    raw: &'a str,
    low: String,
}

/// Where a clause stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    Sentence,
    /// Behind “and”, “then”, “but”.
    Joined,
    /// Behind a comma or the like.
    Part,
}

/// A part of a sentence with a verb of its own.
struct Clause<'a> {
    words: Vec<Word<'a>>,
    opens: Opens,
    is_question: bool,
}

/// Whose doing a verb is.
#[derive(PartialEq, Eq)]
enum Doer {
    Speaker,
    /// Nobody is named: it was done.
    Passive,
    Other,
}

/// All claims of an answer; `name`: who speaks.
pub(super) fn claims(answer: &str, name: &str) -> Vec<Claim> {
    let speaker = name.split_whitespace().next().unwrap_or_default().to_lowercase();
    let mut speaks = false;
    let mut found = Vec::new();
    for clause in clauses(answer) {
        let goes_on = clause.opens == Opens::Joined && speaks;
        if clause.opens == Opens::Sentence {
            speaks = false;
        }
        let own = clause.is_first_person(&speaker);
        // “I opened it, filled it in and sent it.”
        speaks = own || goes_on || (speaks && clause.verb_at(clause.start()).is_some());
        if clause.is_question {
            continue;
        }
        let deeds = clause.deeds(&speaker, speaks);
        if !deeds.is_empty() {
            let said =
                clause.words.iter().skip_while(|word| matches!(word.low.as_str(), "and" | "then" | "but" | "so"));
            let text: Vec<&str> = said.map(|word| word.raw).collect();
            let text = text.join(" ").trim_end_matches(['.', ',', ';', ':', '!', ')']).to_owned();
            found.push(Claim { text, deeds });
        }
    }
    found
}

fn clauses(answer: &str) -> Vec<Clause<'_>> {
    let mut found: Vec<Clause<'_>> = Vec::new();
    let mut next = Some(Opens::Sentence);
    for line in answer.lines() {
        for raw in line.split_whitespace() {
            let low = raw.trim_matches(|c: char| !c.is_alphanumeric()).replace('’', "'").to_lowercase();
            let joint = JOINTS.contains(&low.as_str()).then_some(Opens::Joined);
            if let Some(opens) = next.or(joint) {
                found.push(Clause { words: Vec::new(), opens, is_question: false });
            }
            let Some(clause) = found.last_mut() else { continue };
            if !low.is_empty() {
                clause.words.push(Word { raw, low });
            }
            let ends = |marks: &[char]| raw.trim_end_matches(['"', '”', '\'', '*', '`']).ends_with(marks);
            clause.is_question |= ends(&['?']);
            next = match () {
                () if ends(&['.', '!', '?']) => Some(Opens::Sentence),
                // “Done: I posted it.”
                () if ends(&[':', ';', '–', '—']) => Some(Opens::Sentence),
                () if ends(&[',', ')']) => Some(Opens::Part),
                () => None,
            };
        }
        next = Some(Opens::Sentence);
    }
    found
}

impl Clause<'_> {
    fn is(&self, at: usize, list: &[&str]) -> bool {
        self.words.get(at).is_some_and(|word| list.contains(&word.low.as_str()))
    }

    /// The first word behind joints and adverbs.
    fn start(&self) -> usize {
        let skipped = |word: &Word<'_>| {
            matches!(word.low.as_str(), "and" | "then" | "but" | "so" | "because" | "that" | "which" | "while" | "also")
                || word.low.ends_with("ly")
        };
        self.words.iter().take_while(|word| skipped(word)).count()
    }

    fn is_first_person(&self, speaker: &str) -> bool {
        let start = self.start();
        self.is(start, SPEAKERS)
            || (!speaker.is_empty() && self.words.get(start).is_some_and(|word| word.low == speaker))
    }

    /// The known verb that begins at this word: its deed, and how many words it has.
    fn verb_at(&self, at: usize) -> Option<(Deed, usize)> {
        let fits = |verb: &&(&str, Deed)| verb.0.split(' ').enumerate().all(|(n, part)| self.is(at + n, &[part]));
        VERBS.iter().find(fits).map(|(verb, deed)| (*deed, verb.split(' ').count()))
    }

    fn is_unknown_verb(&self, at: usize) -> bool {
        let Some(Word { low, .. }) = self.words.get(at) else { return false };
        let is_past = (low.ends_with("ed") && low.len() > 4) || IRREGULAR.contains(&low.as_str());
        is_past
            && !HARMLESS.contains(&low.as_str())
            && !NOTHING.iter().any(|nothing| self.is(at + 1, &[nothing, "not"]))
    }

    /// `speaks`: who speaks did what stands here without a subject.
    fn deeds(&self, speaker: &str, speaks: bool) -> Vec<(Deed, Names)> {
        let mut found = Vec::new();
        for at in 0..self.words.len() {
            let Some((deed, length)) = self.verb_at(at) else { continue };
            if self.is_denied(at, length) {
                continue;
            }
            match self.doer(at, speaker, speaks) {
                Doer::Speaker => found.push((deed, self.names(at + length..self.words.len()))),
                Doer::Passive if !self.tells_of_others(at + length) => {
                    let behind = self.names(at + length..self.words.len());
                    let mut named = self.names(0..at);
                    named.own.extend(behind.own);
                    found.push((deed, named));
                }
                Doer::Passive | Doer::Other => {}
            }
        }
        let verb = self.first_verb();
        if found.is_empty() && speaks && self.is_unknown_verb(verb) && !self.is_denied(verb, 1) {
            found.push((Deed::Unknown, Names::default()));
        }
        found
    }

    /// Behind who speaks and what may stand between.
    fn first_verb(&self) -> usize {
        let mut at = self.start();
        while self.is(at, SPEAKERS)
            || self.is(at, AUXILIARY)
            || self.words.get(at).is_some_and(|w| w.low.ends_with("ly"))
        {
            at += 1;
        }
        at
    }

    fn doer(&self, verb: usize, speaker: &str, speaks: bool) -> Doer {
        let mut at = verb;
        while at > 0 {
            at -= 1;
            if self.is(at, BE) {
                return Doer::Passive;
            }
            let low = self.words[at].low.as_str();
            if !AUXILIARY.contains(&low) && !low.ends_with("ly") {
                return match low {
                    _ if SPEAKERS.contains(&low) || low == speaker => Doer::Speaker,
                    "and" | "then" | "but" | "so" | "or" if speaks => Doer::Speaker,
                    _ => Doer::Other,
                };
            }
        }
        // Nothing before it. “Posted 2 days ago” is about something else, and “saved searches are on top” no deed.
        let has_verb_behind = (verb + 1..self.words.len()).any(|behind| self.is(behind, BE));
        let may_be_own = speaks || self.opens == Opens::Sentence;
        if may_be_own && !has_verb_behind && !self.tells_of_others(verb + 1) { Doer::Speaker } else { Doer::Other }
    }

    /// It was done by somebody else, or long ago.
    fn tells_of_others(&self, from: usize) -> bool {
        let is_year =
            |low: &str| low.len() == 4 && low.starts_with(['1', '2']) && low.chars().all(|c| c.is_ascii_digit());
        let behind = self.words.iter().skip(from);
        behind.map(|word| word.low.as_str()).any(|low| OTHER_TIMES.contains(&low) || is_year(low))
    }

    /// It says of the verb at this place that it was not, or is to be, or it only names a thing.
    fn is_denied(&self, at: usize, length: usize) -> bool {
        let before = &self.words[..at];
        before.iter().any(|word| DENIALS.contains(&word.low.as_str()) || word.low.ends_with("n't"))
            || (at > 0 && self.is(at - 1, DETERMINERS))
            || self.is(at + length, NOTHING)
    }

    fn names(&self, range: std::ops::Range<usize>) -> Names {
        let mut names = Names::default();
        for at in range {
            let Word { raw, low } = &self.words[at];
            if low.chars().count() < 3 || EMPTY.contains(&low.as_str()) || low.ends_with("ly") {
                continue;
            }
            let bare = raw.trim_matches(|c: char| !c.is_alphanumeric());
            let is_named = (at > 0 && bare.starts_with(char::is_uppercase)) || bare.contains('@');
            let parts = low.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
            let parts = parts.map(str::to_owned);
            if is_named { names.own.extend(parts) } else { names.things.extend(parts) }
        }
        names
    }
}

/// Whether an answer is English enough to be held against anything.
pub(super) fn is_readable(answer: &str) -> bool {
    let words: Vec<String> = answer
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).replace('’', "'").to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let count = |list: &[&str]| words.iter().filter(|word| list.contains(&word.as_str())).count();
    let (familiar, foreign) = (count(FAMILIAR), count(FOREIGN));
    let small = answer.split_whitespace().filter(|word| word.starts_with(char::is_lowercase)).count();
    let letters = answer.chars().filter(|c| c.is_alphabetic()).count();
    let latin = answer.chars().filter(|c| c.is_alphabetic() && u32::from(*c) < 0x250).count();
    latin * 5 >= letters * 4 && foreign <= familiar && (familiar > 0 || small < 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_english_cannot_be_read() {
        for text in ["Ich habe den Antrag eingereicht und bezahlt.", "J'ai payé la facture.", "提案を提出しました。"]
        {
            assert!(!is_readable(text), "{text}");
        }
        for text in
            ["There are six pages.", "That is all.", "nothing", "Blue it is.", "One, two, three.", "Oslo, Bergen", "42"]
        {
            assert!(is_readable(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_split_without_losing_a_word(answer in "(I |and |paid |.{0,8}){0,12}") {
            let split: usize = clauses(&answer).iter().map(|clause| clause.words.len()).sum();
            let words = answer.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            prop_assert_eq!(split, words);
            let _ = claims(&answer, "Ada");
        }
    }
}
