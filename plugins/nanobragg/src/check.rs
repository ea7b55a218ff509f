//! [`Check`]: how well an image agrees with the independent scalar path.
//!
//! Correlation sees a displaced or distorted image, the ratio of the sums a scaled one, the greatest
//! difference a fault in few pixels. All three are taken over the pixels of a [`Sample`], each with the
//! same weight. [`crate::plugin`] makes one after the last iteration, outside every measurement.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::experiment::Experiment;
use crate::reference::Reference;
use crate::sample::Sample;

/// The agreement of an image with the scalar path. Figures that cannot be had are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// Pearson's coefficient of correlation; NaN when all values of either path are equal.
    pub correlation: f64,
    /// Sum of the image over sum of the scalar path.
    pub sum_ratio: f64,
    /// Greatest absolute difference, in units of the scalar path's greatest value.
    pub max_difference: f64,
    /// Pixels compared.
    pub pixels: u64,
}

impl Check {
    /// Compares `value(row, column)` with the scalar path at every pixel of `sample`, on the threads of the
    /// current rayon pool. The result does not depend on their number.
    pub fn new(experiment: &Experiment, sample: &Sample, value: impl Fn(usize, usize) -> f64 + Sync) -> Self {
        let reference = Reference::new(experiment);
        let band = |band| {
            let mut moments = Moments::default();
            for (row, column) in sample.band(band) {
                moments.add(value(row, column), reference.photons(row as f64, column as f64));
            }
            moments
        };
        let bands: Vec<Moments> = (0..sample.bands()).into_par_iter().map(band).collect();
        bands.iter().fold(Moments::default(), |all, band| all.merged(band)).check()
    }
}

/// Moments of pairs (image, scalar path), by the updating formulas of Chan, Golub and `LeVeque` (1983), which
/// do not cancel as sums of squares do.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: u64,
    means: [f64; 2],
    squares: [f64; 2],
    product: f64,
    greatest: f64,
    greatest_difference: f64,
}

impl Moments {
    fn add(&mut self, image: f64, scalar: f64) {
        let one = Self {
            count: 1,
            means: [image, scalar],
            greatest: scalar,
            greatest_difference: (image - scalar).abs(),
            ..Self::default()
        };
        *self = self.merged(&one);
    }

    fn merged(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        let share = other.count as f64 / count.max(1) as f64;
        let weight = self.count as f64 * share;
        let steps = [other.means[0] - self.means[0], other.means[1] - self.means[1]];
        Self {
            count,
            means: [self.means[0] + steps[0] * share, self.means[1] + steps[1] * share],
            squares: [
                self.squares[0] + other.squares[0] + steps[0] * steps[0] * weight,
                self.squares[1] + other.squares[1] + steps[1] * steps[1] * weight,
            ],
            product: self.product + other.product + steps[0] * steps[1] * weight,
            greatest: self.greatest.max(other.greatest),
            greatest_difference: greater_or_nan(self.greatest_difference, other.greatest_difference),
        }
    }

    fn check(&self) -> Check {
        let correlation = self.product / (self.squares[0].sqrt() * self.squares[1].sqrt());
        Check {
            // Rounding alone can lead beyond 1.
            correlation: correlation.clamp(-1.0, 1.0),
            sum_ratio: self.means[0] / self.means[1],
            max_difference: self.greatest_difference / self.greatest,
            pixels: self.count,
        }
    }
}

/// The greater of two numbers; NaN when either is, which `f64::max` would drop.
fn greater_or_nan(first: f64, second: f64) -> f64 {
    if second > first || second.is_nan() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::{Check, Moments};
    use crate::config::Config;
    use crate::experiment::Experiment;
    use crate::reference::Reference;
    use crate::sample::Sample;

    /// The check of an image that was made by the scalar path and then spoilt.
    fn spoilt(size: u64, spoil: impl Fn(&Reference, usize, usize) -> f64 + Sync) -> Check {
        let experiment = Experiment::new(&Config::benchmark(size));
        let reference = Reference::new(&experiment);
        let sample = Sample::new(experiment.size, 65_536);
        Check::new(&experiment, &sample, |row, column| spoil(&reference, row, column))
    }

    fn shifted(by: f64) -> impl Fn(&Reference, usize, usize) -> f64 + Sync {
        move |reference, row, column| reference.photons(row as f64 + by, column as f64 + by)
    }

    #[test]
    fn a_faithful_image_passes_exactly() {
        let check = spoilt(1024, shifted(0.0));
        assert!((check.correlation - 1.0).abs() < 1e-12, "{check:?}");
        assert_eq!((check.sum_ratio, check.max_difference), (1.0, 0.0));
        assert!(check.pixels >= 65_536);
    }

    #[test]
    fn a_shift_by_half_a_pixel_or_one_is_seen() {
        for size in [256, 1024, 2048, 4096] {
            let half = spoilt(size, shifted(0.5)).correlation;
            let whole = spoilt(size, shifted(1.0)).correlation;
            assert!((0.98..0.999).contains(&half), "size {size}, half a pixel: {half}");
            assert!((0.9..half).contains(&whole), "size {size}, a pixel: {whole}");
        }
    }

    #[test]
    fn a_scale_that_correlation_cannot_see_is_seen_in_the_sum() {
        let check =
            spoilt(1024, |reference, row, column| 1.01 * reference.photons(row as f64, column as f64));
        assert!((check.correlation - 1.0).abs() < 1e-12, "{check:?}");
        assert!((check.sum_ratio - 1.01).abs() < 1e-12, "{check:?}");
    }

    #[test]
    fn a_block_of_rows_that_was_never_written_is_seen() {
        let check = spoilt(4096, |reference, row, column| {
            let written = !(320..352).contains(&row);
            if written { reference.photons(row as f64, column as f64) } else { 0.0 }
        });
        assert!(check.sum_ratio < 0.999, "{check:?}");
        assert!(check.max_difference > 0.01, "{check:?}");
    }

    #[test]
    fn a_single_broken_pixel_in_the_sample_spoils_every_figure() {
        let check = spoilt(256, |reference, row, column| {
            if (row, column) == (7, 9) { f64::NAN } else { reference.photons(row as f64, column as f64) }
        });
        assert!(check.correlation.is_nan() && check.sum_ratio.is_nan() && check.max_difference.is_nan());
    }

    #[test]
    fn one_pixel_has_no_correlation() {
        let check = spoilt(1, shifted(0.0));
        assert!(check.correlation.is_nan());
        assert_eq!((check.sum_ratio, check.pixels), (1.0, 1));
    }

    #[test]
    fn the_moments_are_those_of_the_textbook() {
        let pairs = [(1.0, 2.0), (2.0, 1.0), (4.0, 7.0), (8.0, 11.0), (-3.0, 0.5)];
        let mut moments = Moments::default();
        for (image, scalar) in pairs {
            moments.add(image, scalar);
        }
        let check = moments.check();
        // Means 2.4 and 4.3; centred sums of squares 65.2 and 82.8, of products 66.9.
        assert!((check.correlation - 66.9 / (65.2_f64 * 82.8).sqrt()).abs() < 1e-14, "{check:?}");
        assert!((check.sum_ratio - 12.0 / 21.5).abs() < 1e-14, "{check:?}");
        assert!((check.max_difference - 3.5 / 11.0).abs() < 1e-14, "{check:?}");
    }
}
