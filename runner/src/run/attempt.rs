//! Carrying out one attempt of a step: [`carry_out`]. Runs the program or the plugin, takes in its metrics,
//! and holds the gates against them.

use serde_json::{Map, Value, json};

use runner_plugin_host::protocol::{Job, KernelResult, Library, RoleJob};

use crate::catalog::Role;
use crate::client::{PluginCall, PluginRun, plugin_id, run_plugin, unchanged};
use crate::clock::Instant;
use crate::diagnostic::counted;
use crate::event::Event;
use crate::evidence::{
    AttemptKind, AttemptRecord, AttemptedRecord, EvidenceError, KernelRun, one_line, with_line,
};
use crate::launch::{Command, Launched};
use crate::outcome::Outcome;
use crate::plan::{PlanAction, PlanAttempt, PlanPlugin, PlanStep};
use crate::run::custody::Custody;
use crate::run::engine::Engine;
use crate::run::{collect, gates};

mod beside;

/// The directory of the bundle in which a fallback's files are kept apart from those of what was asked.
pub(super) const FALLBACK_DIRECTORY: &str = "fallback";

/// How many lines of a failed program's output are quoted.
const QUOTED_LINES: usize = 6;

/// Runs one attempt and returns its record, whatever happened.
pub(super) fn carry_out(
    engine: &Engine,
    index: usize,
    step: &PlanStep,
    kind: AttemptKind,
    number: u32,
) -> Result<AttemptRecord, EvidenceError> {
    let started = Instant::now();
    let planned = match (kind, &step.fallback) {
        (AttemptKind::Fallback, Some(fallback)) => &fallback.attempt,
        _ => &step.asked,
    };
    let overlay = &if kind == AttemptKind::Fallback { planned.actual.clone() } else { Map::new() };
    let place = Place::of(engine, kind);
    let attempt = match engine.plan.attempt_in(index, overlay, &engine.metrics, &place.bundle) {
        Ok(attempt) => attempt,
        Err(message) => {
            let mut record = AttemptRecord::blank(number, kind, planned, String::new(), started);
            record.reason = Some(format!("the step could not be resolved: {message}"));
            "an expression has no value".clone_into(&mut record.claim);
            return Ok(record);
        }
    };
    let shown = engine.launcher.bundle().secrets().action(&attempt.action);
    let command = match (&*shown, &step.plugin) {
        (PlanAction::Use { with }, Some(plugin)) => {
            format!("{} {}", plugin.manifest.name, with_line(with)).trim_end().to_owned()
        }
        (PlanAction::Run { argv, .. }, _) => one_line(argv),
        (PlanAction::Use { with }, None) => with_line(with),
    };
    engine.events.emit(&Event::AttemptStarted {
        step: step.id.clone(),
        index,
        attempt: number,
        kind: kind.word().to_owned(),
        what: command.clone(),
    });
    let bundle = engine.launcher.bundle();
    // What was seen after the last attempt: only the runner has been at work since.
    let before = engine.custody.take().map_or_else(|| Custody::take(bundle), Ok)?;
    let mut record = AttemptRecord::blank(number, kind, &attempt, command, started);
    if let Some(directory) = place.below {
        engine.launcher.bundle().directory(directory)?;
    }
    let work = Work { engine, index, step, attempt: &attempt, place: &place };
    let metrics = match (&attempt.action, &step.plugin) {
        (PlanAction::Use { with }, Some(plugin)) => use_plugin(work, plugin, with, &mut record)?,
        (PlanAction::Run { argv, shell }, _) => run_program(work, argv, *shell, &mut record)?,
        (PlanAction::Use { .. }, None) => Map::new(),
    };
    record.metrics = metrics;
    // Also what it wrote without telling: the next attempt must not find it and pass it for its own.
    let after = Custody::take(bundle)?;
    record.artifacts.extend(after.new_artifacts(&before));
    record.artifacts.sort();
    record.artifacts.dedup();
    if record.outcome != Outcome::Ok && !record.attempted.is_empty() {
        let reason = record.reason.get_or_insert_with(|| record.claim.clone());
        *reason = format!("{reason}; it tried to {}: evidence-only", attempted_words(&record.attempted));
    }
    if record.outcome == Outcome::Ok {
        let source = &engine.plan.sources[index];
        gates::hold(&source.gates, &engine.plan.vars, overlay, &mut record);
    }
    if let Some(directory) = place.below {
        // Gone unless something was put there.
        let _ = std::fs::remove_dir(engine.launcher.bundle().file(directory));
    }
    record.tampered = after.tampered(&before, bundle, &step.id)?;
    engine.custody.set(Some(after));
    record.ended = Instant::now();
    Ok(record)
}

