//! [`Form`]: the squared amplitude of the whole lattice, for each form of crystal, in vector code.
//!
//! Where a grating has at most [`Few::MOST`] planes its amplitude is a short polynomial in the squared sine; any
//! other is a quotient of sines, one division for three axes. Called by [`crate::segment`] and [`crate::single`]
//! for every term; nothing here may branch or call the library.
#![expect(clippy::inline_always, reason = "only what is inlined is compiled for the wider instructions")]
#![expect(clippy::needless_range_loop, reason = "several arrays are walked along the same axis")]

use crate::config::Shape;
use crate::crystal::Crystal;
use crate::real::Real;
use crate::vector::scaled;

/// Squared amplitude of a lattice.
pub trait Form<T: Real>: Copy {
    /// At the Miller indices `index`.
    fn squared<const FMA: bool>(&self, index: [T; 3]) -> T;

    /// Whether the C program finds an amplitude of exactly 0 there and passes the term over. That of a square that
    /// is too small for the type is not.
    #[inline(always)]
    fn is_nothing<const FMA: bool>(&self, _index: [T; 3]) -> bool {
        false
    }
}

/// `x` less the nearest whole number.
#[inline(always)]
fn centred<T: Real>(x: T) -> T {
    x - x.rounded()
}

/// Gratings of few planes each, `EVEN` where any has an even number.
///
/// `sin(N x) / sin(x)` is a polynomial in `t = sin^2 x` for odd N, and cos x times one for even N (Chebyshev's
/// second kind).
#[derive(Clone, Copy, Debug)]
pub struct Few<T, const EVEN: bool> {
    terms: [[T; 3]; 3],
    even: [T; 3],
}

impl<T: Real, const EVEN: bool> Few<T, EVEN> {
    /// Planes that it serves: above, float32 loses too much in the polynomial's differences.
    pub const MOST: u32 = 5;

    /// For 1 to [`Self::MOST`] planes along each axis.
    pub fn new(cells: [u32; 3]) -> Self {
        let terms = cells.map(|cells| match cells {
            1 => [1.0, 0.0, 0.0],
            2 => [2.0, 0.0, 0.0],
            3 => [3.0, -4.0, 0.0],
            4 => [4.0, -8.0, 0.0],
            _ => [5.0, -20.0, 16.0],
        });
        let even = cells.map(|cells| if cells.is_multiple_of(2) { T::ONE } else { T::ZERO });
        Self { terms: terms.map(|terms| terms.map(T::from_f64)), even }
    }
}

impl<T: Real, const EVEN: bool> Form<T> for Few<T, EVEN> {
    #[inline(always)]
    fn squared<const FMA: bool>(&self, index: [T; 3]) -> T {
        let mut amplitude = T::ONE;
        let mut cosines = T::ONE;
        for axis in 0..3 {
            let sine = centred(index[axis]).sin_pi::<FMA>();
            let t = sine * sine;
            let [first, second, third] = self.terms[axis];
            amplitude *= t.fma::<FMA>(t.fma::<FMA>(third, second), first);
            if EVEN {
                let cosine = (-t).fma::<FMA>(self.even[axis], T::ONE);
                // Rounding may take the squared sine beyond 1, but no pixel may lose photons.
                cosines *= if cosine > T::ZERO { cosine } else { T::ZERO };
            }
        }
        if EVEN { amplitude * amplitude * cosines } else { amplitude * amplitude }
    }
}

/// Gratings of any number of planes.
#[derive(Clone, Copy, Debug)]
pub struct Many<T> {
    cells: [T; 3],
}

