//! The diffraction image of the nanoBragg benchmark configuration, as a kernel plugin of runner.
//!
//! A crystal stands in a beam; each pixel of a flat square detector receives
//! `r_e^2 fluence F^2 F_latt^2 solid_angle polarization` photons, summed over sub-pixels, wavelengths, directions,
//! angles and mosaic domains. A [`scene`] holds what is measured with what. Two variants compute its image and
//! share nothing else: [`scalar`] (nested loops in float64, by the book) and [`vectorized`] (all that the CPU
//! offers). [`check`] compares each image with the other variant at a [`sample`] of pixels, so that every
//! measurement says whether it measured the right thing.
//!
//! ```
//! use nanobragg::config::{Config, Variant};
//! use nanobragg::{check::Check, image::Image, sample::Sample, scene::Scene};
//!
//! let scene = Scene::uniform(&Config::benchmark(128))?;
//! let mut image = Image::<f32>::allocate(&scene, Variant::Vectorized)?;
//! image.compute(|| false)?;
//! let pixels = image.pixels();
//! let sample = Sample::new(scene.size, 65_536);
//! let check = Check::new(&scene, Variant::Vectorized, &sample, |row, column| pixels[(row, column)].into());
//! assert!(check.correlation > 0.999_999 && (check.sum_ratio - 1.0).abs() < 1e-5);
//! # Ok::<(), runner_plugin::Error>(())
//! ```
//!
//! The choices and the measured accuracy are in `docs/architecture/kernel.md`.

pub mod beam;
pub mod check;
pub mod config;
pub mod crystal;
pub mod detector;
pub mod form;
pub mod image;
pub mod interpolation;
pub mod isa;
pub mod lines;
pub mod loops;
pub mod matrix;
pub mod memory;
pub mod npy;
pub mod orientation;
pub mod plugin;
pub mod polynomial;
pub mod real;
pub mod reflections;
pub mod sample;
pub mod scalar;
pub mod scene;
pub mod segment;
pub mod single;
pub mod sources;
pub mod statistics;
pub mod vector;
pub mod vectorized;

runner_plugin::export! {
    kernel: plugin::NanoBragg,
    name: "nanobragg",
    summary: "The diffraction image of the nanoBragg benchmark, checked against a scalar path",
    schema: include_str!("../schema.json"),
}
