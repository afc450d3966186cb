//! What a tool can see and touch in a container: its workspace by its effect, and nothing else.

use std::{fs, net::TcpListener};

use greenroom::tools::{
    isolation::Runner as _,
    sandbox::{End, Job},
};

use super::{Place, said, sh};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_lands_in_the_workspace_and_the_answer_comes_out() {
    let Some(place) = Place::new() else { return };
    let (command, workspace) =
        (sh("cat > note.md; pwd; cat /workspace/note.md; echo oh >&2; exit 7"), place.workspace());
    let job = Job { input: b"mine\n", may_write: true, workspace: Some(&workspace), ..Job::new(&command) };
    let ran = place.run(job).await;
    assert_eq!((ran.end, ran.texts()), (End::Exit(7), ("/workspace\nmine\n".to_owned(), "oh\n".to_owned())));
    assert_eq!(fs::read_to_string(place.workspace().join("note.md")).unwrap(), "mine\n");
    let within = ran.container.unwrap();
    assert_eq!((within.image.as_str(), within.runtime.as_str()), (super::engine::IMAGE, "runc"));
    assert!(place.there().iter().any(|id| id.starts_with(&within.id)), "the receipt names it");
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_holds_a_tool_to_its_effect_in_one_warm_container() {
    let Some(place) = Place::new() else { return };
    let workspace = place.workspace();
    fs::create_dir_all(workspace.join("deep")).unwrap();
    fs::write(workspace.join("deep/note.md"), "mine").unwrap();
    // What an earlier tool left open for everybody, and for nobody.
    assert_eq!(
        said(&place.sh("echo x > open; chmod 666 open; mkdir d; chmod 777 d; echo y > shut; chmod 600 shut").await),
        ""
    );
    let first = place.there();

    let look = |line: &str| {
        let command = sh(line);
        let (place, workspace) = (&place, &workspace);
        async move { place.run(Job { workspace: Some(workspace), ..Job::new(&command) }).await }
    };
    assert_eq!(said(&look("cat deep/note.md open shut").await), "minex\ny\n");
    for line in [
        "echo x > new",
        "echo x >> open",
        "echo x > d/new",
        "rm open",
        "chmod 777 open",
        "mv open other",
        "ln deep/note.md l",
        "echo x > /cache/x",
    ] {
        assert_ne!(look(line).await.end, End::Exit(0), "`{line}` worked");
    }
    let blind = sh("ls /workspace; cat /workspace/open");
    let blind = place.run(Job::new(&blind)).await;
    assert_eq!((blind.end, blind.texts().0.as_str()), (End::Exit(1), ""));
    assert_eq!(blind.texts().1.matches("Permission denied").count(), 2, "{:?}", blind.texts());

    assert_eq!(said(&place.sh("echo z >> open; cat open; rm -r d").await), "x\nz\n");
    assert_eq!(place.there(), first, "one container for all of them");
    let mut left: Vec<_> = fs::read_dir(&workspace).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["deep", "open", "shut"]);
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_can_be_written_seen_or_reached() {
    let Some(place) = Place::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    fs::create_dir_all(place.root.path().join("tools/greet")).unwrap();
    let root = place.root.path().display();
    let line = format!(
        "for f in /x /bin/x /etc/x /dev/x /proc/sys/kernel/hostname /tools/x /tools/shared/greet/x /workspace/../x; do \
           (echo x > $f) 2>/dev/null && echo \"wrote $f\"; done; \
         for f in {root} {root}/keys/secrets.key /var/run/docker.sock /workspace/../keys; do test -e $f && echo \"sees $f\"; done; \
         nc -w 2 127.0.0.1 {port} </dev/null && echo reached; \
         wget -T 2 -q -O - http://1.1.1.1/ && echo out; \
         tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; \
         for c in 'unshare -U true' 'mount -t tmpfs x /tmp' 'chroot / true' 'mknod /tmp/b b 8 0' 'kill 1'; do \
           $c 2>/dev/null && echo \"may $c\"; done; \
         kill $(pidof cat) 2>/dev/null && echo 'may end the first'; \
         env | cut -d= -f1 | sort | tr '\\n' ' '"
    );
    let ran = place.sh(&line).await;
    let (seen, _) = ran.texts();
    let names = "HOME HOSTNAME LANG PATH PWD PYTHONDONTWRITEBYTECODE SHLVL TMPDIR ";
    assert_eq!(seen, format!("lo\n{names}"), "{ran:?}");
    let there = place.there();
    assert_eq!(said(&place.sh("kill -9 -1; echo nobody to end").await), "nobody to end\n");
    assert_eq!((said(&place.sh("echo fine").await).as_str(), place.there()), ("fine\n", there));
    place.containers.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_finds_its_own_folder_and_has_no_rights() {
    let Some(place) = Place::new() else { return };
    let folder = place.root.path().join("tools/greet");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("greet.sh"),
        "read name; echo \"Hello $name\"; grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status",
    )
    .unwrap();
    let (command, workspace) = (["sh", "./greet.sh"].map(str::to_owned), place.workspace());
    let job = Job { folder: Some(&folder), input: b"Ada\n", workspace: Some(&workspace), ..Job::new(&command) };
    let seen = said(&place.run(job).await);
    for line in ["Hello Ada", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"]
    {
        assert!(seen.lines().any(|found| found == line), "{line}: {seen}");
    }
    assert!(!seen.contains("Uid:\t0\t"), "{seen}");
    let report = place.ada().report().await.unwrap();
    assert_eq!(report.iter().filter(|held| !held.in_force).collect::<Vec<_>>(), Vec::<&_>::new());
    place.containers.close().await;
}
