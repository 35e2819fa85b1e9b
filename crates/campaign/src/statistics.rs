//! Shares and quantiles of a sample of runs, with the error that sampling alone brings. Pure.
//!
//! The error says how far another draw of as many seeds might lie, at 95 %. It says nothing of how well the model fits the
//! world.

use std::ops::Range;

/// Two-sided 95 % of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// What is left out on each side of an interval.
const TAIL: f64 = 0.025;

/// The interval in which the share lies that `count` of `total` runs estimate: Wilson's, from 0 to 1.
#[must_use]
pub fn share_interval(count: usize, total: usize) -> (f64, f64) {
    if total == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (total as f64, count as f64 / total as f64);
    let squared = Z * Z;
    let middle = share + squared / (2.0 * n);
    let half = Z * libm::sqrt(share * (1.0 - share) / n + squared / (4.0 * n * n));
    let at = |value: f64| (value / (1.0 + squared / n)).clamp(0.0, 1.0);
    (at(middle - half), at(middle + half))
}

/// The rank, from 0, of the `p` quantile of `n` values in order: the lowest value that at least a share `p` does not exceed.
#[must_use]
pub fn rank(n: usize, p: f64) -> Option<usize> {
    let above = libm::ceil(p * n as f64) as usize;
    above.max(1).min(n).checked_sub(1)
}

/// Ranks between which the `p` quantile of what was sampled lies: order statistics, with no assumption about the
/// distribution. `None` where the sample is too small to bound that side.
#[must_use]
pub fn rank_interval(n: usize, p: f64) -> (Option<usize>, Option<usize>) {
    let below = cumulative(n, p);
    // The quantile lies above rank i when more than i values lie below it.
    let low = (0..n).take_while(|i| below[*i] <= TAIL).last();
    let high = (0..n).find(|i| 1.0 - below[*i] <= TAIL);
    (low, high)
}

/// For each `k` below `n`, the probability that at most `k` of `n` values lie below the `p` quantile.
fn cumulative(n: usize, p: f64) -> Vec<f64> {
    let log_factorial = |k: usize| libm::lgamma(k as f64 + 1.0);
    let (log_p, log_q) = (libm::log(p), libm::log(1.0 - p));
    let mut sum = 0.0;
    let terms = (0..n).map(|k| {
        let ways = log_factorial(n) - log_factorial(k) - log_factorial(n - k);
        sum += libm::exp(ways + k as f64 * log_p + (n - k) as f64 * log_q);
        sum
    });
    terms.collect()
}

/// How long a set of spans is in all, with what they share counted once.
#[must_use]
pub fn covered<T: Ord + Copy>(mut spans: Vec<Range<T>>) -> Vec<Range<T>> {
    spans.retain(|span| span.start < span.end);
    spans.sort_by_key(|span| (span.start, span.end));
    let mut union: Vec<Range<T>> = Vec::new();
    for span in spans {
        match union.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => union.push(span),
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-5
    }

    /// Values of the literature (Newcombe 1998, method 3; and its limits).
    #[test]
    fn shares_as_published() {
        let cases = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
            (20, 20, 0.8389, 1.0),
            (0, 0, 0.0, 1.0),
        ];
        for (count, total, low, high) in cases {
            let interval = share_interval(count, total);
            assert!(close(interval.0, low) && close(interval.1, high), "{count}/{total}: {interval:?}");
        }
    }

    #[test]
    fn ranks_by_table() {
        let cases = [
            (0, 0.5, None),
            (1, 0.5, Some(0)),
            (2, 0.5, Some(0)),
            (3, 0.5, Some(1)),
            (200, 0.05, Some(9)),
            (200, 0.5, Some(99)),
            (200, 0.95, Some(189)),
            (19, 0.95, Some(18)),
        ];
        for (n, p, expected) in cases {
            assert_eq!(rank(n, p), expected, "{n} {p}");
        }
    }

    /// Exact binomial ranks: for the median of 10, the second and the ninth value (97.9 %); of 5, no side is bounded.
    #[test]
    fn rank_intervals_by_table() {
        let cases = [
            (10, 0.5, (Some(1), Some(8))),
            (6, 0.5, (Some(0), Some(5))),
            (5, 0.5, (None, None)),
            (20, 0.5, (Some(5), Some(14))),
            (100, 0.5, (Some(39), Some(60))),
            (20, 0.95, (Some(16), None)),
        ];
        for (n, p, expected) in cases {
            assert_eq!(rank_interval(n, p), expected, "{n} {p}");
        }
    }

    #[test]
    fn what_spans_share_counts_once() {
        assert_eq!(covered(vec![5..9, 0..3, 2..4, 7..7, 9..10, 6..8]), [0..4, 5..10]);
        assert_eq!(covered(Vec::<Range<u32>>::new()), []);
    }

    proptest! {
        #[test]
        fn a_share_lies_in_its_interval(total in 1usize..500, part in 0.0f64..=1.0) {
            let count = (part * total as f64) as usize;
            let (low, high) = share_interval(count, total);
            let share = count as f64 / total as f64;
            prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
        }

        #[test]
        fn a_quantile_lies_in_its_interval(n in 1usize..600, p in 0.01f64..0.99) {
            let rank = rank(n, p).unwrap();
            let (low, high) = rank_interval(n, p);
            prop_assert!(low.is_none_or(|low| low <= rank));
            prop_assert!(high.is_none_or(|high| rank <= high && high < n));
            prop_assert!((rank + 1) as f64 >= p * n as f64 - 1e-9);
            prop_assert!(rank as f64 <= p * n as f64 + 1e-9);
        }

        #[test]
        fn a_union_is_in_order_and_covers_the_same(spans in prop::collection::vec((0u32..60, 0u32..60), 0..12)) {
            let spans: Vec<Range<u32>> = spans.into_iter().map(|(a, b)| a..b).collect();
            let union = covered(spans.clone());
            prop_assert!(union.windows(2).all(|pair| pair[0].end < pair[1].start));
            for x in 0..60 {
                let inside = |spans: &[Range<u32>]| spans.iter().any(|span| span.contains(&x));
                prop_assert_eq!(inside(&spans), inside(&union));
            }
        }
    }
}
