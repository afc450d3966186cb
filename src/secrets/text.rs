//! A secret in memory: shown by its last four characters at most.

use std::fmt;

use zeroize::Zeroizing;

/// A secret in plain text. Gone from memory when dropped; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The last four characters; nothing of a text so short that they would tell most of it.
    pub fn last_four(&self) -> String {
        let length = self.0.chars().count();
        if length < 12 { String::new() } else { self.0.chars().skip(length - 4).collect() }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.last_four())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_the_last_four_characters_are_shown() {
        assert_eq!(format!("{:?}", SecretText::new("sk-abcdefgh1234".to_owned())), "…1234");
        assert_eq!(format!("{:?}", SecretText::new("hunter2".to_owned())), "…");
    }
}
