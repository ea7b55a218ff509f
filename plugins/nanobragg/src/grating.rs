//! [`grating`]: the interference function of a row of equal cells, for any number of them.
//!
//! It returns numerator and denominator, so that the three axes of a pixel share one division. Called by
//! [`crate::image`] for every pixel; it must stay free of branches and library calls.

use crate::real::Real;

/// `sin(cells pi u) / sin(pi u)` up to its sign, as a quotient that is finite for every `u`.
///
/// Both arguments are reduced to within half a period first: for a whole number of `cells` the square of
/// the quotient has the period 1. Where `u` is a whole number, the quotient a step of [`Real::TINY`] beside
/// it stands for the limit, from which it differs by less than the type can express. (Warren, X-ray
/// Diffraction, 3.3.)
#[expect(clippy::inline_always, reason = "a call per pixel would keep the loop from becoming vector code")]
#[inline(always)]
#[must_use]
pub fn grating<T: Real>(index: T, cells: T) -> (T, T) {
    let near = index.centred().abs();
    // Not a branch around the division: this is one instruction, and a NaN stays one.
    let near = if T::TINY > near { T::TINY } else { near };
    ((near * cells).centred().sin_pi(), near.sin_pi())
}

#[cfg(test)]
mod tests {
    use super::grating;

    /// Direct float64 division; `index` is exact in both types, and reduced so that the sines are good.
    fn direct(index: f64, cells: u32) -> f64 {
        let near = std::f64::consts::PI * (index - index.round());
        if near == 0.0 { f64::from(cells) } else { (f64::from(cells) * near).sin() / near.sin() }
    }

    #[test]
    fn any_number_of_cells_agrees_with_direct_division() {
        for cells in (1..=64).chain([100, 255, 1000]) {
            let scale = f64::from(cells);
            for step in -3000..=3000_i16 {
                let index = f64::from(f32::from(step) / 713.0);
                let expected = direct(index, cells).abs();
                let (numerator, denominator) = grating(index, scale);
                let error = (numerator / denominator).abs() - expected;
                assert!(error.abs() < 2e-13 * scale, "float64, N = {cells}, u = {index}: {error:e}");
                let (numerator, denominator) = grating(index as f32, cells as f32);
                let error = f64::from((numerator / denominator).abs()) - expected;
                assert!(error.abs() < 1e-6 * scale, "float32, N = {cells}, u = {index}: {error:e}");
            }
        }
    }

    #[test]
    fn the_limit_is_met_smoothly_at_every_whole_number() {
        for exponent in 0..60 {
            let near = 2.0_f32.powi(-8 - 2 * exponent);
            for cells in [1_u8, 2, 5, 64] {
                let (numerator, denominator) = grating(near, f32::from(cells));
                let expected = direct(f64::from(near), cells.into());
                let error = f64::from(numerator / denominator) - expected;
                assert!(error.abs() < 5e-7 * f64::from(cells), "N = {cells}, u = {near:e}: {error:e}");
                let (numerator, denominator) = grating(3.0, f32::from(cells));
                let error = numerator / denominator - f32::from(cells);
                assert!(error.abs() <= f32::EPSILON * f32::from(cells), "N = {cells}: {error:e}");
            }
        }
    }

    #[test]
    fn three_axes_share_a_division_without_underflow() {
        for near in [0.0_f32, 1e-30, 0.9e-10, 1.1e-10, 1e-8] {
            let (numerator, denominator) = grating(near, 5.0);
            let product = (numerator * numerator * numerator) / (denominator * denominator * denominator);
            assert!((product - 125.0).abs() < 1e-4, "{near:e}: {product}");
        }
    }
}
