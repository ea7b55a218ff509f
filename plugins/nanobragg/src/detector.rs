//! [`Detector`]: where each pixel is, as a vector in the laboratory frame, in each program's convention.
//!
//! The conventions are nanoBragg's: they differ in axes, in where the header's beam centre counts from, and in
//! what stays in place when the detector is turned. Read by both variants through [`crate::scene`].

use runner_plugin::Error;

use crate::config::{Config, Convention};
use crate::crystal::radians;
use crate::vector::{Vector, about, about_xyz, dot, length, plus, scaled, unit};

const MILLIMETRE: f64 = 1e-3;
const MICROMETRE: f64 = 1e-6;

const X: Vector = [1.0, 0.0, 0.0];
const Y: Vector = [0.0, 1.0, 0.0];
const Z: Vector = [0.0, 0.0, 1.0];

/// The unit vectors of a convention, before any rotation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axes {
    /// The direction of the beam.
    pub beam: Vector,
    /// Along a row of pixels: the column index grows.
    pub fast: Vector,
    /// Along a column of pixels: the row index grows.
    pub slow: Vector,
    /// The normal of the detector, away from the crystal.
    pub normal: Vector,
    /// The axis of the detector's swing.
    pub twotheta: Vector,
    /// The electric vector of the beam.
    pub polar: Vector,
    /// The axis of the crystal's rotation.
    pub spindle: Vector,
}

impl Axes {
    /// Those of a convention.
    pub fn new(convention: Convention) -> Self {
        let down = scaled(Y, -1.0);
        let mosflm =
            Self { beam: X, fast: Z, slow: down, normal: X, twotheta: scaled(Z, -1.0), polar: Z, spindle: Z };
        let xds = Self { beam: Z, fast: X, slow: Y, normal: Z, twotheta: X, polar: X, spindle: X };
        match convention {
            Convention::Auto | Convention::Mosflm | Convention::Denzo => mosflm,
            Convention::Custom => Self { twotheta: Z, ..mosflm },
            Convention::Adxv => Self { slow: down, twotheta: scaled(X, -1.0), ..xds },
            Convention::Xds => xds,
            Convention::Dials => Self { twotheta: Y, polar: Y, spindle: Y, ..xds },
        }
    }
}

/// A flat square detector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detector {
    /// Edge of a pixel in m.
    pub pixel: f64,
    /// The outer corner of pixel (0, 0), in m.
    pub origin: Vector,
    /// Along a row: the column index grows.
    pub fast: Vector,
    /// Along a column: the row index grows.
    pub slow: Vector,
    /// The normal, away from the crystal.
    pub normal: Vector,
    /// From the crystal to the nearest point of the detector's plane, in m.
    pub close_distance: f64,
    /// From the crystal to the detector along the beam, in m.
    pub distance: f64,
    /// The sensor, where it is more than a surface.
    pub sensor: Option<Sensor>,
    /// Whether a pixel's solid angle is that of a point: 1 / R^2.
    pub point_pixel: bool,
}

/// A sensor that photons enter: layers that each hold back a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensor {
    /// How many there are.
    pub layers: u32,
    /// From one to the next, in m.
    pub step: f64,
    /// Attenuation coefficient in 1/m.
    pub mu: f64,
}

impl Detector {
    /// Places the detector. `convention` is resolved: never [`Convention::Auto`].
    pub fn new(config: &Config, convention: Convention) -> Result<Self, Error> {
        let axes = Axes::new(convention);
        let pixel = config.pixel_mm * MILLIMETRE;
        let turned = |axis| {
            let angle = config.twotheta_deg.to_radians();
            let turned = about_xyz(axis, radians(config.detector_rot_deg));
            if angle == 0.0 { turned } else { about(turned, axes.twotheta, angle) }
        };
        let (fast, slow, normal) = (turned(axes.fast), turned(axes.slow), turned(axes.normal));
        // nanoBragg takes the obliquity before the swing; a detector along the beam has no distance.
        let ratio = dot(axes.beam, about_xyz(axes.normal, radians(config.detector_rot_deg)));
        if ratio.abs() < 1e-6 {
            return Err(Error::invalid("detector_rot_deg: the detector's plane holds the beam"));
        }
        let near = (ratio * config.distance_mm * MILLIMETRE).abs();
        let centre = Centre::new(config, convention, pixel);
        let origin = match convention {
            Convention::Xds | Convention::Dials => {
                // It turns about the crystal: the point nearest to the crystal stays.
                let across = plus(scaled(axes.fast, -centre.near[0]), scaled(axes.slow, -centre.near[1]));
                turned(plus(across, scaled(axes.normal, near)))
            }
            _ => {
                // It turns about the foot of the beam.
                let across = plus(scaled(fast, -centre.foot[0]), scaled(slow, -centre.foot[1]));
                plus(across, scaled(axes.beam, near / ratio))
            }
        };
        let close_distance = dot(origin, normal);
        Ok(Self {
            pixel,
            origin,
            fast,
            slow,
            normal,
            close_distance,
            distance: close_distance / ratio,
            sensor: sensor(config),
            point_pixel: config.point_pixel,
        })
    }

