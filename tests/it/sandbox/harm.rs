//! Commands that mean harm, or go wrong: each ends within its limits and leaves nothing behind.

use std::{fs, time::Duration};

use greenroom::tools::sandbox::{End, Job, MOST_OUTPUT_BYTES};
use tokio_util::sync::CancellationToken;

use super::{Place, SECOND, bounds_processes, ends_soon, processes_with, said, sh};

#[tokio::test]
async fn what_forks_without_end_ends_and_the_machine_does_not_notice() {
    let Some(place) = Place::new().await else { return };
    bounds_processes().await;
    // Doubles until it may not; the word is how its processes are told from others.
    let bomb = "f() { sleep 4242 & f | f & wait; }; f";
    let (command, workspace) = (sh(bomb), place.workspace());
    let job = Job { limit: 2 * SECOND, most_processes: 24, workspace: Some(&workspace), ..Job::new(&command) };
    let running = place.run(job);
    let ran = running.await;
    assert!(ran.end != End::Exit(0), "{ran:?}");
    assert!(ran.hit.contains(&"processes") || ran.texts().1.contains("fork"), "{ran:?}");
    assert_eq!(processes_with("sleep 4242"), Vec::<(i32, String)>::new(), "no process of it is left");
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
}

#[tokio::test]
async fn output_without_end_is_cut_and_counted() {
    let Some(place) = Place::new().await else { return };
    let ran = place.sh("head -c 100000000 /dev/zero; head -c 200000 /dev/zero >&2").await;
    assert_eq!(ran.end, End::Exit(0));
    assert_eq!(ran.output_bytes(), (100_000_000, MOST_OUTPUT_BYTES));
    assert_eq!(ran.texts().1.len(), 64 << 10);
}

#[tokio::test]
async fn what_hangs_is_killed_with_its_children() {
    let Some(place) = Place::new().await else { return };
    let (command, workspace) = (sh("trap '' TERM INT HUP; echo begun; sleep 4343 & sleep 4343"), place.workspace());
    let job = Job { limit: SECOND, workspace: Some(&workspace), ..Job::new(&command) };
    let ran = place.run(job.clone()).await;
    assert_eq!((ran.end, ran.texts().0.as_str()), (End::TimedOut, "begun\n"));
    assert_eq!(processes_with("sleep 4343"), Vec::<(i32, String)>::new());

    let stop = CancellationToken::new();
    stop.cancel();
    let job = Job { limit: Duration::from_secs(600), ..job };
    assert_eq!(place.sandbox.run(&job, &stop).await.unwrap().end, End::Stopped);
    assert_eq!(processes_with("sleep 4343"), Vec::<(i32, String)>::new());
}

/// Ended before, while and after the sandbox is made: bubblewrap itself has moments in which its end goes unnoticed.
#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_ended_or_given_up_nothing_is_left() {
    let Some(place) = Place::new().await else { return };
    let (command, workspace) = (sh("sleep 4545"), place.workspace());
    let job = Job { workspace: Some(&workspace), limit: Duration::from_secs(600), ..Job::new(&command) };
    for moment in 0..100 {
        let stop = CancellationToken::new();
        let running = place.sandbox.run(&job, &stop);
        let at = tokio::time::sleep(Duration::from_micros(moment * 100));
        if moment % 2 == 0 {
            let stopping = async {
                at.await;
                stop.cancel();
            };
            let (ran, ()) = tokio::join!(running, stopping);
            assert!(ran.is_err() || ran.unwrap().end == End::Stopped);
        } else {
            assert!(tokio::time::timeout_at(at.deadline(), running).await.is_err(), "given up");
        }
    }
    // Of those that were given up the kernel may still be ending some.
    let left = processes_with(workspace.to_str().unwrap());
    let mut ends = left.iter().map(|(pid, _)| *pid).collect::<Vec<_>>();
    ends.retain(|pid| !ends_soon(*pid));
    assert_eq!(ends, Vec::<i32>::new(), "of 100");
}

