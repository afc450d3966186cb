//! The Rust sources as text, with comments and strings told apart from code.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One source file.
pub(super) struct Source {
    /// From the top of the repository, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// The text without comments, and with empty strings.
    pub(super) code: String,
    strings: Vec<(usize, String)>,
}

/// The top of the repository.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of both packages.
pub(super) fn all() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "actors", "tests", "benches"] {
        walk(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(read(path));
            }
        });
    }
    found
}

/// Calls back for every file below; what is built and what runs leave behind is passed over.
pub(super) fn walk(folder: &Path, found: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // In a second work tree `.git` is a file that names the first.
        if ["target", ".git", ".greenroom", "demo-data"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else {
            found(&path);
        }
    }
}

/// A path as the rules write it.
pub(super) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let (code, strings) = without_comments_and_strings(&text);
    Source { path: relative(path), text, code, strings }
}

impl Source {
    /// The message of every log macro: the last text before its closing bracket.
    pub(super) fn log_messages(&self) -> Vec<&str> {
        let levels = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
        let calls = levels.iter().flat_map(|level| self.code.match_indices(level));
        let message = |(at, level): (usize, &str)| {
            // `compile_error!(` and the like end in the same letters.
            let before = self.code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                return None;
            }
            let end = end_of_call(&self.code, at + level.len());
            let inside = self.strings.iter().filter(|(start, _)| (at..end).contains(start));
            inside.map(|(_, text)| text.as_str()).next()
        };
        calls.filter_map(message).collect()
    }
}

fn end_of_call(code: &str, from: usize) -> usize {
    let mut depth = 1;
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return from + at;
        }
    }
    code.len()
}

/// The code alone, and every string with the place in the code where it stood.
fn without_comments_and_strings(text: &str) -> (String, Vec<(usize, String)>) {
    let mut code = String::new();
    let mut strings = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some((opening, closing)) = opening_of_string(rest, &code) {
            let body = &rest[opening..];
            let length = end_of_string(body, &closing);
            strings.push((code.len(), body[..length].to_owned()));
            code.push_str("\"\"");
            (opening + length + closing.len()).min(rest.len())
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") || rest.starts_with("b'\"'") {
            // A quotation mark as a character begins no string.
            rest[1..].find('\'').map_or(1, |at| if c == 'b' { 4 } else { at + 2 })
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    (code, strings)
}

/// How long the opening of a string is here, and what closes it.
fn opening_of_string(rest: &str, before: &str) -> Option<(usize, String)> {
    if rest.starts_with('"') {
        return Some((1, "\"".to_owned()));
    }
    let in_a_name = before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = rest.strip_prefix('r')?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    let opens = !in_a_name && raw[hashes..].starts_with('"');
    opens.then(|| (2 + hashes, format!("\"{}", "#".repeat(hashes))))
}

fn end_of_string(body: &str, closing: &str) -> usize {
    if closing.len() > 1 {
        return body.find(closing).unwrap_or(body.len());
    }
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    body.len()
}

#[test]
fn code_comments_and_strings_are_told_apart() {
    let text = "a(); // \"no\"\nwarn!(x = %y(), \"they \\\"said\\\" (so)\"); r#\"raw \" one\"#; let q = '\"'; \"end\"";
    let (code, strings) = without_comments_and_strings(text);
    assert_eq!(code, "a(); \nwarn!(x = %y(), \"\"); \"\"; let q = ; \"\"");
    let strings: Vec<_> = strings.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(strings, ["they \\\"said\\\" (so)", "raw \" one", "end"]);
    let source = Source { path: String::new(), text: text.to_owned(), code, strings: vec![(22, "said".into())] };
    assert_eq!(source.log_messages(), ["said"]);
}
