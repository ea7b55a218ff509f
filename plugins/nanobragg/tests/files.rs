//! What comes from files: structure factors between which one interpolates, cell and orientation, sources.
//!
//! The C program's rules, and both variants against each other. Mistakes in a file are tested where it is parsed;
//! that they reach the user with the file's name, in `plugin.rs`.

mod support;

use nanobragg::config::{Config, Shape};
use nanobragg::crystal::Crystal;
use nanobragg::matrix::Matrix;
use nanobragg::reflections::Reflections;
use nanobragg::scene::{Inputs, Scene};
use nanobragg::sources::Sources;
use nanobragg::vector::scaled;
use support::{agreement, scalar, scene, vectorized};

/// One cell along each axis: between reflections the image is that of the structure factors alone.
fn single_cell() -> Config {
    Config {
        cells: 1,
        pixel_mm: 1.2,
        oversample: 1,
        misset_deg: [3.0, 7.0, 20.0],
        wavelength_angstrom: 4.0,
        cell_edge_angstrom: 40.0,
        ..Config::benchmark(64)
    }
}

/// A file that names every reflection of a box, with the value of `field`.
fn reflections(reach: i32, field: impl Fn([f64; 3]) -> f64) -> Reflections {
    let axis = -reach..=reach;
    let line = |h: i32, k: i32, l: i32| format!("{h} {k} {l} {}\n", field([h, k, l].map(f64::from)));
    let all =
        axis.clone().flat_map(|h| axis.clone().flat_map(move |k| (-reach..=reach).map(move |l| (h, k, l))));
    let content: String = all.map(|(h, k, l)| line(h, k, l)).collect();
    Reflections::parse("test.hkl", content.as_bytes(), 0.0).expect("the file is right")
}

/// A cubic along each axis, which a cubic through four values reproduces.
fn cubic([h, k, l]: [f64; 3]) -> f64 {
    100.0 + h - 2.0 * k + 0.5 * h * k * l - 0.01 * h * h * l + 0.002 * h.powi(3) - 0.003 * k.powi(3)
}

/// Indices of the centre of each pixel, as the textbook has them.
fn indices(scene: &Scene) -> Vec<[f64; 3]> {
    let source = scene.beam.sources[0];
    let places =
        (0..scene.size).flat_map(|row| (0..scene.size).map(move |column| (row as f64, column as f64)));
    let index = |(row, column)| {
        let point = scene.detector.point(row, column, 0.0);
        let far = point.iter().map(|part| part * part).sum::<f64>().sqrt();
        let change = [0, 1, 2].map(|axis| (point[axis] / far - source.incident[axis]) / source.wavelength);
        scene.orientations[0].map(|edge| edge.iter().zip(change).map(|(a, b)| a * b).sum())
    };
    places.map(index).collect()
}

#[test]
fn a_field_that_is_cubic_is_reproduced_between_the_reflections() {
    let config = single_cell();
    let scene = Scene::new(&config, reflections(30, cubic)).unwrap();
    assert!(scene.interpolate, "one cell along an axis: nanoBragg interpolates unless told otherwise");
    let flat = scalar(&self::scene(&Config { default_f: 1.0, ..config }));
    let expected: Vec<f64> =
        flat.iter().zip(indices(&scene)).map(|(photons, index)| photons * cubic(index).powi(2)).collect();
    let accurate = |image: &[f64], accuracy: f64| {
        let seen = agreement(image, &expected);
        assert!(seen.difference < accuracy && seen.correlation > 0.999_999, "{seen:?}");
    };
    accurate(&scalar(&scene), 1e-12);
    accurate(&vectorized::<f64>(&scene), 1e-12);
    accurate(&vectorized::<f32>(&scene), 3e-5);
}

