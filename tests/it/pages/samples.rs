//! Every page over made-up records, kept as a snapshot; and laid out as a small site to look at.

use std::{fs, path::Path};

use greenroom::web::pages::samples;

#[test]
fn every_page_renders_its_samples() {
    for (title, html) in samples::render().unwrap() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(title, html);
        });
    }
}

#[test]
fn no_page_carries_inline_style_or_script() {
    for (title, html) in samples::render().unwrap() {
        assert!(!html.contains(" style=") && !html.contains("<style"), "{title}: the content policy forbids it");
        assert!(!html.contains("<script>") && !html.contains(" onclick="), "{title}: the content policy forbids it");
        assert!(!html.contains("alert(1)</script>"), "{title}: what people write is escaped");
    }
}

/// Lays the samples out under `target/pages`, as a site that any static server can show.
#[test]
fn the_samples_stand_ready_to_be_looked_at() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    for (title, html) in samples::render().unwrap() {
        let folder = root.join(title);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), html).unwrap();
    }
}
