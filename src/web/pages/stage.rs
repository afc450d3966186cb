//! The stage of the last minutes: who held which slot when, who waits, and the same as words.

use std::{collections::HashMap, time::Duration};

use actors::{
    domain::PersonaId,
    persona::tally::InboxFigures,
    scheduler::{
        StageView, Stretch,
        figures::TurnFigures,
        waits::{Band, Waits},
    },
    supervisor::{Company, Figures},
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
    /// What time the figures are about: `7 m 12 s`.
    pub over: String,
    pub figures: Vec<Figure>,
    /// How long work waited for its slot, by priority.
    pub waits: Vec<WaitRow>,
    pub lanes: Vec<Lane>,
    /// What is said of slots that are not drawn.
    pub others: String,
    /// Who waits now, in words.
    pub waiting: String,
    /// The newest slices, newest first.
    pub rows: Vec<Row>,
}

/// What the stage is told by the company.
pub struct Told {
    pub view: StageView,
    pub turns: TurnFigures,
    pub company: Figures,
    pub inboxes: InboxFigures,
}

/// A number and what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub value: String,
    pub words: &'static str,
    /// A person should look at it.
    pub warn: bool,
}

/// Waits of one band of priorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitRow {
    /// `urgent, above 0.8`
    pub band: &'static str,
    pub grants: String,
    /// p50, p95, p99; a dash where nothing was granted.
    pub waited: [String; 3],
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
        let (view, turns) = (company.stage(over, MOST_WAITING).await?, company.turn_figures().await?);
        let told = Told { view, turns, company: company.figures(), inboxes: company.inbox_figures() };
        Some(Self::new(&told, cast))
    }

    /// The panel over what was told.
    pub fn new(told: &Told, cast: &Cast<'_>) -> Self {
        let view = &told.view;
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
        Self {
            over: show::took(told.turns.over_ms),
            figures: figures(told),
            waits: told.turns.waits.iter().map(wait_row).collect(),
            others: others(view, lanes.len()),
            lanes,
            waiting: waiting(view, cast),
            rows,
        }
    }
}

/// How the company does, in numbers; what is late or lost is marked.
fn figures(told: &Told) -> Vec<Figure> {
    let Told { turns, company, inboxes, .. } = told;
    let figure = |value: String, words| Figure { value, words, warn: false };
    let counted = |count: u64, words| Figure { value: show::count(count), words, warn: count > 0 };
    vec![
        figure(format!("{:.2}", turns.grants_per_s), "slices granted a second"),
        figure(format!("{:.1} of {}", turns.used_slots, company.cap), "slots in use, the mean"),
        figure(
            turns.jain.map_or_else(|| "–".to_owned(), |jain| format!("{jain:.2}")),
            "how evenly time is shared; 1: all alike",
        ),
        figure(show::count(turns.grants), "slices granted since the start"),
        figure(show::count(company.inbox), "messages in inboxes"),
        figure(format!("{:.1}", inboxes.evaluations_per_message), "messages looked at for each one begun"),
        counted(inboxes.dropped, "dropped since the start"),
        counted(turns.urgent_late, "urgent ones late since the start"),
    ]
}

fn wait_row(waits: &Waits) -> WaitRow {
    let waited = |ms: u64| match waits.begun {
        0 => "–".to_owned(),
        _ => show::took(i64::try_from(ms).unwrap_or(i64::MAX)),
    };
    WaitRow {
        band: match waits.band {
            Band::Low => "low, up to 0.3",
            Band::Middle => "middle, up to 0.8",
            Band::Urgent => "urgent, above 0.8",
        },
        grants: show::count(waits.begun),
        waited: [waits.p50_ms, waits.p95_ms, waits.p99_ms].map(waited),
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
    use actors::{domain::Weight, scheduler::InLine};
    use uuid::Uuid;

    use super::*;

    fn told(view: StageView) -> Told {
        let waits = Band::ALL.map(|band| {
            let begun = u64::from(band == Band::Urgent) * 1_200;
            Waits { band, begun, p50_ms: 0, p95_ms: 40, p99_ms: 1_500, longest_ms: 2_000 }
        });
        let (over_ms, grants_per_s, used_slots) = (432_000, 1.234, 3.13);
        let turns =
            TurnFigures { over_ms, grants_per_s, waits, urgent_late: 2, grants: 9, jain: Some(0.968), used_slots };
        let company =
            Figures { active_personas: 1, cap: 8, waiting_for_slice: 4, awake: 5, registered: 9, inbox: 12_345 };
        let inboxes = InboxFigures {
            looks: 1,
            evaluated: 13,
            begun: 10,
            evaluations_per_message: 1.3,
            held_by_mood: 0,
            coalesced: 0,
            expired: 0,
            dropped: 0,
        };
        Told { view, turns, company, inboxes }
    }

    #[test]
    fn every_figure_is_said_with_what_it_counts() {
        let nobody = StageView { now_ms: 0, slots: Vec::new(), next: Vec::new(), waiting: 0 };
        let stage = Stage::new(&told(nobody), &Cast::new());
        let said: Vec<_> = stage.figures.iter().map(|one| (one.value.as_str(), one.words, one.warn)).collect();
        assert_eq!(
            said,
            [
                ("1.23", "slices granted a second", false),
                ("3.1 of 8", "slots in use, the mean", false),
                ("0.97", "how evenly time is shared; 1: all alike", false),
                ("9", "slices granted since the start", false),
                ("12,345", "messages in inboxes", false),
                ("1.3", "messages looked at for each one begun", false),
                ("0", "dropped since the start", false),
                ("2", "urgent ones late since the start", true),
            ]
        );
        let dash = || ["–"; 3].map(str::to_owned);
        let urgent = ["<1 ms", "40 ms", "1.5 s"].map(str::to_owned);
        let waits: Vec<_> = stage.waits.into_iter().map(|row| (row.band, row.grants, row.waited)).collect();
        assert_eq!(waits[0], ("low, up to 0.3", "0".to_owned(), dash()));
        assert_eq!(waits[2], ("urgent, above 0.8", "1,200".to_owned(), urgent));
        assert_eq!(stage.over, "7 m 12 s");
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
        let stage = Stage::new(&told(view), &cast(people.into_iter()));
        let bars: Vec<_> = stage.lanes[0].bars.iter().map(|bar| (bar.left, bar.width, bar.name.as_str())).collect();
        assert_eq!(bars, [(Percent(0), Percent(500), "Ada"), (Percent(900), Percent(100), "Bo")]);
        assert_eq!(stage.lanes[0].bars[1].title, "Bo holds it for 30.0 s, after waiting 400 ms");
        assert_eq!((stage.lanes.len(), stage.others.as_str()), (1, "1 slot not used."));
        assert_eq!(stage.waiting, "Next: Ada (1.5 s, urgent), and 3 more.");
        assert_eq!((stage.rows[0].name.as_str(), stage.rows[0].held.as_str()), ("Bo", "30.0 s, and still"));
        assert_eq!(Percent(5).to_string(), "0.5%");
    }
}
