//! Names of elements in snapshots: `e12` means one node of one document of one tab, and nothing else ever.

use std::collections::HashMap;

/// The refs of the newest snapshot. Numbers are stable within a document and never used again.
#[derive(Debug, Default)]
pub(super) struct Refs {
    document: Document,
    nodes: HashMap<u32, i64>,
    numbers: HashMap<i64, u32>,
    last: u32,
}

/// What a ref is bound to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) tab: String,
    pub(super) loader: String,
}

impl Refs {
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
        let mut refs = Refs::default();
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
    fn refs_and_selectors_are_told_apart() {
        assert_eq!(ref_number(" ref=e12 "), Some(Ok(12)));
        assert_eq!(ref_number("#e12"), None);
        assert!(matches!(ref_number("ref=12"), Some(Err(_))));
    }
}
