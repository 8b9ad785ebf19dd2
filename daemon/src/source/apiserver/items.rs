//! The objects of a list, cut out of its JSON while it comes.

use bytes::{Buf as _, Bytes};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::source::listing::PageEnd;

/// Longer than any object that etcd takes, by far.
const LONGEST_ITEM: usize = 64 << 20;
/// What stands around the objects may be as long as this.
const LONGEST_AROUND: usize = 1 << 20;

/// An answer that is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAList {
    /// An object is too long.
    #[error("an object is longer than {} MiB", LONGEST_ITEM >> 20)]
    LongItem,
    /// What stands around the objects is too long.
    #[error("it holds more than objects")]
    LongAround,
    /// Something else than an object is among them.
    #[error("an item is no object")]
    NoObject,
    /// It ended too early.
    #[error("it is cut off")]
    CutOff,
    /// What stands around the objects is no JSON, or lacks something.
    #[error("{0}")]
    Around(#[from] serde_json::Error),
}

/// Takes a list apart. The API server writes what stands around the objects before them, or,
/// of custom resources, partly behind them.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// What came last, as far as it was not looked at.
    frame: Bytes,
    place: Place,
    string: InString,
    /// The list without its objects.
    around: Vec<u8>,
    /// Brackets that are open in the list, its objects' apart.
    depth: usize,
    /// Whether the list's member that comes is that of its objects.
    comes: bool,
    /// The beginning of an object.
    item: Vec<u8>,
    /// Brackets that are open in it.
    item_depth: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Around,
    Between,
    Within,
}

/// Whether what comes stands in a string.
#[derive(Clone, Copy, Debug, Default)]
struct InString {
    inside: bool,
    escaped: bool,
}

impl InString {
    /// Whether the next byte belongs to a string, its quotation marks included.
    fn takes(&mut self, byte: u8) -> bool {
        match (self.inside, byte) {
            (false, b'"') => self.inside = true,
            (false, _) => return false,
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (true, b'"') => self.inside = false,
            (true, _) => {}
        }
        true
    }
}

