//! Brings a text to a persona's style without inventing anything. Pure: the same persona and text, the same result.
//!
//! Words give way to the words of literal rules, contractions follow formality, a phrase of its own may end a long text
//! that has room for one, and whole sentences beyond the length are left out. What is quoted, fenced, an address or
//! holds a digit stays, in sentences beyond the length too. A result is one that does not change again; where there is
//! none (rules that undo each other), the text stays as it is.

use actors::domain::{Persona, Profile};

use super::{
    prose::{Prose, Swap},
    rules::Rules,
};

/// Rounds in which a text must come to rest.
const ROUNDS: usize = 5;
/// From here on, in thousandths, nothing is contracted.
const FORMAL: u16 = 700;
/// Up to here, in thousandths, what can be contracted is.
const INFORMAL: u16 = 300;
/// A text of so many words has room for a phrase of the persona's own.
const LONG_ENOUGH: usize = 40;

/// In full, and contracted. The first of them are contracted where somebody speaks informally, too.
const CONTRACTIONS: [(&str, &str); 29] = [
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("did not", "didn't"),
    ("is not", "isn't"),
    ("are not", "aren't"),
    ("was not", "wasn't"),
    ("were not", "weren't"),
    ("cannot", "can't"),
    ("could not", "couldn't"),
    ("should not", "shouldn't"),
    ("would not", "wouldn't"),
    ("will not", "won't"),
    ("have not", "haven't"),
    ("has not", "hasn't"),
    ("had not", "hadn't"),
    ("I am", "I'm"),
    ("I have", "I've"),
    ("I will", "I'll"),
    ("we are", "we're"),
    ("we have", "we've"),
    ("we will", "we'll"),
    ("you are", "you're"),
    ("you have", "you've"),
    ("you will", "you'll"),
    ("they are", "they're"),
    ("they have", "they've"),
    ("they will", "they'll"),
    ("let us", "let's"),
    ("there will", "there'll"),
];
/// So many of them can be contracted anywhere in a sentence.
const ANYWHERE: usize = 15;

/// The text in the persona's style, no longer than its long answers.
pub fn apply_persona_style(persona: &Persona, text: &str) -> String {
    in_style(&persona.profile, text, persona.profile.length.long)
}

/// The text in this style, about so many words long at most.
fn in_style(profile: &Profile, text: &str, words: u32) -> String {
    let wording = Wording::of(profile);
    let words = usize::try_from(words).unwrap_or(usize::MAX);
    let phrases: Vec<String> = profile.signature_phrases.iter().map(|phrase| wording.settled(phrase.trim())).collect();
    at_rest(text, |text| signed(cut(&wording.once(text), words), &phrases, words))
}

/// What a style does to single words.
pub(super) struct Wording {
    swaps: Vec<Swap>,
    calm: bool,
}

impl Wording {
    pub(super) fn of(profile: &Profile) -> Self {
        let Rules { mut swaps, calm, .. } = Rules::of(profile);
        let swap = |from: String, to: &str, unless_asked| Swap { from, to: to.to_owned(), unless_asked };
        match profile.personality.formality.thousandths() {
            FORMAL.. => {
                for (full, short) in CONTRACTIONS {
                    swaps.push(swap(short.to_owned(), full, true));
                    swaps.push(swap(short.replace('\'', "’"), full, true));
                }
            }
            0..=INFORMAL => {
                let anywhere = CONTRACTIONS.iter().take(ANYWHERE);
                swaps.extend(anywhere.map(|(full, short)| swap((*full).to_owned(), short, false)));
            }
            _ => {}
        }
        // The longest first: a phrase before the words in it.
        swaps.sort_by_key(|swap| std::cmp::Reverse(swap.from.len()));
        Self { swaps, calm }
    }

    /// The text with these words, as often as something changes.
    pub(super) fn settled(&self, text: &str) -> String {
        at_rest(text, |text| self.once(text))
    }

    fn once(&self, text: &str) -> String {
        let text = Prose::of(text).swapped(&self.swaps);
        if !self.calm {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let marks: Vec<usize> = Prose::of(&text).signs(&['!']).collect();
        for (at, c) in text.char_indices() {
            let next = text.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next());
            // `!=` and `![` are no exclamations.
            match c {
                '!' if marks.binary_search(&at).is_ok() && !matches!(next, Some('=' | '[')) => {
                    if !out.ends_with(['.', '?', '!', '…']) {
                        out.push('.');
                    }
                }
                c => out.push(c),
            }
        }
        out
    }
}

/// Changes a text until it stays as it is; the text itself when it never does.
fn at_rest(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut now = text.to_owned();
    for _ in 0..ROUNDS {
        let next = change(&now);
        if next == now {
            return now;
        }
        now = next;
    }
    text.to_owned()
}

/// Leaves out the sentences that begin beyond the length and hold nothing that stays.
fn cut(text: &str, words: usize) -> String {
    let prose = Prose::of(text);
    let units = prose.units();
    let mut out = String::with_capacity(text.len());
    let (mut written, mut at, mut left_out) = (0, 0, false);
    for unit in units {
        let space = text.get(at..unit.start).unwrap_or_default();
        at = unit.end;
        if written >= words && !prose.is_kept(&unit) {
            left_out = true;
            // The next one begins its line all the same.
            let lines = space.matches('\n').count();
            let there = out.chars().rev().take(lines).take_while(|c| *c == '\n').count();
            out.extend(std::iter::repeat_n('\n', if out.is_empty() { 0 } else { lines.saturating_sub(there) }));
            continue;
        }
        written += prose.words_in(&unit);
        let doubled = out.ends_with('\n') && !space.contains('\n');
        out.push_str(if doubled { "" } else { space });
        out.push_str(text.get(unit).unwrap_or_default());
    }
    if left_out { out.trim_end().to_owned() } else { text.to_owned() }
}

/// Ends a long text with one of the phrases, when it has none and there is room.
fn signed(text: String, phrases: &[String], words: usize) -> String {
    let lower = text.to_lowercase();
    let prose = Prose::of(&text);
    let count = prose.words();
    let fits =
        |phrase: &&String| !phrase.is_empty() && !phrase.contains('\n') && count + Prose::of(phrase).words() <= words;
    let fitting: Vec<_> = phrases.iter().filter(fits).collect();
    let said = phrases.iter().any(|phrase| !phrase.is_empty() && lower.contains(&phrase.to_lowercase()));
    let last_line = text.lines().next_back().unwrap_or_default().trim();
    let is_prose = last_line.ends_with(['.', '!', '?'])
        && !last_line.starts_with(['#', '-', '*', '+', '•', '>', '|', '`', '~'])
        && !last_line.starts_with(char::is_numeric);
    if said || count < LONG_ENOUGH || !is_prose || text.ends_with(char::is_whitespace) {
        return text;
    }
    match fitting.get(count % fitting.len().max(1)) {
        Some(phrase) => {
            let stop = if phrase.ends_with(['.', '!', '?', '…']) { "" } else { "." };
            format!("{text} {phrase}{stop}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests;
