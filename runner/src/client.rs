//! The runner's side of the conversation with a plugin host: [`run_plugin`].
//!
//! Starts `runner plugin-host`, sends the job, answers what the plugin asks for, and turns the end of the
//! process and of the conversation into one [`PluginRun`]. A host that ends without its last word crashed,
//! and the last phase it named is where.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::ChildStdout;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use runner_plugin_host::protocol::{FailureKind, FromHost, Job, ToHost};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::event::{Event, Events};
use crate::evidence::{AttemptedRecord, EvidenceError, PluginId};
use crate::fs::digest_program;
use crate::launch::{Command, Conversation, Hold, Launched, Launcher, Mouth, Scratch};
use crate::outcome::Outcome;
use crate::plan::{PlanPlugin, ResolvedLimits};
use crate::process::{Cancel, LINGER, LOOK, Wire, readable, told_of};

mod beside;

pub use beside::profile_program;

/// The longest last word or question of a host that is read.
const MAX_LINE: usize = 64 << 20;
/// How much of a nested program's output goes back to the plugin.
const MAX_REPLY: usize = 1 << 20;

/// What is asked of a plugin.
#[derive(Debug)]
pub struct PluginCall<'a> {
    /// The step and its attempt.
    pub step: &'a str,
    /// The attempt of the step.
    pub attempt: u32,
    /// The job.
    pub job: Job,
    /// The plugins that the job loads, the step's own first.
    pub plugins: Vec<&'a PlanPlugin>,
    /// Variables added to the environment.
    pub env: Map<String, Value>,
    /// Limits on the host process.
    pub limits: ResolvedLimits,
    /// Where else it may write, as the workflow says it.
    pub writes: Vec<String>,
    /// What of the project it is meant to read, as patterns.
    pub reads: Vec<String>,
}

/// What a plugin did.
#[derive(Debug)]
pub struct PluginRun {
    /// The host process.
    pub launched: Launched,
    /// Numbers of the programs that the plugin ran.
    pub nested: Vec<u64>,
    /// Writes that these tried outside of their places.
    pub attempts: Vec<AttemptedRecord>,
    /// How the call ended.
    pub outcome: Outcome,
    /// The source of the claim.
    pub claim: String,
    /// The plugin's own words, when it failed.
    pub reason: Option<String>,
    /// The result of the role, when it succeeded.
    pub result: Option<Value>,
    /// Artifacts it opened, relative to the bundle.
    pub artifacts: Vec<String>,
    /// Warnings it logged.
    pub warnings: Vec<String>,
}

/// Answers the question of a ledger plugin for a document.
pub type ReadDocument<'a> = &'a (dyn Fn(&str) -> Result<String, String> + Sync);

/// What was heard from the host.
#[derive(Default)]
struct Heard {
    /// What the host does, in words: `iterate 3`.
    phase: String,
    /// The same before it began to tidy up: where a plugin was when it was told to stop.
    work: String,
    last: Option<Result<Value, (FailureKind, String, String)>>,
    artifacts: Vec<String>,
    warnings: Vec<String>,
    nested: Vec<u64>,
    attempts: Vec<AttemptedRecord>,
    nested_peak: Option<u64>,
    broken: Option<String>,
    evidence: Option<EvidenceError>,
}

/// Runs a plugin to its end.
pub fn run_plugin(
    launcher: &Launcher,
    events: &Events,
    call: &PluginCall<'_>,
    read: ReadDocument<'_>,
) -> Result<PluginRun, EvidenceError> {
    run_host(launcher, events, call, read, Wire::None, None)
}

/// The two words between a profiler's host and the step whose program it watches.
struct Beside {
    /// The profiler listens. Dropped when its host ends without having said so.
    attached: Sender<()>,
    /// The program has ended. A sender that is gone means that there is no program.
    ended: Receiver<()>,
}

