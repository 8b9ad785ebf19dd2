//! `daymark logs`

use daymark_proto::v1::log_event::Event;
use daymark_proto::v1::{LogLine, LogNoticeKind, LogPosition, StreamLogsRequest};
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};
use tonic::Code;

use crate::fake::{Fake, Script};
use crate::fake_logs::{LogStep, end, line, notice, source};
use crate::objects::{NOW, error, not_found, unavailable};
use crate::process::{Run, Running, against, finish};
use crate::terminal::Screen;

fn fake(streams: impl IntoIterator<Item = Vec<LogStep>>) -> Fake {
    Fake::new(Script { logs: streams.into_iter().collect(), ..Script::default() })
}

/// Everything in one message.
fn logs(events: Vec<Event>, args: &[&str]) -> Run {
    let fake = fake([vec![LogStep::Send(events)]]);
    finish(&mut against(&fake, &[&["logs"], args].concat()))
}

fn two_pods() -> Vec<Event> {
    vec![source(1, "a", "main"), line(1, 1, "one"), source(2, "b", "side"), line(2, 2, "two"), line(1, 3, ""), end()]
}

/// `logs.text` `logs.prefix` `logs.no-prefix`
#[test]
fn lines_come_as_they_were_written() {
    logs(two_pods(), &["a"]).expect(0, "one\ntwo\n\n", "");
    let prefixed = "a/main | one\nb/side | two\na/main | \n";
    for args in [
        &["a", "--prefix"][..],
        &["deploy/web"],
        &["a", "b"],
        &["a", "--all-containers"],
        &["a", "-c", "main", "-c", "side"],
        &["-l", "app=web"],
    ] {
        logs(two_pods(), args).expect(0, prefixed, "");
    }
    for args in [&["deploy/web", "--no-prefix"][..], &["pod/a"], &["a", "-c", "main"]] {
        logs(two_pods(), args).expect(0, "one\ntwo\n\n", "");
    }
}

/// `logs.raw`
#[test]
fn bytes_are_not_changed_on_their_way_into_a_file() {
    let bytes = b"\x1b[31mred\x1b[0m \xff\r".to_vec();
    let fake = fake([vec![LogStep::Send(vec![source(1, "a", "main"), line(1, 1, bytes.clone()), end()])]]);
    let output = against(&fake, &["logs", "a"]).output().unwrap();
    assert_eq!(output.stdout, [&bytes[..], b"\n"].concat());
}

/// `logs.timestamps` `logs.cut`
#[test]
fn lines_have_their_times_and_say_that_they_are_cut() {
    let cut = LogLine { source: 1, time: None, text: b"long".to_vec().into(), cut: true };
    let events = vec![source(1, "a", "main"), line(1, 7, "one"), Event::Line(cut), end()];
    let expected = "2026-01-02T03:04:05.000000007Z one\nlong [cut: the line is longer than 256 KiB]\n";
    logs(events, &["a", "--timestamps"]).expect(0, expected, "");
}

/// `logs.ndjson`
#[test]
fn each_line_is_a_line_of_json() {
    let bytes = b"\x1b \xff\t".to_vec();
    let cut = LogLine { source: 1, time: None, text: b"long".to_vec().into(), cut: true };
    let events = vec![source(1, "a", "main"), line(1, 7, bytes), Event::Line(cut), end()];
    let run = logs(events, &["a", "-o", "ndjson"]);
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = json!({"namespace": "shop", "pod": "a", "container": "main"});
    let mut expected = [of.clone(), of];
    expected[0]["time"] = "2026-01-02T03:04:05.000000007Z".into();
    expected[0]["line"] = "\u{1b} \u{fffd}\t".into();
    (expected[1]["line"], expected[1]["cut"]) = ("long".into(), true.into());
    assert_eq!(lines, expected);
}

