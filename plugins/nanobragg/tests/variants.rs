//! The two variants against each other, over scenes drawn at random and over the physics one by one.
//!
//! They share only the scene, so that what differs in one of them shows; what the scene gets wrong shows in
//! `c_program.rs`. Float32 keeps about 7 digits of a Miller index, so that its accuracy depends on how great they
//! are and on how sharp the spots: that is worked out, not guessed.

mod support;

use nanobragg::config::{Config, Convention, Shape};
use nanobragg::isa::Isa;
use nanobragg::matrix::Matrix;
use nanobragg::reflections::Reflections;
use nanobragg::scene::{Inputs, Scene};
use nanobragg::sources::Sources;
use nanobragg::vector::length;
use proptest::prelude::*;
use support::{Agreement, agreement, scalar, scene, vectorized, with_instructions};

/// Greatest Miller index on a detector that sees every direction.
fn greatest_index(config: &Config) -> f64 {
    let edges = [config.cell_edge_angstrom, config.cell_b_angstrom, config.cell_c_angstrom];
    2.0 * edges.into_iter().fold(0.0, f64::max) / config.wavelength_angstrom
}

/// What float32 leaves uncertain of an image whose greatest pixel is `greatest`, as a part of it: the error of an
/// index times the slope of a spot.
fn single_accuracy(config: &Config, scene: &Scene, greatest: f64) -> f64 {
    let index = 1.5e-7 * greatest_index(config);
    let cells = scene.crystal.cells.map(f64::from);
    let most = cells.into_iter().fold(0.0, f64::max);
    let slope = match config.shape {
        Shape::Square => 3.0 * most,
        Shape::Gauss => {
            // The exponent's slope grows with the distance from the reflection, which the image's faintness tells:
            // no pixel has more than that of a reflection, all further factors being at most 1.
            let all: f64 = cells.into_iter().product();
            let stars: f64 = scene.crystal.reciprocal.iter().map(|star| length(*star)).sum();
            let pixel = if config.point_pixel { 1000.0 } else { config.pixel_mm };
            let nearest = scene.detector.close_distance.abs() * 1000.0;
            let peak =
                scene.scale() * scene.steps() as f64 * (config.default_f * all * pixel / nearest).powi(2);
            let exponent = (peak * f64::from(scene.layers()) / greatest).ln().max(0.5);
            2.0 * all * stars * (2.0 / 0.63 * exponent).sqrt()
        }
        Shape::Round | Shape::Tophat => 3.0 * most.powi(3),
    };
    2e-5 + index * slope
}

