//! How values are spread, as far as the buckets of a histogram tell.

/// Buckets that are kept: the API server's histograms have some 30.
const MOST: usize = 128;

/// The largest count: up to it every number is one of its own.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// Counts of the values up to each bound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Upper bounds, and how many values are no larger; in the order of the bounds.
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// Adds values up to a bound: those of a further series. What is no number is left aside, and
    /// bounds beyond the most that are kept.
    pub fn add(&mut self, bound: f64, count: f64) {
        if bound.is_nan() || bound == f64::NEG_INFINITY || !(0.0..=LARGEST).contains(&count) {
            return;
        }
        match self.buckets.binary_search_by(|(known, _)| known.total_cmp(&bound)) {
            Ok(place) => self.buckets[place].1 += count,
            Err(place) if self.buckets.len() < MOST => self.buckets.insert(place, (bound, count)),
            Err(_) => {}
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        let all = self.buckets.last().filter(|(bound, _)| bound.is_infinite()).map_or(0.0, |(_, count)| *count);
        // It is no number below 0, and what is too large is the largest.
        all as u64
    }

    /// The value that so much of all, from 0 to 1, are no larger than; `None` if there are none, or
    /// the last bucket is missing. It is interpolated in its bucket, and beyond the last bound it is
    /// that bound, as PromQL's `histogram_quantile` has it (prometheus `promql/quantile.go`,
    /// `BucketQuantile`).
    #[must_use]
    pub fn quantile(&self, of_all: f64) -> Option<f64> {
        let buckets = self.rising();
        let (last, all) = *buckets.last()?;
        if !last.is_infinite() || last < 0.0 || buckets.len() < 2 || all <= 0.0 {
            return None;
        }
        let rank = of_all * all;
        let bounded = &buckets[..buckets.len() - 1];
        let place = bounded.partition_point(|(_, count)| *count < rank);
        let Some((end, up_to)) = bounded.get(place).copied() else { return bounded.last().map(|(bound, _)| *bound) };
        let (begin, before) = match place.checked_sub(1) {
            Some(before) => bounded[before],
            None if end <= 0.0 => return Some(end),
            None => (0.0, 0.0),
        };
        Some(begin + (end - begin) * ((rank - before) / (up_to - before)))
    }

    /// What came since an earlier state of it; `None` if it cannot have gone on from there.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Self> {
        let mut came = Self::default();
        for (bound, count) in &self.buckets {
            let place = before.buckets.binary_search_by(|(known, _)| known.total_cmp(bound));
            let had = place.map_or(0.0, |place| before.buckets[place].1);
            if *count < had {
                return None;
            }
            came.buckets.push((*bound, *count - had));
        }
        (self.buckets.len() >= before.buckets.len()).then_some(came)
    }

    /// The buckets, each with no fewer values than the one before: those of several series that
    /// were not read at the same instant may have.
    fn rising(&self) -> Vec<(f64, f64)> {
        let mut most = 0.0_f64;
        let rise = |(bound, count): &(f64, f64)| {
            most = most.max(*count);
            (*bound, most)
        };
        self.buckets.iter().map(rise).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(f64, f64)]) -> Histogram {
        let mut histogram = Histogram::default();
        buckets.iter().for_each(|(bound, count)| histogram.add(*bound, *count));
        histogram
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_are_promqls() {
        let spread = histogram(&[(INF, 100.0), (0.1, 50.0), (0.5, 90.0), (1.0, 98.0)]);
        let at = |of_all| spread.quantile(of_all).unwrap();
        assert!((at(0.5) - 0.1).abs() < 1e-9);
        assert!((at(0.25) - 0.05).abs() < 1e-9);
        assert!((at(0.7) - 0.3).abs() < 1e-9);
        // Beyond the last bound nothing is known but that.
        assert!((at(0.99) - 1.0).abs() < 1e-9);
        assert_eq!(spread.count(), 100);
    }

    #[test]
    fn what_tells_nothing_has_none() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(histogram(&[(0.1, 5.0), (1.0, 9.0)]).quantile(0.5), None, "without the last bucket");
        assert_eq!(histogram(&[(0.1, 0.0), (INF, 0.0)]).quantile(0.5), None, "of no values");
        assert_eq!(histogram(&[(INF, 7.0)]).quantile(0.5), None, "of one bucket");
        assert_eq!(histogram(&[(0.1, 5.0)]).count(), 0);
        assert_eq!(histogram(&[(-1.0, 5.0), (INF, 5.0)]).quantile(0.5), Some(-1.0));
    }

    #[test]
    fn several_series_are_one_and_need_not_rise() {
        let mut spread = histogram(&[(0.1, 5.0), (0.2, 4.0), (INF, 10.0)]);
        assert_eq!(spread.quantile(0.5), Some(0.1));
        spread.add(0.1, 5.0);
        assert_eq!(spread.quantile(0.5), Some(0.05));
        for (bound, count) in [(f64::NAN, 1.0), (1.0, f64::NAN), (1.0, -1.0), (1.0, INF), (-INF, 1.0)] {
            spread.add(bound, count);
        }
        assert_eq!(spread.buckets.len(), 3);
        (0..1000).for_each(|number| spread.add(f64::from(number), 1.0));
        assert_eq!(spread.buckets.len(), MOST);
    }

    #[test]
    fn what_came_since_is_the_difference() {
        let before = histogram(&[(0.1, 5.0), (INF, 10.0)]);
        let after = histogram(&[(0.1, 5.0), (INF, 30.0)]);
        assert_eq!(after.since(&before), Some(histogram(&[(0.1, 0.0), (INF, 20.0)])));
        assert_eq!(before.since(&after), None, "it was begun anew");
        assert_eq!(Histogram::default().since(&before), None);
        assert_eq!(after.since(&Histogram::default()), Some(after.clone()));
    }
}
