//! [`Scalar`]: the image one pixel at a time, in float64, by the book.
//!
//! Nested loops over layers, sub-pixels, sources and orientations in the order of the C program, full vectors,
//! library sines, and the formulas as they are printed, with none of the algebra of [`crate::vectorized`]. It is
//! the readable variant, and the oracle of the other's self-check ([`crate::check`]): neither may call the other.

use std::f64::consts::PI;

use crate::config::Shape;
use crate::scene::Scene;
use crate::vector::{Vector, cross, dot, length, minus, plus, scaled, unit};

/// Root of the ratio of a cube's volume to that of the sphere with the same spots, as nanoBragg has it.
const SPHERE: f64 = 0.723_601_254_558_268;

/// The scalar variant for one scene.
#[derive(Clone, Copy, Debug)]
pub struct Scalar<'a> {
    scene: &'a Scene,
}

impl<'a> Scalar<'a> {
    /// For `scene`.
    pub fn new(scene: &'a Scene) -> Self {
        Self { scene }
    }

    /// A row of pixels. A function of its own, so that a profile names the loop over pixels.
    #[inline(never)]
    pub fn row(&self, row: usize, mut store: impl FnMut(usize, f64)) {
        for column in 0..self.scene.size {
            store(column, self.photons(row as f64, column as f64));
        }
    }

    /// Photons that the pixel at the indices (`slow`, `fast`) receives: row and column, whole for a pixel.
    ///
    /// `r_e^2 * fluence * sum(F^2 * F_latt^2) / steps * solid angle * polarization * captured fraction`
    /// (International Tables for Crystallography C, 6.2; interference function: Warren, X-ray Diffraction, 3.3).
    /// Factors that are not computed for each sub-pixel are those of the first one; the captured fraction is
    /// that of the last layer. See [`crate::scene::Each`] for those that are.
    #[inline(never)]
    pub fn photons(&self, slow: f64, fast: f64) -> f64 {
        let scene = self.scene;
        let parts = f64::from(scene.oversample);
        let place = |index: f64, part: u32| index + (f64::from(part) + 0.5) / parts - 0.5;

        let (mut sum, mut omega, mut polar, mut captured) = (0.0, None, None, 1.0);
        for layer in 0..scene.layers() {
            let mut layer_captured = None;
            for (part_slow, part_fast) in
                (0..scene.oversample).flat_map(|slow| (0..scene.oversample).map(move |fast| (slow, fast)))
            {
                let depth = scene.detector.sensor.map_or(0.0, |sensor| f64::from(layer) * sensor.step);
                let point = scene.detector.point(place(slow, part_slow), place(fast, part_fast), depth);
                let airpath = length(point);
                let diffracted = scaled(point, 1.0 / airpath);
                let here = || self.solid_angle(airpath);
                let omega = renewed(&mut omega, scene.each.omega, here);
                let here = || self.captured(layer, diffracted);
                captured = renewed(&mut layer_captured, scene.each.thick, here);

                for source in &scene.beam.sources {
                    let change = minus(diffracted, source.incident);
                    let scattering = scaled(change, 1.0 / source.wavelength);
                    if scene.dmin > 0.0 && scene.dmin * length(scattering) > 1.0 {
                        continue;
                    }
                    let here = || self.polarization(source.incident, diffracted);
                    let polar = renewed(&mut polar, scene.each.polar, here);
                    let mut factor = 1.0;
                    factor *= if scene.each.thick { captured } else { 1.0 };
                    factor *= if scene.each.polar { polar } else { 1.0 };
                    factor *= if scene.each.omega { omega } else { 1.0 };
                    for cell in &scene.orientations {
                        let miller = cell.map(|axis| dot(axis, scattering));
                        let amplitude = self.lattice(miller);
                        // A term of exactly 0 is passed over, with its factor.
                        if amplitude != 0.0 {
                            let amplitude = amplitude * self.structure_factor(miller);
                            sum = (sum + amplitude * amplitude) * factor;
                        }
                    }
                }
            }
        }
        let once = |each: bool, factor: Option<f64>| if each { 1.0 } else { factor.unwrap_or(0.0) };
        scene.scale()
            * sum
            * once(scene.each.omega, omega)
            * once(scene.each.polar, polar)
            * once(scene.each.thick, Some(captured))
    }

    /// `(pixel / R)^2 D / R`, D the distance of the detector's plane; of a point `1 / R^2`.
    fn solid_angle(self, airpath: f64) -> f64 {
        let detector = &self.scene.detector;
        if detector.point_pixel {
            1.0 / (airpath * airpath)
        } else {
            (detector.pixel / airpath).powi(2) * detector.close_distance / airpath
        }
    }

    /// The part of the photons that reach this layer's front but not its back.
    fn captured(self, layer: u32, diffracted: Vector) -> f64 {
        let Some(sensor) = self.scene.detector.sensor else { return 1.0 };
        let step = sensor.step * sensor.mu / dot(diffracted, self.scene.detector.normal);
        (-f64::from(layer) * step).exp() - (-f64::from(layer + 1) * step).exp()
    }

    /// `(1 + cos^2 2theta - kappa cos 2psi sin^2 2theta) / 2`, psi the angle of the diffracted ray about the
    /// beam, from the electric vector (Kahn et al., J. Appl. Cryst. 15, 330, 1982).
    fn polarization(self, incident: Vector, diffracted: Vector) -> f64 {
        let Some(kahn) = self.scene.beam.kahn else { return 1.0 };
        let cosine = dot(incident, diffracted);
        let magnetic = unit(cross(self.scene.beam.polar, incident));
        let electric = unit(cross(incident, magnetic));
        let psi = -dot(diffracted, magnetic).atan2(dot(diffracted, electric));
        let squared = cosine * cosine;
        0.5 * (1.0 + squared - kahn * (2.0 * psi).cos() * (1.0 - squared))
    }

