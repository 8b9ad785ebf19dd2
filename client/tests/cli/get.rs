//! `daymark get` in tables, and what it finds.

use daymark_proto::v1::{ListStatusesResponse, State, View};

use crate::fake::{Fake, Script};
use crate::objects::{deployment, forbidden, found, info, not_found, page, pod, unavailable, unreachable};
use crate::process::{Run, against, finish, run};

fn listed(page: ListStatusesResponse) -> Script {
    Script { pages: [Ok(page)].into(), info: Some(info()), ..Script::default() }
}

fn get(page: ListStatusesResponse, args: &[&str]) -> Run {
    run(listed(page), args)
}

/// `get.table` `get.age`
#[test]
fn a_table_of_states() {
    let statuses = vec![deployment("web", State::InProgress), deployment("a", State::Ready)];
    get(page(statuses), &["get", "deploy"]).expect(
        0,
        "NAME   STATE        REASON    PROGRESS      AGE\n\
         web    InProgress   Because   1/3 updated   5m12s\n\
         a      Ready        Because   1/3 updated   5m12s\n",
        "",
    );
}

/// `get.states`
#[test]
fn each_state_has_its_word() {
    let words = ["Unknown", "Ready", "InProgress", "Failed", "Terminating", "Paused", "Unknown", "Absent"];
    for (number, word) in words.into_iter().enumerate() {
        let state = State::try_from(i32::try_from(number).unwrap()).unwrap();
        let run = get(page(vec![pod("a", state)]), &["get", "pods", "--no-headers"]);
        assert_eq!(run.out.split_whitespace().nth(1), Some(word));
    }
}

/// `get.no-headers`
#[test]
fn the_header_can_be_left_out() {
    let run = get(page(vec![pod("a", State::Ready)]), &["get", "pods", "--no-headers"]);
    run.expect(0, "a   Ready   Because      5m12s\n", "");
}

