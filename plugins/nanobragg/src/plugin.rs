//! [`NanoBragg`]: the kernel plugin: one iteration computes the whole image once.
//!
//! Driven by the plugin host: create checks the configuration and reads the structure factors, prepare allocates,
//! iterate computes, finish compares the last image with the other variant and reports. Nothing but the computation may happen in an
//! iteration: no allocation, no log line, no file.

use std::io::Write;

use rayon::{ThreadPool, ThreadPoolBuilder};
use runner_plugin::{Error, Finish, Host, Iteration, Kernel, Level, Metrics, Prepared};

use serde_json::json;

use crate::check::Check;
use crate::config::{Config, Dtype, Variant};
use crate::crystal::ANGSTROM;
use crate::image::Image;
use crate::matrix::Matrix;
use crate::memory::peak_rss;
use crate::npy::Element;
use crate::real::Real;
use crate::reflections::Reflections;
use crate::sample::Sample;
use crate::scene::{Inputs, Scene};
use crate::sources::Sources;
use crate::statistics::Statistics;

/// The artifact that `image: true` asks for.
const ARTIFACT: &str = "image.npy";

/// The kernel: the diffraction image of one experiment.
pub struct NanoBragg {
    config: Config,
    scene: Scene,
    workplace: Option<Workplace>,
}

/// What prepare allocates and every iteration uses again.
struct Workplace {
    threads: ThreadPool,
    image: Box<dyn AnyImage>,
    /// Whether the image was computed to its end.
    computed: bool,
}

impl Kernel for NanoBragg {
    type Config = Config;

    fn create(host: &Host, config: Config) -> Result<Self, Error> {
        config.check()?;
        let reflections = match file(*host, "hkl", config.hkl.as_deref())? {
            None => Reflections::uniform(config.default_f),
            Some((path, content)) => Reflections::parse(path, &content, config.default_f)?,
        };
        let matrix = file(*host, "matrix", config.matrix.as_deref())?
            .map(|(path, content)| Matrix::parse(path, &content))
            .transpose()?;
        let wavelength = config.wavelength_angstrom * ANGSTROM;
        let sources = file(*host, "sources", config.sources.as_deref())?
            .map(|(path, content)| Sources::parse(path, &content, wavelength))
            .transpose()?;
        if sources.as_ref().is_some_and(|sources| sources.weighted) {
            host.log(
                Level::Warning,
                "sources: their weights differ, and nanoBragg, like this, uses none of them",
            );
        }
        let scene = Scene::with(&config, Inputs { reflections, matrix, sources })?;
        Ok(Self { config, scene, workplace: None })
    }

    fn prepare(&mut self, host: &Host) -> Result<Prepared, Error> {
        let threads = ThreadPoolBuilder::new()
            .num_threads(self.config.threads as usize)
            .thread_name(|index| format!("nanobragg-{index}"))
            .build()
            .map_err(|error| Error::failed(format!("the threads could not be started: {error}")))?;
        let (scene, variant) = (&self.scene, self.config.variant);
        let image: Box<dyn AnyImage> = threads.install(|| -> Result<Box<dyn AnyImage>, Error> {
            Ok(match self.config.dtype {
                Dtype::Float32 => Box::new(Image::<f32>::allocate(scene, variant)?),
                Dtype::Float64 => Box::new(Image::<f64>::allocate(scene, variant)?),
            })
        })?;
        let terms = scene.steps() * u64::from(scene.layers());
        let instructions = image.instructions().map_or_else(String::new, |name| format!(" with {name}"));
        let line = format!(
            "{} a pixel, {}{instructions}",
            counted(terms, "term"),
            counted(threads.current_num_threads() as u64, "thread")
        );
        host.log(Level::Info, &line);
        self.workplace = Some(Workplace { threads, image, computed: false });
        Ok(Prepared {
            warmup: self.config.warmup as u32,
            iterations: self.config.iterations as u32,
            device: self.config.device.name().to_owned(),
        })
    }

    fn iterate(&mut self, host: &Host, _iteration: Iteration) -> Result<(), Error> {
        let Workplace { threads, image, computed } = self.workplace.as_mut().ok_or_else(unprepared)?;
        *computed = false;
        threads.install(|| image.compute(*host))?;
        *computed = true;
        Ok(())
    }

