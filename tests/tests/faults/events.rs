//! Events outlive the API server's memory of them, and the objects that they are about.

use daymark_proto::v1::{
    ClusterEvent, EventFilter, ListEventsRequest, ObjectRef, State, WatchEventsRequest, WatchEventsResponse,
};
use daymark_tests::fake_apiserver::objects::{NAMESPACE, object};
use daymark_tests::fake_apiserver::{Answer, Collection, Counts, FakeApiServer, Fault, Verb};
use daymark_tests::process::PATIENCE;
use serde_json::{Value, json};
use tonic::{Code, Status, Streaming};

use crate::{Deployments, Pods, Setup, code_and_reason, put};

use Collection::{Events, ReplicaSets};

/// A cluster that serves events, with a Deployment, its ReplicaSet and a pod of that.
async fn setup() -> Setup {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_events();
    let deployment = put(&cluster, Deployments, "web", State::Ready).uid;
    let replica_set = owned(&cluster, ReplicaSets, "web-1", "Deployment", "web", &deployment);
    owned(&cluster, Pods, "web-1-a", "ReplicaSet", "web-1", &replica_set);
    let setup = Setup::of(cluster).await;
    setup.cluster.until_watched().await;
    setup
}

fn owned(cluster: &FakeApiServer, of: Collection, name: &str, kind: &str, owner: &str, uid: &str) -> String {
    let mut owned = object(of, name, State::Ready);
    owned["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": uid, "controller": true}]);
    cluster.put(of, owned).uid
}

/// Something happens to the object of that name, for the `count`th time.
fn happen(cluster: &FakeApiServer, of: Collection, name: &str, count: u32) {
    let there = cluster.objects(of).into_iter().find(|object| object["metadata"]["name"] == name).unwrap();
    cluster.put(Events, event(of, &there, count));
}

fn event(of: Collection, about: &Value, count: u32) -> Value {
    let text = |field: &str| about["metadata"][field].as_str().unwrap();
    let name = text("name");
    json!({
        "metadata": {"namespace": NAMESPACE, "name": format!("{name}.17")},
        "involvedObject": {"apiVersion": of.api_version(), "kind": of.kind(), "namespace": NAMESPACE, "name": name, "uid": text("uid")},
        "type": "Warning", "reason": "BackOff", "message": "again", "count": count,
        "firstTimestamp": jiff::Timestamp::now().to_string(), "lastTimestamp": jiff::Timestamp::now().to_string(),
    })
}

