//! Gates that outlive their daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daymark_proto::v1::{
    AppliedObject, ArmGateRequest, CancelGateRequest, Filter, GatePolicy, GetGateRequest, GetGateResponse,
    OpenGateRequest, OpenGateResponse, Outcome, Standing, State, WatchGateRequest,
};
use daymark_tests::binaries;
use daymark_tests::fake_apiserver::{Answer, FakeApiServer, Fault, Verb};
use daymark_tests::in_process::{InProcess, kinds, named};
use daymarkd::args::GatesKept;
use daymarkd::caches::Policy;
use daymarkd::gate::store::file::FileStore;
use daymarkd::gate::store::{Entry, GateStore, Loaded, Opened, StoreError};
use daymarkd::gate::token::Name;
use jiff::Timestamp;
use prost::Message as _;
use tempfile::TempDir;
use tonic::Code;

use crate::gates::{Gates, open, stands, until, verdict, watch};
use crate::{Deployments, Jobs, code_and_reason, put};

/// A cluster whose daemons come and go, and keep their gates in the same file.
struct Lasting {
    cluster: FakeApiServer,
    folder: TempDir,
}

impl Lasting {
    async fn new() -> Self {
        Self { cluster: FakeApiServer::start().await.unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("gates")
    }

    async fn start(&self) -> (InProcess, Gates) {
        self.start_with(GatesKept::InFile(self.file())).await
    }

    async fn start_with(&self, kept: GatesKept) -> (InProcess, Gates) {
        let daemon = InProcess::start_keeping(&self.cluster, Policy::default(), kept).await;
        let gates = daemon.gates().await;
        (daemon, gates)
    }

    /// What a daemon has kept that is gone.
    fn has_kept(&self, token: &str, request: &OpenGateRequest, opened: Timestamp, deadline: Timestamp) {
        let request = request.encode_to_vec();
        let gate = Opened { name: Name::of(token), asked: None, opened, deadline, request };
        let mut store = FileStore::open(&self.file()).unwrap();
        store.write(&[Entry::Opened(gate, Vec::new())], opened).unwrap();
    }
}

async fn ask(gates: &mut Gates, request: OpenGateRequest) -> OpenGateResponse {
    gates.open_gate(request).await.unwrap().into_inner()
}

async fn get(gates: &mut Gates, token: &str) -> GetGateResponse {
    gates.get_gate(GetGateRequest { token: token.to_owned() }).await.unwrap().into_inner()
}

fn deployment(request_id: &str) -> OpenGateRequest {
    let filter = named(&[(Deployments, "a")]).filter;
    OpenGateRequest { filter, request_id: request_id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn a_verdict_is_the_same_after_a_restart() {
    let setup = Lasting::new().await;
    put(&setup.cluster, Deployments, "a", State::Ready);
    let (daemon, mut gates) = setup.start().await;
    let token = ask(&mut gates, deployment("mine")).await.token;
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    let kept = get(&mut gates, &token).await;
    daemon.stop().await;

    setup.cluster.delete(Deployments, "a");
    let (daemon, mut gates) = setup.start().await;
    assert_eq!(get(&mut gates, &token).await, kept);
    let mut told = watch(&mut gates, &token).await;
    let first = told.message().await.unwrap().unwrap();
    assert_eq!((first.gate, first.objects), (kept.gate.clone(), kept.objects));
    assert!(told.message().await.unwrap().is_none(), "nothing follows a verdict");
    let cancelled = gates.cancel_gate(CancelGateRequest { token: token.clone() }).await.unwrap().into_inner();
    assert_eq!(cancelled.gate, kept.gate);
    let again = ask(&mut gates, deployment("mine")).await;
    assert_eq!((&again.token, again.gate), (&token, kept.gate));
    assert_ne!(ask(&mut gates, deployment("another's")).await.token, token);
    let armed = gates.arm_gate(ArmGateRequest { token, applied: vec![] }).await.unwrap_err();
    assert_eq!(code_and_reason(&armed), (Code::FailedPrecondition, "GATE_ENDED".into()));
    daemon.stop().await;
}

#[tokio::test]
async fn an_open_gate_goes_on_after_a_restart_with_its_own_deadline() {
    let setup = Lasting::new().await;
    put(&setup.cluster, Deployments, "a", State::InProgress);
    let (daemon, mut gates) = setup.start().await;
    let opened = ask(&mut gates, deployment("mine")).await;
    let (token, opened) = (opened.token, opened.gate.unwrap());
    daemon.stop().await;

    let (daemon, mut gates) = setup.start().await;
    assert_eq!(ask(&mut gates, deployment("mine")).await.token, token);
    let mut stream = watch(&mut gates, &token).await;
    until(&mut stream, |message| stands(message, State::InProgress, Standing::Waiting)).await;
    put(&setup.cluster, Deployments, "a", State::Ready);
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), gate.proven), (Outcome::Passed, true));
    assert_eq!((gate.open_time, gate.deadline), (opened.open_time, opened.deadline));
    daemon.stop().await;
}

