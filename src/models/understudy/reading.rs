//! What a prompt asks for, as far as words tell: the form, the subject, the material.

const MOST_MATERIAL: usize = 12;
const MOST_SENTENCE: usize = 200;
const MOST_SUBJECT: usize = 80;

/// The sort of text that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Proposal,
    Outline,
    Report,
    Reply,
}

/// A prompt, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub form: Form,
    pub subject: String,
    /// Sentences of what follows the first paragraph: what the text is to be about.
    pub material: Vec<String>,
}

impl Task {
    pub(super) fn read(prompt: &str) -> Self {
        let prompt = prompt.trim();
        let (request, rest) = without_origin(prompt).split_once("\n\n").unwrap_or((without_origin(prompt), ""));
        let lower = request.to_lowercase();
        let form = match () {
            () if lower.contains("proposal") => Form::Proposal,
            () if lower.contains("outline") => Form::Outline,
            () if lower.contains("report") || lower.contains("digest") => Form::Report,
            () => Form::Reply,
        };
        let subject = quoted(request).or_else(|| named(request)).unwrap_or_else(|| request.to_owned());
        Self { form, subject: subject_line(&subject), material: sentences(rest) }
    }
}

/// A last paragraph in brackets says where the text was said and what was said before: nothing to write about.
fn without_origin(prompt: &str) -> &str {
    match prompt.rsplit_once("\n\n(") {
        Some((text, origin)) if origin.ends_with(')') => text.trim_end(),
        _ => prompt,
    }
}

/// The first text in quotation marks.
fn quoted(text: &str) -> Option<String> {
    let marks = [('"', '"'), ('“', '”'), ('«', '»'), ('`', '`')];
    let found = marks.iter().filter_map(|(open, close)| {
        let start = text.find(*open)? + open.len_utf8();
        let length = text[start..].find(*close)?;
        Some((start, &text[start..start + length]))
    });
    found.filter(|(_, text)| !text.trim().is_empty()).min_by_key(|(start, _)| *start).map(|(_, text)| text.to_owned())
}

/// What follows a word that introduces a subject.
fn named(text: &str) -> Option<String> {
    [" about ", " on the ", " on ", " for "].iter().find_map(|word| Some(text.split_once(word)?.1.to_owned()))
}

fn subject_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim().trim_end_matches(['.', '?', '!', ':', ',']);
    let short: String = line.chars().take(MOST_SUBJECT).collect();
    let short =
        if short.len() < line.len() { short.rsplit_once(' ').map_or(&*short, |(head, _)| head) } else { &short };
    if short.trim().is_empty() { "this".to_owned() } else { short.trim().to_owned() }
}

fn sentences(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let ends = |(at, c): (usize, char)| {
        (matches!(c, '.' | '?' | '!') && text[at + 1..].chars().next().is_none_or(char::is_whitespace))
            .then_some(at + 1)
    };
    let cuts: Vec<usize> = text.char_indices().filter_map(ends).chain([text.len()]).collect();
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let parts = starts.zip(cuts.iter()).map(|(from, to)| text[from..*to].trim());
    let fits = |part: &&str| (8..=MOST_SENTENCE).contains(&part.len());
    parts.filter(fits).take(MOST_MATERIAL).map(|part| part.trim_end_matches('.').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_and_material_are_found() {
        let task =
            Task::read("Write a proposal for “Cost report”.\n\nThe bill doubled. Who drives it?\nSave 1.5 hours.");
        assert_eq!(task.form, Form::Proposal);
        assert_eq!(task.subject, "Cost report");
        assert_eq!(task.material, ["The bill doubled", "Who drives it?", "Save 1.5 hours"]);
        assert_eq!(Task::read("Tell me about lost rows.").subject, "lost rows");
        assert_eq!(Task::read("").subject, "this");
        let said =
            Task::read("Who looks at it?\n\nSoon, please.\n\n(Said by Bo in the room Studio.\nAda: It is late.)");
        assert_eq!((said.subject.as_str(), said.material), ("Who looks at it", vec!["Soon, please".to_owned()]));
    }
}
