//! [`Config`]: the step's `with:`, in the units that a crystallographer writes.
//!
//! `schema.json` says the same to whoever validates a workflow without running this library; a test keeps
//! the two in step: names, defaults, limits. [`crate::plugin`] checks a configuration once, when it is
//! created; [`crate::scene`] turns it into SI. Nothing here may compute.

use std::ops::RangeInclusive;

use runner_plugin::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Floating-point type of the arithmetic and of the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 24 bits of precision, 4 bytes a pixel.
    #[default]
    Float32,
    /// 53 bits of precision, 8 bytes a pixel.
    Float64,
}

/// Where the image is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The processor that runs the plugin host.
    #[default]
    Cpu,
}

impl Device {
    /// The name that the kernel reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }
}

/// Which of the two computations fills the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// Nested loops in float64, whatever the image's type: the readable one.
    Scalar,
    /// Segments of rows in vector registers, in the image's own type.
    #[default]
    Vectorized,
}

/// Form of the crystal, which decides the form of its spots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A parallelepiped: the interference function of a grating along each axis.
    #[default]
    Square,
    /// An ellipsoid.
    Round,
    /// Gaussian spots, nothing between them.
    Gauss,
    /// Spots of constant height, nothing between them.
    Tophat,
}

/// Whose axes and beam centre are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// MOSFLM; once `spindle_axis` is given, [`Self::Custom`]: nanoBragg does so.
    #[default]
    Auto,
    /// MOSFLM: header values half a pixel beyond, and half a pixel more to the place.
    Mosflm,
    /// DENZO: as MOSFLM without the last half pixel.
    Denzo,
    /// ADXV: the slow coordinate counts from the other edge.
    Adxv,
    /// XDS: the point nearest to the crystal, in pixels from 1.
    Xds,
    /// DIALS: as XDS with other axes of rotation and polarization.
    Dials,
    /// MOSFLM's detector, with the beam in the middle.
    Custom,
}

