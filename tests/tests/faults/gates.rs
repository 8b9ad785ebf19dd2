//! Gates: when they end, and that they say the same ever after.

use daymark_proto::v1::criterion::Criterion as Asked;
use daymark_proto::v1::gate_service_client::GateServiceClient;
use daymark_proto::v1::{
    AppliedObject, ArmGateRequest, CancelGateRequest, Criterion, Filter, Gate, GatePolicy, GetGateRequest, Goal,
    OpenGateRequest, Outcome, Standing, State, WatchGateRequest, WatchGateResponse,
};
use daymark_tests::in_process::{kinds, named};
use tonic::transport::Channel;
use tonic::{Code, Streaming};

use crate::{Deployments, Jobs, Pods, Setup, code_and_reason, put};

pub(crate) type Gates = GateServiceClient<Channel>;

pub(crate) async fn open(gates: &mut Gates, filter: Option<Filter>, policy: GatePolicy, await_arming: bool) -> String {
    let request = OpenGateRequest { filter, policy: Some(policy), await_arming, ..OpenGateRequest::default() };
    gates.open_gate(request).await.unwrap().into_inner().token
}

pub(crate) async fn watch(gates: &mut Gates, token: &str) -> Streaming<WatchGateResponse> {
    gates.watch_gate(WatchGateRequest { token: token.to_owned() }).await.unwrap().into_inner()
}

/// Reads on until a message fits, and returns what its gate says.
pub(crate) async fn until(
    stream: &mut Streaming<WatchGateResponse>,
    mut fits: impl FnMut(&WatchGateResponse) -> bool,
) -> Gate {
    loop {
        let message = stream.message().await.unwrap().expect("a gate's stream ends with its verdict");
        assert!(message.freshness.is_some(), "each message says how new the view is");
        if fits(&message) {
            return message.gate.unwrap();
        }
        let gate = message.gate.unwrap();
        assert_eq!(gate.outcome(), Outcome::Unspecified, "it ended before: {gate:?}");
    }
}

pub(crate) async fn verdict(gates: &mut Gates, token: &str) -> Gate {
    let mut stream = watch(gates, token).await;
    let gate = until(&mut stream, |message| message.gate.as_ref().is_some_and(|gate| gate.outcome != 0)).await;
    assert!(stream.message().await.unwrap().is_none(), "nothing follows a verdict");
    gate
}

fn goal(goal: Goal) -> Criterion {
    Criterion { criterion: Some(Asked::Goal(goal.into())) }
}

fn asks(asked: Asked) -> GatePolicy {
    GatePolicy { all_of: vec![Criterion { criterion: Some(asked) }], ..Default::default() }
}

pub(crate) fn stands(message: &WatchGateResponse, state: State, standing: Standing) -> bool {
    let fits = |object: &daymark_proto::v1::GateObject| {
        object.standing() == standing && object.status.as_ref().is_some_and(|status| status.state() == state)
    };
    message.objects.iter().any(fits)
}

