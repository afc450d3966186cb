//! A disk that is really full: nothing new begins, what has happened is written, and afterwards all of it goes on.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use reqwest::Method;
use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    model::{self, Model},
    place::Place,
    server::Server,
    skip,
    stage::{Stage, other_work},
};

const MB: u64 = 1 << 20;
/// Set for the test that runs in namespaces of its own.
const INSIDE: &str = "TEST_RUNS_IN_NAMESPACES";

/// A small file system in memory; gone when dropped.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// The reason why there is none.
    fn mount(megabytes: u64) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self { folder }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes room until this many bytes are left. The server takes some itself meanwhile.
    fn fill_up_to(&self, left: u64) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        if left == 0 {
            let full = std::iter::repeat_with(|| file.write_all(&[0; 4096])).find_map(Result::err).unwrap();
            assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
            return;
        }
        loop {
            let disk = statvfs(self.path()).unwrap();
            let Some(room) = (disk.f_bavail * disk.f_frsize).checked_sub(left).filter(|room| *room > 0) else { return };
            let taken = file.metadata().unwrap().len();
            match fallocate(&file, FallocateFlags::empty(), taken, room) {
                Ok(()) => return,
                Err(error) => assert_eq!(error, Errno::NOSPC),
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "the small disk stays mounted");
    }
}

/// A text to be written by the model, and kept as a file.
async fn text_from(server: &Server, persona: &str, word: &str) -> String {
    let body = json!({ "kind": "ai", "title": "Write", "payload": { "prompt": word, "file": "text.md" } });
    let goal = server.post(&format!("/api/personas/{persona}/goals"), &body).await;
    goal["id"].as_str().unwrap().to_owned()
}

async fn is_refused(server: &Server) {
    let (status, text) = server.ask(server.request(Method::GET, "/readyz")).await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("MB free"), "{text}");
    let io = json!({ "kind": "io", "title": "Keep a note", "payload": {
        "steps": [{ "action": "write_file", "path": "more.txt", "content": "hello" }] } });
    let (status, text) = server.ask(server.request(Method::POST, "/api/personas/jason/goals").json(&io)).await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("`/readyz` says why"), "{text}");
}

fn composed_by<'a>(goal: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |receipt| receipt["goal"] == goal && receipt["tool"] == "compose" && receipt["phase"] == "outcome"
}

/// Effects that were begun; a call to a model has an intent too, for what it may cost.
fn effects(receipts: &[Value]) -> usize {
    receipts.iter().filter(|receipt| receipt["phase"] == "intent" && receipt["effect"] != "pure").count()
}

/// Runs this test once more where an ordinary user may mount: in namespaces of its own.
fn again_in_namespaces() -> Result<(), String> {
    if env::var_os(INSIDE).is_some() {
        return Err("in its own namespaces too".to_owned());
    }
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let unshare = |program: &Path| {
        let mut unshare = Command::new("unshare");
        unshare.args(namespaces).arg(program);
        unshare
    };
    let allowed = unshare(Path::new("true")).output().map_err(|error| format!("unshare: {error}"))?;
    if !allowed.status.success() {
        return Err(String::from_utf8_lossy(&allowed.stderr).trim().to_owned());
    }
    let test = "kill::disk::a_full_disk_stops_what_would_begin_and_loses_nothing";
    let again = unshare(&env::current_exe().unwrap()).args(["--exact", test]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&again.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_what_would_begin_and_loses_nothing() {
    let disk = match SmallDisk::mount(420) {
        Ok(disk) => disk,
        Err(reason) => {
            if let Err(neither) = again_in_namespaces() {
                skip("disk", &format!("no small disk can be mounted here ({reason}; {neither})"));
            }
            return;
        }
    };
    full_disk(&disk).await;
}

async fn full_disk(disk: &SmallDisk) {
    let mut model = Model::start();
    let data_root = disk.path().join("data");
    fs::create_dir(&data_root).unwrap();
    fs::write(data_root.join("greenroom.toml"), model::settings(model.addr)).unwrap();
    let stage = Stage::on(Place::on(data_root.clone())).await;
    let server = stage.begin("").await;
    server.post("/api/personas", &json!({ "name": "Livia" })).await;
    assert_eq!(other_work(&server).await["state"], "done");
    assert_eq!(server.ask(server.request(Method::GET, "/readyz")).await.0, 200);

    // Two calls are under way. Below the limit nothing new begins, and the first one is recorded nevertheless.
    let low = text_from(&server, "jason", "low").await;
    let asked_low = model.question("low").await;
    let full = text_from(&server, "livia", "full").await;
    let asked_full = model.question("full").await;
    let mut live = server.live().await;
    disk.fill_up_to(100 * MB);
    is_refused(&server).await;
    asked_low.answer("Written while there was room.");
    let outcome = live.saw("the call", composed_by(&low)).await;
    assert_eq!((&outcome["state"], &outcome["body"]["error"]), (&json!("done"), &Value::Null), "{outcome:#}");
    is_refused(&server).await;

    // Not a byte is left: the reserve makes room for the second outcome, and its text is said to be missing.
    assert!(data_root.join("greenroom.reserve").exists());
    disk.fill_up_to(0);
    asked_full.answer("Written in vain.");
    let outcome = live.saw("the call on the full disk", composed_by(&full)).await;
    assert!(outcome["body"]["error"].as_str().unwrap().contains("is the disk full?"), "{outcome:#}");
    is_refused(&server).await;
    for goal in [&low, &full] {
        assert_eq!(effects(&server.receipts(goal).await), 0, "no effect is begun");
    }

    disk.make_room();
    assert_eq!(server.ask(server.request(Method::GET, "/readyz")).await.0, 200);
    // What the disk could not take is asked for anew; what it took is not.
    model.question("full").await.answer("Written once more.");
    for goal in [&low, &full] {
        assert_eq!(server.over(goal).await["state"], "done");
        assert_eq!(effects(&server.receipts(goal).await), 1);
    }
    assert_eq!(other_work(&server).await["state"], "done");
    assert_eq!(server.get("/api/goals").await["items"].as_array().unwrap().len(), 4, "what was refused is not there");
    assert!(data_root.join("greenroom.reserve").exists(), "the reserve is made again");
    stage.close(server).await;
    model.stop().await;
}
