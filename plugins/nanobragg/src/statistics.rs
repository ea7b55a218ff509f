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
        let extremes: Vec<Row> =
            rows.clone().into_par_iter().map(|row| Row::of(pixels.row(row).iter())).collect();
        let sum: f64 = extremes.iter().map(|row| row.sum).sum();
        let mean = sum / count;
        let spread = |row| pixels.row(row).iter().map(|pixel| (pixel.to_f64() - mean).powi(2)).sum();
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
    fn of<'a, T: Real>(pixels: impl Iterator<Item = &'a T>) -> Self {
        let mut row = Self { sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, max_at: 0 };
        for (column, pixel) in pixels.enumerate() {
            let value = pixel.to_f64();
            row.sum += value;
            if exceeds(-value, -row.min) {
                row.min = value;
            }
            if exceeds(value, row.max) {
                (row.max, row.max_at) = (value, column);
            }
        }
        row
    }
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
