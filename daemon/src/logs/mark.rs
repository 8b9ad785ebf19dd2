//! How far a log was told.
//!
//! Times are all that kubelets can begin a log at, and several lines may have the same; those of
//! standard output and standard error may even be in another order than their times. So a place
//! is the newest time that was told, and how many lines were from its first line on.

use jiff::Timestamp;

/// How far a log was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The newest time of a line that was told.
    pub time: Timestamp,
    /// How many lines were, from the first line of that time on.
    pub lines: u64,
}

impl Mark {
    /// The mark behind one more line, of that time.
    #[must_use]
    pub fn behind(mark: Option<Self>, time: Timestamp) -> Self {
        match mark {
            Some(mark) if time <= mark.time => Self { lines: mark.lines + 1, ..mark },
            _ => Self { time, lines: 1 },
        }
    }
}

/// Leaves out what was told of a log that is read again.
#[derive(Debug)]
pub struct Skip {
    mark: Option<Mark>,
    /// How many lines are to be left out, once the mark's first line came.
    left: Option<u64>,
}

impl Skip {
    /// Leaves out what is up to that mark.
    #[must_use]
    pub fn to(mark: Option<Mark>) -> Self {
        Self { mark, left: None }
    }

    /// Whether the next line, of that time, was told. Lines of a log whose beginning is gone may
    /// all be newer.
    pub fn skips(&mut self, time: Timestamp) -> bool {
        let Some(mark) = self.mark else { return false };
        let left = match self.left {
            None if time < mark.time => return true,
            None if time > mark.time => 0,
            None => mark.lines,
            Some(left) => left,
        };
        if left == 0 {
            self.mark = None;
            return false;
        }
        self.left = Some(left - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is told of a log in two readings, of which the first breaks off.
    fn told(log: &[i64], first: usize, from: usize) -> Vec<i64> {
        let mark = log[..first].iter().fold(None, |mark, time| Some(Mark::behind(mark, at(*time))));
        let mut skip = Skip::to(mark);
        let second = log[from..].iter().filter(|time| !skip.skips(at(**time)));
        log[..first].iter().chain(second).copied().collect()
    }

    #[test]
    fn lines_of_the_same_time_are_told_once_each() {
        assert_eq!(told(&[1, 1, 1, 2], 2, 0), [1, 1, 1, 2]);
        assert_eq!(told(&[1, 3, 2, 2, 4], 3, 0), [1, 3, 2, 2, 4]);
        assert_eq!(told(&[1, 2], 0, 0), [1, 2]);
    }

    #[test]
    fn what_was_rotated_away_is_missed_and_nothing_else() {
        assert_eq!(told(&[1, 2, 3, 4, 5], 2, 3), [1, 2, 4, 5]);
    }

    proptest! {
        /// Also where times go back within what a reading brings.
        #[test]
        fn nothing_is_lost_or_told_twice(log in prop::collection::vec(0_i64..6, 0..20), first in 0_usize..20) {
            let first = first.min(log.len());
            prop_assert_eq!(told(&log, first, 0), log);
        }
    }
}
