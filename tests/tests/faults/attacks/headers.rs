//! Headers that are too many, too long, or no end of them.

use daymarkd::rpc::crowd::Limits;
use tonic::Code;

use super::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, HEALTH, Peer, frame, header, request, text,
};
use super::{Caller, guarded};

/// More than any request needs.
const FRAMES: usize = 1_000;

#[tokio::test]
async fn headers_without_an_end_end_the_connection() {
    let setup = guarded(Limits::default()).await;
    let mut honest = Caller::honest(&setup).await;
    for piece in [header("x", "y"), Vec::new()] {
        let begun = frame(HEADERS, END_STREAM, 1, &request(HEALTH));
        let endless = [begun, frame(CONTINUATION, 0, 1, &piece).repeat(FRAMES)].concat();
        let mut peer = Peer::connect(setup.daemon.tcp()).await;
        let error = honest.meanwhile(peer.sent_away(&endless)).await;
        assert_eq!(error, Some(ENHANCE_YOUR_CALM), "{piece:?}");
    }
    setup.daemon.stop().await;
}

#[tokio::test]
async fn headers_that_become_large_only_when_they_are_read_end_the_connection() {
    let setup = guarded(Limits::default()).await;
    // One of 4,000 bytes that is to be remembered, and then 12,000 times the one that was (RFC 7541, sections 6.1
    // and 6.2.1): 48 MB.
    let remembered = [&[0x40], &*text("x"), &*text(&"y".repeat(4_000))].concat();
    let bomb = [request(HEALTH), remembered, vec![0x80 | 62; 12_000]].concat();
    let mut peer = Peer::connect(setup.daemon.tcp()).await;
    let sent = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    let error = Caller::honest(&setup).await.meanwhile(peer.sent_away(&sent)).await;
    assert_eq!(error, Some(ENHANCE_YOUR_CALM));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn metadata_above_the_limit_is_refused() {
    let setup = guarded(Limits::default()).await;
    let mut honest = Caller::honest(&setup).await;
    for bytes in [21 << 10, 64 << 10] {
        let long = "x".repeat(bytes);
        let mut attacker = Caller::new(&setup, &[long.as_bytes()]).await;
        let (code, _) = honest.meanwhile(attacker.list()).await;
        // HTTP's 431, which gRPC has no code for.
        assert_eq!(code, Code::Unknown, "{bytes}");
    }
    setup.daemon.stop().await;
}
