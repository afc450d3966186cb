//! The stage of the last minutes: who held which slot when, who waits, and the same as words.

use std::{collections::HashMap, time::Duration};

use actors::{
    domain::PersonaId,
    scheduler::{StageView, Stretch, figures::TurnFigures},
    supervisor::Company,
};

use super::show::{self, When};

/// What the time line covers.
const OVER_MS: i64 = 300_000;
/// Slots drawn at most; rows of the list; names of those that wait.
const MOST_LANES: usize = 16;
const MOST_ROWS: usize = 60;
const MOST_WAITING: usize = 6;
/// Names have this many colours; after that they come again.
const COLOURS: usize = 8;
/// A bar this wide, in tenths of a percent, has room for a name.
const NAMED_FROM: i64 = 40;
/// The same on a small screen.
const WIDE_FROM: i64 = 150;

/// The panel.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// `p99 wait 0.4 s · evenness 0.97`
    pub figures: String,
    pub lanes: Vec<Lane>,
    /// What is said of slots that are not drawn.
    pub others: String,
    /// Who waits now, in words.
    pub waiting: String,
    /// The newest slices, newest first.
    pub rows: Vec<Row>,
}

/// One slot.
#[derive(Debug, Clone)]
pub struct Lane {
    pub number: usize,
    pub bars: Vec<Bar>,
}

/// Somebody held the slot.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Which colour.
    pub colour: usize,
    /// Percent of the time line.
    pub left: Percent,
    pub width: Percent,
    /// Its name has room on a small screen, too.
    pub wide: bool,
    /// Empty when there is no room for it.
    pub name: String,
    pub title: String,
}

/// Tenths of a percent, written as an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(i64);

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}%", self.0 / 10, self.0 % 10)
    }
}

/// One slice in words.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub slot: usize,
    pub from: When,
    pub held: String,
    pub waited: String,
    pub urgent: bool,
}

/// Names and colours of personas.
pub type Cast<'a> = HashMap<PersonaId, (&'a str, usize)>;

/// Everybody by name, each with a colour of the palette, in this order.
pub fn cast<'a>(people: impl Iterator<Item = (PersonaId, &'a str)>) -> Cast<'a> {
    people.enumerate().map(|(at, (id, name))| (id, (name, at % COLOURS))).collect()
}

impl Stage {
    /// What the company tells; none: it is ending.
    pub async fn of(company: &Company, cast: &Cast<'_>) -> Option<Self> {
        let over = Duration::from_millis(OVER_MS.unsigned_abs());
        let (view, figures) = (company.stage(over, MOST_WAITING).await?, company.turn_figures().await?);
        Some(Self::new(&view, &figures, cast))
    }

    /// The panel over what was told.
    pub fn new(view: &StageView, figures: &TurnFigures, cast: &Cast<'_>) -> Self {
        let lanes: Vec<Lane> = view
            .slots
            .iter()
            .zip(1..)
            .filter(|(stretches, _)| !stretches.is_empty())
            .map(|(stretches, number)| Lane { number, bars: stretches.iter().map(|s| bar(s, view, cast)).collect() })
            .take(MOST_LANES)
            .collect();
        let mut newest: Vec<(&Stretch, usize)> =
            view.slots.iter().zip(1..).flat_map(|(stretches, slot)| stretches.iter().map(move |s| (s, slot))).collect();
        newest.sort_by_key(|(stretch, slot)| (std::cmp::Reverse(stretch.from_ms), *slot));
        let rows = newest.into_iter().take(MOST_ROWS).map(|(stretch, slot)| row(stretch, slot, view, cast)).collect();
        let p99_ms = figures.waits.iter().map(|waits| waits.p99_ms).max().unwrap_or(0);
        let wait = format!("p99 wait {}", show::took(i64::try_from(p99_ms).unwrap_or(i64::MAX)));
        let even = figures.jain.map(|jain| format!(" · evenness {jain:.2}")).unwrap_or_default();
        Self { figures: wait + &even, others: others(view, lanes.len()), lanes, waiting: waiting(view, cast), rows }
    }
}

/// Slots that nobody held, and those for which there is no room.
fn others(view: &StageView, drawn: usize) -> String {
    let free = view.slots.iter().filter(|stretches| stretches.is_empty()).count();
    match (free, view.slots.len() - free - drawn) {
        (0, 0) => String::new(),
        (free, 0) => format!("{} not used.", show::counted(free as u64, "slot")),
        (_, hidden) => format!("{} more in use.", show::counted(hidden as u64, "slot")),
    }
}

fn name<'a>(id: PersonaId, cast: &Cast<'a>) -> (&'a str, usize) {
    cast.get(&id).copied().unwrap_or(("a deleted persona", 0))
}

