//! Names of elements in snapshots: `e12` means one node of one document of one tab, and nothing else ever.

use std::collections::HashMap;

/// Numbers are taken from the profile in lots of so many.
const LOT: u32 = 1_000;

/// The refs of the newest snapshot. Numbers are stable within a document and never used again, by no later browser of
/// the same profile either: a model may still name what it saw before a crash.
#[derive(Debug)]
pub(super) struct Refs {
    document: Document,
    nodes: HashMap<u32, i64>,
    numbers: HashMap<i64, u32>,
    last: u32,
    /// The profile knows that numbers up to this one are taken.
    taken: u32,
}

/// What a ref is bound to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) tab: String,
    pub(super) loader: String,
}

impl Refs {
    /// `taken`: earlier browsers of the profile may have used the numbers up to this one.
    pub(super) fn behind(taken: u32) -> Self {
        let (document, nodes, numbers) = (Document::default(), HashMap::new(), HashMap::new());
        Self { document, nodes, numbers, last: taken, taken }
    }

    /// Up to where the profile must know that numbers are taken before anyone sees those of this snapshot; none: it does.
    pub(super) fn to_take(&self) -> Option<u32> {
        (self.last > self.taken).then(|| self.last.div_ceil(LOT).saturating_mul(LOT))
    }

    /// The profile knows it.
    pub(super) fn take(&mut self, upto: u32) {
        self.taken = upto;
    }

    /// A snapshot of this document begins: in another document every old ref is stale.
    pub(super) fn begin(&mut self, document: Document) {
        if self.document != document {
            self.numbers.clear();
            self.document = document;
        }
        self.nodes.clear();
    }

    /// The number of a node, the same as in the snapshot before.
    pub(super) fn number(&mut self, node: i64) -> u32 {
        let last = &mut self.last;
        let number = *self.numbers.entry(node).or_insert_with(|| {
            *last += 1;
            *last
        });
        self.nodes.insert(number, node);
        number
    }

    /// The node behind a ref, if the newest snapshot shows it and its document is still there.
    pub(super) fn node(&self, number: u32, now: &Document) -> Option<i64> {
        if self.document == *now { self.nodes.get(&number).copied() } else { None }
    }

    /// How many elements the newest snapshot names.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// The number in `ref=e12`; none: it is a CSS selector.
pub(super) fn ref_number(selector: &str) -> Option<Result<u32, String>> {
    let name = selector.trim().strip_prefix("ref=")?;
    let number = name.strip_prefix('e').and_then(|digits| digits.parse().ok());
    Some(number.ok_or_else(|| format!("`{selector}` is not a ref; refs look like `ref=e12`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(loader: &str) -> Document {
        Document { tab: "t".into(), loader: loader.into() }
    }

    #[test]
    fn a_number_is_stable_in_a_document_and_never_comes_back_in_another() {
        let mut refs = Refs::behind(0);
        refs.begin(document("a"));
        assert_eq!((refs.number(70), refs.number(71)), (1, 2));
        refs.begin(document("a"));
        assert_eq!((refs.number(71), refs.number(72)), (2, 3));
        assert_eq!(refs.node(2, &document("a")), Some(71));
        assert_eq!(refs.node(1, &document("a")), None, "no longer shown");
        assert_eq!(refs.node(2, &document("b")), None, "the page is another one");
        refs.begin(document("b"));
        assert_eq!(refs.number(71), 4, "the same node number in another document is another node");
        assert_eq!(refs.node(2, &document("b")), None);
    }

    #[test]
    fn numbers_are_taken_from_the_profile_in_lots() {
        let mut refs = Refs::behind(2_000);
        assert_eq!(refs.to_take(), None);
        assert_eq!((refs.number(1), refs.to_take()), (2_001, Some(3_000)));
        refs.take(3_000);
        (2..=1_000).for_each(|node| assert_eq!((refs.number(node) > 2_001, refs.to_take()), (true, None)));
        assert_eq!((refs.number(2_000), refs.to_take()), (3_001, Some(4_000)));
    }

    #[test]
    fn refs_and_selectors_are_told_apart() {
        assert_eq!(ref_number(" ref=e12 "), Some(Ok(12)));
        assert_eq!(ref_number("#e12"), None);
        assert!(matches!(ref_number("ref=12"), Some(Err(_))));
    }
}