fn run_host(
    launcher: &Launcher,
    events: &Events,
    call: &PluginCall<'_>,
    read: ReadDocument<'_>,
    wire: Wire,
    beside: Option<Beside>,
) -> Result<PluginRun, EvidenceError> {
    let argv = vec![executable(), "plugin-host".to_owned()];
    let mut command = Command::new(call.step, call.attempt, argv);
    command.env.clone_from(&call.env);
    command.limits = call.limits;
    command.writes.clone_from(&call.writes);
    command.reads.clone_from(&call.reads);
    // What the plugin leaves for a program that it runs, that program finds.
    let scratch = Scratch::new().map_err(|error| {
        EvidenceError::at(launcher.bundle().path(), "no place to write for a plugin of", error)
    })?;
    command.scratch = Some(scratch.clone());
    command.with = Some(call.job.plugin.config.clone());
    command.profile = call.job.profiler.as_ref().map(|profiler| profiler.config.clone());
    command.wire = wire;
    command.plugins = call.plugins.iter().map(|plugin| plugin_id(plugin)).collect();
    let heard = Mutex::new(Heard::default());
    let conversation = Talk { launcher, events, call, read, heard: &heard, scratch };
    let hold: Hold<'_> = Box::new(move |mouth, stdout, gone| match beside {
        None => conversation.hold(mouth, stdout, gone, None),
        Some(Beside { attached, ended }) => std::thread::scope(|scope| {
            scope.spawn(move || {
                // Without a program the host is not told of an end: the closed conversation ends it.
                if ended.recv().is_ok() {
                    let _ = mouth.say(&line(&ToHost::Ended));
                } else {
                    mouth.close();
                }
            });
            conversation.hold(mouth, stdout, gone, Some(attached));
        }),
    });
    let farewell = line(&ToHost::Cancel);
    let program = launcher.converse(command, Conversation { hold, farewell })?;
    let heard = heard.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(error) = heard.evidence {
        return Err(error);
    }
    Ok(judge(program, heard))
}

/// What the evidence says of a plugin.
pub fn plugin_id(plugin: &PlanPlugin) -> PluginId {
    let manifest = &plugin.manifest;
    PluginId { name: manifest.name.clone(), version: manifest.version.clone(), sha256: plugin.sha256.clone() }
}

fn judge(mut launched: Launched, heard: Heard) -> PluginRun {
    launched.ended.peak_rss_bytes = launched.ended.peak_rss_bytes.max(heard.nested_peak);
    let ended = &launched.ended;
    let or_start = |phase: &str| if phase.is_empty() { "its start".to_owned() } else { phase.to_owned() };
    let (place, work) = (or_start(&heard.phase), or_start(&heard.work));
    let (outcome, claim, reason, result) = match (ended.outcome, heard.last) {
        // What we did to it, or what its memory did, weighs more than its last word.
        (Outcome::Timeout | Outcome::Oom | Outcome::Cancelled, _) => {
            (ended.outcome, ended.claim.clone(), Some(format!("{} during `{work}`", ended.claim)), None)
        }
        (_, Some(Ok(value))) => (Outcome::Ok, "the plugin returned its result".to_owned(), None, Some(value)),
        (_, Some(Err((kind, phase, message)))) => {
            let reason = Some(format!("{message} (in `{phase}`)"));
            let (outcome, claim) = failure(kind);
            match told_of(&message).filter(|_| kind == FailureKind::Failed) {
                Some(allocator) => (
                    Outcome::Oom,
                    format!("{claim}, which says that {allocator} got no memory"),
                    reason,
                    None,
                ),
                None => (outcome, claim.to_owned(), reason, None),
            }
        }
        (_, None) => {
            let how = match ended.signal {
                Some(_) => format!("killed by {}", ended.claim),
                None => format!("ended with {}", ended.claim),
            };
            let mut reason = format!("the plugin's process was {how} during `{place}`");
            if ended.signal.is_none() {
                reason = format!("the plugin's process {how} during `{place}`, before it answered");
            }
            if let Some(broken) = heard.broken {
                reason = format!("{reason}: {broken}");
            }
            (Outcome::PluginCrash, ended.claim.clone(), Some(reason), None)
        }
    };
    PluginRun {
        nested: heard.nested,
        attempts: heard.attempts,
        artifacts: heard.artifacts,
        warnings: heard.warnings,
        launched,
        outcome,
        claim,
        reason,
        result,
    }
}

fn failure(kind: FailureKind) -> (Outcome, &'static str) {
    match kind {
        FailureKind::Load => (Outcome::Failed, "the plugin could not be loaded"),
        FailureKind::Failed => (Outcome::Failed, "the plugin returned an error"),
        FailureKind::Invalid => (Outcome::Failed, "the plugin refused its configuration"),
        FailureKind::Cancelled => (Outcome::Cancelled, "the plugin stopped because it was cancelled"),
        FailureKind::Panicked => {
            (Outcome::PluginCrash, "the plugin panicked; the panic was caught inside it")
        }
        FailureKind::OutOfMemory => (Outcome::Oom, "the plugin reported that an allocation failed"),
        FailureKind::Unsupported => (Outcome::Failed, "the plugin does not offer a call that its role needs"),
        FailureKind::BadResult => (Outcome::Failed, "the plugin's result could not be understood"),
    }
}

