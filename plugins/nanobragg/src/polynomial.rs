//! [`economized`]: short polynomials with the accuracy of long Taylor series, made when the crate is compiled.
//!
//! A Taylor series is exact at 0 and wasteful at the end of the interval. Taking away multiples of Chebyshev's
//! polynomials from the top spreads the error evenly (Lanczos's economization), and a sine needs five terms in
//! float32 where Taylor takes seven. Used by [`crate::real`] for its constants; never at run time.

/// Terms of the Taylor series that it begins with.
pub const TAYLOR: usize = 20;

/// The coefficients, lowest first, of a polynomial of `N` terms that follows `taylor` on 0 to `end`.
#[must_use]
pub const fn economized<const N: usize>(taylor: [f64; TAYLOR], end: f64) -> [f64; N] {
    // In units of the interval, 0 to 1.
    let mut scaled = taylor;
    let mut power = 1.0;
    let mut index = 0;
    while index < TAYLOR {
        scaled[index] *= power;
        power *= end;
        index += 1;
    }
    let mut degree = TAYLOR - 1;
    while degree >= N {
        let chebyshev = chebyshev(degree);
        let share = scaled[degree] / chebyshev[degree];
        let mut index = 0;
        while index <= degree {
            scaled[index] -= share * chebyshev[index];
            index += 1;
        }
        degree -= 1;
    }
    let mut result = [0.0; N];
    let mut power = 1.0;
    let mut index = 0;
    while index < N {
        result[index] = scaled[index] / power;
        power *= end;
        index += 1;
    }
    result
}

/// Chebyshev's polynomial of `degree` on 0 to 1.
const fn chebyshev(degree: usize) -> [f64; TAYLOR] {
    let mut before = [0.0; TAYLOR];
    let mut current = [0.0; TAYLOR];
    before[0] = 1.0;
    current[0] = -1.0;
    current[1] = 2.0;
    let mut reached = 1;
    while reached < degree {
        // T(n+1) = 2 (2 s - 1) T(n) - T(n-1)
        let mut next = [0.0; TAYLOR];
        let mut index = 0;
        while index < TAYLOR {
            let lower = if index == 0 { 0.0 } else { current[index - 1] };
            next[index] = 4.0 * lower - 2.0 * current[index] - before[index];
            index += 1;
        }
        before = current;
        current = next;
        reached += 1;
    }
    current
}

/// The series of `sin(pi x) / x` in `x^2`.
#[must_use]
pub const fn sine() -> [f64; TAYLOR] {
    alternating(std::f64::consts::PI, std::f64::consts::PI, 2.0)
}

/// The series of `cos(pi x)` in `x^2`.
#[must_use]
pub const fn cosine() -> [f64; TAYLOR] {
    alternating(1.0, std::f64::consts::PI, 1.0)
}

/// `first`, then each term the one before times `-factor^2 / (order (order + 1))`, `order` from `order` by twos.
const fn alternating(first: f64, factor: f64, order: f64) -> [f64; TAYLOR] {
    let mut terms = [0.0; TAYLOR];
    let mut term = first;
    let mut index = 0;
    while index < TAYLOR {
        terms[index] = term;
        let order = order + 2.0 * index as f64;
        term *= -factor * factor / (order * (order + 1.0));
        index += 1;
    }
    terms
}

/// The series of `2^x` about `centre`, in `x - centre`.
#[must_use]
pub const fn power_of_two(at_centre: f64) -> [f64; TAYLOR] {
    let mut terms = [0.0; TAYLOR];
    let mut term = at_centre;
    let mut index = 0;
    while index < TAYLOR {
        terms[index] = term;
        index += 1;
        term *= std::f64::consts::LN_2 / index as f64;
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::{TAYLOR, cosine, economized, sine};

    fn value(terms: &[f64], x: f64) -> f64 {
        terms.iter().rev().fold(0.0, |sum, term| sum * x + term)
    }

    #[test]
    fn fewer_terms_follow_the_function_closer_than_taylor_does() {
        const SINE: [f64; 5] = economized(sine(), 0.25);
        const COSINE: [f64; 6] = economized(cosine(), 0.25);
        let (mut error, mut taylor) = (0.0_f64, 0.0_f64);
        for step in 1..=1000 {
            let x = f64::from(step) / 2000.0;
            let expected = (std::f64::consts::PI * x).sin() / x;
            error = error.max((value(&SINE, x * x) - expected).abs());
            taylor = taylor.max((value(&sine()[..5], x * x) - expected).abs());
            let expected = (std::f64::consts::PI * x).cos();
            assert!((value(&COSINE, x * x) - expected).abs() < 1e-9, "cosine at {x}");
        }
        assert!(error < 2e-8 && taylor > 100.0 * error, "{error:e}, Taylor {taylor:e}");
    }

    #[test]
    fn all_terms_are_left_as_they_are() {
        const ALL: [f64; TAYLOR] = economized(sine(), 0.25);
        for (all, taylor) in ALL.iter().zip(sine()) {
            assert!((all / taylor - 1.0).abs() < 1e-12);
        }
    }
}
