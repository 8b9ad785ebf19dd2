//! `daymark wait`: how objects are named, and kubectl's words.

use daymark_proto::v1::{Outcome, Standing, State};

use crate::objects::pod;
use crate::wait::{going, object, verdict, wait};

/// `wait.namespaces`
#[test]
fn objects_of_several_namespaces_are_told_apart() {
    let placed = |namespace: &str, state| {
        let mut status = pod("a", state);
        status.r#ref.as_mut().unwrap().namespace = namespace.to_owned();
        status
    };
    let first = ["x", "y"].map(|it| object(placed(it, State::InProgress), Standing::Waiting)).to_vec();
    let last = ["x", "y"].map(|it| object(placed(it, State::Ready), Standing::Met)).to_vec();
    let steps = || [going(first.clone()), verdict(Outcome::Passed, last.clone())].concat();
    for args in [&["pods", "-A"][..], &["pods", "-n", "x,y"]] {
        let run = wait(vec![steps()], args);
        let lines: Vec<_> = run.out.lines().take(2).collect();
        assert_eq!(lines, ["x/pod/a met: Because", "y/pod/a met: Because"]);
        let said = "x/pod/a: InProgress Because\ny/pod/a: InProgress Because\n\
                    x/pod/a: Ready Because\ny/pod/a: Ready Because\n";
        assert_eq!(run.err, said);
    }
    let alone = || [going(first[..1].to_vec()), verdict(Outcome::Passed, last[..1].to_vec())].concat();
    assert!(wait(vec![alone()], &["pods", "-A"]).out.starts_with("x/pod/a met"));
    assert!(wait(vec![alone()], &["pods"]).out.starts_with("pod/a met"));
}

/// `wait.kinds-all` `wait.no-deadline`
#[test]
fn it_takes_kubectls_words() {
    let run = wait(vec![verdict(Outcome::Passed, vec![])], &["pods", "--all", "--timeout=-1s"]);
    assert_eq!(run.code, 0, "{run:?}");
    wait(vec![], &["pod/a", "--all"]).expect_problem(2, &["--all"]);
}
