//! [`orientations`]: the cell's edges at every step of the spindle and in every mosaic domain.
//!
//! The spindle turns first, the domain after it; the domains change fastest. Made once by [`crate::scene`];
//! neither variant turns anything while it computes. The domains' generator is our own: the same seed gives the
//! same domains everywhere, the same distribution as nanoBragg's and not the same numbers.

use std::f64::consts::PI;

use crate::config::Config;
use crate::crystal::radians;
use crate::vector::{Vector, about};

/// The edges a, b, c of the cell in one orientation.
pub type Cell = [Vector; 3];

/// All orientations of the cell `axes`, in the order in which nanoBragg adds them up.
///
/// At an angle of exactly 0 nanoBragg turns nothing and goes on with the edges of the step before it; before the
/// first step, with those of the last step of the pixel before. A scan that begins at 0 has its last step twice
/// and never 0 itself. This does the same (without it the correlation with the C program is 0.991), in every
/// pixel: the very first one of an image, for which the C program has no pixel before, differs.
pub fn orientations(config: &Config, axes: Cell, spindle: Vector) -> Vec<Cell> {
    let domains = domains(config);
    let mut all = Vec::new();
    let angles = angles(config);
    let turn = |angle| axes.map(|axis| about(axis, spindle, angle));
    let mut turned = turn(angles.last().copied().unwrap_or(0.0));
    for angle in angles {
        if angle != 0.0 {
            turned = turn(angle);
        }
        let placed = domains.iter().map(|(axis, angle)| match angle {
            0.0 => turned,
            angle => turned.map(|edge| about(edge, *axis, *angle)),
        });
        all.extend(placed);
    }
    all
}

/// The spindle's angles in radians.
fn angles(config: &Config) -> Vec<f64> {
    let (steps, range) = match (config.phi_steps, config.osc_deg) {
        (0, None) => (1, 0.0),
        (0, Some(range)) => (2, range),
        (steps, range) => (steps, range.unwrap_or(1.0)),
    };
    let [first, range] = radians([config.phi_deg, range]);
    let step = range / steps as f64;
    (0..steps).map(|index| first + step * index as f64).collect()
}

/// Axis and angle of each mosaic domain. The first is the crystal itself.
///
/// The axis is uniform on the sphere; the angle is the spread times `(1 - r^2)^(1/3)`, r uniform, as in
/// nanoBragg.
fn domains(config: &Config) -> Vec<(Vector, f64)> {
    let spread = config.mosaic_deg.to_radians();
    let count = match config.mosaic_domains {
        _ if spread == 0.0 => 1,
        0 => 10,
        count => count,
    };
    let mut random = Random::new(config.mosaic_seed);
    let mut domain = |_| {
        let (azimuth, height, radius) = (random.symmetric(), random.symmetric(), random.symmetric());
        let across = (1.0 - height * height).sqrt();
        let (sine, cosine) = (PI * azimuth).sin_cos();
        ([across * sine, across * cosine, height], spread * (1.0 - radius * radius).cbrt())
    };
    let mut all: Vec<_> = (0..count).map(&mut domain).collect();
    all[0].1 = 0.0;
    all
}

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform from -1 to 1.
    fn symmetric(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        2.0 * ((bits >> 11) as f64 / (1_u64 << 53) as f64) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::{angles, domains, orientations};
    use crate::config::Config;
    use crate::vector::length;

    #[test]
    fn the_steps_of_the_spindle_follow_the_rules_of_nanobragg() {
        let degrees = |phi_deg, osc_deg, phi_steps| -> Vec<f64> {
            let config = Config { phi_deg, osc_deg, phi_steps, ..Config::benchmark(8) };
            angles(&config).iter().map(|angle| (angle.to_degrees() * 1e6).round() / 1e6).collect()
        };
        assert_eq!(degrees(0.0, None, 0), [0.0]);
        assert_eq!(degrees(3.0, None, 0), [3.0]);
        assert_eq!(degrees(0.0, Some(1.0), 0), [0.0, 0.5]);
        assert_eq!(degrees(0.0, None, 4), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(degrees(-1.0, Some(2.0), 4), [-1.0, -0.5, 0.0, 0.5]);
    }

    #[test]
    fn domains_stay_within_the_spread_and_cover_the_sphere() {
        let config = Config { mosaic_deg: 2.0, mosaic_domains: 20_000, ..Config::benchmark(8) };
        let domains = domains(&config);
        assert_eq!(domains.len(), 20_000);
        assert!(domains[0].1 == 0.0, "the first is the crystal itself");
        assert!(domains.iter().all(|(axis, angle)| {
            (length(*axis) - 1.0).abs() < 1e-12 && (0.0..=2.0_f64.to_radians()).contains(angle)
        }));
        // Mean of (1 - r^2)^(1/3) over r in -1..1 is 0.8413.
        let mean = domains.iter().map(|domain| domain.1).sum::<f64>() / 20_000.0 / 2.0_f64.to_radians();
        assert!((mean - 0.8413).abs() < 0.005, "{mean}");
        for component in 0..3 {
            let mean = domains.iter().map(|domain| domain.0[component]).sum::<f64>() / 20_000.0;
            let square = domains.iter().map(|domain| domain.0[component].powi(2)).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.02 && (square - 1.0 / 3.0).abs() < 0.01, "{component}: {mean}, {square}");
        }
    }

    #[test]
    fn the_seed_decides_the_domains() {
        let of = |mosaic_seed| {
            domains(&Config { mosaic_deg: 1.0, mosaic_domains: 5, mosaic_seed, ..Config::benchmark(8) })
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let count = |mosaic_deg, mosaic_domains| {
            domains(&Config { mosaic_deg, mosaic_domains, ..Config::benchmark(8) }).len()
        };
        assert_eq!((count(0.0, 7), count(1.0, 0), count(1.0, 7)), (1, 10, 7));
    }

    #[test]
    fn every_angle_meets_every_domain() {
        let config = Config { phi_steps: 3, mosaic_deg: 1.0, mosaic_domains: 4, ..Config::benchmark(8) };
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let all = orientations(&config, axes, [0.0, 0.0, 1.0]);
        assert_eq!(all.len(), 12);
        assert_eq!(all[0..4], all[8..12], "a step at 0 goes on with the last step of the pixel before");
        assert!(all[0] != axes && all[4] != all[0]);
        let still = orientations(&Config::benchmark(8), axes, [0.0, 0.0, 1.0]);
        assert_eq!(still, [axes]);
    }
}
