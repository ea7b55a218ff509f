//! [`Crystal`]: the unit cell as vectors, how many of them there are, and the form of the whole.
//!
//! Built from the cell's six numbers in nanoBragg's default orientation (a* along x, b* in the xy plane), then
//! turned by the misset angles. Read by both variants through [`crate::scene`]; nothing here is per pixel.

use std::f64::consts::FRAC_1_PI;

use runner_plugin::Error;

use crate::config::{Config, Shape};
use crate::matrix::Matrix;
use crate::vector::{Vector, about_xyz, cross, dot, length, scaled, unit};

/// Metres in an angstrom.
pub const ANGSTROM: f64 = 1e-10;

/// A crystal at the spindle's zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crystal {
    /// The cell's edges a, b, c in m.
    pub axes: [Vector; 3],
    /// The reciprocal edges a*, b*, c* in 1/angstrom: the unit in which the shapes measure a spot's radius.
    pub reciprocal: [Vector; 3],
    /// Unit cells along a, b, c.
    pub cells: [u32; 3],
    /// The form.
    pub shape: Shape,
    /// Factor on the squared radius of a spot.
    pub fudge: f64,
}

impl Crystal {
    /// From a configuration that [`Config::check`] has accepted, its cell by a matrix file if there is one. Angles
    /// that no cell can have are an error.
    pub fn new(config: &Config, matrix: Option<&Matrix>) -> Result<Self, Error> {
        let or = |value: f64, otherwise: f64| if value == 0.0 { otherwise } else { value };
        let a = config.cell_edge_angstrom;
        let edges = [a, or(config.cell_b_angstrom, a), or(config.cell_c_angstrom, a)];
        let angles = [config.cell_alpha_deg, config.cell_beta_deg, config.cell_gamma_deg];
        let Cell { direct, volume } = match matrix {
            Some(matrix) => Cell::by_matrix(matrix, config)?,
            None => Cell::new(edges, angles)?,
        };
        let direct = direct.map(|axis| about_xyz(axis, radians(config.misset_deg)));
        let reciprocal = OTHERS.map(|(next, last)| scaled(cross(direct[next], direct[last]), 1.0 / volume));
        let count = |own: u64| if own == 0 { config.cells as u32 } else { own as u32 };
        Ok(Self {
            axes: direct.map(|axis| scaled(axis, ANGSTROM)),
            reciprocal,
            cells: [count(config.cells_a), count(config.cells_b), count(config.cells_c)],
            shape: config.shape,
            fudge: config.fudge,
        })
    }
}

/// Degrees as radians, rounded as the C program rounds: at an angle of exactly 0 it does something of its own.
pub fn radians<const N: usize>(degrees: [f64; N]) -> [f64; N] {
    degrees.map(|angle| angle / (180.0 * FRAC_1_PI))
}

/// The two axes that follow each axis in the cycle a, b, c.
const OTHERS: [(usize, usize); 3] = [(1, 2), (2, 0), (0, 1)];

/// The edges of a cell as vectors and its volume, in the unit of its edges.
struct Cell {
    direct: [Vector; 3],
    volume: f64,
}

