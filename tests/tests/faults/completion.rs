//! Words for somebody who types, from what is held, and within the caller's rights.

use daymark_proto::v1::completion_service_client::CompletionServiceClient;
use daymark_proto::v1::{CompleteRequest, Filter, ObjectRef, State, Subject};
use daymark_tests::fake_apiserver::objects::{NAMESPACE, object};
use daymark_tests::fake_apiserver::{Collection, FakeApiServer};
use daymark_tests::in_process::{InProcess, kinds, with_token};
use daymarkd::caches::Policy;
use serde_json::json;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::rights::Shared;
use crate::{Deployments, Jobs, Pods, Setup, code_and_reason, put};

async fn ask(
    client: &mut CompletionServiceClient<Channel>,
    user: Option<&str>,
    request: CompleteRequest,
) -> Result<(String, bool), Status> {
    let answer = client.complete(with_token(request, user)).await?.into_inner();
    let words: Vec<_> = answer.completions.into_iter().map(|word| word.text).collect();
    Ok((words.join(" "), answer.truncated))
}

fn request(subject: Subject, filter: Option<Filter>, prefix: &str) -> CompleteRequest {
    CompleteRequest { subject: subject.into(), filter, prefix: prefix.to_owned(), ..Default::default() }
}

/// All objects of these kinds, in one namespace or in all.
fn of(collections: &[Collection], namespace: Option<&str>) -> Option<Filter> {
    let filter = kinds(collections).filter.unwrap();
    let namespaces = namespace.map(str::to_owned).into_iter().collect();
    Some(Filter { namespaces, all_namespaces: namespace.is_none(), ..filter })
}

