//! [`Beam`]: the sources that shine on the crystal: directions times wavelengths, and their polarization.
//!
//! nanoBragg's grids: divergence over angles, cut to an ellipse unless told otherwise, dispersion over
//! wavelengths, every source with the same weight. Read by both variants through [`crate::scene`].

use crate::config::Config;
use crate::crystal::ANGSTROM;
use crate::detector::Axes;
use crate::vector::{Vector, about, cross, unit};

/// Light of one direction and wavelength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// The direction in which it travels, a unit vector.
    pub incident: Vector,
    /// Its wavelength in m.
    pub wavelength: f64,
}

/// All that shines.
#[derive(Clone, Debug, PartialEq)]
pub struct Beam {
    /// The middle direction.
    pub direction: Vector,
    /// The direction of the electric vector.
    pub polar: Vector,
    /// Kahn's factor; `None` where no polarization factor is applied.
    pub kahn: Option<f64>,
    /// In photons/m^2.
    pub fluence: f64,
    /// At least one; wavelengths change fastest, then the angle across the polarization.
    pub sources: Vec<Source>,
}

impl Beam {
    /// From a configuration that [`Config::check`] has accepted; `given` are the sources of a file, if there is one.
    pub fn new(config: &Config, axes: &Axes, given: Option<&[Source]>) -> Self {
        Self {
            direction: axes.beam,
            polar: axes.polar,
            kahn: config.polarization.then_some(config.kahn_factor),
            fluence: config.fluence,
            sources: given.map_or_else(|| grid(config, axes), <[Source]>::to_vec),
        }
    }
}

/// The sources of a divergence and a dispersion.
fn grid(config: &Config, axes: &Axes) -> Vec<Source> {
    let vertical = unit(cross(axes.beam, axes.polar));
    let wavelengths = Grid::new(config.dispersion_percent / 100.0, config.dispersion_steps);
    let horizontal = Grid::new(config.hdiv_mrad / 1000.0, config.hdiv_steps);
    let across = Grid::new(config.vdiv_mrad / 1000.0, config.vdiv_steps);
    let mut sources = Vec::new();
    for hdiv in horizontal.offsets() {
        for vdiv in across.offsets() {
            // NaN where an angle has no range: then nothing is cut, as in nanoBragg.
            let radius = horizontal.squared_radius(hdiv) + across.squared_radius(vdiv);
            if config.round_div && 4.0 * radius > 1.1 {
                continue;
            }
            let incident = about(about(axes.beam, axes.polar, vdiv), vertical, hdiv);
            sources.extend(wavelengths.offsets().map(|offset| Source {
                incident,
                wavelength: config.wavelength_angstrom * ANGSTROM * (1.0 + offset),
            }));
        }
    }
    sources
}

/// Equal steps over a range around 0.
struct Grid {
    range: f64,
    step: f64,
    steps: u64,
}

impl Grid {
    /// A range without a number of steps has two: its ends. One step over a range is two as well.
    fn new(range: f64, steps: u64) -> Self {
        if range == 0.0 {
            return Self { range, step: 0.0, steps: 1 };
        }
        let steps = steps.max(2);
        Self { range, step: range / (steps - 1) as f64, steps }
    }

    fn offsets(&self) -> impl Iterator<Item = f64> {
        (0..self.steps).map(|step| self.step * step as f64 - self.range / 2.0)
    }

    /// The square of `offset`, less that of half a step where no offset is 0, in units of the range.
    fn squared_radius(&self, offset: f64) -> f64 {
        let even = if self.steps.is_multiple_of(2) { 1.0 } else { 0.0 };
        (offset * offset - self.step * self.step / 4.0 * even) / self.range / self.range
    }
}

#[cfg(test)]
mod tests {
    use super::Beam;
    use crate::config::{Config, Convention};
    use crate::detector::Axes;
    use crate::vector::dot;

    fn beam(change: impl Fn(&mut Config)) -> Beam {
        let mut config = Config::benchmark(8);
        change(&mut config);
        Beam::new(&config, &Axes::new(Convention::Mosflm), None)
    }

    #[test]
    fn without_ranges_there_is_one_source_along_the_beam() {
        let beam = beam(|config| (config.hdiv_steps, config.dispersion_steps) = (5, 5));
        assert_eq!(beam.sources.len(), 1);
        assert_eq!((beam.sources[0].incident, beam.sources[0].wavelength), ([1.0, 0.0, 0.0], 6.2e-10));
    }

    #[test]
    fn wavelengths_span_the_band_from_end_to_end() {
        let beam = beam(|config| (config.dispersion_percent, config.dispersion_steps) = (1.0, 5));
        let offsets: Vec<f64> =
            beam.sources.iter().map(|source| (source.wavelength / 6.2e-10 - 1.0) * 1000.0).collect();
        for (offset, expected) in offsets.iter().zip([-5.0, -2.5, 0.0, 2.5, 5.0]) {
            assert!((offset - expected).abs() < 1e-9, "{offsets:?}");
        }
    }

    #[test]
    fn a_round_divergence_loses_the_corners_of_the_grid() {
        let grid = |round_div| {
            beam(|config| {
                (config.hdiv_mrad, config.vdiv_mrad, config.hdiv_steps, config.vdiv_steps) = (2.0, 4.0, 3, 3);
                config.round_div = round_div;
            })
        };
        assert_eq!((grid(false).sources.len(), grid(true).sources.len()), (9, 5));
        for source in grid(true).sources {
            let [_, y, z] = source.incident;
            assert!((dot(source.incident, source.incident) - 1.0).abs() < 1e-15);
            assert!(y.abs() < 2.001e-3 && z.abs() < 1.001e-3, "{:?}", source.incident);
        }
        let line = beam(|config| (config.hdiv_mrad, config.hdiv_steps) = (2.0, 3));
        assert_eq!(line.sources.len(), 3, "one range alone is never cut");
    }
}
