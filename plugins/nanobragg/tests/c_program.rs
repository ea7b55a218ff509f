//! Both paths against whole images of the public C program, pixel by pixel.
//!
//! `fixtures/README.md` says how they were made. They are the only outside witness: what the fast and the
//! scalar path got wrong together would show here.

use std::io::Read;

use flate2::read::GzDecoder;
use nanobragg::config::Config;
use nanobragg::experiment::Experiment;
use nanobragg::image::Image;
use nanobragg::real::Real;
use nanobragg::reference::Reference;

const SIZE: usize = 256;

fn c_image(compressed: &[u8]) -> Vec<f64> {
    let mut bytes = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut bytes).expect("the fixture is gzip");
    let (chunks, _) = bytes.as_chunks();
    let pixels: Vec<f64> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk).into()).collect();
    assert_eq!(pixels.len(), SIZE * SIZE);
    pixels
}

fn fixtures() -> [(&'static str, Vec<f64>, Experiment); 2] {
    let default = Config::benchmark(SIZE as u64);
    let wide = Config { pixel_mm: 1.6, ..default.clone() };
    [
        ("s1_default", c_image(include_bytes!("fixtures/s1_default.f32.gz")), Experiment::new(&default)),
        ("s2_wide", c_image(include_bytes!("fixtures/s2_wide.f32.gz")), Experiment::new(&wide)),
    ]
}

/// Correlation, ratio of the sums, greatest difference over greatest value: by the textbook's two passes,
/// not by the code under test.
fn agreement(image: &[f64], expected: &[f64]) -> (f64, f64, f64) {
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let count = image.len() as f64;
    let (mean, expected_mean) = (sum(image) / count, sum(expected) / count);
    let pairs = || image.iter().zip(expected).map(|(a, b)| (a - mean, b - expected_mean));
    let product: f64 = pairs().map(|(a, b)| a * b).sum();
    let squares: (f64, f64) = pairs().fold((0.0, 0.0), |sums, (a, b)| (sums.0 + a * a, sums.1 + b * b));
    let correlation = product / (squares.0 * squares.1).sqrt();
    let difference = image.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let greatest = expected.iter().copied().fold(0.0, f64::max);
    (correlation, sum(image) / sum(expected), difference / greatest)
}

fn assert_agrees(name: &str, image: &[f64], expected: &[f64], accuracy: f64) {
    let (correlation, sum_ratio, difference) = agreement(image, expected);
    let figures = format!("{name}: correlation {correlation}, ratio {sum_ratio}, difference {difference:e}");
    assert!(correlation >= 0.999_999_999, "{figures}");
    assert!((sum_ratio - 1.0).abs() <= accuracy, "{figures}");
    assert!(difference <= accuracy, "{figures}");
}

fn fast<T: Real>(experiment: &Experiment) -> Vec<f64> {
    let mut image = Image::<T>::allocate(experiment).expect("a small image fits");
    image.compute(|| false).expect("nobody cancels");
    image.pixels().iter().map(|pixel| pixel.to_f64()).collect()
}

#[test]
fn the_fast_path_draws_the_image_of_the_c_program() {
    for (name, expected, experiment) in fixtures() {
        assert_agrees(name, &fast::<f32>(&experiment), &expected, 1e-5);
        assert_agrees(name, &fast::<f64>(&experiment), &expected, 1e-7);
    }
}

#[test]
fn the_scalar_path_draws_the_image_of_the_c_program() {
    for (name, expected, experiment) in fixtures() {
        let reference = Reference::new(&experiment);
        let photons = |index| reference.photons((index / SIZE) as f64, (index % SIZE) as f64);
        let image: Vec<f64> = (0..SIZE * SIZE).map(photons).collect();
        assert_agrees(name, &image, &expected, 1e-7);
    }
}

#[test]
fn the_comparison_itself_tells_images_apart() {
    let [(_, default, _), (_, wide, _)] = fixtures();
    let (correlation, sum_ratio, _) = agreement(&default, &wide);
    assert!(correlation < 0.9 && sum_ratio < 0.1, "{correlation}, {sum_ratio}");
}
