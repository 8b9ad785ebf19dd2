//! `daymark describe`: what is asked, and what becomes of what may not be seen.

use daymark_proto::v1::{ListEventsResponse, State, View};
use serde_json::Value;

use crate::describe_texts::{script, told};
use crate::fake::{Fake, Script};
use crate::fake_views::ViewScript;
use crate::objects::{error, forbidden, found, info, not_found, page, pod, unavailable, unreachable};
use crate::process::{Run, against, finish, run};

fn describe(script: Script, args: &[&str]) -> Run {
    run(uneventful(script), &[&["describe"], args].concat())
}

/// Nothing has happened to what the script has no events of.
fn uneventful(mut script: Script) -> Script {
    script.events.pages.extend((0..3).map(|_| Ok(ListEventsResponse::default())));
    script
}

/// What stands below a heading.
fn section(text: &str, heading: &str) -> String {
    let mut lines = text.lines().skip_while(|line| *line != format!("{heading}:")).skip(1);
    lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// `describe.state`
#[test]
fn the_state_stands_first() {
    let out = describe(script(&told("pod")), &["pod/unhappy-5769-xtb2g"]).out;
    let first: Vec<_> = out.lines().take(5).map(|line| line.split_once(':').unwrap().0).collect();
    assert_eq!(first, ["Name", "Namespace", "State", "Reason", "Doom"]);
}

/// `describe.request`
#[test]
fn the_daemon_is_asked_for_what_belongs_to_it() {
    let fake = Fake::new(script(&told("pod")));
    finish(&mut against(&fake, &["describe", "po", "unhappy-5769-xtb2g", "-n", "shop"]));
    let seen = fake.seen();
    let refs = seen.gets.iter().map(|get| (get.view(), get.r#ref.clone().unwrap()));
    let refs: Vec<_> = refs.map(|(view, it)| (view, it.resource, it.group, it.namespace, it.name)).collect();
    let of = |view, [resource, namespace, name]: [&str; 3]| {
        (view, resource.to_owned(), String::new(), namespace.to_owned(), name.to_owned())
    };
    assert_eq!(
        refs,
        [
            of(View::Full, ["po", "shop", "unhappy-5769-xtb2g"]),
            of(View::Full, ["replicaset.apps", "shop", "unhappy-5769"]),
            of(View::Full, ["deployment.apps", "shop", "unhappy"]),
            of(View::Basic, ["node", "", "minikube"]),
            of(View::Basic, ["persistentvolumeclaim", "shop", "data-0"]),
        ]
    );
    let services = seen.lists[0].filter.as_ref().unwrap();
    assert_eq!(
        (services.kinds.as_slice(), services.namespaces.as_slice()),
        (&["services".to_owned()][..], &["shop".to_owned()][..])
    );
    assert!(fake.seen_views().trees.is_empty(), "a pod owns nothing");
}

/// `describe.selected`
#[test]
fn kinds_are_selected_and_described_one_by_one() {
    let pages = [Ok(page(vec![pod("a", State::Ready), pod("b", State::Failed)])), Ok(page(vec![])), Ok(page(vec![]))];
    let fake = Fake::new(uneventful(Script { pages: pages.into(), ..Script::default() }));
    let run = finish(&mut against(&fake, &["describe", "pods", "-l", "app=nevermind", "-A"]));
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let parts: Vec<_> = run.out.split("\n\n\n").collect();
    assert_eq!(parts.len(), 2, "{run:?}");
    assert!(parts[0].starts_with("Name:") && parts[0].contains("pod/a"), "{run:?}");
    assert!(parts[1].starts_with("Name:") && parts[1].contains("pod/b"), "{run:?}");
    let seen = fake.seen();
    let filter = seen.lists[0].filter.as_ref().unwrap();
    assert_eq!((filter.label_selector.as_str(), filter.all_namespaces), ("app=nevermind", true));
    assert_eq!(seen.lists[0].view(), View::Full);
}

/// `describe.many`
#[test]
fn so_many_are_described_and_no_more() {
    let mut first = page(vec![pod("a", State::Ready)]);
    first.next_page_token = "2".to_owned();
    let fake = Fake::new(uneventful(Script { pages: [Ok(first), Ok(page(vec![]))].into(), ..Script::default() }));
    let run = finish(&mut against(&fake, &["describe", "pods"]));
    run.expect_problem(0, &["200", "-l"]);
    assert_eq!(fake.seen().lists[0].page_size, 200);
    let names: Vec<_> = (0..201).map(|number| format!("pod/p{number}")).collect();
    let words: Vec<_> = names.iter().map(String::as_str).collect();
    let objects = std::iter::repeat_with(|| Err(not_found("p"))).take(300).collect();
    let fake = Fake::new(Script { objects, ..Script::default() });
    assert_eq!(finish(&mut against(&fake, &[&["describe"], &words[..]].concat())).code, 6);
    assert_eq!(fake.seen().gets.len(), 200);
}

/// `describe.not-permitted`
#[test]
fn what_may_not_be_seen_is_said_in_its_place() {
    let told = told("pod");
    let mut script = script(&told);
    script.objects.truncate(1);
    // Its controller, its node and its claim.
    script.objects.extend([Err(forbidden()), Err(forbidden()), Err(unavailable())]);
    script.pages = [Err(forbidden())].into();
    let run = describe(script, &["pod/x"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(
        section(&run.out, "Related objects"),
        "  replicaset/unhappy-5769: not permitted\n  node/minikube: not permitted\n  services: not permitted\n  \
         persistentvolumeclaim/data-0: cannot be read: the cluster cannot be reached"
    );
}

/// `describe.not-permitted`
#[test]
fn sums_of_what_is_not_all_known_are_not_said() {
    let told = told("node");
    let mut some = page(vec![]);
    some.unreachable = vec![unreachable("pods", "PermissionDenied")];
    let run = describe(Script { pages: [Ok(some)].into(), ..script(&told) }, &["node/n1"]);
    assert_eq!(section(&run.out, "Pods"), "  pods: not all are visible");
    let resources = section(&run.out, "Resources");
    assert_eq!(resources.matches("unknown").count(), 7, "{resources}");
}

/// `describe.tree`
#[test]
fn what_is_owned_is_a_tree_or_the_reason_why_not() {
    let run = describe(script(&told("deployment")), &["deploy/unhappy"]);
    let tree = section(&run.out, "Owned objects");
    assert!(tree.contains("└─replicaset.apps/unhappy-5769 ") && tree.contains("  └─pod/unhappy-5769-xtb2g "), "{tree}");
    let views = ViewScript { trees: [vec![Err(forbidden())]].into(), ..ViewScript::default() };
    let run = describe(Script { views, ..script(&told("deployment")) }, &["deploy/unhappy"]);
    assert_eq!((run.code, section(&run.out, "Owned objects")), (0, "  not permitted".to_owned()));
}

/// `describe.events`
#[test]
fn the_newest_events_stand_last_and_the_others_are_counted() {
    let mut told = told("pod");
    let fake = Fake::new(script(&told));
    finish(&mut against(&fake, &["describe", "pod/x"]));
    let seen = fake.seen_events();
    let filter = seen.lists[0].filter.as_ref().unwrap();
    let object = filter.r#ref.as_ref().unwrap();
    assert_eq!((object.name.as_str(), object.uid.as_str()), ("unhappy-5769-xtb2g", "uid-unhappy-5769-xtb2g"));
    assert!(filter.with_owned && seen.lists[0].newest_first, "{filter:?}");
    let events = told["events"].as_array_mut().unwrap();
    let first = events[0].clone();
    events.resize(25, first);
    let rows = section(&describe(script(&told), &["pod/x"]).out, "Events");
    let rows: Vec<_> = rows.lines().collect();
    assert_eq!(rows.len(), 1 + 20 + 1, "{rows:?}");
    assert!(rows[20].contains("BackOff") && rows[20].contains("(x2 over "), "{rows:?}");
    assert_eq!(rows[21], "  ... and 5 more: daymark events pod/unhappy-5769-xtb2g");
}

/// `describe.events-unknown`
#[test]
fn why_there_are_no_events_is_said() {
    let off = error(tonic::Code::FailedPrecondition, "EVENTS_NOT_KEPT", "the daemon keeps no events");
    for (answer, expected) in [
        (Ok(ListEventsResponse::default()), "  none"),
        (Err(off), "  not known: the daemon keeps no events"),
        (Err(forbidden()), "  not permitted"),
        (Err(error(tonic::Code::InvalidArgument, "UNKNOWN_KIND", "no kind \"events\"")), "  not served"),
    ] {
        let mut script = script(&told("resourcequota"));
        script.events.pages = [answer].into();
        let run = describe(script, &["quota/few"]);
        assert_eq!((run.code, section(&run.out, "Events").as_str()), (0, expected));
    }
}

/// `describe.rows`
#[test]
fn tables_end_somewhere() {
    let mut told = told("poddisruptionbudget");
    let pods = told["lists"][0].as_array_mut().unwrap();
    let first = pods[0].clone();
    pods.resize(600, first);
    let run = describe(script(&told), &["pdb/web"]);
    let related = section(&run.out, "Related objects");
    assert_eq!(related.lines().count(), 1 + 30 + 1, "{related}");
    assert!(related.ends_with("... and more pods"), "{related}");
}

/// `describe.json`
#[test]
fn json_holds_all_of_it() {
    let out = describe(script(&told("deployment")), &["deploy/unhappy", "-o", "json"]).out;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json.pointer("/status/state").unwrap(), "FAILED");
    assert_eq!(json.pointer("/object/metadata/name").unwrap(), "unhappy");
    assert_eq!(json.pointer("/tree/owns/0/owns/0/status/kind").unwrap(), "Pod");
    assert_eq!(json.pointer("/related/0/what").unwrap(), "services");
    assert_eq!(json.pointer("/related/0/statuses/0/ref/name").unwrap(), "nevermind");
    assert_eq!(json.pointer("/related/0/more").unwrap(), false);
    assert_eq!(json.pointer("/events/3/reason").unwrap(), "BackOff");
}

/// `describe.json-list`
#[test]
fn several_objects_are_a_list() {
    let pages = [Ok(page(vec![pod("a", State::Ready)])), Ok(page(vec![]))];
    let out = describe(Script { pages: pages.into(), ..Script::default() }, &["pods", "-o", "json"]).out;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json.pointer("/descriptions/0/status/ref/name").unwrap(), "a");
    assert_eq!(json.pointer("/unreachable").unwrap().as_array().unwrap().len(), 0);
}

/// `describe.secret`
#[test]
fn a_secrets_data_is_never_shown() {
    for output in ["text", "json"] {
        let run = describe(script(&told("secret")), &["secret/db", "-o", output]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("Opaque") && !run.out.contains("aHVudGVyMg"), "{run:?}");
    }
}

/// `describe.not-found` `describe.forbidden` `describe.others`
#[test]
fn the_target_itself_is_to_be_there_and_seen() {
    let one = |answer| Script { objects: [answer].into(), ..Script::default() };
    describe(one(Err(not_found("web"))), &["pod/web"]).expect_problem(6, &["web"]);
    describe(one(Err(forbidden())), &["pod/web"]).expect_problem(5, &["pods"]);
    describe(one(Err(unavailable())), &["pod/web"]).expect_problem(4, &["cluster"]);
    let both = Script {
        objects: [Err(not_found("a")), found(pod("b", State::Ready))].into(),
        pages: [Ok(page(vec![]))].into(),
        ..Script::default()
    };
    let run = describe(both, &["pod/a", "pod/b"]);
    assert_eq!((run.code, run.err.lines().count()), (6, 1), "{run:?}");
    assert!(run.out.contains("pod/b"), "{run:?}");
}

/// `describe.empty` `describe.all-forbidden`
#[test]
fn nothing_is_said_to_be_nothing() {
    let script = |unreachable| {
        let mut nothing = page(vec![]);
        nothing.unreachable = unreachable;
        Script { pages: [Ok(nothing)].into(), info: Some(info()), ..Script::default() }
    };
    let run = describe(script(vec![]), &["pods", "-l", "app=x"]);
    run.expect(0, "", "No objects found in namespace \"shop\".\n");
    let run = describe(script(vec![unreachable("pods", "Forbidden")]), &["pods"]);
    assert_eq!((run.code, run.out.as_str(), run.err.lines().count()), (5, "", 2), "{run:?}");
}

/// `describe.lost`
#[test]
fn a_daemon_that_fails_in_between_ends_it() {
    let script = Script { objects: [found(pod("a", State::Ready))].into(), ..Script::default() };
    // The Services are not in the script: a fault.
    assert_eq!(describe(script, &["pod/a"]).code, 70);
}

/// `describe.usage`
#[test]
fn objects_are_named_or_selected() {
    for args in [&["pod/a", "-A"][..], &["pod/a", "-l", "app=x"], &["pod", "a", "-A"], &[], &["pod/a", "-o", "yaml"]] {
        assert_eq!(describe(Script::default(), args).code, 2, "{args:?}");
    }
}

/// `describe.escaped`
#[test]
fn the_clusters_text_does_nothing_to_a_terminal() {
    let mut told = told("custom");
    let object = &mut told["objects"][0];
    object["reason"] = "\u{1b}]0;x\u{7}".into();
    object["message"] = "a\u{202e}b".into();
    object["object"]["metadata"]["labels"] = serde_json::json!({"\u{9b}2J": "\r"});
    let out = describe(script(&told), &["widget/w"]).out;
    assert!(!out.chars().any(|char| char != '\n' && (char.is_control() || char == '\u{202e}')), "{out:?}");
    assert!(out.contains("\\x1b]0;x\\x07") && out.contains("a\\u{202e}b") && out.contains("\\x9b2J="), "{out:?}");
}
