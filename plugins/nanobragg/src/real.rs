//! [`Real`]: what the vectorized variant needs of `f32` and `f64`.
//!
//! Rounding, roots, sines and exponentials are plain arithmetic without library calls or branches, so that a loop
//! over a segment becomes vector code on every CPU. `FMA` says whether the CPU has fused multiply-add; where it
//! has not, `mul_add` would be a slow library call. Used by [`crate::form`] and [`crate::segment`].

use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};

use crate::polynomial::{cosine, economized, power_of_two, sine};

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
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 1/2.
    const HALF: Self;
    /// At this distance from a whole number the interference function equals its limit, and the product of
    /// three sines of it can still be divided by.
    const TINY: Self;

    /// The nearest value.
    fn from_f64(value: f64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// Towards 0, for values that an `i32` holds.
    fn to_i32(self) -> i32;
    /// Without its sign.
    #[must_use]
    fn abs(self) -> Self;
    /// `self * factor + term`, rounded once where `FMA`.
    #[must_use]
    fn fma<const FMA: bool>(self, factor: Self, term: Self) -> Self;
    /// `1 / sqrt(self)` with a relative error near the type's own, for normal positive values.
    #[must_use]
    fn inverse_root<const FMA: bool>(self) -> Self;
    /// The nearest whole number, for values below 2^22 (2^51).
    #[must_use]
    fn rounded(self) -> Self;
    /// `self * factor` less the nearest whole number.
    #[must_use]
    fn centred_product<const FMA: bool>(self, factor: Self) -> Self;
    /// `sin(pi x)` for `x` within -1/2 to 1/2, with a relative error of 1e-7 (1e-13).
    #[must_use]
    fn sin_pi<const FMA: bool>(self) -> Self;
    /// `cos(pi x)` for `x` within -1/2 to 1/2, with an absolute error near the type's own.
    #[must_use]
    fn cos_pi<const FMA: bool>(self) -> Self;
    /// Greatest power of two that a factor may take out of the way of underflow; 0 where the type has range enough.
    const HEADROOM: i32;
    /// `2^doublings e^x` for `x` of at most 0 and 0 to 126 doublings; 0 where that is too small for a normal number.
    #[must_use]
    fn exp_below<const FMA: bool>(self, doublings: i32) -> Self;
}

/// Horner's rule over `$terms`, lowest first.
macro_rules! horner {
    ($terms:ident, $x:expr, $fma:ident) => {{
        let mut sum = $terms[$terms.len() - 1];
        let mut index = $terms.len() - 1;
        while index > 0 {
            index -= 1;
            sum = sum.fma::<$fma>($x, $terms[index]);
        }
        sum
    }};
}