#[test]
fn both_variants_interpolate_alike_and_take_the_nearest_where_the_file_ends() {
    // Rough, and so small a box that most of the detector lies outside.
    let rough = |[h, k, l]: [f64; 3]| 50.0 + (h * 7.0 + k * 11.0 + l * 13.0).rem_euclid(40.0);
    for (reach, shape, phi_steps) in [(3, Shape::Square, 1), (30, Shape::Round, 3), (2, Shape::Gauss, 1)] {
        let config = Config { shape, phi_steps, interpolate: Some(true), cells: 3, ..single_cell() };
        let scene = Scene::new(&config, reflections(reach, rough)).unwrap();
        let expected = scalar(&scene);
        let double = agreement(&vectorized::<f64>(&scene), &expected);
        assert!(double.difference < 1e-10, "{reach}: {double:?}");
        let single = agreement(&vectorized::<f32>(&scene), &expected);
        assert!(single.correlation > 0.999_9, "{reach}: {single:?}");
        let nearest = Config { interpolate: Some(false), ..config };
        let nearest = scalar(&Scene::new(&nearest, reflections(reach, rough)).unwrap());
        let changed = agreement(&nearest, &expected).difference;
        if reach == 2 {
            assert!(changed < 1e-12, "nothing is surrounded: {changed:e}");
        } else {
            assert!(changed > 0.01, "{reach}: interpolation changes nothing: {changed:e}");
        }
    }
}

#[test]
fn interpolation_is_switched_as_nanobragg_switches_it() {
    let file = || reflections(3, |_| 10.0);
    let on = |config: &Config| Scene::new(config, file()).unwrap().interpolate;
    assert!(
        !on(&Config { cells: 3, ..single_cell() }) && on(&Config { cells_b: 2, cells: 3, ..single_cell() })
    );
    assert!(on(&Config { cells: 3, interpolate: Some(true), ..single_cell() }));
    assert!(!on(&Config { interpolate: Some(false), ..single_cell() }));
    assert!(!scene(&single_cell()).interpolate, "without a file there is nothing to interpolate");
    let wanted = Config { interpolate: Some(true), ..single_cell() };
    let error = Scene::uniform(&wanted).unwrap_err().to_string();
    assert_eq!(error, "interpolate: there is nothing to interpolate between without `hkl`");
}

#[test]
fn a_matrix_file_draws_the_image_of_the_cell_that_it_was_made_of() {
    // Monoclinic: the oblique cell of the C program is not quite the one it was given.
    let config = Config {
        cell_b_angstrom: 55.0,
        cell_c_angstrom: 70.0,
        cell_beta_deg: 100.0,
        misset_deg: [11.0, -40.0, 75.0],
        cells: 4,
        ..single_cell()
    };
    let expected = scalar(&scene(&config));
    let stars = Crystal::new(&config, None).unwrap().reciprocal.map(|star| scaled(star, 4.0));
    let row = |axis: usize| stars.map(|star| format!("{:.17e}", star[axis])).join(" ");
    let content = format!("{}\n{}\n{}\n       0.000       0.000       0.000\n", row(0), row(1), row(2));
    let matrix = Some(Matrix::parse("test.mat", content.as_bytes()).unwrap());
    let plain = Config { cells: 4, cell_edge_angstrom: 100.0, misset_deg: [0.0; 3], ..single_cell() };
    let inputs = Inputs { reflections: Reflections::uniform(100.0), matrix, sources: None };
    let scene = Scene::with(&plain, inputs.clone()).unwrap();
    for image in [scalar(&scene), vectorized::<f64>(&scene)] {
        let seen = agreement(&image, &expected);
        assert!(seen.difference < 1e-10, "{seen:?}");
    }
    let turned =
        Scene::with(&Config { misset_deg: [0.0, 0.0, 5.0], ..plain.clone() }, inputs.clone()).unwrap();
    assert!(agreement(&scalar(&turned), &expected).correlation < 0.9, "it is turned by misset too");
    let error = Scene::with(&config, inputs).unwrap_err().to_string();
    assert!(error.starts_with("matrix: the file gives the cell"), "{error}");
}