impl<T: Real> Form<T> for Many<T> {
    /// Both arguments are reduced to within half a period first: the square has the period 1. At a whole index
    /// the quotient a step of [`Real::TINY`] beside it stands for the limit, from which it differs by less than
    /// the type can express.
    #[inline(always)]
    fn squared<const FMA: bool>(&self, index: [T; 3]) -> T {
        let mut numerator = T::ONE;
        let mut denominator = T::ONE;
        for axis in 0..3 {
            let near = centred(index[axis]).abs();
            // Not a branch around the division: this is one instruction, and a NaN stays one.
            let near = if T::TINY > near { T::TINY } else { near };
            numerator *= near.centred_product::<FMA>(self.cells[axis]).sin_pi::<FMA>();
            denominator *= near.sin_pi::<FMA>();
        }
        let amplitude = numerator / denominator;
        amplitude * amplitude
    }
}

/// An ellipsoid.
#[derive(Clone, Copy, Debug)]
pub struct Round<T> {
    /// Cells along each axis times the root of the fudge factor.
    radius: [T; 3],
    height: T,
    /// The series of the transform in the squared radius, lowest first.
    series: [T; 10],
}

impl<T: Real> Round<T> {
    fn new(crystal: &Crystal) -> Self {
        // sum (-1)^n 3 (2n + 2) / (2n + 3)! (pi y)^2n, of which 3 (sin x / x - cos x) / x^2 is the sum.
        let mut series = [T::ZERO; 10];
        let mut factorial = 6.0;
        let mut power = 1.0;
        for (n, term) in series.iter_mut().enumerate() {
            let n = n as f64;
            *term = T::from_f64(3.0 * (2.0 * n + 2.0) / factorial * power);
            factorial *= (2.0 * n + 4.0) * (2.0 * n + 5.0);
            power *= -std::f64::consts::PI.powi(2);
        }
        let all: f64 = crystal.cells.iter().map(|cells| f64::from(*cells)).product();
        Self {
            radius: crystal.cells.map(|cells| T::from_f64(f64::from(cells) * crystal.fudge.sqrt())),
            height: T::from_f64((all * 0.723_601_254_558_268).powi(2)),
            series,
        }
    }
}

impl<T: Real> Form<T> for Round<T> {
    #[inline(always)]
    fn squared<const FMA: bool>(&self, index: [T; 3]) -> T {
        let mut squared = T::ZERO;
        for axis in 0..3 {
            let radius = centred(index[axis]) * self.radius[axis];
            squared = radius.fma::<FMA>(radius, squared);
        }
        // Within x = 1 the formula loses digits and the series has them; beyond, the other way round.
        let limit = T::from_f64(0.1);
        let mut inside = self.series[9];
        for term in 0..9 {
            inside = inside.fma::<FMA>(squared, self.series[8 - term]);
        }
        let far = if squared > limit { squared } else { limit };
        let inverse = far.inverse_root::<FMA>();
        let radius = far * inverse;
        let inverse = inverse * T::from_f64(std::f64::consts::FRAC_1_PI);
        // The sign that a whole half turn takes off both sine and cosine is lost in the square.
        let rest = centred(radius);
        let difference = (rest.sin_pi::<FMA>() * inverse) - rest.cos_pi::<FMA>();
        let outside = T::from_f64(3.0) * difference * inverse * inverse;
        let amplitude = if squared > limit { outside } else { inside };
        self.height * amplitude * amplitude
    }
}

/// Spots whose height depends on the distance from the reflection alone: `GAUSS`, or of constant height.
#[derive(Clone, Copy, Debug)]
pub struct Spot<T, const GAUSS: bool> {
    /// The reciprocal edges, scaled so that the squared distance is the exponent, or 1 at the spot's edge.
    edges: [[T; 3]; 3],
    /// The square inside a spot of constant height.
    height: T,
    /// The square at a Gaussian reflection is 2 to this power.
    doublings: i32,
    /// What a square of 1 stands for.
    unit: f64,
}

