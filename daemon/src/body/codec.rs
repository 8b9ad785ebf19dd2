//! Compression of small documents that resemble each other.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CCtx, DCtx, compress_bound, get_error_name};

use super::Body;

/// The fastest level: an object is compressed at every change, read rarely.
const LEVEL: i32 = 1;
/// Differences are found at once; more time finds few more.
const SIBLING_LEVEL: i32 = -1;
/// So many documents in a row are worth the preparation of what they are compared with.
const WORTH_AN_ENCODER: usize = 2;
/// A dictionary takes up at most that much, and a sixteenth of what it learns from.
const DICTIONARY: usize = 32 << 10;
const OF_SAMPLES: usize = 16;

thread_local! {
    static COMPRESSOR: RefCell<(CCtx<'static>, Vec<u8>)> = RefCell::new((CCtx::create(), Vec::new()));
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
    /// The sibling that was looked at last: those alike follow each other.
    static SIBLING: RefCell<Opened> = const { RefCell::new(Opened::none()) };
}

/// A way to compress the documents of one kind: against what they are known to
/// have in common.
#[derive(Default)]
pub struct Codec {
    base: Base,
}

#[derive(Default)]
enum Base {
    #[default]
    Nothing,
    Learnt(Dictionary),
    Sibling(Sibling),
}

struct Dictionary {
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
    size: usize,
}

/// A document that others are told as differences from.
struct Sibling {
    /// No other has it while the program runs.
    number: u64,
    body: Body,
}

/// A sibling as it is worked with.
struct Opened {
    number: u64,
    text: Vec<u8>,
    /// How often documents were compressed against it, and what makes that faster.
    times: usize,
    encoder: Option<EncoderDictionary<'static>>,
}

impl Opened {
    const fn none() -> Self {
        Self { number: 0, text: Vec::new(), times: 0, encoder: None }
    }

    /// What makes compressing faster: it pays when there are several documents, as in a list.
    fn encoder(&mut self) -> Option<&EncoderDictionary<'static>> {
        self.times += 1;
        if self.times == WORTH_AN_ENCODER {
            self.encoder = Some(EncoderDictionary::copy(&self.text, SIBLING_LEVEL));
        }
        self.encoder.as_ref()
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Base::Nothing => f.write_str("Codec"),
            Base::Learnt(dictionary) => f.debug_tuple("Codec::Learnt").field(&dictionary.size).finish(),
            Base::Sibling(sibling) => f.debug_tuple("Codec::Sibling").field(&sibling.number).finish(),
        }
    }
}

impl Codec {
    /// Learns a dictionary from documents.
    ///
    /// # Errors
    /// If they are too few or too short to learn from.
    pub fn learn(samples: &[impl AsRef<[u8]>]) -> io::Result<Arc<Self>> {
        let total: usize = samples.iter().map(|sample| sample.as_ref().len()).sum();
        let learnt = zstd::dict::from_samples(samples, (total / OF_SAMPLES).min(DICTIONARY))?;
        let dictionary = Dictionary {
            encoder: EncoderDictionary::copy(&learnt, LEVEL),
            decoder: DecoderDictionary::copy(&learnt),
            size: learnt.len(),
        };
        Ok(Arc::new(Self { base: Base::Learnt(dictionary) }))
    }

