//! `daymark dump`

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use daymark_proto::v1::dump_response::Event;
use rustix::process::Signal;
use serde_json::Value;
use tonic::Status;

use crate::fake::{Fake, Script};
use crate::fake_dumps::{DumpSteps, begun, end, file, kind, logs, part, refused, restarted};
use crate::objects::{forbidden, unavailable};
use crate::process::{Run, Running, against, finish};
use crate::terminal::Screen;

/// A daemon of these dumps, and a folder beside it that is not there.
struct Setup {
    fake: Fake,
    folder: PathBuf,
}

impl Setup {
    fn new(streams: impl IntoIterator<Item = DumpSteps>) -> Self {
        let fake = Fake::new(Script { dumps: streams.into_iter().collect(), ..Script::default() });
        let folder = fake.folder().join("dump");
        Self { fake, folder }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = against(&self.fake, &[&["dump"], args].concat());
        command.arg("--output-directory").arg(&self.folder);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        finish(&mut self.command(args))
    }

    fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("manifest.json")).unwrap()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        files(&self.folder)
    }
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path().is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path().strip_prefix(root).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

fn whole(events: Vec<Event>) -> DumpSteps {
    events.into_iter().map(Ok).collect()
}

fn small() -> DumpSteps {
    whole(vec![
        begun(2),
        part(0, "shop/pods.json", "po"),
        file(1, "other/pods.json", "x"),
        part(0, "", "ds"),
        Event::Part(daymark_proto::v1::DumpPart { file: 0, last: true, ..Default::default() }),
        kind("pods", 3),
        file(2, "nodes.json", "nodes"),
        kind("nodes", 1),
        logs("", 0, 2),
        part(3, "shop/web/main.log", "one\n"),
        file(4, "shop/web/main.previous.log", "before\n"),
        Event::Part(daymark_proto::v1::DumpPart { file: 3, data: "two\n".into(), last: true, ..Default::default() }),
        logs("shop/web", 2, 2),
        end(),
    ])
}

/// `dump.files` `dump.manifest` `dump.private` `dump.progress`
#[test]
fn a_dump_is_files_that_only_their_owner_reads() {
    let setup = Setup::new([small()]);
    let run = setup.run(&["-A"]);
    let line = format!("4 objects of 2 kinds and 2 logs in {}\n", setup.folder.display());
    run.expect(
        0,
        &line,
        "2 of 2 kinds, 4 objects, logs of 0 of 2 pods\n2 of 2 kinds, 4 objects, logs of 2 of 2 pods\n",
    );
    let expected = [
        "manifest.json",
        "nodes.json",
        "other/pods.json",
        "shop/pods.json",
        "shop/web/main.log",
        "shop/web/main.previous.log",
    ];
    assert_eq!(setup.files(), expected);
    assert_eq!(fs::read_to_string(setup.folder.join("shop/pods.json")).unwrap(), "pods");
    assert_eq!(fs::read_to_string(setup.folder.join("shop/web/main.log")).unwrap(), "one\ntwo\n");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    for path in expected {
        let path = setup.folder.join(path);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{}", path.display());
    }
    let manifest = setup.manifest();
    assert_eq!(manifest["finished"], true);
    assert_eq!(manifest["kubernetes"], "v1.36.0");
    assert_eq!(manifest["kinds"][0]["resourceVersion"], "7");
    assert_eq!(manifest["kinds"][0]["objects"], 3);
    assert_eq!(manifest["finishedAt"], "2026-01-02T03:04:10Z");
    assert_eq!(manifest["logs"]["logs"], 2);
}

/// `dump.request`
#[test]
fn the_daemon_is_asked_for_what_the_words_say() {
    for (args, all, namespaces, without_logs, lines, bytes) in [
        (&["-A"][..], true, &[][..], false, 10_000, 16 << 20),
        (&["-n", "a,b", "--logs", "none"], false, &["a", "b"], true, 10_000, 16 << 20),
        (&["--log-tail", "5", "--log-bytes", "1000"], false, &[], false, 5, 1000),
    ] {
        let setup = Setup::new([small()]);
        assert_eq!(setup.run(args).code, 0, "{args:?}");
        let seen = setup.fake.seen_dumps();
        let asked = &seen[0];
        assert_eq!((asked.all_namespaces, asked.without_logs), (all, without_logs), "{args:?}");
        assert_eq!((&*asked.namespaces, asked.log_lines, asked.log_bytes), (&namespaces.map_owned()[..], lines, bytes));
        assert!(asked.have.is_empty() && asked.mark.is_empty());
    }
}

