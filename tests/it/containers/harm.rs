//! Commands that mean harm, or go wrong, in a container: each ends within its limits and leaves nothing at work.

use std::fs;

use greenroom::tools::{
    isolation::Runner as _,
    sandbox::{End, Job, MOST_OUTPUT_BYTES},
};
use tokio_util::sync::CancellationToken;

use super::{Begun, LONG, Place, said, sh};
use crate::sandbox::processes_with;

fn none() -> Vec<(i32, String)> {
    Vec::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_is_killed_with_its_children_and_the_next_call_works() {
    let Some(place) = Place::new() else { return };
    let (command, workspace) = (sh("trap '' TERM INT HUP; echo begun; sleep 5343 & sleep 5343"), place.workspace());
    let job = Job { limit: std::time::Duration::from_secs(1), workspace: Some(&workspace), ..Job::new(&command) };
    let ran = place.run(job.clone()).await;
    assert_eq!((ran.end, ran.texts().0.as_str()), (End::TimedOut, "begun\n"));
    assert_eq!(processes_with("sleep 5343"), none());

    let stop = CancellationToken::new();
    stop.cancel();
    let job = Job { limit: LONG, ..job };
    assert_eq!(place.ada().run(&job, &stop).await.unwrap().end, End::Stopped);
    assert_eq!(processes_with("sleep 5343"), none());
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_ends_too() {
    let Some(place) = Place::new() else { return };
    let begun = Begun::lay(&place.workspace());
    let (command, workspace) = (sh("echo $$ > begun; exec sleep 5545"), place.workspace());
    let job = Job { may_write: true, limit: LONG, workspace: Some(&workspace), ..Job::new(&command) };
    let ada = place.ada();
    ada.ready(&job).await.unwrap();
    let stop = CancellationToken::new();
    tokio::select! {
        ran = ada.run(&job, &stop) => panic!("{ran:?}"),
        () = begun.comes() => {}
    }
    // The place is free when nothing of it is left.
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    assert_eq!(processes_with("sleep 5545"), none());
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_behind_in_the_background_ends_with_its_tool() {
    let Some(place) = Place::new() else { return };
    let ran = place.sh("setsid sleep 5444 >/dev/null 2>&1 </dev/null & echo gone").await;
    assert_eq!(said(&ran), "gone\n");
    assert_eq!(processes_with("sleep 5444"), none());
    // Also one that still holds what it could write on.
    assert_eq!(said(&place.sh("sleep 5445 & echo gone").await), "gone\n");
    assert_eq!(processes_with("sleep 5445"), none());
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forks_without_end_ends_and_the_machine_does_not_notice() {
    let Some(place) = Place::new() else { return };
    let (command, workspace) = (sh("f() { sleep 5242 & f | f & wait; }; f"), place.workspace());
    let limit = std::time::Duration::from_secs(2);
    let job = Job { limit, most_processes: 24, workspace: Some(&workspace), ..Job::new(&command) };
    let ran = place.run(job).await;
    assert_ne!(ran.end, End::Exit(0), "{ran:?}");
    assert!(ran.texts().1.contains("fork"), "{ran:?}");
    assert_eq!(processes_with("sleep 5242"), none());
    assert_eq!(said(&place.sh("echo fine").await), "fine\n");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_without_end_is_cut_and_counted() {
    let Some(place) = Place::new() else { return };
    let ran = place.sh("head -c 100000000 /dev/zero; head -c 200000 /dev/zero >&2").await;
    assert_eq!((ran.end, ran.output_bytes()), (End::Exit(0), (100_000_000, MOST_OUTPUT_BYTES)));
    assert_eq!(ran.texts().1.len(), 64 << 10);
    let much = vec![b'x'; 4 << 20];
    let (command, workspace) = (sh("echo done"), place.workspace());
    let deaf = place.run(Job { input: &much, workspace: Some(&workspace), ..Job::new(&command) }).await;
    assert_eq!(said(&deaf), "done\n", "who does not read holds nobody up");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_disk_have_their_bounds() {
    let Some(place) = Place::new() else { return };
    let workspace = place.workspace();
    let hog = sh("dd if=/dev/zero of=/dev/null bs=200M count=1");
    let hungry = place.run(Job { memory_bytes: 64 << 20, workspace: Some(&workspace), ..Job::new(&hog) }).await;
    assert_eq!((hungry.end, hungry.signal()), (End::Exit(137), Some(9)), "{hungry:?}");
    // The next call may take more, in whichever container it runs.
    let fed = place.run(Job { memory_bytes: 600 << 20, workspace: Some(&workspace), ..Job::new(&hog) }).await;
    assert_eq!(fed.end, End::Exit(0), "{fed:?}");
    let held = place.run(Job { memory_bytes: 64 << 20, workspace: Some(&workspace), ..Job::new(&hog) }).await;
    assert_eq!(held.end, End::Exit(137), "the bound is the call's, not the container's first: {held:?}");

    let full = place.sh("head -c 90000000 /dev/zero > big").await;
    assert_ne!(full.end, End::Exit(0));
    assert_eq!(fs::metadata(workspace.join("big")).unwrap().len(), 64 << 20);
    let tmp = "head -c 60000000 /dev/zero > /tmp/a && echo fits; head -c 60000000 /dev/zero > /tmp/b || echo full";
    assert_eq!(said(&place.sh(tmp).await), "fits\nfull\n");
    assert_eq!(said(&place.sh("ls -A /tmp").await), "", "what an earlier call left there is gone");

    let many = sh("mkdir d; i=0; while :; do : > d/$i; i=$((i+1)); done");
    let job = Job { may_write: true, most_files: 500, limit: LONG, workspace: Some(&workspace), ..Job::new(&many) };
    let filled = place.run(job).await;
    assert_eq!((filled.end, filled.hit.as_slice()), (End::DiskFull, ["disk"].as_slice()), "{filled:?}");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_outlives_containers_and_has_a_bound() {
    let Some(place) = Place::with(|config| config.tools.container.cache_mb = 10) else { return };
    assert_eq!(said(&place.sh("echo kept > /cache/note").await), "");
    place.containers.close().await;
    let (command, workspace) = (sh("cat /cache/note"), place.workspace());
    let looks = Job { workspace: Some(&workspace), ..Job::new(&command) };
    assert_eq!(said(&place.run(looks).await), "kept\n");
    let fill = sh("i=0; while [ $i -lt 30 ]; do head -c 1000000 /dev/zero > /cache/$i; i=$((i+1)); done; sleep 600");
    let job = Job { may_write: true, limit: LONG, workspace: Some(&workspace), ..Job::new(&fill) };
    assert_eq!(place.run(job).await.end, End::DiskFull);
    place.containers.close().await;
}
