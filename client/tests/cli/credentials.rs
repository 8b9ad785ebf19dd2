//! What a caller proves itself with.

use std::os::unix::fs::{PermissionsExt, symlink};

use daymark_proto::v1::State;
use tonic::Code;

use crate::fake::{Fake, Script, Step};
use crate::fake_gates::GateStep;
use crate::objects::{error, page, pod, snapshot};
use crate::process::{Running, against, finish};
use crate::remote::{Authority, Server, private};
use crate::wait::script;
use crate::wait_lost::{passed, waiting};

fn two_pages() -> Fake {
    let answer = || Ok(page(vec![pod("a", State::Ready)]));
    Fake::new(Script { pages: [answer(), answer()].into(), ..Script::default() })
}

fn bearer(tokens: &[&str]) -> Vec<Option<String>> {
    tokens.iter().map(|token| Some(format!("Bearer {token}"))).collect()
}

/// `all.token-variable` `all.token-env`
#[test]
fn a_token_may_be_in_a_variable() {
    let fake = two_pages();
    assert_eq!(finish(against(&fake, &["get", "pods"]).env("DAYMARK_TOKEN", "one")).code, 0);
    let mut named = against(&fake, &["get", "pods", "--token-env", "ID_TOKEN"]);
    // The flag's is used before the variable's.
    assert_eq!(finish(named.env("ID_TOKEN", "two").env("DAYMARK_TOKEN", "one")).code, 0);
    assert_eq!(fake.seen().tokens, bearer(&["one", "two"]));
    let mut missing = against(&fake, &["get", "pods", "--token-env", "ID_TOKEN"]);
    finish(&mut missing).expect_problem(2, &["the variable ID_TOKEN contains no token"]);
}

/// `all.credentials-several`
#[test]
fn who_has_several_credentials_has_to_choose() {
    let fake = two_pages();
    let mut command = against(&fake, &["get", "pods", "--token-env", "A", "--token-file", "b"]);
    finish(&mut command).expect_problem(2, &["token-file and token-env cannot be combined"]);
    let mut command = against(&fake, &["get", "pods"]);
    let run = finish(command.env("DAYMARK_TOKEN", "s3cret").env("DAYMARK_TOKEN_FILE", "b"));
    run.expect_problem(2, &["token-file and DAYMARK_TOKEN cannot be combined"]);
    assert!(!run.err.contains("s3cret") && fake.seen().tokens.is_empty());
}

/// `all.token-projected`
#[test]
fn a_projected_token_may_be_readable_by_others() {
    let fake = two_pages();
    let folder = fake.folder().join("projected");
    std::fs::create_dir_all(folder.join("..2026")).unwrap();
    std::fs::write(folder.join("..2026/token"), "projected").unwrap();
    std::fs::set_permissions(folder.join("..2026/token"), std::fs::Permissions::from_mode(0o644)).unwrap();
    symlink("..2026", folder.join("..data")).unwrap();
    symlink("..data/token", folder.join("token")).unwrap();
    assert_eq!(finish(against(&fake, &["get", "pods"]).env("DAYMARK_TOKEN_FILE", folder.join("token"))).code, 0);
    assert_eq!(fake.seen().tokens, bearer(&["projected"]));
}

/// `all.token-renewed`
#[test]
fn a_token_that_was_exchanged_is_used() {
    let script = Script {
        watches: [snapshot([pod("a", State::Ready)]), snapshot([pod("b", State::Ready)])].into(),
        ..Script::default()
    };
    let fake = Fake::new(script);
    let file = fake.folder().join("token");
    private(&file, "first");
    let mut command = against(&fake, &["get", "pods", "-w"]);
    let mut running = Running::start(command.env("DAYMARK_TOKEN_FILE", &file));
    running.out_until("a ");
    private(&file, "second");
    fake.cut();
    running.out_until("b ");
    assert_eq!(fake.seen().tokens, bearer(&["first", "second"]));
}

const FIRST: &str = r#"{"count":7,"value":"e30.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.first"}"#;
const SECOND: &str = r#"{"count":7,"value":"e30.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.second"}"#;
const TOKENS: [&str; 2] = ["e30.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.first", "e30.eyJpYXQiOjEwMDAsImV4cCI6MTMwMH0.second"];

struct Job {
    fake: Fake,
    authority: Authority,
    github: Server,
}