impl<T: Real, const GAUSS: bool> Spot<T, GAUSS> {
    /// `doublings` as in [`AnyForm::new`].
    fn new(crystal: &Crystal, doublings: i32) -> Self {
        let all: f64 = crystal.cells.iter().map(|cells| f64::from(*cells)).product();
        let doublings = if GAUSS { doublings } else { 0 };
        let scale = if GAUSS { 2.0 / 0.63 } else { 1.0 / 0.3969 };
        let factor = all * (scale * crystal.fudge).sqrt();
        Self {
            edges: crystal.reciprocal.map(|edge| scaled(edge, factor).map(T::from_f64)),
            height: T::from_f64(all * all),
            doublings,
            unit: if GAUSS { all * all * 2.0_f64.powi(-doublings) } else { 1.0 },
        }
    }
}

impl<T: Real, const GAUSS: bool> Spot<T, GAUSS> {
    /// The scaled squared distance from the nearest reflection.
    #[inline(always)]
    fn distance_squared<const FMA: bool>(&self, index: [T; 3]) -> T {
        let beside = index.map(
            #[inline(always)]
            |index| centred(index),
        );
        let mut squared = T::ZERO;
        for component in 0..3 {
            let mut distance = beside[0] * self.edges[0][component];
            distance = beside[1].fma::<FMA>(self.edges[1][component], distance);
            distance = beside[2].fma::<FMA>(self.edges[2][component], distance);
            squared = distance.fma::<FMA>(distance, squared);
        }
        squared
    }
}

impl<T: Real, const GAUSS: bool> Form<T> for Spot<T, GAUSS> {
    #[inline(always)]
    fn squared<const FMA: bool>(&self, index: [T; 3]) -> T {
        let squared = self.distance_squared::<FMA>(index);
        if GAUSS {
            (-squared).exp_below::<FMA>(self.doublings)
        } else if squared < T::ONE {
            self.height
        } else {
            // Also for a NaN: no spot is there.
            T::ZERO
        }
    }

    #[inline(always)]
    fn is_nothing<const FMA: bool>(&self, index: [T; 3]) -> bool {
        let squared = self.distance_squared::<FMA>(index);
        // The least float64 is e^-745.13, and the exponent is that of the square.
        if GAUSS { squared > T::from_f64(2.0 * 745.13) } else { squared >= T::ONE }
    }
}

/// Any form, chosen once for a scene.
#[derive(Clone, Copy, Debug)]
pub enum AnyForm<T> {
    /// At most five planes, an odd number along each axis.
    Odd(Few<T, false>),
    /// At most five planes.
    Even(Few<T, true>),
    /// Any number of planes.
    Many(Many<T>),
    /// An ellipsoid.
    Round(Round<T>),
    /// Gaussian spots.
    Gauss(Spot<T, true>),
    /// Spots of constant height.
    Tophat(Spot<T, false>),
}

impl<T: Real> AnyForm<T> {
    /// The cheapest that serves. `any` takes the quotient for any number of planes even where a polynomial would
    /// do: for tests and the benchmark. `doublings` is the power of two by which the squares of Gaussian spots are
    /// too high: far from every reflection they are less than float32 can hold, and the image need not be.
    pub fn new(crystal: &Crystal, any: bool, doublings: i32) -> Self {
        let cells = crystal.cells;
        match crystal.shape {
            Shape::Square if any || cells.iter().any(|cells| *cells > Few::<T, true>::MOST) => {
                Self::Many(Many { cells: cells.map(|cells| T::from_f64(f64::from(cells))) })
            }
            Shape::Square if cells.iter().any(|cells| cells.is_multiple_of(2)) => Self::Even(Few::new(cells)),
            Shape::Square => Self::Odd(Few::new(cells)),
            Shape::Round => Self::Round(Round::new(crystal)),
            Shape::Gauss => Self::Gauss(Spot::new(crystal, doublings)),
            Shape::Tophat => Self::Tophat(Spot::new(crystal, 0)),
        }
    }

