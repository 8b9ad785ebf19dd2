//! What ports are forwarded over: SPDY, or a WebSocket where something on the way knows no SPDY.

use daymark_tests::fake_apiserver::{NoSpdy, Port, Way};
use tonic::Code;

use super::{Setup, is, to};
use crate::{Pods, Services, code_and_reason};

impl Setup {
    /// What the connections so far were asked for over.
    fn ways(&self) -> Vec<Way> {
        self.cluster.forwarded().iter().map(|asked| asked.way).collect()
    }
}

/// Every way in which a port is forwarded over a WebSocket, and one in which it is not.
const ALL: &[Option<NoSpdy>] =
    &[None, Some(NoSpdy::Stripped), Some(NoSpdy::Refused(200)), Some(NoSpdy::Refused(400)), Some(NoSpdy::Refused(502))];

#[tokio::test]
async fn what_knows_no_spdy_is_gone_through_by_a_web_socket() {
    for no_spdy in ALL {
        let setup = Setup::serving(&["a"]).await;
        if let Some(how) = no_spdy {
            setup.cluster.know_no_spdy(*how);
        }
        setup.cluster.forward("a", Port::Answers("hello"));
        let mut tunnel = setup.tunnel(to(Services, "web", "http")).await.unwrap();
        tunnel.endpoint().await;
        tunnel.send(b"GET").await;
        assert_eq!(tunnel.rest().await.unwrap(), b"hello", "{no_spdy:?}");
        let ways: &[Way] = if no_spdy.is_some() { &[Way::Spdy, Way::WebSocket] } else { &[Way::Spdy] };
        assert_eq!(setup.ways(), ways, "{no_spdy:?}");
        assert_eq!(setup.cluster.forwarded().last().map(|asked| &*asked.port), Some("8080"));
    }
}

#[tokio::test]
async fn an_error_is_told_over_either_also_behind_the_end_of_the_data() {
    for no_spdy in [None, Some(NoSpdy::Stripped)] {
        let setup = Setup::serving(&["a", "b"]).await;
        if let Some(how) = no_spdy {
            setup.cluster.know_no_spdy(how);
        }
        // Who refuses is followed by another.
        setup.cluster.forward("a", Port::Refuses);
        let mut tunnel = setup.tunnel(to(Services, "web", "80")).await.unwrap();
        tunnel.send(b"GET").await;
        assert_eq!(tunnel.endpoint().await.pod, "a");
        assert_eq!(tunnel.endpoint().await.pod, "b");
        assert_eq!(tunnel.some(3).await, b"GET");
        setup.cluster.forward("a", Port::Fails("hel", "the container has gone"));
        let mut tunnel = setup.tunnel(to(Pods, "a", "80")).await.unwrap();
        tunnel.endpoint().await;
        assert_eq!(tunnel.some(3).await, b"hel");
        let error = tunnel.error().await;
        assert_eq!(code_and_reason(&error), is(Code::Unavailable, "ENDPOINT_LOST"));
        assert!(error.message().contains("the container has gone"), "{error:?}");
    }
}

#[tokio::test]
async fn what_the_api_server_says_is_not_asked_again() {
    let setup = Setup::serving(&["a"]).await;
    for code in [400, 401, 403, 404, 409, 429, 500] {
        setup.cluster.forward("a", Port::Status(code));
        let refused = setup.tunnel(to(Pods, "a", "80")).await.map(drop).unwrap_err();
        assert!(refused.message().contains(&code.to_string()), "{refused:?}");
    }
    assert_eq!(setup.ways(), [Way::Spdy; 7]);
}

#[tokio::test]
async fn a_right_that_only_a_web_socket_takes_hides_no_other_refusal() {
    let setup = Setup::serving(&["a"]).await;
    setup.cluster.know_no_spdy(NoSpdy::Refused(502));
    setup.cluster.allow_no_web_socket();
    let refused = setup.tunnel(to(Pods, "a", "80")).await.map(drop).unwrap_err();
    assert_eq!(code_and_reason(&refused), is(Code::Unavailable, "ENDPOINT_LOST"));
    let said = refused.message();
    assert!(said.contains("502") && said.contains("over a WebSocket") && said.contains("get"), "{refused:?}");
    assert_eq!(setup.ways(), [Way::Spdy, Way::WebSocket]);
}