    /// The point at the indices (`slow`, `fast`) of the layer at `depth` m, in m. Whole numbers name the centre
    /// of a pixel.
    pub fn point(&self, slow: f64, fast: f64, depth: f64) -> Vector {
        let along_fast = scaled(self.fast, (fast + 0.5) * self.pixel);
        let along_slow = scaled(self.slow, (slow + 0.5) * self.pixel);
        plus(plus(self.origin, scaled(self.normal, depth)), plus(along_fast, along_slow))
    }
}

/// The two beam centres along (fast, slow), in m from the outer corner of pixel (0, 0).
struct Centre {
    /// Where the beam meets the detector.
    foot: [f64; 2],
    /// The point nearest to the crystal.
    near: [f64; 2],
}

impl Centre {
    fn new(config: &Config, convention: Convention, pixel: f64) -> Self {
        let edge = config.size as f64 * pixel;
        let near = [config.org_x_px, config.org_y_px]
            .map(|pixels| pixels.map_or(edge / 2.0, |pixels| (pixels - 0.5) * pixel));
        let header = |value: Option<f64>, otherwise: f64| value.map_or(otherwise, |value| value * MILLIMETRE);
        let beyond = f64::midpoint(edge, pixel);
        let (x, y) = (config.beam_x_mm, config.beam_y_mm);
        let foot = match convention {
            Convention::Auto | Convention::Mosflm => {
                [header(y, beyond) + pixel / 2.0, header(x, beyond) + pixel / 2.0]
            }
            Convention::Denzo => [header(y, beyond), header(x, beyond)],
            Convention::Adxv => [header(x, beyond), edge - header(y, beyond - pixel)],
            Convention::Xds | Convention::Dials | Convention::Custom => {
                [header(x, near[0]), header(y, near[1])]
            }
        };
        Self { foot, near }
    }
}

/// nanoBragg's rules: two layers unless said otherwise, and never one; a number of layers that is given spans
/// the thickness from the first to the last, so that together they are one layer thicker.
fn sensor(config: &Config) -> Option<Sensor> {
    let thickness = config.detector_thick_um * MICROMETRE;
    let (layers, step) = match config.detector_thicksteps {
        0 => (2, thickness / 2.0),
        layers => (layers.max(2) as u32, thickness / (layers.max(2) - 1) as f64),
    };
    let depth = match config.detector_absorb_um {
        0.0 => thickness,
        depth => depth * MICROMETRE,
    };
    (thickness > 0.0).then_some(Sensor { layers, step, mu: 1.0 / depth })
}

/// An axis that the user wrote, as a unit vector.
pub fn axis(name: &str, written: Vector) -> Result<Vector, Error> {
    let axis = unit(written);
    if length(axis) == 0.0 {
        Err(Error::invalid(format!("{name}: a direction of length 0")))
    } else {
        Ok(axis)
    }
}

#[cfg(test)]
mod tests {
    use super::{Axes, Detector};
    use crate::config::{Config, Convention};
    use crate::vector::{dot, length, minus, scaled};

    const ALL: [Convention; 6] = [
        Convention::Mosflm,
        Convention::Denzo,
        Convention::Adxv,
        Convention::Xds,
        Convention::Dials,
        Convention::Custom,
    ];