fn any_config() -> impl Strategy<Value = Config> {
    let crystal = (
        prop_oneof![
            3 => Just(Shape::Square),
            1 => Just(Shape::Round),
            1 => Just(Shape::Gauss),
        ],
        (1_u64..8, 0_u64..6, 0_u64..30, 0_u64..6),
        (20.0..120.0, 20.0..120.0, 20.0..120.0),
        (70.0..110.0, 70.0..110.0, 70.0..110.0),
        prop::array::uniform3(-180.0..180.0),
    );
    let beam = (
        1.0..6.0,
        prop_oneof![Just((0.0, 0)), (0.1..3.0, 2_u64..4)],
        prop_oneof![Just((0.0, 0.0)), (0.1..20.0, 0.0..20.0)],
        (0_u64..4, 0_u64..3, any::<bool>()),
        (any::<bool>(), -1.0..1.0),
    );
    let turn = (
        prop_oneof![Just((0.0, None, 0)), (-5.0..5.0, prop::option::of(0.1..3.0), 0_u64..4)],
        prop::option::of(Just([0.3, -0.5, 0.8])),
        prop_oneof![Just((0.0, 0)), (0.1..5.0, 2_u64..4)],
        any::<u32>(),
    );
    let detector = (
        (60.0..300.0, 0.3..3.0, 16_u64..34),
        prop_oneof![
            Just(Convention::Auto),
            Just(Convention::Mosflm),
            Just(Convention::Denzo),
            Just(Convention::Adxv),
            Just(Convention::Xds),
            Just(Convention::Dials),
            Just(Convention::Custom),
        ],
        (prop::option::of(0.0..40.0), prop::option::of(0.0..40.0), prop::option::of(0.0..40.0)),
        prop_oneof![Just(([0.0; 3], 0.0)), (prop::array::uniform3(-20.0..20.0), -40.0..40.0)],
        prop_oneof![Just((0.0, 0.0, 0)), (1.0..500.0, 50.0..500.0, 0_u64..4)],
    );
    let sampling = (1_u64..4, any::<[bool; 4]>(), prop_oneof![Just(0.0), 1.5..4.0]);
    (crystal, beam, turn, detector, sampling).prop_map(|(crystal, beam, turn, detector, sampling)| {
        let (shape, cells, edges, angles, misset_deg) = crystal;
        let (wavelength, dispersion, divergence, steps, polarization) = beam;
        let (rotation, spindle_axis, mosaic, seed) = turn;
        let (distances, convention, centre, turned, sensor) = detector;
        let (oversample, flags, dmin_angstrom) = sampling;
        // The running products of tiny factors: with several they leave float32.
        let each = if flags[3] { [false; 3] } else { [flags[0], flags[1], false] };
        Config {
            shape,
            cells: cells.0,
            cells_a: cells.1,
            cells_b: cells.2,
            cells_c: cells.3,
            cell_edge_angstrom: edges.0,
            cell_b_angstrom: edges.1,
            cell_c_angstrom: edges.2,
            cell_alpha_deg: angles.0,
            cell_beta_deg: angles.1,
            cell_gamma_deg: angles.2,
            misset_deg,
            wavelength_angstrom: wavelength,
            dispersion_percent: dispersion.0,
            dispersion_steps: dispersion.1,
            hdiv_mrad: divergence.0,
            vdiv_mrad: divergence.1,
            hdiv_steps: steps.0,
            vdiv_steps: steps.1,
            round_div: steps.2,
            polarization: polarization.0,
            kahn_factor: polarization.1,
            phi_deg: rotation.0,
            osc_deg: rotation.1,
            phi_steps: rotation.2,
            spindle_axis,
            mosaic_deg: mosaic.0,
            mosaic_domains: mosaic.1,
            mosaic_seed: seed.into(),
            distance_mm: distances.0,
            pixel_mm: distances.1,
            convention,
            beam_x_mm: centre.0,
            beam_y_mm: centre.1,
            org_x_px: centre.2,
            detector_rot_deg: turned.0,
            twotheta_deg: turned.1,
            detector_thick_um: sensor.0,
            detector_absorb_um: sensor.1,
            detector_thicksteps: sensor.2,
            oversample,
            oversample_thick: each[0],
            oversample_polar: each[1],
            point_pixel: flags[2],
            dmin_angstrom,
            ..Config::benchmark(distances.2)
        }
    })
}