#[tokio::test]
async fn what_is_left_behind_in_the_background_ends_with_its_tool() {
    let Some(place) = Place::new().await else { return };
    let ran = place.sh("setsid sleep 4444 >/dev/null 2>&1 </dev/null & echo gone").await;
    assert_eq!(said(&ran), "gone\n");
    assert_eq!(processes_with("sleep 4444"), Vec::<(i32, String)>::new());
}

#[tokio::test]
async fn codes_and_signals_are_told() {
    let Some(place) = Place::new().await else { return };
    assert_eq!(place.sh("exit 7").await.end, End::Exit(7));
    let killed = place.sh("kill -SEGV $$").await;
    assert_eq!((killed.end, killed.signal()), (End::Exit(139), Some(11)));
    let (command, workspace) = (["no-such-program".to_owned()], place.workspace());
    let missing = place.run(Job { workspace: Some(&workspace), ..Job::new(&command) }).await;
    assert_eq!(missing.end, End::Exit(127));
    assert!(missing.texts().1.contains("no-such-program"), "{:?}", missing.texts());
}

#[tokio::test]
async fn memory_disk_and_processor_have_their_bounds() {
    let Some(place) = Place::new().await else { return };
    let workspace = place.workspace();
    let hog = ["/usr/bin/python3", "-c", "x = bytearray(400 << 20); print(len(x))"].map(str::to_owned);
    let hungry = place.run(Job { memory_bytes: 64 << 20, workspace: Some(&workspace), ..Job::new(&hog) }).await;
    assert_ne!(hungry.end, End::Exit(0), "{hungry:?}");
    let fed = place.run(Job { memory_bytes: 600 << 20, workspace: Some(&workspace), ..Job::new(&hog) }).await;
    assert_eq!(said(&fed), "419430400\n");

    let command = sh("head -c 20000000 /dev/zero > big");
    let full = place
        .run(Job { may_write: true, most_file_bytes: 1 << 20, workspace: Some(&workspace), ..Job::new(&command) })
        .await;
    assert_ne!(full.end, End::Exit(0));
    assert_eq!(fs::metadata(workspace.join("big")).unwrap().len(), 1 << 20);
    for folder in ["/tmp", "/dev/shm"] {
        let ran = place
            .sh(&format!("head -c 60000000 /dev/zero > {folder}/a; head -c 60000000 /dev/zero > {folder}/b"))
            .await;
        assert!(ran.texts().1.contains("No space left"), "{folder}: {ran:?}");
    }
}

#[tokio::test]
async fn a_tool_that_fills_the_disk_is_ended() {
    let Some(place) = Place::new().await else { return };
    let workspace = place.workspace();
    let job = |command| Job {
        may_write: true,
        workspace: Some(&workspace),
        limit: Duration::from_secs(600),
        ..Job::new(command)
    };
    let many = sh("mkdir d; i=0; while :; do : > d/$i; i=$((i+1)); done");
    let ran = place.run(Job { most_files: 500, ..job(&many) }).await;
    assert_eq!((ran.end, ran.hit.as_slice()), (End::DiskFull, ["disk"].as_slice()), "{ran:?}");
    fs::remove_dir_all(workspace.join("d")).unwrap();

    let much = sh("i=0; while [ $i -lt 100 ]; do head -c 1000000 /dev/zero > $i; i=$((i+1)); done; sleep 600");
    assert_eq!(place.run(Job { most_bytes: 50_000_000, ..job(&much) }).await.end, End::DiskFull);

    let idle = sh("sleep 600");
    let scarce = place.sandbox.clone().leaving_free_mb(u64::MAX);
    assert_eq!(scarce.run(&job(&idle), &CancellationToken::new()).await.unwrap().end, End::DiskFull);
}

#[tokio::test]
async fn a_tool_runs_behind_everybody_else() {
    let Some(place) = Place::new().await else { return };
    assert_eq!(said(&place.sh("nice").await), "19\n");
}

#[tokio::test]
async fn a_tool_that_does_not_read_does_not_hold_anyone_up() {
    let Some(place) = Place::new().await else { return };
    let (command, workspace) = (sh("echo done"), place.workspace());
    let much = vec![b'x'; 4 << 20];
    assert_eq!(
        said(&place.run(Job { input: &much, workspace: Some(&workspace), ..Job::new(&command) }).await),
        "done\n"
    );
}