/// The configuration as it is written. [`Config::check`] holds the limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Config {
    /// Pixels along each side of the square detector.
    #[serde(deserialize_with = "whole")]
    pub size: u64,
    /// Which computation fills the image.
    #[serde(default)]
    pub variant: Variant,
    /// Type of the image, and of the vectorized arithmetic.
    #[serde(default)]
    pub dtype: Dtype,
    /// Where to compute.
    #[serde(default)]
    pub device: Device,
    /// Threads that compute; 0 takes as many as the process may use.
    #[serde(default, deserialize_with = "whole")]
    pub threads: u64,
    /// Unmeasured iterations.
    #[serde(default = "one", deserialize_with = "whole")]
    pub warmup: u64,
    /// Measured iterations.
    #[serde(default = "one", deserialize_with = "whole")]
    pub iterations: u64,
    /// Unit cells along each axis of the crystal.
    #[serde(default = "benchmark_cells", deserialize_with = "whole")]
    pub cells: u64,
    /// Unit cells along a; 0: as `cells`.
    #[serde(default, deserialize_with = "whole")]
    pub cells_a: u64,
    /// Unit cells along b; 0: as `cells`.
    #[serde(default, deserialize_with = "whole")]
    pub cells_b: u64,
    /// Unit cells along c; 0: as `cells`.
    #[serde(default, deserialize_with = "whole")]
    pub cells_c: u64,
    /// Form of the crystal.
    #[serde(default)]
    pub shape: Shape,
    /// Factor on the squared radius of the spots of a crystal that is not square.
    #[serde(default = "unity")]
    pub fudge: f64,
    /// Edge a of the unit cell in angstrom.
    #[serde(default = "hundred")]
    pub cell_edge_angstrom: f64,
    /// Edge b in angstrom; 0: as a.
    #[serde(default)]
    pub cell_b_angstrom: f64,
    /// Edge c in angstrom; 0: as a.
    #[serde(default)]
    pub cell_c_angstrom: f64,
    /// Angle between b and c in degrees.
    #[serde(default = "right_angle")]
    pub cell_alpha_deg: f64,
    /// Angle between a and c in degrees.
    #[serde(default = "right_angle")]
    pub cell_beta_deg: f64,
    /// Angle between a and b in degrees.
    #[serde(default = "right_angle")]
    pub cell_gamma_deg: f64,
    /// Rotations of the crystal about the laboratory's x, then y, then z, in degrees.
    #[serde(default)]
    pub misset_deg: [f64; 3],
    /// Structure factor of every reflection that no file names, in electrons.
    #[serde(default = "hundred")]
    pub default_f: f64,
    /// A text file of `h k l F` lines, relative to the project root.
    #[serde(default)]
    pub hkl: Option<String>,
    /// Whether structure factors of that file are interpolated; null: where some axis has at most two cells.
    #[serde(default)]
    pub interpolate: Option<bool>,
    /// A MOSFLM matrix file, which gives cell and orientation, relative to the project root.
    #[serde(default)]
    pub matrix: Option<String>,
    /// Wavelength in angstrom.
    #[serde(default = "benchmark_wavelength")]
    pub wavelength_angstrom: f64,
    /// Whole width of the band of wavelengths, in percent of the wavelength.
    #[serde(default)]
    pub dispersion_percent: f64,
    /// Wavelengths in that band; 0: two.
    #[serde(default, deserialize_with = "whole")]
    pub dispersion_steps: u64,
    /// Whole divergence along the polarization, in milliradian.
    #[serde(default)]
    pub hdiv_mrad: f64,
    /// Whole divergence across the polarization, in milliradian.
    #[serde(default)]
    pub vdiv_mrad: f64,
    /// Directions along the polarization; 0: two.
    #[serde(default, deserialize_with = "whole")]
    pub hdiv_steps: u64,
    /// Directions across the polarization; 0: two.
    #[serde(default, deserialize_with = "whole")]
    pub vdiv_steps: u64,
    /// Whether directions in the corners of that grid are left out.
    #[serde(default = "yes")]
    pub round_div: bool,
    /// A text file of `x y z weight wavelength` lines, which gives the beam's sources, relative to the project root.
    #[serde(default)]
    pub sources: Option<String>,
    /// Photons per square metre.
    #[serde(default = "benchmark_fluence")]
    pub fluence: f64,
    /// Whether the polarization factor is applied.
    #[serde(default = "yes")]
    pub polarization: bool,
    /// Kahn's polarization factor: 0 unpolarized, 1 along the polarization axis.
    #[serde(default)]
    pub kahn_factor: f64,
    /// First angle about the spindle in degrees.
    #[serde(default)]
    pub phi_deg: f64,
    /// Range of the rotation in degrees; null: none, or 1 when `phi_steps` is given.
    #[serde(default)]
    pub osc_deg: Option<f64>,
    /// Steps of the rotation; 0: one, or two when `osc_deg` is given.
    #[serde(default, deserialize_with = "whole")]
    pub phi_steps: u64,
    /// Axis of the rotation; null: that of the convention.
    #[serde(default)]
    pub spindle_axis: Option<[f64; 3]>,
    /// Greatest rotation of a mosaic domain in degrees.
    #[serde(default)]
    pub mosaic_deg: f64,
    /// Mosaic domains; 0: ten when there is a spread.
    #[serde(default, deserialize_with = "whole")]
    pub mosaic_domains: u64,
    /// Seed of the domains' orientations.
    #[serde(default = "one", deserialize_with = "whole")]
    pub mosaic_seed: u64,
    /// Distance from crystal to detector in millimetres.
    #[serde(default = "hundred")]
    pub distance_mm: f64,
    /// Edge of a pixel in millimetres.
    #[serde(default = "benchmark_pixel")]
    pub pixel_mm: f64,
    /// Convention of axes and beam centre.
    #[serde(default)]
    pub convention: Convention,
    /// Header value X of the beam centre in millimetres; null: the convention's middle.
    #[serde(default)]
    pub beam_x_mm: Option<f64>,
    /// Header value Y of the beam centre in millimetres; null: the convention's middle.
    #[serde(default)]
    pub beam_y_mm: Option<f64>,
    /// Fast coordinate of the point nearest to the crystal, in pixels from 1, as XDS writes it.
    #[serde(default)]
    pub org_x_px: Option<f64>,
    /// Slow coordinate of the point nearest to the crystal, in pixels from 1, as XDS writes it.
    #[serde(default)]
    pub org_y_px: Option<f64>,
    /// Rotations of the detector about the laboratory's x, then y, then z, in degrees.
    #[serde(default)]
    pub detector_rot_deg: [f64; 3],
    /// Swing of the detector about the convention's axis in degrees.
    #[serde(default)]
    pub twotheta_deg: f64,
    /// Thickness of the sensor in micrometres; 0: a surface that catches everything.
    #[serde(default)]
    pub detector_thick_um: f64,
    /// Attenuation depth of the sensor in micrometres; 0: its thickness.
    #[serde(default)]
    pub detector_absorb_um: f64,
    /// Layers of the sensor; 0: two.
    #[serde(default, deserialize_with = "whole")]
    pub detector_thicksteps: u64,
    /// Sub-pixels along each side of a pixel; 0: as many as the crystal's size asks for.
    #[serde(default, deserialize_with = "whole")]
    pub oversample: u64,
    /// Whether the captured fraction is computed for every sub-pixel.
    #[serde(default)]
    pub oversample_thick: bool,
    /// Whether the polarization is computed for every sub-pixel and source.
    #[serde(default)]
    pub oversample_polar: bool,
    /// Whether the solid angle is computed for every sub-pixel.
    #[serde(default)]
    pub oversample_omega: bool,
    /// Whether the solid angle of a pixel is left out but for the distance.
    #[serde(default)]
    pub point_pixel: bool,
    /// Spacing in angstrom below which nothing is computed; 0: no limit.
    #[serde(default)]
    pub dmin_angstrom: f64,
    /// Least number of pixels that the self-check compares.
    #[serde(default = "least_sample", deserialize_with = "whole")]
    pub sample: u64,
    /// Whether to write the artifact `image.npy`.
    #[serde(default)]
    pub image: bool,
    /// The artifact to which configuration and figures are written, if any.
    #[serde(default)]
    pub report: Option<String>,
}

