//! Logs: the persona's receipts, newest first.

use actors::domain::ReceiptKind;

use crate::web::pages::evidence::ReceiptRow;

/// The tab.
#[derive(Debug)]
pub struct Logs {
    pub rows: Vec<ReceiptRow>,
    /// Only this kind; none: all.
    pub kind: Option<ReceiptKind>,
    /// Where the receipts before these are.
    pub earlier: Option<String>,
}

impl Logs {
    /// Every kind there is to filter by.
    pub const fn kinds(&self) -> &'static [ReceiptKind] {
        ReceiptKind::ALL
    }

    /// For the filter: only this kind is shown.
    pub fn is_kind(&self, kind: &ReceiptKind) -> bool {
        self.kind == Some(*kind)
    }
}