impl Cell {
    /// nanoBragg's default orientation: a* along x, b* in the xy plane.
    ///
    /// nanoBragg gives c* the height `c* V / (a b c sin gamma*)`, which lacks a factor `sin gamma*/sin gamma`;
    /// it then keeps the lengths of the edges, so that in a cell without right angles alpha and beta are off by
    /// some thousandths of a degree. This does the same, or the images would differ (correlation 0.9998).
    fn new(edges: [f64; 3], angles: [f64; 3]) -> Result<Self, Error> {
        let cosines = radians(angles).map(f64::cos);
        let sines = radians(angles).map(f64::sin);
        let [cos_alpha, cos_beta, cos_gamma] = cosines;
        // The square of the volume of the cell with edges of length 1.
        let squared = 1.0 - dot(cosines, cosines) + 2.0 * cos_alpha * cos_beta * cos_gamma;
        if squared < 1e-12 {
            return Err(Error::invalid(format!(
                "no cell has the angles {}, {} and {} degrees: each must be less than the sum of the other two, \
                 and all three less than 360 together",
                angles[0], angles[1], angles[2]
            )));
        }
        let shape = squared.sqrt();
        let volume = edges.iter().product::<f64>() * shape;
        let lengths = [0, 1, 2].map(|axis| sines[axis] / (edges[axis] * shape));
        let [cos_alpha_star, cos_beta_star, cos_gamma_star] = [0, 1, 2].map(|axis| {
            let (next, last) = OTHERS[axis];
            (cosines[next] * cosines[last] - cosines[axis]) / (sines[next] * sines[last])
        });
        let sin_gamma_star = shape / (sines[0] * sines[1]);
        let across = (cos_alpha_star - cos_beta_star * cos_gamma_star) / sin_gamma_star;
        let stars = [
            [lengths[0], 0.0, 0.0],
            scaled([cos_gamma_star, sin_gamma_star, 0.0], lengths[1]),
            scaled([cos_beta_star, across, shape / sin_gamma_star], lengths[2]),
        ];
        let direct = [0, 1, 2].map(|axis| {
            let (next, last) = OTHERS[axis];
            scaled(unit(cross(stars[next], stars[last])), edges[axis])
        });
        Ok(Self { direct, volume })
    }

    /// As the matrix says. One that is left-handed has a negative volume, and is as good.
    fn by_matrix(matrix: &Matrix, config: &Config) -> Result<Self, Error> {
        let usual = Config::benchmark(1);
        let cell = |config: &Config| {
            let (a, b, c) = (config.cell_edge_angstrom, config.cell_b_angstrom, config.cell_c_angstrom);
            [a, b, c, config.cell_alpha_deg, config.cell_beta_deg, config.cell_gamma_deg].map(f64::to_bits)
        };
        let given = cell(config) != cell(&usual);
        if given {
            return Err(Error::invalid("matrix: the file gives the cell; leave out `cell_...`"));
        }
        let wavelength = config.wavelength_angstrom;
        let stars = matrix.stars.map(|star| scaled(star, 1.0 / wavelength));
        let volume = 1.0 / dot(stars[0], cross(stars[1], stars[2]));
        let direct = OTHERS.map(|(next, last)| scaled(cross(stars[next], stars[last]), volume));
        for (edge, name) in direct.into_iter().zip(["a", "b", "c"]) {
            if !(1.0..=2000.0).contains(&length(edge)) {
                return Err(Error::invalid(format!(
                    "matrix: its edge {name} is {} angstrom long, which is not within 1 to 2000; is its wavelength \
                     {wavelength} angstrom?",
                    length(edge)
                )));
            }
        }
        Ok(Self { direct, volume })
    }
}

#[cfg(test)]
mod tests {
    use super::{Crystal, Matrix, scaled};
    use crate::config::Config;
    use crate::vector::{dot, length, minus};

    fn triclinic() -> Config {
        Config {
            cell_edge_angstrom: 70.0,
            cell_b_angstrom: 80.0,
            cell_c_angstrom: 90.0,
            cell_alpha_deg: 85.0,
            cell_beta_deg: 95.0,
            cell_gamma_deg: 105.0,
            ..Config::benchmark(8)
        }
    }

    /// A cell without nanoBragg's error: alpha and gamma are right angles.
    fn monoclinic() -> Config {
        Config { cell_alpha_deg: 90.0, cell_gamma_deg: 90.0, ..triclinic() }
    }

    /// Greatest error of the cosines of the angles.
    fn angle_error(crystal: &Crystal, config: &Config) -> f64 {
        let [a, b, c] = crystal.axes;
        let angles =
            [(b, c, config.cell_alpha_deg), (a, c, config.cell_beta_deg), (a, b, config.cell_gamma_deg)];
        let error = angles.map(|(first, second, angle)| {
            (dot(first, second) / (length(first) * length(second)) - angle.to_radians().cos()).abs()
        });
        error.into_iter().fold(0.0, f64::max)
    }

