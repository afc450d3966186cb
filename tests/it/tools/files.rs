//! Files and rows in the persona's folder.

use std::fs;

use actors::{
    domain::{ArtifactKind, Cue, Effect, Ended, Step, ToolKind},
    ports::Performer,
};
use tokio_util::sync::CancellationToken;

use super::{Stage, error_text};

fn write(path: &str, content: &str) -> Step {
    Step::WriteFile { path: path.into(), content: content.into(), description: "a note".into() }
}

fn append(path: &str, row: &[(&str, &str)]) -> Step {
    let row = row.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect();
    Step::AppendCsv { path: path.into(), row, description: String::new() }
}

#[tokio::test]
async fn a_file_is_written_whole_and_kept_as_an_artifact() {
    let stage = Stage::new();
    for content in ["first, longer", "second"] {
        let outcome = stage.perform(write("notes/outline.md", content)).await;
        assert!(outcome.holds(), "{outcome:?}");
        assert_eq!(fs::read_to_string(stage.file("notes/outline.md")).unwrap(), content);
        assert_eq!(
            (&outcome.data["file"], &outcome.data["description"]),
            (&"notes/outline.md".into(), &"a note".into())
        );
        let artifact = &outcome.artifacts[0];
        assert_eq!((artifact.kind, artifact.name.as_str()), (ArtifactKind::File, "outline.md"));
        assert_eq!((artifact.media_type, artifact.bytes.as_slice()), ("text/markdown", content.as_bytes()));
    }
}

#[tokio::test]
async fn captions_are_rendered_as_the_file_s_name_says() {
    let stage = Stage::new();
    for (path, begins, media_type) in [
        ("show/intro.vtt", "WEBVTT\n\n00:00:00.000 -->", "text/vtt"),
        ("intro.srt", "1\n00:00:00,000 -->", "application/x-subrip"),
    ] {
        let cues = vec![Cue { text: "Curtain up".into(), lasts_ms: 1_500 }];
        let outcome = stage.perform(Step::RenderCaptions { path: path.into(), cues, description: String::new() }).await;
        assert!(outcome.holds(), "{outcome:?}");
        let file = fs::read_to_string(stage.file(path)).unwrap();
        assert!(file.starts_with(begins) && file.contains("Curtain up"), "{file}");
        let artifact = &outcome.artifacts[0];
        assert_eq!((artifact.kind, artifact.media_type), (ArtifactKind::File, media_type));
    }
}

