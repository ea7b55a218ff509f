//! [`Scene`]: what is measured with what, in SI units: crystal, detector, beam, and how finely they are sampled.
//!
//! Made from a [`Config`] once; read by both variants, [`crate::scalar`] and [`crate::vectorized`]. What is here
//! is shared by the two, so an error in it hides from the self-check: the whole images of the C program in
//! `tests/c_program.rs` vouch for it instead. Nothing here is computed per pixel.

use runner_plugin::Error;

use crate::beam::Beam;
use crate::config::{Config, Convention};
use crate::crystal::{ANGSTROM, Crystal};
use crate::detector::{Axes, Detector, axis};
use crate::matrix::Matrix;
use crate::orientation::{Cell, orientations};
use crate::reflections::Reflections;
use crate::sources::Sources;
use crate::vector::length;

/// Classical electron radius, squared (the Thomson cross-section per unit of solid angle), in m^2.
pub const ELECTRON_RADIUS_SQUARED: f64 = 7.940_792_480_189_65e-30;

/// Fluence in photons/m^2: the default of nanoBragg, chosen so that its product with
/// [`ELECTRON_RADIUS_SQUARED`] is 1.
pub const FLUENCE: f64 = 125_932_015_286_227_086_360_700_780_544.0;

/// More terms a pixel than this are a mistake in the configuration.
const MOST_STEPS: u64 = 10_000_000;

/// An experiment, ready to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Pixels along each side of the detector.
    pub size: usize,
    /// Where the pixels are.
    pub detector: Detector,
    /// What shines.
    pub beam: Beam,
    /// What it shines on.
    pub crystal: Crystal,
    /// The cell's edges, in m, in every orientation.
    pub orientations: Vec<Cell>,
    /// What a cell scatters.
    pub reflections: Reflections,
    /// Sub-pixels along each side of a pixel.
    pub oversample: u32,
    /// Whether structure factors are interpolated where [`Reflections::surrounds`] says that one can.
    pub interpolate: bool,
    /// Which factors are computed for every sub-pixel.
    pub each: Each,
    /// Spacing in m below which nothing is computed; 0: none.
    pub dmin: f64,
}

/// Which factors are computed for every sub-pixel, not once for a pixel.
///
/// nanoBragg multiplies the *running* sum by such a factor at each term, so that earlier terms carry it again
/// and again. Both variants do the same: the image of the C program is the definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Each {
    /// The captured fraction.
    pub thick: bool,
    /// The polarization.
    pub polar: bool,
    /// The solid angle.
    pub omega: bool,
}

/// What a scene has from files.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Structure factors, [`Reflections::uniform`] without a file.
    pub reflections: Reflections,
    /// Cell and orientation.
    pub matrix: Option<Matrix>,
    /// Directions and wavelengths.
    pub sources: Option<Sources>,
}

impl Each {
    /// Whether there is any.
    pub fn any(self) -> bool {
        self.thick || self.polar || self.omega
    }
}

impl Scene {
    /// The scene of a configuration with structure factors of a file, and nothing else from files.
    pub fn new(config: &Config, reflections: Reflections) -> Result<Self, Error> {
        Self::with(config, Inputs { reflections, matrix: None, sources: None })
    }

    /// Converts a configuration that [`Config::check`] has accepted. What is wrong only together is an error
    /// here: angles that no cell has, an axis of length 0, more terms than anyone can wait for.
    pub fn with(config: &Config, inputs: Inputs) -> Result<Self, Error> {
        let Inputs { reflections, matrix, sources } = inputs;
        let convention = match (config.convention, config.spindle_axis) {
            (Convention::Auto, None) => Convention::Mosflm,
            (Convention::Auto, Some(_)) => Convention::Custom,
            (convention, _) => convention,
        };
        let mut axes = Axes::new(convention);
        if let Some(written) = config.spindle_axis {
            axes.spindle = axis("spindle_axis", written)?;
        }
        let crystal = Crystal::new(config, matrix.as_ref())?;
        let detector = Detector::new(config, convention)?;
        let oversample = match config.oversample {
            0 => recommended_oversample(&crystal, &detector, config.wavelength_angstrom * ANGSTROM)?,
            given => given as u32,
        };
        let turns = config.phi_steps.max(1) * config.mosaic_domains.max(1);
        if turns > MOST_STEPS {
            return Err(too_many(turns));
        }
        let spread = [config.dispersion_percent, config.hdiv_mrad, config.vdiv_mrad];
        if sources.is_some() && spread.iter().any(|width| *width > 0.0) {
            return Err(Error::invalid(
                "sources: the file gives directions and wavelengths; leave out `dispersion_percent`, `hdiv_mrad` and \
                 `vdiv_mrad`",
            ));
        }
        let interpolate = match (config.interpolate, reflections.same()) {
            (Some(true), Some(_)) => {
                return Err(Error::invalid(
                    "interpolate: there is nothing to interpolate between without `hkl`",
                ));
            }
            (_, Some(_)) => false,
            (Some(wanted), None) => wanted,
            (None, None) => crystal.cells.iter().any(|cells| *cells <= 2),
        };
        let beam = Beam::new(config, &axes, sources.as_ref().map(|sources| &sources.list[..]));
        if beam.sources.iter().any(|source| source.wavelength <= 0.0) {
            return Err(Error::invalid("dispersion_percent: it leads to a wavelength of 0"));
        }
        let scene = Self {
            size: config.size as usize,
            detector,
            beam,
            orientations: orientations(config, crystal.axes, axes.spindle),
            crystal,
            reflections,
            oversample,
            interpolate,
            each: Each {
                thick: config.oversample_thick,
                polar: config.oversample_polar,
                omega: config.oversample_omega,
            },
            dmin: config.dmin_angstrom * ANGSTROM,
        };
        let terms = scene.steps().saturating_mul(scene.layers().into());
        if terms > MOST_STEPS { Err(too_many(terms)) } else { Ok(scene) }
    }

