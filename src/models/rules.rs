//! The rules of a profile that can be taken literally: words instead of others, words that are not said.

use actors::domain::Profile;

use super::prose::{Prose, Swap};

/// What a profile's `do` and `don't` say about single words.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Words that stand for others.
    pub swaps: Vec<Swap>,
    /// Phrases that are not said.
    pub never: Vec<String>,
    /// No exclamation marks.
    pub calm: bool,
}

/// Between two quoted phrases: the first is said, the second is not.
const FIRST_IS_SAID: [&str; 4] = ["instead of", "rather than", "not", "over"];
/// Between two quoted phrases: the second is said, the first is not.
const SECOND_IS_SAID: [&str; 7] = ["->", "→", "becomes", "but", "say", "use", "write"];

impl Rules {
    pub(super) fn of(profile: &Profile) -> Self {
        let mut rules = Self::default();
        for rule in profile.do_.iter().chain(&profile.dont) {
            rules.swaps.extend(swap(rule));
        }
        for rule in &profile.dont {
            let said = swap(rule).map(|swap| swap.to);
            rules
                .never
                .extend(quoted(rule).into_iter().map(str::to_owned).filter(|phrase| Some(phrase) != said.as_ref()));
            rules.calm |= rule.to_lowercase().contains("exclamation");
        }
        rules.never.extend(rules.swaps.iter().map(|swap| swap.from.clone()));
        rules.never.sort();
        rules.never.dedup();
        rules
    }

    /// The phrases and signs that are not said and stand in the text all the same, each once.
    pub(super) fn broken<'a>(&'a self, prose: &Prose<'_>) -> Vec<&'a str> {
        let mut broken: Vec<_> =
            self.never.iter().map(String::as_str).filter(|phrase| prose.finds(phrase) > 0).collect();
        broken.extend((self.calm && prose.signs(&['!']).next().is_some()).then_some("!"));
        broken
    }
}

/// Every phrase in quotation marks.
fn quoted(rule: &str) -> Vec<&str> {
    let parts = rule.split(['"', '“', '”']).skip(1).step_by(2);
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// `"use" instead of "utilize"`, `"utilize" -> "use"`: nothing else is a swap.
fn swap(rule: &str) -> Option<Swap> {
    let parts: Vec<&str> = rule.split(['"', '“', '”']).collect();
    let [_, first, between, second, _] = parts.as_slice() else { return None };
    let between =
        between.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '.')).to_lowercase();
    let (from, to) = match between.as_str() {
        link if FIRST_IS_SAID.contains(&link) => (second, first),
        link if SECOND_IS_SAID.contains(&link) => (first, second),
        _ => return None,
    };
    // What would be kept as it is, or begin something else, is no word.
    let odd = |c: char| c.is_numeric() || matches!(c, '`' | '«' | '»' | '„' | '>' | '#' | '@' | '/' | '~' | '\n');
    let plain = |text: &str| text.chars().any(char::is_alphabetic) && !text.contains(odd);
    let (from, to) = (from.trim().to_owned(), to.trim().to_owned());
    (plain(&from) && plain(&to)).then_some(Swap { from, to, unless_asked: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_rules_are_read_and_others_left_to_the_model() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let profile = Profile {
            do_: texts(&["Say “use” instead of \"utilize\"", "Be kind", "\"gonna\" -> \"going to\""]),
            dont: texts(&["Never say \"synergy\"", "No exclamation marks", "\"leverage\"; say \"use\"", "Boast"]),
            ..Profile::default()
        };
        let rules = Rules::of(&profile);
        let swaps: Vec<_> = rules.swaps.iter().map(|swap| (swap.from.as_str(), swap.to.as_str())).collect();
        assert_eq!(swaps, [("utilize", "use"), ("gonna", "going to"), ("leverage", "use")]);
        assert_eq!(rules.never, ["gonna", "leverage", "synergy", "utilize"]);
        assert!(rules.calm);
        assert_eq!(rules.broken(&Prose::of("Synergy! We use \"leverage\".")), ["synergy", "!"]);
    }
}