macro_rules! real {
    (
        $type:ty, $bits:ty, tiny: $tiny:literal, sine: $sine:literal, cosine: $cosine:literal,
        power: $power:literal, root: $guess:literal $steps:literal, least: $least:literal,
        headroom: $headroom:literal
    ) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF: Self = 0.5;
            const TINY: Self = $tiny;
            const HEADROOM: i32 = $headroom;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn to_i32(self) -> i32 {
                self as i32
            }

            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn fma<const FMA: bool>(self, factor: Self, term: Self) -> Self {
                if FMA { self.mul_add(factor, term) } else { self * factor + term }
            }

            #[inline(always)]
            fn inverse_root<const FMA: bool>(self) -> Self {
                // A root and a division share the CPU's slowest unit; a guess by the exponent's bits, good to
                // 3 %, and two steps do not (Lomont 2003). A step cubes the error (Householder's third-order
                // one); in float64 it takes it to the fourth power.
                let mut guess = Self::from_bits($guess - (self.to_bits() >> 1));
                let mut step = 0;
                while step < $steps {
                    let rest = (-self * guess).fma::<FMA>(guess, 1.0);
                    let series = if <$type>::MANTISSA_DIGITS > 24 {
                        rest.fma::<FMA>(0.3125, 0.375).fma::<FMA>(rest, 0.5)
                    } else {
                        rest.fma::<FMA>(0.375, 0.5)
                    };
                    guess = (guess * rest).fma::<FMA>(series, guess);
                    step += 1;
                }
                guess
            }

            #[inline(always)]
            fn rounded(self) -> Self {
                // In this neighbourhood the type has no digits after the point: adding rounds to nearest.
                // `round` itself is a library call where the CPU is not known to have the instruction.
                const WHOLE: $type = 1.5 / <$type>::EPSILON;
                (self + WHOLE) - WHOLE
            }

            #[inline(always)]
            fn centred_product<const FMA: bool>(self, factor: Self) -> Self {
                const WHOLE: $type = 1.5 / <$type>::EPSILON;
                let nearest = self.fma::<FMA>(factor, WHOLE) - WHOLE;
                self.fma::<FMA>(factor, -nearest)
            }

            #[inline(always)]
            fn sin_pi<const FMA: bool>(self) -> Self {
                const TERMS: [$type; $sine] = typed!($type, $sine, economized::<$sine>(sine(), 0.25));
                let square = self * self;
                self * horner!(TERMS, square, FMA)
            }

            #[inline(always)]
            fn cos_pi<const FMA: bool>(self) -> Self {
                const TERMS: [$type; $cosine] = typed!($type, $cosine, economized::<$cosine>(cosine(), 0.25));
                let square = self * self;
                horner!(TERMS, square, FMA)
            }

            #[inline(always)]
            fn exp_below<const FMA: bool>(self, doublings: i32) -> Self {
                // 2^(x - 1/2) for x from 0 to 1.
                const TERMS: [$type; $power] = typed!(
                    $type,
                    $power,
                    economized::<$power>(power_of_two(std::f64::consts::FRAC_1_SQRT_2), 1.0)
                );
                const WHOLE: $type = 1.5 / <$type>::EPSILON;
                // ln 2 in two parts, the first with so few digits that its multiples are exact.
                const HIGH: $type = 355.0 / 512.0;
                const LOW: $type = (std::f64::consts::LN_2 - 355.0 / 512.0) as $type;
                let least = $least - std::f64::consts::LN_2 as $type * doublings as $type;
                let exponent = if self > least { self } else { least };
                // The last bits of the shifted number are those of the whole one: no conversion is needed.
                let shifted = exponent * std::f64::consts::LOG2_E as $type + WHOLE;
                let whole = shifted - WHOLE;
                let rest = whole.fma::<FMA>(-LOW, whole.fma::<FMA>(-HIGH, exponent));
                let place = rest.fma::<FMA>(std::f64::consts::LOG2_E as $type, 0.5);
                let value = horner!(TERMS, place, FMA);
                let biased = shifted.to_bits().wrapping_add((<$type>::MAX_EXP - 1 + doublings) as $bits);
                let value = value * Self::from_bits(biased << (<$type>::MANTISSA_DIGITS - 1));
                if self > least { value } else { 0.0 }
            }
        }
    };
}

/// An array of float64 constants in another type.
macro_rules! typed {
    ($type:ty, $count:literal, $values:expr) => {{
        let values: [f64; $count] = $values;
        let mut typed = [0.0; $count];
        let mut index = 0;
        while index < $count {
            typed[index] = values[index] as $type;
            index += 1;
        }
        typed
    }};
}

