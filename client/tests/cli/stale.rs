//! What is said of a view that is not followed any more.

use daymark_proto::v1::status_event::{Event, Progress};
use daymark_proto::v1::{
    Diagnosis, Freshness, GetStatusResponse, ListEventsResponse, ListStatusesResponse, Outcome, Standing, State,
    TreeNode, WatchDiagnosisResponse, WatchGateResponse, WatchTreeResponse,
};
use prost_types::Duration;

use crate::fake::{Fake, Script, Step};
use crate::fake_diagnoses::DiagnosisScript;
use crate::fake_events::EventScript;
use crate::fake_gates::GateStep;
use crate::fake_views::ViewScript;
use crate::objects::{changed, forbidden, freshness, page, pod, snapshot};
use crate::process::{Run, against, finish, run};
use crate::wait::{ended, object, script, told};

const OLD: &str = "daymark: warning: what is shown is as of 20m ago: the API server cannot be reached\n";
const NEW: &str = "what is shown is up to date again\n";

fn old() -> Option<Freshness> {
    let age = Some(Duration { seconds: 1200, nanos: 0 });
    Some(Freshness { age, synced: false, problem: "the API server cannot be reached".into(), ..freshness().unwrap() })
}

fn message(event: Event, freshness: Option<Freshness>) -> Step {
    let Step::Send(message) = crate::objects::message("2", event) else { unreachable!() };
    Step::Send(daymark_proto::v1::WatchStatusesResponse { freshness, ..message })
}

fn get(args: &[&str]) -> Run {
    run(
        Script {
            pages: [Ok(ListStatusesResponse { freshness: old(), ..page(vec![pod("a", State::Ready)]) })].into(),
            objects: [Ok(GetStatusResponse {
                status: Some(pod("a", State::Ready)),
                freshness: old(),
                ..GetStatusResponse::default()
            })]
            .into(),
            events: EventScript {
                pages: (0..3).map(|_| Ok(ListEventsResponse::default())).collect(),
                ..EventScript::default()
            },
            ..Script::default()
        },
        args,
    )
}

/// `all.stale`
#[test]
fn what_is_old_is_said_to_be() {
    for args in [
        &["get", "pods"][..],
        &["get", "pods", "-o", "json"],
        &["get", "pods", "-o", "name"],
        &["get", "pod", "a"],
        &["describe", "pod", "a"],
    ] {
        let run = get(args);
        assert_eq!((run.code, &*run.err), (0, OLD), "{args:?}");
    }
}

/// `all.stale-streams`
#[test]
fn a_watch_says_once_that_it_is_old_and_once_that_it_is_not() {
    let progress = |freshness| message(Event::Progress(Progress {}), freshness);
    for args in [&["get", "pods", "-w"][..], &["watch", "pods"]] {
        let steps = vec![
            progress(old()),
            progress(old()),
            progress(freshness()),
            progress(freshness()),
            changed("3", pod("a", State::Failed)),
            Step::Fail(forbidden()),
        ];
        let watches = [[snapshot([pod("a", State::Ready)]), steps].concat()].into();
        let run = run(Script { watches, ..Script::default() }, args);
        assert!(run.code == 5 && run.err.starts_with(&format!("{OLD}{NEW}daymark: ")), "{args:?}: {run:?}");
    }
}

/// `all.stale-streams`
#[test]
fn so_do_trees_and_waits() {
    let tree = |freshness| {
        let nodes = vec![TreeNode { status: Some(pod("a", State::Ready)), depth: 0 }];
        Ok(WatchTreeResponse { nodes, freshness, ..WatchTreeResponse::default() })
    };
    let trees = [vec![tree(old()), tree(old()), tree(freshness()), Err(forbidden())]].into();
    let views = ViewScript { trees, ..ViewScript::default() };
    let run = run(Script { views, ..Script::default() }, &["tree", "pod/a", "-w"]);
    assert!(run.code == 5 && run.err.starts_with(&format!("{OLD}{NEW}daymark: ")), "{run:?}");

    let waiting = |freshness| {
        let objects = vec![object(pod("a", State::InProgress), Standing::Waiting)];
        GateStep::Send(Box::new(WatchGateResponse { objects, freshness, ..WatchGateResponse::default() }))
    };
    let objects = vec![object(pod("a", State::Ready), Standing::Met)];
    let end = told(ended(Outcome::Passed, "Met", "", &objects), objects);
    let steps = vec![waiting(old()), waiting(old()), waiting(freshness()), end, GateStep::End];
    let run = finish(&mut against(&Fake::new(script(vec![steps])), &["wait", "pod/a"]));
    let lines: Vec<_> = run.err.lines().collect();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(lines, [OLD.trim_end(), "pod/a: InProgress Because", NEW.trim_end(), "pod/a: Ready Because"]);
}

/// `diagnose.stale`
#[test]
fn nothing_is_said_to_be_well_without_saying_as_of_when() {
    let well = |freshness| Diagnosis { state: State::Ready.into(), freshness, ..Diagnosis::default() };
    let again = |freshness| Ok(WatchDiagnosisResponse { diagnosis: Some(well(freshness)), ..Default::default() });
    let script = || Script {
        diagnoses: DiagnosisScript {
            answers: [Ok(well(old()))].into(),
            streams: [vec![again(old()), again(old()), again(freshness()), Err(forbidden())]].into(),
            ..DiagnosisScript::default()
        },
        ..Script::default()
    };
    let once = run(script(), &["diagnose", "-A", "--exit-code"]);
    assert_eq!((once.code, &*once.err), (0, OLD), "{once:?}");
    let watched = run(script(), &["diagnose", "-A", "-w"]);
    assert!(watched.code == 5 && watched.err.starts_with(&format!("{OLD}{NEW}daymark: ")), "{watched:?}");
}