    #[test]
    fn edges_and_angles_come_back_from_the_vectors() {
        for misset_deg in [[0.0; 3], [10.0, -20.0, 130.0]] {
            for (config, error) in [(monoclinic(), 0.0..1e-14), (triclinic(), 1e-5..2e-4)] {
                let crystal = Crystal::new(&Config { misset_deg, ..config.clone() }, None).unwrap();
                for (axis, edge) in crystal.axes.into_iter().zip([70e-10, 80e-10, 90e-10]) {
                    assert!((length(axis) / edge - 1.0).abs() < 1e-14);
                }
                // Two or three right angles: exact. None: off as much as the C program is.
                let seen = angle_error(&crystal, &config);
                assert!(error.contains(&seen), "{seen:e}");
            }
        }
    }

    #[test]
    fn the_reciprocal_edges_are_dual_and_stand_as_nanobragg_puts_them() {
        let crystal = Crystal::new(&monoclinic(), None).unwrap();
        for (row, axis) in crystal.axes.iter().enumerate() {
            for (column, star) in crystal.reciprocal.iter().enumerate() {
                let expected = if row == column { 1.0 } else { 0.0 };
                assert!((dot(*axis, *star) / super::ANGSTROM - expected).abs() < 1e-14);
            }
        }
        let crystal = Crystal::new(&triclinic(), None).unwrap();
        let [a_star, b_star, _] = crystal.reciprocal;
        assert!(a_star[0] > 0.0 && a_star[1].abs() + a_star[2].abs() < 1e-17, "a* along x: {a_star:?}");
        assert!(b_star[1] > 0.0 && b_star[2].abs() < 1e-17, "b* in the xy plane: {b_star:?}");
    }

    #[test]
    fn a_matrix_is_the_cell_it_was_made_of() {
        let config = Config { misset_deg: [10.0, -20.0, 130.0], ..monoclinic() };
        let crystal = Crystal::new(&config, None).unwrap();
        let stars = crystal.reciprocal.map(|star| scaled(star, config.wavelength_angstrom));
        let again = Crystal::new(&Config::benchmark(8), Some(&Matrix { stars })).unwrap();
        let turned = Config { misset_deg: [0.0, 0.0, 90.0], ..Config::benchmark(8) };
        let turned = Crystal::new(&turned, Some(&Matrix { stars })).unwrap();
        for (index, axis) in crystal.axes.into_iter().enumerate() {
            assert!(length(minus(axis, again.axes[index])) < 1e-14 * length(axis));
            let expected = [-again.axes[index][1], again.axes[index][0], again.axes[index][2]];
            assert!(length(minus(turned.axes[index], expected)) < 1e-14 * length(axis));
            for (other, star) in again.reciprocal.iter().enumerate() {
                let expected = if index == other { 1.0 } else { 0.0 };
                assert!((dot(again.axes[index], *star) / super::ANGSTROM - expected).abs() < 1e-14);
            }
        }
    }

    #[test]
    fn a_matrix_with_a_cell_beside_it_or_of_another_wavelength_is_refused() {
        let stars = [[0.062, 0.0, 0.0], [0.0, 0.062, 0.0], [0.0, 0.0, 0.062]];
        let error = |config: &Config| Crystal::new(config, Some(&Matrix { stars })).unwrap_err().to_string();
        assert!(error(&triclinic()).contains("leave out `cell_...`"));
        let long = Config { wavelength_angstrom: 0.05, ..Config::benchmark(8) };
        let message = error(&long);
        assert!(message.contains("its edge a is 0.8"), "{message}");
    }

    #[test]
    fn angles_that_no_cell_has_are_refused_by_name() {
        for angles in [[30.0, 30.0, 90.0], [120.0, 120.0, 120.0], [60.0, 60.0, 120.0]] {
            let [cell_alpha_deg, cell_beta_deg, cell_gamma_deg] = angles;
            let config = Config { cell_alpha_deg, cell_beta_deg, cell_gamma_deg, ..triclinic() };
            let error = Crystal::new(&config, None).unwrap_err().to_string();
            assert!(error.contains("no cell has the angles"), "{error}");
        }
    }
}