    /// What a square of 1 stands for; to be multiplied by once, at the end.
    pub fn unit(&self) -> f64 {
        match self {
            Self::Gauss(spot) => spot.unit,
            _ => 1.0,
        }
    }
}

/// Does `$body` with `$name` bound to the form itself, compiled for each.
macro_rules! with_form {
    ($form:expr, $name:ident => $body:expr) => {
        match $form {
            $crate::form::AnyForm::Odd($name) => $body,
            $crate::form::AnyForm::Even($name) => $body,
            $crate::form::AnyForm::Many($name) => $body,
            $crate::form::AnyForm::Round($name) => $body,
            $crate::form::AnyForm::Gauss($name) => $body,
            $crate::form::AnyForm::Tophat($name) => $body,
        }
    };
}
pub(crate) use with_form;

#[cfg(test)]
mod tests {
    use super::{Few, Form, Many};

    /// Direct float64 division; `index` is exact in both types, and reduced so that the sines are good.
    fn direct(index: f64, cells: u32) -> f64 {
        let near = std::f64::consts::PI * (index - index.round());
        if near == 0.0 { f64::from(cells) } else { (f64::from(cells) * near).sin() / near.sin() }
    }

    fn many(cells: u32) -> (Many<f32>, Many<f64>) {
        (Many { cells: [cells as f32, 1.0, 1.0] }, Many { cells: [cells.into(), 1.0, 1.0] })
    }

    /// Greatest errors of the squares over the square of the number of planes, in float32 and float64.
    fn errors(cells: u32, single: impl Form<f32>, double: impl Form<f64>) -> (f64, f64) {
        let scale = f64::from(cells).powi(2);
        let mut worst = (0.0_f64, 0.0_f64);
        for step in -3000..=3000_i16 {
            let index = f32::from(step) / 713.0;
            let expected = direct(index.into(), cells).powi(2);
            // The third axis stands on a whole number, where its limit is taken.
            let value = f64::from(single.squared::<false>([index, 0.3, 2.0]));
            worst.0 = worst.0.max((value - expected).abs() / scale);
            let value = double.squared::<true>([index.into(), 0.3, 2.0]);
            worst.1 = worst.1.max((value - expected).abs() / scale);
        }
        worst
    }

    #[test]
    fn any_number_of_planes_agrees_with_direct_division() {
        for cells in (1..=64).chain([100, 255, 1000]) {
            let (single, double) = many(cells);
            let (single, double) = errors(cells, single, double);
            assert!(single < 2e-6 && double < 1e-12, "N = {cells}: {single:e}, {double:e}");
        }
    }

    #[test]
    fn a_polynomial_serves_every_small_number() {
        for cells in 1..=Few::<f32, true>::MOST {
            let (single, double) =
                (Few::<f32, true>::new([cells, 1, 1]), Few::<f64, true>::new([cells, 1, 1]));
            let (single, double) = errors(cells, single, double);
            assert!(single < 3e-6 && double < 3e-13, "N = {cells}: {single:e}, {double:e}");
            if cells % 2 == 1 {
                let (odd, even) = (Few::<f64, false>::new([cells; 3]), Few::<f64, true>::new([cells; 3]));
                let index = [0.1, 0.37, 4.2];
                let difference = odd.squared::<true>(index) - even.squared::<true>(index);
                assert!(difference.abs() < 1e-13, "N = {cells}: {difference:e}");
            }
        }
    }

    #[test]
    fn the_limit_is_met_smoothly_at_every_whole_number() {
        for exponent in 0..60 {
            let near = 2.0_f32.powi(-8 - 2 * exponent);
            for cells in [1, 2, 5, 64] {
                let (single, _) = many(cells);
                let expected = direct(near.into(), cells).powi(2);
                let value = f64::from(single.squared::<false>([near, near, 3.0]));
                assert!((value / expected - 1.0).abs() < 2e-6, "N = {cells}, u = {near:e}: {value}");
            }
        }
    }
}
