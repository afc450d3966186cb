//! Finds tools by words: what stands in their names, keywords and descriptions, and what is spelled alike.
//!
//! Two scores are added. The words are counted as search engines do (BM25, names and keywords weighing more). The vector
//! is no model's: each word and its runs of three letters are hashed into a fixed number of places, so that `invoices`
//! and `invoicing` lie near `invoice`. It knows spellings, not meanings: that `bill` means `invoice` a keyword must say.

use std::collections::HashMap;

const PLACES: usize = 256;
/// Of the whole score, what the words bring; spelling brings the rest.
const WORDS: f32 = 0.65;
/// Below this nothing is alike,
const LEAST: f32 = 0.035;
/// nor below this share of what fits best.
const LEAST_OF_BEST: f32 = 0.25;
const K: f32 = 1.2;
const B: f32 = 0.75;
const MOST_WORDS: usize = 64;

/// What is known of one tool.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub keywords: &'a [String],
}

/// Every tool of somebody, ready to be searched.
#[derive(Debug, Default)]
pub struct Index {
    /// By word: which tools have it, and how much of it counts.
    words: HashMap<String, Vec<(u32, f32)>>,
    /// One after another, [`PLACES`] each, of length one.
    vectors: Vec<f32>,
    tools: usize,
}

impl Index {
    /// Of these tools, in their order.
    pub fn new<'a>(tools: impl IntoIterator<Item = About<'a>>) -> Self {
        let mut counted: Vec<HashMap<String, f32>> = Vec::new();
        let mut vectors = Vec::new();
        for about in tools {
            let mut words: HashMap<String, f32> = HashMap::new();
            let keywords = about.keywords.join(" ");
            for (text, weight) in [(about.name, 3.0), (keywords.as_str(), 2.0), (about.description, 1.0)] {
                for word in words_of(text) {
                    *words.entry(word).or_default() += weight;
                }
            }
            vectors.extend(vector(words.iter().map(|(word, weight)| (word.as_str(), *weight))));
            counted.push(words);
        }
        let lengths: Vec<f32> = counted.iter().map(|words| words.values().sum()).collect();
        let mean = (lengths.iter().sum::<f32>() / (counted.len().max(1) as f32)).max(1.0);
        let mut index: HashMap<String, Vec<(u32, f32)>> = HashMap::new();
        for (at, words) in (0_u32..).zip(counted) {
            let length = lengths.get(at as usize).copied().unwrap_or(mean);
            for (word, count) in words {
                let damped = count * (K + 1.0) / (count + K * (1.0 - B + B * length / mean));
                index.entry(word).or_default().push((at, damped));
            }
        }
        Self { words: index, vectors, tools: lengths.len() }
    }

    /// The places of what fits best, at most so many, best first.
    pub fn search(&self, query: &str, most: usize) -> Vec<usize> {
        let words: Vec<String> = words_of(query).into_iter().take(MOST_WORDS).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let mut scores = vec![0.0_f32; self.tools];
        for word in &words {
            let Some(having) = self.words.get(word) else { continue };
            let (all, some) = (self.tools as f32, having.len() as f32);
            let rare = (1.0 + (all - some + 0.5) / (some + 0.5)).ln();
            for (at, counts) in having {
                if let Some(score) = scores.get_mut(*at as usize) {
                    *score += rare * counts;
                }
            }
        }
        let best = scores.iter().copied().fold(0.0_f32, f32::max).max(f32::MIN_POSITIVE);
        let wanted = vector(words.iter().map(|word| (word.as_str(), 1.0)));
        for (score, own) in scores.iter_mut().zip(self.vectors.chunks_exact(PLACES)) {
            let alike: f32 = own.iter().zip(&wanted).map(|(a, b)| a * b).sum();
            *score = WORDS * (*score / best) + (1.0 - WORDS) * alike.max(0.0);
        }
        let least = (scores.iter().copied().fold(0.0_f32, f32::max) * LEAST_OF_BEST).max(LEAST);
        let mut found: Vec<usize> = (0..self.tools).filter(|at| scores[*at] >= least).collect();
        found.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        found.truncate(most);
        found
    }
}

/// Words in lower case without their plural `s`.
fn words_of(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let plain = |part: &str| {
        let word = part.to_lowercase();
        match word.strip_suffix('s') {
            Some(one) if one.len() > 2 && !one.ends_with('s') => one.to_owned(),
            _ => word,
        }
    };
    parts.map(plain).collect()
}

/// Of length one, or nothing at all.
fn vector<'a>(words: impl Iterator<Item = (&'a str, f32)>) -> Vec<f32> {
    let mut places = vec![0.0_f32; PLACES];
    let mut put = |bytes: &[u8], weight: f32| {
        let hash = hash(bytes);
        let at = usize::try_from(hash % (PLACES as u64)).unwrap_or_default();
        if let Some(place) = places.get_mut(at) {
            *place += if hash & (1 << 40) == 0 { weight } else { -weight };
        }
    };
    for (word, weight) in words {
        let weight = weight.sqrt();
        put(word.as_bytes(), weight);
        let letters: Vec<char> = std::iter::once('^').chain(word.chars()).chain(['$']).collect();
        for three in letters.windows(3) {
            put(three.iter().collect::<String>().as_bytes(), weight * 0.5);
        }
    }
    let length = places.iter().map(|place| place * place).sum::<f32>().sqrt();
    if length > 0.0 {
        places.iter_mut().for_each(|place| *place /= length);
    }
    places
}

/// FNV-1a: the same on every machine.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mixed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix);
    // Its low bits alone are poorly mixed.
    mixed ^ (mixed >> 29)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index(tools: &[(&str, &str, &[String])]) -> Index {
        Index::new(tools.iter().map(|(name, description, keywords)| About { name, description, keywords }))
    }

    #[test]
    fn names_and_keywords_weigh_more_and_spellings_are_forgiven() {
        let bill = ["bill".to_owned(), "payment".to_owned()];
        let tools = index(&[
            ("word_count", "Counts the words of an invoice or any text.", &[]),
            ("invoice", "Writes one for a customer.", &bill),
            ("weather", "Says how warm it will be.", &[]),
        ]);
        assert_eq!(tools.search("write an invoice", 3)[0], 1);
        assert_eq!(tools.search("send the bills", 3)[0], 1);
        assert_eq!(tools.search("invoicing", 3)[0], 1, "spelled alike");
        assert_eq!(tools.search("how many words", 3)[0], 0);
        assert!(tools.search("", 3).is_empty() && tools.search("  ,;", 3).is_empty());
        assert_eq!(tools.search("customer", 1).len(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_same_comes_back_and_never_more(query in ".{0,200}", most in 0_usize..5) {
            let tools = index(&[("a_tool", "Does things.", &[]), ("b_tool", "Does others.", &[])]);
            let found = tools.search(&query, most);
            prop_assert!(found.len() <= most && found.iter().all(|at| *at < 2));
            prop_assert_eq!(found, tools.search(&query, most));
        }
    }
}
