//! What pages, lists and the command line read: methods of [`super::Db`], one file per noun. Nothing here writes.

mod alerts;
mod approvals;
mod artifacts;
mod budgets;
mod goals;
mod mcp;
mod messages;
mod numbers;
mod personas;
mod quotas;
pub(super) mod receipts;
mod rooms;
mod runs;
mod standing_waits;
mod tryouts;

pub use approvals::ApprovalFilter;
pub use goals::GoalFilter;
pub use numbers::{PersonaNumbers, QueueDepths, Today};
pub use receipts::ReceiptFilter;
pub use runs::RunFilter;

/// No list brings more at once.
const MOST: u32 = 1000;

/// A list's length as asked for, within bounds.
pub(super) fn at_most(limit: u32) -> i64 {
    limit.min(MOST).into()
}
