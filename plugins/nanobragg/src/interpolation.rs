//! Tricubic interpolation between structure factors, in vector code's types: `interpolated_of`.
//!
//! A cubic through the four whole numbers around an index, along each of three axes (Lagrange): 64 structure factors
//! a term, which lie in 16 rows of four. The place in the table differs from pixel to pixel, so that this loop is no
//! vector code over pixels; the four of a row are. Called by [`crate::segment`], only where it is switched on.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the wider instructions")]
#![expect(clippy::needless_range_loop, reason = "several arrays are walked along the same pixels")]

use crate::loops::miller;
use crate::real::Real;
use crate::segment::Scratch;
use crate::vectorized::{Indices, Vectorized};

/// The squared structure factor at each pixel's indices; that of the nearest reflection where the file does not
/// surround them ([`crate::reflections::Reflections::surrounds`]).
#[inline(always)]
pub(crate) fn interpolated_of<T: Real, const FMA: bool>(
    plan: &Vectorized<T>,
    indices: &Indices<T>,
    count: usize,
    scratch: &mut Scratch<T>,
) {
    let reflections = &plan.scene.reflections;
    let (least, counts) = reflections.extent();
    let [low, high] = reflections.interior().map(|bounds| bounds.map(T::from_f64));
    let strides = [counts[1] as usize * counts[2] as usize, counts[2] as usize, 1];
    let [first, second, third] = &scratch.direction;
    for pixel in 0..count {
        let index = miller::<T, FMA>(indices, [first[pixel], second[pixel], third[pixel]]);
        let mut inside = true;
        for axis in 0..3 {
            inside &= index[axis] >= low[axis] && index[axis] <= high[axis];
        }
        let value = if inside {
            // The default stands before the box.
            let mut corner = 1;
            let mut weights = [[T::ZERO; 4]; 3];
            for axis in 0..3 {
                let nearest = index[axis].rounded();
                let floor = if nearest > index[axis] { nearest - T::ONE } else { nearest };
                weights[axis] = lagrange::<T, FMA>(index[axis] - floor);
                corner += (floor.to_i32() - 1 - least[axis]) as usize * strides[axis];
            }
            let [h, k, l] = weights;
            let mut sum = T::ZERO;
            for first in 0..4 {
                for second in 0..4 {
                    let row = &plan.factors[corner + first * strides[0] + second * strides[1]..][..4];
                    let low = row[1].fma::<FMA>(l[1], row[0] * l[0]);
                    let along = low + row[3].fma::<FMA>(l[3], row[2] * l[2]);
                    sum = along.fma::<FMA>(h[first] * k[second], sum);
                }
            }
            sum
        } else {
            plan.factors[reflections.place(index.map(
                #[inline(always)]
                |index| index.rounded().to_i32(),
            ))]
        };
        scratch.square[pixel] = value * value;
    }
}

/// The weights of the values at -1, 0, 1 and 2 for the place `x` from 0 to 1.
#[inline(always)]
fn lagrange<T: Real, const FMA: bool>(x: T) -> [T; 4] {
    let (before, after, beyond) = (x + T::ONE, x - T::ONE, x - T::ONE - T::ONE);
    let sixth = T::from_f64(1.0 / 6.0);
    [
        -sixth * x * after * beyond,
        T::HALF * before * after * beyond,
        -T::HALF * before * x * beyond,
        sixth * before * x * after,
    ]
}
