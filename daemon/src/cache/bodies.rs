//! The bodies of one cache's objects: when their dictionary is learnt.

use std::io;
use std::sync::Arc;

use crate::body::Body;
use crate::body::codec::Codec;

/// So many objects are worth a dictionary.
const SAMPLES: usize = 64;
/// With so many times as many objects as it was learnt from, a new one is.
const GROWTH: usize = 64;
/// Samples take up at most that many bytes.
const SAMPLE_BYTES: usize = 1 << 20;

/// Makes bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    codec: Arc<Codec>,
    samples: Vec<Vec<u8>>,
    sample_bytes: usize,
    made: usize,
    learn_at: usize,
}

impl Bodies {
    pub(super) fn new() -> Self {
        Self { codec: Arc::default(), samples: Vec::new(), sample_bytes: 0, made: 0, learn_at: SAMPLES }
    }

    /// The body of that JSON.
    ///
    /// # Errors
    /// If memory for the compressor runs out.
    pub(super) fn make(&mut self, json: Vec<u8>) -> io::Result<Body> {
        let made = Body::new(&json, &self.codec)?;
        self.sample(json);
        Ok(made)
    }

    fn sample(&mut self, body: Vec<u8>) {
        self.made += 1;
        // The last ones before it is learnt.
        if self.made + SAMPLES <= self.learn_at || self.sample_bytes > SAMPLE_BYTES {
            return;
        }
        self.sample_bytes += body.len();
        self.samples.push(body);
    }

    /// A dictionary, if it is time to learn one: it is used from now on.
    pub(super) fn learn(&mut self) -> Option<Arc<Codec>> {
        if self.made < self.learn_at {
            return None;
        }
        self.learn_at = self.made * GROWTH;
        self.sample_bytes = 0;
        match Codec::learn(&std::mem::take(&mut self.samples)) {
            Ok(codec) => {
                self.codec = codec;
                Some(Arc::clone(&self.codec))
            }
            Err(error) => {
                tracing::debug!("bodies are compressed as before, without a new dictionary: {error}");
                None
            }
        }
    }
}