    /// The lattice's amplitude at the Miller indices `miller`.
    fn lattice(self, miller: [f64; 3]) -> f64 {
        let crystal = &self.scene.crystal;
        let beside = minus(miller, miller.map(nearest));
        let cells = crystal.cells.map(f64::from);
        let all: f64 = cells.iter().product();
        match crystal.shape {
            Shape::Square => (0..3).map(|axis| interference(miller[axis], crystal.cells[axis])).product(),
            Shape::Round => {
                let squares: f64 = (0..3).map(|axis| (beside[axis] * cells[axis]).powi(2)).sum();
                all * SPHERE * sphere(PI * (squares * crystal.fudge).sqrt())
            }
            Shape::Gauss => all * (-self.radius_squared(beside) * all * all / 0.63 * crystal.fudge).exp(),
            Shape::Tophat => {
                let inside = self.radius_squared(beside) * all * all * crystal.fudge < 0.3969;
                if inside { all } else { 0.0 }
            }
        }
    }

    /// What a cell scatters at the Miller indices `miller`: as the nearest reflection does, or by a cubic through
    /// the four nearest along each axis where there are so many.
    fn structure_factor(self, miller: [f64; 3]) -> f64 {
        let reflections = &self.scene.reflections;
        if !(self.scene.interpolate && reflections.surrounds(miller)) {
            return reflections.get(miller.map(|index| nearest(index) as i32));
        }
        let [h, k, l] = miller;
        cubic(h, |h| cubic(k, |k| cubic(l, |l| reflections.get([h, k, l]))))
    }

    /// The squared distance from a reflection, in 1/angstrom^2, of the point `beside` it.
    fn radius_squared(self, beside: Vector) -> f64 {
        let [a, b, c] = self.scene.crystal.reciprocal;
        let distance = plus(plus(scaled(a, beside[0]), scaled(b, beside[1])), scaled(c, beside[2]));
        dot(distance, distance)
    }
}

/// The whole number nearest to an index.
fn nearest(index: f64) -> f64 {
    (index - 0.5).ceil()
}

/// At `x` the cubic through the four values around it (Lagrange's form).
fn cubic(x: f64, value: impl Fn(i32) -> f64) -> f64 {
    let first = x.floor() as i32 - 1;
    let nodes = [0, 1, 2, 3].map(|step| first + step);
    let term = |node: i32| {
        let others = nodes.iter().filter(|other| **other != node);
        value(node) * others.map(|other| (x - f64::from(*other)) / f64::from(node - other)).product::<f64>()
    };
    nodes.into_iter().map(term).sum()
}

/// The value kept in `kept`; computed where there is none yet, or where it is wanted for each sub-pixel.
fn renewed(kept: &mut Option<f64>, each: bool, compute: impl FnOnce() -> f64) -> f64 {
    match *kept {
        Some(value) if !each => value,
        _ => *kept.insert(compute()),
    }
}

/// The interference function of `cells` equal planes, `sin(cells pi u) / sin(pi u)`, up to its sign; its
/// limit at a whole `u` is `cells`.
pub fn interference(index: f64, cells: u32) -> f64 {
    // Its square has the period 1; the sines of large arguments would lose what the fraction still has.
    let phase = PI * (index - index.round());
    let cells = f64::from(cells);
    if phase.sin() == 0.0 { cells } else { (cells * phase).sin() / phase.sin() }
}

/// The transform of a sphere, `3 (sin x / x - cos x) / x^2`; 1 at 0, where the formula loses all its digits.
fn sphere(x: f64) -> f64 {
    if x < 1e-2 { 1.0 - x * x / 10.0 + x.powi(4) / 280.0 } else { 3.0 * (x.sin() / x - x.cos()) / (x * x) }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::{cubic, interference, sphere};

    #[test]
    fn a_cubic_meets_its_nodes_and_reproduces_cubics() {
        let polynomial = |x: f64| 3.0 - x + 0.5 * x * x - 0.25 * x.powi(3);
        for x in [-2.0, -1.75, -0.5, 0.0, 0.3, 1.0, 4.999] {
            let value = cubic(x, |node| polynomial(f64::from(node)));
            assert!((value - polynomial(x)).abs() < 1e-13, "{x}: {value}");
        }
        assert_eq!(cubic(3.0, |node| if node == 3 { 7.5 } else { 1e9 }), 7.5);
    }

    #[test]
    fn the_interference_function_has_its_limit_and_its_zeros() {
        assert_eq!(interference(3.0, 5), 5.0);
        assert!(
            (interference(0.1, 5)
                - (0.5_f64 * std::f64::consts::PI).sin() / 0.1_f64.mul_add(std::f64::consts::PI, 0.0).sin())
            .abs()
                < 1e-14
        );
        assert!(interference(7.2, 5).abs() < 1e-14);
        assert_eq!(interference(0.37, 1).abs(), 1.0);
    }

    #[test]
    fn the_transform_of_a_sphere_is_smooth_at_the_centre() {
        assert_eq!(sphere(0.0), 1.0);
        let (below, above) = (sphere(0.009_999_999), sphere(0.010_000_001));
        assert!((below - above).abs() < 1e-10, "{below} {above}");
        assert!((sphere(1.0) - 3.0 * (1.0_f64.sin() - 1.0_f64.cos())).abs() < 1e-15);
    }
}