fn of(resource: &str, name: &str) -> EventFilter {
    let object =
        ObjectRef { resource: resource.into(), namespace: NAMESPACE.into(), name: name.into(), ..Default::default() };
    EventFilter { r#ref: Some(object), with_owned: true, ..Default::default() }
}

async fn list(setup: &Setup, filter: EventFilter) -> Result<Vec<String>, Status> {
    let request = ListEventsRequest { filter: Some(filter), ..Default::default() };
    let listed = setup.daemon.events().await.list_events(request).await?.into_inner();
    Ok(listed.events.iter().map(told).collect())
}

/// `Pod/web-1-a x2`
fn told(event: &ClusterEvent) -> String {
    let object = event.involved_object.clone().unwrap_or_default();
    format!("{}/{} x{}", object.kind, object.name, event.occurrences)
}

/// A stream, and all that it has told.
struct Watching {
    stream: Streaming<WatchEventsResponse>,
    told: Vec<String>,
    cursor: Vec<u8>,
}

impl Watching {
    async fn begin(setup: &Setup, filter: EventFilter, cursor: &[u8]) -> Self {
        let mut client = setup.daemon.events().await;
        let request = WatchEventsRequest { filter: Some(filter), cursor: cursor.to_vec().into(), ..Default::default() };
        let stream = client.watch_events(request).await.unwrap().into_inner();
        Self { stream, told: Vec::new(), cursor: Vec::new() }
    }

    /// Reads on to what is wanted, and says all that came up to there.
    async fn until(&mut self, wanted: &str) -> Vec<String> {
        let read = async {
            while !self.told.iter().any(|told| told == wanted) {
                let message = self.stream.message().await.unwrap().unwrap();
                if let Some(reset) = &message.reset {
                    let absent = if reset.absent { " absent" } else { "" };
                    self.told.push(format!("reset {}{absent}", reset.cause().as_str_name()));
                }
                self.told.extend(message.events.iter().map(told));
                if message.current {
                    self.told.push("current".into());
                }
                if !message.cursor.is_empty() {
                    self.cursor = message.cursor.to_vec();
                }
            }
        };
        if tokio::time::timeout(PATIENCE, read).await.is_err() {
            panic!("waited in vain for {wanted}: {:?}", self.told);
        }
        std::mem::take(&mut self.told)
    }
}

#[tokio::test]
async fn an_event_that_expires_is_still_told() {
    let setup = setup().await;
    let cluster = &setup.cluster;
    let mut watching = Watching::begin(&setup, of("deploy", "web"), &[]).await;
    assert_eq!(watching.until("current").await, ["reset CAUSE_INITIAL", "current"]);
    happen(cluster, Deployments, "web", 1);
    happen(cluster, Pods, "web-1-a", 1);
    watching.until("Pod/web-1-a x1").await;
    happen(cluster, Pods, "web-1-a", 2);
    assert_eq!(watching.until("Pod/web-1-a x2").await, ["Pod/web-1-a x2"]);
    // The pod goes, and then what the API server knows of it.
    cluster.delete(Pods, "web-1-a");
    cluster.delete(Events, "web-1-a.17");
    cluster.delete(Events, "web.17");
    happen(cluster, ReplicaSets, "web-1", 1);
    assert_eq!(watching.until("ReplicaSet/web-1 x1").await, ["ReplicaSet/web-1 x1"]);
    let all = ["Deployment/web x1", "Pod/web-1-a x2", "ReplicaSet/web-1 x1"];
    assert_eq!(list(&setup, of("deploy", "web")).await.unwrap(), all);
    assert_eq!(list(&setup, of("rs", "web-1")).await.unwrap(), all[1..]);
    assert_eq!(list(&setup, of("pod", "web-1-a")).await.unwrap(), all[1..2]);
    // Of what never was nothing is known.
    let missing = list(&setup, of("pod", "nobody")).await.unwrap_err();
    assert_eq!(code_and_reason(&missing), (Code::NotFound, "OBJECT_NOT_FOUND".into()), "{missing:?}");
    drop(watching);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_relist_repeats_no_event_and_loses_none() {
    let setup = setup().await;
    let cluster = &setup.cluster;
    happen(cluster, Pods, "web-1-a", 1);
    happen(cluster, Deployments, "web", 1);
    let everything = || EventFilter { namespaces: vec![NAMESPACE.into()], ..Default::default() };
    let mut watching = Watching::begin(&setup, everything(), &[]).await;
    let first = watching.until("current").await;
    let cursor = watching.cursor.clone();
    if first.len() < 4 {
        watching.until("Deployment/web x1").await;
    }
    cluster.hold_events(Events);
    happen(cluster, Pods, "web-1-a", 2);
    happen(cluster, Pods, "web-1-a", 3);
    cluster.delete(Events, "web.17");
    happen(cluster, ReplicaSets, "web-1", 1);
    let lists = cluster.counts().lists(Events);
    cluster.compact(false);
    cluster.close_watches(Events);
    cluster.until("a list", |counts| counts.lists(Events) > lists).await;
    cluster.release_events(Events);
    let mut since = watching.until("ReplicaSet/web-1 x1").await;
    since.sort();
    assert_eq!(since, ["Pod/web-1-a x3", "ReplicaSet/web-1 x1"]);
    let all = ["Deployment/web x1", "Pod/web-1-a x3", "ReplicaSet/web-1 x1"];
    let mut listed = list(&setup, everything()).await.unwrap();
    listed.sort();
    assert_eq!(listed, all);
    // Who comes back is told what came behind the cursor, and that it goes on.
    let mut again = Watching::begin(&setup, everything(), &watching.cursor).await;
    assert_eq!(again.until("current").await, ["current"]);
    let mut again = Watching::begin(&setup, everything(), &cursor).await;
    let told = again.until("ReplicaSet/web-1 x1").await;
    assert!(told.contains(&"current".into()) && told.contains(&"Pod/web-1-a x3".into()), "{told:?}");
    drop((watching, again));
    setup.daemon.stop().await;
}

/// An event is heard of sooner than the pod that it is about.
#[tokio::test]
async fn an_event_is_its_owners_when_its_object_turns_up() {
    let setup = setup().await;
    let cluster = &setup.cluster;
    let mut watching = Watching::begin(&setup, of("deploy", "web"), &[]).await;
    watching.until("current").await;
    cluster.hold_events(Pods);
    let replica_set = cluster.objects(ReplicaSets).swap_remove(0)["metadata"]["uid"].as_str().unwrap().to_owned();
    owned(cluster, Pods, "web-1-b", "ReplicaSet", "web-1", &replica_set);
    happen(cluster, Pods, "web-1-b", 1);
    let mut strangers = Watching::begin(&setup, EventFilter::default(), &[]).await;
    strangers.until("Pod/web-1-b x1").await;
    cluster.release_events(Pods);
    assert_eq!(watching.until("Pod/web-1-b x1").await, ["Pod/web-1-b x1"]);
    drop((watching, strangers));
    setup.daemon.stop().await;
}

/// A daemon that may not list events says so, and goes on.
#[tokio::test]
async fn events_that_may_not_be_read_are_told_as_such() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_events();
    put(&cluster, Pods, "a", State::Ready);
    for verb in [Verb::List, Verb::StreamList, Verb::Watch] {
        cluster.fault(Fault::new(Answer::Status(403)).on(verb).of(Events));
    }
    let setup = Setup::of(cluster).await;
    let refused = list(&setup, EventFilter::default()).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::PermissionDenied, "KIND_FORBIDDEN".into()), "{refused:?}");
    setup.cluster.heal();
    happen(&setup.cluster, Pods, "a", 1);
    let told = async {
        loop {
            match list(&setup, EventFilter::default()).await {
                Ok(told) if !told.is_empty() => return told,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.unwrap(), ["Pod/a x1"]);
    setup.daemon.stop().await;
}

#[tokio::test]
async fn pages_are_whole_in_either_order() {
    let setup = setup().await;
    for name in ["a", "b", "c", "d", "e"] {
        put(&setup.cluster, Pods, name, State::Ready);
        happen(&setup.cluster, Pods, name, 1);
    }
    let mut client = setup.daemon.events().await;
    // Until all have come.
    Watching::begin(&setup, EventFilter::default(), &[]).await.until("Pod/e x1").await;
    for newest_first in [false, true] {
        let (mut told, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListEventsRequest { newest_first, page_size: 2, page_token, ..Default::default() };
            let page = client.list_events(request).await.unwrap().into_inner();
            assert!(page.events.len() <= 2 && page.complete_since.is_some());
            told.extend(page.events.iter().map(|event| event.involved_object.clone().unwrap().name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if newest_first {
            told.reverse();
        }
        assert_eq!(told, ["a", "b", "c", "d", "e"], "{newest_first}");
    }
    let request = ListEventsRequest { page_token: "nonsense".into(), ..Default::default() };
    let refused = client.list_events(request).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_PAGE".into()));
    let contradictions = [
        EventFilter { all_namespaces: true, ..of("pod", "a") },
        EventFilter { with_owned: true, ..Default::default() },
        EventFilter { all_namespaces: true, namespaces: vec!["n".into()], ..Default::default() },
    ];
    for filter in contradictions {
        let refused = list(&setup, filter).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_FILTER".into()), "{refused:?}");
    }
    setup.daemon.stop().await;
}

/// A daemon that is started when events have been told already, and that hears of pods last.
#[tokio::test]
async fn what_was_told_before_the_daemon_is_its_owners_too() {
    let cluster = FakeApiServer::start().await.unwrap();
    cluster.serve_events();
    let deployment = put(&cluster, Deployments, "web", State::Ready).uid;
    let replica_set = owned(&cluster, ReplicaSets, "web-1", "Deployment", "web", &deployment);
    owned(&cluster, Pods, "web-1-a", "ReplicaSet", "web-1", &replica_set);
    happen(&cluster, Pods, "web-1-a", 1);
    for verb in [Verb::List, Verb::StreamList] {
        cluster.fault(Fault::new(Answer::Late).on(verb).of(Pods));
    }
    let setup = Setup::of(cluster).await;
    let asked = |counts: &Counts| counts.open_watches(Events) > 0 && counts.lists(Pods) + counts.stream_lists(Pods) > 0;
    setup.cluster.until("events before pods", asked).await;
    setup.cluster.heal();
    let mut watching = Watching::begin(&setup, of("deploy", "web"), &[]).await;
    assert_eq!(watching.until("Pod/web-1-a x1").await.pop().as_deref(), Some("Pod/web-1-a x1"));
    drop(watching);
    setup.daemon.stop().await;
}

/// A stream that wants nothing of what happens is told that it is alive, however much that is.
#[tokio::test]
async fn a_quiet_stream_says_that_it_is_alive() {
    let setup = setup().await;
    let wanted = EventFilter { types: vec!["Normal".into()], ..Default::default() };
    for (seconds, nanos) in [(0, 1_000_000), (-1, 0)] {
        let interval = Some(prost_types::Duration { seconds, nanos });
        let request =
            WatchEventsRequest { filter: Some(wanted.clone()), progress_interval: interval, ..Default::default() };
        let refused = setup.daemon.events().await.watch_events(request).await.unwrap_err();
        assert_eq!(code_and_reason(&refused), (Code::InvalidArgument, "INVALID_INTERVAL".into()));
    }
    let (mut client, interval) =
        (setup.daemon.events().await, prost_types::Duration { seconds: 0, nanos: 100_000_000 });
    let request = WatchEventsRequest { filter: Some(wanted), progress_interval: Some(interval), ..Default::default() };
    let mut stream = client.watch_events(request).await.unwrap().into_inner();
    let mut quiet = 0;
    let read = async {
        for count in 1.. {
            happen(&setup.cluster, Pods, "web-1-a", count);
            let Ok(message) = tokio::time::timeout(std::time::Duration::from_millis(10), stream.message()).await else {
                continue;
            };
            let message = message.unwrap().unwrap();
            assert!(message.events.is_empty(), "{message:?}");
            quiet += u32::from(message.reset.is_none() && !message.current && !message.cursor.is_empty());
            if quiet == 3 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    let endless = Some(prost_types::Duration { seconds: 315_576_000_000, nanos: 0 });
    let request = WatchEventsRequest { progress_interval: endless, ..Default::default() };
    let mut stream = client.watch_events(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some_and(|message| message.reset.is_some()));
    drop(stream);
    setup.daemon.stop().await;
}
