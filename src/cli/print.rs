//! How answers look: tables and lines for people, JSON for programs.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    /// JSON instead of text.
    pub json: bool,
}

impl Out {
    /// The value as JSON, or what `text` makes of it.
    pub fn answer<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        if self.json {
            // Answers are plain data; what cannot be JSON is said to be null rather than nothing.
            line(&serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".to_owned()));
        } else {
            line(text(value).trim_end());
        }
    }
}

/// A line on standard output. A reader that went away (`| head`) is no error.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// An error on standard error: one line, causes behind colons; an object for programs.
pub fn error(error: &anyhow::Error, json: bool) {
    let text = if json {
        let causes = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>();
        serde_json::json!({ "error": error.to_string(), "causes": causes }).to_string()
    } else {
        format!("greenroom: {error:#}")
    };
    let _ = writeln!(io::stderr(), "{text}");
}

/// A table with a heading, columns as wide as they need to be.
pub fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let body = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(heading)).chain(body).collect::<Vec<_>>().join("\n")
}

/// One line without control characters: what others wrote must not move the cursor or turn the line round.
pub fn plain(text: &str) -> String {
    let turns = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(turns, "�")
}

/// A value whole, over several lines, each behind this many spaces.
pub fn whole(value: &Value, indent: usize) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| "null".to_owned());
    let line = |line: &str| {
        let text = line.trim_start();
        format!("{:width$}{}", "", plain(text), width = indent + line.len() - text.len())
    };
    json.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A list as it is shown, and that it goes on, when it does: its answer has a `next`.
pub fn page(found: &Value, shown: String) -> String {
    match found["next"].is_null() {
        true => shown,
        false => format!("{shown}\n\nThere are more: --limit takes up to 500."),
    }
}

/// The text, cut to a width.
pub fn short(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// A moment as people read it, UTC.
pub fn moment(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at_ms);
    at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let rows = [["ada".into(), "at\nwork \u{1b}[2J".into()], ["grace".into(), "ältere".into()]];
        assert_eq!(table(["who", "now"], &rows), "who    now\nada    at work �[2J\ngrace  ältere");
        assert_eq!(plain("a\u{202e}b"), "a�b");
        assert_eq!(whole(&serde_json::json!({"a": ["\u{9b}2J"]}), 1), " {\n   \"a\": [\n     \"�2J\"\n   ]\n }");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(short("äöüäöü", 4), "äöü…");
        assert_eq!(short("äöü", 3), "äöü");
    }

    #[test]
    fn a_list_that_goes_on_says_so() {
        assert_eq!(page(&serde_json::json!({"next": null}), "id".into()), "id");
        assert!(page(&serde_json::json!({"next": "x"}), "id".into()).contains("There are more"));
    }

    #[test]
    fn moments_are_readable() {
        assert_eq!(moment(1_763_690_000_000), "2025-11-21 01:53:20");
    }
}