impl Items {
    /// Takes in what came, once [`Items::next_item`] has nothing more.
    pub(super) fn put(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// The next object that is there as a whole.
    pub(super) fn next_item(&mut self) -> Result<Option<Bytes>, NotAList> {
        let frame = std::mem::take(&mut self.frame);
        let mut begun = 0;
        for (at, &byte) in frame.iter().enumerate() {
            let in_string = self.string.takes(byte);
            match self.place {
                Place::Around => self.look_around(byte, in_string)?,
                Place::Between => {
                    self.look_between(byte)?;
                    begun = at;
                }
                Place::Within if in_string => {}
                Place::Within => {
                    match byte {
                        b'{' | b'[' => self.item_depth += 1,
                        b'}' | b']' => self.item_depth -= 1,
                        _ => {}
                    }
                    if self.item_depth == 0 {
                        if byte != b'}' {
                            return Err(NotAList::NoObject);
                        }
                        self.place = Place::Between;
                        self.frame = frame.slice(at + 1..);
                        return self.whole(frame.slice(begun..=at)).map(Some);
                    }
                }
            }
        }
        if self.place == Place::Within {
            self.keep(&frame[begun..])?;
        }
        Ok(None)
    }

    /// How many bytes are left of what came, from the next object's first on. Whoever knows how long
    /// it is may [`skip`](Self::skip) it; else it is the [`next_item`](Self::next_item).
    pub(super) fn next_start(&mut self) -> Result<Option<usize>, NotAList> {
        let frame = std::mem::take(&mut self.frame);
        for (at, &byte) in frame.iter().enumerate() {
            match self.place {
                Place::Between if byte == b'{' => {
                    self.frame = frame.slice(at..);
                    return Ok(Some(self.frame.len()));
                }
                Place::Between => self.look_between(byte)?,
                Place::Around => {
                    let in_string = self.string.takes(byte);
                    self.look_around(byte, in_string)?;
                }
                // Of one object the beginning was taken, and not the end.
                Place::Within => return Err(NotAList::CutOff),
            }
        }
        Ok(None)
    }

    /// Passes over the object that begins what is left.
    pub(super) fn skip(&mut self, length: usize) {
        self.frame.advance(length.min(self.frame.len()));
    }

    /// What stood around the objects, when all has come.
    pub(super) fn end(&self) -> Result<PageEnd, NotAList> {
        #[derive(Deserialize)]
        struct Around {
            metadata: Metadata,
            /// Without the objects; there once, and a list or null.
            #[serde(default, rename = "items")]
            _items: Option<Vec<IgnoredAny>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[derive(Default)]
        struct Metadata {
            resource_version: String,
            r#continue: String,
        }
        if self.place != Place::Around || self.depth > 0 {
            return Err(NotAList::CutOff);
        }
        let Around { metadata, .. } = serde_json::from_slice(&self.around)?;
        Ok(PageEnd { version: metadata.resource_version, next: metadata.r#continue })
    }

    fn look_around(&mut self, byte: u8, in_string: bool) -> Result<(), NotAList> {
        if self.around.len() == LONGEST_AROUND {
            return Err(NotAList::LongAround);
        }
        self.around.push(byte);
        match byte {
            _ if in_string => {}
            b'[' if self.comes && self.depth == 1 => self.place = Place::Between,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if self.depth == 1 => {
                let before = self.around[..self.around.len() - 1].trim_ascii_end();
                self.comes = before.ends_with(b"\"items\"") && !before.ends_with(b"\\\"items\"");
            }
            b',' if self.depth == 1 => self.comes = false,
            _ => {}
        }
        Ok(())
    }

    fn look_between(&mut self, byte: u8) -> Result<(), NotAList> {
        match byte {
            b'{' => (self.place, self.item_depth) = (Place::Within, 1),
            b']' => {
                self.around.push(byte);
                (self.place, self.comes) = (Place::Around, false);
            }
            b',' => {}
            _ if byte.is_ascii_whitespace() => {}
            _ => return Err(NotAList::NoObject),
        }
        Ok(())
    }

    fn whole(&mut self, piece: Bytes) -> Result<Bytes, NotAList> {
        if self.item.is_empty() {
            return Ok(piece);
        }
        self.keep(&piece)?;
        Ok(std::mem::take(&mut self.item).into())
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), NotAList> {
        if self.item.len() + piece.len() > LONGEST_ITEM {
            return Err(NotAList::LongItem);
        }
        self.item.extend_from_slice(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(frames: &[&[u8]]) -> Result<(Vec<String>, PageEnd), NotAList> {
        let mut items = Items::default();
        let mut found = Vec::new();
        for frame in frames {
            items.put(Bytes::copy_from_slice(frame));
            while let Some(item) = items.next_item()? {
                found.push(String::from_utf8(item.into()).unwrap());
            }
        }
        Ok((found, items.end()?))
    }

    #[test]
    fn objects_are_the_same_however_they_come() {
        let of_kubernetes = r#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"c]"},"items":[{"a":"]}\\\"{"},{"b":[{}, 1]}]}"#;
        let of_custom = r#"{"items" : [ {"a":"]}\\\"{"} , {"b":[{}, 1]}],"x\"items":[1],"y":{"items":[2]},"metadata":{"continue":"c]","resourceVersion":"7"}}"#;
        for list in [of_kubernetes, of_custom] {
            for size in 1..=list.len() {
                let frames: Vec<_> = list.as_bytes().chunks(size).collect();
                let (found, end) = apart(&frames).unwrap();
                assert_eq!(found, [r#"{"a":"]}\\\"{"}"#, r#"{"b":[{}, 1]}"#], "by {size}");
                assert_eq!((&*end.version, &*end.next), ("7", "c]"), "by {size}");
            }
        }
        for none in ["", r#","items":[]"#, r#","items":null"#] {
            let list = format!(r#"{{"metadata":{{"resourceVersion":"7"}}{none}}}"#);
            assert_eq!(apart(&[list.as_bytes()]).unwrap().0, [""; 0], "{list}");
        }
    }

    #[test]
    fn objects_can_be_passed_over_by_who_knows_how_long_they_are() {
        let list = br#"{"metadata":{"resourceVersion":"7"},"items":[ {"a":"]}"},{"b":[{}]} ,{"c":1}],"x":{}}"#;
        let mut items = Items::default();
        items.put(Bytes::from_static(list));
        let mut starts = Vec::new();
        while let Some(left) = items.next_start().unwrap() {
            let start = list.len() - left;
            starts.push(start);
            match list[start + 2] {
                b'a' => items.skip(r#"{"a":"]}"}"#.len()),
                b'b' => assert_eq!(items.next_item().unwrap().unwrap(), r#"{"b":[{}]}"#),
                _ => items.skip(r#"{"c":1}"#.len()),
            }
        }
        let begins: Vec<_> = starts.iter().map(|&start| &list[start..start + 4]).collect();
        assert_eq!(begins, [br#"{"a""#, br#"{"b""#, br#"{"c""#]);
        assert_eq!(items.end().unwrap().version, "7");
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for (text, says) in [
            (r#"{"items":[{"a":1}"#, "cut off"),
            (r#"{"metadata":{},"items":[{"a""#, "cut off"),
            (r#"{"metadata":{},"items":[1]}"#, "no object"),
            (r#"{"metadata":{},"items":[{"a":1]]}"#, "no object"),
            (r#"{"items":[]}"#, "metadata"),
            (r#"{"metadata":{},"items":{"a":1}}"#, "sequence"),
            (r#"{"metadata":{},"items":[{"a":1}],"items":[]}"#, "duplicate"),
            ("[]", "invalid length"),
            ("", "EOF"),
        ] {
            let error = apart(&[text.as_bytes()]).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        let long = vec![b'"'; LONGEST_AROUND + 1];
        assert!(matches!(apart(&[&long]), Err(NotAList::LongAround)));
    }
}
