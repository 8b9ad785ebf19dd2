//! `daymark watch`, and `--until`

use daymark_proto::v1::status_event::Event;
use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{State, View};

use crate::fake::{Fake, Script, Step};
use crate::objects::{changed, deployment, forbidden, gone, info, message, pod, reset, snapshot};
use crate::process::{Run, against, finish, run};

fn story() -> Vec<Step> {
    let mut steps = snapshot([pod("a", State::Ready)]);
    steps.push(message("2", Event::Entered(deployment("web", State::InProgress))));
    steps.push(message("3", Event::Deleted(gone(pod("a", State::Ready)))));
    steps.push(Step::Fail(forbidden()));
    steps
}

fn watch(args: &[&str]) -> Run {
    run(Script { watches: [story()].into(), ..Script::default() }, &[&["watch", "pods,deploy"], args].concat())
}

fn words(run: &Run) -> Vec<Vec<&str>> {
    run.out.lines().map(|line| line.split_whitespace().take(3).collect()).collect()
}

/// `watch.table`
#[test]
fn transitions_have_their_time() {
    let run = watch(&[]);
    assert_eq!(
        words(&run),
        [
            ["TIME", "NAME", "STATE"],
            ["2026-01-02T03:04:05Z", "deployment.apps/web", "InProgress"],
            ["2026-01-02T03:04:05Z", "pod/a", "Absent"],
        ]
    );
    assert_eq!(run.code, 5);
}

/// `watch.initial`
#[test]
fn what_is_there_can_be_shown_first() {
    let run = watch(&["--initial", "--no-headers"]);
    let names: Vec<_> = words(&run).iter().map(|words| words[0]).collect();
    assert_eq!(names, ["pod/a", "deployment.apps/web", "pod/a"]);
}

/// `watch.output` `watch.request`
#[test]
fn it_is_told_in_states_only() {
    let fake = Fake::new(Script { watches: [story()].into(), ..Script::default() });
    let run = finish(&mut against(&fake, &["watch", "pods", "-o", "name", "--states", "failed,unknown"]));
    assert_eq!(run.out, "deployment.apps/web\npod/a\n");
    let seen = fake.seen();
    assert_eq!(seen.watches[0].view(), View::Basic);
    assert_eq!(seen.watches[0].filter.as_ref().unwrap().states, [State::Failed as i32, State::Unknown as i32]);
    watch(&["-o", "json"]).expect_problem(2, &["get --watch"]);
}

/// `get.until` `get.until-needs-watch`
#[test]
fn it_ends_when_something_is_true() {
    // The streams are opened in turn: what is shown, then what ends it.
    let mut shown = snapshot([pod("a", State::InProgress)]);
    shown.push(changed("2", pod("b", State::Ready)));
    let mut until = snapshot([]);
    until.push(message("2", Event::Entered(pod("a", State::Ready))));
    let fake = Fake::new(Script { watches: [shown, until].into(), ..Script::default() });
    let args = ["get", "pods", "-w", "--cel", "x", "--until", r#"state == "READY""#, "-o", "name"];
    let run = finish(&mut against(&fake, &args));
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    let seen = fake.seen();
    let asked: Vec<_> = seen.watches.iter().map(|watch| watch.filter.as_ref().unwrap().cel.as_str()).collect();
    assert!(asked.contains(&"x") && asked.contains(&r#"(x) && (state == "READY")"#), "{asked:?}");
    run_of(&["get", "pods", "--until", "true"]).expect_problem(2, &["--until"]);
}

/// `get.until`
#[test]
fn what_ends_it_is_shown_whole_though_it_comes_first() {
    for (output, view) in [("json", View::Full), ("jsonpath={.metadata.name}", View::Full), ("table", View::Basic)] {
        let until = vec![reset(Cause::Initial, vec![]), message("2", Event::Entered(pod("a", State::Ready)))];
        let fake = Fake::new(Script { watches: [snapshot([]), until].into(), info: Some(info()), ..Script::default() });
        let run = finish(&mut against(&fake, &["get", "pods", "-w", "--until", "true", "-o", output]));
        assert!(run.code == 0 && run.out.contains('a'), "{run:?}");
        let seen = fake.seen();
        assert!(seen.watches.iter().all(|watch| watch.view() == view), "{output}");
    }
}

fn run_of(args: &[&str]) -> Run {
    run(Script::default(), args)
}

/// `get.until-names`
#[test]
fn of_named_objects_each_is_looked_at() {
    let until = |name: &str| {
        let mut steps = snapshot([]);
        steps.push(message("2", Event::Entered(pod(name, State::Ready))));
        steps
    };
    let watches = [until("a"), until("b"), until("b")];
    let fake = Fake::new(Script { watches: watches.into(), ..Script::default() });
    let run = finish(&mut against(&fake, &["get", "pod", "a", "b", "-w", "--until", "true", "-o", "name"]));
    assert_eq!(run.code, 0, "{run:?}");
    let seen = fake.seen();
    let fields: Vec<_> =
        seen.watches.iter().map(|watch| watch.filter.as_ref().unwrap().field_selector.as_str()).collect();
    assert!(fields.contains(&"metadata.name=a") && fields.contains(&"metadata.name=b"), "{fields:?}");
}

/// `get.until-timeout`
#[test]
fn what_does_not_become_true_is_undecided() {
    let script = Script { watches: [snapshot([pod("a", State::Ready)]), snapshot([])].into(), ..Script::default() };
    let run = run(script, &["get", "pods", "-w", "--until", "true", "--timeout", "300ms"]);
    run.expect_problem(3, &["--until"]);
}
