//! More of something than anybody needs.

use std::io;
use std::time::Duration;

use daymarkd::rpc::crowd::Limits;

use super::frames::{
    ACK, CANCEL, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, HEALTH, PING, Peer, RST_STREAM, SETTINGS, frame,
    header, request,
};
use super::{Caller, guarded};

/// More streams than a connection may have reset.
const STREAMS: u32 = 2_000;
/// More than what lies between two processes that do not read: the kernel's buffers, and the daemon's.
const BETWEEN: usize = 64 << 20;
/// Frames that are answered together, and how often that is done.
const AT_ONCE: usize = 256;
const TURNS: usize = 200;

/// These frames for each of many streams.
fn streams(frames: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..STREAMS).flat_map(|number| frames(2 * number + 1)).collect()
}

#[tokio::test]
async fn streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let setup = guarded(Limits::default()).await;
    let flood = streams(|stream| {
        let opened = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request(HEALTH));
        [opened, frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())].concat()
    });
    let mut peer = Peer::connect(setup.daemon.tcp()).await;
    let error = Caller::honest(&setup).await.meanwhile(peer.sent_away(&flood)).await;
    assert_eq!(error, Some(ENHANCE_YOUR_CALM));
    setup.daemon.stop().await;
}

#[tokio::test]
async fn streams_that_make_the_daemon_reset_them_end_the_connection() {
    let setup = guarded(Limits::default()).await;
    // A message that is malformed ends its stream, and not the connection (RFC 9113, section 8.1.1).
    let malformed = [request(HEALTH), header("content-length", "x")].concat();
    let flood = streams(|stream| frame(HEADERS, END_HEADERS, stream, &malformed));
    let mut peer = Peer::connect(setup.daemon.tcp()).await;
    let error = Caller::honest(&setup).await.meanwhile(peer.sent_away(&flood)).await;
    assert_eq!(error, Some(ENHANCE_YOUR_CALM));
    setup.daemon.stop().await;
}

/// Sends that so often, and reads each answer, unless it is sent away.
async fn in_turn(peer: &mut Peer, frame: &[u8]) -> io::Result<()> {
    for _ in 0..TURNS {
        peer.send(&frame.repeat(AT_ONCE)).await?;
        let mut answers = 0;
        while answers < AT_ONCE {
            let (kind, flags, _) = peer.next().await?;
            answers += usize::from(kind == frame[3] && flags & ACK != 0);
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_reads_answers_gets_no_more_than_a_turn_of_the_daemons_time() {
    let setup = guarded(Limits::default()).await;
    let mut honest = Caller::honest(&setup).await;
    for frame in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])] {
        let mut peer = Peer::admitted(setup.daemon.tcp()).await;
        // Whether it may go on does not matter: others are served meanwhile.
        let _ended = honest.meanwhile(in_turn(&mut peer, &frame)).await;
    }
    setup.daemon.stop().await;
}

/// Sends that again and again, and reads nothing, until the connection is ended; how much could be sent.
async fn flood(peer: &mut Peer, frame: &[u8]) -> usize {
    let frames = frame.repeat(4096);
    let mut sent = 0;
    while sent < BETWEEN && peer.send(&frames).await.is_ok() {
        sent += frames.len();
    }
    sent
}

#[tokio::test]
async fn who_does_not_read_answers_is_not_read_and_is_let_go() {
    let setup = guarded(Limits { unread: Duration::from_millis(500), ..Limits::default() }).await;
    let mut honest = Caller::honest(&setup).await;
    let (ping, settings) = (frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[]));
    for frame in [ping, settings] {
        // Whether anything was made of the connection does not matter.
        for mut peer in [Peer::connect(setup.daemon.tcp()).await, Peer::admitted(setup.daemon.tcp()).await] {
            let sent = honest.meanwhile(flood(&mut peer, &frame)).await;
            assert!(sent < BETWEEN, "{sent} bytes of {frame:?} were taken");
        }
    }
    setup.daemon.stop().await;
}
