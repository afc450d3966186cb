//! Reads a text as prose: what in it is nobody's to change, its sentences, its words.

use std::ops::Range;

/// A text, and the parts of it that stay as they are.
pub(super) struct Prose<'a> {
    text: &'a str,
    /// Blocks between fences, in their order.
    fenced: Vec<Range<usize>>,
    /// Quoted text and code, addresses, what holds a digit; in their order.
    kept: Vec<Range<usize>>,
}

/// Words that stand for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swap {
    pub from: String,
    pub to: String,
    /// Not where a question is turned round: `Don't you`.
    pub unless_asked: bool,
}

/// After these, and a space, a contraction is half of a question.
const ASKED: [&str; 10] = ["i", "you", "he", "she", "it", "we", "they", "this", "that", "there"];
/// Beside one of these, letters are part of something longer than a word.
const JOINS: [char; 10] = ['_', '-', '.', '/', '@', '#', '$', '\\', '\'', '’'];

impl<'a> Prose<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut prose = Self { text, fenced: Vec::new(), kept: Vec::new() };
        let (mut at, mut fence) = (0, None);
        for line in text.split_inclusive('\n') {
            let (start, body) = (at, line.trim_end());
            at += line.len();
            let end = start + body.len();
            let mark = ["```", "~~~"].into_iter().find(|mark| body.trim_start().starts_with(mark));
            match (fence, mark) {
                (None, Some(mark)) => fence = Some((start, mark)),
                (Some((from, open)), Some(mark)) if mark == open => {
                    prose.fenced.push(from..end);
                    fence = None;
                }
                (Some(_), _) => {}
                (None, None) if body.trim_start().starts_with('>') => prose.kept.push(start..end),
                (None, None) => prose.keep_of_line(start, end),
            }
        }
        prose.fenced.extend(fence.map(|(from, _)| from..text.trim_end().len()));
        prose
    }

    fn keep_of_line(&mut self, start: usize, end: usize) {
        let mut scan = Scan::of(self.text.get(start..end).unwrap_or_default());
        let mut at = 0;
        let mut begins = true;
        while let Some(c) = scan.line.get(at..).and_then(|rest| rest.chars().next()) {
            let length = scan.quoted(at, c).or_else(|| scan.fixed(at).filter(|_| begins));
            if let Some(length) = length {
                self.kept.push(start + at..start + at + length);
            }
            at += length.unwrap_or(c.len_utf8());
            begins = length.is_some() || !c.is_alphanumeric();
        }
    }

    /// Whether any of it is to stay as it is.
    pub(super) fn is_kept(&self, range: &Range<usize>) -> bool {
        meeting(&self.kept, range) || meeting(&self.fenced, range)
    }

    /// Sentences, headings, entries of lists and fenced blocks, in their order, without white space around them.
    pub(super) fn units(&self) -> Vec<Range<usize>> {
        let mut units = Vec::new();
        let mut at = 0;
        for line in self.text.split_inclusive('\n') {
            let (start, body) = (at, line.trim_end());
            at += line.len();
            let range = start + body.len() - body.trim_start().len()..start + body.len();
            match self.fenced.get(behind(&self.fenced, start)).filter(|fence| fence.contains(&start)) {
                Some(fence) if fence.start == start => units.push(fence.clone()),
                Some(_) => {}
                None if range.is_empty() => {}
                None => self.sentences(range, &mut units),
            }
        }
        units
    }

    fn sentences(&self, line: Range<usize>, units: &mut Vec<Range<usize>>) {
        let text = self.text.get(line.clone()).unwrap_or_default();
        let mut start = line.start;
        let skipped = marker(text);
        // Signs that stand together have the same behind them: it is looked at once.
        let (mut run, mut after, mut next) = (0, "", "");
        for (at, _) in text.match_indices(['.', '!', '?', '…']).filter(|(at, _)| *at >= skipped) {
            let here = line.start + at;
            if at >= run {
                let rest = text.get(at..).unwrap_or_default();
                after = rest.trim_start_matches(['.', '!', '?', '…', ')', ']', '\'', '’']);
                (run, next) = (text.len() - after.len(), after.trim_start());
            }
            let ends = after.starts_with(char::is_whitespace) && !next.starts_with(char::is_lowercase);
            if here >= start && ends && !self.is_kept(&(here..here + 1)) {
                units.push(start..line.end - after.len());
                start = line.end - next.len();
            }
        }
        if start < line.end {
            units.push(start..line.end);
        }
    }

    /// How many words a part has; fenced ones do not count.
    pub(super) fn words_in(&self, range: &Range<usize>) -> usize {
        if meeting(&self.fenced, range) {
            return 0;
        }
        self.text.get(range.clone()).unwrap_or_default().split_whitespace().count()
    }

    /// The text of a part.
    pub(super) fn text_of(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// How many words it has; fenced ones do not count.
    pub(super) fn words(&self) -> usize {
        self.units().iter().map(|unit| self.words_in(unit)).sum()
    }

    /// Where a phrase stands as words of their own that may be changed.
    pub(super) fn finds(&self, phrase: &str) -> usize {
        self.text.char_indices().filter(|(at, _)| self.found(*at, phrase).is_some()).count()
    }

    /// The places of these characters, where they may be changed.
    pub(super) fn signs<'s>(&'s self, signs: &'s [char]) -> impl Iterator<Item = usize> + 's {
        self.text.match_indices(signs).map(|(at, _)| at).filter(|at| !self.is_kept(&(*at..at + 1)))
    }

    /// The letters right behind a sign, in lower case.
    pub(super) fn letters_behind(&self, at: usize) -> String {
        let behind = self.text.get(at..).unwrap_or_default().chars().skip(1);
        behind.take_while(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
    }

    /// The text with words swapped, a capital where one was. The first swap that fits is taken.
    pub(super) fn swapped(&self, swaps: &[Swap]) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut until = 0;
        for (at, c) in self.text.char_indices() {
            if at < until {
                continue;
            }
            let swap = swaps.iter().find_map(|swap| Some((swap, self.found(at, &swap.from)?)));
            let swap = swap.filter(|(swap, found)| !(swap.unless_asked && self.is_asked(found.end)));
            match swap {
                Some((swap, found)) => {
                    out.push_str(&cased(&swap.to, self.text.get(found.clone()).unwrap_or_default()));
                    until = found.end;
                }
                None => out.push(c),
            }
        }
        out
    }

    fn found(&self, at: usize, phrase: &str) -> Option<Range<usize>> {
        let range = at..at + phrase.len();
        let is_it = !phrase.is_empty() && self.text.get(range.clone())?.eq_ignore_ascii_case(phrase);
        let joined = |c: char| c.is_alphanumeric() || JOINS.contains(&c);
        if !is_it || self.text.get(..at)?.ends_with(joined) || self.is_kept(&range) {
            return None;
        }
        let mut after = self.text.get(range.end..)?.chars();
        let goes_on = match after.next() {
            Some(c) if c.is_alphanumeric() => true,
            Some(c) if JOINS.contains(&c) => after.next().is_some_and(char::is_alphanumeric),
            _ => false,
        };
        (!goes_on).then_some(range)
    }

    fn is_asked(&self, at: usize) -> bool {
        let rest = self.text.get(at..).unwrap_or_default();
        let next: String = rest.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
        ASKED.contains(&next.to_lowercase().as_str())
    }
}