/// One attempt of a step, as everything that carries it out sees it.
#[derive(Clone, Copy)]
struct Work<'a> {
    engine: &'a Engine,
    /// Of the step in the plan.
    index: usize,
    step: &'a PlanStep,
    attempt: &'a PlanAttempt,
    place: &'a Place,
}

/// Where the files of an attempt go.
struct Place {
    /// The bundle as expressions see it.
    bundle: String,
    /// The directory below the bundle, for a fallback.
    below: Option<&'static str>,
}

impl Place {
    fn of(engine: &Engine, kind: AttemptKind) -> Self {
        match kind {
            AttemptKind::Fallback => Self {
                bundle: format!("{}/{FALLBACK_DIRECTORY}", engine.plan.bundle),
                below: Some(FALLBACK_DIRECTORY),
            },
            _ => Self { bundle: engine.plan.bundle.clone(), below: None },
        }
    }

    /// A name below the bundle.
    fn name(&self, name: &str) -> String {
        self.below.map_or_else(|| name.to_owned(), |below| format!("{below}/{name}"))
    }
}

impl AttemptRecord {
    /// A record of something that has not happened yet: failed, until it is known better.
    pub(super) fn blank(
        number: u32,
        kind: AttemptKind,
        attempt: &PlanAttempt,
        command: String,
        started: Instant,
    ) -> Self {
        Self {
            number,
            kind,
            requested: attempt.requested.clone(),
            actual: attempt.actual.clone(),
            outcome: Outcome::Failed,
            claim: String::new(),
            reason: None,
            command,
            commands: Vec::new(),
            started,
            ended: started,
            seconds: 0.0,
            peak_rss_bytes: None,
            metrics: Map::new(),
            gates: Vec::new(),
            kernel: None,
            profile: None,
            artifacts: Vec::new(),
            logs: Vec::new(),
            cut: Vec::new(),
            warnings: Vec::new(),
            attempted: Vec::new(),
            tampered: Vec::new(),
            left_behind: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, launched: &Launched) {
        self.commands.push(launched.id);
        self.outcome = launched.ended.outcome;
        self.claim.clone_from(&launched.ended.claim);
        self.seconds = launched.ended.seconds;
        self.peak_rss_bytes = launched.ended.peak_rss_bytes;
        self.logs.clone_from(&launched.logs);
        self.cut = launched.ended.cut.iter().map(|stream| (*stream).to_owned()).collect();
        self.attempted.clone_from(&launched.attempts);
        self.left_behind.clone_from(&launched.ended.left_behind);
    }

    pub(super) fn fail(&mut self, claim: &str, reason: String) {
        self.outcome = Outcome::Failed;
        claim.clone_into(&mut self.claim);
        self.reason = Some(reason);
    }
}

fn run_program(
    work: Work<'_>,
    argv: &[String],
    shell: bool,
    record: &mut AttemptRecord,
) -> Result<Map<String, Value>, EvidenceError> {
    let Work { step, attempt, place, .. } = work;
    let mut command = Command::new(&step.id, record.number, argv.to_vec());
    command.shell = shell;
    command.env.clone_from(&attempt.env);
    command.cwd.clone_from(&attempt.cwd);
    command.limits = attempt.limits;
    command.writes.clone_from(&attempt.writes);
    command.reads.clone_from(&attempt.reads);
    command.stdout = attempt.log.as_ref().map(|log| place.name(log));
    if let Some((profiler, with)) = step.profiler.as_ref().zip(attempt.profile.as_ref()) {
        command.profile = Some(with.clone());
        beside::run_profiled(work, profiler, with, command, record)
    } else {
        run_alone(work, command, record)
    }
}

/// Runs the program of a `run:` step to its end, takes its outputs into the bundle and its metrics from them.
fn run_alone(
    work: Work<'_>,
    command: Command,
    record: &mut AttemptRecord,
) -> Result<Map<String, Value>, EvidenceError> {
    let Work { engine, attempt, place, .. } = work;
    let root = engine.launcher.root();
    let earlier = collect::Earlier::remember(root, &attempt.collect);
    let launched = engine.launcher.run(command)?;
    record.take(&launched);
    record.artifacts.extend(attempt.log.as_ref().map(|log| place.name(log)));
    let bundle = engine.launcher.bundle();
    if record.outcome != Outcome::Ok {
        record.reason = Some(match last_words(bundle, &launched.logs) {
            Some(words) => format!("{}: {words}", record.claim),
            None => record.claim.clone(),
        });
    }
    let moved = earlier
        .and_then(|earlier| collect::collect(root, bundle, &attempt.collect, &earlier, |to| place.name(to)));
    match moved {
        Ok(moved) => record.artifacts.extend(moved),
        Err(message) if record.outcome == Outcome::Ok => {
            record.fail("its outputs could not be collected", message);
        }
        Err(_) => {}
    }
    Ok(metrics(work, record, "exit status 0, but no metrics"))
}

/// The metrics that the step reads from a JSON file of the bundle. Without them it has failed.
fn metrics(work: Work<'_>, record: &mut AttemptRecord, claim: &str) -> Map<String, Value> {
    let Work { engine, index, attempt, place, .. } = work;
    let (Some(file), Some(source)) = (&attempt.metrics_file, &engine.plan.sources[index].metrics) else {
        return Map::new();
    };
    let bundle = engine.launcher.bundle();
    match gates::metrics_from_file(bundle, &place.name(file), &source.figures) {
        Ok(metrics) => metrics,
        Err(message) => {
            if record.outcome == Outcome::Ok {
                let words = last_words(bundle, &record.logs);
                let words = words.map_or_else(String::new, |words| format!("; its last words: {words}"));
                record.fail(claim, format!("{message}{words}"));
            }
            Map::new()
        }
    }
}

fn use_plugin(
    work: Work<'_>,
    plugin: &PlanPlugin,
    with: &Value,
    record: &mut AttemptRecord,
) -> Result<Map<String, Value>, EvidenceError> {
    let Work { engine, step, attempt, place, .. } = work;
    let bundle = engine.launcher.bundle();
    let role = if plugin.manifest.role == Role::Kernel { RoleJob::Kernel } else { RoleJob::Capture };
    let profiler = step.profiler.as_ref().zip(attempt.profile.as_ref());
    let job = Job {
        plugin: library(plugin, with),
        profiler: profiler.map(|(profiler, with)| library(profiler, with)),
        root: engine.launcher.root().to_owned(),
        bundle: place.below.map_or_else(|| bundle.path().to_owned(), |below| bundle.file(below)),
        role,
    };
    let plugins: Vec<&PlanPlugin> =
        std::iter::once(plugin).chain(profiler.map(|(profiler, _)| profiler)).collect();
    if let Err(message) = unchanged(&plugins) {
        record.fail("the plugin is not the one that was planned", message);
        return Ok(Map::new());
    }

    let call = PluginCall {
        step: &step.id,
        attempt: record.number,
        job,
        plugins,
        env: attempt.env.clone(),
        limits: attempt.limits,
        writes: attempt.writes.clone(),
        reads: attempt.reads.clone(),
    };
    let no_documents =
        |path: &str| Err(format!("a {} plugin does not read `{path}` this way", plugin.manifest.role));
    let run = run_plugin(&engine.launcher, &engine.events, &call, &no_documents)?;
    record.take(&run.launched);
    record.commands.extend(&run.nested);
    record.attempted.extend(run.attempts.iter().cloned());
    record.outcome = run.outcome;
    record.claim.clone_from(&run.claim);
    record.reason.clone_from(&run.reason);
    record.warnings.clone_from(&run.warnings);
    record.artifacts = run.artifacts.iter().map(|artifact| place.name(artifact)).collect();
    let Some(result) = run.result.clone() else {
        if let (Outcome::PluginCrash, Some(words)) = (run.outcome, last_words(bundle, &run.launched.logs)) {
            record.reason = record.reason.take().map(|reason| format!("{reason}; its last words: {words}"));
        }
        return Ok(Map::new());
    };
    if plugin.manifest.role == Role::Capture {
        let mut name = place.name(&format!("{}.json", step.id));
        if record.artifacts.contains(&name) {
            // The plugin's own file has that name, and neither may replace the other.
            name = place.name(&format!("{}.result.json", step.id));
        }
        bundle.write_json(&name, &result)?;
        record.artifacts.push(name);
        return Ok(metrics(work, record, "a result, but no metrics"));
    }
    Ok(kernel_result(result, with, &run, record))
}

fn kernel_result(
    result: Value,
    with: &Value,
    run: &PluginRun,
    record: &mut AttemptRecord,
) -> Map<String, Value> {
    let kernel: KernelResult = match serde_json::from_value(result) {
        Ok(kernel) => kernel,
        Err(error) => {
            record.fail("the host's result could not be understood", format!("{error}"));
            return Map::new();
        }
    };
    record.kernel = Some(KernelRun {
        device: kernel.device.clone(),
        warmup: kernel.warmup,
        asked: kernel.asked,
        run: kernel.seconds.len() as u64,
        repeated: kernel.repeated,
    });
    record.profile = kernel.profile;
    if let Some(asked) = with.get("device").and_then(Value::as_str).filter(|asked| *asked != kernel.device) {
        let reason = format!("asked for device `{asked}`, the kernel computed on `{}`", kernel.device);
        record.fail("the kernel did not stay on the asked device", reason);
    }
    let mut metrics = kernel.metrics;
    if !metrics.contains_key("peak_rss") {
        metrics.insert(
            "peak_rss".to_owned(),
            json!({ "value": run.launched.ended.peak_rss_bytes, "unit": "B" }),
        );
    }
    metrics
}

fn library(plugin: &PlanPlugin, with: &Value) -> Library {
    Library { name: plugin_id(plugin).name, path: plugin.path.clone(), config: with.clone() }
}

/// The end of what a program said, standard error first.
fn last_words(bundle: &crate::evidence::Bundle, logs: &[String]) -> Option<String> {
    logs.iter().rev().find_map(|log| {
        let bytes = std::fs::read(bundle.file(log)).ok()?;
        let tail = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4096)..]).into_owned();
        let lines: Vec<&str> = tail.lines().map(at_the_end).filter(|line| !line.is_empty()).collect();
        let quoted = &lines[lines.len().saturating_sub(QUOTED_LINES)..];
        let quoted: Vec<String> = quoted.iter().map(|line| plain(line)).collect();
        (!quoted.is_empty()).then(|| quoted.join(" | "))
    })
}