#[tokio::test]
async fn a_gate_does_not_pass_on_what_was_true_before_it() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    let mut gates = setup.daemon.gates().await;
    setup.live(kinds(&[Deployments])).await;
    setup.cluster.hold_events(Deployments);
    put(&setup.cluster, Deployments, "a", State::InProgress);
    let gets = setup.cluster.counts().gets(Deployments);
    let token = open(&mut gates, named(&[(Deployments, "a")]).filter, GatePolicy::default(), false).await;
    let mut stream = watch(&mut gates, &token).await;
    until(&mut stream, |message| stands(message, State::Ready, Standing::Met)).await;
    setup.cluster.until("the proof", |counts| counts.gets(Deployments) > gets).await;
    setup.cluster.release_events(Deployments);
    let gate = until(&mut stream, |message| stands(message, State::InProgress, Standing::Waiting)).await;
    assert_eq!(gate.outcome(), Outcome::Unspecified);
    put(&setup.cluster, Deployments, "a", State::Ready);
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), gate.met, gate.proven), (Outcome::Passed, 1, true));

    // The same answer, whatever has become of it.
    setup.cluster.delete(Deployments, "a");
    assert_eq!(verdict(&mut gates, &token).await, gate);
    let kept = gates.get_gate(GetGateRequest { token: token.clone() }).await.unwrap().into_inner();
    assert_eq!((kept.gate.as_ref(), kept.objects.len()), (Some(&gate), 1));
    let cancelled = gates.cancel_gate(CancelGateRequest { token }).await.unwrap().into_inner();
    assert_eq!(cancelled.gate, Some(gate), "what has ended is not cancelled");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_gate_that_awaits_arming_decides_nothing_by_what_is_older_than_the_apply() {
    let setup = Setup::new(&[(Jobs, "a")]).await;
    let mut gates = setup.daemon.gates().await;
    let token = open(&mut gates, named(&[(Jobs, "a")]).filter, GatePolicy::default(), true).await;
    let mut stream = watch(&mut gates, &token).await;
    let gate = until(&mut stream, |message| stands(message, State::Ready, Standing::Met)).await;
    assert!(!gate.armed);

    // What was applied besides is nothing to it.
    let other = named(&[(Jobs, "b")]).filter.unwrap().refs.remove(0);
    let other = AppliedObject { r#ref: Some(other), resource_version: "1".into(), ..Default::default() };
    let none = ArmGateRequest { token: token.clone(), applied: vec![other.clone()] };
    let none = gates.arm_gate(none).await.unwrap_err();
    assert_eq!(code_and_reason(&none), (Code::InvalidArgument, "INVALID_POLICY".into()), "{none:?}");

    // Applied, but not heard of yet.
    setup.cluster.hold_events(Jobs);
    let version = put(&setup.cluster, Jobs, "a", State::InProgress).version;
    let r#ref = named(&[(Jobs, "a")]).filter.unwrap().refs.remove(0);
    let applied = AppliedObject { r#ref: Some(r#ref), resource_version: version.to_string(), ..Default::default() };
    let request = ArmGateRequest { token: token.clone(), applied: vec![applied, other] };
    let armed = gates.arm_gate(request.clone()).await.unwrap();
    let armed = armed.into_inner();
    assert!(armed.gate.unwrap().armed && armed.matched == 1);
    // Whoever has not heard the answer asks again.
    assert_eq!(gates.arm_gate(request).await.unwrap().into_inner().matched, 1);
    let twice = gates.arm_gate(ArmGateRequest { token: token.clone(), applied: vec![] }).await.unwrap_err();
    assert_eq!(code_and_reason(&twice), (Code::FailedPrecondition, "NOT_TO_BE_ARMED".into()));
    until(&mut stream, |message| stands(message, State::Ready, Standing::Waiting)).await;
    setup.cluster.release_events(Jobs);
    put(&setup.cluster, Jobs, "a", State::Failed);
    let gate = verdict(&mut gates, &token).await;
    assert_eq!(gate.outcome(), Outcome::Failed, "{gate:?}");
    assert!(gate.message.starts_with("n/a: "), "{gate:?}");

    let again = gates.arm_gate(ArmGateRequest { token, applied: vec![] }).await.unwrap_err();
    assert_eq!(code_and_reason(&again), (Code::FailedPrecondition, "GATE_ENDED".into()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_gate_on_a_set_takes_in_what_comes_and_goes() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut gates = setup.daemon.gates().await;
    let policy = GatePolicy { min_objects: Some(2), ..Default::default() };
    let token = open(&mut gates, kinds(&[Pods]).filter, policy, false).await;
    let mut stream = watch(&mut gates, &token).await;
    let gate = until(&mut stream, |message| message.gate.as_ref().is_some_and(|gate| gate.met == 1)).await;
    assert_eq!((gate.objects, gate.outcome()), (1, Outcome::Unspecified), "one is too few");
    put(&setup.cluster, Pods, "b", State::InProgress);
    put(&setup.cluster, Pods, "c", State::Ready);
    until(&mut stream, |message| message.gate.as_ref().is_some_and(|gate| gate.objects == 3)).await;
    setup.cluster.delete(Pods, "b");
    let mut gone = None;
    until(&mut stream, |message| {
        gone = message.gone.first().map(|it| it.name.clone()).or(gone.clone());
        message.gate.as_ref().is_some_and(|gate| gate.outcome != 0)
    })
    .await;
    assert_eq!(gone.as_deref(), Some("b"), "watchers are told what is no longer of the set");
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), gate.objects, gate.met), (Outcome::Passed, 2, 2));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn gates_end_by_time_or_by_command() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    put(&setup.cluster, Deployments, "a", State::InProgress);
    let mut gates = setup.daemon.gates().await;
    let filter = || named(&[(Deployments, "a")]).filter;
    let soon = prost_types::Duration { seconds: 0, nanos: 200_000_000 };
    let brief = GatePolicy { deadline: Some(soon), ..Default::default() };
    let token = open(&mut gates, filter(), brief.clone(), false).await;
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "Deadline"), "{gate:?}");
    let token = open(&mut gates, filter(), brief, true).await;
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "NotArmed"), "{gate:?}");
    let token = open(&mut gates, filter(), GatePolicy::default(), false).await;
    let cancelled = gates.cancel_gate(CancelGateRequest { token: token.clone() }).await.unwrap().into_inner();
    assert_eq!(cancelled.gate.unwrap().outcome(), Outcome::Cancelled);
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Cancelled);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_gate_is_refused() {
    let setup = Setup::new(&[]).await;
    let mut gates = setup.daemon.gates().await;
    let filter = || named(&[(Pods, "a")]).filter;
    let long = |seconds: i64| Some(prost_types::Duration { seconds, nanos: 0 });
    for (policy, says) in [
        (GatePolicy { deadline: long(-1), ..Default::default() }, "deadline is negative"),
        (GatePolicy { deadline: long(0), ..Default::default() }, "deadline is not"),
        (GatePolicy { deadline: long(90_000), ..Default::default() }, "deadline is not"),
        (GatePolicy { stable_for: long(600), ..Default::default() }, "stable_for is not shorter"),
        (GatePolicy { no_progress: long(0), ..Default::default() }, "no_progress is zero"),
        (GatePolicy { no_progress: long(900), ..Default::default() }, "it would never count"),
        (GatePolicy { restarts: Some(-1), ..Default::default() }, "restarts is not from 0"),
        (GatePolicy { all_of: vec![Criterion::default()], ..Default::default() }, "a criterion is empty"),
        (
            GatePolicy { all_of: vec![goal(Goal::Deleted), goal(Goal::Ready)], ..Default::default() },
            "cannot be combined with other criteria",
        ),
        (asks(Asked::Condition("Ready=\"".into())), "is not TYPE or TYPE=VALUE"),
        (
            asks(Asked::JsonPath("{.status[?(@.a=)]}".into())),
            "jsonpath: the expression is invalid: not a JSONPath at character",
        ),
        (asks(Asked::Cel("objct.spec".into())), "unknown name objct at character 1"),
        (GatePolicy { min_objects: Some(-1), ..Default::default() }, "min_objects is not from 0"),
        (GatePolicy { all_of: vec![goal(Goal::Rollout)], ..Default::default() }, "GOAL_ROLLOUT is no goal of pods"),
    ] {
        let request = OpenGateRequest { filter: filter(), policy: Some(policy), ..OpenGateRequest::default() };
        let refused = gates.open_gate(request).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_POLICY".into()));
        assert!(refused.message().contains(says), "{refused:?}");
    }
    let absent = gates.get_gate(GetGateRequest { token: "none".into() }).await.unwrap_err();
    assert_eq!(code_and_reason(&absent), (Code::NotFound, "GATE_NOT_FOUND".into()));
    let token = open(&mut gates, filter(), GatePolicy::default(), false).await;
    let refused = gates.arm_gate(ArmGateRequest { token, applied: vec![] }).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::FailedPrecondition, "NOT_TO_BE_ARMED".into()));
    setup.daemon.stop().await;
}