impl Job {
    fn new(script: Script, answers: &'static [(u16, &'static str)]) -> Self {
        let authority = Authority::new();
        let github = Server::github(&authority, answers);
        Self { fake: Fake::new(script), authority, github }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = against(&self.fake, args);
        command
            .args(["--github-oidc-audience", "day mark"])
            .env("SSL_CERT_FILE", self.authority.file())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("https://127.0.0.1:{}/token?api-version=2", self.github.port))
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cret");
        command
    }
}

/// `all.token-github`
#[test]
fn a_job_of_githubs_proves_itself_by_its_oidc_token() {
    let answer = || Ok(page(vec![pod("a", State::Ready)]));
    let mut first = answer().unwrap();
    first.next_page_token = "more".to_owned();
    let script = Script { pages: [Ok(first), answer()].into(), ..Script::default() };
    let job = Job::new(script, &[(200, FIRST)]);
    assert_eq!(finish(&mut job.command(&["get", "pods"])).code, 0);
    // Two calls, and one token.
    assert_eq!(job.fake.seen().tokens, bearer(&[TOKENS[0], TOKENS[0]]));
    let heads = job.github.heads();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_lowercase();
    assert!(head.starts_with("get /token?api-version=2&audience=day%20mark http/1.1\r\n"), "{head}");
    let host = format!("\r\nhost: 127.0.0.1:{}\r\n", job.github.port);
    assert!(head.contains("\r\nauthorization: bearer s3cret\r\n") && head.contains(&host), "{head}");
}

/// `all.credentials-expired`
#[test]
fn a_stream_whose_credentials_have_expired_goes_on_with_others() {
    let expired = || Step::Fail(error(Code::Unauthenticated, "UNAUTHENTICATED", "the token has expired"));
    let first = [snapshot([pod("a", State::Ready)]), vec![expired()]].concat();
    let second = [snapshot([pod("b", State::Ready)]), vec![expired()]].concat();
    let script = Script { watches: [first, second, vec![expired()]].into(), ..Script::default() };
    let job = Job::new(script, &[(200, FIRST), (200, SECOND)]);
    let mut running = Running::start(&mut job.command(&["get", "pods", "-w"]));
    running.out_until("b ");
    // Who has others, and is not known with them, either, is told so.
    let run = running.finish();
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(job.fake.seen().tokens, bearer(&[TOKENS[0], TOKENS[1], TOKENS[1]]));
    assert_eq!(job.github.heads().len(), 3);
}

/// `all.credentials-expired`
#[test]
fn a_wait_whose_credentials_have_expired_goes_on_with_others() {
    let expired = error(Code::Unauthenticated, "UNAUTHENTICATED", "the token has expired");
    let script = script(vec![vec![waiting(), GateStep::Fail(expired.clone())], passed()]);
    let job = Job::new(script, &[(200, FIRST), (200, SECOND)]);
    let run = finish(&mut job.command(&["wait", "pod/a"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(job.github.heads().len(), 2);
    // Who was never known is told so at once.
    let script = crate::wait::script(vec![vec![GateStep::Fail(expired)]]);
    let job = Job::new(script, &[(200, FIRST)]);
    let run = finish(&mut job.command(&["wait", "pod/a"]));
    assert_eq!((run.code, job.github.heads().len()), (5, 1), "{run:?}");
}

/// `all.token-github-none` `all.token-github-refused` `all.token-github-unanswered`
#[test]
fn what_is_wrong_with_githubs_token_is_told_without_secrets() {
    let job = Job::new(Script::default(), &[(403, "s3cret"), (500, "s3cret"), (200, "{}"), (200, "s3cret")]);
    for (exit, says) in [
        (5, "127.0.0.1 refused an OIDC token: it answers 403"),
        (4, "it answers 500"),
        (4, "its answer contains none"),
        (4, "its answer contains none"),
    ] {
        let run = finish(&mut job.command(&["get", "pods"]));
        run.expect_problem(exit, &[says]);
        assert!(!run.err.contains("s3cret"), "{run:?}");
    }
    let mut command = job.command(&["get", "pods"]);
    let run = finish(command.env_remove("ACTIONS_ID_TOKEN_REQUEST_URL"));
    run.expect_problem(2, &["ACTIONS_ID_TOKEN_REQUEST_URL is not set", "id-token: write"]);
    assert!(job.fake.seen().tokens.is_empty());
}
