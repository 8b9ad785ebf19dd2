//! What is sent in place of a good token, and one that is good no longer.

use std::time::Duration;

use daymark_tests::process::PATIENCE;
use daymarkd::access::token_review::Kept;
use daymarkd::args::serving::Serving;
use daymarkd::rpc::crowd::Limits;
use serde_json::json;
use tonic::Code;

use super::{Caller, guarded, serving};
use crate::Setup;

fn unauthenticated() -> (Code, String) {
    (Code::Unauthenticated, "UNAUTHENTICATED".into())
}

/// From now on the cluster knows no token.
fn revoke(setup: &Setup) {
    setup
        .cluster
        .answer_reviews(|review| Some(json!({"allowed": true, "authenticated": review["kind"] != "TokenReview"})));
}

#[tokio::test]
async fn a_token_that_is_revoked_is_refused_when_what_was_said_of_it_is_outdated() {
    let kept = Kept { known: Duration::from_millis(300), ..Kept::default() };
    let setup = serving(Serving { reviews_kept: kept, ..Serving::default() }).await;
    let mut jane = Caller::honest(&setup).await;
    jane.is_served().await;
    revoke(&setup);
    let refused = async {
        loop {
            match jane.list().await {
                (Code::Ok, _) => tokio::task::yield_now().await,
                // Jane has asked more often than she may.
                (Code::ResourceExhausted, _) => tokio::task::yield_now().await,
                refused => break refused,
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("it is asked about again");
    assert_eq!(refused, unauthenticated());
    assert_eq!(jane.list().await, unauthenticated());
    setup.daemon.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_is_taken_until_then() {
    let setup = guarded(Limits::default()).await;
    let mut jane = Caller::honest(&setup).await;
    jane.is_served().await;
    revoke(&setup);
    jane.is_served().await;
    setup.daemon.stop().await;
}

#[tokio::test]
async fn what_is_no_token_is_nobodys() {
    let setup = guarded(Limits::default()).await;
    let mut honest = Caller::honest(&setup).await;
    let long = format!("Bearer {}", "x".repeat(17 << 10));
    let sent: [&[&[u8]]; 7] = [
        &[long.as_bytes()],
        &[b"Bearer good", b"Bearer good"],
        &[b"Bearer good", b"Basic Z29vZA=="],
        &[b"Bearer good", b""],
        &[b"Bearer good\xff"],
        &["Bearer gööd".as_bytes()],
        &[b"Bearer good, Bearer good"],
    ];
    for authorization in sent {
        let mut attacker = Caller::new(&setup, authorization).await;
        let ended = honest.meanwhile(attacker.list()).await;
        assert_eq!(ended, unauthenticated(), "{authorization:?}");
    }
    // Of those there is room for one in a request.
    let twice = [long.as_bytes(), long.as_bytes()];
    let ended = honest.meanwhile(Caller::new(&setup, &twice).await.list()).await;
    assert_eq!(ended.0, Code::Unknown);
    setup.daemon.stop().await;
}
