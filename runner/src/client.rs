//! The runner's side of the conversation with a plugin host: [`run_plugin`].
//!
//! Starts `runner plugin-host`, sends the job, answers what the plugin asks for, and turns the end of the
//! process and of the conversation into one [`PluginRun`]. A host that ends without its last word crashed,
//! and the last phase it named is where.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Mutex;

use runner_plugin_host::protocol::{FailureKind, FromHost, Job, ToHost};
use serde_json::{Map, Value, json};

use crate::event::{Event, Events};
use crate::evidence::{EvidenceError, PluginId};
use crate::launch::{Command, Launched, Launcher};
use crate::outcome::Outcome;
use crate::plan::{PlanPlugin, ResolvedLimits};
use crate::process::Cancel;

/// The longest last word or question of a host that is read.
const MAX_LINE: u64 = 64 << 20;
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
}

/// What a plugin did.
#[derive(Debug)]
pub struct PluginRun {
    /// The host process.
    pub launched: Launched,
    /// Numbers of the programs that the plugin ran.
    pub nested: Vec<u64>,
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
    phase: String,
    iteration: Option<u64>,
    last: Option<Result<Value, (FailureKind, String, String)>>,
    artifacts: Vec<String>,
    warnings: Vec<String>,
    nested: Vec<u64>,
    broken: Option<String>,
    evidence: Option<EvidenceError>,
}

/// Runs a plugin to its end.
pub fn run_plugin(
    launcher: &Launcher,
    events: &Events,
    call: PluginCall<'_>,
    read: ReadDocument<'_>,
) -> Result<PluginRun, EvidenceError> {
    let executable = std::env::current_exe().map_err(|error| {
        EvidenceError::at(launcher.root(), "the runner's own executable is not known", error)
    })?;
    let argv = vec![executable.display().to_string(), "plugin-host".to_owned()];
    let mut command = Command::new(call.step, call.attempt, argv);
    command.env = call.env;
    command.limits = call.limits;
    command.with = Some(call.job.plugin.config.clone());
    command.plugins = call.plugins.iter().map(|plugin| plugin_id(plugin)).collect();
    let heard = Mutex::new(Heard::default());
    let conversation =
        Conversation { launcher, events, step: call.step, attempt: call.attempt, read, heard: &heard };
    let job = call.job;
    let program = launcher.converse(
        command,
        Box::new(move |stdin, stdout, gone: &_| conversation.hold(job, stdin, stdout, gone)),
    )?;
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

fn judge(launched: Launched, heard: Heard) -> PluginRun {
    let ended = &launched.ended;
    let place = match heard.iteration {
        Some(iteration) => format!("{} {iteration}", heard.phase),
        None if heard.phase.is_empty() => "its start".to_owned(),
        None => heard.phase.clone(),
    };
    let (outcome, claim, reason, result) = match (ended.outcome, heard.last) {
        // What we did to it, or what its memory did, weighs more than its last word.
        (Outcome::Timeout | Outcome::Oom | Outcome::Cancelled, _) => {
            (ended.outcome, ended.claim.clone(), Some(format!("{} during `{place}`", ended.claim)), None)
        }
        (_, Some(Ok(value))) => (Outcome::Ok, "the plugin returned its result".to_owned(), None, Some(value)),
        (_, Some(Err((kind, phase, message)))) => {
            let reason = Some(format!("{message} (in `{phase}`)"));
            let (outcome, claim) = failure(kind);
            (outcome, claim.to_owned(), reason, None)
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

struct Conversation<'a> {
    launcher: &'a Launcher,
    events: &'a Events,
    step: &'a str,
    attempt: u32,
    read: ReadDocument<'a>,
    heard: &'a Mutex<Heard>,
}

impl Conversation<'_> {
    /// Talks until the host closes its side. A host that cannot be written to is about to end, and its end
    /// is what counts.
    fn hold(&self, job: Job, mut stdin: ChildStdin, stdout: ChildStdout, gone: &Cancel) {
        let _ = say(&mut stdin, &ToHost::Job(Box::new(job)));
        let mut lines = BufReader::new(stdout);
        loop {
            let mut line = Vec::new();
            let mut limited = std::io::Read::take(&mut lines, MAX_LINE);
            match limited.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            match serde_json::from_slice(&line) {
                Ok(message) => self.hear(message, &mut stdin, gone),
                Err(error) => {
                    self.heard().broken = Some(format!("it sent a line that is not understood ({error})"));
                    return;
                }
            }
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn hear(&self, message: FromHost, stdin: &mut ChildStdin, gone: &Cancel) {
        let step = self.step.to_owned();
        match message {
            FromHost::Phase { phase, iteration } => {
                self.heard().phase.clone_from(&phase);
                self.heard().iteration = iteration;
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
                let _ = say(stdin, &ToHost::Ran(reply));
            }
            FromHost::Read { path } => {
                let _ = say(stdin, &ToHost::Text((self.read)(&path)));
            }
            FromHost::Done(value) => self.heard().last = Some(Ok(value)),
            FromHost::Failed(failure) => {
                self.heard().last = Some(Err((failure.kind, failure.phase, failure.message)));
            }
        }
    }

    fn run(&self, request: &Value, gone: &Cancel) -> Result<Value, String> {
        let argv: Vec<String> = serde_json::from_value(request["argv"].clone())
            .map_err(|error| format!("`argv` must be a list of texts: {error}"))?;
        if argv.is_empty() {
            return Err("`argv` is empty".to_owned());
        }
        let mut command = Command::new(self.step, self.attempt, argv);
        command.env = request["env"].as_object().cloned().unwrap_or_default();
        command.limits.time_s = request["timeout_s"].as_f64().filter(|seconds| *seconds > 0.0);
        command.stdout =
            Some(format!("logs/{}-{}.{}.stdout.log", self.step, self.attempt, self.launcher.next_id()));
        let launched = match self.launcher.run_for(command, gone) {
            Ok(launched) => launched,
            Err(error) => {
                let text = error.to_string();
                self.heard().evidence = Some(error);
                return Err(text);
            }
        };
        self.heard().nested.push(launched.id);
        let ended = &launched.ended;
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

fn say(stdin: &mut ChildStdin, message: &ToHost) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stdin.write_all(&line)?;
    stdin.flush()
}