fn one(collection: Collection, name: &str) -> Option<Filter> {
    let r#ref = ObjectRef {
        resource: collection.resource().to_owned(),
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    };
    Some(Filter { refs: vec![r#ref], ..Default::default() })
}

/// Other kinds are followed when somebody asks for them.
fn pods_only() -> Policy {
    Policy { warm: vec!["pods".to_owned()], ..Policy::default() }
}

#[tokio::test]
async fn words_are_those_that_begin_so() {
    let cluster = FakeApiServer::start().await.unwrap();
    for (collection, name) in [(Pods, "web-1"), (Pods, "web-2"), (Pods, "db"), (Deployments, "web"), (Jobs, "j")] {
        put(&cluster, collection, name, State::Ready);
    }
    let mut labelled = object(Pods, "labelled", State::Ready);
    labelled["metadata"]["labels"] = json!({"app": "x", "app.kubernetes.io/name": "x", "tier": "y"});
    cluster.put(Pods, labelled);
    let mut workload = object(Deployments, "with-containers", State::Ready);
    workload["spec"]["template"] = json!({"spec": {"containers": [{"name": "main"}, {"name": "side"}]}});
    cluster.put(Deployments, workload);
    let setup = Setup { daemon: InProcess::start_with(&cluster, pods_only()).await, cluster };
    let mut client = setup.daemon.completions().await;
    for (subject, filter, prefix, words) in [
        (Subject::Kind, None, "d", "deployments"),
        (Subject::Kind, None, "s", "services svc"),
        (Subject::Name, of(&[Pods], Some(NAMESPACE)), "web", "web-1 web-2"),
        (Subject::Name, of(&[Pods, Deployments], None), "web", "web web-1 web-2"),
        (Subject::Name, of(&[Pods], Some("m")), "", ""),
        (Subject::LabelKey, of(&[Pods], Some(NAMESPACE)), "app", "app app.kubernetes.io/name"),
        (Subject::LabelKey, of(&[Deployments], None), "", ""),
        (Subject::Container, one(Pods, "db"), "", "c"),
        (Subject::Container, one(Deployments, "with-containers"), "s", "side"),
        (Subject::Container, one(Pods, "none"), "", ""),
    ] {
        let answer = ask(&mut client, None, request(subject, filter, prefix)).await.unwrap();
        assert_eq!(answer, (words.to_owned(), false), "{subject:?} {prefix:?}");
    }
    // Nobody has followed Jobs.
    assert_eq!(setup.cluster.counts().lists(Jobs), 0);
    let jobs = request(Subject::Name, of(&[Jobs], None), "");
    assert_eq!(ask(&mut client, None, jobs).await.unwrap().0, "j");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn an_answer_is_bounded_and_says_so() {
    let cluster = FakeApiServer::start().await.unwrap();
    (0..1001).for_each(|number| _ = put(&cluster, Pods, &format!("p{number:04}"), State::Ready));
    let setup = Setup::of(cluster).await;
    let mut client = setup.daemon.completions().await;
    for (limit, count) in [(0, 1000), (5000, 1000), (2, 2)] {
        let request = CompleteRequest { limit, ..request(Subject::Name, of(&[Pods], None), "p") };
        let (words, truncated) = ask(&mut client, None, request).await.unwrap();
        assert_eq!((words.split(' ').count(), truncated), (count, true), "{limit}");
        assert!(words.starts_with("p0000 p0001"), "{words}");
    }
    let few = request(Subject::Name, of(&[Pods], None), "p100");
    assert_eq!(ask(&mut client, None, few).await.unwrap(), ("p1000".to_owned(), false));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let setup = Setup::new(&[(Pods, "a")]).await;
    let mut client = setup.daemon.completions().await;
    let pods = || of(&[Pods], None).unwrap();
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    for (subject, filter, limit, expected) in [
        (Subject::Unspecified, pods(), 0, invalid("INVALID_FILTER")),
        (Subject::Name, Filter::default(), 0, invalid("INVALID_FILTER")),
        (Subject::Name, one(Pods, "a").unwrap(), 0, invalid("INVALID_FILTER")),
        (Subject::Name, Filter { cel: "true".to_owned(), ..pods() }, 0, invalid("INVALID_FILTER")),
        (Subject::Name, Filter { field_selector: "a=b".to_owned(), ..pods() }, 0, invalid("INVALID_FILTER")),
        (Subject::Name, Filter { states: vec![State::Ready.into()], ..pods() }, 0, invalid("INVALID_FILTER")),
        (Subject::Name, Filter { kinds: vec!["gadgets".to_owned()], ..pods() }, 0, invalid("UNKNOWN_KIND")),
        (Subject::Container, pods(), 0, invalid("INVALID_FILTER")),
        (Subject::Kind, Filter::default(), -1, invalid("INVALID_PAGE")),
    ] {
        let request = CompleteRequest { limit, ..request(subject, Some(filter), "") };
        let error = ask(&mut client, None, request).await.unwrap_err();
        assert_eq!(code_and_reason(&error), expected, "{error:?}");
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn nobody_is_told_names_that_they_may_not_list() {
    let shared = Shared::new().await;
    let mut client = CompletionServiceClient::new(shared.channel().await);
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED".to_owned());
    let names = || request(Subject::Name, of(&[Pods], None), "");
    let containers = || request(Subject::Container, one(Pods, "a"), "");
    for asked in [names(), request(Subject::LabelKey, of(&[Pods], Some("n")), ""), containers()] {
        let error = ask(&mut client, Some("jane"), asked).await.unwrap_err();
        assert_eq!(code_and_reason(&error), denied, "{error:?}");
    }
    // Which kinds there are is no secret.
    assert_eq!(ask(&mut client, Some("jane"), request(Subject::Kind, None, "pod")).await.unwrap().0, "pods");
    shared.rbac.grant("jack", "list", "pods", "n");
    assert_eq!(ask(&mut client, Some("jack"), names()).await.unwrap().0, "a");
    let elsewhere = request(Subject::Name, of(&[Pods], Some("m")), "");
    assert_eq!(code_and_reason(&ask(&mut client, Some("jack"), elsewhere).await.unwrap_err()), denied);
    // Containers are read from the object.
    assert_eq!(code_and_reason(&ask(&mut client, Some("jack"), containers()).await.unwrap_err()), denied);
    shared.rbac.grant("joe", "get", "pods", "n");
    assert_eq!(ask(&mut client, Some("joe"), containers()).await.unwrap().0, "c");
    shared.daemon.stop().await;
}
