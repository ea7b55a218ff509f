//! The loops over the pixels of a segment: one function a quantity, each of them vector code.
//!
//! Every function is generic in the type and in whether the CPU has fused multiply-add, and must be inlined into
//! the call that [`crate::isa`] guards. [`crate::segment`] calls them in the order of the C program; what they hand
//! each other lies in its [`Scratch`]. Nothing here may allocate, and a branch may not depend on a pixel.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the wider instructions")]
#![expect(clippy::needless_range_loop, reason = "several arrays are walked along the same pixels")]

use crate::form::Form;
use crate::real::Real;
use crate::segment::{SEGMENT, Scratch};
use crate::vector::{Vector, cross, length, unit};
use crate::vectorized::{Indices, Vectorized};

/// From the middle column's place to each pixel's direction and distance.
#[inline(always)]
pub(crate) fn directions_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    origin: Vector,
    columns: &[T],
    scratch: &mut Scratch<T>,
) {
    let [x1, x2, along] = origin.map(T::from_f64);
    let [_, step, along_step] = plan.frame.step.map(T::from_f64);
    let front = plan.front;
    let count = columns.len().min(SEGMENT);
    let [first, second, third] = &mut scratch.direction;
    for pixel in 0..count {
        let x2 = columns[pixel].fma::<FMA>(step, x2);
        let along = columns[pixel].fma::<FMA>(along_step, along);
        let across = x1.fma::<FMA>(x1, x2 * x2);
        let inverse = along.fma::<FMA>(along, across).inverse_root::<FMA>();
        let cosine = along * inverse;
        // `cosine - 1` without the cancellation that it has at small angles.
        let ahead = -(across * inverse * inverse) / (T::ONE + cosine);
        let behind = cosine - T::ONE;
        first[pixel] = x1 * inverse;
        second[pixel] = x2 * inverse;
        third[pixel] = if front || cosine > T::ZERO { ahead } else { behind };
        scratch.inverse[pixel] = inverse;
    }
}

/// `(pixel / R)^2 D / R` of each pixel, or `1 / R^2`.
#[inline(always)]
pub(crate) fn solid_angles_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let detector = &plan.scene.detector;
    let unit = plan.frame.unit;
    if detector.point_pixel {
        let scale = T::from_f64(1.0 / (unit * unit));
        for pixel in 0..count {
            scratch.omega[pixel] = scale * scratch.inverse[pixel] * scratch.inverse[pixel];
        }
    } else {
        let scale = T::from_f64((detector.pixel / unit).powi(2) * detector.close_distance / unit);
        for pixel in 0..count {
            let inverse = scratch.inverse[pixel];
            scratch.omega[pixel] = scale * inverse * inverse * inverse;
        }
    }
}

/// What each pixel's light leaves in a layer.
#[inline(always)]
pub(crate) fn captured_fractions_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    layer: u32,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let Some(sensor) = plan.scene.detector.sensor else { return };
    let step = T::from_f64(-sensor.step * sensor.mu);
    let layer = T::from_f64(layer.into());
    let normal = plan.frame.turned(plan.scene.detector.normal).map(T::from_f64);
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let along = normal[2].fma::<FMA>(third[pixel], normal[2]);
        let along = normal[1].fma::<FMA>(second[pixel], normal[0].fma::<FMA>(first[pixel], along));
        let exponent = step / along;
        scratch.captured[pixel] =
            (layer * exponent).exp_below::<FMA>(0) - ((layer + T::ONE) * exponent).exp_below::<FMA>(0);
    }
}

