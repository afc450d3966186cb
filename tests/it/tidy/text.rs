//! Rules for every text file of the repository.

use std::fs;

use super::source::{relative, root, walk};

/// Files that name a path of the machine they were written on.
pub(super) fn naming_a_machine() -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let places = [["/wo", "rk/"], ["/ro", "ot/"], ["/Us", "ers/"], ["/mnt", "/c/"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    walk(root(), &mut |path| {
        let Ok(text) = fs::read_to_string(path) else { return };
        for (number, line) in text.lines().enumerate() {
            if let Some(place) = places.iter().find(|place| holds(line, place)) {
                found.push(format!("{}:{}: holds `{place}`", relative(path), number + 1));
            }
        }
    });
    found
}

/// As a path of its own: `https://host/work/` is another thing.
fn holds(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-~*}".contains(c))
    })
}