/// `logs.request`
#[test]
fn the_daemon_is_asked_for_what_the_words_say() {
    let asked = |args: &[&str]| {
        let fake = fake([vec![LogStep::Send(vec![end()])]]);
        let run = finish(&mut against(&fake, &[&["logs"], args].concat()));
        run.expect(0, "", "");
        fake.seen_logs().pop().unwrap()
    };
    let all = asked(&["deploy/web", "db-0", "-n", "shop", "--all-containers", "-p", "--since", "90s", "--tail", "5"]);
    let filter = all.filter.clone().unwrap();
    let refs: Vec<_> = filter.refs.iter().map(|it| (&*it.resource, &*it.name, &*it.namespace)).collect();
    assert_eq!(refs, [("deploy", "web", "shop"), ("pods", "db-0", "shop")]);
    let since = Some(Duration { seconds: 90, nanos: 0 });
    let expected = StreamLogsRequest {
        filter: all.filter.clone(),
        all_containers: true,
        previous: true,
        since,
        tail_lines: Some(5),
        ..StreamLogsRequest::default()
    };
    assert_eq!(all, expected);

    let followed =
        asked(&["sts", "-l", "app=x", "-A", "-f", "-c", "a", "--since-time", "2026-01-02T03:04:05Z", "--tail=-1"]);
    let filter = followed.filter.clone().unwrap();
    assert_eq!(
        (&*filter.kinds, &*filter.label_selector, filter.all_namespaces),
        (&["sts".to_owned()][..], "app=x", true)
    );
    let expected = StreamLogsRequest {
        filter: Some(filter),
        containers: vec!["a".to_owned()],
        follow: true,
        since_time: Some(Timestamp { seconds: NOW, nanos: 0 }),
        ..StreamLogsRequest::default()
    };
    assert_eq!(followed, expected);
}

/// `logs.usage`
#[test]
fn words_that_make_no_sense_are_refused() {
    for args in
        [&["a", "-f", "-p"][..], &["-A", "a"], &["pod/a", "-l", "x=y"], &["a", "-c", "b", "--all-containers"], &[]]
    {
        let run = finish(&mut against(&fake([]), &[&["logs"], args].concat()));
        assert_eq!((run.code, &*run.out), (2, ""), "{run:?}");
    }
}

/// `logs.notices`
#[test]
fn what_happens_besides_is_said_on_stderr() {
    let events = vec![
        notice(LogNoticeKind::Joined, "pod a came", ""),
        source(1, "a", "main"),
        line(1, 1, "one"),
        notice(LogNoticeKind::Restarted, "container main of pod a: it was\nrestarted", ""),
        end(),
    ];
    let expected = "daymark: pod a came\ndaymark: container main of pod a: it was\\nrestarted\n";
    logs(events, &["a", "-f"]).expect(0, "one\n", expected);
}

/// `logs.failed`
#[test]
fn what_cannot_be_read_is_said_and_the_others_are_shown() {
    for (reason, code) in [
        ("PERMISSION_DENIED", 5),
        ("KIND_FORBIDDEN", 5),
        ("LOG_NOT_FOUND", 6),
        ("OBJECT_NOT_FOUND", 6),
        ("CLUSTER_UNREACHABLE", 4),
    ] {
        let events = vec![
            notice(LogNoticeKind::Failed, "the first", reason),
            notice(LogNoticeKind::Failed, "the second", "LOG_NOT_FOUND"),
            source(1, "a", "main"),
            line(1, 1, "one"),
            end(),
        ];
        logs(events, &["a", "b", "--no-prefix"]).expect(code, "one\n", "daymark: the first\ndaymark: the second\n");
    }
}

/// `logs.not-found` `logs.denied` `logs.unreachable`
#[test]
fn an_error_at_the_beginning_ends_it() {
    for (status, code) in [
        (not_found("a"), 6),
        (error(Code::PermissionDenied, "PERMISSION_DENIED", "jane may not"), 5),
        (error(Code::InvalidArgument, "NO_LOGS", "a recording is replayed"), 2),
        (unavailable(), 4),
    ] {
        let run = finish(&mut against(&fake([vec![LogStep::Fail(status)]]), &["logs", "a"]));
        run.expect_problem(code, &[]);
    }
}

/// `logs.resume` `logs.lost`
#[test]
fn a_stream_that_breaks_goes_on_behind_the_last_line() {
    let failed = || notice(LogNoticeKind::Failed, "b cannot be read", "LOG_NOT_FOUND");
    let first = vec![failed(), source(1, "a", "main"), line(1, 5, "one"), line(1, 5, "two")];
    // Numbers are of one stream.
    let second = vec![failed(), source(4, "a", "main"), line(4, 5, "three"), end()];
    let fake = fake([
        vec![LogStep::Send(first), LogStep::Cut],
        vec![LogStep::Fail(unavailable())],
        vec![LogStep::Send(second)],
    ]);
    let run = finish(&mut against(&fake, &["logs", "a", "b", "--no-prefix"]));
    assert_eq!((run.code, &*run.out), (6, "one\ntwo\nthree\n"), "{run:?}");
    assert_eq!(run.err.lines().count(), 2, "each is said once: {run:?}");
    assert!(run.err.contains("lost the daemon"), "{run:?}");
    let position = LogPosition {
        pod_uid: "uid-a".to_owned(),
        container: "main".to_owned(),
        time: Some(Timestamp { seconds: NOW, nanos: 5 }),
        lines: 2,
    };
    let told: Vec<_> = fake.seen_logs().iter().map(|request| request.told.clone()).collect();
    assert_eq!(told, [vec![], vec![position.clone()], vec![position]]);
}

