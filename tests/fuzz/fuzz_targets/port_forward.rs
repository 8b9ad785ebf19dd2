//! What an API server sends over a forwarded port: behind the first byte, which says whether over SPDY (even) or a WebSocket, and
//! in what pieces.
//!
//! `tests/fuzz/run 60 port_forward`.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use daymark_fuzz::{api_server, listen, runtime};
use daymarkd::access::authorizer::Authorizer;
use daymarkd::access::identity::Caller;
use daymarkd::act::actor::Actor;
use daymarkd::act::port_forward::spdy::frames::{Frames, Part, Violation};
use daymarkd::act::port_forward::{self, Lost};
use daymarkd::record::Key;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

static SENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

static ACTOR: LazyLock<(Runtime, Actor)> = LazyLock::new(|| {
    let runtime = runtime();
    let actor = runtime.block_on(async {
        let server = api_server("port-forward", listen(serve).await).await;
        let authorizer = Arc::new(Authorizer::new(None, Duration::from_secs(1)).0);
        Actor::new(server, authorizer, &Caller::Owner).await.expect("the owner acts as the daemon")
    });
    (runtime, actor)
});

/// Takes the connection if it is asked for as it is to be sent over, and sends what is to be sent.
async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let sent = SENT.lock().expect("nobody panics").clone();
    let (way, sent) = sent.split_first()?;
    let answer = match (head.starts_with("POST "), way % 2 == 0) {
        (true, true) => {
            "101 s\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io"
                .to_owned()
        }
        (true, false) => {
            let refused = b"HTTP/1.1 400 s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(refused).await.ok();
        }
        (false, _) => {
            let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "))?;
            let key = derive_accept_key(key.as_bytes());
            format!(
                "101 s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io"
            )
        }
    };
    let answer = format!("HTTP/1.1 {answer}\r\n\r\n");
    stream.write_all(&[answer.as_bytes(), sent].concat()).await.ok()?;
    // What is sent here is taken, so that what was sent there is not lost when this ends.
    stream.shutdown().await.ok()?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.ok().map(drop)
}

/// What frames say in pieces of up to so many bytes: the data of each stream, and everything else.
fn read(sent: &[u8], piece: usize) -> (Vec<(u32, u8)>, Vec<Part>, Option<Violation>) {
    let (mut frames, mut came, mut data, mut parts) = (Frames::default(), BytesMut::new(), Vec::new(), Vec::new());
    for piece in sent.chunks(piece) {
        came.extend_from_slice(piece);
        loop {
            match frames.next(&mut came) {
                Ok(Some(Part::Data(stream, bytes))) => data.extend(bytes.into_iter().map(|byte| (stream, byte))),
                Ok(Some(part)) => parts.push(part),
                Ok(None) => break,
                Err(violation) => return (data, parts, Some(violation)),
            }
        }
        assert!(came.len() < 16, "no more than the beginning of a frame waits");
    }
    (data, parts, None)
}

fuzz_target!(|data: &[u8]| {
    let Some((way, sent)) = data.split_first() else { return };
    assert_eq!(read(sent, 1 + usize::from(way / 2)), read(sent, sent.len().max(1)), "pieces change nothing");
    let (runtime, actor) = &*ACTOR;
    *SENT.lock().expect("nobody panics") = data.to_vec();
    runtime.block_on(async {
        let (_sender, mut receiver) = port_forward::open(actor, &Key::new("n", "a"), 80).await.expect("it is opened");
        let mut came = 0;
        loop {
            match receiver.next().await {
                Ok(Some(bytes)) => {
                    assert!(!bytes.is_empty());
                    came += bytes.len();
                    assert!(came < sent.len(), "more has come than was sent");
                }
                Ok(None) => return,
                Err(Lost::Refused(line) | Lost::Broken(line)) => {
                    assert!(!line.contains('\n'), "{line:?}");
                    return;
                }
            }
        }
    });
});
