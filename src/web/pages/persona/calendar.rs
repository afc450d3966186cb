//! The calendar: what the persona starts again and again, and when next.

use actors::domain::{Persona, PersonaStatus, Schedule, Starts};

use crate::web::{
    api::schedules::next_ms,
    pages::show::{When, clip},
};

/// The panel.
#[derive(Debug, Default)]
pub struct Calendar {
    /// The persona's time zone.
    pub zone: String,
    pub lines: Vec<Line>,
}

/// One line of it.
#[derive(Debug)]
pub struct Line {
    pub id: String,
    pub name: String,
    pub cron: String,
    /// The expression in words.
    pub reads: String,
    /// What a due time starts.
    pub starts: String,
    pub on: bool,
    pub next: Option<When>,
    /// Why there is no next time.
    pub why_not: &'static str,
    pub last: Option<Last>,
    pub version: i64,
}

/// The last due time that started something.
#[derive(Debug)]
pub struct Last {
    pub at: When,
    pub href: String,
    pub missed: u32,
}

const SHOWN: usize = 120;

impl Calendar {
    /// A persona's calendar, oldest line first.
    pub fn of(persona: &Persona, lines: &[Schedule], now_ms: i64) -> Self {
        let line = |line: &Schedule| Line {
            id: line.id.to_string(),
            name: line.name.clone(),
            cron: line.cron.to_string(),
            reads: line.cron.described(),
            starts: match &line.starts {
                Starts::Chat { text } => format!("“{}”", clip(text, SHOWN)),
                Starts::Goal { title, payload, optional, .. } => {
                    let when = if *optional { ", when its mood permits" } else { "" };
                    format!("{} goal “{}”{when}", payload.kind(), clip(title, SHOWN))
                }
            },
            on: line.on,
            next: next_ms(line, persona, now_ms).map(|next_ms| When::at(next_ms, now_ms)),
            why_not: match persona.status {
                _ if !line.on => "switched off",
                PersonaStatus::Active => "does not come again",
                _ => "rests while the persona is paused",
            },
            last: line.last.map(|last| Last {
                at: When::at(last.due_ms, now_ms),
                href: format!("/personas/{}?tab=progress#goal-{}", persona.slug, last.goal),
                missed: last.missed,
            }),
            version: line.version,
        };
        Self { zone: persona.hours.zone.to_string(), lines: lines.iter().map(line).collect() }
    }
}