/// Kahn's factor of each pixel, where it is not known yet or wanted again.
///
/// `cos 2psi sin^2 2theta = E^2 - B^2`, with the direction's components along the electric and the magnetic
/// vector.
#[inline(always)]
pub(crate) fn polarizations_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    source: usize,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let beam = &plan.scene.beam;
    let Some(kahn) = beam.kahn else {
        scratch.polar[..count].fill(T::ONE);
        return;
    };
    let incident = beam.sources[source].incident;
    let magnetic = unit(cross(beam.polar, incident));
    let electric = unit(cross(incident, magnetic));
    // Light along the electric vector's axis has no such vector: psi is 0 there.
    let indefinite = length(magnetic) < 0.5;
    let [incident, electric, magnetic] =
        [incident, electric, magnetic].map(|axis| plan.frame.turned(axis).map(T::from_f64));
    let kahn = T::from_f64(kahn);
    let [first, second, third] = &scratch.direction;
    let limit = limit(plan, source);
    let again = plan.scene.each.polar;
    for pixel in 0..count {
        let direction = [first[pixel], second[pixel], third[pixel]];
        let cosine = along::<T, FMA>(direction, incident);
        let electric = along::<T, FMA>(direction, electric);
        let magnetic = along::<T, FMA>(direction, magnetic);
        let difference = electric.fma::<FMA>(electric, -magnetic * magnetic);
        let difference = if indefinite { T::ONE - cosine * cosine } else { difference };
        let polar = cosine.fma::<FMA>(cosine, T::ONE) - kahn * difference;
        let known = scratch.polar[pixel] != T::ZERO && !again;
        let seen = change_squared::<T, FMA>(direction, incident) <= limit;
        scratch.polar[pixel] = if seen && !known { T::HALF * polar } else { scratch.polar[pixel] };
    }
}

/// The component along `axis` of a direction whose last component lacks 1.
#[inline(always)]
fn along<T: Real, const FMA: bool>(direction: [T; 3], axis: [T; 3]) -> T {
    let sum = axis[2].fma::<FMA>(direction[2], axis[2]);
    axis[1].fma::<FMA>(direction[1], axis[0].fma::<FMA>(direction[0], sum))
}

/// The squared length of a direction less the source's.
#[inline(always)]
fn change_squared<T: Real, const FMA: bool>(direction: [T; 3], incident: [T; 3]) -> T {
    let first = direction[0] - incident[0];
    let second = direction[1] - incident[1];
    let third = direction[2] + (T::ONE - incident[2]);
    first.fma::<FMA>(first, second.fma::<FMA>(second, third * third))
}

/// The greatest squared change of direction that is computed: `(wavelength / dmin)^2`.
#[inline(always)]
fn limit<T: Real>(plan: &Vectorized<T>, source: usize) -> T {
    let reach = plan.scene.beam.sources[source].wavelength / plan.scene.dmin;
    // Without a limit the change is at most 4.
    T::from_f64(if plan.scene.dmin > 0.0 { (reach * reach).min(8.0) } else { 8.0 })
}

/// The lattice's squared amplitude at each pixel, added up: the loop that most scenes spend their time in.
#[inline(always)]
pub(crate) fn lattice_sum_of<T: Real, F: Form<T>, const FMA: bool>(
    form: &F,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let form = *form;
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let index = miller::<T, FMA>(indices, [first[pixel], second[pixel], third[pixel]]);
        scratch.sum[pixel] += form.squared::<FMA>(index);
    }
}

/// The same, kept for what follows; -1 where there is no term.
#[inline(always)]
pub(crate) fn lattice_of<T: Real, F: Form<T>, const FMA: bool>(
    form: &F,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let form = *form;
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let index = miller::<T, FMA>(indices, [first[pixel], second[pixel], third[pixel]]);
        scratch.lattice[pixel] =
            if form.is_nothing::<FMA>(index) { -T::ONE } else { form.squared::<FMA>(index) };
    }
}

/// The Miller indices of a direction.
#[inline(always)]
pub(crate) fn miller<T: Real, const FMA: bool>(indices: &Indices<T>, direction: [T; 3]) -> [T; 3] {
    let mut index = indices.offsets;
    for axis in 0..3 {
        for component in 0..3 {
            index[axis] = indices.terms[axis][component].fma::<FMA>(direction[component], index[axis]);
        }
    }
    index
}

