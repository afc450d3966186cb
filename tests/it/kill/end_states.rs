//! What must come of goals when the server is killed at a boundary and started again: written down, with the reason.

mod browser;
mod files;
mod in_turn;
mod proposed;

use super::boundary::{Boundary, Places};

pub(super) use self::{
    browser::BROWSER,
    files::{CHOSEN, FILES, TEXTS},
    in_turn::{FAILS, RELEASED},
    proposed::PROPOSED,
};

/// Where the goal comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// Carried out, but not all of its proof was seen.
    Unconfirmed,
    /// Parked: a person must say whether the submission happened.
    AwaitsPerson,
    Failed,
}

impl End {
    /// State and what it is parked on.
    pub(super) const fn as_shown(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Done => ("done", None),
            Self::Unconfirmed => ("unconfirmed", None),
            Self::AwaitsPerson => ("parked", Some("reconcile")),
            Self::Failed => ("failed", None),
        }
    }
}

/// The end state of the boundaries it fits.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) why: &'static str,
    fits: fn(&Boundary, Places) -> bool,
    pub(super) end: End,
    /// What the site holds at the end.
    pub(super) submissions: usize,
    /// Goals that are on record when the server dies.
    pub(super) known: usize,
}

const fn rule(why: &'static str, fits: fn(&Boundary, Places) -> bool, end: End, submissions: usize) -> Rule {
    Rule { why, fits, end, submissions, known: 1 }
}

/// The one rule of every boundary, by its place in the table.
pub(super) fn assigned(rules: &[Rule], boundaries: &[Boundary], places: Places) -> Vec<usize> {
    let rule = |boundary: &Boundary| {
        let fitting: Vec<_> = (0..rules.len()).filter(|at| (rules[*at].fits)(boundary, places)).collect();
        assert_eq!(fitting.len(), 1, "{} must have one end state, it has those of rules {fitting:?}", boundary.name);
        fitting[0]
    };
    boundaries.iter().map(rule).collect()
}

/// Every end state that is written down was asked for.
pub(super) fn are_all_used(rules: &[Rule], assigned: &[usize]) {
    let unused: Vec<_> = (0..rules.len()).filter(|at| !assigned.contains(at)).map(|at| rules[at].why).collect();
    assert!(unused.is_empty(), "no boundary has the end state of {unused:?}");
}

/// Where work comes to rest that nobody disturbs: where a crash before anything is on record brings it, too.
pub(super) fn undisturbed(rules: &[Rule]) -> End {
    rules.iter().find(|rule| rule.known == 0).map(|rule| rule.end).unwrap()
}
