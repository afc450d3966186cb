//! What a tool can see and touch: its workspace, and nothing else.

use std::{fs, net::TcpListener};

use greenroom::tools::sandbox::{End, Job};

use super::{Place, said, sh};

#[tokio::test]
async fn nothing_of_the_machine_is_there_but_programs() {
    let Some(place) = Place::new().await else { return };
    let there = said(&place.sh("ls -A /; echo --; ls -A /workspace; echo --; ls -A /etc").await);
    let [top, workspace, etc] = there.split("--\n").collect::<Vec<_>>()[..] else { panic!("{there}") };
    for gone in ["root", "home", "var", "opt", "srv", "sys", "run", "boot", "mnt"] {
        assert!(!top.lines().any(|name| name == gone), "{gone} is there: {top}");
    }
    assert_eq!(workspace, "", "an empty workspace, and no other persona's");
    for gone in ["passwd", "shadow", "hosts", "machine-id", "ssh"] {
        assert!(!etc.lines().any(|name| name == gone), "{gone} is there: {etc}");
    }
    // By their real addresses too.
    let root = place.root.path().display();
    for address in [format!("{root}"), format!("{root}/keys/secrets.key"), format!("{root}/personas/bo/files")] {
        assert!(fs::exists(&address).unwrap());
        assert_eq!(said(&place.sh(&format!("test -e {address} || echo no")).await), "no\n", "{address}");
    }
}

#[tokio::test]
async fn only_the_workspace_can_be_written_and_only_by_who_may() {
    let Some(place) = Place::new().await else { return };
    assert_eq!(said(&place.sh("echo mine > note.md; cat note.md").await), "mine\n");
    assert_eq!(fs::read_to_string(place.workspace().join("note.md")).unwrap(), "mine\n");
    for target in ["/x", "/usr/x", "/usr/bin/x", "/etc/x", "/dev/x", "/proc/sys/kernel/hostname", "/workspace/../x"] {
        let ran = place.sh(&format!("echo x > {target}")).await;
        assert_ne!(ran.end, End::Exit(0), "{target} could be written");
    }
    // Opened for writing, and nothing written: these would reach the whole machine.
    for setting in ["core_pattern", "panic", "hostname"] {
        let ran = place.sh(&format!(": >> /proc/sys/kernel/{setting}")).await;
        assert!(ran.texts().1.contains("Read-only file system"), "{setting}: {ran:?}");
    }
    let (command, workspace) = (sh("echo x > note.md"), place.workspace());
    let ran = place.run(Job { workspace: Some(&workspace), ..Job::new(&command) }).await;
    assert_ne!(ran.end, End::Exit(0));
    assert!(ran.texts().1.contains("Read-only file system"), "{:?}", ran.texts());
    assert_eq!(fs::read_to_string(place.workspace().join("note.md")).unwrap(), "mine\n");
}

#[tokio::test]
async fn a_tool_reads_its_own_folder_and_cannot_change_it() {
    let Some(place) = Place::new().await else { return };
    let folder = place.root.path().join("tools/greet");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("greet.sh"), "read name; echo \"Hello $name\"; echo x 2>/dev/null > /tool/x || echo kept")
        .unwrap();
    let (command, workspace) = (["sh", "./greet.sh"].map(str::to_owned), place.workspace());
    let job = Job { folder: Some(&folder), input: b"Ada\n", workspace: Some(&workspace), ..Job::new(&command) };
    assert_eq!(said(&place.run(job).await), "Hello Ada\nkept\n");
}

#[tokio::test]
async fn no_network_reaches_even_this_machine() {
    let Some(place) = Place::new().await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reach = format!(
        "import socket\ntry:\n  socket.create_connection(('127.0.0.1', {port}), 2)\n  print('reached')\nexcept OSError as e:\n  print(type(e).__name__)"
    );
    let outside = std::process::Command::new("/usr/bin/python3").args(["-c", &reach]).output().unwrap();
    assert_eq!(outside.stdout, b"reached\n", "the listener can be reached at all: {outside:?}");
    let command = ["/usr/bin/python3".to_owned(), "-c".into(), reach];
    let workspace = place.workspace();
    assert_eq!(
        said(&place.run(Job { workspace: Some(&workspace), ..Job::new(&command) }).await),
        "ConnectionRefusedError\n"
    );
    let devices = said(&place.sh("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await);
    assert_eq!(devices, "lo\n");
    // Families that do not keep to the name space are not there at all: AF_VSOCK, AF_NETLINK, AF_PACKET.
    for family in [40, 16, 17] {
        let line = format!("/usr/bin/python3 -c 'import socket; socket.socket({family}, 3)'");
        let ran = place.sh(&line).await;
        assert!(ran.texts().1.contains("Function not implemented"), "{family}: {:?}", ran.texts());
    }
}

#[tokio::test]
async fn other_processes_and_our_environment_are_not_there() {
    let Some(place) = Place::new().await else { return };
    let seen = said(
        &place.sh("cat /proc/[0-9]*/comm; echo --; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; echo --; env").await,
    );
    let [names, others, own] = seen.split("--\n").collect::<Vec<_>>()[..] else { panic!("{seen}") };
    assert!(names.lines().all(|name| ["bwrap", "sh", "cat", "prlimit"].contains(&name)), "{names}");
    // Cargo sets these for every test; they stand for whatever a server was started with.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
    for environment in [others, own] {
        assert!(!environment.contains("CARGO"), "{environment}");
    }
    let mut known: Vec<&str> = own.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    known.sort_unstable();
    assert_eq!(known, ["HOME", "LANG", "PATH", "PWD", "PYTHONDONTWRITEBYTECODE", "TMPDIR"]);
}

#[tokio::test]
async fn no_right_is_left_and_none_can_be_gained() {
    let Some(place) = Place::new().await else { return };
    let status = said(&place.sh("grep -E '^(Seccomp|NoNewPrivs|Cap...):' /proc/self/status; id -u; hostname").await);
    for line in
        ["Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "1000", "sandbox"]
    {
        assert!(status.lines().any(|found| found == line), "{line}: {status}");
    }
    for line in [
        "unshare -U true",
        "unshare -m true",
        "mount -t tmpfs x /tmp",
        "/usr/sbin/chroot / true",
        "su -c true",
        "mknod x b 8 0",
    ] {
        let ran = place.sh(line).await;
        assert_ne!(ran.end, End::Exit(0), "`{line}` worked");
        assert_ne!(ran.end, End::Exit(127), "`{line}` is no program here, so it shows nothing");
    }
    let report = place.sandbox.report().await.unwrap();
    assert!(report.iter().any(|held| held.what == "system calls" && held.in_force), "{report:?}");
}
