//! What an API server sends over the WebSocket of a forwarded port.
//!
//! `tests/fuzz/run 60 port_forward`.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use daymark_fuzz::{api_server, listen, runtime};
use daymarkd::access::authorizer::Authorizer;
use daymarkd::access::identity::Caller;
use daymarkd::act::actor::Actor;
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
        let authorizer = Arc::new(Authorizer::new(None, Duration::from_secs(1)));
        Actor::new(server, authorizer, &Caller::Owner).await.expect("the owner acts as the daemon")
    });
    (runtime, actor)
});

/// Opens the WebSocket, and sends what is to be sent.
async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "))?;
    let accepted = format!(
        "HTTP/1.1 101 s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    let sent = SENT.lock().expect("nobody panics").clone();
    stream.write_all(&[accepted.as_bytes(), &sent].concat()).await.ok()
}

fuzz_target!(|data: &[u8]| {
    let (runtime, actor) = &*ACTOR;
    *SENT.lock().expect("nobody panics") = data.to_vec();
    runtime.block_on(async {
        let (_sender, mut receiver) = port_forward::open(actor, &Key::new("n", "a"), 80).await.expect("it is opened");
        loop {
            match receiver.next().await {
                Ok(Some(bytes)) => assert!(!bytes.is_empty() && bytes.len() < data.len()),
                Ok(None) => return,
                Err(Lost::Refused(line) | Lost::Broken(line)) => {
                    assert!(!line.contains('\n'), "{line:?}");
                    return;
                }
            }
        }
    });
});
