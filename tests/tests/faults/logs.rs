//! Logs of pods, whatever the API server, the nodes and the readers do.

use daymark_proto::v1::log_event::Event;
use daymark_proto::v1::log_service_client::LogServiceClient;
use daymark_proto::v1::{LogNoticeKind, LogPosition, LogSource, State, StreamLogsRequest};
use daymark_tests::fake_apiserver::objects::{NAMESPACE, object};
use daymark_tests::in_process::{kinds, named, with_token};
use daymark_tests::process::PATIENCE;
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::rights::Shared;
use crate::{Deployments, EndpointSlices, Jobs, Pods, ReplicaSets, Services, Setup, code_and_reason, proven};

/// A stream of logs that is read.
pub(crate) struct Reading {
    stream: Streaming<daymark_proto::v1::StreamLogsResponse>,
    arrived: std::collections::VecDeque<Event>,
    sources: std::collections::HashMap<u32, LogSource>,
}

impl Reading {
    async fn open(channel: Channel, request: StreamLogsRequest, token: Option<&str>) -> Result<Self, Status> {
        let stream = LogServiceClient::new(channel).stream_logs(with_token(request, token)).await?.into_inner();
        Ok(Self { stream, arrived: Default::default(), sources: Default::default() })
    }

    /// What comes next, in words: `a/c: line`, `Joined`, `end`.
    async fn next(&mut self) -> Result<String, Status> {
        loop {
            let Some(event) = self.arrived.pop_front() else {
                let message = timeout(PATIENCE, self.stream.message()).await.expect("something is told")?;
                let events = message.expect("a stream ends by saying so").events;
                self.arrived.extend(events.into_iter().filter_map(|event| event.event));
                continue;
            };
            match event {
                Event::Source(source) => drop(self.sources.insert(source.number, source)),
                Event::Line(line) => {
                    let source = &self.sources[&line.source];
                    let text = String::from_utf8_lossy(&line.text);
                    return Ok(format!("{}/{}: {text}", source.pod.as_ref().unwrap().name, source.container));
                }
                Event::Notice(notice) if notice.kind() == LogNoticeKind::Failed => {
                    return Ok(format!("Failed {}", notice.reason));
                }
                Event::Notice(notice) => return Ok(format!("{:?}", notice.kind())),
                Event::End(_) => return Ok("end".to_owned()),
            }
        }
    }

    /// So many things.
    async fn some(&mut self, many: usize) -> Vec<String> {
        let mut told = Vec::new();
        while told.len() < many {
            told.push(self.next().await.unwrap());
        }
        told
    }

    /// All up to the end.
    async fn rest(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while told.last().is_none_or(|last| last != "end") {
            told.push(self.next().await.unwrap());
        }
        told
    }

    /// The error that ends it.
    async fn error(&mut self) -> Status {
        loop {
            if let Err(error) = self.next().await {
                return error;
            }
        }
    }
}

fn of(collection: crate::Collection, name: &str) -> StreamLogsRequest {
    StreamLogsRequest { filter: named(&[(collection, name)]).filter, ..Default::default() }
}

fn followed(request: StreamLogsRequest) -> StreamLogsRequest {
    StreamLogsRequest { follow: true, ..request }
}

/// A pod whose container `c` runs, was restarted so often, and is owned by that object.
fn pod(name: &str, restarts: u32, owner: &str) -> Value {
    let mut pod = object(Pods, name, State::Ready);
    pod["status"]["containerStatuses"] =
        json!([{"name": "c", "ready": true, "restartCount": restarts, "state": {"running": {}}}]);
    if !owner.is_empty() {
        pod["metadata"]["ownerReferences"] = json!([{"uid": owner, "kind": "X", "name": "x", "controller": true}]);
    }
    pod
}

/// The same, of which the container has ended for good.
fn over(name: &str, owner: &str) -> Value {
    let mut pod = pod(name, 0, owner);
    pod["status"]["phase"] = "Succeeded".into();
    pod["status"]["containerStatuses"][0]["state"] = json!({"terminated": {"exitCode": 0}});
    pod
}

impl Setup {
    async fn logs(&self, request: StreamLogsRequest) -> Reading {
        // What was put last is to be known by now.
        drop(self.live(proven(kinds(&[Pods, ReplicaSets, Services, EndpointSlices]))).await);
        Reading::open(self.daemon.channel().await, request, None).await.unwrap()
    }

