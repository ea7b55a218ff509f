//! What a share could bring, and how well it is known: [`speedup`] and [`standard_error`].
//!
//! Amdahl's law: a part p of the time that becomes k times faster makes the whole 1 / (1 - p + p / k) times faster;
//! one that is removed 1 / (1 - p). A share of n samples has the standard error sqrt(p (1 - p) / n) of a binomial
//! share. Shares are numbers from 0 to 1.

use serde::Serialize;

/// The speed-ups of a part for which a bound is stated.
pub(crate) const PLAUSIBLE: [f64; 2] = [4.0, 8.0];

/// How much faster the whole gets at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Bounds {
    /// The part takes no time at all; `None` when nothing else takes any.
    pub(crate) removed: Option<f64>,
    /// The part is 4 times faster.
    pub(crate) at_4x: f64,
    /// The part is 8 times faster.
    pub(crate) at_8x: f64,
}

impl Bounds {
    pub(crate) fn of(share: f64) -> Self {
        let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
        Self {
            removed: (share < 1.0).then(|| rounded(speedup(share, f64::INFINITY))),
            at_4x: rounded(speedup(share, PLAUSIBLE[0])),
            at_8x: rounded(speedup(share, PLAUSIBLE[1])),
        }
    }
}

/// How much faster the whole gets when `share` of its time becomes `faster` times faster.
pub(crate) fn speedup(share: f64, faster: f64) -> f64 {
    1.0 / (1.0 - share + share / faster)
}

/// The standard error of a share of `samples` samples; `None` of none.
pub(crate) fn standard_error(share: f64, samples: u64) -> Option<f64> {
    (samples > 0).then(|| (share * (1.0 - share) / samples as f64).sqrt())
}

/// Whether two shares `a` and `b` of `samples` samples, `common` of which is in both, cannot be told apart: they differ
/// by no more than the standard error of their difference, sqrt((a + b - 2 c - (a - b)^2) / n) (multinomial: only
/// samples in one of the two say which is the larger).
pub(crate) fn are_tied((a, b, common): (f64, f64, f64), samples: u64) -> bool {
    let difference = a - b;
    let variance = (a + b - 2.0 * common - difference.powi(2)).max(0.0) / samples as f64;
    samples > 0 && difference.abs() <= variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_those_of_amdahl() {
        // 60 %: 1 / 0.4; 1 / (0.4 + 0.15); 1 / (0.4 + 0.075).
        assert_eq!(Bounds::of(0.6), Bounds { removed: Some(2.5), at_4x: 1.818, at_8x: 2.105 });
        assert_eq!(Bounds::of(0.0), Bounds { removed: Some(1.0), at_4x: 1.0, at_8x: 1.0 });
        assert_eq!(Bounds::of(1.0), Bounds { removed: None, at_4x: 4.0, at_8x: 8.0 });
    }

    #[test]
    fn the_error_of_a_share_falls_with_the_root_of_the_samples() {
        assert_eq!(standard_error(0.5, 100), Some(0.05));
        assert_eq!(standard_error(0.5, 10_000), Some(0.005));
        assert_eq!(standard_error(0.5, 0), None);
    }

    #[test]
    fn two_shares_are_tied_within_the_error_of_their_difference() {
        // sqrt((0.82 - 0.0064) / 100) = 9.0 %
        assert!(are_tied((0.45, 0.37, 0.0), 100) && !are_tied((0.45, 0.35, 0.0), 100));
        assert!(!are_tied((0.45, 0.44, 0.0), 100_000));
        // One is on every stack of the other: 8 samples of 100 make the difference, and none the other way.
        assert!(!are_tied((0.45, 0.37, 0.37), 100));
        assert!(!are_tied((0.5, 0.5, 0.0), 0), "nothing is known of their error");
    }
}