/// One line while it is read: whatever was looked for ahead is remembered, so that each byte is looked at a few times at
/// most, however long the line.
struct Scan<'a> {
    line: &'a str,
    /// Where the word that was read last ends, …
    word_end: usize,
    /// … where what counts of it ends, and …
    token_end: usize,
    /// … where in it the last sign stands that makes it fixed.
    last_sign: Option<usize>,
    /// What closes no quotation any more.
    never: Vec<char>,
    /// Bytes that were read ahead.
    #[cfg(test)]
    read: usize,
}

impl<'a> Scan<'a> {
    const fn of(line: &'a str) -> Self {
        Self {
            line,
            word_end: 0,
            token_end: 0,
            last_sign: None,
            never: Vec::new(),
            #[cfg(test)]
            read: 0,
        }
    }

    /// How long the quotation is that opens here with this.
    fn quoted(&mut self, at: usize, open: char) -> Option<usize> {
        let close = closing(open).filter(|close| !self.never.contains(close))?;
        let inside = self.line.get(at + open.len_utf8()..)?;
        let found = inside.find(close);
        #[cfg(test)]
        {
            self.read += found.unwrap_or(inside.len());
        }
        if found.is_none() {
            self.never.push(close);
        }
        Some(open.len_utf8() + found? + close.len_utf8())
    }

    /// How long the rest of the word is, when that is an address or holds a digit.
    fn fixed(&mut self, at: usize) -> Option<usize> {
        if at >= self.word_end {
            self.read_word(at);
        }
        let rest = self.line.get(at..self.token_end)?;
        let is_fixed = self.last_sign.is_some_and(|sign| sign >= at) || rest.starts_with("www.");
        is_fixed.then_some(rest.len())
    }

    fn read_word(&mut self, at: usize) {
        let rest = self.line.get(at..).unwrap_or_default();
        let word = rest.split(|c: char| c.is_whitespace() || closing(c).is_some()).next().unwrap_or_default();
        let token = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        let sign = token.rfind(|c: char| c == '@' || c.is_numeric());
        let last = sign.max(token.rfind("://"));
        // A separator is passed like a word of its own.
        self.word_end = at + word.len().max(1);
        (self.token_end, self.last_sign) = (at + token.len(), last.map(|last| at + last));
        #[cfg(test)]
        {
            self.read += word.len();
        }
    }
}

/// The first of these that does not end before this place.
fn behind(ranges: &[Range<usize>], at: usize) -> usize {
    ranges.partition_point(|range| range.end <= at)
}