    fn finish(&mut self, host: &Host, finish: &Finish) -> Result<Metrics, Error> {
        let Workplace { threads, image, computed } = self.workplace.as_ref().ok_or_else(unprepared)?;
        if !computed {
            return Err(Error::failed("there is no finished image to report on"));
        }
        let sample = Sample::new(self.scene.size, self.config.sample);
        let check = || image.check(&self.scene, self.config.variant, &sample);
        let (statistics, check) = threads.install(|| (image.statistics(), check()));
        if self.config.image {
            let mut artifact = host.artifact(ARTIFACT)?;
            image.write_npy(&mut artifact)?;
            artifact.finish()?;
        }
        let metrics = self.metrics(&finish.seconds, &statistics, &check);
        if let Some(path) = &self.config.report {
            let instructions = image.instructions().unwrap_or("float64, one pixel at a time");
            let report = json!({
                "kernel": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "instructions": instructions,
                "threads": threads.current_num_threads(),
                "config": self.config,
                "metrics": metrics,
            });
            host.write_artifact(path, &serde_json::to_vec_pretty(&report)?)?;
        }
        Ok(metrics)
    }
}

impl NanoBragg {
    fn metrics(&self, seconds: &[f64], statistics: &Statistics, check: &Check) -> Metrics {
        let pixels = self.config.size * self.config.size;
        let metrics = Metrics::new().with_list("seconds", seconds, "s");
        let metrics = match median(seconds) {
            Some(median) => metrics
                .with("seconds_min", seconds.iter().copied().fold(f64::INFINITY, f64::min), "s")
                .with("seconds_median", median, "s")
                .with("pixels_per_second", pixels as f64 / median, "px/s"),
            None => [("seconds_min", "s"), ("seconds_median", "s"), ("pixels_per_second", "px/s")]
                .iter()
                .fold(metrics, |metrics, (name, unit)| {
                    metrics.with_unknown(name, unit, "nothing was measured")
                }),
        };
        let metrics = match peak_rss() {
            Ok(bytes) => metrics.with_count("peak_rss", bytes, "B"),
            Err(reason) => metrics.with_unknown("peak_rss", "B", &reason),
        };
        let metrics = metrics
            .with("sum", statistics.sum, "photons")
            .with("mean", statistics.mean, "photons")
            .with("max", statistics.max, "photons");
        let metrics = if check.pixels < 2 {
            metrics.with_unknown("correlation", "1", "a single pixel has no correlation")
        } else if statistics.max == 0.0 && check.max_difference == 0.0 {
            metrics.with_unknown("correlation", "1", "an image without photons has no correlation")
        } else {
            metrics.with("correlation", check.correlation, "1")
        };
        metrics
            .with("sum_ratio", check.sum_ratio, "1")
            .with("max_difference", check.max_difference, "1")
            .with_count("checked_pixels", check.pixels, "px")
            .with_count("size", self.config.size, "px")
            .with_count("iterations", seconds.len() as u64, "1")
    }
}

/// The content of the file that the key `name` names, if it does, with its path.
fn file<'a>(host: Host, name: &str, path: Option<&'a str>) -> Result<Option<(&'a str, Vec<u8>)>, Error> {
    let Some(path) = path else { return Ok(None) };
    match host.read(path) {
        Ok(content) => Ok(Some((path, content))),
        Err(error) => Err(Error::new(error.kind(), format!("{name}: {path}: {error}"))),
    }
}

/// A number of things, in words: `1 term`, `2 terms`.
fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn unprepared() -> Error {
    Error::invalid("the kernel was not prepared")
}

/// The middle one of the values, or the mean of the middle two.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

/// An image of either type.
trait AnyImage: Send + Sync {
    fn compute(&mut self, host: Host) -> Result<(), Error>;
    fn statistics(&self) -> Statistics;
    fn check(&self, scene: &Scene, variant: Variant, sample: &Sample) -> Check;
    fn instructions(&self) -> Option<&'static str>;
    fn write_npy(&self, writer: &mut dyn Write) -> Result<(), Error>;
}

impl<T: Real + Element> AnyImage for Image<T> {
    fn compute(&mut self, host: Host) -> Result<(), Error> {
        self.compute(|| host.cancelled())
    }

    fn statistics(&self) -> Statistics {
        Statistics::new(&self.pixels())
    }

    fn check(&self, scene: &Scene, variant: Variant, sample: &Sample) -> Check {
        let pixels = self.pixels();
        Check::new(scene, variant, sample, |row, column| pixels[(row, column)].to_f64())
    }

    fn instructions(&self) -> Option<&'static str> {
        self.instructions()
    }

    fn write_npy(&self, writer: &mut dyn Write) -> Result<(), Error> {
        self.write_npy(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 9.0, 2.0]), Some(3.0));
    }
}