impl Config {
    /// The benchmark configuration at `size` x `size` pixels.
    pub fn benchmark(size: u64) -> Self {
        Self {
            size,
            variant: Variant::default(),
            dtype: Dtype::default(),
            device: Device::default(),
            threads: 0,
            warmup: one(),
            iterations: one(),
            cells: benchmark_cells(),
            cells_a: 0,
            cells_b: 0,
            cells_c: 0,
            shape: Shape::default(),
            fudge: unity(),
            cell_edge_angstrom: hundred(),
            cell_b_angstrom: 0.0,
            cell_c_angstrom: 0.0,
            cell_alpha_deg: right_angle(),
            cell_beta_deg: right_angle(),
            cell_gamma_deg: right_angle(),
            misset_deg: [0.0; 3],
            default_f: hundred(),
            hkl: None,
            interpolate: None,
            matrix: None,
            wavelength_angstrom: benchmark_wavelength(),
            dispersion_percent: 0.0,
            dispersion_steps: 0,
            hdiv_mrad: 0.0,
            vdiv_mrad: 0.0,
            hdiv_steps: 0,
            vdiv_steps: 0,
            round_div: yes(),
            sources: None,
            fluence: benchmark_fluence(),
            polarization: yes(),
            kahn_factor: 0.0,
            phi_deg: 0.0,
            osc_deg: None,
            phi_steps: 0,
            spindle_axis: None,
            mosaic_deg: 0.0,
            mosaic_domains: 0,
            mosaic_seed: one(),
            distance_mm: hundred(),
            pixel_mm: benchmark_pixel(),
            convention: Convention::default(),
            beam_x_mm: None,
            beam_y_mm: None,
            org_x_px: None,
            org_y_px: None,
            detector_rot_deg: [0.0; 3],
            twotheta_deg: 0.0,
            detector_thick_um: 0.0,
            detector_absorb_um: 0.0,
            detector_thicksteps: 0,
            oversample: 0,
            oversample_thick: false,
            oversample_polar: false,
            oversample_omega: false,
            point_pixel: false,
            dmin_angstrom: 0.0,
            sample: least_sample(),
            image: false,
            report: None,
        }
    }

