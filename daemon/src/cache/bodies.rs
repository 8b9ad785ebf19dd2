//! The bodies of one cache's objects: when their dictionary is learnt.

use std::sync::Arc;

use crate::body::codec::Codec;
use crate::body::{self, Body, Cuts};
use crate::kind::Kind;

/// So many objects are worth a dictionary.
const SAMPLES: usize = 256;
/// With so many times as many objects as it was learnt from, a new one is.
const GROWTH: usize = 16;
/// Samples take up at most that many bytes.
const SAMPLE_BYTES: usize = 4 << 20;

/// Makes bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    keep: bool,
    codec: Arc<Codec>,
    samples: Vec<String>,
    sample_bytes: usize,
    made: usize,
    learn_at: usize,
}

impl Bodies {
    /// None are kept unless `keep`.
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, codec: Arc::default(), samples: Vec::new(), sample_bytes: 0, made: 0, learn_at: SAMPLES }
    }

    /// The body of a parsed object, if bodies are kept.
    ///
    /// # Errors
    /// If it cannot be made, in words.
    pub(super) fn make(&mut self, kind: &Kind, json: &[u8], cuts: Cuts) -> Result<Option<Body>, String> {
        if !self.keep {
            return Ok(None);
        }
        let body = body::of_parsed(kind, json, cuts).map_err(|e| e.to_string())?;
        let made = Body::new(&body, &self.codec).map_err(|e| e.to_string())?;
        self.sample(body);
        Ok(Some(made))
    }

    fn sample(&mut self, body: String) {
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
