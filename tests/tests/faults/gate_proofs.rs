//! Gates whose view lags, and whose expressions misbehave.

use daymark_proto::v1::criterion::Criterion as Asked;
use daymark_proto::v1::{
    AppliedObject, ArmGateRequest, Criterion, GatePolicy, GetGateRequest, Outcome, Standing, State,
};
use daymark_tests::fake_apiserver::objects::object;
use daymark_tests::in_process::named;
use serde_json::json;

use crate::filters::endless;
use crate::gates::{Gates, open, stands, until, verdict, watch};
use crate::{Deployments, Jobs, Pods, Setup, put};

const APPLIES: usize = 1000;

async fn is_open(gates: &mut Gates, token: &str) -> bool {
    let shown = gates.get_gate(GetGateRequest { token: token.to_owned() }).await.unwrap().into_inner();
    shown.gate.unwrap().outcome() == Outcome::Unspecified
}

/// Each time the view says that all is well, as it was before the apply, for as long
/// as the watch is held back; the API server itself says otherwise.
#[tokio::test]
async fn a_thousand_applies_are_never_passed_on_what_was_before_them() {
    let setup = Setup::new(&[(Deployments, "a")]).await;
    let mut gates = setup.daemon.gates().await;
    let filter = || named(&[(Deployments, "a")]).filter;
    for apply in 0..APPLIES {
        let gets = setup.cluster.counts().gets(Deployments);
        // Every other time it is opened before the apply.
        let before = match apply % 2 {
            0 => Some(open(&mut gates, filter(), GatePolicy::default(), true).await),
            _ => None,
        };
        setup.cluster.hold_events(Deployments);
        let applied = put(&setup.cluster, Deployments, "a", State::InProgress);
        let token = match before {
            Some(token) => {
                let r#ref = filter().unwrap().refs.pop();
                let resource_version = applied.version.to_string();
                let applied = AppliedObject { r#ref, resource_version, ..AppliedObject::default() };
                gates.arm_gate(ArmGateRequest { token: token.clone(), applied: vec![applied] }).await.unwrap();
                token
            }
            None => {
                let token = open(&mut gates, filter(), GatePolicy::default(), false).await;
                setup.cluster.until("the proof", |counts| counts.gets(Deployments) > gets).await;
                token
            }
        };
        assert!(is_open(&mut gates, &token).await, "apply {apply}");
        setup.cluster.release_events(Deployments);
        let ready = put(&setup.cluster, Deployments, "a", State::Ready).version;
        assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed, "apply {apply}");
        let kept = gates.get_gate(GetGateRequest { token }).await.unwrap().into_inner();
        assert_eq!(kept.objects[0].status.as_ref().unwrap().resource_version, ready.to_string(), "apply {apply}");
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_gate_does_not_fail_by_what_was_before_it() {
    let setup = Setup::new(&[(Jobs, "a")]).await;
    put(&setup.cluster, Jobs, "a", State::Failed);
    let mut gates = setup.daemon.gates().await;
    let filter = || named(&[(Jobs, "a")]).filter;
    let token = open(&mut gates, filter(), GatePolicy::default(), false).await;
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Failed, "the view knows of the failure");
    setup.cluster.hold_events(Jobs);
    put(&setup.cluster, Jobs, "a", State::Ready);
    let gets = setup.cluster.counts().gets(Jobs);
    let token = open(&mut gates, filter(), GatePolicy::default(), false).await;
    setup.cluster.until("the proof", |counts| counts.gets(Jobs) > gets).await;
    assert!(is_open(&mut gates, &token).await);
    setup.cluster.release_events(Jobs);
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    setup.daemon.stop().await;
}

/// A watch that lags tells late of a Job that came, was done and went before anybody asked for it.
#[tokio::test]
async fn a_gate_does_not_pass_by_a_job_that_was_gone_before_it() {
    let setup = Setup::new(&[(Jobs, "other")]).await;
    let mut gates = setup.daemon.gates().await;
    let filter = |name| named(&[(Jobs, name)]).filter;
    let token = open(&mut gates, filter("other"), GatePolicy::default(), false).await;
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    setup.cluster.hold_events(Jobs);
    put(&setup.cluster, Jobs, "a", State::Ready);
    setup.cluster.delete(Jobs, "a");
    let gets = setup.cluster.counts().gets(Jobs);
    let token = open(&mut gates, filter("a"), GatePolicy::default(), false).await;
    setup.cluster.until("the proof", |counts| counts.gets(Jobs) > gets).await;
    setup.cluster.release_events(Jobs);
    let after = setup.cluster.version();
    // What comes of the replay comes before what comes of this.
    put(&setup.cluster, Jobs, "other", State::Failed);
    let marker = open(&mut gates, filter("other"), GatePolicy::default(), false).await;
    assert_eq!(verdict(&mut gates, &marker).await.outcome(), Outcome::Failed);
    put(&setup.cluster, Jobs, "a", State::Ready);
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    let kept = gates.get_gate(GetGateRequest { token }).await.unwrap().into_inner();
    let version: u64 = kept.objects[0].status.as_ref().unwrap().resource_version.parse().unwrap();
    assert!(version > after, "it passed on the Job of before: {kept:?}");
    setup.daemon.stop().await;
}

/// A watch of pods that lags still tells of one that has mended meanwhile.
#[tokio::test]
async fn a_gate_does_not_fail_by_a_pod_that_has_mended() {
    let setup = Setup::new(&[]).await;
    let job = put(&setup.cluster, Jobs, "a", State::InProgress).uid;
    let pod = |waiting: bool| {
        let state = if waiting { State::InProgress } else { State::Ready };
        let mut pod = object(Pods, "a-1", state);
        pod["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "a", "uid": job, "controller": true}]);
        if waiting {
            let state = json!({"waiting": {"reason": "InvalidImageName"}});
            pod["status"]["containerStatuses"] = json!([{"name": "c", "state": state}]);
        }
        setup.cluster.put(Pods, pod);
    };
    pod(true);
    let mut gates = setup.daemon.gates().await;
    let filter = || named(&[(Jobs, "a")]).filter;
    let policy = || GatePolicy { fatal_after: Some(prost_types::Duration::default()), ..GatePolicy::default() };
    let token = open(&mut gates, filter(), policy(), false).await;
    let gate = verdict(&mut gates, &token).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Failed, "InvalidImageName"), "the view knows of the failure");
    setup.cluster.hold_events(Pods);
    pod(false);
    let lists = setup.cluster.counts().lists(Pods);
    let token = open(&mut gates, filter(), policy(), false).await;
    setup.cluster.until("the proof", |counts| counts.lists(Pods) > lists).await;
    assert!(is_open(&mut gates, &token).await);
    setup.cluster.release_events(Pods);
    put(&setup.cluster, Jobs, "a", State::Ready);
    assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed);
    setup.daemon.stop().await;
}

