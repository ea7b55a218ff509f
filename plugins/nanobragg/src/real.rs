//! [`Real`]: what the fast path needs of `f32` and `f64`.
//!
//! Rounding and sine are plain arithmetic, without library calls or branches, so that the loop over a row
//! becomes vector code on every CPU; and without fused multiply-add, so that it gives the same bits on
//! every CPU. Used by [`crate::grating`] and [`crate::image`].

use std::ops::{Add, Div, Mul, Sub};

/// A floating-point type that an image can be computed in.
pub trait Real:
    Copy
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// At this distance from a whole number the interference function equals its limit, and the product of
    /// three sines of it can still be divided by.
    const TINY: Self;

    /// The nearest value.
    fn from_f64(value: f64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// Without its sign.
    #[must_use]
    fn abs(self) -> Self;
    /// The square root, correctly rounded.
    #[must_use]
    fn sqrt(self) -> Self;
    /// `x - round(x)`, exact, within -1/2 to 1/2. For `|x|` below 2^22.
    #[must_use]
    fn centred(self) -> Self;
    /// `sin(pi x)` for `x` within -1/2 to 1/2, with a relative error near the type's own.
    #[must_use]
    fn sin_pi(self) -> Self;
}

macro_rules! real {
    ($type:ty, terms: $terms:literal, tiny: $tiny:literal) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const TINY: Self = $tiny;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }

            #[inline(always)]
            fn centred(self) -> Self {
                // In this neighbourhood the type has no digits after the point: adding rounds to nearest.
                // `round` itself is a library call where the CPU is not known to have the instruction.
                const WHOLE: $type = 1.5 / <$type>::EPSILON;
                self - ((self + WHOLE) - WHOLE)
            }

            #[inline(always)]
            fn sin_pi(self) -> Self {
                const TAYLOR: [$type; $terms] = {
                    let mut terms = [0.0; $terms];
                    let mut term = std::f64::consts::PI;
                    let mut index = 0;
                    while index < $terms {
                        terms[index] = term as $type;
                        index += 1;
                        let order = 2.0 * index as f64;
                        term *= -std::f64::consts::PI * std::f64::consts::PI / (order * (order + 1.0));
                    }
                    terms
                };
                let square = self * self;
                let mut sum = TAYLOR[$terms - 1];
                let mut index = $terms - 1;
                while index > 0 {
                    index -= 1;
                    sum = sum * square + TAYLOR[index];
                }
                self * sum
            }
        }
    };
}

// The first term left out, at x = 1/2: (pi/2)^13/13! = 5.7e-8 and (pi/2)^23/23! = 1.3e-18.
real!(f32, terms: 6, tiny: 1e-10);
real!(f64, terms: 11, tiny: 1e-20);

#[cfg(test)]
mod tests {
    use super::Real;

    #[test]
    fn the_sine_follows_the_library_to_the_last_digits() {
        for step in -5000..=5000 {
            let x = f64::from(step) / 10_000.0;
            let expected = (std::f64::consts::PI * x).sin();
            assert!((Real::sin_pi(x) - expected).abs() <= 4e-16 * expected.abs(), "float64 at {x}");
            let single = x as f32;
            let expected = (std::f64::consts::PI * f64::from(single)).sin();
            let error = (f64::from(Real::sin_pi(single)) - expected).abs();
            assert!(error <= 2.5e-7 * expected.abs(), "float32 at {x}: {error:e}");
        }
    }

    #[test]
    fn centred_leaves_exactly_what_round_leaves() {
        for step in -30_000_i16..=30_000 {
            let single = f32::from(step) / 977.0;
            let double = f64::from(step) / 977.0;
            assert_eq!(Real::centred(single).to_bits(), (single - single.round_ties_even()).to_bits());
            assert_eq!(Real::centred(double).to_bits(), (double - double.round_ties_even()).to_bits());
        }
        assert_eq!(Real::centred(2_097_151.25_f64 as f32).to_bits(), 0.25_f32.to_bits());
    }
}