    /// Tells documents as differences from `body`, which is kept for as long.
    #[must_use]
    pub fn sibling(body: Body) -> Arc<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { base: Base::Sibling(Sibling { number, body }) })
    }

    /// What documents are told as differences from, if it is one of them.
    #[must_use]
    pub fn base(&self) -> Option<&Body> {
        match &self.base {
            Base::Sibling(sibling) => Some(&sibling.body),
            Base::Nothing | Base::Learnt(_) => None,
        }
    }

    /// Compresses a document.
    ///
    /// # Errors
    /// If memory for the compressor runs out.
    pub fn compress(&self, document: &[u8]) -> io::Result<Arc<[u8]>> {
        let compress = |sibling: &mut Opened| {
            COMPRESSOR.with_borrow_mut(|(context, out)| {
                out.clear();
                out.reserve(compress_bound(document.len()));
                let written = match &self.base {
                    Base::Nothing => context.compress(out, document, LEVEL),
                    Base::Learnt(dictionary) => {
                        context.compress_using_cdict(out, document, dictionary.encoder.as_cdict())
                    }
                    Base::Sibling(_) => match sibling.encoder() {
                        Some(encoder) => context.compress_using_cdict(out, document, encoder.as_cdict()),
                        None => context.compress_using_dict(out, document, &sibling.text, SIBLING_LEVEL),
                    },
                };
                written.map_err(failed)?;
                Ok(out.as_slice().into())
            })
        };
        self.with_sibling(compress)
    }

    /// The document of `length` bytes that was compressed.
    ///
    /// # Errors
    /// If memory for it runs out.
    pub fn decompress(&self, compressed: &[u8], length: usize) -> io::Result<Vec<u8>> {
        let decompress = |sibling: &mut Opened| {
            let mut out = Vec::with_capacity(length);
            DECOMPRESSOR.with_borrow_mut(|context| {
                let written = match &self.base {
                    Base::Nothing => context.decompress(&mut out, compressed),
                    Base::Learnt(dictionary) => {
                        context.decompress_using_ddict(&mut out, compressed, dictionary.decoder.as_ddict())
                    }
                    Base::Sibling(_) => context.decompress_using_dict(&mut out, compressed, &sibling.text),
                };
                written.map_err(failed)
            })?;
            Ok(out)
        };
        self.with_sibling(decompress)
    }

    /// What `work` does with the sibling; without one, its text is empty.
    fn with_sibling<T>(&self, work: impl FnOnce(&mut Opened) -> io::Result<T>) -> io::Result<T> {
        let Base::Sibling(sibling) = &self.base else { return work(&mut Opened::none()) };
        if SIBLING.with_borrow(|opened| opened.number != sibling.number) {
            let text = sibling.body.json()?;
            SIBLING.replace(Opened { number: sibling.number, text, ..Opened::none() });
        }
        SIBLING.with_borrow_mut(work)
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(get_error_name(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(number: usize) -> String {
        format!(
            r#"{{"metadata":{{"name":"pod-{number}","uid":"{}"}},"spec":{{"containers":[{{"image":"registry.example.com/team/service:v{}"}}]}},"status":{{"phase":"Running","podIP":"10.0.{}.{}"}}}}"#,
            number * 7919,
            number % 7,
            number / 256,
            number % 256
        )
    }

    #[test]
    fn documents_come_back_and_a_dictionary_makes_them_smaller() {
        let samples: Vec<_> = (0..500).map(document).collect();
        let (plain, learnt) = (Codec::default(), Codec::learn(&samples).unwrap());
        let one = document(1234);
        let compress = |codec: &Codec| {
            let compressed = codec.compress(one.as_bytes()).unwrap();
            assert_eq!(codec.decompress(&compressed, one.len()).unwrap(), one.as_bytes());
            compressed.len()
        };
        assert!(compress(&learnt) * 2 < compress(&plain));
    }

    #[test]
    fn siblings_come_back_and_are_smaller_still() {
        let learnt = Codec::learn(&(0..500).map(document).collect::<Vec<_>>()).unwrap();
        let first = Body::new(document(1).as_bytes(), &learnt).unwrap();
        let (one, other) = (Codec::sibling(first.clone()), Codec::sibling(Body::new(b"{}", &learnt).unwrap()));
        // In turn, as one is remembered of each thread.
        for number in 2..50 {
            let document = document(number);
            for codec in [&one, &other, &one] {
                let body = Body::new(document.as_bytes(), codec).unwrap();
                assert_eq!(body.json().unwrap(), document.as_bytes());
            }
        }
        assert_eq!(one.base().map(Body::size), Some(first.size()));
        let long: String = (1000..1020).map(document).collect();
        let base = Body::new(long.as_bytes(), &learnt).unwrap();
        let again = Body::new(long.as_bytes(), &Codec::sibling(base.clone())).unwrap();
        assert!(again.size() * 2 < base.size(), "{} of {}", again.size(), base.size());
    }

    #[test]
    fn what_is_not_compressed_is_an_error() {
        assert!(Codec::default().decompress(b"no", 10).is_err());
        assert!(Codec::learn(&["too few"]).is_err());
    }
}
