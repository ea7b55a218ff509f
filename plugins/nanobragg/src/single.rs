//! [`Single`]: a row of a scene in which every pixel has one term, in two loops: from column to place, to photons.
//!
//! The benchmark's configuration, and any other crystal of equal structure factors in a parallel unpolarized
//! beam of one wavelength, at rest, on a sensor without depth and without sub-pixels. What is the same for a row is
//! taken out of the loops. Called by [`crate::vectorized`].
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the wider instructions")]

use crate::form::{AnyForm, Form, with_form};
use crate::isa::{Isa, dispatched};
use crate::loops::miller;
use crate::real::Real;
use crate::vector::{Vector, length, minus};
use crate::vectorized::{Indices, Vectorized};

/// Along which axis of the frame each edge of an aligned cell lies.
const ALONG: [usize; 3] = [2, 0, 1];

/// Pixels between the loop for a pixel's place and that for its photons. As one loop they are a chain so long that
/// the CPU cannot begin the next pixels before it has ended: 15 to 20 % slower (measured).
const PART: usize = 256;

/// What is the same for all pixels of such a scene.
#[derive(Clone, Copy, Debug)]
pub struct Single<T> {
    form: AnyForm<T>,
    /// Of `1 - cosine` instead of `cosine - 1`: the negative third terms.
    indices: Indices<T>,
    /// From a column to the next across the beam, and along it.
    step: T,
    along_step: T,
    /// Everything that is not the lattice, an angle or a distance.
    scale: T,
    point_pixel: bool,
    /// Whether the cell's edges lie along the frame's axes, as those of a cell of right angles do in MOSFLM's
    /// convention: then an index takes one multiplication instead of three.
    aligned: bool,
    /// 1 where the polarization counts, 0 where not.
    polar: T,
}

impl<T: Real> Single<T> {
    /// `None` where a pixel has more than one term or more than these factors.
    pub(crate) fn new(plan: &Vectorized<T>) -> Option<Self> {
        let scene = &plan.scene;
        let structure_factor = scene.reflections.same()?;
        let [source] = scene.beam.sources[..] else { return None };
        let [cell] = scene.orientations[..] else { return None };
        let serves = scene.oversample == 1
            && !scene.each.any()
            && scene.dmin == 0.0
            && scene.detector.sensor.is_none()
            && length(minus(source.incident, scene.beam.direction)) == 0.0
            && scene.beam.kahn.is_none_or(|kahn| kahn == 0.0)
            && plan.front;
        if !serves {
            return None;
        }
        let (detector, unit) = (&scene.detector, plan.frame.unit);
        let solid_angle = if detector.point_pixel {
            1.0 / (unit * unit)
        } else {
            (detector.pixel / unit).powi(2) * detector.close_distance / unit
        };
        let polar = scene.beam.kahn.is_some();
        let mean = if polar { 0.5 } else { 1.0 };
        let edges = cell.map(|edge| plan.frame.turned(edge));
        let longest = edges.map(length).into_iter().fold(0.0, f64::max);
        let beside = ALONG.iter().zip(edges).flat_map(|(along, edge)| {
            edge.into_iter().enumerate().filter(move |(axis, _)| axis != along).map(|(_, part)| part.abs())
        });
        // What is left of a right angle's cosine is 1e-16.
        let aligned = beside.fold(0.0, f64::max) < 1e-15 * longest;
        let mut indices = plan.indices(0, &cell);
        for terms in &mut indices.terms {
            terms[2] = -terms[2];
        }
        Some(Self {
            form: plan.form,
            indices,
            step: T::from_f64(plan.frame.step[1]),
            along_step: T::from_f64(plan.frame.step[2]),
            scale: T::from_f64(
                scene.scale() * structure_factor * structure_factor * solid_angle * mean * plan.form.unit(),
            ),
            point_pixel: detector.point_pixel,
            aligned,
            polar: if polar { T::ONE } else { T::ZERO },
        })
    }

    /// The photons of a row whose middle column lies at `origin`. Never inlined, so that a profile names it.
    #[inline(never)]
    pub(crate) fn row(&self, isa: Isa, origin: Vector, columns: &[T], pixels: &mut [T]) {
        let origin = origin.map(T::from_f64);
        with_form!(&self.form, form => dispatched!(isa, row::<T, _>(self, form, origin, columns, pixels)));
    }
}

/// The loop for what the scene has, no more.
#[inline(always)]
fn row<T: Real, F: Form<T>, const FMA: bool>(
    single: &Single<T>,
    form: &F,
    origin: [T; 3],
    columns: &[T],
    pixels: &mut [T],
) {
    let tilted = single.along_step != T::ZERO;
    if single.point_pixel {
        photons::<T, F, FMA, false, true, true>(single, form, origin, columns, pixels);
    } else if single.aligned && !tilted {
        photons::<T, F, FMA, true, false, false>(single, form, origin, columns, pixels);
    } else {
        photons::<T, F, FMA, false, true, false>(single, form, origin, columns, pixels);
    }
}

/// The photons of each pixel of a row.
#[inline(always)]
fn photons<
    T: Real,
    F: Form<T>,
    const FMA: bool,
    const ALIGNED: bool,
    const TILTED: bool,
    const POINT: bool,
>(
    single: &Single<T>,
    form: &F,
    [x1, x2, along]: [T; 3],
    columns: &[T],
    pixels: &mut [T],
) {
    let (single, form) = (*single, *form);
    let terms = single.indices.terms;
    let x1_squared = x1 * x1;
    let x1_index = terms[1][0] * x1;
    let mut inverses = [T::ZERO; PART];
    let mut besides = [T::ZERO; PART];
    let mut changes = [T::ZERO; PART];
    for (pixels, columns) in pixels.chunks_mut(PART).zip(columns.chunks(PART)) {
        let known = inverses.iter_mut().zip(&mut besides).zip(&mut changes);
        for (((inverse, beside), change), &column) in known.zip(columns) {
            let x2 = column.fma::<FMA>(single.step, x2);
            let along = if TILTED { column.fma::<FMA>(single.along_step, along) } else { along };
            let across = x2.fma::<FMA>(x2, x1_squared);
            *inverse = along.fma::<FMA>(along, across).inverse_root::<FMA>();
            *beside = x2 * *inverse;
            // `1 - cosine` without the cancellation that it has at small angles; the indices take it with its sign.
            *change = across * *inverse * *inverse / along.fma::<FMA>(*inverse, T::ONE);
        }
        let known = inverses.iter().zip(&besides).zip(&changes).zip(columns);
        for (pixel, (((&inverse, &beside), &change), &column)) in pixels.iter_mut().zip(known) {
            let along = if TILTED { column.fma::<FMA>(single.along_step, along) } else { along };
            let inverse_squared = inverse * inverse;
            let index = if ALIGNED {
                // As `ALONG` says.
                [terms[0][2] * change, x1_index * inverse, terms[2][1] * beside]
            } else {
                miller::<T, FMA>(&single.indices, [x1 * inverse, beside, change])
            };
            let lattice = form.squared::<FMA>(index);
            // (1 + cos^2) / 2, its half in the scale; or 1.
            let polar = inverse_squared.fma::<FMA>(single.polar * along * along, T::ONE);
            let solid_angle = if POINT { inverse_squared } else { inverse_squared * inverse };
            *pixel = single.scale * solid_angle * polar * lattice;
        }
    }
}