    /// Row and column at which the beam meets the detector.
    fn foot(config: &Config, convention: Convention) -> [f64; 2] {
        let detector = Detector::new(config, convention).unwrap();
        let beam = Axes::new(convention).beam;
        let distance = dot(detector.origin, detector.normal) / dot(beam, detector.normal);
        let across = minus(scaled(beam, distance), detector.origin);
        [detector.slow, detector.fast].map(|axis| dot(across, axis) / detector.pixel - 0.5)
    }

    #[test]
    fn the_beam_meets_the_middle_where_each_convention_puts_it() {
        let config = Config::benchmark(256);
        for (convention, expected) in ALL.into_iter().zip([
            [128.5, 128.5],
            [128.0, 128.0],
            [128.0, 128.0],
            [127.5, 127.5],
            [127.5, 127.5],
            [127.5, 127.5],
        ]) {
            let foot = foot(&config, convention);
            assert!(
                length(minus([foot[0], foot[1], 0.0], [expected[0], expected[1], 0.0])) < 1e-9,
                "{foot:?}"
            );
        }
    }

    #[test]
    fn header_values_count_as_each_convention_says() {
        let config = Config { beam_x_mm: Some(5.0), beam_y_mm: Some(9.0), ..Config::benchmark(256) };
        // 256 pixels of 0.1 mm; index 0 is the centre of the first pixel.
        let expected = [
            (Convention::Mosflm, [50.0, 90.0]),
            (Convention::Denzo, [49.5, 89.5]),
            (Convention::Adxv, [165.5, 49.5]),
            (Convention::Custom, [89.5, 49.5]),
        ];
        for (convention, expected) in expected {
            let foot = foot(&config, convention);
            assert!(
                (foot[0] - expected[0]).abs() + (foot[1] - expected[1]).abs() < 1e-9,
                "{convention:?} {foot:?}"
            );
        }
        let config = Config { org_x_px: Some(51.0), org_y_px: Some(91.0), ..Config::benchmark(256) };
        let foot = foot(&config, Convention::Xds);
        assert!((foot[0] - 90.0).abs() + (foot[1] - 50.0).abs() < 1e-9, "{foot:?}");
    }

    #[test]
    fn turning_about_the_beam_keeps_its_foot_and_turning_about_the_crystal_keeps_the_distance() {
        let config =
            Config { detector_rot_deg: [5.0, 10.0, -7.0], twotheta_deg: 12.0, ..Config::benchmark(256) };
        for convention in ALL {
            let detector = Detector::new(&config, convention).unwrap();
            if matches!(convention, Convention::Xds | Convention::Dials) {
                let flat =
                    Config { detector_rot_deg: config.detector_rot_deg, twotheta_deg: 0.0, ..config.clone() };
                let flat = Detector::new(&flat, convention).unwrap();
                assert!((detector.close_distance / flat.close_distance - 1.0).abs() < 1e-12);
            } else {
                let [row, column] = foot(&config, convention);
                let [flat_row, flat_column] = foot(&Config::benchmark(256), convention);
                assert!((row - flat_row).abs() + (column - flat_column).abs() < 1e-6, "{convention:?}");
            }
            assert!(dot(detector.fast, detector.slow).abs() < 1e-14);
        }
    }

    #[test]
    fn a_detector_along_the_beam_is_refused() {
        let config = Config { detector_rot_deg: [0.0, 90.0, 0.0], ..Config::benchmark(8) };
        assert!(
            Detector::new(&config, Convention::Mosflm).unwrap_err().to_string().contains("detector_rot_deg")
        );
    }

    #[test]
    fn the_sensor_has_the_layers_of_nanobragg() {
        let sensor = |thickness, layers, depth| {
            let config = Config {
                detector_thick_um: thickness,
                detector_absorb_um: depth,
                detector_thicksteps: layers,
                ..Config::benchmark(8)
            };
            let sensor = Detector::new(&config, Convention::Mosflm).unwrap().sensor?;
            Some((sensor.layers, (sensor.step * 1e9).round(), (1e6 / sensor.mu).round()))
        };
        assert_eq!(sensor(0.0, 5, 234.0), None);
        assert_eq!(sensor(450.0, 5, 234.0), Some((5, 112_500.0, 234.0)));
        assert_eq!(sensor(450.0, 0, 0.0), Some((2, 225_000.0, 450.0)));
        assert_eq!(sensor(450.0, 1, 0.0), Some((2, 450_000.0, 450.0)));
    }
}
