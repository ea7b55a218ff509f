//! [`Check`]: how well an image agrees with the other variant.
//!
//! Correlation sees a displaced or distorted image, the ratio of the sums a scaled one, the greatest
//! difference a fault in few pixels. All three are taken over the pixels of a [`Sample`], each with the
//! same weight. [`crate::plugin`] makes one after the last iteration, outside every measurement.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::config::Variant;
use crate::sample::Sample;
use crate::scalar::Scalar;
use crate::scene::Scene;
use crate::segment::Scratch;
use crate::vectorized::Vectorized;

/// The agreement of an image with the other variant. Figures that cannot be had are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// Pearson's coefficient of correlation; NaN when all values of either path are equal.
    pub correlation: f64,
    /// Sum of the image over that of the other variant; 1 when both are 0.
    pub sum_ratio: f64,
    /// Greatest absolute difference, in units of the other variant's greatest value; 0 when there is none.
    pub max_difference: f64,
    /// Pixels compared.
    pub pixels: u64,
}

impl Check {
    /// Compares `value(row, column)`, which `variant` computed, with the other variant in float64, at every pixel
    /// of `sample`, on the threads of the current rayon pool. The result does not depend on their number.
    pub fn new(
        scene: &Scene,
        variant: Variant,
        sample: &Sample,
        value: impl Fn(usize, usize) -> f64 + Sync,
    ) -> Self {
        match variant {
            Variant::Vectorized => {
                let scalar = Scalar::new(scene);
                let scratch = || ();
                Self::against(sample, value, scratch, |(), row, column| {
                    scalar.photons(row as f64, column as f64)
                })
            }
            Variant::Scalar => {
                let vectorized = Vectorized::<f64>::new(scene);
                Self::against(sample, value, Scratch::new, |scratch, row, column| {
                    let mut pixel = [0.0];
                    vectorized.row(row, column, &mut pixel, scratch);
                    pixel[0]
                })
            }
        }
    }

    /// Compares `value` with `expected`, for which each band of pixels has a `scratch`.
    fn against<S>(
        sample: &Sample,
        value: impl Fn(usize, usize) -> f64 + Sync,
        scratch: impl Fn() -> S + Sync,
        expected: impl Fn(&mut S, usize, usize) -> f64 + Sync,
    ) -> Self {
        let band = |band| {
            let mut moments = Moments::default();
            let mut scratch = scratch();
            for (row, column) in sample.band(band) {
                moments.add(value(row, column), expected(&mut scratch, row, column));
            }
            moments
        };
        let bands: Vec<Moments> = (0..sample.bands()).into_par_iter().map(band).collect();
        bands.iter().fold(Moments::default(), |all, band| all.merged(band)).check()
    }
}

/// Moments of pairs (image, other variant), by the updating formulas of Chan, Golub and `LeVeque` (1983), which
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
    fn add(&mut self, image: f64, other: f64) {
        let one = Self {
            count: 1,
            means: [image, other],
            greatest: other,
            greatest_difference: (image - other).abs(),
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
            // An image without a photon is a right answer where the other variant has none either.
            sum_ratio: if self.means[0] == 0.0 && self.means[1] == 0.0 {
                1.0
            } else {
                self.means[0] / self.means[1]
            },
            max_difference: match self.greatest_difference {
                0.0 => 0.0,
                difference => difference / self.greatest,
            },
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
    use crate::config::{Config, Variant};
    use crate::sample::Sample;
    use crate::scalar::Scalar;
    use crate::scene::Scene;

    /// The check of an image that was made by the scalar variant and then spoilt, as if the vectorized had
    /// made it.
    fn spoilt(size: u64, spoil: impl Fn(&Scalar<'_>, usize, usize) -> f64 + Sync) -> Check {
        let scene = Scene::uniform(&Config::benchmark(size)).unwrap();
        let scalar = Scalar::new(&scene);
        let sample = Sample::new(scene.size, 65_536);
        Check::new(&scene, Variant::Vectorized, &sample, |row, column| spoil(&scalar, row, column))
    }

    fn shifted(by: f64) -> impl Fn(&Scalar<'_>, usize, usize) -> f64 + Sync {
        move |scalar, row, column| scalar.photons(row as f64 + by, column as f64 + by)
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
        let check = spoilt(1024, |scalar, row, column| 1.01 * scalar.photons(row as f64, column as f64));
        assert!((check.correlation - 1.0).abs() < 1e-12, "{check:?}");
        assert!((check.sum_ratio - 1.01).abs() < 1e-12, "{check:?}");
    }

    #[test]
    fn a_block_of_rows_that_was_never_written_is_seen() {
        let check = spoilt(4096, |scalar, row, column| {
            let written = !(320..352).contains(&row);
            if written { scalar.photons(row as f64, column as f64) } else { 0.0 }
        });
        assert!(check.sum_ratio < 0.999, "{check:?}");
        assert!(check.max_difference > 0.01, "{check:?}");
    }

    #[test]
    fn a_single_broken_pixel_in_the_sample_spoils_every_figure() {
        let check = spoilt(256, |scalar, row, column| {
            if (row, column) == (7, 9) { f64::NAN } else { scalar.photons(row as f64, column as f64) }
        });
        assert!(check.correlation.is_nan() && check.sum_ratio.is_nan() && check.max_difference.is_nan());
    }

    #[test]
    fn the_scalar_variant_is_checked_by_the_vectorized_one() {
        let scene = Scene::uniform(&Config::benchmark(256)).unwrap();
        let scalar = Scalar::new(&scene);
        let sample = Sample::new(scene.size, 65_536);
        let check = |by: f64| {
            Check::new(&scene, Variant::Scalar, &sample, |row, column| {
                scalar.photons(row as f64 + by, column as f64)
            })
        };
        let faithful = check(0.0);
        assert!(faithful.max_difference < 1e-11 && faithful.max_difference > 0.0, "{faithful:?}");
        assert!(check(1.0).correlation < 0.995, "{:?}", check(1.0));
    }

    #[test]
    fn an_image_without_photons_agrees_with_one_that_has_none() {
        let scene = Scene::uniform(&Config { default_f: 0.0, ..Config::benchmark(32) }).unwrap();
        let sample = Sample::new(scene.size, 65_536);
        let check = |photons| Check::new(&scene, Variant::Vectorized, &sample, |_, _| photons);
        assert!(check(0.0).correlation.is_nan());
        assert_eq!((check(0.0).sum_ratio, check(0.0).max_difference), (1.0, 0.0));
        assert_eq!((check(1.0).sum_ratio, check(1.0).max_difference), (f64::INFINITY, f64::INFINITY));
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