/// `get.wide`
#[test]
fn a_wide_table_has_the_message_last() {
    let mut status = deployment("web", State::Failed);
    status.message = "it broke".to_owned();
    status.set_doom(daymark_proto::v1::Doom::Fatal);
    let run = get(page(vec![status]), &["get", "deploy", "-o", "wide"]);
    let cells: Vec<Vec<&str>> = run
        .out
        .lines()
        .map(|line| line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(cells[0][5..], ["DOOM", "GENERATION", "MESSAGE"]);
    assert_eq!(cells[1][5..], ["Fatal", "4", "it broke"]);
}

/// `get.all-namespaces`
#[test]
fn all_namespaces_name_theirs() {
    let run = get(page(vec![pod("a", State::Ready)]), &["get", "pods", "-A"]);
    assert!(run.out.starts_with("NAMESPACE   NAME ") && run.out.contains("\nshop        a "), "{run:?}");
}

/// `get.several-kinds`
#[test]
fn several_kinds_name_theirs() {
    let fake = Fake::new(listed(page(vec![deployment("web", State::Ready), pod("a", State::Ready)])));
    let run = finish(&mut against(&fake, &["get", "pods,deploy"]));
    assert!(run.out.contains("\ndeployment.apps/web ") && run.out.contains("\npod/a "), "{run:?}");
    assert_eq!(fake.seen().lists[0].filter.as_ref().unwrap().kinds, ["pods", "deploy"]);
}

/// `get.selected` `get.selected-names`
#[test]
fn objects_are_selected_by_the_daemon() {
    let fake = Fake::new(listed(page(vec![pod("a", State::Failed)])));
    let selected = ["-l", "app=web", "--field-selector", "spec.nodeName=n", "--state", "failed,in-progress"];
    let selected = [&selected[..], &["--cel", "object.a"]].concat();
    let run = finish(&mut against(&fake, &[&["get", "pods"][..], &selected].concat()));
    assert_eq!(run.code, 0, "{run:?}");
    let filter = fake.seen().lists[0].filter.clone().unwrap();
    assert_eq!((&*filter.label_selector, &*filter.field_selector), ("app=web", "spec.nodeName=n"));
    assert_eq!(filter.states().collect::<Vec<_>>(), [State::Failed, State::InProgress]);
    finish(&mut against(&fake, &["get", "pod/a", "-l", "app=web"]))
        .expect_problem(2, &["object names cannot be used with"]);
}

/// `get.names`
#[test]
fn objects_are_named_in_each_form() {
    for args in [&["get", "pod", "a", "b"][..], &["get", "pod/a", "pod/b"]] {
        let objects = [found(pod("a", State::Ready)), found(pod("b", State::Failed))];
        let fake = Fake::new(Script { objects: objects.into(), ..Script::default() });
        let run = finish(&mut against(&fake, args));
        assert_eq!((run.code, run.out.lines().count()), (0, 3), "{run:?}");
        let seen = fake.seen();
        let asked: Vec<_> = seen.gets.iter().map(|get| get.r#ref.clone().unwrap()).collect();
        assert_eq!([asked[0].name.as_str(), asked[1].name.as_str()], ["a", "b"]);
        assert_eq!((asked[0].resource.as_str(), asked[0].namespace.as_str()), ("pod", ""));
        assert_eq!(seen.gets[0].view(), View::Basic);
    }
}

/// `get.not-found`
#[test]
fn what_does_not_exist_is_not_found() {
    let script = Script { objects: [Err(not_found("a"))].into(), ..Script::default() };
    for format in ["table", "json", "status-json"] {
        let script = Script { objects: script.objects.clone(), ..Script::default() };
        run(script, &["get", "pod", "a", "-o", format]).expect(
            6,
            "",
            "daymark: pods \"a\" not found in namespace \"shop\"\n",
        );
    }
}

/// `get.not-found-others`
#[test]
fn what_exists_is_shown_beside_what_does_not() {
    let objects = [Err(not_found("a")), found(pod("b", State::Ready)), Err(forbidden())];
    let run = run(Script { objects: objects.into(), ..Script::default() }, &["get", "pod", "a", "b", "c"]);
    assert_eq!((run.code, run.out.lines().count(), run.err.lines().count()), (6, 2, 2), "{run:?}");
}

/// `get.empty` `get.empty-everywhere`
#[test]
fn an_empty_selection_is_no_error() {
    for (args, text) in [
        (&["get", "pods"][..], "No objects found in namespace \"shop\".\n"),
        (&["get", "pods", "-n", "x"], "No objects found in namespace \"x\".\n"),
        (&["get", "pods", "-A"], "No objects found.\n"),
        (&["get", "nodes"], "No objects found.\n"),
    ] {
        get(page(vec![]), args).expect(0, "", text);
    }
}

/// `get.unreachable`
#[test]
fn a_kind_that_cannot_be_read_is_reported_and_the_rest_shown() {
    let mut page = page(vec![pod("a", State::Ready)]);
    page.unreachable = vec![unreachable("deployments.apps", "Forbidden")];
    let run = get(page, &["get", "pods,deploy"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 2), "{run:?}");
    assert_eq!(run.err, "daymark: warning: deployments.apps cannot be read: Forbidden: so it is\n");
}

/// `get.all-forbidden` `get.all-unreachable`
#[test]
fn nothing_readable_is_a_failure() {
    for (reasons, code) in [(["Forbidden", "Forbidden"], 5), (["Forbidden", "Unreachable"], 4)] {
        let mut page = page(vec![]);
        page.unreachable = vec![unreachable("pods", reasons[0]), unreachable("deployments.apps", reasons[1])];
        let run = get(page, &["get", "pods,deploy"]);
        assert_eq!((run.code, run.out.as_str(), run.err.lines().count()), (code, "", 3), "{run:?}");
    }
}

/// `get.pages`
#[test]
fn all_pages_are_shown() {
    let mut first = page(vec![pod("a", State::Ready)]);
    first.next_page_token = "next".to_owned();
    let pages = [Ok(first), Ok(page(vec![pod("b", State::Ready)]))];
    let fake = Fake::new(Script { pages: pages.into(), ..Script::default() });
    let run = finish(&mut against(&fake, &["get", "pods", "-o", "name"]));
    run.expect(0, "pod/a\npod/b\n", "");
    let seen = fake.seen();
    let tokens: Vec<_> = seen.lists.iter().map(|list| list.page_token.as_str()).collect();
    assert_eq!(tokens, ["", "next"]);
}

/// `get.page-lost`
#[test]
fn a_page_that_fails_leaves_no_document_half_shown() {
    for (format, shown) in [("name", "pod/a\n"), ("json", ""), ("status-json", "")] {
        let mut first = page(vec![pod("a", State::Ready)]);
        first.next_page_token = "next".to_owned();
        let script = Script { pages: [Ok(first), Err(unavailable())].into(), ..Script::default() };
        let run = run(script, &["get", "pods", "-o", format]);
        run.expect_problem(4, &[]);
        assert_eq!(run.out, shown, "{format}");
    }
}

/// `get.rows`
#[test]
fn rows_of_later_pages_stand_below_the_first() {
    let mut first = page(vec![pod("a", State::Ready)]);
    first.next_page_token = "next".to_owned();
    let pages = [Ok(first), Ok(page(vec![pod("much-longer", State::Ready), pod("b", State::Ready)]))];
    run(Script { pages: pages.into(), ..Script::default() }, &["get", "pods"]).expect(
        0,
        "NAME   STATE   REASON    PROGRESS   AGE\n\
         a      Ready   Because              5m12s\n\
         much-longer   Ready   Because              5m12s\n\
         b             Ready   Because              5m12s\n",
        "",
    );
}

/// `get.label-columns` `get.show-labels` `get.label-columns-tables`
#[test]
fn labels_have_columns() {
    let labelled = || {
        let mut status = pod("a", State::Ready);
        status.object = r#"{"metadata":{"labels":{"app":"web","x.io/tier":"db"}}}"#.into();
        page(vec![status, pod("b", State::Ready)])
    };
    let fake = Fake::new(listed(labelled()));
    finish(&mut against(&fake, &["get", "pods", "-L", "x.io/tier,app"])).expect(
        0,
        "NAME   STATE   REASON    PROGRESS   AGE     TIER   APP\n\
         a      Ready   Because              5m12s   db     web\n\
         b      Ready   Because              5m12s\n",
        "",
    );
    assert_eq!(fake.seen().lists[0].view(), View::Full);
    let run = get(labelled(), &["get", "pods", "--show-labels", "--no-headers"]);
    assert!(run.out.lines().next().unwrap().ends_with("   app=web,x.io/tier=db"), "{run:?}");
    assert!(run.out.lines().last().unwrap().ends_with("   <none>"), "{run:?}");
    get(labelled(), &["get", "pods", "-L", "app", "-o", "json"]).expect_problem(2, &["label columns"]);
}

/// `get.names-everywhere` `get.timeout-needs-watch`
#[test]
fn words_that_exclude_each_other() {
    run(Script::default(), &["get", "pod", "a", "-A"]).expect_problem(2, &["-A"]);
    assert_eq!(run(Script::default(), &["get", "pods", "--timeout", "1s"]).code, 2);
}
