//! Compression of small documents that resemble each other.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::Arc;

use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CCtx, DCtx, compress_bound, get_error_name};

/// The fastest level: an object is compressed at every change, read rarely.
const LEVEL: i32 = 1;
/// A dictionary takes up at most that much, and a sixteenth of what it learns from.
const DICTIONARY: usize = 32 << 10;
const OF_SAMPLES: usize = 16;

thread_local! {
    static COMPRESSOR: RefCell<(CCtx<'static>, Vec<u8>)> = RefCell::new((CCtx::create(), Vec::new()));
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// A way to compress the documents of one kind, with a dictionary if one was
/// learnt.
#[derive(Default)]
pub struct Codec {
    dictionary: Option<Dictionary>,
}

struct Dictionary {
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
    size: usize,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.dictionary.as_ref().map(|dictionary| dictionary.size);
        f.debug_struct("Codec").field("dictionary", &size).finish()
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
        Ok(Arc::new(Self { dictionary: Some(dictionary) }))
    }

    /// Compresses a document.
    ///
    /// # Errors
    /// If memory for the compressor runs out.
    pub fn compress(&self, document: &[u8]) -> io::Result<Box<[u8]>> {
        COMPRESSOR.with_borrow_mut(|(context, out)| {
            out.clear();
            out.reserve(compress_bound(document.len()));
            let written = match &self.dictionary {
                Some(dictionary) => context.compress_using_cdict(out, document, dictionary.encoder.as_cdict()),
                None => context.compress(out, document, LEVEL),
            };
            written.map_err(failed)?;
            Ok(out.as_slice().into())
        })
    }

    /// The document of `length` bytes that was compressed.
    ///
    /// # Errors
    /// If memory for it runs out.
    pub fn decompress(&self, compressed: &[u8], length: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(length);
        DECOMPRESSOR.with_borrow_mut(|context| {
            let written = match &self.dictionary {
                Some(dictionary) => context.decompress_using_ddict(&mut out, compressed, dictionary.decoder.as_ddict()),
                None => context.decompress(&mut out, compressed),
            };
            written.map_err(failed)
        })?;
        Ok(out)
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
    fn what_is_not_compressed_is_an_error() {
        assert!(Codec::default().decompress(b"no", 10).is_err());
        assert!(Codec::learn(&["too few"]).is_err());
    }
}