    /// Holds every number to its limits. All that are outside are named in one error. What is wrong only
    /// together, [`crate::scene::Scene::new`] finds.
    pub fn check(&self) -> Result<(), Error> {
        let whole = [
            ("size", self.size, 1..=8192),
            ("threads", self.threads, 0..=1024),
            ("warmup", self.warmup, 0..=1_000_000),
            ("iterations", self.iterations, 1..=1_000_000),
            ("cells", self.cells, 1..=1000),
            ("cells_a", self.cells_a, 0..=1000),
            ("cells_b", self.cells_b, 0..=1000),
            ("cells_c", self.cells_c, 0..=1000),
            ("dispersion_steps", self.dispersion_steps, 0..=10_000),
            ("hdiv_steps", self.hdiv_steps, 0..=1000),
            ("vdiv_steps", self.vdiv_steps, 0..=1000),
            ("phi_steps", self.phi_steps, 0..=100_000),
            ("mosaic_domains", self.mosaic_domains, 0..=100_000),
            ("mosaic_seed", self.mosaic_seed, 0..=4_294_967_295),
            ("detector_thicksteps", self.detector_thicksteps, 0..=1000),
            ("oversample", self.oversample, 0..=100),
            ("sample", self.sample, 65_536..=67_108_864),
        ];
        // Their product stays inside float32, and the Miller indices where float32 can be rounded.
        let real = [
            ("fudge", self.fudge, 1e-6..=1e6),
            ("cell_edge_angstrom", self.cell_edge_angstrom, 1.0..=2000.0),
            ("cell_b_angstrom", self.cell_b_angstrom, 0.0..=2000.0),
            ("cell_c_angstrom", self.cell_c_angstrom, 0.0..=2000.0),
            ("cell_alpha_deg", self.cell_alpha_deg, 1.0..=179.0),
            ("cell_beta_deg", self.cell_beta_deg, 1.0..=179.0),
            ("cell_gamma_deg", self.cell_gamma_deg, 1.0..=179.0),
            ("default_f", self.default_f, 0.0..=1_000_000.0),
            ("wavelength_angstrom", self.wavelength_angstrom, 0.1..=100.0),
            ("dispersion_percent", self.dispersion_percent, 0.0..=100.0),
            ("hdiv_mrad", self.hdiv_mrad, 0.0..=1000.0),
            ("vdiv_mrad", self.vdiv_mrad, 0.0..=1000.0),
            ("fluence", self.fluence, 1.0..=1e33),
            ("kahn_factor", self.kahn_factor, -1.0..=1.0),
            ("phi_deg", self.phi_deg, -360.0..=360.0),
            ("mosaic_deg", self.mosaic_deg, 0.0..=180.0),
            ("distance_mm", self.distance_mm, 1.0..=100_000.0),
            ("pixel_mm", self.pixel_mm, 0.001..=100.0),
            ("twotheta_deg", self.twotheta_deg, -180.0..=180.0),
            ("detector_thick_um", self.detector_thick_um, 0.0..=100_000.0),
            ("detector_absorb_um", self.detector_absorb_um, 0.0..=1e9),
            ("dmin_angstrom", self.dmin_angstrom, 0.0..=1000.0),
        ];
        let mut optional = Vec::new();
        let places = [
            ("osc_deg", self.osc_deg, 0.0..=360.0),
            ("beam_x_mm", self.beam_x_mm, -1e6..=1e6),
            ("beam_y_mm", self.beam_y_mm, -1e6..=1e6),
            ("org_x_px", self.org_x_px, -1e6..=1e6),
            ("org_y_px", self.org_y_px, -1e6..=1e6),
        ];
        optional.extend(places.into_iter().filter_map(|(name, value, limits)| Some((name, value?, limits))));
        let triples = [
            ("misset_deg", Some(self.misset_deg), -360.0..=360.0),
            ("spindle_axis", self.spindle_axis, -1.0..=1.0),
            ("detector_rot_deg", Some(self.detector_rot_deg), -360.0..=360.0),
        ];
        for (name, values, limits) in triples {
            optional.extend(values.into_iter().flatten().map(|value| (name, value, limits.clone())));
        }
        let mut mistakes: Vec<String> = whole.iter().filter_map(outside).collect();
        mistakes.extend(real.iter().filter_map(outside));
        mistakes.extend(optional.iter().filter_map(outside));
        if mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(mistakes.join("; "))) }
    }
}

fn outside<T>((name, value, limits): &(&str, T, RangeInclusive<T>)) -> Option<String>
where
    T: PartialOrd + std::fmt::Display,
{
    let (low, high) = (limits.start(), limits.end());
    (!limits.contains(value)).then(|| format!("{name}: {value} is not within {low} to {high}"))
}

/// Reads a whole number. JSON Schema counts `5.0` as an integer, so this does too.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    // Above this, a float64 no longer tells neighbouring integers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = serde_json::Number::deserialize(deserializer)?;
    let integral = |value: f64| value.fract() == 0.0 && (0.0..=EXACT).contains(&value);
    number
        .as_u64()
        .or_else(|| number.as_f64().filter(|value| integral(*value)).map(|value| value as u64))
        .ok_or_else(|| serde::de::Error::custom(format!("{number} is not a whole number of at least 0")))
}

fn one() -> u64 {
    1
}

fn unity() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn right_angle() -> f64 {
    90.0
}

fn benchmark_fluence() -> f64 {
    crate::scene::FLUENCE
}

fn hundred() -> f64 {
    100.0
}

fn benchmark_cells() -> u64 {
    5
}

fn benchmark_wavelength() -> f64 {
    6.2
}

fn benchmark_pixel() -> f64 {
    0.1
}

fn least_sample() -> u64 {
    65_536
}