/// Contents of files: reflections in a box with holes, a matrix, sources. Each may be missing.
fn any_files() -> impl Strategy<Value = [Option<String>; 3]> {
    let reflections =
        ((-3_i32..3, -3_i32..3, -3_i32..3), (2_i32..9, 2_i32..9, 2_i32..9), 0_i32..5, any::<u32>()).prop_map(
            |(middle, half, holes, seed)| {
                let range = |axis: (i32, i32)| axis.0 - axis.1..=axis.0 + axis.1;
                let [hs, ks, ls] = [(middle.0, half.0), (middle.1, half.1), (middle.2, half.2)].map(range);
                let all = hs.flat_map(|h| {
                    let ls = ls.clone();
                    ks.clone().flat_map(move |k| ls.clone().map(move |l| (h, k, l)))
                });
                let named = all.filter(|(h, k, l)| holes == 0 || (h + 2 * k + 3 * l) % 5 >= holes - 4);
                let line = |(h, k, l): (i32, i32, i32)| {
                    let mixed = (h * 73 + k * 179 + l * 283) as u32 ^ seed;
                    format!("{h} {k} {l} {}.5\n", mixed.wrapping_mul(0x9E37_79B1) >> 26)
                };
                named.map(line).collect::<String>()
            },
        );
    let matrix =
        (prop::array::uniform3(0.01..0.05), prop::array::uniform9(-0.2..0.2)).prop_map(|(edges, bent)| {
            let row = |x: usize| {
                let column =
                    |star: usize| edges[star] * (f64::from(u8::from(x == star)) + bent[3 * x + star]);
                format!("{} {} {}\n", column(0), column(1), column(2))
            };
            format!("{}{}{}", row(0), row(1), row(2))
        });
    let source = (-0.1..0.1, -0.1..0.1, prop::option::of(1e-10..6e-10), 0.5..2.0).prop_map(
        |(y, z, wavelength, far): (f64, f64, Option<f64>, f64)| {
            let wavelength = wavelength.map_or(String::new(), |metres: f64| format!(" 1 {metres:e}"));
            format!("{} {} {}{wavelength}\n", -far, far * y, far * z)
        },
    );
    let sources = prop::collection::vec(source, 1..5).prop_map(|lines| lines.concat());
    (prop::option::of(reflections), prop::option::of(matrix), prop::option::of(sources))
        .prop_map(|(reflections, matrix, sources)| [reflections, matrix, sources])
}

