//! The image against the published figures of the benchmark, and against its own symmetries.
//!
//! The figures are those of the public C program (hoidn/nanoBragg at 3d6886f7, gcc -O2, float64 arithmetic,
//! float32 image) at the three sizes of the benchmark.

use nanobragg::check::Check;
use nanobragg::config::{Config, Variant};
use nanobragg::image::Image;
use nanobragg::real::Real;
use nanobragg::sample::Sample;
use nanobragg::scene::Scene;
use nanobragg::statistics::Statistics;
use runner_plugin::ErrorKind;

struct Figures {
    size: u64,
    sum: f64,
    max: f64,
    mean: f64,
    std: f64,
}

const PUBLISHED: [Figures; 3] = [
    Figures { size: 4096, sum: 3_382_770.853, max: 154.652_466, mean: 0.201_628_86, std: 1.876_091 },
    Figures { size: 2048, sum: 2_117_291.570, max: 154.652_466, mean: 0.504_801_65, std: 3.545_909 },
    Figures { size: 1024, sum: 923_805.273, max: 154.652_466, mean: 0.881_009_36, std: 5.627_114 },
];

fn image<T: Real>(size: u64) -> Image<T> {
    computed(&scene(&Config::benchmark(size)))
}

fn scene(config: &Config) -> Scene {
    Scene::uniform(config).expect("the configuration makes a scene")
}

fn computed<T: Real>(scene: &Scene) -> Image<T> {
    let mut image = Image::allocate(scene, Variant::Vectorized).expect("the image fits");
    image.compute(|| false).expect("nobody cancels");
    image
}

fn check<T: Real>(scene: &Scene, image: &Image<T>) -> Check {
    let pixels = image.pixels();
    let sample = Sample::new(scene.size, 65_536);
    Check::new(scene, Variant::Vectorized, &sample, |row, column| pixels[(row, column)].to_f64())
}

fn assert_close(name: &str, value: f64, expected: f64, relative: f64) {
    let error = (value / expected - 1.0).abs();
    assert!(error <= relative, "{name}: {value} instead of {expected}, off by {error:e}");
}

fn published_figures_are_met<T: Real>() {
    for figures in &PUBLISHED {
        let image = image::<T>(figures.size);
        let pixels = image.pixels();
        let statistics = Statistics::new(&pixels);
        assert_close("sum", statistics.sum, figures.sum, 1e-6);
        assert_close("max", statistics.max, figures.max, 1e-6);
        assert_close("mean", statistics.mean, figures.mean, 1e-6);
        assert_close("std", statistics.std, figures.std, 1e-6);
        assert!(statistics.min >= 0.0, "{}", statistics.min);
        // Four pixels share the corner that the beam falls on, and so the maximum.
        let beam = figures.size as usize / 2;
        assert_eq!(statistics.max_at, (beam, beam));
        for (row, column) in [(beam, beam + 1), (beam + 1, beam), (beam + 1, beam + 1)] {
            assert_close("a neighbour", pixels[(row, column)].to_f64(), statistics.max, 1e-12);
        }
        let check = check(&scene(&Config::benchmark(figures.size)), &image);
        assert!(check.correlation > 0.999_999_999, "{check:?}");
        assert!((check.sum_ratio - 1.0).abs() < 1e-6 && check.max_difference < 1e-5, "{check:?}");
    }
}

#[test]
fn published_figures_are_met_in_float32() {
    published_figures_are_met::<f32>();
}

#[test]
fn published_figures_are_met_in_float64() {
    published_figures_are_met::<f64>();
}

/// Mirrored and transposed pixels agree to `digits` of their value.
fn symmetric<T: Real>(digits: f64) {
    let image = image::<T>(512);
    let pixels = image.pixels();
    // The beam stands at 256.5: index q mirrors to 513 - q, and 0 and 1 have no partner.
    for row in 2..512 {
        for column in 2..512 {
            let here = pixels[(row, column)].to_f64();
            let others = [(row, 513 - column), (513 - row, column), (column, row)];
            for (there, value) in others.map(|place| (place, pixels[place].to_f64())) {
                let error = (here - value).abs();
                assert!(error <= digits * 154.7, "({row}, {column}) {here}, {there:?} {value}");
            }
        }
    }
    assert!(pixels[(0, 200)].to_f64().to_bits() != pixels[(511, 200)].to_f64().to_bits());
}

#[test]
fn mirrored_and_transposed_pixels_are_equal_but_for_rounding() {
    symmetric::<f32>(3e-6);
    symmetric::<f64>(1e-14);
}

