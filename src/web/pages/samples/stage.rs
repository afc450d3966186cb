//! A made-up stage: five minutes on six of eight slots.

use actors::{
    domain::{Persona, Weight},
    persona::tally::InboxFigures,
    scheduler::{
        InLine, StageView, Stretch,
        figures::TurnFigures,
        waits::{Band, Waits},
    },
    supervisor::Figures,
};

use super::records::NOW;
use crate::web::pages::stage::{Stage, Told, cast};

/// By slot: who (by number), from and until in percent of the time line; past its end: still held.
const HELD: [&[(usize, i64, i64)]; 8] = [
    &[(3, 0, 7), (1, 10, 21), (3, 31, 38), (0, 40, 46), (2, 61, 67), (3, 69, 74), (1, 77, 89)],
    &[(3, 0, 4), (1, 6, 18), (2, 20, 30), (0, 32, 40), (1, 43, 57), (3, 60, 75), (1, 84, 101)],
    &[(0, 0, 5), (1, 20, 29), (2, 29, 33), (3, 35, 50), (0, 64, 101)],
    &[(0, 0, 9), (3, 11, 20), (0, 30, 34), (1, 35, 48), (2, 51, 64), (2, 64, 69), (1, 72, 83)],
    &[(2, 0, 7), (3, 7, 15), (0, 51, 65), (3, 76, 85)],
    &[(1, 0, 8), (0, 36, 43), (1, 58, 65), (0, 82, 86)],
    &[],
    &[],
];

/// The stage of these people.
pub(super) fn stage(people: &[&Persona]) -> Stage {
    let from_ms = NOW - 300_000;
    let stretch = |(who, from, until): &(usize, i64, i64)| {
        let persona = people.get(*who)?.id;
        let until_ms = (*until <= 100).then_some(from_ms + until * 3_000);
        Some(Stretch { persona, from_ms: from_ms + from * 3_000, until_ms, waited_ms: from * 7, urgent: *who == 2 })
    };
    let slots = HELD.iter().map(|slot| slot.iter().filter_map(stretch).collect()).collect();
    let next = people.iter().skip(2).take(1);
    let next =
        next.map(|one| InLine { persona: one.id, since_ms: NOW - 1_400, urgent: true, weight: Weight::ORDINARY });
    let view = StageView { now_ms: NOW, slots, next: next.collect(), waiting: 1 };
    let waits = Band::ALL.map(|band| Waits { band, begun: 9, p50_ms: 1, p95_ms: 40, p99_ms: 412, longest_ms: 700 });
    let turns = TurnFigures {
        over_ms: 432_000,
        grants_per_s: 0.12,
        waits,
        urgent_late: 0,
        grants: 310,
        jain: Some(0.97),
        used_slots: 3.1,
    };
    let company =
        Figures { active_personas: 2, cap: 8, waiting_for_slice: 1, awake: 5, registered: people.len(), inbox: 14 };
    let inboxes = InboxFigures {
        looks: 900,
        evaluated: 403,
        begun: 310,
        evaluations_per_message: 1.3,
        held_by_mood: 4,
        coalesced: 11,
        expired: 0,
        dropped: 3,
    };
    let told = Told { view, turns, company, inboxes };
    Stage::new(&told, &cast(people.iter().map(|one| (one.id, one.name.as_str()))))
}
