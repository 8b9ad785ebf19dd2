//! `daymark on`: what is run, and what it is told.

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::status_event::{Event, Gap};
use daymark_proto::v1::{Doom, State, Status, View};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fake::{Fake, Script, Step};
use crate::objects::{
    changed, current, deployment, doomed, error, forbidden, gone, item, message, pod, reset, resumed, snapshot,
    unavailable, unreachable,
};
use crate::process::{Run, Running, against, run};

/// Says what it was run for.
pub const TELL: [&str; 4] = ["--", "/bin/sh", "-c", "echo $DAYMARK_EVENT $DAYMARK_ID"];

pub fn at(version: u32, status: Status) -> Status {
    Status { resource_version: version.to_string(), ..status }
}

/// An error that ends the command.
pub fn the_end() -> Step {
    Step::Fail(forbidden())
}

/// A snapshot of a, then these steps, then the end.
fn story(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut all = snapshot([pod("a", State::Ready)]);
    all.extend(steps);
    all.push(the_end());
    all
}

fn on(steps: Vec<Step>, args: &[&str], command: &[&str]) -> Run {
    run(Script { watches: [steps].into(), ..Script::default() }, &[&["on"], args, command].concat())
}

/// `on.request`
#[test]
fn the_daemon_is_asked_for_every_transition() {
    let fake = Fake::new(Script { watches: [story([])].into(), ..Script::default() });
    let args = ["on", "pods,deploy", "-n", "x", "-l", "app=web", "--when", "state == \"READY\""];
    Running::start(&mut against(&fake, &[&args[..], &TELL].concat())).finish();
    let request = fake.seen().watches[0].clone();
    assert!(request.history && !request.proven && request.cursor.is_empty());
    assert!(request.progress_interval.is_some_and(|it| it.seconds == 5));
    assert_eq!(request.view(), View::Basic);
    let filter = request.filter.unwrap();
    assert_eq!((filter.kinds, filter.namespaces), (vec!["pods".into(), "deploy".into()], vec!["x".into()]));
    assert_eq!((&*filter.label_selector, &*filter.cel), ("app=web", "state == \"READY\""));
}

/// `on.group`
#[test]
fn a_command_is_in_a_group_of_its_own() {
    let own = "read -r pid _ _ _ group _ < /proc/self/stat && test $pid = $group";
    let on = on(story([changed("2", pod("a", State::Failed))]), &["pods", "--once"], &["--", "/bin/sh", "-c", own]);
    assert_eq!(on.code, 0, "{on:?}");
}

/// `on.names`
#[test]
fn objects_that_are_named_are_watched_one_by_one() {
    let fake = Fake::new(Script { later_watches: Some(snapshot([])), ..Script::default() });
    let args = ["on", "pod/a", "deploy/b", "--when", "reason == \"x\""];
    let mut running = Running::start(&mut against(&fake, &[&args[..], &TELL].concat()));
    assert_eq!(running.err_until("following"), "following; objects that match: 0\n");
    running.signal(Signal::TERM);
    running.finish().expect(143, "", "daymark: terminated\n");
    let filters = fake.seen().watches.iter().map(|request| request.filter.clone().unwrap()).collect::<Vec<_>>();
    let mut asked: Vec<_> = filters.iter().map(|it| (&*it.kinds[0], &*it.field_selector, &*it.cel)).collect();
    asked.sort_unstable();
    let expected = [("deploy", "metadata.name=b", "reason == \"x\""), ("pod", "metadata.name=a", "reason == \"x\"")];
    assert_eq!(asked, expected);
}

