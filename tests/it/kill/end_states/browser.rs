//! The goal that submits a proposal: one click cannot be taken back, one row can be added again with its key.

use super::{End, Rule, rule};
use crate::kill::boundary::When::{After, Before};

/// Every boundary has exactly one of them.
pub(in crate::kill) const BROWSER: &[Rule] = &[
    Rule {
        known: 0,
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
