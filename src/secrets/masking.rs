//! Takes a secret's value out of a text.

/// The text with the value replaced by its name.
pub(super) fn mask(text: &mut String, value: &str, name: &str) {
    if !text.contains(value) {
        return;
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = 0;
    for at in found(text, value) {
        masked.push_str(&text[rest..at]);
        masked.push_str(name);
        rest = at + value.len();
    }
    masked.push_str(&text[rest..]);
    *text = masked;
}

/// Where the value stands, in bytes. In the host of an address it may stay: that is what the whole world sees, and an
/// address without it would lead elsewhere.
pub(super) fn found(text: &str, value: &str) -> impl Iterator<Item = usize> {
    let all = text.match_indices(value).map(|(at, _)| at);
    all.filter(move |at| !value.is_empty() && !is_in_host(text, *at, at + value.len()))
}

/// Whether this stretch lies between `://` and what ends a host.
fn is_in_host(text: &str, from: usize, to: usize) -> bool {
    let ends = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\\') || c.is_whitespace();
    let Some(front) = text[..from].rfind("://").map(|at| at + 3) else { return false };
    let end = text[to..].find(ends).map_or(text.len(), |at| to + at);
    // In front of an `@` stands who signs in.
    !text[front..to].contains(ends) && !text[from..end].contains('@')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(text: &str, value: &str) -> String {
        let mut text = text.to_owned();
        mask(&mut text, value, "[key]");
        text
    }

    #[test]
    fn a_host_keeps_its_name_and_nothing_else_keeps_a_secret() {
        assert_eq!(
            masked("http://rehearsal.localhost/?p=rehearsal", "rehearsal"),
            "http://rehearsal.localhost/?p=[key]"
        );
        assert_eq!(masked("http://ada:hush@x.test/hush", "hush"), "http://ada:[key]@x.test/[key]");
        assert_eq!(masked("hush http://x.test hush", "hush"), "[key] http://x.test [key]");
        assert_eq!(masked("see http://hush.test, hush", "hush"), "see http://hush.test, [key]");
        assert_eq!(masked("aaaa", "aa"), "[key][key]");
    }

    proptest! {
        #[test]
        fn outside_of_addresses_nothing_is_left(front in "[a-z ]{0,20}", back in "[a-z ]{0,20}") {
            let text = format!("{front}S3CRET{back}");
            prop_assert!(!masked(&text, "S3CRET").contains("S3CRET"));
        }
    }
}
