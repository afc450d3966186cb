//! What is known is what a look at everything would show.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use actors::domain::PersonaId;
use proptest::prelude::*;
use rustix::{
    fs::{FileType, Mode, inotify},
    io::Errno,
};

use super::{
    super::{manifest::FILE, watch::Watch},
    *,
};
use crate::tools::added::{NewFolder, Shelf, remove};

const ADA: Whose<'_> = Whose { id: PersonaId(uuid::Uuid::from_u128(7)), slug: "ada" };
const BO: Whose<'_> = Whose { id: PersonaId(uuid::Uuid::from_u128(8)), slug: "bo" };

fn taken(name: &str) -> bool {
    name == "file_write"
}

fn manifest(name: &str, about: &str) -> String {
    format!(
        "name = \"{name}\"\ndescription = \"{about}\"\ncommand = [\"true\"]\neffect = \"pure\"\n\
         parameters = {{ type = \"object\" }}\n"
    )
}

fn put(place: &Path, name: &str, about: &str) {
    fs::create_dir_all(place.join(name)).unwrap();
    fs::write(place.join(name).join(FILE), manifest(name, about)).unwrap();
}

/// Everything that can be told of a picture.
fn told(loaded: &Loaded) -> Vec<String> {
    let tools =
        loaded.tools.iter().map(|tool| format!("{} {:?} {:?}", tool.manifest.description, tool.from, tool.folder));
    tools.chain(loaded.broken.iter().map(ToString::to_string)).collect()
}

struct House {
    root: tempfile::TempDir,
    own: OwnTools,
}

impl House {
    fn new() -> Self {
        Self::watching(Watch::new())
    }

    fn watching(watch: Watch) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("tools")).unwrap();
        let own = OwnTools::watching(root.path().to_path_buf(), taken, watch);
        Self { root, own }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// The picture of this persona, which must be what a look at everything shows.
    fn sees(&self, whose: Option<Whose<'_>>, after: &str) -> Vec<String> {
        let known = told(&self.own.of(whose));
        assert_eq!(known, told(&load(self.root.path(), whose, taken)), "{after}");
        known
    }

    fn abouts(&self, whose: Option<Whose<'_>>) -> Vec<String> {
        self.own.of(whose).tools.iter().map(|tool| tool.manifest.description.clone()).collect()
    }
}

#[test]
fn what_is_watched_is_not_looked_at_but_before_a_call() {
    // A kernel that promises and never tells.
    let house = House::watching(Watch::adding(|_, path, _| Ok(path.as_os_str().len().try_into().unwrap())));
    put(&house.at("tools"), "greet", "Says good morning.");
    assert_eq!(house.abouts(None), ["Says good morning."]);
    put(&house.at("tools"), "greet", "Says good night.");
    assert_eq!(house.abouts(None), ["Says good morning."], "nobody looked");
    let called = house.own.to_call(Some(ADA), "greet");
    assert_eq!(called.named("greet").unwrap().manifest.description, "Says good night.");
    assert!(Arc::ptr_eq(&called, &house.own.of(Some(ADA))) && Arc::ptr_eq(&called, &house.own.of(None)));
}

