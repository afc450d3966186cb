//! A model that sends a proposal in a browser: it signs in with one click and sends with another, and neither can be taken
//! back. Whatever it was told stays told, whatever it saw it sees again.

use super::{
    End, Rule,
    files::{ASKED, BEGINS, UNANSWERED, UNHEARD},
    rule,
};
use crate::kill::boundary::{
    Boundary, Places,
    When::{self, After, Before},
};

/// Every boundary has exactly one of them.
pub(in crate::kill) const PROPOSED: &[Rule] = &[
    sent(UNHEARD),
    sent(UNANSWERED),
    sent(BEGINS),
    sent(ASKED),
    done("what the model answered is not on record and was never used: it is asked anew", |b, _| is_thought(b, Before)),
    done("what the model answered is on record and is not asked for again", |b, _| is_thought(b, After)),
    done("only looked and filled so far: the page is built up again when a step needs it", |b, p| {
        is_look(b) && b.step.is_some_and(|step| step < p.submit)
    }),
    done("a click was not even meant on record", |b, p| {
        b.is(Before, "intent", p.submit) || is_sign_in(b, p, Before, "intent")
    }),
    asks("meant, never begun, and nobody can know: the list is empty, which proves nothing", 0, |b, p| {
        b.is(After, "intent", p.submit)
    }),
    asks("signed in, or not: the list of proposals says nothing about that", 0, |b, p| {
        is_sign_in(b, p, After, "intent") || is_sign_in(b, p, Before, "outcome")
    }),
    done("the click is on record with its address, title and picture", |b, p| {
        b.is(After, "outcome", p.submit) || is_sign_in(b, p, After, "outcome")
    }),
    done(
        "it happened and nobody wrote it down: the read-back finds it, and the model is told to look itself",
        |b, p| b.is(Before, "outcome", p.submit),
    ),
    done("behind the submission, on the page it left: answered by the record", |b, p| {
        is_look(b) && b.step.is_some_and(|step| step > p.submit && step < p.steps)
    }),
    done("read back once more", |b, p| b.step.is_some_and(|step| step >= p.steps)),
    done("all is done: it is judged, or was", |b, _| b.decides("done")),
];

const fn sent(rule: Rule) -> Rule {
    Rule { submissions: 1, ..rule }
}

const fn done(why: &'static str, fits: fn(&Boundary, Places) -> bool) -> Rule {
    rule(why, fits, End::Done, 1)
}

const fn asks(why: &'static str, submissions: usize, fits: fn(&Boundary, Places) -> bool) -> Rule {
    rule(why, fits, End::AwaitsPerson, submissions)
}

/// In the browser, and it changes nothing outside.
fn is_look(boundary: &Boundary) -> bool {
    boundary.phase == "outcome" && boundary.kind != "llm" && !boundary.name.contains("/browser_click/")
}

fn is_thought(boundary: &Boundary, when: When) -> bool {
    boundary.when == when && boundary.kind == "llm" && boundary.phase == "outcome"
}

fn is_sign_in(boundary: &Boundary, places: Places, when: When, phase: &str) -> bool {
    places.sign_in.is_some_and(|step| boundary.is(when, phase, step))
}
