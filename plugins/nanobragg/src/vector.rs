//! Vectors in the laboratory frame, in float64, and their rotations.
//!
//! The plain algebra of [`crate::crystal`], [`crate::detector`], [`crate::beam`] and [`crate::scalar`]. Lengths
//! are in metres and angles in radians unless a caller says otherwise. Nothing here knows of physics.

/// Three components in the laboratory frame.
pub type Vector = [f64; 3];

/// The scalar product.
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector product.
pub fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// `a + b`.
pub fn plus(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `a - b`.
pub fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `factor * a`.
pub fn scaled(a: Vector, factor: f64) -> Vector {
    a.map(|component| factor * component)
}

/// The length.
pub fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The vector of length 1 in the direction of `a`; the zero vector stays as it is.
pub fn unit(a: Vector) -> Vector {
    let length = length(a);
    if length == 0.0 { a } else { scaled(a, 1.0 / length) }
}

/// `a` turned about the unit vector `axis` by `angle`, right-handed (Rodrigues).
pub fn about(a: Vector, axis: Vector, angle: f64) -> Vector {
    let (sine, cosine) = angle.sin_cos();
    let along = scaled(axis, dot(axis, a) * (1.0 - cosine));
    plus(plus(along, scaled(a, cosine)), scaled(cross(axis, a), sine))
}

/// `a` turned about x by the first angle, then about y by the second, then about z by the third.
pub fn about_xyz(a: Vector, angles: Vector) -> Vector {
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    axes.iter().zip(angles).fold(a, |a, (axis, angle)| if angle == 0.0 { a } else { about(a, *axis, angle) })
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use std::f64::consts::FRAC_PI_2;

    use super::{Vector, about, about_xyz, cross, dot, length, minus, unit};

    fn assert_close(a: Vector, b: Vector) {
        assert!(length(minus(a, b)) < 1e-15, "{a:?} instead of {b:?}");
    }

    #[test]
    fn a_quarter_turn_is_right_handed() {
        assert_close(about([0.0, 1.0, 0.0], [1.0, 0.0, 0.0], FRAC_PI_2), [0.0, 0.0, 1.0]);
        assert_close(about([0.0, 0.0, 1.0], [0.0, 1.0, 0.0], FRAC_PI_2), [1.0, 0.0, 0.0]);
        assert_close(about([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], FRAC_PI_2), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn three_turns_come_in_the_order_x_y_z() {
        // x: y goes to z; y: z goes to x; z: x goes to y.
        assert_close(about_xyz([0.0, 1.0, 0.0], [FRAC_PI_2; 3]), [0.0, 1.0, 0.0]);
        assert_close(about_xyz([0.0, 1.0, 0.0], [FRAC_PI_2, 0.0, FRAC_PI_2]), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn products_and_units_are_those_of_the_textbook() {
        assert_eq!(cross([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), [-3.0, 6.0, -3.0]);
        assert_eq!(dot([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]), 32.0);
        assert_close(unit([3.0, 0.0, 4.0]), [0.6, 0.0, 0.8]);
        assert_close(unit([0.0; 3]), [0.0; 3]);
    }
}
