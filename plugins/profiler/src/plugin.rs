//! The plugin itself: [`ProfilerPlugin`], which the host drives.
//!
//! Beside a kernel it starts a sampler after the warm-up, says when the profile is still too thin, and after the
//! stop names, ranks and writes. Beside a program it watches from the first instruction, or reads the file that the
//! program wrote. It must never fail a run by being short of samples: that is said in the report.

use std::path::PathBuf;
use std::time::Instant;

use profile_model::Profile;
use runner_plugin::{Error, Host, Level, Profiler, Progress, Target};
use serde_json::Value;

use crate::config::{Config, Overhead, SourceChoice};
use crate::cost::Rate;
use crate::program::Watch;
use crate::report::{Report, absent};
use crate::resolve::resolve;
use crate::sampler::{Sampled, Sampler, SourceKind};
use crate::trace;

/// An instance: one profile.
pub struct ProfilerPlugin {
    config: Config,
    work: Work,
    progress: Progress,
    short: Option<String>,
}

/// What is being observed.
enum Work {
    Nothing,
    Kernel(Sampler),
    Program(Watch, Instant),
    /// A file that the program will have written.
    Trace(PathBuf),
}

impl Profiler for ProfilerPlugin {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        config.check()?;
        let progress = Progress { iterations: 0, seconds: 0.0 };
        Ok(Self { config, work: Work::Nothing, progress, short: None })
    }

    fn start(&mut self, host: &Host) -> Result<(), Error> {
        self.fresh()?;
        if self.config.trace.is_some() {
            return Err(Error::invalid(
                "with: trace belongs to a `run:` step, whose program writes it; a kernel is sampled",
            ));
        }
        let rate = match self.config.source {
            SourceChoice::Timer => Rate::unlimited(self.config.hz),
            SourceChoice::Auto | SourceChoice::Perf => self.rate(),
        };
        let sampler =
            Sampler::start_at(rate, self.config.source).map_err(|error| Error::failed(error.to_string()))?;
        let (kind, reason) = sampler.source();
        let fallback = kind == SourceKind::Timer && self.config.source != SourceChoice::Timer;
        let level = if fallback { Level::Warning } else { Level::Info };
        host.log(level, &format!("sampling at {} Hz by {}: {reason}", sampler.rate().hz, kind.title()));
        self.work = Work::Kernel(sampler);
        Ok(())
    }

    fn more(&mut self, _host: &Host, progress: &Progress) -> Result<Option<String>, Error> {
        let Work::Kernel(sampler) = &mut self.work else { return Err(not_started()) };
        sampler.mark();
        self.progress = *progress;
        self.short = self.config.shortage(sampler.samples(), progress);
        let capped = progress.seconds >= self.config.max_seconds;
        Ok(self.short.clone().filter(|_| !capped))
    }

    fn attach(&mut self, host: &Host, target: Target) -> Result<(), Error> {
        self.fresh()?;
        if self.config.trace.is_some() {
            // Dropping the socket lets the program begin.
            self.work = Work::Trace(target.bundle);
            return Ok(());
        }
        if self.config.source == SourceChoice::Timer {
            return Err(Error::invalid(
                "with: source `timer` works inside a kernel only; the program of a `run:` step is sampled by perf",
            ));
        }
        let rate = self.rate();
        host.log(Level::Info, &format!("sampling the program at {} Hz", rate.hz));
        self.work = Work::Program(Watch::start(target.socket, rate)?, Instant::now());
        Ok(())
    }

    fn stop(&mut self, host: &Host) -> Result<Value, Error> {
        match std::mem::replace(&mut self.work, Work::Nothing) {
            Work::Nothing => Err(not_started()),
            Work::Kernel(sampler) => {
                let ended = sampler.stop().map_err(|error| Error::failed(error.to_string()))?;
                // The last drain may have brought what was missing.
                self.short = self.config.shortage(ended.samples(), &self.progress);
                let iterations = Some(self.progress.iterations);
                self.sampled(*host, ended, iterations, "Measured iterations")
            }
            Work::Program(watch, began) => match watch.stop() {
                Ok(ended) => {
                    self.short = self.config.too_few(ended.samples(), began.elapsed().as_secs_f64());
                    self.sampled(*host, ended, None, "Program")
                }
                Err(reason) if self.config.source == SourceChoice::Perf => Err(Error::failed(format!(
                    "{reason}; lower kernel.perf_event_paranoid to 2, grant CAP_PERFMON, or use `source: auto`"
                ))),
                Err(reason) => {
                    host.log(Level::Warning, &format!("the program was not profiled: {reason}"));
                    Ok(absent(self.config.hz, &reason))
                }
            },
            Work::Trace(bundle) => {
                let pattern = self.config.trace.clone().unwrap_or_default();
                let read = trace::read(&bundle, &pattern).map_err(Error::failed)?;
                for warning in &read.warnings {
                    host.log(Level::Warning, warning);
                }
                Report::of_trace(&read.profile).write(*host, &self.config.out, &read.profile, "Trace")
            }
        }
    }
}

impl ProfilerPlugin {
    fn fresh(&self) -> Result<(), Error> {
        match self.work {
            Work::Nothing => Ok(()),
            _ => Err(Error::invalid("the profiler was started twice")),
        }
    }

    fn rate(&self) -> Rate {
        match self.config.overhead {
            Overhead::Percent(percent) => Rate::within(self.config.hz, percent),
            Overhead::Unlimited => Rate::unlimited(self.config.hz),
        }
    }

    fn sampled(
        &self,
        host: Host,
        mut ended: Sampled,
        iterations: Option<u64>,
        title: &str,
    ) -> Result<Value, Error> {
        let mut notes = std::mem::take(&mut ended.notes);
        if ended.lost() > 0 {
            notes.push(format!("{} samples were lost: the buffers were not emptied in time", ended.lost()));
        }
        for note in &notes {
            host.log(Level::Warning, note);
        }
        if let Some(lowered) = ended.rate.lowered() {
            host.log(Level::Info, &lowered);
        }
        if let Some(short) = &self.short {
            host.log(Level::Warning, &format!("the profile is thin: {short}"));
        }
        let root = std::env::current_dir()?.to_string_lossy().into_owned();
        let report = Report::of_sampled(&ended, self.short.clone(), notes);
        let hz = ended.rate.hz;
        let profile: Profile = resolve(ended, hz, iterations, root);
        report.write(host, &self.config.out, &profile, title)
    }
}

fn not_started() -> Error {
    Error::invalid("the profiler was not started")
}