struct Talk<'a> {
    launcher: &'a Launcher,
    events: &'a Events,
    call: &'a PluginCall<'a>,
    read: ReadDocument<'a>,
    heard: &'a Mutex<Heard>,
    scratch: Scratch,
}

/// A plugin's request to run a program; the ABI's `run`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramRequest {
    argv: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    timeout_s: Option<f64>,
}

impl Talk<'_> {
    /// Talks until the host closes its side. A host that cannot be written to is about to end, and its end
    /// is what counts.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the end of the sender says that the host never listened"
    )]
    fn hold(&self, mouth: &Mouth, stdout: ChildStdout, gone: &Cancel, attached: Option<Sender<()>>) {
        let _ = mouth.say(&line(&ToHost::Job(Box::new(self.call.job.clone()))));
        let mut lines = Lines { stdout, buffer: Vec::new(), deadline: None };
        while let Some(line) = lines.next(gone) {
            match serde_json::from_slice(&line) {
                Ok(FromHost::Attached) => {
                    if let Some(attached) = &attached {
                        let _ = attached.send(());
                    }
                }
                Ok(message) => self.hear(message, mouth, gone),
                Err(error) => {
                    self.heard().broken = Some(format!("it sent a line that is not understood ({error})"));
                    // Nobody will answer it any more, and it must not wait for that.
                    mouth.close();
                    return;
                }
            }
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn hear(&self, message: FromHost, mouth: &Mouth, gone: &Cancel) {
        let step = self.call.step.to_owned();
        match message {
            FromHost::Phase { phase, iteration } => {
                let place = iteration.map_or_else(|| phase.clone(), |index| format!("{phase} {index}"));
                let mut heard = self.heard();
                if !phase.ends_with("destroy") {
                    heard.work.clone_from(&place);
                }
                heard.phase = place;
                drop(heard);
                self.events.emit(&Event::Phase { step, phase, iteration });
            }
            FromHost::Log { level, message } => {
                if level <= 2 {
                    self.heard().warnings.push(message.clone());
                }
                self.events.emit(&Event::Log { step, level, message });
            }
            FromHost::Progress { done, total, what } => {
                self.events.emit(&Event::Progress { step, done, total, what });
            }
            FromHost::Artifact { path } => self.heard().artifacts.push(path),
            FromHost::Run(request) => {
                let reply = self.run(&request, gone);
                let _ = mouth.say(&line(&ToHost::Ran(reply)));
            }
            FromHost::Read { path } => {
                let _ = mouth.say(&line(&ToHost::Text((self.read)(&path))));
            }
            // Heard where the conversation is held.
            FromHost::Attached => {}
            FromHost::Done(value) => self.heard().last = Some(Ok(value)),
            FromHost::Failed(failure) => {
                self.heard().last = Some(Err((failure.kind, failure.phase, failure.message)));
            }
        }
    }

    fn run(&self, request: &Value, gone: &Cancel) -> Result<Value, String> {
        let request: ProgramRequest =
            serde_json::from_value(request.clone()).map_err(|error| format!("bad request: {error}"))?;
        if request.argv.is_empty() {
            return Err("bad request: `argv` is empty".to_owned());
        }
        if let Some(seconds) = request.timeout_s
            && (seconds <= 0.0 || Duration::try_from_secs_f64(seconds).is_err())
        {
            return Err(format!("bad request: `timeout_s` is {seconds}"));
        }
        let (step, attempt) = (self.call.step, self.call.attempt);
        let mut command = Command::new(step, attempt, request.argv);
        // A plugin that wraps a program is under the limits of its step, and so is the program.
        command.env.clone_from(&self.call.env);
        command.env.extend(request.env.into_iter().map(|(name, value)| (name, Value::String(value))));
        command.limits = ResolvedLimits { time_s: request.timeout_s, ..self.call.limits };
        command.writes.clone_from(&self.call.writes);
        command.reads.clone_from(&self.call.reads);
        command.scratch = Some(self.scratch.clone());
        command.stdout = Some(format!("logs/{step}-{attempt}.{}.stdout.log", self.launcher.next_id()));
        let launched = match self.launcher.run_for(command, gone) {
            Ok(launched) => launched,
            Err(error) => {
                let text = error.to_string();
                self.heard().evidence = Some(error);
                return Err(text);
            }
        };
        let ended = &launched.ended;
        {
            let mut heard = self.heard();
            heard.nested.push(launched.id);
            heard.attempts.extend(launched.attempts.iter().cloned());
            heard.nested_peak = heard.nested_peak.max(ended.peak_rss_bytes);
        }
        if ended.exit_code.is_none() && ended.signal.is_none() {
            return Err(ended.claim.clone());
        }
        let text = |index: usize| {
            let bytes =
                launched.logs.get(index).and_then(|log| std::fs::read(self.launcher.bundle().file(log)).ok());
            let bytes = bytes.unwrap_or_default();
            String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_REPLY)]).into_owned()
        };
        Ok(json!({
            "outcome": ended.outcome,
            "exit_code": ended.exit_code,
            "signal": ended.signal,
            "stdout": text(0),
            "stderr": text(1),
        }))
    }
}

