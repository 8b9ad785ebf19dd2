//! Messages that are too large, and requests that nobody is to be held to.

use daymark_proto::v1::{Filter, ListStatusesRequest};
use daymark_tests::in_process::with_token;
use daymark_tests::process::PATIENCE;
use daymarkd::rpc::crowd::Limits;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::{Caller, channel, guarded};
use crate::{Setup, code_and_reason};

/// What a connection may ask at a time without saying who it is.
const ANONYMOUS: usize = 16;

#[tokio::test]
async fn a_message_above_the_limit_is_refused() {
    let setup = guarded(Limits::default()).await;
    let filter = Filter { kinds: vec!["x".repeat(5 << 20)], ..Default::default() };
    let request = ListStatusesRequest { filter: Some(filter), ..Default::default() };
    let mut attacker = Caller::honest(&setup).await;
    let attack = attacker.client.list_statuses(with_token(request, Some("good")));
    let refused = Caller::honest(&setup).await.meanwhile(attack).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_message_that_is_compressed_is_refused() {
    let setup = guarded(Limits::default()).await;
    let mut request = with_token(ListStatusesRequest::default(), Some("good"));
    // That it is said is enough: nothing is unpacked to see whether it is true, and how large it becomes.
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let mut attacker = Caller::honest(&setup).await;
    let attack = attacker.client.list_statuses(request);
    let refused = Caller::honest(&setup).await.meanwhile(attack).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
    setup.daemon.stop().await;
}

/// Asks for health. Its request is a text in field 1, as `String` is to prost; what is answered does not matter.
struct Health(Grpc<Channel>);

impl Health {
    async fn of(setup: &Setup) -> Self {
        Self(Grpc::new(channel(setup).await))
    }

    async fn watch(&mut self, service: &str) -> Result<Streaming<()>, Status> {
        self.0.ready().await.unwrap();
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
        let codec = ProstCodec::<String, ()>::default();
        let answer = self.0.server_streaming(Request::new(service.to_owned()), path, codec).await;
        answer.map(tonic::Response::into_inner)
    }
}

#[tokio::test]
async fn who_says_nothing_of_themselves_may_not_say_much() {
    let setup = guarded(Limits::default()).await;
    let mut anybody = Health::of(&setup).await;
    let long = "x".repeat(2 << 10);
    let refused = Caller::honest(&setup).await.meanwhile(anybody.watch(&long)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    setup.daemon.stop().await;
}

#[tokio::test]
async fn who_says_nothing_of_themselves_may_not_ask_much_at_a_time() {
    let setup = guarded(Limits::default()).await;
    let (mut anybody, mut other) = (Health::of(&setup).await, Health::of(&setup).await);
    let mut open = Vec::new();
    for _ in 0..ANONYMOUS {
        open.push(anybody.watch("").await.unwrap());
    }
    let refused = Caller::honest(&setup).await.meanwhile(anybody.watch("")).await.unwrap_err();
    assert_eq!(code_and_reason(&refused), (Code::ResourceExhausted, "TOO_MANY_REQUESTS".into()));
    assert!(other.watch("").await.is_ok(), "another connection is another one");
    open.pop();
    let again = async { while anybody.watch("").await.is_err() {} };
    tokio::time::timeout(PATIENCE, again).await.expect("a request that has ended is none any more");
    // What is open for as long as somebody wants would put off the daemon's end.
    drop((open, anybody, other));
    setup.daemon.stop().await;
}
