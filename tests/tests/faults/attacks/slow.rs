//! Connections of which nothing is made: by saying too little, too slowly, or nothing at all.

use std::time::Duration;

use daymark_tests::process::PATIENCE;
use daymarkd::rpc::crowd::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::frames::{CONTINUATION, END_HEADERS, HEADERS, HEALTH, PREFACE, Peer, SETTINGS, frame, header, request};
use super::{Caller, guarded};

/// Between two bytes of whoever takes their time.
const DRIP: Duration = Duration::from_millis(10);
/// What honest ones are in time for on a machine that stands still for seconds.
const BEARABLE: Duration = Duration::from_secs(12);
/// Connections that are held, if the system lets them be.
const IDLE: u64 = 10_000;
/// Files that other tests, at the same time, may need.
const OTHERS: u64 = 2_000;

/// Sends these bytes one by one until the connection is ended; how many could be sent.
async fn drip(peer: &mut Peer, bytes: &[u8]) -> usize {
    let mut pace = tokio::time::interval(DRIP);
    for (sent, byte) in bytes.iter().enumerate() {
        pace.tick().await;
        if peer.send(&[*byte]).await.is_err() {
            return sent;
        }
    }
    bytes.len()
}

/// A header that takes minutes, a byte at a time.
fn long_header() -> Vec<u8> {
    header("x", &"y".repeat(15_000))
}

#[tokio::test]
async fn a_request_that_never_comes_to_its_end_is_not_waited_for() {
    let setup = guarded(Limits { first_request: BEARABLE, ..Limits::default() }).await;
    let headers = frame(HEADERS, END_HEADERS, 1, &[request(HEALTH), long_header()].concat());
    let all = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &headers].concat();
    let mut peer = Peer::silent(setup.daemon.tcp()).await;
    let sent = Caller::honest(&setup).await.meanwhile(drip(&mut peer, &all)).await;
    assert!(sent < all.len());
    setup.daemon.stop().await;
}

#[tokio::test]
async fn who_was_let_in_and_answers_no_ping_is_let_go() {
    let ping = Duration::from_millis(500);
    let setup = guarded(Limits { ping, pong: BEARABLE, ..Limits::default() }).await;
    let mut honest = Caller::honest(&setup).await;
    let mut silent = Peer::admitted(setup.daemon.tcp()).await;
    honest.meanwhile(silent.sent_away(&[])).await;
    // Nor can a ping be answered in the midst of headers.
    let mut slow = Peer::admitted(setup.daemon.tcp()).await;
    slow.send(&frame(HEADERS, 0, 3, &request(HEALTH))).await.unwrap();
    let rest = frame(CONTINUATION, 0, 3, &long_header());
    let sent = honest.meanwhile(drip(&mut slow, &rest)).await;
    assert!(sent < rest.len());
    setup.daemon.stop().await;
}

/// How many connections can be held, with both their ends in this process: as many as files may be open, which is
/// made as many as it can be.
fn idle() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Where it may not be raised it stays.
    let _stays = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(IDLE.min(open.saturating_sub(OTHERS) / 2)).unwrap()
}

/// Waits until the other side closes.
async fn closed(mut connection: TcpStream) {
    while matches!(connection.read(&mut [0; 64]).await, Ok(1..)) {}
}

#[tokio::test]
async fn very_many_that_say_nothing_hold_up_nobody_and_are_all_let_go() {
    let idle = idle();
    eprintln!("{idle} connections");
    assert!(idle > 100, "files that may be open: {:?}", getrlimit(Resource::Nofile));
    // Of the honest ones there are two.
    let (connections, of_one) = (idle + 2, idle + 2);
    let limits = Limits { connections, of_one, first_request: BEARABLE, ..Limits::default() };
    let setup = guarded(limits).await;
    let address = setup.daemon.tcp();
    let (mut honest, mut other) = (Caller::honest(&setup).await, Caller::honest(&setup).await);
    honest.is_served().await;
    other.is_served().await;
    let open = async {
        let mut open = Vec::with_capacity(idle);
        for _ in 0..idle {
            open.push(TcpStream::connect(address).await.unwrap());
        }
        open
    };
    let open = honest.meanwhile(open).await;
    // There is no place for one more.
    tokio::time::timeout(PATIENCE, closed(TcpStream::connect(address).await.unwrap())).await.unwrap();
    other.is_served().await;
    let all_closed = async {
        for connection in open {
            closed(connection).await;
        }
    };
    honest.meanwhile(all_closed).await;
    // And now there is.
    Caller::honest(&setup).await.is_served().await;
    setup.daemon.stop().await;
}