/// Until its controller has seen the newest generation, what a status says is of the one before.
#[tokio::test]
async fn an_expression_counts_for_the_newest_generation() {
    let setup = Setup::new(&[]).await;
    let deployment = |generation: i64, observed: i64| {
        let mut deployment = object(Deployments, "a", State::Ready);
        deployment["metadata"]["generation"] = json!(generation);
        deployment["status"]["observedGeneration"] = json!(observed);
        setup.cluster.put(Deployments, deployment);
    };
    let mut gates = setup.daemon.gates().await;
    for (number, asked) in [
        Asked::JsonPath("{.status.readyReplicas}=3".to_owned()),
        Asked::Cel("object.status.readyReplicas == 3".to_owned()),
        Asked::Condition("Progressing".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let generation = 2 * i64::try_from(number).unwrap() + 2;
        deployment(generation, generation - 1);
        let policy = GatePolicy { all_of: vec![Criterion { criterion: Some(asked) }], ..GatePolicy::default() };
        let token = open(&mut gates, named(&[(Deployments, "a")]).filter, policy, false).await;
        let mut watch = watch(&mut gates, &token).await;
        until(&mut watch, |message| stands(message, State::InProgress, Standing::Waiting)).await;
        deployment(generation, generation);
        assert_eq!(verdict(&mut gates, &token).await.outcome(), Outcome::Passed, "{number}");
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_expression_that_misbehaves_fails_its_own_gate_alone() {
    let setup = Setup::new(&[(Deployments, "a"), (Deployments, "b")]).await;
    put(&setup.cluster, Deployments, "b", State::InProgress);
    let mut gates = setup.daemon.gates().await;
    let of = |name: &'static str| named(&[(Deployments, name)]).filter;
    let asks = |cel: String| {
        let criterion = Criterion { criterion: Some(Asked::Cel(cel)) };
        GatePolicy { all_of: vec![criterion], ..GatePolicy::default() }
    };
    let hostile = open(&mut gates, of("a"), asks(endless()), false).await;
    let harmless = open(&mut gates, of("b"), asks("state == 'READY'".to_owned()), false).await;
    let plain = open(&mut gates, of("b"), GatePolicy::default(), false).await;
    put(&setup.cluster, Deployments, "b", State::Ready);
    // Those end while the other is still being evaluated, or has been given up.
    assert_eq!(verdict(&mut gates, &plain).await.outcome(), Outcome::Passed);
    assert_eq!(verdict(&mut gates, &harmless).await.outcome(), Outcome::Passed);
    let gate = verdict(&mut gates, &hostile).await;
    assert_eq!((gate.outcome(), &*gate.reason), (Outcome::Undecided, "NotEvaluated"), "{gate:?}");
    assert!(gate.message.contains("takes longer than"), "{gate:?}");
    setup.daemon.stop().await;
}
