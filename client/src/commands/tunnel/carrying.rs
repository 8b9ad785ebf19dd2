//! Carrying one local connection.

use std::time::Duration;

use bytes::BytesMut;
use daymark::api::{ForwardEndpoint, ForwardTarget};
use daymark::{Client, Error, TunnelPart, TunnelReceiver, TunnelSender};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

/// Bytes that are read at a time.
const CHUNK: usize = 32 << 10;
/// For how long a connection is kept, in silence, whose local side sends no more: nobody can tell whether it has
/// gone.
const HELD: Duration = Duration::from_secs(300);

/// Carries a connection to its end. `told` is said where it goes.
///
/// # Errors
/// If the daemon ends it. That the local side breaks off is no error.
pub async fn carry(
    client: &Client,
    target: ForwardTarget,
    local: TcpStream,
    mut told: impl FnMut(ForwardEndpoint),
) -> Result<(), Error> {
    // Small messages are not to wait for others.
    let _without = local.set_nodelay(true);
    let (sender, receiver) = client.open_tunnel(target).await?.split();
    let (from, to) = local.into_split();
    let (over, is_over) = watch::channel(false);
    let mut down = std::pin::pin!(down(receiver, to, is_over, &mut told));
    tokio::select! {
        ended = &mut down => return ended,
        is_there = up(from, sender) => if !is_there {
            return Ok(());
        },
    }
    over.send_replace(true);
    down.await
}

/// Sends what comes from the local side, to its end; `false` if that was broken off.
async fn up(mut from: OwnedReadHalf, sender: TunnelSender) -> bool {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        match from.read_buf(&mut buffer).await {
            Ok(0) => return true,
            Ok(_) => {
                if sender.send(buffer.split().freeze()).await.is_err() {
                    return true;
                }
            }
            Err(_) => return false,
        }
    }
}

/// Hands on what comes from the pod.
async fn down(
    mut receiver: TunnelReceiver,
    mut to: OwnedWriteHalf,
    mut is_over: watch::Receiver<bool>,
    told: &mut impl FnMut(ForwardEndpoint),
) -> Result<(), Error> {
    loop {
        let part = tokio::select! {
            part = receiver.next() => part?,
            () = silence(&mut is_over) => return Ok(()),
        };
        let Some(part) = part else { break };
        match part {
            TunnelPart::Endpoint(endpoint) => told(endpoint),
            TunnelPart::Data(data) => {
                if to.write_all(&data).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    let _gone = to.shutdown().await;
    Ok(())
}

/// Resolves when the local side has sent all, and nothing has come for long.
async fn silence(is_over: &mut watch::Receiver<bool>) {
    if is_over.wait_for(|is_over| *is_over).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(HELD).await;
}
