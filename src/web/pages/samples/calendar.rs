//! A made-up calendar: a line that is on and one that is off.

use actors::domain::{
    BigThree, Cron, Goal, GoalId, Payload, Pending, Persona, Priority, ReportPayload, Schedule, ScheduleId, Started,
    Starts,
};
use uuid::Uuid;

use super::records::NOW;
use crate::{
    tools::Number,
    web::pages::{persona::output::DigestRow, show::When},
};

const HOUR_MS: i64 = 3_600_000;

/// What Jason does again and again.
pub(super) fn of(jason: &Persona) -> Vec<Schedule> {
    let daily = Starts::Goal {
        title: "Look for postings about data pipelines".to_owned(),
        payload: Payload::Report(ReportPayload { file: "postings.md".to_owned(), from_ms: None, until_ms: None }),
        proof: Default::default(),
        priority: None,
        optional: true,
    };
    let chat = Starts::Chat { text: "Write to everyone who has not answered <yet>.".to_owned() };
    let lines = [(1, "Morning round", "0 9 * * MON-FRI", daily, true), (2, "Reminders", "30 16 * * FRI", chat, false)];
    lines
        .into_iter()
        .filter_map(|(number, name, cron, starts, on)| line(jason, number, (name, cron), starts, on))
        .collect()
}

fn line(jason: &Persona, number: u128, (name, cron): (&str, &str), starts: Starts, on: bool) -> Option<Schedule> {
    let id = |number| Uuid::from_u128(0x0193_5555_0000_7000_8000_0000_0000_0000 + number);
    let nine_ms = NOW - NOW.rem_euclid(24 * HOUR_MS) + 9 * HOUR_MS;
    let cron: Cron = cron.parse().ok()?;
    Some(Schedule {
        id: ScheduleId(id(700 + number)),
        persona: jason.id,
        name: name.to_owned(),
        cron,
        starts,
        on,
        version: 4,
        handled_ms: nine_ms,
        last: on.then(|| Started { due_ms: nine_ms, goal: GoalId(id(101)), missed: 2 }),
        created_by: "admin".to_owned(),
        created_ms: NOW - 48 * HOUR_MS,
        updated_ms: NOW - 5 * HOUR_MS,
    })
}

/// What he does first: the goals that can be begun.
pub(super) fn big_three(jason: &Persona, goals: &[Goal]) -> Option<BigThree> {
    let pending = |(at, goal): (usize, &Goal)| Pending {
        goal: goal.id,
        priority: Priority::BASE,
        received_ms: NOW - HOUR_MS * i64::try_from(at).unwrap_or(0),
        serve_by_ms: NOW + 6 * HOUR_MS,
        quota_missing: if at == 3 { 600 } else { 0 },
        dependents: u32::from(at == 3),
    };
    let pending: Vec<_> = goals.iter().enumerate().take(4).map(pending).collect();
    BigThree::choose(jason.id, &pending, NOW)
}

/// What he did the day before.
pub(super) fn digest() -> DigestRow {
    let number = |what: &str, count, receipts: &[i64], more| Number {
        what: what.to_owned(),
        count,
        receipts: receipts.to_vec(),
        more,
    };
    let until_ms = NOW - NOW.rem_euclid(24 * HOUR_MS) - HOUR_MS / 12;
    DigestRow {
        from: When::at(until_ms - 24 * HOUR_MS, NOW),
        until: When::at(until_ms, NOW),
        zone: "UTC".to_owned(),
        receipts: 640,
        cut: false,
        numbers: vec![
            number("messages received", 3, &[12, 240, 611], 0),
            number("goals done", 12, &[31, 58, 91, 133, 160, 199, 261, 302, 377, 430, 512, 590], 0),
            number("goals failed", 1, &[644], 0),
            number("steps carried out", 411, &(612..632).collect::<Vec<_>>(), 391),
        ],
        run_href: Some("/runs/0193".to_owned()),
    }
}