#[tokio::test]
async fn a_gate_keeps_what_it_is_armed_with_and_whether_it_is() {
    let setup = Lasting::new().await;
    put(&setup.cluster, Jobs, "a", State::Ready);
    let (daemon, mut gates) = setup.start().await;
    let armed = open(&mut gates, named(&[(Jobs, "a")]).filter, GatePolicy::default(), true).await;
    let unarmed = open(&mut gates, named(&[(Jobs, "a")]).filter, GatePolicy::default(), true).await;
    let r#ref = named(&[(Jobs, "a")]).filter.unwrap().refs.remove(0);
    let to_come = (setup.cluster.version() + 1).to_string();
    let applied = vec![AppliedObject { r#ref: Some(r#ref), resource_version: to_come, ..Default::default() }];
    let arm = |token: &str| ArmGateRequest { token: token.to_owned(), applied: applied.clone() };
    gates.arm_gate(arm(&armed)).await.unwrap();
    daemon.stop().await;

    // What is older than the apply counts for nothing, whoever looks.
    let (daemon, mut gates) = setup.start().await;
    let mut stream = watch(&mut gates, &armed).await;
    let gate = until(&mut stream, |message| stands(message, State::Ready, Standing::Waiting)).await;
    assert!(gate.armed);
    assert_eq!(gates.arm_gate(arm(&armed)).await.unwrap().into_inner().matched, 1, "it is known with what");
    let another = ArmGateRequest { token: armed.clone(), applied: Vec::new() };
    let twice = gates.arm_gate(another).await.unwrap_err();
    assert_eq!(code_and_reason(&twice), (Code::FailedPrecondition, "NOT_TO_BE_ARMED".into()));
    assert!(!get(&mut gates, &unarmed).await.gate.unwrap().armed);
    let now = gates.arm_gate(arm(&unarmed)).await.unwrap().into_inner();
    assert_eq!((now.gate.unwrap().armed, now.matched), (true, 1));
    put(&setup.cluster, Jobs, "a", State::Ready);
    for token in [armed, unarmed] {
        assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_gate_whose_deadline_passed_without_a_daemon_is_undecided() {
    let setup = Lasting::new().await;
    put(&setup.cluster, Deployments, "a", State::Ready);
    let now = Timestamp::now();
    setup.has_kept("token", &deployment(""), now - Duration::from_secs(60), now - Duration::from_secs(1));
    let (daemon, mut gates) = setup.start().await;
    let gate = verdict(&mut gates, "token").await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "DaemonAbsent"), "{gate:?}");
    assert!(gate.message.contains(&format!("{:.0}", now - Duration::from_secs(60))), "{gate:?}");
    let kept = get(&mut gates, "token").await;
    daemon.stop().await;
    let (daemon, mut gates) = setup.start().await;
    assert_eq!(get(&mut gates, "token").await, kept);
    daemon.stop().await;
}

#[tokio::test]
async fn a_gate_is_reopened_when_that_can_be_or_ends_with_the_reason() {
    let setup = Lasting::new().await;
    put(&setup.cluster, Deployments, "a", State::Ready);
    // Nothing that takes long comes between the deadlines and a daemon that knows them.
    binaries::build().unwrap();
    let now = Timestamp::now();
    let later = now + Duration::from_secs(120);
    let unknown = Filter { kinds: vec!["widgets".into()], ..Default::default() };
    // A kind may be said later that is not yet.
    let soon = now + Duration::from_secs(15);
    setup.has_kept("unknown", &OpenGateRequest { filter: Some(unknown), ..Default::default() }, now, soon);
    setup.has_kept("refused", &deployment(""), now, later);
    setup.has_kept("late", &deployment(""), now, Timestamp::now() + Duration::from_millis(500));
    setup.has_kept("cancelled", &deployment(""), now, later);
    setup.cluster.fault(Fault::new(Answer::Status(503)).on(Verb::List));
    let (daemon, mut gates) = setup.start().await;
    let gate = verdict(&mut gates, "unknown").await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "NotReopened"), "{gate:?}");
    assert!(gate.message.contains("no kind \"widgets\" is served"), "{gate:?}");
    let gate = verdict(&mut gates, "late").await;
    assert_eq!(gate.outcome(), Outcome::Undecided, "{gate:?}");
    let cancelled = gates.cancel_gate(CancelGateRequest { token: "cancelled".into() }).await.unwrap().into_inner();
    assert_eq!(cancelled.gate.unwrap().outcome(), Outcome::Cancelled);
    setup.cluster.heal();
    assert_eq!(verdict(&mut gates, "refused").await.outcome(), Outcome::Passed);
    daemon.stop().await;
}