fn line(message: &ToHost) -> Vec<u8> {
    // Our own message types always serialise.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The host's lines. Somebody else may hold its pipe open after it ended, so the end is also its end.
struct Lines {
    stdout: ChildStdout,
    buffer: Vec<u8>,
    deadline: Option<Instant>,
}

impl Lines {
    fn next(&mut self, gone: &Cancel) -> Option<Vec<u8>> {
        let mut searched = 0;
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(searched + end + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            searched = self.buffer.len();
            if gone.is_set() && Instant::now() > *self.deadline.get_or_insert_with(|| Instant::now() + LINGER)
            {
                return None;
            }
            match readable(&self.stdout, &LOOK) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(_) => return None,
            }
            match self.stdout.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(_) if searched > MAX_LINE => return Some(std::mem::take(&mut self.buffer)),
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// The runner's own program. One that was replaced on the disk meanwhile is still the one that runs.
fn executable() -> String {
    let named = std::env::current_exe().ok().filter(|path| path.is_file());
    named.map_or_else(|| "/proc/self/exe".to_owned(), |path| path.display().to_string())
}

/// Whether the plugins still are the files that the plan has digested; says which is not.
pub fn unchanged(plugins: &[&PlanPlugin]) -> Result<(), String> {
    for plugin in plugins {
        let (name, path) = (&plugin.manifest.name, plugin.path.display());
        match digest_program(&plugin.path) {
            Ok(sha256) if sha256 == plugin.sha256 => {}
            Ok(sha256) => {
                return Err(format!(
                    "the file of plugin `{name}` changed during the run: `{path}` has sha256 {sha256} now"
                ));
            }
            Err(error) => {
                return Err(format!("the file of plugin `{name}`, `{path}`, cannot be read: {error}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::process::Ended;

    fn judged(kind: FailureKind, message: &str) -> PluginRun {
        let ended = Ended {
            outcome: Outcome::Ok,
            claim: "exit status 0".to_owned(),
            exit_code: Some(0),
            signal: None,
            end: clock::Instant::now(),
            seconds: 0.0,
            peak_rss_bytes: None,
            cut: Vec::new(),
            unwritten: None,
            observed: crate::guard::Observed::default(),
            left_behind: Vec::new(),
        };
        let last = Some(Err((kind, "iterate".to_owned(), message.to_owned())));
        judge(
            Launched { id: 1, ended, logs: Vec::new(), attempts: Vec::new() },
            Heard { last, ..Heard::default() },
        )
    }

    #[test]
    fn an_error_that_tells_of_an_allocator_is_oom_and_no_other_is() {
        let run = judged(FailureKind::Failed, "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB");
        assert_eq!(run.outcome, Outcome::Oom);
        assert_eq!(run.claim, "the plugin returned an error, which says that PyTorch (GPU) got no memory");
        assert_eq!(judged(FailureKind::Failed, "no such file").outcome, Outcome::Failed);
        let refused = judged(FailureKind::Invalid, "size: memory allocation of 8 bytes failed");
        assert_eq!(refused.outcome, Outcome::Failed, "a refused configuration ran nothing");
    }
}
