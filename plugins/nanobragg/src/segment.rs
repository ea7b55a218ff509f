//! [`segment`]: the pixels of a part of a row, for any scene: the loops that a profile of the vectorized variant
//! names.
//!
//! The order is that of the C program: layers, sub-pixels, sources, orientations; innermost, where it had the
//! pixel outermost, runs the loop over the pixels of the segment, which is vector code. Between the loops the
//! segment lies in a [`Scratch`] that stays in the first-level cache. Scenes of a single term have a loop of
//! their own in [`crate::single`]. Called by [`crate::vectorized`]; nothing here may allocate.

use crate::form::{Form, with_form};
use crate::interpolation::interpolated_of;
use crate::isa::{Isa, dispatched};
use crate::loops::{
    captured_fractions_of, directions_of, factors_of, finish_of, lattice_of, lattice_sum_of,
    polarizations_of, resolution_limit_of, solid_angles_of, structure_factors_of, weighted_sum_of,
};
use crate::real::Real;
use crate::vector::Vector;
use crate::vectorized::{Indices, Vectorized};

/// Pixels of a segment: what a few arrays of them fill of the first-level cache.
pub const SEGMENT: usize = 512;

/// What is known of each pixel of a segment between the loops.
#[derive(Clone, Debug)]
pub struct Scratch<T> {
    /// The diffracted direction, its component along the beam less 1.
    pub(crate) direction: [[T; SEGMENT]; 3],
    /// One over the distance, in the frame's unit.
    pub(crate) inverse: [T; SEGMENT],
    pub(crate) omega: [T; SEGMENT],
    pub(crate) polar: [T; SEGMENT],
    pub(crate) captured: [T; SEGMENT],
    /// The factor of each term, where there is one.
    pub(crate) factor: [T; SEGMENT],
    /// The lattice's squared amplitude; -1 where there is no term.
    pub(crate) lattice: [T; SEGMENT],
    /// The squared structure factor.
    pub(crate) square: [T; SEGMENT],
    /// Where it is found.
    pub(crate) place: [u32; SEGMENT],
    pub(crate) sum: [T; SEGMENT],
}

impl<T: Real> Scratch<T> {
    /// Made once for many rows.
    pub fn new() -> Self {
        let zero = [T::ZERO; SEGMENT];
        Self {
            direction: [zero; 3],
            inverse: zero,
            omega: zero,
            polar: zero,
            captured: zero,
            factor: zero,
            lattice: zero,
            square: zero,
            place: [0; SEGMENT],
            sum: zero,
        }
    }
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The photons of a segment of `row`, of at most [`SEGMENT`] pixels, into `pixels`. `columns` are theirs, less the
/// middle one.
pub fn segment<T: Real>(
    plan: &Vectorized<T>,
    row: usize,
    columns: &[T],
    pixels: &mut [T],
    scratch: &mut Scratch<T>,
) {
    let scene = &plan.scene;
    let count = pixels.len();
    // Uniform structure factors, equal weights and no limit of resolution: the terms just add up.
    let simple = scene.reflections.same().is_some() && !scene.each.any() && scene.dmin == 0.0;
    let mut polar_known = false;
    scratch.sum[..count].fill(T::ZERO);
    scratch.polar[..count].fill(T::ZERO);
    for layer in 0..scene.layers() {
        for slow in 0..scene.oversample {
            for fast in 0..scene.oversample {
                let first = (slow, fast) == (0, 0);
                directions(plan, plan.origin(row, layer, [slow, fast]), columns, scratch);
                if scene.each.omega || (first && layer == 0) {
                    solid_angles(plan, count, scratch);
                }
                let last = layer + 1 == scene.layers();
                if scene.detector.sensor.is_some() && (scene.each.thick || (first && last)) {
                    captured_fractions(plan, layer, count, scratch);
                }
                for source in 0..scene.beam.sources.len() {
                    if scene.each.polar || scene.dmin > 0.0 || !polar_known {
                        polarizations(plan, source, count, scratch);
                        polar_known = true;
                    }
                    if simple {
                        for cell in &scene.orientations {
                            let indices = plan.indices(source, cell);
                            with_form!(&plan.form, form => lattice_sum(plan.isa(), form, &indices, count, scratch));
                        }
                    } else {
                        weighted(plan, source, count, scratch);
                    }
                }
            }
        }
    }
    finish(plan, simple, pixels, scratch);
}

/// The terms of all orientations in the light of one source, where they do not just add up.
fn weighted<T: Real>(plan: &Vectorized<T>, source: usize, count: usize, scratch: &mut Scratch<T>) {
    factors(plan, count, scratch);
    for cell in &plan.scene.orientations {
        let indices = plan.indices(source, cell);
        with_form!(&plan.form, form => lattice(plan.isa(), form, &indices, count, scratch));
        if plan.scene.dmin > 0.0 {
            resolution_limit(plan, source, count, scratch);
        }
        if plan.scene.interpolate {
            interpolated(plan, &indices, count, scratch);
        } else {
            structure_factors(plan, &indices, count, scratch);
        }
        weighted_sum(plan, count, scratch);
    }
}

// Each loop has a function of its own that is never inlined, so that a profile names it.

#[inline(never)]
fn directions<T: Real>(plan: &Vectorized<T>, origin: Vector, columns: &[T], scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), directions_of::<T>(plan, origin, columns, scratch));
}

#[inline(never)]
fn solid_angles<T: Real>(plan: &Vectorized<T>, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), solid_angles_of::<T>(plan, count, scratch));
}

#[inline(never)]
fn captured_fractions<T: Real>(plan: &Vectorized<T>, layer: u32, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), captured_fractions_of::<T>(plan, layer, count, scratch));
}

#[inline(never)]
fn polarizations<T: Real>(plan: &Vectorized<T>, source: usize, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), polarizations_of::<T>(plan, source, count, scratch));
}

#[inline(never)]
fn factors<T: Real>(plan: &Vectorized<T>, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), factors_of::<T>(plan, count, scratch));
}

#[inline(never)]
fn lattice_sum<T: Real, F: Form<T>>(
    isa: Isa,
    form: &F,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    dispatched!(isa, lattice_sum_of::<T, F>(form, indices, count, scratch));
}

#[inline(never)]
fn lattice<T: Real, F: Form<T>>(
    isa: Isa,
    form: &F,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    dispatched!(isa, lattice_of::<T, F>(form, indices, count, scratch));
}

#[inline(never)]
fn resolution_limit<T: Real>(plan: &Vectorized<T>, source: usize, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), resolution_limit_of::<T>(plan, source, count, scratch));
}

#[inline(never)]
fn structure_factors<T: Real>(
    plan: &Vectorized<T>,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    dispatched!(plan.isa(), structure_factors_of::<T>(plan, indices, count, scratch));
}

#[inline(never)]
fn interpolated<T: Real>(plan: &Vectorized<T>, indices: &Indices<T>, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), interpolated_of::<T>(plan, indices, count, scratch));
}

#[inline(never)]
fn weighted_sum<T: Real>(plan: &Vectorized<T>, count: usize, scratch: &mut Scratch<T>) {
    dispatched!(plan.isa(), weighted_sum_of::<T>(plan, count, scratch));
}

#[inline(never)]
fn finish<T: Real>(plan: &Vectorized<T>, simple: bool, pixels: &mut [T], scratch: &Scratch<T>) {
    dispatched!(plan.isa(), finish_of::<T>(plan, simple, pixels, scratch));
}