#[test]
fn a_change_is_seen_by_the_next_look() {
    let house = House::new();
    let tools = house.at("tools");
    let before = std::cell::RefCell::new(house.sees(None, "nothing"));
    let after = |what: &str| {
        let now = house.sees(None, what);
        assert_ne!(before.replace(now.clone()), now, "{what}");
        now
    };
    put(&tools, "greet", "One.");
    after("a new folder");
    put(&tools, "greet", "Two.");
    after("a manifest written anew");
    fs::write(house.at("new"), manifest("greet", "Three.")).unwrap();
    fs::rename(house.at("new"), tools.join("greet/tool.toml")).unwrap();
    after("a manifest renamed over");
    fs::File::options().append(true).open(tools.join("greet/tool.toml")).unwrap().write_all(b"odd = 1\n").unwrap();
    after("a manifest written to");
    fs::remove_file(tools.join("greet/tool.toml")).unwrap();
    after("a manifest gone");
    put(&tools, "greet", "Four.");
    after("a manifest in a folder that had none");
    fs::hard_link(tools.join("greet/tool.toml"), house.at("other")).unwrap();
    fs::write(house.at("other"), manifest("greet", "Five.")).unwrap();
    after("written under another name of it");
    put(&house.at("aside"), "greet", "Six.");
    fs::rename(tools.join("greet"), house.at("before")).unwrap();
    fs::rename(house.at("aside/greet"), tools.join("greet")).unwrap();
    after("another folder in its place");
    fs::write(house.at("before/tool.toml"), manifest("greet", "Not here.")).unwrap();
    house.sees(None, "what went away is of no matter");
    fs::rename(tools.join("greet"), tools.join("hello")).unwrap();
    after("a folder renamed");
    fs::remove_dir_all(tools.join("hello")).unwrap();
    assert_eq!(after("a folder gone"), [""; 0]);
}

#[test]
fn a_place_may_come_go_and_be_another() {
    let house = House::new();
    put(&house.at("tools"), "greet", "Everyone's.");
    assert_eq!(
        (house.abouts(Some(ADA)), house.abouts(Some(BO))),
        (vec!["Everyone's.".into()], vec!["Everyone's.".into()])
    );
    assert!(Arc::ptr_eq(&house.own.of(Some(ADA)), &house.own.of(Some(BO))), "who has none shares everyone's");
    put(&house.at("personas/ada/tools"), "greet", "Ada's.");
    assert_eq!(house.sees(Some(ADA), "made later").len(), 1);
    assert_eq!((house.abouts(Some(ADA)), house.abouts(Some(BO))), (vec!["Ada's.".into()], vec!["Everyone's.".into()]));
    put(&house.at(&format!("personas/{}/tools", ADA.id)), "greet", "Ada's own.");
    assert_eq!(house.abouts(Some(ADA)), ["Ada's own."]);
    fs::rename(house.at(&format!("personas/{}", ADA.id)), house.at("aside")).unwrap();
    assert_eq!(house.abouts(Some(ADA)), ["Ada's."], "the folder above went away");
    fs::rename(house.at("aside"), house.at("personas/bo")).unwrap();
    assert_eq!(house.abouts(Some(BO)), ["Ada's own."]);
    for round in 0..3 {
        fs::remove_dir_all(house.at("tools")).unwrap();
        house.sees(None, "the place is gone");
        put(&house.at("tools"), "sums", &format!("Adds {round}."));
        assert_eq!(house.abouts(None), [format!("Adds {round}.")]);
    }
}

#[test]
fn what_comes_over_the_api_is_there_at_once_and_gone_at_once() {
    let house = House::new();
    for round in 0..20 {
        let text = manifest("greet", &format!("Says {round}."));
        let new = NewFolder { manifest: &text, files: &[], persona: None, replace: true };
        Shelf::Tools.stage(house.root.path(), &new, "1").unwrap().put().unwrap();
        assert_eq!(house.abouts(None), [format!("Says {round}.")]);
    }
    remove(&house.at("tools/greet"), "2").unwrap();
    assert_eq!(house.abouts(None), [""; 0]);
}

