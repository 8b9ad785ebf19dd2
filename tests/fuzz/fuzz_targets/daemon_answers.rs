//! What stands where a client looks for its daemon: the first byte chooses whether a proxy is on the way (which then speaks, and
//! the TLS server behind it) or a daemon without TLS.
//!
//! `tests/fuzz/run 60 daemon_answers`.

#![no_main]

use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use daymark::{Address, Client, Options, Proxy};
use daymark_fuzz::{listen, runtime};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

static SAYS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The addresses: of a daemon behind the proxy, and of one that is none.
static WAYS: LazyLock<(Runtime, [(Address, Options); 2])> = LazyLock::new(|| {
    let runtime = runtime();
    let there = runtime.block_on(listen(serve));
    let options = Options { request_timeout: Duration::from_secs(5), ..Options::default() };
    let proxy = Proxy::new(&format!("http://user:s3cret@{there}"), "").expect("it is a proxy's address");
    let far = "https://daemon.example:443".parse().expect("it is an address");
    let near = there.to_string().parse().expect("it is an address");
    let ways = [(far, Options { proxy, ..options.clone() }), (near, options)];
    (runtime, ways)
});

/// Says it once something was asked, and no more.
async fn serve(mut stream: TcpStream) -> Option<()> {
    stream.read_u8().await.ok()?;
    let says = SAYS.lock().expect("nobody panics").clone();
    stream.write_all(&says).await.ok()?;
    stream.shutdown().await.ok()?;
    // Until the client has gone, so that it can read all of this.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok().map(drop)
}

fuzz_target!(|input: (bool, &[u8])| {
    let (runtime, ways) = &*WAYS;
    let (behind_proxy, says) = input;
    *SAYS.lock().expect("nobody panics") = says.to_vec();
    let (address, options) = ways[usize::from(!behind_proxy)].clone();
    runtime.block_on(async {
        let asked = match Client::connect(address, options).await {
            Ok(client) => client.server_info().await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = asked {
            let line = error.to_string();
            assert!(!line.is_empty() && !line.contains("s3cret"), "{line:?}");
        }
    });
});
