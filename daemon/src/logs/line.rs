//! From the bytes of a log to its lines.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use memchr::memchr;

/// Bytes of a line that are kept.
pub const LONGEST: usize = 256 << 10;
/// The longest time that a line may begin with: RFC 3339, with nanoseconds and an offset, and a
/// blank.
const TIME: usize = 36;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was written; `None` if it was not, because the kubelet has put it in.
    pub time: Option<Timestamp>,
    /// What was written, without the line's end.
    pub text: Bytes,
    /// Whether there was more of it than [`LONGEST`].
    pub cut: bool,
}

/// Splits a log into lines, each of which takes up a bounded room.
#[derive(Debug, Default)]
pub struct Lines {
    /// What came last and is not handed out yet.
    frame: Bytes,
    /// The beginning of a line whose end did not come with it.
    begun: BytesMut,
    /// Whether some of that line was left out.
    cut: bool,
}

impl Lines {
    /// Takes in what came, once [`Lines::next_line`] has nothing more.
    pub fn put(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// The next whole line, if there is one.
    pub fn next_line(&mut self) -> Option<Line> {
        let Some(end) = memchr(b'\n', &self.frame) else {
            let frame = std::mem::take(&mut self.frame);
            self.keep(&frame);
            return None;
        };
        let rest = self.frame.split_off(end + 1);
        let piece = std::mem::replace(&mut self.frame, rest).slice(..end);
        if self.begun.is_empty() && piece.len() <= LONGEST {
            return Some(line(piece, false));
        }
        self.keep(&piece);
        self.rest()
    }

    /// What has begun as a line, and did not end as one.
    pub fn rest(&mut self) -> Option<Line> {
        let (begun, cut) = (std::mem::take(&mut self.begun), std::mem::take(&mut self.cut));
        (!begun.is_empty()).then(|| line(begun.freeze(), cut))
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = (LONGEST + TIME).saturating_sub(self.begun.len());
        let (kept, left) = piece.split_at(piece.len().min(room));
        self.begun.extend_from_slice(kept);
        self.cut |= !left.is_empty();
    }
}

fn line(bytes: Bytes, cut: bool) -> Line {
    let (time, mut text) = match stamp(&bytes) {
        Some((time, length)) => (Some(time), bytes.slice(length..)),
        None => (None, bytes),
    };
    let cut = cut || text.len() > LONGEST;
    text.truncate(LONGEST);
    Line { time, text, cut }
}

/// The time that a line begins with, and how many bytes it takes up there.
fn stamp(bytes: &[u8]) -> Option<(Timestamp, usize)> {
    let end = memchr(b' ', bytes.get(..TIME.min(bytes.len()))?)?;
    let time = std::str::from_utf8(bytes.get(..end)?).ok()?.parse().ok()?;
    Some((time, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-01-01T12:00:00.000000001Z";

    fn lines(frames: &[&[u8]]) -> Vec<(bool, String, bool)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for frame in frames {
            lines.put(Bytes::copy_from_slice(frame));
            found.extend(std::iter::from_fn(|| lines.next_line()));
        }
        found.extend(lines.rest());
        let told = |line: Line| (line.time.is_some(), String::from_utf8_lossy(&line.text).into_owned(), line.cut);
        found.into_iter().map(told).collect()
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = format!("{NOON} a b\n{NOON} \nno time\n2026-01-01T14:00:00+02:00 c\r\n{NOON} end");
        let expected = [(true, "a b"), (true, ""), (false, "no time"), (true, "c\r"), (true, "end")];
        let expected: Vec<_> = expected.iter().map(|(time, text)| (*time, (*text).to_owned(), false)).collect();
        for size in 1..text.len() {
            let frames: Vec<_> = text.as_bytes().chunks(size).collect();
            assert_eq!(lines(&frames), expected, "by {size}");
        }
    }

    #[test]
    fn a_line_is_cut_where_it_is_too_long_and_costs_no_more() {
        for more in [0, 1, 10, 4 << 20] {
            let text = "x".repeat(LONGEST + more);
            let whole = format!("{NOON} {text}\n{NOON} next\n");
            for size in [1 << 12, whole.len()] {
                let mut lines = Lines::default();
                let mut found = Vec::new();
                for frame in whole.as_bytes().chunks(size) {
                    lines.put(Bytes::copy_from_slice(frame));
                    found.extend(std::iter::from_fn(|| lines.next_line()));
                    assert!(lines.begun.capacity() <= 2 * (LONGEST + TIME), "{}", lines.begun.capacity());
                }
                let told: Vec<_> = found.iter().map(|line| (line.text.len(), line.cut)).collect();
                assert_eq!(told, [(LONGEST, more > 0), (4, false)], "{more} more, by {size}");
                assert!(found.iter().all(|line| line.time == NOON.parse().ok()));
            }
        }
    }
}
