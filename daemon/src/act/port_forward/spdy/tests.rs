//! A forwarded port between its two ends, over a pipe that holds little.

use std::future::Future;

use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use super::frames::{put_ping, put_reset};
use super::*;

/// Bytes on the way, each way.
const ROOM: usize = 4 << 10;

/// The node's end.
struct Node {
    inlet: ReadHalf<DuplexStream>,
    outlet: WriteHalf<DuplexStream>,
    came: BytesMut,
    frames: Frames,
}

fn ends() -> (Sender<DuplexStream>, Receiver<DuplexStream>, Node) {
    let (here, there) = duplex(ROOM);
    let (sender, receiver) = over(here, 8080);
    let (inlet, outlet) = split(there);
    (sender, receiver, Node { inlet, outlet, came: BytesMut::new(), frames: Frames::default() })
}

impl Node {
    async fn says(&mut self, bytes: &[u8]) {
        self.outlet.write_all(bytes).await.unwrap();
    }

    /// What is told next.
    async fn told(&mut self) -> Part {
        loop {
            if let Some(part) = self.frames.next(&mut self.came).unwrap() {
                return part;
            }
            assert!(self.inlet.read_buf(&mut self.came).await.unwrap() > 0, "the connection ended");
        }
    }
}

fn bytes_of(stream: u32, text: &[u8], is_last: bool) -> Vec<u8> {
    [&frames::data(stream, text.len(), is_last), text].concat()
}

fn reset_of(stream: u32) -> BytesMut {
    let mut bytes = BytesMut::new();
    put_reset(&mut bytes, stream, CANCEL);
    bytes
}

/// It waits for what has not come.
fn waits(future: impl Future) -> bool {
    future.now_or_never().is_none()
}

