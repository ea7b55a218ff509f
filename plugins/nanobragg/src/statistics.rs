//! [`Statistics`]: the figures by which an image is recognised.
//!
//! Added up in float64, row by row in a fixed order, so that they do not depend on the number of threads.
//! [`crate::plugin`] reports them; the tests compare them with published reference values.

use ndarray::ArrayView2;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::real::Real;

/// Sum, extremes and spread of all pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Sum of all pixels.
    pub sum: f64,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, that of the population.
    pub std: f64,
    /// The least pixel; NaN when any is.
    pub min: f64,
    /// The greatest pixel; NaN when any is.
    pub max: f64,
    /// (row, column) of the first greatest pixel in reading order, or of the first NaN.
    pub max_at: (usize, usize),
}

impl Statistics {
    /// Looks at every pixel twice, on the threads of the current rayon pool. The image is not empty.
    pub fn new<T: Real>(pixels: &ArrayView2<'_, T>) -> Self {
        let count = pixels.len() as f64;
        let rows = 0..pixels.nrows();
        // A row lies in one piece; only a view of another order does not.
        let values = |row: usize| -> Vec<f64> {
            let row = pixels.row(row);
            match row.to_slice() {
                Some(row) => row.iter().map(|pixel| pixel.to_f64()).collect(),
                None => row.iter().map(|pixel| pixel.to_f64()).collect(),
            }
        };
        let extremes: Vec<Row> = rows.clone().into_par_iter().map(|row| Row::of(&values(row))).collect();
        let sum: f64 = extremes.iter().map(|row| row.sum).sum();
        let mean = sum / count;
        let spread = |row| sum_of(&values(row), |value| (value - mean).powi(2));
        let spreads: Vec<f64> = rows.into_par_iter().map(spread).collect();
        let std = (spreads.iter().sum::<f64>() / count).sqrt();

        let (mut min, mut max, mut max_at) = (f64::INFINITY, f64::NEG_INFINITY, (0, 0));
        for (row, figures) in extremes.iter().enumerate() {
            if exceeds(-figures.min, -min) {
                min = figures.min;
            }
            if exceeds(figures.max, max) {
                (max, max_at) = (figures.max, (row, figures.max_at));
            }
        }
        Self { sum, mean, std, min, max, max_at }
    }
}

struct Row {
    sum: f64,
    min: f64,
    max: f64,
    max_at: usize,
}

impl Row {
    fn of(values: &[f64]) -> Self {
        let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        for part in padded(values, f64::INFINITY) {
            for (min, value) in min.iter_mut().zip(part) {
                *min = if value < *min { value } else { *min };
            }
        }
        for part in padded(values, f64::NEG_INFINITY) {
            for (max, value) in max.iter_mut().zip(part) {
                *max = if value > *max { value } else { *max };
            }
        }
        let sum = sum_of(values, |value| value);
        // A NaN, which no comparison above has seen, is in the sum. So is one of infinities, which harms nobody.
        if sum.is_nan()
            && let Some(at) = values.iter().position(|value| value.is_nan())
        {
            return Self { sum, min: f64::NAN, max: f64::NAN, max_at: at };
        }
        let min = min.into_iter().fold(f64::INFINITY, f64::min);
        let max = max.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let max_at = values.iter().position(|value| *value >= max).unwrap_or(0);
        Self { sum, min, max, max_at }
    }
}

/// How many sums are made side by side: one alone waits for each addition before it begins the next.
const LANES: usize = 16;

/// The numbers in parts of equal length, the last one filled up.
fn padded(values: &[f64], with: f64) -> impl Iterator<Item = [f64; LANES]> {
    let (parts, rest) = values.as_chunks::<LANES>();
    let mut last = [with; LANES];
    last[..rest.len()].copy_from_slice(rest);
    parts.iter().copied().chain([last])
}

/// The sum of a function of numbers, always in the same order.
fn sum_of(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let (parts, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += of(*value);
        }
    }
    sums.into_iter().sum::<f64>() + rest.iter().map(|value| of(*value)).sum::<f64>()
}

/// Whether `candidate` takes the place of `current` as the greatest; the first NaN does, for good.
fn exceeds(candidate: f64, current: f64) -> bool {
    candidate > current || (candidate.is_nan() && !current.is_nan())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::Statistics;

    #[test]
    fn the_figures_are_those_of_the_textbook() {
        let statistics = Statistics::new(&array![[1.0_f32, 2.0, 9.0], [9.0, -4.0, 1.0]].view());
        assert_eq!((statistics.sum, statistics.mean), (18.0, 3.0));
        assert!((statistics.std - (130.0_f64 / 6.0).sqrt()).abs() < 1e-15, "{statistics:?}");
        assert_eq!((statistics.min, statistics.max, statistics.max_at), (-4.0, 9.0, (0, 2)));
    }

    #[test]
    fn a_nan_is_never_lost_among_numbers() {
        let statistics =
            Statistics::new(&array![[1.0, 2.0, 3.0], [1.0, f64::NAN, 7.0], [8.0, 0.0, 1.0]].view());
        assert!(statistics.sum.is_nan() && statistics.mean.is_nan() && statistics.std.is_nan());
        assert!(statistics.min.is_nan() && statistics.max.is_nan());
        assert_eq!(statistics.max_at, (1, 1));
    }
}