/// Passes over what lies beyond the limit of resolution.
#[inline(always)]
pub(crate) fn resolution_limit_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    source: usize,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let limit = limit(plan, source);
    let incident = plan.frame.turned(plan.scene.beam.sources[source].incident).map(T::from_f64);
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let change = change_squared::<T, FMA>([first[pixel], second[pixel], third[pixel]], incident);
        scratch.lattice[pixel] = if change <= limit { scratch.lattice[pixel] } else { -T::ONE };
    }
}

/// The squared structure factor of the reflection nearest to each pixel.
#[inline(always)]
pub(crate) fn structure_factors_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    if plan.factors.len() == 1 {
        scratch.square[..count].fill(plan.factors[0]);
        return;
    }
    let (least, counts) = plan.scene.reflections.extent();
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let index = miller::<T, FMA>(indices, [first[pixel], second[pixel], third[pixel]]);
        let [h, k, l] = index.map(
            #[inline(always)]
            |index| index.rounded().to_i32(),
        );
        // Two's complement: what is below the least index wraps to beyond the greatest.
        let h = h.wrapping_sub(least[0]) as u32;
        let k = k.wrapping_sub(least[1]) as u32;
        let l = l.wrapping_sub(least[2]) as u32;
        let inside = h < counts[0] && k < counts[1] && l < counts[2];
        let place = h.wrapping_mul(counts[1]).wrapping_add(k).wrapping_mul(counts[2]).wrapping_add(l);
        scratch.place[pixel] = if inside { place.wrapping_add(1) } else { 0 };
    }
    for pixel in 0..count {
        // Never out of bounds; where it were, a panic would be the lesser fault.
        scratch.square[pixel] = plan.factors[scratch.place[pixel] as usize];
    }
}

/// The factor of each term: those of the solid angle, polarization and captured fraction that are computed for
/// every sub-pixel.
#[inline(always)]
pub(crate) fn factors_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let each = plan.scene.each;
    scratch.factor[..count].fill(T::ONE);
    let thick = each.thick && plan.scene.detector.sensor.is_some();
    for (wanted, factor) in
        [(thick, &scratch.captured), (each.polar, &scratch.polar), (each.omega, &scratch.omega)]
    {
        if wanted {
            for pixel in 0..count {
                scratch.factor[pixel] *= factor[pixel];
            }
        }
    }
}

/// Adds each pixel's term, and then multiplies the sum by the term's factor: [`crate::scene::Each`].
#[inline(always)]
pub(crate) fn weighted_sum_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    if plan.scene.each.any() {
        for pixel in 0..count {
            let lattice = scratch.lattice[pixel];
            let term = lattice.fma::<FMA>(scratch.square[pixel], scratch.sum[pixel]);
            let sum = term * scratch.factor[pixel];
            scratch.sum[pixel] = if lattice < T::ZERO { scratch.sum[pixel] } else { sum };
        }
    } else {
        for pixel in 0..count {
            let lattice = scratch.lattice[pixel];
            let lattice = if lattice < T::ZERO { T::ZERO } else { lattice };
            scratch.sum[pixel] = lattice.fma::<FMA>(scratch.square[pixel], scratch.sum[pixel]);
        }
    }
}

/// From the sum of the terms to photons.
#[inline(always)]
pub(crate) fn finish_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    simple: bool,
    pixels: &mut [T],
    scratch: &Scratch<T>,
) {
    let scene = &plan.scene;
    let square = if simple { scene.reflections.same().unwrap_or(0.0).powi(2) } else { 1.0 };
    let scale = T::from_f64(scene.scale() * square * plan.form.unit());
    let count = pixels.len().min(SEGMENT);
    for pixel in 0..count {
        pixels[pixel] = scale * scratch.sum[pixel];
    }
    let sensor = scene.detector.sensor.is_some();
    for (wanted, factor) in [
        (!scene.each.omega, &scratch.omega),
        (!scene.each.polar, &scratch.polar),
        (!scene.each.thick && sensor, &scratch.captured),
    ] {
        if wanted {
            for pixel in 0..count {
                pixels[pixel] *= factor[pixel];
            }
        }
    }
}
