//! [`Isa`]: the instructions that the vectorized variant is run with, chosen when it runs.
//!
//! One source is compiled three times: for AVX-512 (of Ice Lake and later), for AVX2 with fused multiply-add, and
//! for the target's baseline. The compiler turns the loops into vector code; `fearless_simd` knows what the CPU
//! has and guards the call. Used by [`crate::vectorized`]; the benchmark and the tests run every one.

use fearless_simd::Level;
#[cfg(target_arch = "x86_64")]
use fearless_simd::{Avx2, Avx512};

/// A set of instructions that this CPU has.
#[derive(Clone, Copy, Debug)]
pub enum Isa {
    /// 64-byte vectors, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// 32-byte vectors, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// What every CPU of the target has.
    Portable,
}

impl Isa {
    /// All that this CPU has, the best first.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let level = Level::new();
            all.extend(level.as_avx512().map(Self::Avx512));
            all.extend(level.as_avx2().map(Self::Avx2));
        }
        all.push(Self::Portable);
        all
    }

    /// The best that this CPU has.
    pub fn best() -> Self {
        Self::all()[0]
    }

    /// A word for logs and tables.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// Calls a function with the instructions of `$isa`. Its last generic parameter says whether they hold a fused
/// multiply-add. It must be `#[inline(always)]`, and so must all that it calls: only what is inlined is compiled
/// for the wider instructions.
macro_rules! dispatched {
    ($isa:expr, $function:ident::<$($generic:ty),+>($($argument:expr),* $(,)?)) => {
        match $isa {
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Isa::Avx512(token) => fearless_simd::Simd::vectorize(
                token,
                #[inline(always)]
                || $function::<$($generic,)+ true>($($argument),*),
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Isa::Avx2(token) => fearless_simd::Simd::vectorize(
                token,
                #[inline(always)]
                || $function::<$($generic,)+ true>($($argument),*),
            ),
            // Every 64-bit Arm CPU has fused multiply-add.
            $crate::isa::Isa::Portable => {
                $function::<$($generic,)+ { cfg!(target_arch = "aarch64") }>($($argument),*)
            }
        }
    };
}
pub(crate) use dispatched;

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::Isa;
    use crate::real::Real;

    #[expect(clippy::inline_always, reason = "as the macro demands")]
    #[inline(always)]
    fn fused<T: Real, const FMA: bool>(x: T) -> T {
        x.fma::<FMA>(x, T::ONE)
    }

    #[test]
    fn every_set_of_instructions_does_the_work() {
        for isa in Isa::all() {
            assert_eq!(dispatched!(isa, fused::<f32>(3.0)), 10.0, "{}", isa.name());
        }
    }

    #[test]
    fn the_last_resort_is_always_there() {
        assert_eq!(Isa::all().last().unwrap().name(), "portable");
    }
}
