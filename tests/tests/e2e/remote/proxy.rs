//! A proxy on the way out of the job's network.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// A proxy that knows one host, under a name which nobody else knows. It ends when dropped.
pub(crate) struct Proxy {
    /// Where it listens, on this machine.
    pub(crate) port: u16,
    tunnels: Arc<Mutex<Vec<AbortHandle>>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Connects who asks for `target`, `HOST:PORT`, to that port of this machine.
    pub(crate) async fn start(target: &'static str, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let own = listener.local_addr().expect("it is bound").port();
        let tunnels: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let known = Arc::clone(&tunnels);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tunnel = tokio::spawn(async move {
                    // What breaks is the client's to tell.
                    let _broken = tunnel(stream, target, port).await;
                });
                known.lock().unwrap_or_else(PoisonError::into_inner).push(tunnel.abort_handle());
            }
        });
        Self { port: own, tunnels, serving }
    }

    /// Breaks every connection that goes through it.
    pub(crate) fn cut(&self) {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(|tunnel| tunnel.abort());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.cut();
    }
}

async fn tunnel(mut stream: TcpStream, target: &str, port: u16) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(format!("CONNECT {target} HTTP/1.1\r\n").as_bytes()) {
        return stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
    }
    let mut daemon = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut daemon).await?;
    Ok(())
}
