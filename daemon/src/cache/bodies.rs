//! The bodies of one cache's objects: what each is compressed against.

use std::io;
use std::sync::Arc;

use crate::body::Body;
use crate::body::codec::Codec;

/// So many objects are worth a dictionary.
const SAMPLES: usize = 64;
/// After so many times as many bodies another is learnt: what there is changes.
const GROWTH: usize = 16;
/// A longer document is no sample.
const LONGEST_SAMPLE: usize = 16 << 10;
/// A longer document is no difference from another.
const LONGEST_SIBLING: usize = 64 << 10;

/// Makes bodies.
///
/// A dictionary is learnt from those that are whole: from the first, in time for most of the rest of
/// the first list, where most are; and from some of the whole list, when that is over: lists
/// begin with objects that resemble each other more than the others do.
///
/// What siblings, which have the same owner, differ in is less still: most that a list
/// brings are kept as differences from one of them, which itself is not.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    codec: Arc<Codec>,
    samples: Vec<Vec<u8>>,
    /// Of so many that are whole one is a sample.
    stride: usize,
    /// How many were whole, and how many were not.
    made: usize,
    differences: usize,
    learnt_at: usize,
}

impl Bodies {
    /// The body of that JSON; `siblings` may be alike.
    ///
    /// # Errors
    /// If memory for the compressor runs out.
    pub(super) fn make(&mut self, json: Vec<u8>, siblings: &[Body]) -> io::Result<Body> {
        if let Some(body) = Self::as_difference(&json, siblings)? {
            self.differences += 1;
            return Ok(body);
        }
        let body = Body::new(&json, &self.codec)?;
        // A dictionary is for what is whole, and learns little from several that are alike.
        self.sample(json);
        Ok(body)
    }

    /// The body as what it differs from a sibling in, if that is little.
    ///
    /// From one that others are told by already, or else from one that is whole:
    /// those others may be of another template, or from before their pods ran.
    fn as_difference(json: &[u8], siblings: &[Body]) -> io::Result<Option<Body>> {
        if json.len() > LONGEST_SIBLING {
            return Ok(None);
        }
        let shared = siblings.iter().find(|body| body.codec().base().is_some()).map(|body| Arc::clone(body.codec()));
        let whole = siblings.iter().find(|body| body.codec().base().is_none() && body.length() <= LONGEST_SIBLING);
        let whole = whole.into_iter().map(|body| Codec::sibling(body.clone()));
        for codec in shared.into_iter().chain(whole) {
            let body = Body::new(json, &codec)?;
            if codec.base().is_some_and(|base| body.size() * 2 <= base.size()) {
                return Ok(Some(body));
            }
        }
        Ok(None)
    }

    fn sample(&mut self, body: Vec<u8>) {
        self.made += 1;
        let waits = self.learnt_at > SAMPLES && self.made < self.learnt_at * GROWTH;
        if waits || !self.made.is_multiple_of(self.stride.max(1)) || body.len() > LONGEST_SAMPLE {
            return;
        }
        self.samples.push(body);
        if self.samples.len() > 2 * SAMPLES {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride = self.stride.max(1) * 2;
        }
    }

    /// What to learn a dictionary from, if it is time to. That takes a while, so that during the
    /// first list it is done once, and only if most of its bodies are whole.
    pub(super) fn samples_to_learn_from(&mut self, listed: bool) -> Option<Vec<Vec<u8>>> {
        let again = self.learnt_at > 0;
        let can_wait = !listed && (again || self.differences > self.made);
        if self.samples.len() < SAMPLES || can_wait || (again && self.made < 2 * self.learnt_at) {
            return None;
        }
        self.learnt_at = self.made;
        self.stride = 1;
        Some(if listed { std::mem::take(&mut self.samples) } else { self.samples.clone() })
    }

    /// Uses a dictionary that was learnt, from now on. Bodies that were made before stay as they are
    /// until they change: those of a list are few.
    pub(super) fn learn(&mut self, learnt: io::Result<Arc<Codec>>) {
        match learnt {
            Ok(codec) => self.codec = codec,
            Err(error) => tracing::debug!("bodies are compressed as before, without a new dictionary: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_learnt_early_and_again_from_all_of_the_list() {
        let mut bodies = Bodies::default();
        let mut learnt = Vec::new();
        let mut make = |number: usize, listed: bool| {
            let image = format!("registry.example.com/{}/service:v{}", number % 13, number % 7);
            let field = |place: usize| format!(r#","field{place}":"{image}-{}""#, number * 7919 % (place + 2));
            let fields: String = (0..30).map(field).collect();
            let json = format!(r#"{{"metadata":{{"name":"a-{number}"{fields}}}}}"#);
            bodies.make(json.into_bytes(), &[]).unwrap();
            if let Some(samples) = bodies.samples_to_learn_from(listed) {
                bodies.learn(Codec::learn(&samples));
                learnt.push(number);
            }
            assert!(bodies.samples.len() <= 2 * SAMPLES);
        };
        (1..=5000).for_each(|number| make(number, false));
        (5001..=5100).for_each(|number| make(number, true));
        assert_eq!(learnt, [SAMPLES, 5001]);
    }

    #[test]
    fn where_most_are_differences_a_dictionary_can_wait_for_the_end_of_the_list() {
        let mut bodies = Bodies::default();
        for workload in 0..SAMPLES {
            let first = bodies.make(pod(workload * 1000, 1), &[]).unwrap();
            for number in 2..4 {
                bodies.make(pod(workload * 1000, number), std::slice::from_ref(&first)).unwrap();
            }
        }
        assert_eq!((bodies.made, bodies.differences), (SAMPLES, 2 * SAMPLES));
        assert!(bodies.samples_to_learn_from(false).is_none());
        assert_eq!(bodies.samples_to_learn_from(true).map(|samples| samples.len()), Some(SAMPLES));
        assert!(bodies.samples_to_learn_from(true).is_none(), "once is enough");
    }

    fn pod(workload: usize, number: usize) -> Vec<u8> {
        let field = |place: usize| format!(r#","field{place}":"{}""#, (workload + place) * 7919);
        let fields: String = (0..60).map(field).collect();
        format!(r#"{{"metadata":{{"name":"a-{number}"{fields}}}}}"#).into_bytes()
    }

    #[test]
    fn siblings_are_differences_from_one_that_is_whole() {
        let mut bodies = Bodies::default();
        let first = bodies.make(pod(1, 1), &[]).unwrap();
        let second = bodies.make(pod(1, 2), std::slice::from_ref(&first)).unwrap();
        let third = bodies.make(pod(1, 3), &[first.clone(), second.clone()]).unwrap();
        assert!(first.codec().base().is_none());
        assert!(Arc::ptr_eq(second.codec(), third.codec()), "one base for all");
        assert!(third.size() * 4 < first.size(), "{} of {}", third.size(), first.size());
        assert_eq!(third.json().unwrap(), pod(1, 3));

        let stranger = bodies.make(pod(1000, 4), &[first, third]).unwrap();
        assert!(stranger.codec().base().is_none(), "it has little in common with them");
        let second = bodies.make(pod(1000, 5), &[second, stranger.clone()]).unwrap();
        assert_eq!(second.codec().base().map(Body::size), Some(stranger.size()), "another base, that fits");
        assert_eq!(second.json().unwrap(), pod(1000, 5));
    }
}