#[test]
fn a_smaller_detector_sees_the_middle_of_a_larger_one() {
    let large = image::<f32>(2048);
    for size in [1024, 512, 2] {
        let small = image::<f32>(size);
        let margin = (2048 - size as usize) / 2;
        for ((row, column), pixel) in small.pixels().indexed_iter() {
            let expected = large.pixels()[(row + margin, column + margin)];
            assert_eq!(pixel.to_bits(), expected.to_bits(), "size {size}, ({row}, {column})");
        }
    }
}

#[test]
fn tiny_and_odd_sizes_follow_the_scalar_path_everywhere() {
    for size in [1, 2, 3, 31, 33, 255] {
        let scene = scene(&Config::benchmark(size));
        let single = check(&scene, &image::<f32>(size));
        let double = check(&scene, &image::<f64>(size));
        for (check, accuracy) in [(single, 1e-5), (double, 1e-12)] {
            assert_eq!(check.pixels, size * size);
            assert!(check.max_difference < accuracy, "size {size}: {check:?}");
            assert!(size == 1 || check.correlation > 0.999_999, "size {size}: {check:?}");
        }
    }
}

#[test]
fn other_experiments_follow_the_scalar_path_too() {
    let changes: [fn(&mut Config); 7] = [
        |config| config.cells = 1,
        |config| config.cells = 2,
        |config| config.cells = 12,
        |config| config.cells = 64,
        |config| (config.wavelength_angstrom, config.cell_edge_angstrom) = (1.0, 37.5),
        |config| (config.distance_mm, config.pixel_mm) = (250.0, 1.2),
        |config| config.default_f = 0.5,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut config = Config::benchmark(300);
        change(&mut config);
        let scene = scene(&config);
        let single = check(&scene, &computed::<f32>(&scene));
        let double = check(&scene, &computed::<f64>(&scene));
        assert!(
            single.max_difference < 2e-4 && single.correlation > 0.999_999,
            "change {number}: {single:?}"
        );
        assert!(double.max_difference < 1e-11, "change {number}: {double:?}");
    }
}

#[test]
fn every_corner_of_the_limits_gives_finite_pixels_in_float32() {
    let corners =
        |name: usize, bits: usize, low: f64, high: f64| if bits >> name & 1 == 0 { low } else { high };
    for bits in 0..64 {
        let config = Config {
            cells: corners(0, bits, 1.0, 1000.0) as u64,
            cell_edge_angstrom: corners(1, bits, 1.0, 2000.0),
            wavelength_angstrom: corners(2, bits, 0.1, 100.0),
            distance_mm: corners(3, bits, 1.0, 100_000.0),
            pixel_mm: corners(4, bits, 0.001, 100.0),
            default_f: corners(5, bits, 0.001, 1e6),
            oversample: 1,
            ..Config::benchmark(64)
        };
        config.check().unwrap();
        let statistics = Statistics::new(&computed::<f32>(&scene(&config)).pixels());
        assert!(statistics.max > 0.0 && statistics.sum.is_finite(), "{config:?}: {statistics:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let scene = scene(&Config::benchmark(333));
    let run = || {
        let image = image::<f32>(333);
        let bits: Vec<u32> = image.pixels().iter().map(|pixel| pixel.to_bits()).collect();
        (bits, Statistics::new(&image.pixels()), check(&scene, &image))
    };
    assert!(one.install(run) == three.install(run));
}

#[test]
fn every_iteration_writes_every_pixel_again() {
    let scene = scene(&Config::benchmark(100));
    let first = computed::<f32>(&scene);
    let mut again = first.clone();
    again.compute(|| false).unwrap();
    assert_eq!(first.pixels(), again.pixels());
    assert!(first.pixels().iter().all(|pixel| *pixel > 0.0));
}

#[test]
fn a_cancelled_computation_stops_between_blocks_and_says_so() {
    let mut image = Image::<f32>::allocate(&scene(&Config::benchmark(512)), Variant::Vectorized).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3;
    let error = one.install(|| image.compute(cancelled)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let written = image.pixels().iter().filter(|pixel| **pixel != 0.0).count();
    assert_eq!(written, 3 * 32 * 512, "three blocks of rows were begun before the fourth question");
}

#[test]
fn an_image_that_does_not_fit_is_an_error_and_no_abort() {
    for size in [1 << 24, 1 << 31, usize::MAX] {
        let scene = Scene { size, ..scene(&Config::benchmark(1)) };
        let error = Image::<f64>::allocate(&scene, Variant::Scalar).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
        assert!(error.to_string().contains(&size.to_string()), "{error}");
    }
}
