//! A goal that waits for another one: also between the end of the first and the release of the second.

use super::{
    End, Rule,
    files::{BEGINS, NOT_MEANT, PERHAPS, TEXT_KEPT, TEXT_LOST, WRITTEN},
    rule,
};
use crate::kill::boundary::{
    Boundary, Places,
    When::{After, Before},
};

/// The first is done, so the second may begin. Both come to the end of the rule.
pub(in crate::kill) const RELEASED: &[Rule] = &[
    UNHEARD,
    FIRST_ALONE,
    BOTH,
    both(BEGINS),
    both(TEXT_LOST),
    both(TEXT_KEPT),
    both(NOT_MEANT),
    both(PERHAPS),
    both(WRITTEN),
    of_two("the first is judged once more", |b, _| b.when == Before && b.decides("done") && b.count == 1),
    of_two("between the end of the first and the release of the second: the start looks at whatever waits", |b, _| {
        (b.when == After && b.decides("done") && b.count == 1) || (b.when == Before && b.decides("pending"))
    }),
    of_two("released, though nobody was told: the start finds what may begin", |b, _| {
        b.when == After && b.decides("pending")
    }),
    of_two("the second is judged, or was", |b, _| b.decides("done") && b.count == 2),
];

/// The first fails for good, so the second never begins. Both have failed in the end.
pub(in crate::kill) const FAILS: &[Rule] = &[
    failed(UNHEARD),
    failed(FIRST_ALONE),
    failed(BOTH),
    failed(both(BEGINS)),
    failed(both(NOT_MEANT)),
    failed(both(PERHAPS)),
    failed(of_two("what was found impossible is tried once more, and found so again", |b, _| {
        (b.when == After && b.phase == "outcome") || (b.when == Before && b.decides("failed") && b.count == 1)
    })),
    failed(of_two(
        "between the failure of the first and that of the second: the start looks at whatever waits",
        |b, _| {
            (b.when == After && b.decides("failed") && b.count == 1)
                || (b.when == Before && b.decides("failed") && b.count == 2)
        },
    )),
    failed(of_two("both have failed on record", |b, _| b.when == After && b.decides("failed") && b.count == 2)),
];

const UNHEARD: Rule = Rule {
    known: 0,
    ..of_two("nothing is on record: who asks again gets both", |b, _| b.is_arrival(Before, "pending"))
};

const FIRST_ALONE: Rule = Rule {
    known: 1,
    ..of_two("only the first is on record: who asks again gets the second too", |b, _| {
        b.is_arrival(After, "pending") || b.is_arrival(Before, "parked")
    })
};

const BOTH: Rule = of_two("both are on record though nobody was answered", |b, _| b.is_arrival(After, "parked"));

const fn of_two(why: &'static str, fits: fn(&Boundary, Places) -> bool) -> Rule {
    both(rule(why, fits, End::Done, 0))
}

const fn both(rule: Rule) -> Rule {
    Rule { known: 2, ..rule }
}

const fn failed(rule: Rule) -> Rule {
    Rule { end: End::Failed, ..rule }
}