#[test]
fn behind_a_link_it_is_looked_at_each_time() {
    let house = House::new();
    for (place, about) in [("one", "One."), ("two", "Two.")] {
        put(&house.at(place), "greet", about);
    }
    symlink(house.at("one"), house.at("between")).unwrap();
    symlink(house.at("between/greet"), house.at("tools/greet")).unwrap();
    fs::create_dir_all(house.at("tools/sums")).unwrap();
    fs::write(house.at("one/sums"), manifest("sums", "Adds.")).unwrap();
    symlink(house.at("between/sums"), house.at("tools/sums/tool.toml")).unwrap();
    assert_eq!(house.abouts(None), ["One.", "Adds."]);
    fs::write(house.at("one/sums"), manifest("sums", "Adds up.")).unwrap();
    put(&house.at("one"), "greet", "One more.");
    assert_eq!(house.abouts(None), ["One more.", "Adds up."]);
    fs::remove_file(house.at("between")).unwrap();
    symlink(house.at("two"), house.at("between")).unwrap();
    assert_eq!(house.sees(None, "a link between leads elsewhere").len(), 2);
    assert_eq!(house.abouts(None), ["Two."]);
    assert_eq!(house.own.unwatched(), None, "links are nothing to be told of");
    fs::remove_dir_all(house.at("two")).unwrap();
    house.sees(None, "a link leads nowhere");
    put(&house.at("two"), "greet", "Three.");
    assert_eq!(house.sees(None, "and somewhere again").len(), 2);
}

#[test]
fn who_looks_while_others_write_sees_in_the_end_what_there_is() {
    let house = House::new();
    let tools = house.at("tools");
    std::thread::scope(|scope| {
        for who in 0..3 {
            let (tools, house) = (&tools, &house);
            scope.spawn(move || {
                for round in 0..60 {
                    let name = format!("t{}", (who + round) % 5);
                    // Another one may move it away under the hand.
                    let _ = fs::create_dir_all(tools.join(&name));
                    let _ = fs::write(tools.join(&name).join(FILE), manifest(&name, &format!("{who} {round}")));
                    if round % 7 == who {
                        let _ = fs::rename(tools.join(&name), tools.join(format!("t{}", 5 + who)));
                    }
                    if round % 11 == who {
                        let _ = fs::remove_dir_all(tools.join(format!("t{}", 5 + who)));
                    }
                    house.own.of([None, Some(ADA), Some(BO)][who]);
                }
            });
            scope.spawn(move || (0..200).for_each(|_| drop(house.own.of([None, Some(ADA), Some(BO)][who]))));
        }
    });
    for whose in [None, Some(ADA), Some(BO)] {
        house.sees(whose, "all have written");
    }
}

#[test]
fn what_the_kernel_does_not_watch_is_looked_at_each_time() {
    let nothing: [(Watch, Unwatched); 2] = [
        (Watch::adding(|_, _, _| Err(Errno::NOSPC)), Unwatched::TooMany),
        (
            Watch::adding(|queue, path, what| match path.ends_with(FILE) {
                true => Err(Errno::NOSPC),
                false => inotify::add_watch(queue, path, what),
            }),
            Unwatched::TooMany,
        ),
    ];
    for (watch, why) in nothing {
        let house = House::watching(watch);
        for about in ["One.", "Two."] {
            put(&house.at("tools"), "greet", about);
            assert_eq!(house.abouts(None), [about]);
        }
        put(&house.at("tools"), "sums", "Adds.");
        assert_eq!(house.sees(None, "a new one").len(), 2);
        assert_eq!(house.own.unwatched(), Some(why));
        fs::remove_dir_all(house.at("tools")).unwrap();
        house.sees(None, "all are gone");
    }
}

