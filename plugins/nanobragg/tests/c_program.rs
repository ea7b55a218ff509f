//! Both variants against images of the public C program.
//!
//! `fixtures/README.md` says how they were made. They are the only outside witness: what the two variants share,
//! or got wrong together, would show here.

mod support;

use std::io::Read;

use flate2::read::GzDecoder;
use nanobragg::config::Config;
use nanobragg::isa::Isa;
use nanobragg::scene::Scene;
use support::{agreement, scalar, scene, vectorized, with_instructions};

const SIZE: usize = 256;

struct Case {
    name: &'static str,
    scene: Scene,
    pixels: Vec<f64>,
    /// Whether only every fourth pixel of every fourth row was kept.
    samples: bool,
    sum: f64,
    max: f64,
}

fn c_pixels(compressed: &[u8]) -> Vec<f64> {
    let mut bytes = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut bytes).expect("the fixture is gzip");
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().map(|chunk| f32::from_le_bytes(*chunk).into()).collect()
}

fn cases() -> Vec<Case> {
    let default = Config::benchmark(SIZE as u64);
    let wide = Config { pixel_mm: 1.6, oversample: 1, ..default.clone() };
    let phi = Config { osc_deg: Some(2.0), phi_steps: 10, ..wide.clone() };
    let triclinic = Config {
        cell_edge_angstrom: 70.0,
        cell_b_angstrom: 80.0,
        cell_c_angstrom: 90.0,
        cell_alpha_deg: 85.0,
        cell_beta_deg: 95.0,
        cell_gamma_deg: 105.0,
        wavelength_angstrom: 1.5,
        cells_a: 3,
        cells_b: 4,
        cells_c: 6,
        pixel_mm: 0.8,
        oversample: 2,
        ..default.clone()
    };
    let dispersion = Config { dispersion_percent: 1.0, dispersion_steps: 5, ..wide.clone() };
    let thick = Config {
        detector_thick_um: 450.0,
        detector_absorb_um: 234.0,
        detector_thicksteps: 5,
        ..wide.clone()
    };
    let case = |name, config: &Config, file: &[u8], sum, max| {
        let pixels = c_pixels(file);
        Case { name, scene: scene(config), samples: pixels.len() == SIZE * SIZE / 16, pixels, sum, max }
    };
    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("fixtures/", $name, ".f32.gz"))
        };
    }
    vec![
        case("s1_default", &default, file!("s1_default"), 215_621.588_519, 154.652_466),
        case("s2_wide", &wide, file!("s2_wide"), 3_352_698.361_531, 29_468.708_984),
        case("s3_phi", &phi, file!("s3_phi.samples"), 3_373_749.701_440, 23_080.308_594),
        case("s4_triclinic", &triclinic, file!("s4_triclinic.samples"), 1_303_303.502_691, 928.765_564),
        case("s5_dispersion", &dispersion, file!("s5_dispersion.samples"), 3_338_226.928_769, 28_553.851_562),
        case("s6_thick", &thick, file!("s6_thick.samples"), 544_159.019_582, 7_365.059_082),
    ]
}

/// Every fourth pixel of every fourth row, as the fixtures have it.
fn samples(image: &[f64]) -> Vec<f64> {
    let places = (2..SIZE).step_by(4).flat_map(|row| (1..SIZE).step_by(4).map(move |column| (row, column)));
    places.map(|(row, column)| image[row * SIZE + column]).collect()
}

fn assert_agrees(case: &Case, what: &str, image: &[f64], accuracy: f64) {
    let seen =
        if case.samples { agreement(&samples(image), &case.pixels) } else { agreement(image, &case.pixels) };
    let sum_ratio = image.iter().sum::<f64>() / case.sum;
    let max_ratio = image.iter().copied().fold(0.0, f64::max) / case.max;
    let figures = format!("{} {what}: {seen:?}, sum ratio {sum_ratio}, max ratio {max_ratio}", case.name);
    assert!(seen.correlation >= 0.999_999_99, "{figures}");
    assert!((sum_ratio - 1.0).abs() <= accuracy, "{figures}");
    assert!((max_ratio - 1.0).abs() <= accuracy, "{figures}");
    assert!(seen.difference <= accuracy, "{figures}");
}

#[test]
fn the_scalar_variant_draws_the_images_of_the_c_program() {
    for case in cases() {
        assert_agrees(&case, "scalar", &scalar(&case.scene), 2e-7);
    }
}

#[test]
fn the_vectorized_variant_draws_the_images_of_the_c_program() {
    for case in cases() {
        assert_agrees(&case, "float64", &vectorized::<f64>(&case.scene), 2e-7);
        // The triclinic one has indices up to 40, of which float32 keeps fewer digits.
        let accuracy = if case.name == "s4_triclinic" { 5e-4 } else { 3e-5 };
        assert_agrees(&case, "float32", &vectorized::<f32>(&case.scene), accuracy);
    }
}

#[test]
fn every_set_of_instructions_draws_the_same_images() {
    for case in cases() {
        for isa in Isa::all() {
            assert_agrees(&case, isa.name(), &with_instructions::<f64>(&case.scene, isa), 2e-7);
        }
    }
}

#[test]
fn the_comparison_itself_tells_images_apart() {
    let cases = cases();
    let seen = agreement(&cases[0].pixels, &cases[1].pixels);
    assert!(seen.correlation < 0.9 && seen.sum_ratio < 0.1, "{seen:?}");
    let seen = agreement(&samples(&cases[1].pixels), &cases[2].pixels);
    assert!(seen.correlation < 0.99, "two degrees of the spindle are seen: {seen:?}");
}