#[tokio::test]
async fn streams_are_opened_before_data_and_one_of_them_is_not_spoken_on() {
    let (mut sender, _receiver, mut node) = ends();
    sender.send(Bytes::from_static(b"hello")).await.unwrap();
    let mut all = BytesMut::new();
    while !all.ends_with(b"hello") {
        assert!(node.inlet.read_buf(&mut all).await.unwrap() > 0);
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    let at = |what: &str| text.find(what).unwrap();
    assert!(at("streamtype\0\0\0\x05error") < at("streamtype\0\0\0\x04data"));
    assert_eq!(text.matches("port\0\0\0\x048080").count(), 2);
    assert_eq!(text.matches("requestid\0\0\0\x010").count(), 2);
    assert_eq!(node.frames.next(&mut all).unwrap(), Some(Part::End(ERROR)));
    assert_eq!(node.frames.next(&mut all).unwrap(), Some(Part::Data(DATA, "hello".into())));
}

#[tokio::test]
async fn streams_are_opened_by_who_only_listens() {
    let (_sender, mut receiver, mut node) = ends();
    assert!(waits(receiver.next()));
    assert_eq!(node.told().await, Part::End(ERROR));
}

#[tokio::test]
async fn an_error_behind_the_end_of_the_data_is_not_lost() {
    let (_sender, mut receiver, mut node) = ends();
    node.says(&bytes_of(DATA, b"bye", true)).await;
    assert_eq!(receiver.next().await, Ok(Some("bye".into())));
    assert!(waits(receiver.next()), "the error's stream has not ended");
    node.says(&bytes_of(ERROR, b"connection ", false)).await;
    assert!(waits(receiver.next()), "the error is not whole");
    node.says(&[&bytes_of(ERROR, b"refused\n", false)[..], &reset_of(ERROR)].concat()).await;
    let refused = Err(Lost::Refused("connection refused".into()));
    assert_eq!((receiver.next().await, receiver.next().await), (refused.clone(), refused));
}

#[tokio::test]
async fn both_streams_end_in_either_order() {
    for (first, second) in [(DATA, ERROR), (ERROR, DATA)] {
        let (_sender, mut receiver, mut node) = ends();
        node.says(&bytes_of(first, b"", true)).await;
        assert!(waits(receiver.next()), "{first}");
        node.says(&bytes_of(second, b"", true)).await;
        assert_eq!((receiver.next().await, receiver.next().await), (Ok(None), Ok(None)));
    }
}

#[tokio::test]
async fn what_is_sent_behind_the_end_of_the_data_is_given_up() {
    let (_sender, mut receiver, mut node) = ends();
    node.says(&bytes_of(DATA, b"", true)).await;
    assert!(waits(receiver.next()));
    assert_eq!((node.told().await, node.told().await), (Part::End(ERROR), Part::Reset(DATA, CANCEL)));
}

#[tokio::test]
async fn data_that_are_given_up_are_no_end() {
    let (_sender, mut receiver, mut node) = ends();
    node.says(&reset_of(DATA)).await;
    assert!(waits(receiver.next()), "the reason may come yet");
    node.says(&reset_of(ERROR)).await;
    assert!(matches!(receiver.next().await, Err(Lost::Broken(_))));
}

#[tokio::test]
async fn a_connection_that_breaks_off_ends_as_far_as_it_was_told() {
    let broken = Lost::Broken("it ended in the midst of the data".into());
    for (says, expected) in [
        (Vec::new(), Err(broken.clone())),
        (bytes_of(DATA, b"", true), Ok(None)),
        (bytes_of(ERROR, b"no such pod", false), Err(Lost::Refused("no such pod".into()))),
        (bytes_of(ERROR, b"", true), Err(broken)),
    ] {
        let (_sender, mut receiver, mut node) = ends();
        node.says(&says).await;
        node.outlet.shutdown().await.unwrap();
        assert_eq!(receiver.next().await, expected);
    }
}

#[tokio::test]
async fn what_is_no_spdy_breaks_it_in_one_line() {
    for bytes in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"\x80\x02\0\x01\0\0\0\0".to_vec(),
        bytes_of(5, b"x", false),
        [bytes_of(DATA, b"", true), bytes_of(DATA, b"x", true)].concat(),
    ] {
        let (_sender, mut receiver, mut node) = ends();
        node.says(&bytes).await;
        match receiver.next().await {
            Err(Lost::Broken(why)) => assert!(!why.contains('\n'), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_long_error_is_cut_and_taken_in_whole() {
    let (_sender, mut receiver, mut node) = ends();
    let says = [bytes_of(ERROR, &[b'x'; 3 * LONGEST_ERROR], false), bytes_of(ERROR, b"y", true)].concat();
    let (ended, ()) = tokio::join!(receiver.next(), node.says(&says));
    assert_eq!(ended, Err(Lost::Refused("x".repeat(LONGEST_ERROR))));
}

#[tokio::test]
async fn pings_are_answered_also_in_the_midst_of_what_is_sent() {
    let (mut sender, mut receiver, mut node) = ends();
    let large = Bytes::from(vec![b'x'; 4 * ROOM]);
    let mut sending = Box::pin(sender.send(large.clone()));
    assert!(waits(&mut sending), "nobody reads");
    let mut ping = BytesMut::new();
    put_ping(&mut ping, 2);
    node.says(&[&ping[..], &bytes_of(DATA, b"hello", false)].concat()).await;
    // Neither waits for the other: what came is handed on while what is sent is not taken.
    assert_eq!(receiver.next().await, Ok(Some("hello".into())));
    let reading = async {
        assert_eq!(node.told().await, Part::End(ERROR));
        let mut left = large.len();
        while left > 0 {
            match node.told().await {
                Part::Data(DATA, data) => left -= data.len(),
                other => panic!("{other:?} in the midst of data"),
            }
        }
        assert_eq!(node.told().await, Part::Ping(2));
    };
    let (sent, ()) = tokio::join!(sending, reading);
    sent.unwrap();
}

#[tokio::test]
async fn who_sends_pings_and_reads_nothing_is_read_on_within_bounds() {
    let (_sender, mut receiver, mut node) = ends();
    let mut pings = BytesMut::new();
    for id in 0..2000 {
        put_ping(&mut pings, id * 2);
    }
    let says = [&pings[..], &bytes_of(DATA, b"hello", false)].concat();
    let (came, ()) = tokio::join!(receiver.next(), node.says(&says));
    assert_eq!(came, Ok(Some("hello".into())));
    let waiting = receiver.outlet.lock().waiting();
    assert!((1..ROOM).contains(&waiting), "{waiting} bytes wait");
}

#[tokio::test]
async fn much_is_carried_both_ways_in_frames_that_have_bounds() {
    let (mut sender, mut receiver, mut node) = ends();
    let all = Bytes::from((0..=255).cycle().take(1 << 20).collect::<Vec<u8>>());
    let sending = sender.send(all.clone());
    let echoing = async {
        let mut left = all.len();
        while left > 0 {
            if let Part::Data(DATA, data) = node.told().await {
                left -= data.len();
                node.says(&bytes_of(DATA, &data, false)).await;
            }
        }
    };
    let receiving = async {
        let mut came = Vec::new();
        while came.len() < all.len() {
            came.extend_from_slice(&receiver.next().await.unwrap().unwrap());
        }
        came
    };
    let (sent, (), came) = tokio::join!(sending, echoing, receiving);
    sent.unwrap();
    assert!(came == all);
}