#[test]
fn when_the_kernel_lost_count_everything_is_looked_at() {
    let house = House::new();
    for name in ["greet", "sums"] {
        put(&house.at("tools"), name, "One.");
    }
    assert_eq!(house.abouts(None), ["One.", "One."]);
    let most: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    // Two by turns, since what is noted twice in a row is noted once.
    for _ in 0..=most / 2 {
        for name in ["greet", "sums"] {
            fs::set_permissions(house.at("tools").join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    put(&house.at("tools"), "greet", "Two.");
    put(&house.at("tools"), "later", "Three.");
    assert_eq!(house.abouts(None), ["Two.", "Three.", "One."]);
    put(&house.at("tools"), "sums", "Four.");
    assert_eq!(house.abouts(None), ["Two.", "Three.", "Four."], "and it is heard again");
}

#[test]
fn who_waits_for_a_slow_disk_keeps_nobody_waiting_who_looks_elsewhere() {
    let house = House::new();
    put(&house.at("tools"), "greet", "Everyone's.");
    fs::create_dir_all(house.at("personas/ada/tools/slow")).unwrap();
    let file = house.at("personas/ada/tools/slow/tool.toml");
    rustix::fs::mknodat(rustix::fs::CWD, &file, FileType::Fifo, Mode::RWXU, 0).unwrap();
    std::thread::scope(|scope| {
        let ada = scope.spawn(|| house.abouts(Some(ADA)));
        // Open as soon as somebody reads, who then waits for the words.
        let mut words = fs::File::options().write(true).open(&file).unwrap();
        assert_eq!(house.abouts(Some(BO)), ["Everyone's."]);
        words.write_all(manifest("slow", "Slow.").as_bytes()).unwrap();
        drop(words);
        assert_eq!(ada.join().unwrap(), ["Everyone's.", "Slow."]);
    });
}

#[derive(Debug, Clone)]
enum Act {
    Put(&'static str, &'static str, u8),
    Over(&'static str, &'static str, u8),
    Remove(&'static str, &'static str),
    Unwrite(&'static str, &'static str),
    Rename(&'static str, &'static str, &'static str),
    Link(&'static str, &'static str),
    Gone(&'static str),
    Move(&'static str, &'static str),
    Look(bool),
}

impl Act {
    /// What fails changes nothing, or half: it is looked at all the same.
    fn carry_out(&self, house: &House) {
        let _ = match self {
            Self::Put(place, name, about) => {
                put(&house.at(place), name, &about.to_string());
                Ok(())
            }
            Self::Over(place, name, about) => fs::write(house.at("new"), manifest(name, &about.to_string()))
                .and_then(|()| fs::rename(house.at("new"), house.at(place).join(name).join(FILE))),
            Self::Remove(place, name) => fs::remove_dir_all(house.at(place).join(name)),
            Self::Unwrite(place, name) => fs::remove_file(house.at(place).join(name).join(FILE)),
            Self::Rename(place, from, to) => fs::rename(house.at(place).join(from), house.at(place).join(to)),
            Self::Link(place, name) => symlink(house.at("tools").join(name), house.at(place).join("linked")),
            Self::Gone(place) => fs::remove_dir_all(house.at(place)),
            Self::Move(from, to) => fs::rename(house.at(from), house.at(to)),
            Self::Look(own) => {
                house.own.of(own.then_some(ADA));
                Ok(())
            }
        };
    }
}

fn acts() -> impl Strategy<Value = Act> {
    let place = || prop::sample::select(vec!["tools", "personas/ada/tools"]);
    let name = || prop::sample::select(vec!["greet", "sums", "file_write"]);
    let folder = || prop::sample::select(vec!["tools", "personas/ada/tools", "aside"]);
    prop_oneof![
        4 => (place(), name(), any::<u8>()).prop_map(|(place, name, about)| Act::Put(place, name, about)),
        2 => (place(), name(), any::<u8>()).prop_map(|(place, name, about)| Act::Over(place, name, about)),
        1 => (place(), name()).prop_map(|(place, name)| Act::Remove(place, name)),
        1 => (place(), name()).prop_map(|(place, name)| Act::Unwrite(place, name)),
        1 => (place(), name(), name()).prop_map(|(place, from, to)| Act::Rename(place, from, to)),
        1 => (place(), name()).prop_map(|(place, name)| Act::Link(place, name)),
        1 => folder().prop_map(Act::Gone),
        1 => (folder(), folder()).prop_map(|(from, to)| Act::Move(from, to)),
        3 => any::<bool>().prop_map(Act::Look),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_is_known(acts in prop::collection::vec(acts(), 1..40)) {
        let house = House::new();
        for act in &acts {
            act.carry_out(&house);
        }
        for whose in [None, Some(ADA)] {
            house.sees(whose, &format!("{acts:?}"));
        }
    }
}
