//! Puts sections on paper, as many lines of each as the length allows.

/// How the lines of a section stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Prose,
    Bullets,
    Numbers,
    /// Each line by itself.
    Lines,
}

/// Part of a text: the most important lines first.
#[derive(Debug)]
pub(super) struct Section {
    pub heading: Option<String>,
    pub shape: Shape,
    pub lines: Vec<String>,
    /// So many lines stand whatever the length.
    pub at_least: usize,
}

impl Section {
    pub(super) fn new(shape: Shape, at_least: usize, lines: Vec<String>) -> Self {
        Self { heading: None, shape, lines, at_least }
    }

    /// The same under a heading.
    pub(super) fn under(mut self, heading: impl Into<String>) -> Self {
        self.heading = Some(heading.into());
        self
    }

    fn drawn(&self, lines: usize) -> Option<String> {
        let shown = self.lines.iter().take(lines);
        let mut out: Vec<String> = self.heading.iter().cloned().collect();
        match self.shape {
            Shape::Prose => out.extend((lines > 0).then(|| shown.cloned().collect::<Vec<_>>().join(" "))),
            Shape::Lines => out.extend(shown.cloned()),
            Shape::Bullets => out.extend(shown.map(|line| format!("- {line}"))),
            Shape::Numbers => out.extend(shown.enumerate().map(|(index, line)| format!("{}. {line}", index + 1))),
        }
        let has_text = lines > 0 || self.at_least == 0 && self.lines.is_empty() && self.heading.is_some();
        has_text.then(|| out.join("\n"))
    }
}

/// The whole text: first what must stand, then a line more of each section in turn until there are words enough.
pub(super) fn lay_out(sections: Vec<Section>, words: usize) -> String {
    let count = |text: &String| text.split_whitespace().count();
    let mut shown: Vec<usize> = sections.iter().map(|section| section.at_least.min(section.lines.len())).collect();
    let standing = sections.iter().zip(&shown);
    let mut written: usize = standing.flat_map(|(section, lines)| section.lines.iter().take(*lines)).map(count).sum();
    loop {
        let before = written;
        for (section, lines) in sections.iter().zip(&mut shown) {
            if written < words
                && let Some(line) = section.lines.get(*lines)
            {
                written += count(line);
                *lines += 1;
            }
        }
        if written == before {
            break;
        }
    }
    let drawn: Vec<_> = sections.iter().zip(shown).filter_map(|(section, lines)| section.drawn(lines)).collect();
    drawn.join("\n\n")
}
