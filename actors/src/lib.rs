//! The company: personas as actors, a scheduler that gives them time, runs that do the work,
//! and an evidence actor that keeps the receipts. No database, browser or HTTP in here.
//!
//! # The way of a goal
//!
//! ```text
//! Company::deliver ── one commit: message, goal, receipt ──► evidence ──► journal
//!                                                              │ after COMMIT
//!    supervisor ◄── doorbell: one ring, however many messages ─┘
//!        │ wakes, or pokes (at most one poke is outstanding)
//!        ▼
//!     persona ── looks into its inbox, picks one message ──► run, a task of its own
//!                                                              │ asks the scheduler for a slice
//!                                                              ▼
//!                              each step through the broker ──► performer (the world)
//!                                                              │
//!                                                              ▼ receipts, last commit, slice dropped
//! ```
//!
//! Mailboxes carry no content. What counts is a row in the journal; an actor that dies forgets nothing that matters.
//!
//! # Who watches whom
//!
//! ```text
//! supervisor ─┬─ evidence    the only writer of the journal; drained, never killed
//!             ├─ scheduler   slices, fair turns, the pace of acts
//!             └─ persona …   only those that have something to do are in memory
//!                  └─ run    a task: caught when it panics, aborted when its persona goes
//! ```
//!
//! | who fails | what then |
//! |---|---|
//! | run | its goal's attempt failed; the slice is free; the persona lives on |
//! | persona | back after a pause; too often within a window: paused, with an alert and a receipt |
//! | scheduler, evidence, supervisor | [`supervisor::Company::fallen`] says why, and the process must end |
//!
//! # What holds, and where
//!
//! - Never more slices than the cap, never two of one persona: [`scheduler`], by values that free their slot when
//!   dropped. Never two runs of one persona, not even after a fall: the lock in [`persona`].
//! - A poke is never lost while a persona retires: `supervisor/roster.rs`, a pure state machine.
//! - Nothing vanishes: every message ends in one state with a receipt; what is not started in time expires, however
//!   much lies before it (`persona/looking.rs`), also while its persona is paused (`supervisor/sweeping.rs`).
//! - A goal that waits for others costs nothing and is released, or failed, once: `supervisor/dependencies.rs` decides
//!   right after the commit that ended the last of them, and at start looks for what a crash left undecided.
//! - In a room at most so many answer a message, each once; who loses the floor is followed by the next: the policy is
//!   `supervisor/rooms/floor.rs`, the way of a message stands in `supervisor/rooms.rs`.
//! - Bursts become one before they are begun (`persona/coalesce.rs`); what is more than may wait is dropped from the
//!   lower end of an index (`supervisor/overflow.rs`); both leave every message in one state with a receipt.
//! - Mood holds back optional work only, with one timer while some waits: `domain/inner_life/optional.rs`.
//! - A persona that stands in wait for another is told each match once, never in a circle: `supervisor/lookout.rs`.
//! - No day passes a quota's ceiling: its place is taken in guarded commits (`run/quota.rs`), the last one that of the
//!   intent; what finds no place waits for the next day. Days are those of the persona's own zone (`domain/hours.rs`).
//! - No budget is passed: a call's worst case is reserved in the commit of its intent, below every limit or not at all,
//!   and settled in that of its outcome (`ledger.rs`, `run/broker.rs`); what finds no room waits until the period ends.
//! - A planned day is planned once: `scheduler/planner.rs` says what is missing, `supervisor/planner.rs` gives it, each
//!   goal under a key that is taken once.
//! - A message that brings its run or its persona down twice is set aside until a person decides: `supervisor/falls.rs`.
//! - Each due time of a calendar starts one goal, each day with work brings one digest: `supervisor/calendar.rs`.
//! - While the machine is hot fewer slots are open and optional work waits: `supervisor/load.rs` follows it.
//! - An idle persona does nothing until its next due time; an asleep one is a line of some hundred bytes.
//! - Everything is durable before it is visible, and a caller that goes away leaves nothing half done:
//!   commands and writes are tasks of their own.
//!
//! Policies are plain types without clock or task (`scheduler/{turns,rates,planner}.rs`,
//! `ledger.rs`, `supervisor/{roster,restarts,effects}.rs`, `supervisor/rooms/floor.rs`, `persona/{inbox,coalesce}.rs`,
//! `domain/{arrival,priority,inner_life}.rs`); read them first, then the actors around them. `simulation.rs` lives
//! through whole days under the scheduler's.

pub mod domain;
pub mod evidence;
pub mod ledger;
pub mod persona;
pub mod ports;
pub mod run;
pub mod scheduler;
pub mod simulation;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
