//! The text of an HTML page, without markup, scripts and styles. Rough: a page that matters is read in the browser.

/// What a reader would see, one block per line.
pub(super) fn text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some((before, behind)) = rest.split_once('<') {
        push(&mut out, before);
        let name: String = behind.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        let end = if behind.starts_with("!--") { "-->" } else { ">" };
        rest = behind.split_once(end).map_or("", |(_, after)| after);
        if !behind.starts_with('/') && matches!(name.as_str(), "script" | "style" | "noscript" | "template") {
            rest = after_closing(rest, &name);
        }
        match name.as_str() {
            "a" | "b" | "i" | "em" | "strong" | "span" | "code" | "small" | "u" => {}
            "td" | "th" => out.push(' '),
            _ => out.push('\n'),
        }
    }
    push(&mut out, rest);
    let lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn after_closing<'a>(text: &'a str, name: &str) -> &'a str {
    let is_named = |at: usize| {
        let found = text.as_bytes().get(at..at + name.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    let Some((at, _)) = text.match_indices("</").find(|(at, _)| is_named(at + 2)) else { return "" };
    text[at..].split_once('>').map_or("", |(_, after)| after)
}

fn push(out: &mut String, text: &str) {
    let mut text = text.to_owned();
    let known = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    for (entity, means) in known {
        if text.contains(entity) {
            text = text.replace(entity, means);
        }
    }
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_reader_sees_is_left() {
        let html = "<html><head><style>p { color: red }</style><script>if (a < b) { evil() }</script></head>\
                    <body><!-- <b>hidden</b> --><h1>Hello</h1><p>Fish &amp; <b>chips</b>&nbsp;today</p></body>";
        assert_eq!(text(html), "Hello\nFish & chips today");
        assert_eq!(text("no markup"), "no markup");
        assert_eq!(text("<script>never closed"), "");
    }

    #[test]
    fn a_megabyte_of_anything_is_read() {
        let of = |part: &str| text(&part.repeat((1 << 20) / part.len())).len();
        for part in ["<script></script>", "<style></STYLE >", "<noscript>a</", "<", "</", "<!--", "<a>", "&amp;<>"] {
            assert!(of(part) <= 1 << 20, "{part}");
        }
        assert_eq!(text(&format!("{}end", "<script></script>".repeat(60_000))), "end");
        assert_eq!(text("<SCRIPT>é</ é</scrip</ScRiPt >seen"), "seen");
    }

    proptest! {
        #[test]
        fn no_page_brings_it_down(html in "(<|>|/|script|style|-|!|é|a|&amp;| ){0,60}") {
            let _ = text(&html);
        }
    }
}
