//! The persona's voice: which words it takes, which it leaves, always the same for the same task.

use actors::domain::{Persona, Profile, Tone};
use sha2::{Digest as _, Sha256};

use crate::models::style::Wording;

/// Chooses words for one text.
pub(super) struct Voice<'a> {
    pub name: &'a str,
    pub profile: &'a Profile,
    /// Friendly rather than plain.
    pub warm: bool,
    never: Vec<String>,
    wording: Wording,
    dice: u64,
}

impl<'a> Voice<'a> {
    /// The voice for this persona and prompt.
    pub(super) fn of(persona: &'a Persona, prompt: &str, words: u32) -> Self {
        let profile = &persona.profile;
        let mut hasher = Sha256::new();
        for part in [&persona.name, &profile.style_primer, prompt] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(words.to_le_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let dice = digest.iter().take(8).fold(0, |dice, byte| (dice << 8) | u64::from(*byte));
        let style = profile.style_primer.to_lowercase();
        let dont = profile.dont.iter().map(|text| text.to_lowercase());
        Self {
            name: &persona.name,
            profile,
            warm: is_warm(profile.response_style.tone)
                || ["friend", "warm", "kind", "casual"].iter().any(|word| style.contains(word)),
            never: dont.clone().flat_map(|text| quoted(&text)).collect(),
            wording: Wording::of(profile),
            dice,
        }
    }

    /// One of several ways to say it.
    pub(super) fn choose<'t>(&mut self, ways: &[&'t str]) -> &'t str {
        let most = ways.len().max(1) as u64;
        // The remainder is below the length of a slice.
        let index = usize::try_from(self.roll() % most).unwrap_or(0);
        ways.get(index).copied().unwrap_or_default()
    }

    /// The lines without those that hold a phrase the persona never uses.
    pub(super) fn keep(&self, lines: Vec<String>) -> Vec<String> {
        let said = |line: &str| self.never.iter().any(|phrase| line.to_lowercase().contains(phrase));
        let lines = lines.into_iter().filter(|line| !said(line));
        lines.map(|line| self.wording.settled(&line)).collect()
    }

    /// A phrase of its own, if it has one.
    pub(super) fn signature(&mut self) -> Option<String> {
        let phrases: Vec<&str> = self.profile.signature_phrases.iter().map(String::as_str).collect();
        (!phrases.is_empty()).then(|| self.choose(&phrases).trim().to_owned())
    }

    /// Small steps of a well-known mixer (splitmix64): no chance is wanted here, only variety.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

const fn is_warm(tone: Tone) -> bool {
    matches!(tone, Tone::Friendly | Tone::Casual | Tone::Supportive)
}

/// Every phrase in quotation marks.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split(['"', '“', '”']).skip(1).step_by(2);
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