/// The scene of a configuration and files, less what the files replace.
fn scene_with(config: &Config, files: &[Option<String>; 3], interpolate: Option<bool>) -> (Config, Scene) {
    let [reflections, matrix, sources] = files;
    let mut config = Config {
        default_f: 64.0,
        interpolate: interpolate.filter(|_| reflections.is_some()),
        ..config.clone()
    };
    let none = Config::benchmark(16);
    if matrix.is_some() {
        config.cell_edge_angstrom = none.cell_edge_angstrom;
        config.cell_b_angstrom = none.cell_b_angstrom;
        config.cell_c_angstrom = none.cell_c_angstrom;
        config.cell_alpha_deg = none.cell_alpha_deg;
        config.cell_beta_deg = none.cell_beta_deg;
        config.cell_gamma_deg = none.cell_gamma_deg;
    }
    if sources.is_some() {
        config.dispersion_percent = 0.0;
        config.hdiv_mrad = 0.0;
        config.vdiv_mrad = 0.0;
    }
    config.check().expect("the configuration is within its limits");
    let wavelength = config.wavelength_angstrom * 1e-10;
    let inputs = Inputs {
        reflections: reflections.as_ref().map_or(Reflections::uniform(config.default_f), |text| {
            Reflections::parse("any.hkl", text.as_bytes(), config.default_f).expect("reflections")
        }),
        matrix: matrix.as_ref().map(|text| Matrix::parse("any.mat", text.as_bytes()).expect("a matrix")),
        sources: sources
            .as_ref()
            .map(|text| Sources::parse("any.src", text.as_bytes(), wavelength).expect("sources")),
    };
    let scene = Scene::with(&config, inputs).expect("a scene");
    (config, scene)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn any_files_have_the_same_image_in_both_variants(
        config in any_config(), files in any_files(), interpolate in any::<Option<bool>>()
    ) {
        let (config, scene) = scene_with(&config, &files, interpolate);
        let expected = scalar(&scene);
        prop_assert!(expected.iter().all(|photons| photons.is_finite() && *photons >= -0.0));
        let greatest = expected.iter().copied().fold(0.0, f64::max);
        if greatest == 0.0 {
            return Ok(());
        }
        let double = agreement(&vectorized::<f64>(&scene), &expected);
        prop_assert!(double.difference < 1e-9, "float64: {double:?}");
        if config.dmin_angstrom == 0.0 && greatest > 1e-37 {
            // A place half-way between two reflections, or on the edge of what interpolates, may be on the one side in
            // float64 and on the other in float32: single pixels differ, most do not.
            let image = vectorized::<f32>(&scene);
            let mean = image.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / expected.len() as f64;
            let allowed = single_accuracy(&config, &scene, greatest) + 1e-3 + 3.0 / expected.len() as f64;
            prop_assert!(mean < allowed * greatest, "float32: {}", mean / greatest);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_scene_has_the_same_image_in_both_variants(config in any_config()) {
        let scene = scene(&config);
        let expected = scalar(&scene);
        prop_assert!(expected.iter().all(|photons| photons.is_finite() && *photons >= -0.0));
        if expected.iter().all(|photons| *photons == 0.0) {
            return Ok(());
        }
        let double = agreement(&vectorized::<f64>(&scene), &expected);
        prop_assert!(double.difference < 1e-9, "float64: {double:?}");
        // A pixel that the limit of resolution cuts in one type may just escape it in the other, and float32 holds
        // no image that is everywhere below its least normal number.
        let faint = expected.iter().all(|photons| *photons < 1e-37);
        if config.dmin_angstrom == 0.0 && !faint {
            let image = vectorized::<f32>(&scene);
            let greatest = expected.iter().copied().fold(0.0, f64::max);
            let accuracy = single_accuracy(&config, &scene, greatest) * greatest;
            let beyond = image.iter().zip(&expected).filter(|(a, b)| (**a - **b).abs() > accuracy).count();
            // In an oblique cell a Gaussian spot ends where the next begins, and not as high: a pixel that stands
            // there to the last digit may be on the one side in float64 and on the other in float32.
            let edges = if config.shape == Shape::Gauss { 2 + expected.len() / 100 } else { 0 };
            prop_assert!(beyond <= edges, "float32: {beyond} beyond, {:?}", agreement(&image, &expected));
        }
    }
}

#[test]
fn float32_holds_every_image_of_gaussian_spots_that_its_range_can_hold() {
    let base = Config {
        shape: Shape::Gauss,
        cells: 10,
        misset_deg: [20.0, 30.0, 40.0],
        distance_mm: 100.0,
        pixel_mm: 0.2,
        oversample: 1,
        ..Config::benchmark(24)
    };
    let mut faint = 0;
    for config in [base.clone(), Config { mosaic_deg: 0.1, mosaic_domains: 3, ..base.clone() }] {
        let mut fudge = 1e-4;
        while fudge < 10.0 {
            fudge *= 1.05;
            let config = Config { fudge, beam_x_mm: Some(40.0), ..config.clone() };
            let scene = scene(&config);
            let expected = scalar(&scene);
            let greatest = expected.iter().copied().fold(0.0, f64::max);
            if greatest < 1e-36 {
                break;
            }
            let seen = agreement(&vectorized::<f32>(&scene), &expected);
            assert!(seen.difference < 1e-3, "fudge {fudge}, {greatest:e}: {seen:?}");
            faint += usize::from(greatest < 1e-32);
        }
    }
    assert!(faint > 0, "no image was faint");
}

fn compared(config: &Config) -> (Agreement, Agreement) {
    let scene = scene(config);
    let expected = scalar(&scene);
    (agreement(&vectorized::<f64>(&scene), &expected), agreement(&vectorized::<f32>(&scene), &expected))
}

#[test]
fn every_set_of_instructions_gives_the_same_image() {
    let base = Config { oversample: 2, pixel_mm: 0.8, kahn_factor: 0.9, ..Config::benchmark(96) };
    let turning = Config { osc_deg: Some(1.0), phi_steps: 3, ..base.clone() };
    for config in [
        Config::benchmark(96),
        turning.clone(),
        Config { cells: 17, ..turning.clone() },
        Config { cells: 4, ..turning.clone() },
        Config { shape: Shape::Round, ..turning.clone() },
        Config { shape: Shape::Gauss, oversample_polar: true, ..turning.clone() },
        Config { shape: Shape::Tophat, ..base },
    ] {
        let scene = scene(&config);
        let expected = scalar(&scene);
        for isa in Isa::all() {
            let double = agreement(&with_instructions::<f64>(&scene, isa), &expected);
            assert!(double.difference < 1e-10, "{} {config:?}: {double:?}", isa.name());
            let single = agreement(&with_instructions::<f32>(&scene, isa), &expected);
            let edges = config.shape == Shape::Tophat;
            assert!(edges || single.difference < 3e-4, "{} {config:?}: {single:?}", isa.name());
        }
    }
}

#[test]
fn factors_of_every_sub_pixel_multiply_the_running_sum_in_both() {
    let base = Config { oversample: 2, pixel_mm: 0.8, detector_thick_um: 300.0, ..Config::benchmark(64) };
    let once = scalar(&scene(&base));
    for flags in 1..8 {
        let config = Config {
            oversample_thick: flags & 1 != 0,
            oversample_polar: flags & 2 != 0,
            oversample_omega: flags & 4 != 0,
            ..base.clone()
        };
        let (double, single) = compared(&config);
        assert!(double.difference < 1e-11 && single.difference < 1e-4, "{flags}: {double:?} {single:?}");
        let changed = agreement(&scalar(&scene(&config)), &once);
        assert!(changed.difference > 1e-3, "{flags} changes nothing: {changed:?}");
    }
}

#[test]
fn a_tophat_differs_only_where_a_pixel_stands_on_its_edge() {
    let config = Config { shape: Shape::Tophat, oversample: 1, pixel_mm: 0.5, ..Config::benchmark(200) };
    let scene = scene(&config);
    let expected = scalar(&scene);
    let inside = expected.iter().filter(|photons| **photons > 0.0).count();
    let image = vectorized::<f32>(&scene);
    let differ = image.iter().zip(&expected).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count();
    assert!(inside > 20 && differ <= inside / 20, "{inside} inside, {differ} differ");
    assert!(agreement(&vectorized::<f64>(&scene), &expected).difference < 1e-12);
}

#[test]
fn reflections_from_a_file_are_looked_up_alike() {
    let config = Config {
        pixel_mm: 1.2,
        osc_deg: Some(1.0),
        phi_steps: 3,
        oversample: 2,
        default_f: 7.0,
        ..Config::benchmark(128)
    };
    let indices = (0..100_000).map(|n| (n % 50 - 25, n / 50 % 50 - 25, n / 2500 - 20));
    // Not all of the box is named.
    let lines: Vec<String> = indices
        .filter(|(h, k, l)| (h + k + l) % 3 != 0)
        .map(|(h, k, l)| format!("{h} {k} {l} {}", 50 + (h * 7 + k * 11 + l * 13) % 40))
        .collect();
    let content = lines.join("\n");
    let reflections = Reflections::parse("test.hkl", content.as_bytes(), config.default_f).unwrap();
    let scene = Scene::new(&config, reflections).unwrap();
    let expected = scalar(&scene);
    let double = agreement(&vectorized::<f64>(&scene), &expected);
    assert!(double.difference < 1e-11, "{double:?}");
    let single = agreement(&vectorized::<f32>(&scene), &expected);
    assert!(single.correlation > 0.999_999 && single.difference < 1e-3, "{single:?}");
    let uniform = scalar(&self::scene(&config));
    assert!(agreement(&uniform, &expected).correlation < 0.999, "the file matters");
}

#[test]
fn a_file_that_names_the_default_for_all_changes_nothing() {
    let config = Config { pixel_mm: 0.8, ..Config::benchmark(64) };
    let reflections = Reflections::parse("test.hkl", b"0 0 0 100\n1 2 3 100\n", 100.0).unwrap();
    let file = scalar(&Scene::new(&config, reflections).unwrap());
    assert_eq!(file, scalar(&scene(&config)));
}
