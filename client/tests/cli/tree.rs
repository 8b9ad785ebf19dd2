//! `daymark tree`

use daymark_proto::v1::{State, Status, TreeNode, WatchTreeResponse};
use serde_json::Value;

use crate::fake::{Fake, Script};
use crate::fake_views::ViewScript;
use crate::objects::{deployment, forbidden, freshness, not_found, pod, unavailable, unreachable};
use crate::process::{Run, against, finish, run};

fn node(status: Status, depth: i32) -> TreeNode {
    TreeNode { status: Some(status), depth }
}

fn tree(nodes: Vec<TreeNode>) -> WatchTreeResponse {
    WatchTreeResponse { nodes, freshness: freshness(), ..WatchTreeResponse::default() }
}

fn family(state: State) -> WatchTreeResponse {
    tree(vec![
        node(deployment("web", state), 0),
        node(deployment("web-1", State::Ready), 1),
        node(pod("web-1-a", State::Ready), 2),
        node(pod("web-1-b", state), 2),
        node(pod("other", State::Ready), 1),
    ])
}

fn script(trees: Vec<Vec<Result<WatchTreeResponse, tonic::Status>>>) -> Script {
    let views = ViewScript { trees: trees.into(), ..ViewScript::default() };
    Script { views, ..Script::default() }
}

fn shown(trees: Vec<Vec<Result<WatchTreeResponse, tonic::Status>>>, args: &[&str]) -> Run {
    run(script(trees), &[&["tree"], args].concat())
}

/// `tree.table` `tree.request`
#[test]
fn what_is_owned_hangs_below_its_owner() {
    let fake = Fake::new(script(vec![vec![Ok(family(State::InProgress))]]));
    let args = ["tree", "deploy", "web", "--kinds", "rs,pods", "-n", "shop", "--no-headers"];
    finish(&mut against(&fake, &args)).expect(
        0,
        "deployment.apps/web       InProgress   Because   1/3 updated   5m12s\n\
         ├─deployment.apps/web-1   Ready        Because   1/3 updated   5m12s\n\
         │ ├─pod/web-1-a           Ready        Because                 5m12s\n\
         │ └─pod/web-1-b           InProgress   Because                 5m12s\n\
         └─pod/other               Ready        Because                 5m12s\n",
        "",
    );
    let seen = fake.seen_views();
    let asked = seen.trees[0].r#ref.as_ref().unwrap();
    assert_eq!((asked.resource.as_str(), asked.name.as_str(), asked.namespace.as_str()), ("deploy", "web", "shop"));
    assert_eq!(seen.trees[0].kinds, ["rs", "pods"]);
}

/// `tree.json`
#[test]
fn json_nests_what_is_owned() {
    let out = shown(vec![vec![Ok(family(State::Ready))]], &["deploy/web", "-o", "json"]).out;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json.pointer("/status/ref/name").unwrap(), "web");
    assert_eq!(json.pointer("/owns/0/owns/1/status/ref/name").unwrap(), "web-1-b");
    assert_eq!(json.pointer("/owns/1/status/state").unwrap(), "READY");
}

/// `tree.not-found` `tree.unreachable` `tree.omitted`
#[test]
fn what_is_missing_is_said() {
    shown(vec![vec![Err(not_found("web"))]], &["deploy/web"]).expect_problem(6, &["web"]);
    let mut some = family(State::Ready);
    some.unreachable = vec![unreachable("pods", "Forbidden")];
    some.omitted = 7;
    let run = shown(vec![vec![Ok(some)]], &["deploy/web"]);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.err,
        "daymark: warning: pods cannot be read: Forbidden: so it is\n... and 7 more, which are too many for a tree\n"
    );
}

/// `tree.usage`
#[test]
fn a_tree_has_one_root() {
    for args in [&["pods"][..], &["pod/a", "pod/b"], &["pod", "a", "b"], &["pod/a", "--timeout", "1s"]] {
        assert_eq!(shown(vec![], args).code, 2, "{args:?}");
    }
}

/// `tree.watch` `tree.watch-lost` `tree.watch-ended`
#[test]
fn what_changes_is_a_row() {
    let mut later = family(State::Ready);
    later.nodes.remove(2);
    let lost = vec![Ok(family(State::InProgress)), Err(unavailable())];
    let run = shown(vec![lost, vec![Ok(later), Err(forbidden())]], &["deploy/web", "-w", "--no-headers"]);
    let rows: Vec<_> = run.out.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>()).collect();
    assert_eq!(
        rows[5..],
        [["pod/web-1-a", "Absent"], ["deployment.apps/web", "Ready"], ["pod/web-1-b", "Ready"]],
        "{run:?}"
    );
    assert_eq!(run.code, 5);
    assert_eq!(run.err.lines().count(), 2, "{run:?}");
}