    /// A Deployment `web`, its ReplicaSet, and that one's UID.
    fn deployment(&self) -> String {
        let web = self.cluster.put(Deployments, object(Deployments, "web", State::Ready));
        let mut set = object(ReplicaSets, "web-1", State::Ready);
        set["metadata"]["ownerReferences"] =
            json!([{"uid": web.uid, "kind": "Deployment", "name": "web", "controller": true}]);
        self.cluster.put(ReplicaSets, set).uid
    }
}

#[tokio::test]
async fn the_logs_of_all_pods_below_an_object_come_in_the_order_of_time() {
    let setup = Setup::new(&[(Pods, "stranger")]).await;
    let set = setup.deployment();
    for (name, lines) in [("a", &[(1, "one"), (4, "four")][..]), ("b", &[(2, "two"), (3, "three"), (5, "five")])] {
        setup.cluster.put(Pods, pod(name, 0, &set));
        setup.cluster.streams().write(name, "c", lines);
    }
    setup.cluster.streams().write("stranger", "c", &[(1, "not below it")]);
    let expected = ["a/c: one", "b/c: two", "b/c: three", "a/c: four", "b/c: five", "end"];
    assert_eq!(setup.logs(of(Deployments, "web")).await.rest().await, expected);
    let tail = StreamLogsRequest { tail_lines: Some(1), ..of(Deployments, "web") };
    assert_eq!(setup.logs(tail).await.rest().await, ["a/c: four", "b/c: five", "end"]);
    let since = "2026-01-01T00:00:04Z".parse().ok();
    let since = StreamLogsRequest { since_time: since, ..of(Deployments, "web") };
    assert_eq!(setup.logs(since).await.rest().await, ["a/c: four", "b/c: five", "end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn the_pods_of_a_service_are_those_of_its_endpoints() {
    let setup = Setup::new(&[]).await;
    setup.cluster.put(Services, object(Services, "web", State::Ready));
    let mut slice = object(EndpointSlices, "web", State::Ready);
    slice["endpoints"][0]["targetRef"] = json!({"kind": "Pod", "name": "a"});
    setup.cluster.put(EndpointSlices, slice);
    for name in ["a", "b"] {
        setup.cluster.put(Pods, pod(name, 0, ""));
        setup.cluster.streams().write(name, "c", &[(1, name)]);
    }
    assert_eq!(setup.logs(of(Services, "web")).await.rest().await, ["a/c: a", "end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_log_that_breaks_is_told_without_loss_and_without_repeats() {
    let setup = Setup::new(&[]).await;
    setup.cluster.put(Pods, pod("a", 0, ""));
    let streams = setup.cluster.streams();
    let lines = [(1, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "e")];
    streams.write("a", "c", &lines);
    let expected = ["a/c: a", "a/c: b", "a/c: c", "a/c: d", "a/c: e", "end"];
    streams.break_next([0, 2, 3, 1, 4]);
    assert_eq!(setup.logs(of(Pods, "a")).await.rest().await, expected);

    streams.break_next([2, 3, 1]);
    let mut reading = setup.logs(followed(of(Pods, "a"))).await;
    assert_eq!(reading.some(3).await, ["a/c: a", "a/c: b", "Broken"]);
    let mut told = reading.some(3).await;
    streams.write("a", "c", &[(4, "f")]);
    setup.cluster.put(Pods, over("a", ""));
    streams.end_run("a", "c", false);
    told.extend(reading.rest().await);
    told.retain(|it| it != "Broken");
    assert_eq!(told, ["a/c: c", "a/c: d", "a/c: e", "a/c: f", "Ended", "end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn pods_that_come_and_containers_that_are_restarted_are_followed() {
    let setup = Setup::new(&[]).await;
    let set = setup.deployment();
    setup.cluster.put(Pods, pod("a", 0, &set));
    let streams = setup.cluster.streams();
    streams.write("a", "c", &[(1, "one"), (2, "two")]);
    let request = StreamLogsRequest { tail_lines: Some(1), ..followed(of(Deployments, "web")) };
    let mut reading = setup.logs(request).await;
    assert_eq!(reading.some(1).await, ["a/c: two"]);

    streams.write("b", "c", &[(3, "b one"), (4, "b two")]);
    setup.cluster.put(Pods, pod("b", 0, &set));
    assert_eq!(reading.some(3).await, ["Joined", "b/c: b one", "b/c: b two"], "all of it, whatever the tail");

    streams.write("a", "c", &[(5, "last words")]);
    streams.end_run("a", "c", true);
    streams.write("a", "c", &[(6, "anew")]);
    setup.cluster.put(Pods, pod("a", 1, &set));
    assert_eq!(reading.some(3).await, ["a/c: last words", "Restarted", "a/c: anew"]);

    streams.end_run("b", "c", false);
    setup.cluster.delete(Pods, "b");
    assert_eq!(reading.some(1).await, ["Ended"]);
    streams.write("a", "c", &[(7, "it goes on")]);
    assert_eq!(reading.some(1).await, ["a/c: it goes on"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_container_that_has_not_started_is_waited_for_and_a_job_is_followed_to_its_end() {
    let setup = Setup::new(&[]).await;
    let job = setup.cluster.put(Jobs, object(Jobs, "import", State::InProgress));
    let mut reading = setup.logs(followed(of(Jobs, "import"))).await;
    assert_eq!(reading.some(1).await, ["NoPods"]);
    let mut waiting = pod("a", 0, &job.uid);
    waiting["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "ContainerCreating"}});
    setup.cluster.put(Pods, waiting);
    assert_eq!(reading.some(2).await, ["Joined", "Waiting"]);
    let streams = setup.cluster.streams();
    streams.write("a", "c", &[(1, "done")]);
    setup.cluster.put(Pods, pod("a", 0, &job.uid));
    assert_eq!(reading.some(1).await, ["a/c: done"]);
    streams.end_run("a", "c", false);
    setup.cluster.put(Pods, over("a", &job.uid));
    setup.cluster.put(Jobs, object(Jobs, "import", State::Ready));
    assert_eq!(reading.rest().await, ["Ended", "end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_of_one_pod_leaves_the_others() {
    let setup = Setup::new(&[]).await;
    let set = setup.deployment();
    for name in ["a", "b"] {
        setup.cluster.put(Pods, pod(name, 0, &set));
        setup.cluster.streams().write(name, "c", &[(1, name)]);
    }
    for (code, reason) in [(403, "KIND_FORBIDDEN"), (400, "LOG_NOT_FOUND")] {
        setup.cluster.streams().refuse("a", code);
        let told = setup.logs(of(Deployments, "web")).await.rest().await;
        assert_eq!(told, [format!("Failed {reason}"), "b/c: b".into(), "end".into()]);
    }
    let named = StreamLogsRequest { containers: vec!["c".into(), "x".into()], ..of(Pods, "b") };
    assert_eq!(setup.logs(named).await.rest().await, ["Failed LOG_NOT_FOUND", "b/c: b", "end"]);
    let mut both = of(Pods, "b");
    both.filter.as_mut().unwrap().refs.extend(of(Pods, "none").filter.unwrap().refs);
    assert_eq!(setup.logs(both).await.rest().await, ["Failed OBJECT_NOT_FOUND", "b/c: b", "end"]);
    let missing = Reading::open(setup.daemon.channel().await, of(Pods, "none"), None).await.err().unwrap();
    assert_eq!(code_and_reason(&missing), (Code::NotFound, "OBJECT_NOT_FOUND".into()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_stream_goes_on_behind_what_an_earlier_one_has_told() {
    let setup = Setup::new(&[]).await;
    let uid = setup.cluster.put(Pods, pod("a", 0, "")).uid;
    setup.cluster.streams().write("a", "c", &[(1, "a"), (2, "b"), (2, "c"), (3, "d")]);
    let time = "2026-01-01T00:00:02Z".parse().ok();
    let position = LogPosition { pod_uid: uid, container: "c".into(), time, lines: 1 };
    let told = vec![position];
    let request = StreamLogsRequest { told, tail_lines: Some(1), ..of(Pods, "a") };
    assert_eq!(setup.logs(request).await.rest().await, ["a/c: c", "a/c: d", "end"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_and_said_to_be() {
    let setup = Setup::new(&[]).await;
    setup.cluster.put(Pods, pod("a", 0, ""));
    let long = "x".repeat(8 << 20);
    setup.cluster.streams().write("a", "c", &[(1, &long), (2, "next")]);
    let mut reading = setup.logs(of(Pods, "a")).await;
    let told = reading.rest().await;
    let lengths: Vec<_> = told.iter().map(String::len).collect();
    assert_eq!(lengths, ["a/c: ".len() + (256 << 10), "a/c: next".len(), "end".len()]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_reader_that_stops_holds_up_its_own_logs_alone() {
    let setup = Setup::new(&[]).await;
    for name in ["a", "b"] {
        setup.cluster.put(Pods, pod(name, 0, ""));
    }
    setup.cluster.streams().make_endless("a");
    setup.cluster.streams().write("b", "c", &(0..5000).map(|_| (1, "b")).collect::<Vec<_>>());
    let mut slow = setup.logs(followed(of(Pods, "a"))).await;
    assert_eq!(slow.some(1).await, ["a/c: line 0"]);
    for _ in 0..5 {
        assert_eq!(setup.logs(of(Pods, "b")).await.rest().await.len(), 5001);
    }
    // Sockets and windows hold some; nothing else does.
    let sent = setup.cluster.streams().sent();
    assert!(sent < 32 << 20, "{sent} bytes were read for somebody who does not read");
    for number in 1..5000 {
        assert_eq!(slow.some(1).await, [format!("a/c: line {number}")]);
    }
    drop(slow);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let position = || LogPosition { lines: -1, ..LogPosition::default() };
    for request in [
        StreamLogsRequest { previous: true, ..followed(of(Pods, "a")) },
        StreamLogsRequest { all_containers: true, containers: vec!["c".into()], ..of(Pods, "a") },
        StreamLogsRequest { since: negative, ..of(Pods, "a") },
        StreamLogsRequest { tail_lines: Some(-1), ..of(Pods, "a") },
        StreamLogsRequest { told: vec![position()], ..of(Pods, "a") },
        StreamLogsRequest { told: vec![LogPosition::default(); 1001], ..of(Pods, "a") },
        StreamLogsRequest { containers: vec!["c".into(); 101], ..of(Pods, "a") },
    ] {
        let refused = Reading::open(setup.daemon.channel().await, request, None).await.err().unwrap();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_LOG_REQUEST".into()), "{refused:?}");
    }
    let mut by_state = of(Pods, "a");
    by_state.filter.as_mut().unwrap().cel = "true".into();
    let refused = Reading::open(setup.daemon.channel().await, by_state, None).await.err().unwrap();
    assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_FILTER".into()));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn no_more_than_fifty_logs_are_read_at_a_time_and_that_is_said() {
    let setup = Setup::new(&[]).await;
    let set = setup.deployment();
    for number in 0..52 {
        let name = format!("p{number:02}");
        setup.cluster.put(Pods, pod(&name, 0, &set));
        setup.cluster.streams().write(&name, "c", &[(number, "x")]);
    }
    let told = setup.logs(of(Deployments, "web")).await.rest().await;
    assert_eq!((told.len(), told[0].as_str(), told[1].as_str()), (52, "NotRead", "p00/c: x"), "{told:?}");
    // Who is followed to the end makes room.
    let mut reading = setup.logs(followed(of(Deployments, "web"))).await;
    let told = reading.some(51).await;
    assert!(told.contains(&"NotRead".to_owned()) && !told.iter().any(|it| it.starts_with("p51")), "{told:?}");
    setup.cluster.streams().end_run("p00", "c", false);
    setup.cluster.delete(Pods, "p00");
    let told = reading.some(2).await;
    assert_eq!((told[0].as_str(), told[1].starts_with("p5")), ("Ended", true), "{told:?}");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn logs_are_for_those_who_may_read_them_and_as_long_as_they_may() {
    let shared = Shared::new().await;
    shared.cluster.put(Pods, pod("a", 0, ""));
    shared.cluster.streams().write("a", "c", &[(1, "one")]);
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED".to_owned());
    let request = || followed(of(Pods, "a"));
    let open = async |user| Reading::open(shared.channel().await, request(), Some(user)).await;
    shared.rbac.grant("jim", "get", "pods/log", NAMESPACE);
    assert_eq!(code_and_reason(&open("jim").await.err().unwrap()), denied, "who may not see the pod");
    shared.rbac.grant("joe", "get,watch", "pods", NAMESPACE);
    let refused = open("joe").await.err().unwrap();
    assert_eq!(code_and_reason(&refused), denied, "who may not read its log");
    assert!(refused.message().contains(r#"may not get pods/log "a" in namespace "n""#), "{refused:?}");

    for (user, withdrawn) in [("jane", "pods/log"), ("jill", "pods")] {
        shared.rbac.grant(user, "get,watch", "pods", NAMESPACE);
        shared.rbac.grant(user, "get", "pods/log", NAMESPACE);
        let mut reading = open(user).await.unwrap();
        let mut told = reading.some(1).await;
        // The daemon may only just have begun to follow pods.
        while told == ["Waiting"] {
            told = reading.some(1).await;
        }
        assert_eq!(told, ["a/c: one"]);
        shared.rbac.withdraw(user, withdrawn, NAMESPACE);
        assert_eq!(code_and_reason(&reading.error().await), denied, "{withdrawn}");
    }
    shared.daemon.stop().await;
}
