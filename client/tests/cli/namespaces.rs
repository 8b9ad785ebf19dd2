//! Several namespaces, and kinds that can be read in some of them.

use daymark_proto::v1::status_event::reset::Cause;
use daymark_proto::v1::{ListStatusesResponse, State, Unreachable};

use crate::fake::{Fake, Script, Step};
use crate::objects::{current, error, info, item, page, pod, reset, unreachable};
use crate::process::{against, command, finish, run};

fn forbidden_in(namespace: &str) -> Unreachable {
    Unreachable { namespace: namespace.to_owned(), ..unreachable("pods", "Forbidden") }
}

/// A watch of a kind that cannot be read in these namespaces, which ends with another error.
fn watch(namespaces: &[&str]) -> Script {
    let end = Step::Fail(error(tonic::Code::InvalidArgument, "ENDED", "that is all"));
    let unread = namespaces.iter().map(|namespace| forbidden_in(namespace)).collect();
    let steps = vec![reset(Cause::Initial, unread), item(pod("a", State::Ready)), current("1"), end];
    Script { watches: [steps].into(), info: Some(info()), ..Script::default() }
}

/// `get.watch-partly-forbidden`
#[test]
fn a_kind_that_is_forbidden_in_one_namespace_is_watched_in_others() {
    for command in [&["get", "-w"][..], &["on"]] {
        for (unread, args, code) in [
            (&["a"][..], &["-A"][..], 2),
            (&["a", "b"], &["-A"], 2),
            (&["a"], &["-n", "a,b"], 2),
            (&["a", "b"], &["-n", "a,b"], 5),
            (&["a"], &["-n", "a"], 5),
            (&["shop"], &[], 5),
            (&[""], &["-A"], 5),
        ] {
            let end = if command[0] == "on" { &["--", "true"][..] } else { &[] };
            let run = run(watch(unread), &[command, &["pods"], args, end].concat());
            assert_eq!(run.code, code, "{command:?} {unread:?} {args:?}: {run:?}");
        }
    }
}

/// `get.watch-partly-forbidden`
#[test]
fn so_it_is_when_it_is_listed() {
    for (unread, args, code) in [(&["a"][..], &["-A"][..], 0), (&["a"], &["-n", "a"], 5), (&[""], &["-A"], 5)] {
        let unreachable = unread.iter().map(|namespace| forbidden_in(namespace)).collect();
        let listed = ListStatusesResponse { unreachable, ..page(vec![]) };
        let script = Script { pages: [Ok(listed)].into(), info: Some(info()), ..Script::default() };
        let run = run(script, &[&["get", "pods"], args].concat());
        assert_eq!(run.code, code, "{unread:?} {args:?}: {run:?}");
    }
}

/// `all.namespaces`
#[test]
fn kinds_are_looked_for_in_several_namespaces() {
    let fake = Fake::new(Script { pages: [Ok(page(vec![pod("a", State::Ready)]))].into(), ..Script::default() });
    let run = finish(&mut against(&fake, &["get", "pods", "-n", "shop, b"]));
    assert_eq!((run.code, run.out.split_whitespace().next()), (0, Some("NAMESPACE")), "{run:?}");
    assert_eq!(fake.seen().lists[0].filter.clone().unwrap().namespaces, ["shop", "b"]);
}

/// `all.namespaces-one`
#[test]
fn objects_are_named_in_one_namespace() {
    for line in [
        "get pod a",
        "get pod/a -w",
        "describe pod/a",
        "tree pod/a",
        "events pod/a",
        "logs a",
        "wait pod/a",
        "diagnose pod/a",
        "quarantine pod/a",
        "on pod/a -- true",
    ] {
        let fake = Fake::new(Script { info: Some(info()), ..Script::default() });
        let words: Vec<_> = line.split(' ').take(1).chain(["-n", "x,y"]).chain(line.split(' ').skip(1)).collect();
        finish(&mut against(&fake, &words)).expect_problem(2, &["\"x,y\"", "one namespace"]);
    }
    finish(&mut command(&["wait", "-n", "x,y", "-f", "/dev/null"])).expect_problem(2, &["one namespace"]);
}
