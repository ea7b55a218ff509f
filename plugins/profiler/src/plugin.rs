//! The plugin itself: [`ProfilerPlugin`], which the host drives.
//!
//! It starts a sampler after the warm-up, says when the profile is still too thin, and after the stop names,
//! ranks and writes. It must never fail a kernel's run by being short of samples: that is said in the report.

use profile_model::{Hotspots, Profile, flamegraph, folded, speedscope};
use runner_plugin::{Error, Host, Level, Profiler, Progress};
use serde_json::{Value, json};

use crate::config::Config;
use crate::resolve::resolve;
use crate::sampler::{Sampler, SourceKind};

/// Operations in the report; `hotspots.json` has all of them.
const HEAD: usize = 10;

/// An instance: one profile.
pub struct ProfilerPlugin {
    config: Config,
    sampler: Option<Sampler>,
    progress: Progress,
    short: Option<String>,
}

impl Profiler for ProfilerPlugin {
    type Config = Config;

    fn create(_host: &Host, config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config, sampler: None, progress: Progress { iterations: 0, seconds: 0.0 }, short: None })
    }

    fn start(&mut self, host: &Host) -> Result<(), Error> {
        if self.sampler.is_some() {
            return Err(Error::invalid("the profiler was started twice"));
        }
        let sampler = Sampler::start(self.config.hz, self.config.source)
            .map_err(|error| Error::failed(error.to_string()))?;
        let (kind, reason) = sampler.source();
        let fallback = kind == SourceKind::Timer && self.config.source != crate::config::SourceChoice::Timer;
        let level = if fallback { Level::Warning } else { Level::Info };
        host.log(level, &format!("sampling at {} Hz by {}: {reason}", self.config.hz, kind.title()));
        self.sampler = Some(sampler);
        Ok(())
    }

    fn more(&mut self, _host: &Host, progress: &Progress) -> Result<Option<String>, Error> {
        let sampler = self.sampler.as_ref().ok_or_else(not_started)?;
        self.progress = *progress;
        self.short = self.config.shortage(sampler.samples(), progress);
        let capped = progress.seconds >= self.config.max_seconds;
        Ok(self.short.clone().filter(|_| !capped))
    }

    fn stop(&mut self, host: &Host) -> Result<Value, Error> {
        let sampler = self.sampler.take().ok_or_else(not_started)?;
        let ended = sampler.stop().map_err(|error| Error::failed(error.to_string()))?;
        // The last drain may have brought what was missing.
        self.short = self.config.shortage(ended.samples(), &self.progress);
        if let Some(short) = &self.short {
            host.log(Level::Warning, &format!("the profile is thin: {short}"));
        }
        let root = std::env::current_dir()?.to_string_lossy().into_owned();
        let profile = resolve(ended, self.config.hz, self.progress.iterations, root);
        let hotspots = Hotspots::of(&profile);
        let artifacts = self.write(*host, &profile, &hotspots)?;
        Ok(self.report(&hotspots, &artifacts))
    }
}

impl ProfilerPlugin {
    fn write(&self, host: Host, profile: &Profile, hotspots: &Hotspots) -> Result<Vec<String>, Error> {
        let mut ranking = serde_json::to_vec_pretty(hotspots)?;
        ranking.push(b'\n');
        let files = [
            ("hotspots.json", ranking),
            ("flamegraph.svg", flamegraph(profile, "Measured iterations").into_bytes()),
            ("profile.speedscope.json", serde_json::to_vec(&speedscope(profile, "Measured iterations"))?),
            ("stacks.folded", folded(profile).into_bytes()),
        ];
        let mut written = Vec::with_capacity(files.len());
        for (name, bytes) in files {
            let path = format!("{}/{name}", self.config.out);
            host.write_artifact(&path, &bytes)?;
            written.push(path);
        }
        Ok(written)
    }

    /// The head of `hotspots.json` (the kernel's own operations first), what it is short of, and the artifacts.
    fn report(&self, hotspots: &Hotspots, artifacts: &[String]) -> Value {
        json!({
            "source": hotspots.source,
            "source_reason": hotspots.source_reason,
            "hz": hotspots.hz,
            "seconds": hotspots.seconds,
            "unit": hotspots.unit,
            "total": hotspots.total,
            "lost": hotspots.lost,
            "cut_off_percent": hotspots.cut_off_percent,
            "single_frame_percent": hotspots.single_frame_percent,
            "iterations": hotspots.iterations,
            "short": self.short,
            "operations": hotspots.head(HEAD),
            "artifacts": artifacts,
        })
    }
}

fn not_started() -> Error {
    Error::invalid("the profiler was not started")
}
