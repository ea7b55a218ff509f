//! The diffraction image of the nanoBragg benchmark configuration, as a kernel plugin of runner.
//!
//! A cubic crystal of N x N x N unit cells stands in an unpolarized beam; each pixel of a flat square
//! detector receives `r_e^2 fluence F^2 F_latt^2 solid_angle polarization` photons. The image is computed
//! twice, in two ways that share nothing but the inputs of [`experiment`]: [`image`] (all pixels, fast, what
//! an iteration measures) and [`reference`](mod@reference) (a [`sample`] of pixels, scalar float64 by the
//! book). [`check`] compares them, so that every measurement says whether it measured the right thing.
//!
//! ```
//! use nanobragg::{check::Check, config::Config, experiment::Experiment, image::Image, sample::Sample};
//!
//! let experiment = Experiment::new(&Config::benchmark(128));
//! let mut image = Image::<f32>::allocate(&experiment)?;
//! image.compute(|| false)?;
//! let pixels = image.pixels();
//! let sample = Sample::new(experiment.size, 65_536);
//! let check = Check::new(&experiment, &sample, |row, column| pixels[(row, column)].into());
//! assert!(check.correlation > 0.999_999 && (check.sum_ratio - 1.0).abs() < 1e-5);
//! # Ok::<(), runner_plugin::Error>(())
//! ```
//!
//! The choices and the measured accuracy are in `docs/architecture/kernel.md`.

pub mod check;
pub mod config;
pub mod experiment;
pub mod geometry;
pub mod grating;
pub mod image;
pub mod memory;
pub mod npy;
pub mod plugin;
pub mod real;
pub mod reference;
pub mod sample;
pub mod statistics;

runner_plugin::export! {
    kernel: plugin::NanoBragg,
    name: "nanobragg",
    summary: "The diffraction image of the nanoBragg benchmark, checked against a scalar path",
    schema: include_str!("../schema.json"),
}
