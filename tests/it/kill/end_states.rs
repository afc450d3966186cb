//! What must come of the goal when the server is killed at a boundary and started again: written down, with the reason.

use super::boundary::{Boundary, Places, When::After, When::Before};

/// Where the goal comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Done,
    /// Carried out, but not all of its proof was seen.
    Unconfirmed,
    /// Parked: a person must say whether the submission happened.
    AwaitsPerson,
}

impl End {
    /// State and what it is parked on.
    pub(super) const fn as_shown(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Done => ("done", None),
            Self::Unconfirmed => ("unconfirmed", None),
            Self::AwaitsPerson => ("parked", Some("reconcile")),
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
    /// The goal is on record when the server dies.
    pub(super) is_known: bool,
}

const fn rule(why: &'static str, fits: fn(&Boundary, Places) -> bool, end: End, submissions: usize) -> Rule {
    Rule { why, fits, end, submissions, is_known: true }
}

/// Every boundary has exactly one of them.
pub(super) const RULES: [Rule; 14] = [
    Rule {
        is_known: false,
        ..rule(
            "nothing is on record and nobody was answered: who asks again with the same key gets it done",
            |b, _| b.when == Before && b.kind == "log" && b.state == "pending",
            End::Done,
            1,
        )
    },
    rule(
        "it is on record though nobody was answered: the start finds it, asking again brings the same goal",
        |b, _| b.when == After && b.kind == "log" && b.state == "pending",
        End::Done,
        1,
    ),
    rule(
        "before its run or right behind its beginning: the run begins, or goes on",
        |b, _| b.kind == "log" && b.state == "running",
        End::Done,
        1,
    ),
    rule(
        "only looked and filled so far: done again since the last goto, the login comes back with the cookies",
        |b, p| b.phase == "outcome" && b.step.is_some_and(|step| step < p.submit),
        End::Done,
        1,
    ),
    rule("the submission was not even meant on record", |b, p| b.is(Before, "intent", p.submit), End::Done, 1),
    rule(
        "meant, never begun, and nobody can know: the read-back finds nothing, which proves nothing",
        |b, p| b.is(After, "intent", p.submit),
        End::AwaitsPerson,
        0,
    ),
    rule(
        "it happened and nobody wrote it down: the read-back finds it, but the page behind it was never seen",
        |b, p| b.is(Before, "outcome", p.submit),
        End::Unconfirmed,
        1,
    ),
    rule(
        "it happened and is on record with title and picture: those answer what stands behind it",
        |b, p| b.is(After, "outcome", p.submit),
        End::Done,
        1,
    ),
    rule(
        "behind the submission, on the page it left: answered by the record",
        |b, p| b.step.is_some_and(|step| step > p.submit && step < p.row),
        End::Done,
        1,
    ),
    rule("the row was not even meant", |b, p| b.is(Before, "intent", p.row), End::Done, 1),
    rule(
        "the row may or may not be there: its key makes a second try harmless",
        |b, p| b.is(After, "intent", p.row) || b.is(Before, "outcome", p.row),
        End::Done,
        1,
    ),
    rule("the row is on record", |b, p| b.is(After, "outcome", p.row), End::Done, 1),
    rule("read back once more", |b, p| b.step.is_some_and(|step| step >= p.steps), End::Done, 1),
    rule(
        "all is done: it is judged, or was",
        |b, _| b.kind == "decision" && b.state == "done" && b.step.is_none(),
        End::Done,
        1,
    ),
];

/// The one rule of every boundary, by its place in the table.
pub(super) fn assigned(boundaries: &[Boundary], places: Places) -> Vec<usize> {
    let rule = |boundary: &Boundary| {
        let fitting: Vec<_> = (0..RULES.len()).filter(|at| (RULES[*at].fits)(boundary, places)).collect();
        assert_eq!(fitting.len(), 1, "{} must have one end state, it has those of rules {fitting:?}", boundary.name);
        fitting[0]
    };
    boundaries.iter().map(rule).collect()
}

/// Every end state that is written down was asked for.
pub(super) fn are_all_used(assigned: &[usize]) {
    let unused: Vec<_> = (0..RULES.len()).filter(|at| !assigned.contains(at)).map(|at| RULES[at].why).collect();
    assert!(unused.is_empty(), "no boundary has the end state of {unused:?}");
}
