//! Captions as text: WebVTT (W3C WebVTT, section 4) or SubRip, by the file's name. Pure.

use actors::domain::Cue;

/// The whole file. A name that does not end in `.srt` gives WebVTT.
pub(super) fn render(path: &str, cues: &[Cue]) -> String {
    let sub_rip = path.ends_with(".srt");
    let mut out = if sub_rip { String::new() } else { "WEBVTT\n\n".to_owned() };
    let mut begins_ms = 0;
    for (index, cue) in cues.iter().enumerate() {
        let ends_ms = begins_ms + u64::from(cue.lasts_ms);
        // An empty line ends a caption in both formats.
        let text: Vec<_> = cue.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let text = text.join("\n");
        let text = if sub_rip { text } else { escaped(&text) };
        if sub_rip {
            out.push_str(&format!("{}\n", index + 1));
        }
        let mark = if sub_rip { ',' } else { '.' };
        out.push_str(&format!("{} --> {}\n{text}\n\n", time(begins_ms, mark), time(ends_ms, mark)));
        begins_ms = ends_ms;
    }
    out
}

fn time(ms: u64, mark: char) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    format!("{:02}:{:02}:{:02}{mark}{rest:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// `-->` would begin another caption, and `<` a tag.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cues() -> Vec<Cue> {
        let cue = |text: &str, lasts_ms| Cue { text: text.to_owned(), lasts_ms };
        vec![cue("Hello & <welcome>\n\nto the show", 1_500), cue("00:00 --> is no time", 3_599_600)]
    }

    #[test]
    fn webvtt_captions_follow_each_other_and_hold_no_markup() {
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello &amp; &lt;welcome&gt;\nto the show\n\n\
                        00:00:01.500 --> 01:00:01.100\n00:00 --&gt; is no time\n\n";
        assert_eq!(render("a.vtt", &cues()), expected);
    }

    #[test]
    fn subrip_captions_are_numbered_and_written_with_commas() {
        let text = render("a.srt", &cues());
        assert!(text.starts_with("1\n00:00:00,000 --> 00:00:01,500\nHello & <welcome>\nto the show\n\n2\n"), "{text}");
    }
}