fn with_sources(config: &Config, content: &str) -> Scene {
    let wavelength = config.wavelength_angstrom * 1e-10;
    let sources =
        Some(Sources::parse("test.txt", content.as_bytes(), wavelength).expect("the file is right"));
    Scene::with(config, Inputs { reflections: Reflections::uniform(config.default_f), matrix: None, sources })
        .expect("the scene is right")
}

#[test]
fn one_source_on_the_axis_is_no_file_at_all() {
    let config = Config::benchmark(96);
    let expected = scene(&config);
    let scene = with_sources(&config, "-10 0 0 1 6.2e-10\n");
    assert!((scene.beam.sources[0].wavelength / expected.beam.sources[0].wavelength - 1.0).abs() < 1e-15);
    for (image, expected) in [
        (scalar(&scene), scalar(&expected)),
        (vectorized::<f64>(&scene), vectorized::<f64>(&expected)),
        (vectorized::<f32>(&scene), vectorized::<f32>(&expected)),
    ] {
        let seen = agreement(&image, &expected);
        assert!(seen.difference < 1e-9, "{seen:?}");
    }
    assert_eq!(
        scalar(&with_sources(&config, "-3 0 0")),
        scalar(&self::scene(&config)),
        "the default wavelength"
    );
}

#[test]
fn sources_of_a_file_are_those_of_the_grid_with_the_same_directions_and_wavelengths() {
    let base = Config { pixel_mm: 0.8, oversample: 1, ..Config::benchmark(96) };
    let grid = Config {
        hdiv_mrad: 4.0,
        hdiv_steps: 3,
        vdiv_mrad: 2.0,
        dispersion_percent: 1.0,
        round_div: false,
        ..base.clone()
    };
    let expected = scene(&grid);
    let line = |source: &nanobragg::beam::Source| {
        let [x, y, z] = scaled(source.incident, -7.0);
        // The weights are read, and as in the C program nothing is done with them.
        format!("{x:.17e} {y:.17e} {z:.17e} {} {:.17e}\n", 1.0 + y.abs(), source.wavelength)
    };
    let content: String = expected.beam.sources.iter().map(line).collect();
    let scene = with_sources(&base, &content);
    assert_eq!(scene.beam.sources.len(), 12);
    let expected = scalar(&expected);
    for (image, accuracy) in
        [(scalar(&scene), 1e-10), (vectorized::<f64>(&scene), 1e-10), (vectorized::<f32>(&scene), 1e-4)]
    {
        let seen = agreement(&image, &expected);
        assert!(seen.difference < accuracy, "{seen:?}");
    }
    let sources = Some(Sources::parse("test.txt", content.as_bytes(), 1e-10).unwrap());
    let inputs = Inputs { reflections: Reflections::uniform(100.0), matrix: None, sources };
    let error = Scene::with(&grid, inputs).unwrap_err().to_string();
    assert!(error.starts_with("sources: the file gives directions and wavelengths"), "{error}");
}

#[test]
fn light_from_any_side_has_the_same_image_in_both_variants() {
    // From behind, from the side, along the electric vector (which then has no direction), from the detector.
    let content = "-1 0 0\n0 1 0.3\n0 0 -2\n0.2 -1 0 1 3e-10\n5 1 1\n";
    let config = Config { kahn_factor: 0.8, pixel_mm: 0.8, oversample: 1, ..Config::benchmark(64) };
    for each in [false, true] {
        let config = Config { oversample_polar: each, ..config.clone() };
        let scene = with_sources(&config, content);
        let expected = scalar(&scene);
        let double = agreement(&vectorized::<f64>(&scene), &expected);
        assert!(double.difference < 1e-10, "{double:?}");
        let single = agreement(&vectorized::<f32>(&scene), &expected);
        assert!(single.difference < 1e-3, "{single:?}");
    }
    let alone = with_sources(&config, "0 0 -2\n");
    let double = agreement(&vectorized::<f64>(&alone), &scalar(&alone));
    assert!(double.difference < 1e-10, "{double:?}");
}