/// A line of a program as it may be shown on a terminal: cut, and without sequences that would command it.
fn plain(line: &str) -> String {
    const SHOWN: usize = 300;
    let mut shown = String::with_capacity(line.len().min(SHOWN));
    for character in line.chars().take(SHOWN) {
        match character {
            '\t' => shown.push(' '),
            control if control.is_control() => shown.extend(control.escape_unicode()),
            other => shown.push(other),
        }
    }
    if line.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// What a terminal shows of a line at last: a progress bar goes back to its beginning and writes over it.
pub(super) fn at_the_end(line: &str) -> &str {
    let line = line.trim_end();
    line.rsplit('\r').next().unwrap_or(line).trim_end()
}

/// What was tried outside, in words: `write src/lib.rs (2 times)`.
pub(super) fn attempted_words(attempted: &[AttemptedRecord]) -> String {
    const SHOWN: usize = 3;
    let one = |one: &AttemptedRecord| match one.times {
        1 => format!("{} `{}`", one.verb, one.path),
        times => format!("{} `{}` ({times} times)", one.verb, one.path),
    };
    let mut words: Vec<String> = attempted.iter().take(SHOWN).map(one).collect();
    if attempted.len() > SHOWN {
        words.push(format!("{} more (state.json has all)", attempted.len() - SHOWN));
    }
    words.join(", ")
}

/// The figures of an attempt in a few words, for the terminal.
pub(super) fn note(record: &AttemptRecord) -> String {
    let figure = |name: &str| record.metrics.get(name).and_then(|metric| metric["value"].as_f64());
    let mut words = Vec::new();
    if let Some(kernel) = &record.kernel {
        words.push(match u64::from(kernel.asked) {
            asked if asked == kernel.run => counted(asked, "iteration"),
            asked => format!("{} ({asked} asked)", counted(kernel.run, "iteration")),
        });
    }
    if let Some(seconds) = figure("seconds_median").or_else(|| figure("seconds_min")) {
        words.push(format!("{seconds:.4} s each"));
    }
    if let Some(correlation) = figure("correlation") {
        words.push(format!("correlation {correlation}"));
    }
    words.join(", ")
}
