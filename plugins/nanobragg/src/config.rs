//! [`Config`]: the step's `with:`, in the units that a crystallographer writes.
//!
//! `schema.json` says the same to whoever validates a workflow without running this library; a test keeps
//! the two in step: names, defaults, limits. [`crate::plugin`] checks a configuration once, when it is
//! created; [`crate::experiment`] turns it into SI. Nothing here may allocate or compute.

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

/// The configuration as it is written. [`Config::check`] holds the limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Pixels along each side of the square detector.
    #[serde(deserialize_with = "whole")]
    pub size: u64,
    /// Type of the arithmetic and of the image.
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
    /// Edge of the cubic unit cell in angstrom.
    #[serde(default = "hundred")]
    pub cell_edge_angstrom: f64,
    /// Wavelength in angstrom.
    #[serde(default = "benchmark_wavelength")]
    pub wavelength_angstrom: f64,
    /// Distance from crystal to detector in millimetres.
    #[serde(default = "hundred")]
    pub distance_mm: f64,
    /// Edge of a pixel in millimetres.
    #[serde(default = "benchmark_pixel")]
    pub pixel_mm: f64,
    /// Structure factor of every reflection, in electrons.
    #[serde(default = "hundred")]
    pub default_f: f64,
    /// Least number of pixels that the self-check compares.
    #[serde(default = "least_sample", deserialize_with = "whole")]
    pub sample: u64,
    /// Whether to write the artifact `image.npy`.
    #[serde(default)]
    pub image: bool,
}

impl Config {
    /// The benchmark configuration at `size` x `size` pixels.
    pub fn benchmark(size: u64) -> Self {
        Self {
            size,
            dtype: Dtype::default(),
            device: Device::default(),
            threads: 0,
            warmup: one(),
            iterations: one(),
            cells: benchmark_cells(),
            cell_edge_angstrom: hundred(),
            wavelength_angstrom: benchmark_wavelength(),
            distance_mm: hundred(),
            pixel_mm: benchmark_pixel(),
            default_f: hundred(),
            sample: least_sample(),
            image: false,
        }
    }

    /// Holds every number to its limits. All that are outside are named in one error.
    pub fn check(&self) -> Result<(), Error> {
        let whole = [
            ("size", self.size, 1..=8192),
            ("threads", self.threads, 0..=1024),
            ("warmup", self.warmup, 0..=1_000_000),
            ("iterations", self.iterations, 1..=1_000_000),
            ("cells", self.cells, 1..=1000),
            ("sample", self.sample, 65_536..=67_108_864),
        ];
        // Their product stays inside float32, and the Miller indices where float32 can be rounded.
        let real = [
            ("cell_edge_angstrom", self.cell_edge_angstrom, 1.0..=2000.0),
            ("wavelength_angstrom", self.wavelength_angstrom, 0.1..=100.0),
            ("distance_mm", self.distance_mm, 1.0..=100_000.0),
            ("pixel_mm", self.pixel_mm, 0.001..=100.0),
            ("default_f", self.default_f, 0.001..=1_000_000.0),
        ];
        let mut mistakes: Vec<String> = whole.iter().filter_map(outside).collect();
        mistakes.extend(real.iter().filter_map(outside));
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
