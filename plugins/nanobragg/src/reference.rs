//! [`Reference`]: the image again, one pixel at a time, in float64, by the book.
//!
//! Full vectors, library sines and the formulas as they are printed, with none of the algebra of
//! [`crate::image`]. [`crate::check`] compares the two. It must never call into the fast path, nor the fast
//! path into it; speed does not matter here.

use std::f64::consts::PI;

use crate::experiment::{ELECTRON_RADIUS_SQUARED, Experiment, FLUENCE};
use crate::geometry::{BEAM, Detector, NORMAL, Vector, dot, plus, scaled};

/// The scalar path for one experiment.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    detector: Detector,
    experiment: Experiment,
    /// The cell axes a, b, c in m: along the beam, and along the laboratory's y and z.
    axes: [Vector; 3],
}

impl Reference {
    /// Places detector and crystal.
    pub fn new(experiment: &Experiment) -> Self {
        let edge = experiment.cell_edge;
        let axes = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]];
        Self { detector: Detector::new(experiment), experiment: *experiment, axes }
    }

    /// Photons that the pixel at the indices (`slow`, `fast`) receives: row and column, whole for the
    /// centre of a pixel.
    ///
    /// `r_e^2 * fluence * F^2 * F_latt^2 * solid angle * polarization`, for unpolarized light
    /// (International Tables for Crystallography C, 6.2; interference function: Warren, X-ray Diffraction,
    /// 3.3).
    pub fn photons(&self, slow: f64, fast: f64) -> f64 {
        let experiment = &self.experiment;
        let point = self.detector.point(slow, fast);
        let airpath = dot(point, point).sqrt();
        let diffracted = scaled(point, 1.0 / airpath);
        let scattering = scaled(plus(diffracted, scaled(BEAM, -1.0)), 1.0 / experiment.wavelength);

        let lattice: f64 =
            self.axes.iter().map(|axis| interference(dot(*axis, scattering), experiment.cells)).product();
        let solid_angle = (experiment.pixel / airpath).powi(2) * dot(diffracted, NORMAL);
        let cos_two_theta = dot(diffracted, BEAM);
        let polarization = f64::midpoint(1.0, cos_two_theta * cos_two_theta);

        let amplitude = experiment.structure_factor * lattice;
        ELECTRON_RADIUS_SQUARED * FLUENCE * amplitude * amplitude * solid_angle * polarization
    }
}

/// The interference function of `cells` equal planes, `sin(cells pi u) / sin(pi u)`, up to its sign; its
/// limit at a whole `u` is `cells`.
pub fn interference(index: f64, cells: u32) -> f64 {
    // Its square has the period 1; the sines of large arguments would lose what the fraction still has.
    let phase = PI * index.fract();
    let cells = f64::from(cells);
    if phase.sin() == 0.0 { cells } else { (cells * phase).sin() / phase.sin() }
}