fn bar(stretch: &Stretch, view: &StageView, cast: &Cast<'_>) -> Bar {
    let from_ms = view.now_ms - OVER_MS;
    let tenths = |ms: i64| (ms * 1_000 / OVER_MS).clamp(0, 1_000);
    let until_ms = stretch.until_ms.unwrap_or(view.now_ms);
    let left = tenths(stretch.from_ms - from_ms).min(997);
    // Seen even when it was a moment.
    let width = (tenths(until_ms - from_ms) - left).max(3);
    let (name, colour) = name(stretch.persona, cast);
    let held = show::took(until_ms - stretch.from_ms);
    let still = if stretch.until_ms.is_none() { "holds it for" } else { "held it for" };
    Bar {
        colour,
        left: Percent(left),
        width: Percent(width),
        wide: width >= WIDE_FROM,
        name: if width >= NAMED_FROM { name.to_owned() } else { String::new() },
        title: format!("{name} {still} {held}, after waiting {}", show::took(stretch.waited_ms)),
    }
}

fn row(stretch: &Stretch, slot: usize, view: &StageView, cast: &Cast<'_>) -> Row {
    let held = show::took(stretch.until_ms.unwrap_or(view.now_ms) - stretch.from_ms);
    Row {
        name: name(stretch.persona, cast).0.to_owned(),
        slot,
        from: When::at(stretch.from_ms, view.now_ms),
        held: if stretch.until_ms.is_none() { format!("{held}, and still") } else { held },
        waited: show::took(stretch.waited_ms),
        urgent: stretch.urgent,
    }
}

fn waiting(view: &StageView, cast: &Cast<'_>) -> String {
    let one = |line: &actors::scheduler::InLine| {
        let urgent = if line.urgent { ", urgent" } else { "" };
        format!("{} ({}{urgent})", name(line.persona, cast).0, show::took(view.now_ms - line.since_ms))
    };
    let named: Vec<String> = view.next.iter().map(one).collect();
    let more = view.waiting.saturating_sub(named.len());
    match (named.is_empty(), more) {
        (true, 0) => "Nobody waits for a slot.".to_owned(),
        (true, more) => format!("{more} wait for a slot."),
        (false, 0) => format!("Next: {}.", named.join(", ")),
        (false, more) => format!("Next: {}, and {more} more.", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use actors::{
        domain::Weight,
        scheduler::{
            InLine,
            waits::{Band, Waits},
        },
    };
    use uuid::Uuid;

    use super::*;

    fn quiet() -> TurnFigures {
        let waits = Band::ALL.map(|band| Waits { band, begun: 0, p50_ms: 0, p95_ms: 0, p99_ms: 0, longest_ms: 0 });
        let (over_ms, grants_per_s, used_slots) = (0, 0.0, 0.0);
        TurnFigures { over_ms, grants_per_s, waits, urgent_late: 0, grants: 0, jain: None, used_slots }
    }

    #[test]
    fn bars_lie_where_their_time_lies_and_say_who_in_words() {
        let (ada, bo) = (PersonaId(Uuid::from_u128(1)), PersonaId(Uuid::from_u128(2)));
        let people = [(ada, "Ada"), (bo, "Bo")];
        let stretch =
            |persona, from_ms, until_ms| Stretch { persona, from_ms, until_ms, waited_ms: 400, urgent: false };
        let now_ms = 1_795_183_331_482;
        let view = StageView {
            now_ms,
            slots: vec![
                vec![stretch(ada, now_ms - 400_000, Some(now_ms - 150_000)), stretch(bo, now_ms - 30_000, None)],
                Vec::new(),
            ],
            next: vec![InLine { persona: ada, since_ms: now_ms - 1_500, urgent: true, weight: Weight::ORDINARY }],
            waiting: 4,
        };
        let stage = Stage::new(&view, &quiet(), &cast(people.into_iter()));
        let bars: Vec<_> = stage.lanes[0].bars.iter().map(|bar| (bar.left, bar.width, bar.name.as_str())).collect();
        assert_eq!(bars, [(Percent(0), Percent(500), "Ada"), (Percent(900), Percent(100), "Bo")]);
        assert_eq!(stage.lanes[0].bars[1].title, "Bo holds it for 30.0 s, after waiting 400 ms");
        assert_eq!((stage.lanes.len(), stage.others.as_str()), (1, "1 slot not used."));
        assert_eq!(stage.waiting, "Next: Ada (1.5 s, urgent), and 3 more.");
        assert_eq!((stage.rows[0].name.as_str(), stage.rows[0].held.as_str()), ("Bo", "30.0 s, and still"));
        assert_eq!(Percent(5).to_string(), "0.5%");
    }
}