#[tokio::test]
async fn what_leads_out_or_is_too_large_writes_nothing() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    stage.perform(write("here.txt", "x")).await;
    std::os::unix::fs::symlink(outside.path(), stage.file("out")).unwrap();
    let huge = "x".repeat((8 << 20) + 1);
    for (path, content, said) in [
        ("../up.txt", "x", "it holds `.` or `..`"),
        ("/etc/motd", "x", "absolute"),
        ("out/theirs.txt", "x", "leads over a link"),
        ("here.txt/below.txt", "x", "not a folder"),
        ("huge.txt", huge.as_str(), "at most 8388608"),
    ] {
        let outcome = stage.perform(write(path, content)).await;
        assert_eq!(outcome.ended, Ended::NotBegun, "{path}");
        assert!(error_text(&outcome).contains(said), "{path}: {}", error_text(&outcome));
        assert!(!outcome.error.unwrap().retryable, "{path}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(!stage.file("huge.txt").exists());
}

fn read(path: &str) -> Step {
    Step::ReadFile { path: path.into(), save_as: Some("found".into()) }
}

fn list(path: Option<&str>) -> Step {
    Step::ListFiles { path: path.map(str::to_owned), save_as: None }
}

#[tokio::test]
async fn what_was_written_is_read_and_listed() {
    let stage = Stage::new();
    let empty = stage.perform(list(None)).await;
    assert!(empty.holds() && empty.artifacts[0].bytes == b"no files\n", "{empty:?}");
    for path in ["notes/outline.md", "a.md"] {
        stage.perform(write(path, "Äpfel\n")).await;
    }
    let outcome = stage.perform(read("notes/outline.md")).await;
    assert!(outcome.holds(), "{outcome:?}");
    assert_eq!((outcome.artifacts[0].kind, outcome.artifacts[0].name.as_str()), (ArtifactKind::Text, "outline.md"));
    assert_eq!(
        (outcome.artifacts[0].bytes.as_slice(), &outcome.data["value"]),
        ("Äpfel\n".as_bytes(), &"Äpfel\n".into())
    );
    fs::write(stage.file("a b\n.md"), "x").unwrap();
    let all = stage.perform(list(None)).await;
    let text = String::from_utf8(all.artifacts[0].bytes.clone()).unwrap();
    assert_eq!(text, "\"a b\\n.md\" 1\n\"a.md\" 7\n\"notes/outline.md\" 7\n");
    let below = stage.perform(list(Some("notes"))).await;
    assert_eq!((&below.data["count"], below.artifacts[0].bytes.as_slice()), (&1.into(), &b"\"outline.md\" 7\n"[..]));
    for step in [read("a.md"), list(None)] {
        assert_eq!((step.effect(), step.kind()), (Effect::Read, Some(ToolKind::Files)));
    }
}

#[tokio::test]
async fn looking_leads_nowhere_and_is_bounded() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("theirs.txt"), "theirs").unwrap();
    stage.perform(write("here.txt", "x")).await;
    std::os::unix::fs::symlink(outside.path(), stage.file("out")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("theirs.txt"), stage.file("mine.txt")).unwrap();
    fs::write(stage.file("picture.png"), [0x89, 0, 1]).unwrap();
    fs::write(stage.file("huge.txt"), "x".repeat((8 << 20) + 1)).unwrap();
    for (step, said) in [
        (read("../up.txt"), "it holds `.` or `..`"),
        (read("/etc/passwd"), "absolute"),
        (read("out/theirs.txt"), "leads over a link"),
        (read("mine.txt"), "leads over a link"),
        (read("none.txt"), "there is no file `none.txt`"),
        (read("picture.png"), "is no text"),
        (read("huge.txt"), "at most 8388608"),
        (list(Some("../..")), "it holds `.` or `..`"),
        (list(Some("out")), "leads over a link"),
        (list(Some("none")), "there is no folder `none`"),
    ] {
        let outcome = stage.perform(step).await;
        assert!(error_text(&outcome).contains(said), "{said}: {}", error_text(&outcome));
        assert!(!outcome.holds() && outcome.artifacts.is_empty());
    }
    let named = String::from_utf8(stage.perform(list(None)).await.artifacts[0].bytes.clone()).unwrap();
    assert!(named.contains("here.txt") && !named.contains("mine.txt") && !named.contains("theirs"), "{named}");
    stage.perform(write("long.txt", &"ä".repeat(600 << 10))).await;
    let long = stage.perform(read("long.txt")).await;
    assert_eq!((long.artifacts[0].bytes.len(), &long.data["cut"]), (1 << 20, &true.into()));
    assert!(long.data["value"].as_str().unwrap().chars().count() <= 8_000);
    for n in 0..600 {
        fs::write(stage.file(&format!("n{n}")), "").unwrap();
    }
    let many = stage.perform(list(None)).await;
    assert_eq!((&many.data["count"], &many.data["cut"]), (&500.into(), &true.into()));
}

#[tokio::test]
async fn a_step_performed_again_after_a_crash_adds_no_second_row() {
    let stage = Stage::new();
    let row = append("proposals.csv", &[("posting", "Audit"), ("note", "a, \"b\"")]);
    let first = stage.perform(row.clone()).await;
    // The crash: the row is on disk, its outcome never was. The same step comes again, with the same key.
    let again = stage.perform(row).await;
    assert_eq!((&first.data["row"], &again.data["row"]), (&1.into(), &1.into()));
    assert_eq!(first.artifacts, again.artifacts, "the same proof");
    assert_eq!(first.artifacts[0].kind, ArtifactKind::CsvRow);
    let other = append("proposals.csv", &[("posting", "Report"), ("note", "")]);
    let next = stage.tools.perform(stage.call(&other, 1), CancellationToken::new()).await;
    assert_eq!(next.data["row"], 2);

    let text = fs::read_to_string(stage.file("proposals.csv")).unwrap();
    let goal = stage.call(&other, 1).goal;
    assert_eq!(text, format!("posting,note,key\nAudit,\"a, \"\"b\"\"\",{goal}:0\nReport,,{goal}:1\n"));
}

#[tokio::test]
async fn a_row_that_does_not_fit_names_the_column() {
    let stage = Stage::new();
    stage.perform(append("p.csv", &[("posting", "Audit")])).await;
    let other = append("p.csv", &[("title", "Audit")]);
    let outcome = stage.tools.perform(stage.call(&other, 1), CancellationToken::new()).await;
    assert_eq!(outcome.ended, Ended::NotBegun);
    assert!(error_text(&outcome).contains("column 1 of the file is `posting` and of the row `title`"), "{outcome:?}");
}
