//! An application that listens in pods: a server of HTTP, as far as tunnels are concerned.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::thread;

/// The ports of pods that are this machine's (`tests/control-plane/README.md`).
const PORTS: Range<u16> = 24100..24200;
const CHUNK: usize = 64 << 10;

/// A running application. It goes on until the tests end.
pub(crate) struct Application {
    pub(crate) port: u16,
}

impl Application {
    /// One to which ports are forwarded.
    pub(crate) fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST)
    }

    /// One at that address; of pods', where there is a network of which these are.
    pub(crate) fn start_at(address: Ipv4Addr) -> Self {
        let listener = PORTS.into_iter().find_map(|port| TcpListener::bind((address, port)).ok());
        let listener = listener.expect("a port of pods is free");
        let port = listener.local_addr().expect("it has an address").port();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // What breaks off is the tunnel's to handle.
                thread::spawn(move || drop(answer(connection)));
            }
        });
        Self { port }
    }
}

/// So many bytes, which are no pattern of any chunk.
pub(crate) fn bytes(many: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut all = Vec::with_capacity(many + 8);
    while all.len() < many {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.extend_from_slice(&(state ^ (state >> 33)).to_le_bytes());
    }
    all.truncate(many);
    all
}

/// A checksum that knows the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let word = |chunk: &[u8]| chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        Self(
            bytes.chunks(8).fold(0, |sum: u64, chunk| (sum.rotate_left(5) ^ word(chunk)).wrapping_mul(0x100_0000_01b3)),
        )
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

fn answer(connection: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(CHUNK, connection.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap_or(0),
            Some(_) => {}
            None => break,
        }
    }
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["ECHO", ..] => {
            let mut writer = connection;
            writer.write_all(b"!")?;
            std::io::copy(&mut reader, &mut writer)?;
            writer.shutdown(Shutdown::Both)
        }
        ["PUT", ..] => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            whole(connection, Sum::of(&body).to_string().as_bytes())
        }
        ["GET", path, ..] => {
            let many = path.rsplit('/').next().and_then(|many| many.parse().ok()).unwrap_or(0);
            whole(connection, &bytes(many))
        }
        _ => Ok(()),
    }
}

fn whole(mut connection: TcpStream, body: &[u8]) -> std::io::Result<()> {
    write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    connection.write_all(body)?;
    connection.shutdown(Shutdown::Both)
}

/// The body of the answer to a request; what there is of it, if it breaks off.
pub(crate) fn ask(place: &str, line: &str, body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(place).expect("it is listened");
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    // Who is refused may find its connection closed.
    sent.and_then(|()| answered(BufReader::with_capacity(CHUNK, stream))).unwrap_or_default()
}

/// The body of an answer, to the end that it announces: kubelets do not all tell that the other end has closed.
fn answered(mut reader: BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let (mut length, mut is_chunked) = (None, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse::<u64>().ok(),
            Some(("transfer-encoding", "chunked")) => is_chunked = true,
            Some(_) => {}
            None if header.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = Vec::new();
    match length {
        Some(length) => reader.take(length).read_to_end(&mut body).map(drop)?,
        None => reader.read_to_end(&mut body).map(drop)?,
    }
    Ok(if is_chunked { unchunked(&body) } else { body })
}

/// A body without the sizes of its chunks (RFC 9112, 7.1).
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&body[..end]), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        all.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
    all
}