/// A store whose disk is full at times.
#[derive(Debug)]
struct Full(FileStore, Arc<AtomicBool>);

impl GateStore for Full {
    fn load(&mut self, since: Timestamp) -> Result<Loaded, StoreError> {
        self.0.load(since)
    }

    fn write(&mut self, entries: &[Entry], at: Timestamp) -> Result<(), StoreError> {
        match self.1.load(Ordering::SeqCst) {
            true => Err(StoreError::File { path: "gates".into(), problem: "no space left on device".into() }),
            false => self.0.write(entries, at),
        }
    }
}

#[tokio::test]
async fn while_the_disk_is_full_no_gate_is_opened_and_verdicts_are_told() {
    let setup = Lasting::new().await;
    let is_full = Arc::new(AtomicBool::new(true));
    let store = Full(FileStore::open(&setup.file()).unwrap(), Arc::clone(&is_full));
    let (daemon, mut gates) = setup.start_with(GatesKept::In(Box::new(store))).await;
    let not_kept = (Code::Unavailable, "GATES_NOT_KEPT".to_owned());
    let refused = gates.open_gate(deployment("mine")).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), not_kept);
    assert!(refused.message().contains("no space left on device"), "{refused:?}");

    is_full.store(false, Ordering::SeqCst);
    let token = ask(&mut gates, deployment("mine")).await.token;
    let filter = kinds(&[Deployments]).filter;
    let await_arming = open(&mut gates, filter, GatePolicy::default(), true).await;
    is_full.store(true, Ordering::SeqCst);
    let refused = gates.arm_gate(ArmGateRequest { token: await_arming.clone(), applied: vec![] }).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), not_kept);
    put(&setup.cluster, Deployments, "a", State::Ready);
    let gate = verdict(&mut gates, &token).await;
    assert_eq!(gate.outcome(), Outcome::Passed);
    is_full.store(false, Ordering::SeqCst);
    gates.arm_gate(ArmGateRequest { token: await_arming.clone(), applied: vec![] }).await.unwrap();
    assert_eq!(verdict(&mut gates, &await_arming).await.outcome(), Outcome::Passed);
    let absent = gates.watch_gate(WatchGateRequest { token: "none".into() }).await.unwrap_err();
    assert_eq!(code_and_reason(&absent), (Code::NotFound, "GATE_NOT_FOUND".into()));
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_that_another_daemon_has_is_refused() {
    let setup = Lasting::new().await;
    let (daemon, mut gates) = setup.start().await;
    let token = ask(&mut gates, deployment("")).await.token;
    assert!(matches!(FileStore::open(&setup.file()), Err(StoreError::InUse { .. })));
    // Neither the token nor what the request is found by can be read in it.
    let request = ask(&mut gates, deployment("nobody-reads-this")).await;
    let bytes = std::fs::read(setup.file()).unwrap();
    for secret in [&*token, &*request.token, "nobody-reads-this"] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    daemon.stop().await;
}
