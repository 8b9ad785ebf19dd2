//! Answers about tokens, kept for a while under what they hash to.

use std::collections::HashMap;

use aws_lc_rs::digest;
use jiff::Timestamp;
use parking_lot::Mutex;

/// What a token hashes to: SHA-256. It does not tell the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(token: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

/// Answers, each until its time is over, and at most so many.
#[derive(Debug)]
pub(super) struct Answers<T> {
    most: usize,
    kept: Mutex<HashMap<Fingerprint, (T, Timestamp)>>,
}

impl<T: Clone> Answers<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// The answer, if it still counts.
    pub(super) fn get(&self, token: Fingerprint, now: Timestamp) -> Option<T> {
        let kept = self.kept.lock();
        kept.get(&token).filter(|(_, until)| now < *until).map(|(answer, _)| answer.clone())
    }

    /// Keeps an answer until then; where there are too many, it is not kept.
    pub(super) fn keep(&self, token: Fingerprint, answer: T, until: Timestamp, now: Timestamp) {
        let mut kept = self.kept.lock();
        if kept.len() >= self.most {
            kept.retain(|_, (_, until)| now < *until);
        }
        if kept.len() < self.most || kept.contains_key(&token) {
            kept.insert(token, (answer, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_time_and_there_are_never_too_many() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let answers = Answers::new(2);
        let [a, b, c] = ["a", "b", "c"].map(Fingerprint::of);
        answers.keep(a, 1, at(10), at(0));
        answers.keep(b, 2, at(20), at(0));
        answers.keep(c, 3, at(20), at(0));
        assert_eq!([a, b, c].map(|token| answers.get(token, at(9))), [Some(1), Some(2), None]);
        assert_eq!(answers.get(a, at(10)), None);
        answers.keep(c, 3, at(20), at(10));
        assert_eq!([a, b, c].map(|token| answers.get(token, at(10))), [None, Some(2), Some(3)]);
    }
}