/// `on.names-selected` `on.names-many`
#[test]
fn words_that_exclude_each_other() {
    for words in [&["pod/a", "-A"][..], &["pod", "a", "-l", "app=web"]] {
        on(vec![], words, &TELL).expect_problem(2, &["cannot be used with"]);
    }
    let names: Vec<String> = (0..101).map(|number| format!("pod/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    on(vec![], &names, &TELL).expect_problem(2, &["101", "-l"]);
    assert_eq!(on(vec![], &["pods"], &[]).code, 2);
}

/// `on.run` `on.versions` `on.snapshot`
#[test]
fn each_transition_runs_the_command_in_order() {
    let run = on(
        story([
            changed("2", at(8, pod("a", State::Ready))),
            message("3", Event::Entered(at(9, pod("b", State::InProgress)))),
            changed("4", at(10, pod("a", State::Failed))),
            // By time alone, and back.
            changed("5", at(10, pod("a", State::InProgress))),
            changed("6", at(10, pod("a", State::Failed))),
            changed("7", at(11, pod("a", State::Failed))),
            changed("8", at(11, doomed("a", Doom::Fatal, ""))),
        ]),
        &["pods"],
        &TELL,
    );
    run.expect(
        5,
        "ENTERED uid-b/9/IN_PROGRESS/Because\n\
         CHANGED uid-a/10/FAILED/Because\n\
         CHANGED uid-a/10/IN_PROGRESS/Because\n\
         CHANGED uid-a/10/FAILED/Because\n\
         CHANGED uid-a/11/FAILED/Because\n",
        "following; objects that match: 1\n\
         shop/pod/b: InProgress Because -> /bin/sh\n\
         shop/pod/a: Failed Because -> /bin/sh\n\
         shop/pod/a: InProgress Because -> /bin/sh\n\
         shop/pod/a: Failed Because -> /bin/sh\n\
         shop/pod/a: Failed Because -> /bin/sh\n\
         daymark: pods cannot be read: forbidden\n",
    );
}

/// `on.document`
#[test]
fn the_command_reads_the_transition_as_json() {
    let mut steps = snapshot([deployment("web", State::InProgress)]);
    steps.push(changed("2", at(8, deployment("web", State::Ready))));
    steps.push(message("3", Event::Entered(at(9, pod("a", State::Ready)))));
    steps.push(the_end());
    let out = on(steps, &["deploy,pods"], &["--", "/bin/cat"]).out;
    let documents: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let status = |state: &str, version: &str| {
        json!({
            "ref": {"cluster": "default", "group": "apps", "resource": "deployments", "namespace": "shop",
                "name": "web", "uid": "uid-web"},
            "kind": "Deployment", "state": state, "reason": "Because", "message": "", "generation": 4,
            "progress": {"done": 1, "total": 3, "unit": "updated"},
            "resourceVersion": version, "creationTime": "2026-01-02T02:58:53Z",
        })
    };
    let expected = json!({
        "id": "uid-web/8/READY/Because", "event": "CHANGED",
        "status": status("READY", "8"), "previous": status("IN_PROGRESS", "7"),
    });
    assert_eq!(documents[0], expected);
    assert_eq!((&documents[1]["event"], documents[1].get("previous")), (&json!("ENTERED"), None));
}

/// `on.environment`
#[test]
fn the_command_has_the_transition_as_variables() {
    let steps = story([
        changed("2", at(8, doomed("a", Doom::Fatal, "no\0thing"))),
        message("3", Event::Entered(at(9, pod("b", State::Ready)))),
    ]);
    let out = on(steps, &["pods"], &["--", "/usr/bin/env"]).out;
    for line in [
        "DAYMARK_ID=uid-a/8/FAILED/Because",
        "DAYMARK_EVENT=CHANGED",
        "DAYMARK_STATE=FAILED",
        "DAYMARK_PREVIOUS_STATE=READY",
        "DAYMARK_REASON=Because",
        "DAYMARK_MESSAGE=no\u{fffd}thing",
        "DAYMARK_KIND=Pod",
        "DAYMARK_NAMESPACE_OF_OBJECT=shop",
        "DAYMARK_NAME=a",
        "DAYMARK_UID=uid-a",
        "DAYMARK_PREVIOUS_STATE=",
    ] {
        assert!(out.lines().any(|it| it == line), "{line} in {out}");
    }
}

/// `on.verbatim`
#[test]
fn no_shell_has_a_hand_in_it() {
    let evil = "'; echo a > /dev/stderr; $(id) `id` \"$HOME\" * \\ && exit 3 #";
    let steps = || story([changed("2", at(8, doomed("a", Doom::Fatal, evil)))]);
    let run = on(steps(), &["pods"], &["--", "/usr/bin/printenv", "DAYMARK_MESSAGE"]);
    assert_eq!(run.out, format!("{evil}\n"));
    assert_eq!(run.err.lines().count(), 3, "{run:?}");
    let run = on(steps(), &["pods"], &["--", "/bin/echo", "$DAYMARK_STATE", "*", "a  b", "--when"]);
    assert_eq!(run.out, "$DAYMARK_STATE * a  b --when\n");
}

/// `on.stdin-unread`
#[test]
fn a_command_need_not_read() {
    let much = "much ".repeat(1 << 18);
    let steps = story([
        changed("2", at(8, doomed("a", Doom::Fatal, &much))),
        message("3", Event::Entered(at(9, pod("b", State::Ready)))),
    ]);
    let run = on(steps, &["pods"], &["--", "/bin/sh", "-c", "exec <&-; echo $DAYMARK_NAME"]);
    assert_eq!((run.code, run.out.as_str()), (5, "a\nb\n"));
}

/// `on.gone` `on.when`
#[test]
fn what_is_gone_matches_no_expression() {
    let steps = || {
        story([
            message("2", Event::Left(at(8, pod("a", State::InProgress)))),
            message("3", Event::Entered(at(9, pod("a", State::Ready)))),
            message("4", Event::Deleted(gone(at(9, pod("a", State::Ready))))),
        ])
    };
    let all = "LEFT uid-a/8/IN_PROGRESS/Because\nENTERED uid-a/9/READY/Because\nDELETED uid-a/ABSENT\n";
    assert_eq!(on(steps(), &["pods", "-l", "app"], &TELL).out, all);
    let some = "ENTERED uid-a/9/READY/Because\n";
    assert_eq!(on(steps(), &["pods", "--when", "state == \"READY\""], &TELL).out, some);
}

/// `on.initial`
#[test]
fn what_is_there_can_be_wanted_too() {
    let steps = story([changed("2", at(8, pod("a", State::Failed)))]);
    let run = on(steps, &["pods", "--initial"], &TELL);
    assert_eq!(run.out, "CURRENT uid-a/7/READY/Because\nCHANGED uid-a/8/FAILED/Because\n");
}

/// `on.lost`
#[test]
fn a_broken_connection_repeats_nothing() {
    let mut first = story([changed("2", at(8, pod("a", State::Failed)))]);
    *first.last_mut().unwrap() = Step::Fail(unavailable());
    let second = vec![resumed("2"), changed("3", at(9, pod("a", State::Ready))), the_end()];
    let fake = Fake::new(Script { watches: [first, second].into(), ..Script::default() });
    let run = Running::start(&mut against(&fake, &[&["on", "pods"][..], &TELL].concat())).finish();
    assert_eq!(run.out, "CHANGED uid-a/8/FAILED/Because\nCHANGED uid-a/9/READY/Because\n");
    assert_eq!(run.err.lines().filter(|line| line.starts_with("daymark: ")).count(), 2, "{run:?}");
    assert_eq!(fake.seen().watches[1].cursor, "2");
}

/// `on.reset`
#[test]
fn a_new_snapshot_is_compared() {
    let first = || [snapshot([pod("a", State::Ready), pod("b", State::Ready), pod("c", State::Ready)])].concat();
    let again = |cause| {
        let now = [pod("a", State::Ready), at(9, pod("b", State::Ready)), at(8, pod("d", State::Ready))];
        let items = now.into_iter().map(item);
        [vec![reset(cause, vec![])], items.collect(), vec![current("9"), the_end()]].concat()
    };
    let expired = Step::Fail(error(tonic::Code::OutOfRange, "CURSOR_EXPIRED", "no longer held"));
    let lost = [first(), vec![expired]].concat();
    let anew = [first(), again(Cause::Reachable)].concat();
    for (watches, says) in [(vec![lost, again(Cause::Initial)], "are missing"), (vec![anew], "may be missing")] {
        let script = || Script { watches: watches.clone().into(), ..Script::default() };
        let got = run(script(), &[&["on", "pods", "--when", "true"][..], &TELL].concat());
        assert_eq!(got.out, "CHANGED uid-b/9/READY/Because\nENTERED uid-d/8/READY/Because\n");
        let told: Vec<_> = got.err.lines().filter(|line| line.contains("missing")).collect();
        assert!(told.len() == 1 && told[0].contains(says), "{got:?}");
        let got = run(script(), &[&["on", "pods"][..], &TELL].concat());
        assert!(got.out.starts_with("DELETED uid-c/ABSENT\n"), "{got:?}");
    }
}

/// `on.gap`
#[test]
fn what_may_be_missing_is_said() {
    let run = on(story([message("2", Event::Gap(Gap { kind: "pods".to_owned() }))]), &["pods"], &TELL);
    assert!(run.err.contains("\ndaymark: changes of pods may be missing here: "), "{run:?}");
}

/// `on.failed` `on.exit-on-error`
#[test]
fn a_command_that_fails_is_told_of() {
    let steps = || story([changed("2", at(8, pod("a", State::Failed))), changed("3", at(9, pod("a", State::Ready)))]);
    let fails = |how| ["--", "/bin/sh", "-c", how];
    let run = on(steps(), &["pods"], &fails("exit 3"));
    let line = |id| format!("daymark: /bin/sh ended with exit code 3 for {id}\n");
    assert_eq!(run.code, 5);
    assert!(run.err.contains(&line("uid-a/8/FAILED/Because")), "{run:?}");
    assert!(run.err.contains(&line("uid-a/9/READY/Because")), "{run:?}");
    let run = on(steps(), &["pods", "--exit-on-error"], &fails("kill -9 $$"));
    assert_eq!(run.code, 1);
    assert!(run.err.ends_with("daymark: /bin/sh was ended by signal 9 for uid-a/8/FAILED/Because\n"), "{run:?}");
}

/// `on.not-started`
#[test]
fn a_command_that_cannot_be_started_ends_it() {
    let steps = || story([changed("2", at(8, pod("a", State::Failed)))]);
    for command in ["/nowhere/notify", "/"] {
        let run = on(steps(), &["pods"], &["--", command]);
        assert_eq!(run.code, 2);
        let last = run.err.lines().last().unwrap();
        assert!(last.starts_with(&format!("daymark: cannot run {command}: ")), "{run:?}");
    }
}

/// `on.once`
#[test]
fn the_first_run_can_be_the_last() {
    for (command, code) in [("/bin/true", 0), ("/bin/false", 1)] {
        let steps = [changed("2", at(8, pod("a", State::Failed))), changed("3", at(9, pod("a", State::Ready)))];
        let run = on(story(steps), &["pods", "--once"], &["--", command]);
        assert_eq!((run.code, run.err.matches("->").count()), (code, 1), "{run:?}");
    }
}

/// `on.timeout` `on.timeout-once` `on.timeout-lost`
#[test]
fn the_time_can_be_limited() {
    let there = snapshot([pod("a", State::Ready)]);
    let short = ["pods", "--timeout", "2s"];
    assert_eq!(on(there.clone(), &short, &TELL).code, 0);
    let once = on(there.clone(), &[&short[..], &["--once"]].concat(), &TELL);
    assert_eq!(once.code, 3);
    assert!(once.err.ends_with("daymark: no transition has matched within 2s\n"), "{once:?}");
    let later_watches = Some(vec![Step::Fail(unavailable())]);
    for watches in [vec![], vec![[there, vec![Step::Fail(unavailable())]].concat()]] {
        let script = Script { watches: watches.into(), later_watches: later_watches.clone(), ..Script::default() };
        let run = run(script, &[&["on"], &short[..], &TELL].concat());
        assert_eq!(run.code, 4, "{run:?}");
        assert!(run.err.lines().last().unwrap().contains("timed out"), "{run:?}");
    }
}

/// `on.unreachable` `on.all-forbidden`
#[test]
fn kinds_that_cannot_be_read_are_reported() {
    let begin = |kinds| vec![reset(Cause::Initial, kinds), current("1"), the_end()];
    let run = on(begin(vec![unreachable("pods", "Forbidden")]), &["pods,deploy"], &TELL);
    assert!(run.err.starts_with("daymark: warning: pods cannot be read: Forbidden: so it is\n"), "{run:?}");
    let run = on(begin(vec![unreachable("pods", "Forbidden")]), &["pods"], &TELL);
    assert_eq!((run.code, run.err.lines().last()), (5, Some("daymark: none of the requested objects may be read")));
}
