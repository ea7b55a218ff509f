//! How much two arrays or images differ, as JSON: correlation, ratio of the sums, greatest difference.
//!
//! [`CompareArrays`] is a capture plugin; gates read its figures through the step's `metrics:`. Both files are
//! read once, in pieces, so that their size does not matter. A figure that could not be computed is null, and
//! `unknown` maps its name to the reason. Two files of different size or shape are an error, not a figure.

mod config;
mod figures;
mod npy;
mod numbers;
mod pnm;
mod values;

use runner_plugin::{Capture, Error, ErrorKind, Host};
use serde_json::Value;

pub use config::{Config, Format, NotFinite};
use figures::Figures;
use values::Values;

/// How many values are compared at a time.
const PIECE: usize = 1 << 16;

/// The plugin.
#[derive(Debug)]
pub struct CompareArrays {
    config: Config,
}

impl Capture for CompareArrays {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn capture(&mut self, host: &Host) -> Result<Value, Error> {
        let failed = |message: String| Error::new(ErrorKind::Failed, message);
        let config = &self.config;
        let mut a = Values::open(&config.a, config).map_err(failed)?;
        let mut b = Values::open(&config.b, config).map_err(failed)?;
        let shape = shape(&a, &b).map_err(failed)?;
        let mut figures = Figures::default();
        let (mut left, mut right) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
        loop {
            a.read(&mut left, PIECE).map_err(failed)?;
            b.read(&mut right, PIECE).map_err(failed)?;
            if left.len() != right.len() {
                let count =
                    |values: &mut Values, piece: usize| Ok(figures.count + piece as u64 + values.rest()?);
                let (of_a, of_b) = (count(&mut a, left.len()), count(&mut b, right.len()));
                return Err(failed(sizes(config, of_a.map_err(failed)?, of_b.map_err(failed)?)));
            }
            if left.is_empty() {
                break;
            }
            figures.add(&left, &right, config);
            host.progress(figures.count, a.expected().unwrap_or(0), "values");
            if host.cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "cancelled while two arrays were compared"));
            }
        }
        if figures.count == 0 {
            return Err(failed(format!("`{}` and `{}` hold no values", config.a, config.b)));
        }
        let mut result = figures.into_json(config, shape.as_deref());
        result["a"] = a.describe();
        result["b"] = b.describe();
        result["shape"] = Value::from(shape);
        Ok(result)
    }
}

/// The shape that both files have, when one is known.
fn shape(a: &Values, b: &Values) -> Result<Option<Vec<u64>>, String> {
    match (a.shape(), b.shape()) {
        (Some(of_a), Some(of_b)) if of_a != of_b => Err(format!(
            "the shapes differ: `{}` has {of_a:?}, `{}` has {of_b:?}; only arrays of the same shape are compared",
            a.path(),
            b.path()
        )),
        (Some(shape), _) | (None, Some(shape)) => Ok(Some(shape.to_vec())),
        (None, None) => Ok(None),
    }
}

fn sizes(config: &Config, of_a: u64, of_b: u64) -> String {
    format!("the sizes differ: `{}` holds {of_a} values, `{}` holds {of_b}", config.a, config.b)
}

runner_plugin::export! {
    capture: CompareArrays,
    name: "compare-arrays",
    summary: "Compares two arrays or images: correlation, ratio of sums, greatest difference",
    schema: include_str!("../schema.json"),
}
