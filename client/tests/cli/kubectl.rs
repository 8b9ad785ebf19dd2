//! `daymark get -o kubectl`

use std::collections::HashMap;

use daymark_proto::v1::{ListTablesResponse, ObjectRef, Table, TableColumn, TableRow};

use crate::fake::{Fake, Script};
use crate::fake_views::ViewScript;
use crate::objects::{not_found, unreachable};
use crate::process::{Run, against, finish, run};

fn column(name: &str, priority: i32) -> TableColumn {
    TableColumn { name: name.to_owned(), priority }
}

fn row(name: &str, cells: &str) -> TableRow {
    let object = ObjectRef {
        resource: "pods".to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        ..ObjectRef::default()
    };
    let labels = HashMap::from([("app".to_owned(), "web".to_owned()), ("a.io/b".to_owned(), "c".to_owned())]);
    TableRow { r#ref: Some(object), cells: cells.to_owned().into(), labels }
}

fn pods(rows: Vec<TableRow>) -> Table {
    let columns = vec![column("Name", 0), column("Ready", 0), column("Restarts", 0), column("Node", 1)];
    Table { kind: "pods".to_owned(), object_kind: "Pod".to_owned(), columns, rows }
}

fn page(tables: Vec<Table>) -> ListTablesResponse {
    ListTablesResponse { tables, ..ListTablesResponse::default() }
}

fn shown(pages: Vec<Result<ListTablesResponse, tonic::Status>>, args: &[&str]) -> Run {
    let views = ViewScript { tables: pages.into(), ..ViewScript::default() };
    run(Script { views, ..Script::default() }, &[&["get"], args].concat())
}

fn two() -> Table {
    pods(vec![row("a", r#"["a","1/1",0,"n1"]"#), row("much-longer", r#"["much-longer","0/1",12,null]"#)])
}

/// `get.kubectl` `get.kubectl-wide`
#[test]
fn cells_are_the_api_servers() {
    shown(vec![Ok(page(vec![two()]))], &["pods", "-o", "kubectl"]).expect(
        0,
        "NAME          READY   RESTARTS\n\
         a             1/1     0\n\
         much-longer   0/1     12\n",
        "",
    );
    shown(vec![Ok(page(vec![two()]))], &["pods", "-o", "kubectl-wide", "--no-headers", "-A", "-L", "app"]).expect(
        0,
        "shop   a             1/1   0     n1    web\n\
         shop   much-longer   0/1   12          web\n",
        "",
    );
    let run = shown(vec![Ok(page(vec![two()]))], &["pods", "-o", "kubectl", "--show-labels"]);
    assert!(run.out.ends_with("0/1     12         a.io/b=c,app=web\n"), "{run:?}");
}

/// `get.kubectl-cells`
#[test]
fn a_cell_is_one_line_and_acts_on_nothing() {
    let cells = vec![row("a", r#"["a\nb","\u001b[31m",true,""]"#)];
    let run = shown(vec![Ok(page(vec![pods(cells)]))], &["pods", "-o", "kubectl", "--no-headers"]);
    run.expect(0, "a...   \\x1b[31m   true\n", "");
}

/// `get.kubectl-pages` `get.kubectl-kinds`
#[test]
fn pages_make_one_table_and_kinds_several() {
    let mut first = page(vec![pods(vec![row("a", r#"["a","1/1",0,""]"#)])]);
    first.next_page_token = "next".to_owned();
    let mut second = page(vec![pods(vec![row("b", r#"["b","1/1",0,""]"#)])]);
    second.tables.push(Table {
        kind: "nodes".to_owned(),
        object_kind: "Node".to_owned(),
        columns: vec![column("Name", 0)],
        rows: vec![TableRow {
            r#ref: Some(ObjectRef { resource: "nodes".to_owned(), name: "n1".to_owned(), ..ObjectRef::default() }),
            cells: r#"["n1"]"#.into(),
            ..TableRow::default()
        }],
    });
    second.unreachable = vec![unreachable("jobs.batch", "PermissionDenied")];
    shown(vec![Ok(first), Ok(second)], &["pods,nodes,jobs", "-o", "kubectl"]).expect(
        0,
        "NAME    READY   RESTARTS\n\
         pod/a   1/1     0\n\
         pod/b   1/1     0\n\
         \n\
         NAME\n\
         node/n1\n",
        "daymark: warning: not all jobs.batch are shown: so it is\n",
    );
}

/// `get.kubectl-names`
#[test]
fn names_are_asked_for_one_by_one() {
    let views = ViewScript {
        tables: [
            Ok(page(vec![pods(vec![row("a", r#"["a","1/1",0,""]"#)])])),
            Err(not_found("b")),
            Ok(page(vec![pods(vec![row("c", r#"["c","1/1",0,""]"#)])])),
        ]
        .into(),
        ..ViewScript::default()
    };
    let fake = Fake::new(Script { views, ..Script::default() });
    let run = finish(&mut against(&fake, &["get", "pod", "a", "b", "c", "-o", "kubectl"]));
    run.expect_problem(6, &["b"]);
    assert_eq!(run.out, "NAME   READY   RESTARTS\na      1/1     0\nc      1/1     0\n");
    assert_eq!(fake.seen_views().tables.len(), 3);
}

/// `get.kubectl-excludes`
#[test]
fn what_the_api_server_does_not_know_is_refused() {
    for args in [&["-w"][..], &["--state", "failed"], &["--cel", "true"], &["--sort-by", ".a"]] {
        shown(vec![], &[&["pods", "-o", "kubectl"], args].concat()).expect_problem(2, &["-o kubectl"]);
    }
}

/// `get.kubectl-bad-cells`
#[test]
fn cells_that_are_none_are_daymarks_fault() {
    shown(vec![Ok(page(vec![pods(vec![row("a", "{")])]))], &["pods", "-o", "kubectl"]).expect_problem(70, &["pods"]);
}