    /// The scene of a configuration in which every reflection has the default structure factor.
    pub fn uniform(config: &Config) -> Result<Self, Error> {
        Self::new(config, Reflections::uniform(config.default_f))
    }

    /// By how many terms the sum is divided: sources, orientations, sub-pixels. Layers are not among them.
    pub fn steps(&self) -> u64 {
        let places = u64::from(self.oversample).pow(2);
        (self.beam.sources.len() as u64).saturating_mul(self.orientations.len() as u64).saturating_mul(places)
    }

    /// Layers of the sensor; one where it is a surface.
    pub fn layers(&self) -> u32 {
        self.detector.sensor.map_or(1, |sensor| sensor.layers)
    }

    /// What turns the sum of `F^2 F_latt^2` into photons per unit of solid angle.
    pub fn scale(&self) -> f64 {
        ELECTRON_RADIUS_SQUARED * self.beam.fluence / self.steps() as f64
    }
}

fn too_many(terms: u64) -> Error {
    Error::invalid(format!(
        "{terms} terms a pixel (sources, phi steps, mosaic domains, layers, sub-pixels) are more than {MOST_STEPS}"
    ))
}

/// Three sub-pixels for the width of a spot of the crystal's longest edge.
fn recommended_oversample(crystal: &Crystal, detector: &Detector, wavelength: f64) -> Result<u32, Error> {
    let edges = crystal.axes.iter().zip(crystal.cells).map(|(axis, cells)| length(*axis) * f64::from(cells));
    let longest = edges.fold(0.0, f64::max);
    let recommended = (3.0 * longest * detector.pixel / (wavelength * detector.distance)).ceil().max(1.0);
    if recommended > 100.0 {
        return Err(Error::invalid(format!(
            "a crystal of {:.3} um asks for {recommended} x {recommended} sub-pixels; give `oversample` yourself",
            longest * 1e6
        )));
    }
    Ok(recommended as u32)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::Scene;
    use crate::config::{Config, Convention};

    #[test]
    fn sub_pixels_follow_the_rule_of_nanobragg_unless_given() {
        let oversample = |change: fn(&mut Config)| {
            let mut config = Config::benchmark(8);
            change(&mut config);
            Scene::uniform(&config).unwrap().oversample
        };
        assert_eq!(oversample(|_| ()), 1);
        // 3 * 50 nm * 1.6 mm / (0.62 nm * 100 mm) = 3.87.
        assert_eq!(oversample(|config| config.pixel_mm = 1.6), 4);
        assert_eq!(oversample(|config| (config.pixel_mm, config.oversample) = (1.6, 2)), 2);
        assert_eq!(oversample(|config| (config.pixel_mm, config.cells_b) = (1.6, 10)), 8);
    }

    #[test]
    fn an_axis_of_ones_own_changes_the_convention_only_where_none_is_named() {
        let foot = |convention, spindle_axis| {
            let config = Config { spindle_axis, convention, ..Config::benchmark(8) };
            let detector = Scene::uniform(&config).unwrap().detector;
            (detector.origin[2] / detector.pixel * 10.0).round() / 10.0
        };
        assert_eq!(foot(Convention::Auto, None), -5.0);
        assert_eq!(foot(Convention::Auto, Some([0.0, 1.0, 0.0])), -4.0);
        assert_eq!(foot(Convention::Mosflm, Some([0.0, 1.0, 0.0])), -5.0);
    }

    #[test]
    fn what_is_wrong_only_together_is_named() {
        let mistake = |change: fn(&mut Config)| {
            let mut config = Config::benchmark(8);
            change(&mut config);
            config.check().unwrap();
            Scene::uniform(&config).unwrap_err().to_string()
        };
        assert!(mistake(|config| config.spindle_axis = Some([0.0; 3])).contains("spindle_axis"));
        assert!(
            mistake(|config| (config.cell_alpha_deg, config.cell_beta_deg) = (179.0, 92.0))
                .contains("no cell has the angles")
        );
        assert!(
            mistake(|config| (config.phi_steps, config.oversample) = (10_000, 50)).contains("terms a pixel")
        );
        assert!(
            mistake(|config| {
                (config.phi_steps, config.mosaic_domains) = (100_000, 100_000);
                config.mosaic_deg = 1.0;
            })
            .contains("terms a pixel")
        );
        assert!(
            mistake(|config| (config.cells, config.pixel_mm) = (1000, 1.0)).contains("give `oversample`")
        );
    }
}
