//! Frames, in pieces and of all sorts.

use super::*;

/// A control frame of that type, version 3.
fn frame(kind: u16, flags: u8, rest: &[u8]) -> Vec<u8> {
    [&head(control(kind), flags, rest.len()), rest].concat()
}

fn data_of(stream: u32, text: &str, is_last: bool) -> Vec<u8> {
    [&data(stream, text.len(), is_last), text.as_bytes()].concat()
}

/// All parts of what comes in these pieces, and what is left over at last.
fn parts(pieces: &[&[u8]]) -> Result<(Vec<Part>, usize), Violation> {
    let (mut frames, mut came, mut parts) = (Frames::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        came.extend_from_slice(piece);
        while let Some(part) = frames.next(&mut came)? {
            parts.push(part);
        }
    }
    Ok((parts, came.len()))
}

/// The same, with the data of a stream in one part where nothing comes between.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        match (joined.last_mut(), part) {
            (Some(Part::Data(of, text)), Part::Data(stream, more)) if *of == stream => {
                *text = [&text[..], &more].concat().into();
            }
            (_, part) => joined.push(part),
        }
    }
    joined
}

/// What a kubelet may send, and what it says.
fn sample() -> (Vec<u8>, Vec<Part>) {
    let bytes = [
        frame(SYN_REPLY, 0, b"\0\0\0\x01headers"),
        frame(4, 0, b"\0\0\0\x01settings"),
        frame(SYN_REPLY, 0, b"\0\0\0\x03"),
        data_of(3, "hello", false),
        data_of(3, "", false),
        frame(PING, 0, b"\0\0\0\x02"),
        frame(9, 0, b"\0\0\0\x03\0\0\0\x01"),
        frame(77, 0, b"of no known type"),
        data_of(3, "world", true),
        frame(HEADERS, FIN, b"\0\0\0\x05more"),
        data_of(1, "refused", false),
        frame(RST_STREAM, 0, b"\0\0\0\x01\0\0\0\x05"),
        frame(7, 0, b"\0\0\0\x03\0\0\0\0"),
    ];
    let says = vec![
        Part::Data(3, "hello".into()),
        Part::Ping(2),
        Part::Data(3, "world".into()),
        Part::End(3),
        Part::End(5),
        Part::Data(1, "refused".into()),
        Part::Reset(1, 5),
    ];
    (bytes.concat(), says)
}

#[test]
fn pieces_change_nothing() {
    let (bytes, says) = sample();
    for cut in 0..=bytes.len() {
        let (first, second) = bytes.split_at(cut);
        let (parts, left) = parts(&[first, second]).unwrap();
        assert_eq!((joined(parts), left), (says.clone(), 0), "cut at {cut}");
    }
    let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(joined(parts(&bytewise).unwrap().0), says);
}

#[test]
fn what_is_not_whole_waits_and_only_its_beginning_is_kept() {
    let (bytes, _) = sample();
    for end in 0..bytes.len() {
        let (_, left) = parts(&[&bytes[..end]]).unwrap();
        assert!(left < HEAD + 8, "{left} bytes are kept of the first {end}");
    }
}

#[test]
fn a_large_frame_comes_in_parts() {
    let head = data(3, LENGTH as usize, true);
    let (parts, left) = parts(&[&head, &[b'x'; 1000], &[b'y'; 10]]).unwrap();
    assert_eq!(left, 0);
    assert_eq!(parts, [Part::Data(3, vec![b'x'; 1000].into()), Part::Data(3, vec![b'y'; 10].into())]);
}

#[test]
fn lengths_that_cannot_be_are_violations() {
    for (kind, length) in [(RST_STREAM, 7), (PING, 3), (SYN_REPLY, 0), (HEADERS, 3), (77, LONGEST_CONTROL + 1)] {
        let head = head(control(kind), 0, length);
        assert_eq!(parts(&[&head]), Err(Violation::Length { kind, length }));
    }
    assert_eq!(parts(&[&frame(77, 0, &[0; LONGEST_CONTROL])]), Ok((Vec::new(), 0)));
}

#[test]
fn another_protocol_is_a_violation() {
    assert_eq!(parts(&[b"\x80\x02\0\x01\0\0\0\0"]), Err(Violation::Version(2)));
    // A WebSocket's message.
    assert!(matches!(parts(&[b"\x82\x03\0\x50\0\x82\x03\x01\x50\0"]), Err(Violation::Version(_))));
}

#[test]
fn what_is_sent_can_be_read() {
    let mut sent = BytesMut::new();
    put_ping(&mut sent, 7);
    put_reset(&mut sent, 3, 5);
    sent.put_slice(&data(3, 2, true));
    sent.put_slice(b"hi");
    let says = [Part::Ping(7), Part::Reset(3, 5), Part::Data(3, "hi".into()), Part::End(3)];
    assert_eq!(parts(&[&sent]), Ok((says.to_vec(), 0)));
}

/// Byte by byte, as Go's `compress/zlib` reads it: a stream's beginning once, a block that is not
/// compressed, and an empty one.
#[test]
fn headers_are_a_stream_of_zlib() {
    let (mut opening, mut sent) = (Opening::default(), BytesMut::new());
    opening.put(&mut sent, 1, &[("a", "bc")]);
    let first = b"\x80\x03\0\x01\0\0\0\x25\0\0\0\x01\0\0\0\0\0\0\
        \x78\x01\0\x0f\0\xf0\xff\0\0\0\x01\0\0\0\x01a\0\0\0\x02bc\0\0\0\xff\xff";
    assert_eq!(sent.split().freeze(), &first[..]);
    opening.put(&mut sent, 3, &[]);
    let second = b"\x80\x03\0\x01\0\0\0\x18\0\0\0\x03\0\0\0\0\0\0\0\x04\0\xfb\xff\0\0\0\0\0\0\0\xff\xff";
    assert_eq!(sent.freeze(), &second[..]);
}
