//! [`Detector`]: where each pixel is, as a vector in the laboratory frame.
//!
//! The frame and the beam centre are those of nanoBragg's MOSFLM convention with the pivot at the beam.
//! Used by [`crate::reference`] alone: the fast path has its own closed form, so that the self-check also
//! compares the two geometries.

use crate::experiment::Experiment;

/// A vector in the laboratory frame; x runs along the beam.
pub type Vector = [f64; 3];

/// The direction of the beam.
pub const BEAM: Vector = [1.0, 0.0, 0.0];
/// Along a row of pixels: the column index grows.
pub const FAST: Vector = [0.0, 0.0, 1.0];
/// Along a column of pixels: the row index grows.
pub const SLOW: Vector = [0.0, -1.0, 0.0];
/// The normal of the detector, away from the crystal.
pub const NORMAL: Vector = [1.0, 0.0, 0.0];

/// A flat square detector, normal to the beam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detector {
    /// The outer corner of pixel (0, 0), in m.
    pub origin: Vector,
    /// Edge of a pixel in m.
    pub pixel: f64,
}

impl Detector {
    /// Puts the detector where the beam meets it at the distance [`beam_centre`] from both edges:
    /// `origin = D beam - centre fast - centre slow`.
    pub fn new(experiment: &Experiment) -> Self {
        let centre = beam_centre(experiment);
        let at_beam = scaled(BEAM, experiment.distance);
        let origin = plus(plus(at_beam, scaled(FAST, -centre)), scaled(SLOW, -centre));
        Self { origin, pixel: experiment.pixel }
    }

    /// The point at the indices (`slow`, `fast`), in m. Whole numbers name the centre of a pixel.
    pub fn point(&self, slow: f64, fast: f64) -> Vector {
        let along_fast = scaled(FAST, (fast + 0.5) * self.pixel);
        let along_slow = scaled(SLOW, (slow + 0.5) * self.pixel);
        plus(plus(self.origin, along_fast), along_slow)
    }
}

/// Where the beam meets the detector: metres from the edge, the same along both axes.
///
/// The header value of the MOSFLM convention is `(S + p) / 2` for a detector of edge `S = size * p`, half a
/// pixel beyond the middle; turning it into a place adds another half pixel. The beam therefore falls on
/// the corner that the pixels `size / 2` and `size / 2 + 1` share in both directions.
pub fn beam_centre(experiment: &Experiment) -> f64 {
    let edge = experiment.size as f64 * experiment.pixel;
    let header = f64::midpoint(edge, experiment.pixel);
    header + experiment.pixel / 2.0
}

/// The scalar product.
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `a + b`.
pub fn plus(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `factor * a`.
pub fn scaled(a: Vector, factor: f64) -> Vector {
    [factor * a[0], factor * a[1], factor * a[2]]
}
