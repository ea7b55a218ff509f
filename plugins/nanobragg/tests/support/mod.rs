//! What several tests of the kernel need: images of a configuration, and how well two images agree.
//!
//! The agreement is by the textbook's two passes, not by the code under test.
#![allow(dead_code, reason = "no test uses all of it")]

use nanobragg::config::{Config, Variant};
use nanobragg::image::Image;
use nanobragg::isa::Isa;
use nanobragg::real::Real;
use nanobragg::scene::Scene;

/// All pixels of `config` by the vectorized variant in `T`.
pub fn vectorized<T: Real>(scene: &Scene) -> Vec<f64> {
    pixels(Image::<T>::allocate(scene, Variant::Vectorized).expect("the image fits"))
}

/// The same with chosen instructions.
pub fn with_instructions<T: Real>(scene: &Scene, isa: Isa) -> Vec<f64> {
    pixels(Image::<T>::vectorized(scene, isa, false).expect("the image fits"))
}

/// All pixels by the scalar variant.
pub fn scalar(scene: &Scene) -> Vec<f64> {
    pixels(Image::<f64>::allocate(scene, Variant::Scalar).expect("the image fits"))
}

fn pixels<T: Real>(mut image: Image<T>) -> Vec<f64> {
    image.compute(|| false).expect("nobody cancels");
    image.pixels().iter().map(|pixel| pixel.to_f64()).collect()
}

/// A scene of `config` with equal structure factors.
pub fn scene(config: &Config) -> Scene {
    config.check().expect("the configuration is within its limits");
    Scene::uniform(config).expect("the configuration makes a scene")
}

/// How well two images agree.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    pub correlation: f64,
    pub sum_ratio: f64,
    /// Greatest difference over greatest value.
    pub difference: f64,
}

/// Compares an image with the expected one.
pub fn agreement(image: &[f64], expected: &[f64]) -> Agreement {
    assert_eq!(image.len(), expected.len());
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let count = image.len() as f64;
    let (mean, expected_mean) = (sum(image) / count, sum(expected) / count);
    let pairs = || image.iter().zip(expected).map(|(a, b)| (a - mean, b - expected_mean));
    let product: f64 = pairs().map(|(a, b)| a * b).sum();
    let squares: (f64, f64) = pairs().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + a * a, sums.1 + b * b));
    let difference = image.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let greatest = expected.iter().copied().fold(0.0, f64::max);
    Agreement {
        correlation: product / (squares.0 * squares.1).sqrt(),
        sum_ratio: sum(image) / sum(expected),
        difference: difference / greatest,
    }
}
