//! [`Config`]: the step's `with:`. `schema.json` says the same to the runner, and a test compares the two.
//!
//! Read once, when the instance is made. How a file is read follows from its name where `format` says nothing
//! ([`Format::of`]); both tolerances are 0 unless the step gives them, so nothing is near by default.

use serde::Deserialize;

/// The step's `with:`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The reference.
    pub a: String,
    /// The candidate.
    pub b: String,
    /// What the files hold.
    #[serde(default)]
    pub format: Format,
    /// The shape that both must have.
    #[serde(default)]
    pub shape: Option<Vec<u64>>,
    /// Two values are equal when |a - b| <= absolute + relative * |a|.
    #[serde(default)]
    pub absolute: f64,
    /// See `absolute`.
    #[serde(default)]
    pub relative: f64,
    /// What NaN and infinity do.
    #[serde(default)]
    pub not_finite: NotFinite,
    /// Lines of a heading in a csv.
    #[serde(default)]
    pub skip_rows: u64,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Whatever its name says.
    #[default]
    Auto,
    /// An array as NumPy stores it.
    Npy,
    /// Bare little-endian float32.
    F32,
    /// Bare little-endian float64.
    F64,
    /// Numbers as text, separated by commas, semicolons or blanks.
    Csv,
    /// A PGM or PPM image.
    Pnm,
}

/// What NaN and infinity do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotFinite {
    /// The figures are null, with a reason.
    #[default]
    Refuse,
    /// Such pairs are left out and counted.
    Skip,
}

impl Format {
    /// The format of a file, by its name when the configuration leaves it open.
    pub fn of(self, path: &str) -> Result<Self, String> {
        if self != Self::Auto {
            return Ok(self);
        }
        let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("npy") => Ok(Self::Npy),
            Some("f32") => Ok(Self::F32),
            Some("f64") => Ok(Self::F64),
            Some("csv" | "tsv" | "txt" | "dat") => Ok(Self::Csv),
            Some("pgm" | "ppm" | "pnm") => Ok(Self::Pnm),
            _ => Err(format!(
                "the name of `{path}` does not say what it holds: add `format: f32` (or npy, f64, csv, pnm)"
            )),
        }
    }
}