/// Whether one of these, which are in order and apart, shares a byte with it.
fn meeting(ranges: &[Range<usize>], range: &Range<usize>) -> bool {
    ranges.get(behind(ranges, range.start)).is_some_and(|first| first.start < range.end)
}

/// What closes a quotation that opens with this.
const fn closing(c: char) -> Option<char> {
    match c {
        '"' => Some('"'),
        '`' => Some('`'),
        '“' => Some('”'),
        '„' => Some('“'),
        '«' => Some('»'),
        _ => None,
    }
}

/// How long the sign of a heading or an entry of a list is.
fn marker(line: &str) -> usize {
    let sign = line.split_whitespace().next().unwrap_or_default();
    let numbered = sign.trim_end_matches(['.', ')']);
    let is_number = numbered.len() < sign.len() && !numbered.is_empty() && numbered.chars().all(char::is_numeric);
    let is_sign = matches!(sign, "-" | "*" | "+" | "•") || (!sign.is_empty() && sign.chars().all(|c| c == '#'));
    if is_number || is_sign { sign.len() } else { 0 }
}

/// `use` in the place of `Utilize`: `Use`.
fn cased(to: &str, found: &str) -> String {
    let letters = || found.chars().filter(|c| c.is_alphabetic());
    let mut chars = to.chars();
    match chars.next() {
        Some(_) if letters().count() > 1 && letters().all(char::is_uppercase) => to.to_uppercase(),
        Some(first) if letters().next().is_some_and(char::is_uppercase) => first.to_uppercase().chain(chars).collect(),
        _ => to.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_read_a_few_times_at_most() {
        for part in ["=", "!1 ", "“", "a@", "www", ". ", "..", "“\"", "\"a", "„“", "x„ "] {
            let line = part.repeat((1 << 20) / part.len());
            let mut scan = Scan::of(&line);
            for (at, c) in line.char_indices() {
                let _ = (scan.quoted(at, c), scan.fixed(at));
            }
            assert!(scan.read <= 4 * line.len(), "{part}: {} bytes were read ahead", scan.read);
        }
    }

    /// With a look at every byte behind or before for each one of them, these would not come to an end.
    #[test]
    fn a_megabyte_of_anything_is_read() {
        let sentences = |part: &str| {
            let text = part.repeat((1 << 20) / part.len());
            let prose = Prose::of(&text);
            (prose.kept.len(), prose.words(), prose.signs(&['!']).count())
        };
        let of = |part: &str| (1 << 20) / part.len();
        assert_eq!(sentences("="), (0, 1, 0));
        assert_eq!(sentences("!1 "), (of("!1 "), of("!1 "), 0));
        assert_eq!(sentences("!"), (0, 1, 1 << 20));
        assert_eq!(sentences("```\n"), (0, 0, 0));
        assert_eq!(sentences("“"), (0, 1, 0));
    }

    fn units(text: &str) -> Vec<&str> {
        Prose::of(text).units().into_iter().map(|unit| &text[unit]).collect()
    }

    #[test]
    fn sentences_headings_entries_and_fences_are_told_apart() {
        let text = "# The plan\n\nIt works. Does it, e.g. here? See https://a.example/x. Yes\n1. First. Then.\n- two\n\
                    ```\nlet a = 1. B\n```\n\n> Said. So.\nEnd";
        assert_eq!(
            units(text),
            [
                "# The plan",
                "It works.",
                "Does it, e.g. here?",
                "See https://a.example/x.",
                "Yes",
                "1. First.",
                "Then.",
                "- two",
                "```\nlet a = 1. B\n```",
                "> Said. So.",
                "End",
            ]
        );
        assert_eq!(Prose::of(text).words(), 21);
    }

    #[test]
    fn what_is_quoted_fenced_an_address_or_a_number_is_kept() {
        let text = "Say “it” or \"that\" or `code` at http://x.y/z, me@x.y, 3.5 kg.\n> all of it\n```\nall\n```\nfree";
        let prose = Prose::of(text);
        let kept: Vec<_> = prose.kept.iter().chain(&prose.fenced).map(|range| &text[range.clone()]).collect();
        assert_eq!(
            kept,
            ["“it”", "\"that\"", "`code`", "http://x.y/z", "me@x.y", "3.5", "> all of it", "```\nall\n```"]
        );
    }

    #[test]
    fn words_are_swapped_whole_with_their_capitals() {
        let swap = |from: &str, to: &str| Swap { from: from.into(), to: to.into(), unless_asked: false };
        let swaps = [swap("utilize", "use"), swap("do not", "don't")];
        let text = "Utilize it; UTILIZE it. We utilized \"utilize\" in utilize.rs and x/utilize. Do not.";
        assert_eq!(
            Prose::of(text).swapped(&swaps),
            "Use it; USE it. We utilized \"utilize\" in utilize.rs and x/utilize. Don't."
        );
    }
}