/// `logs.resume`
#[test]
fn another_run_of_the_daemon_is_followed_on() {
    let first = vec![source(1, "a", "main"), line(1, 5, "one")];
    let second = vec![source(1, "a", "main"), line(1, 6, "two"), end()];
    let mut fake = fake([vec![LogStep::Send(first)], vec![LogStep::Send(second)]]);
    let mut running = Running::start(&mut against(&fake, &["logs", "a", "-f"]));
    running.out_until("one");
    fake.stop();
    running.err_until("lost the daemon");
    fake.start();
    let run = running.finish();
    assert_eq!((run.code, &*run.out), (0, "two\n"), "{run:?}");
}

/// `logs.given-up`
#[test]
fn what_is_read_once_is_not_waited_for_for_ever() {
    let first = vec![LogStep::Send(vec![source(1, "a", "main"), line(1, 5, "one")]), LogStep::Cut];
    let broken = std::iter::repeat_with(|| vec![LogStep::Fail(unavailable())]).take(20);
    let fake = fake(std::iter::once(first).chain(broken));
    let run = finish(&mut against(&fake, &["logs", "a"]));
    assert_eq!((run.code, &*run.out), (4, "one\n"), "{run:?}");
}

/// `logs.terminal`
#[test]
fn nothing_that_was_logged_acts_on_a_terminal() {
    let events = vec![
        source(1, "a", "main"),
        line(1, 1, "\u{1b}[2Jx\ty\u{202e}\r"),
        source(2, "b", "main"),
        line(2, 2, "z"),
        end(),
    ];
    let fake = fake([vec![LogStep::Send(events)]]);
    let shown = Screen::start(&mut against(&fake, &["logs", "deploy/web"]), 24, 80).read_until(None);
    assert!(shown.contains("\\x1b[2Jx\ty\\u{202e}\r\n"), "{shown:?}");
    assert!(shown.contains("m | z") || shown.contains("\u{1b}[0m | z"), "{shown:?}");
    // The prefix has a colour, and says whose it is all the same.
    assert!(shown.contains("a/main") && shown.starts_with("\u{1b}["), "{shown:?}");
}

/// `logs.ci`
#[test]
fn what_was_logged_is_no_command_to_a_ci_system() {
    let attacks = ["::error::x", "  ::set-env name=PATH::/evil", "x ##[add-path]/evil", "a\r::error::b"];
    let mut events = vec![source(1, "a", "main"), notice(LogNoticeKind::Broken, "##[error]notice", "")];
    events.extend(attacks.iter().map(|text| line(1, 1, *text)));
    events.push(end());
    for args in [&["logs", "a"][..], &["logs", "a", "--prefix"], &["logs", "a", "-o", "ndjson"]] {
        let fake = fake([vec![LogStep::Send(events.clone())]]);
        let run = finish(against(&fake, args).env("GITHUB_ACTIONS", "true"));
        let lines = run.out.lines().chain(run.err.lines()).flat_map(|line| line.split('\r'));
        for line in lines {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{args:?}: {line:?}");
        }
        assert_eq!(run.out.lines().count(), attacks.len(), "{run:?}");
    }
    let fake = fake([vec![LogStep::Send(vec![
        source(1, "a", "main"),
        line(1, 1, "\u{1b}[0Ksection_start:1:evil\r\u{1b}[0Kevil"),
        end(),
    ])]]);
    let run = finish(against(&fake, &["logs", "a"]).env("GITLAB_CI", "true"));
    assert!(!run.out.contains("section_start:1"), "{run:?}");
    let fake = self::fake([vec![LogStep::Send(vec![source(1, "a", "main"), line(1, 1, "::a::b"), end()])]]);
    let run = finish(against(&fake, &["logs", "a", "--ci", "none"]).env("GITHUB_ACTIONS", "true"));
    assert_eq!(run.out, "::a::b\n");
}