real!(f32, u32, tiny: 1e-10, sine: 5, cosine: 6, power: 7, root: 0x5f37_5a86 2, least: -87.0, headroom: 120);
real!(f64, u64, tiny: 1e-20, sine: 7, cosine: 9, power: 13, root: 0x5fe6_eb50_c7b5_37a9 2, least: -708.0, headroom: 0);

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::Real;

    fn assert_close<const FMA: bool>(
        name: &str,
        x: f64,
        functions: [f64; 2],
        expected: f64,
        digits: [f64; 2],
    ) {
        for (value, digits) in functions.into_iter().zip(digits) {
            let error = (value - expected).abs();
            assert!(error <= digits, "{name} at {x}, {FMA}: {error:e}");
        }
    }

    fn functions_follow_the_library<const FMA: bool>() {
        for step in -5000..=5000 {
            let single = step as f32 / 10_000.0;
            let double = f64::from(single);
            let (sine, cosine) = (std::f64::consts::PI * double).sin_cos();
            let values = [single.sin_pi::<FMA>().into(), double.sin_pi::<FMA>()];
            assert_close::<FMA>("sine", double, values, sine, [2.5e-7, 1e-13].map(|e| e * sine.abs()));
            let values = [single.cos_pi::<FMA>().into(), double.cos_pi::<FMA>()];
            assert_close::<FMA>("cosine", double, values, cosine, [2e-7, 5e-16]);
            let negative = single * 100.0 - 50.0;
            let expected = f64::from(negative).exp();
            let values =
                [Real::exp_below::<FMA>(negative, 0).into(), Real::exp_below::<FMA>(f64::from(negative), 0)];
            assert_close::<FMA>(
                "exp",
                negative.into(),
                values,
                expected,
                [8e-7, 2e-15].map(|e| e * expected + 1.7e-38),
            );
            let positive = 10.0_f32.powf(single * 20.0);
            let expected = 1.0 / f64::from(positive).sqrt();
            let values = [positive.inverse_root::<FMA>().into(), f64::from(positive).inverse_root::<FMA>()];
            assert_close::<FMA>(
                "root",
                positive.into(),
                values,
                expected,
                [2.5e-7, 5e-16].map(|e| e * expected),
            );
        }
    }

    #[test]
    fn the_functions_follow_the_library_to_the_last_digits() {
        functions_follow_the_library::<true>();
        functions_follow_the_library::<false>();
    }

    #[test]
    fn an_exponential_ends_at_0() {
        assert!((-1e30_f32).exp_below::<false>(0) == 0.0);
        assert_eq!((-1e30_f64).exp_below::<false>(0), 0.0);
        assert_eq!((-1e30_f32).exp_below::<false>(120), 0.0);
        assert_eq!(0.0_f32.exp_below::<false>(0), 1.0);
        assert!((0.0_f64.exp_below::<false>(0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn doublings_reach_what_float32_cannot_hold_without_them() {
        for doublings in [0, 1, 60, 120] {
            for step in 0..1600_i16 {
                let exponent = f32::from(step) / -10.0;
                let expected = (f64::from(exponent) + std::f64::consts::LN_2 * f64::from(doublings)).exp();
                let value = f64::from(exponent.exp_below::<true>(doublings));
                let error = (value - expected).abs() / expected;
                assert!(
                    error < 1e-6 || (value == 0.0 && expected < 2e-38),
                    "{exponent} {doublings}: {value:e}"
                );
            }
        }
    }

    #[test]
    fn rounding_is_exactly_that_of_the_library() {
        for step in -30_000_i16..=30_000 {
            let single = f32::from(step) / 977.0;
            let double = f64::from(step) / 977.0;
            assert_eq!(Real::rounded(single), single.round_ties_even());
            assert_eq!(Real::rounded(double), double.round_ties_even());
        }
        for (x, factor, rest) in [(0.31, 5.0, -0.45), (0.25, 7.0, -0.25), (-0.125, 1001.0, -0.125)] {
            let double = Real::centred_product::<true>(x, factor);
            let single = f64::from(Real::centred_product::<false>(x as f32, factor as f32));
            assert!((double - rest).abs() < 1e-13 && (single - rest).abs() < 1e-5, "{x} {factor}");
        }
        assert_eq!(Real::rounded(2_097_151.2_f32), 2_097_151.0);
    }
}
