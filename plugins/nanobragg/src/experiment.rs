//! [`Experiment`]: what is measured with what, in SI units.
//!
//! Made from a [`Config`]; read by both computations of the image, [`crate::image`] and
//! [`crate::reference`]. It holds inputs and physical constants only: a derived quantity put here would be
//! shared by the two paths, and an error in it would hide from the self-check.

use crate::config::Config;

/// Classical electron radius, squared (the Thomson cross-section per unit of solid angle), in m^2.
pub const ELECTRON_RADIUS_SQUARED: f64 = 7.940_792_480_189_65e-30;

/// Fluence in photons/m^2: the default of nanoBragg, chosen so that its product with
/// [`ELECTRON_RADIUS_SQUARED`] is 1.
pub const FLUENCE: f64 = 125_932_015_286_227_086_360_700_780_544.0;

const ANGSTROM: f64 = 1e-10;
const MILLIMETRE: f64 = 1e-3;

/// An unpolarized beam along the normal of a square detector, and a cubic crystal of `cells`^3 unit cells
/// whose axes lie along the beam and along the detector's edges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experiment {
    /// Pixels along each side of the detector.
    pub size: usize,
    /// Edge of a pixel in m.
    pub pixel: f64,
    /// Distance from crystal to detector in m.
    pub distance: f64,
    /// Wavelength in m.
    pub wavelength: f64,
    /// Edge of the unit cell in m.
    pub cell_edge: f64,
    /// Unit cells along each axis.
    pub cells: u32,
    /// Structure factor of every reflection, in electrons.
    pub structure_factor: f64,
}

impl Experiment {
    /// Converts a configuration that [`Config::check`] has accepted.
    pub fn new(config: &Config) -> Self {
        Self {
            size: config.size as usize,
            pixel: config.pixel_mm * MILLIMETRE,
            distance: config.distance_mm * MILLIMETRE,
            wavelength: config.wavelength_angstrom * ANGSTROM,
            cell_edge: config.cell_edge_angstrom * ANGSTROM,
            cells: config.cells as u32,
            structure_factor: config.default_f,
        }
    }
}