/// Words as a request has them.
trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|word| (*word).to_owned()).collect()
    }
}

/// `dump.usage`
#[test]
fn words_that_make_no_sense_are_refused() {
    let setup = Setup::new([]);
    for args in [&["--logs", "some"][..], &["--log-tail", "0"], &["--log-bytes", "-1"], &["pods"]] {
        assert_eq!(setup.run(args).code, 2, "{args:?}");
    }
    assert_eq!(finish(&mut against(&setup.fake, &["dump", "-A"])).code, 2, "without a folder");
    assert!(setup.fake.seen_dumps().is_empty() && !setup.folder.exists());
}

/// `dump.not-empty`
#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let setup = Setup::new([]);
    fs::create_dir(&setup.folder).unwrap();
    fs::write(setup.folder.join("mine"), "x").unwrap();
    setup.run(&[]).expect_problem(2, &["is not empty, and contains no dump"]);
    fs::write(setup.folder.join("manifest.json"), r#"{"format":"other","version":1}"#).unwrap();
    setup.run(&[]).expect_problem(2, &["its manifest.json is not that of a dump"]);
    fs::write(setup.folder.join("manifest.json"), r#"{"format":"daymark-dump","version":9}"#).unwrap();
    setup.run(&[]).expect_problem(2, &["version 9"]);
    fs::write(setup.folder.join("manifest.json"), r#"{"format":"daymark-dump","version":1}"#).unwrap();
    setup.run(&[]).expect_problem(2, &["damaged"]);
    assert_eq!(setup.files(), ["manifest.json", "mine"]);
    let file = Setup::new([]);
    fs::write(&file.folder, "x").unwrap();
    file.run(&[]).expect_problem(2, &["is not a folder"]);
    assert!(setup.fake.seen_dumps().is_empty() && file.fake.seen_dumps().is_empty());
}

/// `dump.empty-folder`
#[test]
fn an_empty_folder_becomes_its_owners_only() {
    let setup = Setup::new([small()]);
    fs::create_dir(&setup.folder).unwrap();
    fs::set_permissions(&setup.folder, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(setup.run(&[]).code, 0);
    assert_eq!(setup.folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

/// `dump.finished` `dump.other` `dump.in-use`
#[test]
fn only_an_unfinished_dump_of_the_same_goes_on() {
    let setup = Setup::new([small(), whole(vec![begun(2), kind("pods", 0), part(1, "nodes.json", "x")])]);
    assert_eq!(setup.run(&[]).code, 0);
    setup.run(&[]).expect_problem(2, &["contains a finished dump"]);
    fs::remove_dir_all(&setup.folder).unwrap();
    let mut running = Running::start(&mut setup.command(&["-A"]));
    while !setup.folder.join("nodes.json.part").exists() {
        std::thread::yield_now();
    }
    setup.run(&["-A"]).expect_problem(2, &["is being written to by another daymark dump"]);
    running.signal(Signal::INT);
    running.err_until("interrupted");
    assert_eq!(running.finish().code, 130);
    setup.run(&["-n", "a"]).expect_problem(2, &["contains an unfinished dump of something else"]);
}

/// `dump.continued` `dump.broken-off`
#[test]
fn what_is_there_is_not_asked_for_again() {
    let begins = vec![
        Ok(begun(3)),
        Ok(file(0, "shop/pods.json", "pods")),
        Ok(kind("pods", 3)),
        Ok(logs("shop/a", 1, 2)),
        Ok(file(1, "shop/jobs.json", "old")),
        Ok(part(2, "shop/web/main.log", "ha")),
        Err(forbidden()),
    ];
    let goes_on =
        whole(vec![begun(1), file(0, "other/jobs.json", "new"), kind("jobs", 1), logs("shop/b", 1, 1), end()]);
    let setup = Setup::new([begins, goes_on]);
    let broken = setup.run(&["-A"]);
    assert_eq!(broken.code, 5, "{broken:?}");
    let last = broken.err.lines().last().unwrap();
    assert!(last.ends_with("the partial dump is kept: run the same command again to resume it"), "{broken:?}");
    assert_eq!(setup.files(), ["manifest.json", "shop/pods.json"], "nothing has half a name");
    let first = setup.manifest();
    assert_eq!((&first["finished"], &first["logs"]["mark"]), (&Value::from(false), &Value::from("shop/a")));
    // As a process that was killed would have left them.
    fs::create_dir_all(setup.folder.join("shop/web")).unwrap();
    fs::write(setup.folder.join("shop/web/main.log.part"), "ha").unwrap();
    fs::write(setup.folder.join("shop/jobs.2.json"), "old").unwrap();

    let run = setup.run(&["-A"]);
    assert_eq!((run.code, run.out.starts_with("4 objects of 2 kinds and 2 logs")), (0, true), "{run:?}");
    assert_eq!(setup.files(), ["manifest.json", "other/jobs.json", "shop/pods.json"]);
    let manifest = setup.manifest();
    assert_eq!((&manifest["id"], &manifest["finished"]), (&first["id"], &Value::from(true)));
    let seen = setup.fake.seen_dumps();
    assert_eq!((&seen[1].have[..], &*seen[1].mark), (&["pods".to_owned()][..], "shop/a"));
}

/// `dump.node-stats`
#[test]
fn what_kubelets_tell_comes_and_goes_with_the_nodes() {
    let summary = || Ok(file(1, "node_stats/n1_summary.json", "{}"));
    let refused = || Ok(refused("nodes/proxy", "NOT_SERVED"));
    let half = vec![Ok(begun(2)), Ok(file(0, "shop/pods.json", "x")), Ok(kind("pods", 1)), summary(), Err(forbidden())];
    let begins = vec![
        Ok(begun(1)),
        Ok(file(0, "nodes.json", "x")),
        summary(),
        refused(),
        Ok(kind("nodes", 2)),
        Err(forbidden()),
    ];
    let setup = Setup::new([half, begins, whole(vec![begun(0), end()])]);
    assert_eq!(setup.run(&[]).code, 5);
    // Of a daemon that was killed.
    fs::create_dir_all(setup.folder.join("node_stats")).unwrap();
    fs::write(setup.folder.join("node_stats/n2_summary.json"), "{}").unwrap();
    assert_eq!(setup.run(&[]).code, 5);
    let all = ["manifest.json", "node_stats/n1_summary.json", "nodes.json", "shop/pods.json"];
    assert_eq!(setup.files(), all);
    let run = setup.run(&[]);
    assert_eq!((run.code, setup.files()), (0, all.map(str::to_owned).to_vec()), "{run:?}");
    let refused = setup.manifest()["refused"].clone();
    assert_eq!((refused[0]["kind"].as_str(), refused[1].is_null()), (Some("nodes/proxy"), true), "{refused}");
}

/// `dump.interrupted`
#[test]
fn a_signal_leaves_what_is_whole() {
    let setup = Setup::new([whole(vec![
        begun(2),
        file(0, "shop/pods.json", "pods"),
        kind("pods", 1),
        part(1, "shop/jobs.json", "half"),
    ])]);
    let running = Running::start(&mut setup.command(&[]));
    while !setup.folder.join("shop/jobs.json.part").exists() {
        std::thread::yield_now();
    }
    running.signal(Signal::TERM);
    let ended = running.finish();
    assert_eq!(ended.code, 143, "{ended:?}");
    assert_eq!(setup.files(), ["manifest.json", "shop/pods.json"]);
    assert_eq!(setup.manifest()["kinds"][0]["resource"], "pods");
}

/// `dump.lost`
#[test]
fn a_lost_stream_goes_on_by_itself() {
    let lost = vec![
        Ok(begun(2)),
        Ok(file(0, "shop/pods.json", "pods")),
        Ok(kind("pods", 1)),
        Ok(part(1, "shop/jobs.json", "half")),
        Err(unavailable()),
    ];
    let again = whole(vec![begun(1), file(0, "shop/jobs.json", "jobs"), kind("jobs", 1), end()]);
    let setup = Setup::new([lost, again]);
    let run = setup.run(&[]);
    assert_eq!((run.code, run.err.lines().count()), (0, 1), "{run:?}");
    assert_eq!(setup.files(), ["manifest.json", "shop/jobs.json", "shop/pods.json"]);
    assert_eq!(setup.fake.seen_dumps()[1].have, ["pods"]);
}

/// `dump.given-up`
#[test]
fn a_stream_that_does_not_come_back_is_given_up() {
    let none = || vec![Err::<Event, Status>(unavailable())];
    let setup = Setup::new([none(), none(), none(), none(), none()]);
    let run = setup.run(&[]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(!setup.folder.exists(), "nothing came of it");
    assert_eq!(setup.fake.seen_dumps().len(), 5);
}

/// `dump.restarted`
#[test]
fn of_a_list_that_begins_anew_nothing_older_is_left() {
    let setup = Setup::new([whole(vec![
        begun(1),
        file(0, "gone/pods.json", "old"),
        part(1, "shop/pods.json", "old"),
        restarted("pods"),
        file(2, "shop/pods.json", "new"),
        kind("pods", 1),
        end(),
    ])]);
    assert_eq!(setup.run(&[]).code, 0);
    assert_eq!(setup.files(), ["manifest.json", "shop/pods.json"]);
    assert_eq!(fs::read_to_string(setup.folder.join("shop/pods.json")).unwrap(), "new");
}

/// `dump.refused`
#[test]
fn what_is_refused_is_said_and_written_down() {
    let mut events = vec![begun(30), file(0, "nodes.json", "x"), kind("nodes", 1)];
    events.extend((10..30).map(|number| refused(&format!("kind{number}"), "KIND_FORBIDDEN")));
    events.push(end());
    let setup = Setup::new([whole(events)]);
    let run = setup.run(&[]);
    let lines: Vec<_> = run.err.lines().collect();
    assert_eq!((run.code, lines.len()), (0, 11), "{run:?}");
    assert_eq!(lines[0], "daymark: warning: kind10: KIND_FORBIDDEN: so \\x1bit is");
    assert!(lines[10].contains("and 10 more, which are in ") && lines[10].ends_with("/manifest.json"), "{run:?}");
    assert_eq!(setup.manifest()["refused"].as_array().unwrap().len(), 20);
}

/// `dump.denied`
#[test]
fn who_may_list_nothing_is_left_nothing() {
    for (reason, code) in [("PERMISSION_DENIED", 5), ("CLUSTER_UNREACHABLE", 4)] {
        let setup = Setup::new([whole(vec![begun(1), refused("pods", reason), end()])]);
        let run = setup.run(&[]);
        assert_eq!((run.code, run.err.contains("nothing can be listed: pods")), (code, true), "{run:?}");
        assert!(!setup.folder.exists(), "{reason}");
    }
    let setup = Setup::new([vec![Err(forbidden())]]);
    fs::create_dir(&setup.folder).unwrap();
    assert_eq!(setup.run(&[]).code, 5);
    assert!(setup.files().is_empty(), "the folder is as it was");
}

/// `dump.full`
#[test]
fn a_full_disk_is_one_line_and_leaves_nothing_half() {
    let long = "x".repeat(200_000);
    let steps = || {
        whole(vec![
            begun(2),
            file(0, "shop/pods.json", "pods"),
            kind("pods", 1),
            file(1, "shop/jobs.json", &long),
            kind("jobs", 1),
            end(),
        ])
    };
    let setup = Setup::new([steps(), steps()]);
    let dump = setup.command(&[]);
    let mut limited = Command::new("sh");
    // 64 blocks, of 512 bytes or 1 KiB; what would be too much is an error then, and no signal.
    limited.args(["-c", r#"trap '' XFSZ; ulimit -f 64; exec "$0" "$@""#]).arg(dump.get_program()).args(dump.get_args());
    limited.env_clear().envs(dump.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.env("PATH", "/usr/bin:/bin");
    let run = finish(&mut limited);
    run.expect_problem(2, &["cannot write", "shop/jobs.json", "make room", "run the same command again"]);
    assert_eq!(setup.files(), ["manifest.json", "shop/pods.json"]);
    assert_eq!(setup.run(&[]).code, 0, "there is room again");
}

/// `dump.hostile`
#[test]
fn a_daemon_writes_nowhere_else() {
    for path in ["../x.json", "/tmp/x.json", "a/../../x.json", "manifest.json", ".x.json", "a\u{1b}.json", "x"] {
        let setup = Setup::new([whole(vec![begun(1), kind("pods", 0), file(0, path, "x")])]);
        let run = setup.run(&[]);
        run.expect_problem(70, &["invalid part of a dump"]);
        assert!(!run.err.contains('\u{1b}'), "{run:?}");
        assert_eq!(setup.files(), ["manifest.json"], "{path}");
        assert_eq!(files(setup.fake.folder()).len(), 2, "{path}: the socket and the manifest");
    }
    let mut many: Vec<_> = (0..100).map(|number| part(number, &format!("a/{number}.json"), "x")).collect();
    many.insert(0, begun(1));
    Setup::new([whole(many)]).run(&[]).expect_problem(70, &["too many files"]);
}

/// `dump.terminal`
#[test]
fn a_terminal_shows_a_bar_that_goes_in_the_end() {
    let setup = Setup::new([small()]);
    let mut screen = Screen::of_notes(&mut setup.command(&[]));
    let shown = screen.read_until(None);
    assert!(shown.contains("\r[------") && shown.ends_with("\r\u{1b}[K"), "{shown:?}");
    assert!(File::open(setup.folder.join("nodes.json")).is_ok());
}
