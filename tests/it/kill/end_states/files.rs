//! Goals that only leave files: whatever they do can be done again with its key, so they are done in the end.

use super::{End, Rule, rule};
use crate::kill::boundary::{
    Boundary, Places,
    When::{After, Before},
};

/// A plan of files: rows, captions.
pub(in crate::kill) const FILES: &[Rule] = &[UNHEARD, UNANSWERED, BEGINS, NOT_MEANT, PERHAPS, WRITTEN, JUDGED];

/// A text is made, by a model or from the record, and kept as a file.
pub(in crate::kill) const TEXTS: &[Rule] =
    &[UNHEARD, UNANSWERED, BEGINS, TEXT_LOST, TEXT_KEPT, NOT_MEANT, PERHAPS, WRITTEN, JUDGED];

/// Files that a model has written: each time it is asked, what that may take is reserved first.
pub(in crate::kill) const CHOSEN: &[Rule] =
    &[UNHEARD, UNANSWERED, BEGINS, ASKED, TEXT_LOST, TEXT_KEPT, NOT_MEANT, PERHAPS, WRITTEN, JUDGED];

pub(super) const ASKED: Rule =
    done("a question changes nothing outside: it is asked again, and the lost one counts at its worst", |b, _| {
        b.kind == "llm" && b.phase == "intent"
    });

pub(super) const UNHEARD: Rule = Rule {
    known: 0,
    ..done("nothing is on record and nobody was answered: who asks again with the same key gets it done", |b, _| {
        b.is_arrival(Before, "pending")
    })
};

pub(super) const UNANSWERED: Rule = done(
    "it is on record though nobody was answered: the start finds it, asking again brings the same goal",
    |b, _| b.is_arrival(After, "pending"),
);

pub(super) const BEGINS: Rule =
    done("before its run or right behind its beginning: the run begins, or goes on", |b, _| {
        b.kind == "log" && b.state == "running"
    });

pub(super) const TEXT_LOST: Rule =
    done("a text that is not on record was never used: it is made anew", |b, _| b.when == Before && is_text(b));

pub(super) const TEXT_KEPT: Rule =
    done("a text that is on record is not asked for again", |b, _| b.when == After && is_text(b));

pub(super) const NOT_MEANT: Rule =
    done("the file was not even meant", |b, _| b.when == Before && b.kind == "file" && b.phase == "intent");

pub(super) const PERHAPS: Rule =
    done("the file may or may not be as it should: its key makes a second try harmless", |b, _| {
        b.kind == "file" && ((b.when == After && b.phase == "intent") || (b.when == Before && b.phase == "outcome"))
    });

pub(super) const WRITTEN: Rule =
    done("the file is on record", |b, _| b.when == After && b.kind == "file" && b.phase == "outcome");

const JUDGED: Rule = done("all is done: it is judged, or was", |b, _| b.decides("done"));

const fn done(why: &'static str, fits: fn(&Boundary, Places) -> bool) -> Rule {
    rule(why, fits, End::Done, 0)
}

fn is_text(boundary: &Boundary) -> bool {
    matches!(boundary.kind.as_str(), "llm" | "execution") && boundary.phase == "outcome"
}
