//! [`Launcher`]: starts a program and writes it down, before and after. Steps, the plugin host, git and what
//! plugins ask for go through it, so that no command of a run is missing from the evidence.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Instant;
use crate::evidence::{
    Bundle, CommandEnd, CommandLog, CommandStart, EvidenceError, GitRecord, GitState, PluginId,
};
use crate::fs::Digest;
use crate::git;
use crate::outcome::Outcome;
use crate::plan::ResolvedLimits;
use crate::process::{Cancel, Ended, Launch, Process, Stdout};

/// The step name of the runner's own questions.
pub const RUNNER_STEP: &str = "(runner)";

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Command {
    /// The step it belongs to.
    pub step: String,
    /// The attempt of the step.
    pub attempt: u32,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether the workflow wrote a line for `sh -c`.
    pub shell: bool,
    /// Variables added to the environment.
    pub env: Map<String, Value>,
    /// Working directory relative to the project root.
    pub cwd: String,
    /// Limits.
    pub limits: ResolvedLimits,
    /// The file for standard output, relative to the bundle; `None`: `logs/<step>-<attempt>...`.
    pub stdout: Option<String>,
    /// The plugins it loads and the configuration of the first.
    pub plugins: Vec<PluginId>,
    /// The configuration of the plugin.
    pub with: Option<Value>,
    /// The configuration of the profiler.
    pub profile: Option<Value>,
}

impl Command {
    /// A command with nothing special.
    pub fn new(step: &str, attempt: u32, argv: Vec<String>) -> Self {
        Self {
            step: step.to_owned(),
            attempt,
            argv,
            shell: false,
            env: Map::new(),
            cwd: ".".to_owned(),
            limits: ResolvedLimits::default(),
            stdout: None,
            plugins: Vec::new(),
            with: None,
            profile: None,
        }
    }
}

/// A command that ran, or could not be started.
#[derive(Clone, Debug)]
pub struct Launched {
    /// Its number in the log.
    pub id: u64,
    /// How it ended.
    pub ended: Ended,
    /// Its logs, relative to the bundle: standard output (if it has a file), standard error.
    pub logs: Vec<String>,
}

/// Starts programs and writes them down.
#[derive(Debug)]
pub struct Launcher {
    root: PathBuf,
    bundle: Bundle,
    commands: Mutex<CommandLog>,
    cancel: Cancel,
    dirty: Mutex<(Option<bool>, Option<Instant>)>,
}

/// What a caller does with the pipes of a program, while the program is watched.
pub struct Conversation<'a> {
    /// Talks until the program closes its side; the flag is set once the program is gone.
    pub hold: Hold<'a>,
    /// What tells the program to stop.
    pub farewell: Vec<u8>,
}

/// The talking itself.
pub type Hold<'a> = Box<dyn FnOnce(&Mouth, ChildStdout, &Cancel) + Send + 'a>;

/// The program's standard input. Whoever watches the program may say one thing in between.
#[derive(Debug)]
pub struct Mouth(Mutex<Option<ChildStdin>>);

impl Mouth {
    /// Says something to the program.
    pub fn say(&self, bytes: &[u8]) -> io::Result<()> {
        match lock(&self.0).as_mut() {
            Some(stdin) => stdin.write_all(bytes).and_then(|()| stdin.flush()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Says nothing more: the program reads the end.
    pub fn close(&self) {
        lock(&self.0).take();
    }

    /// Says something unless somebody is speaking: a program that does not listen must not hold up its end.
    fn interject(&self, bytes: &[u8]) -> bool {
        let Ok(mut stdin) = self.0.try_lock() else { return false };
        !bytes.is_empty() && stdin.as_mut().is_some_and(|stdin| stdin.write_all(bytes).is_ok())
    }
}

impl Launcher {
    /// A launcher for a new bundle.
    pub fn new(root: &Path, bundle: &Bundle, cancel: Cancel) -> Result<Self, EvidenceError> {
        Ok(Self::going_on(root, bundle, CommandLog::create(bundle)?, cancel))
    }

    /// A launcher for a bundle that has commands already.
    pub fn going_on(root: &Path, bundle: &Bundle, log: CommandLog, cancel: Cancel) -> Self {
        Self {
            root: root.to_owned(),
            bundle: bundle.clone(),
            commands: Mutex::new(log),
            cancel,
            dirty: Mutex::new((None, None)),
        }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The project root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the run was cancelled.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The head of the chain of commands.
    pub fn commands_head(&self) -> Digest {
        self.log().head().clone()
    }

    /// The number that the next command gets.
    pub fn next_id(&self) -> u64 {
        self.log().next_id()
    }

    /// Writes down that a log of one of these commands was renamed.
    pub fn log_moved(&self, commands: &[u64], from: &str, to: &str) -> Result<(), EvidenceError> {
        commands.iter().try_for_each(|id| self.log().moved(*id, from, to))
    }

    /// Runs a program to its end; its output goes to files.
    pub fn run(&self, command: Command) -> Result<Launched, EvidenceError> {
        self.launch(command, None, &self.cancel)
    }

    /// The same on behalf of another program: it is ended when that one has ended.
    pub fn run_for(&self, command: Command, gone: &Cancel) -> Result<Launched, EvidenceError> {
        self.launch(command, None, gone)
    }

    /// Runs a program and talks to it over its standard input and output.
    pub fn converse(
        &self,
        command: Command,
        conversation: Conversation<'_>,
    ) -> Result<Launched, EvidenceError> {
        self.launch(command, Some(conversation), &self.cancel)
    }

    fn launch(
        &self,
        command: Command,
        conversation: Option<Conversation<'_>>,
        cancel: &Cancel,
    ) -> Result<Launched, EvidenceError> {
        let logs = self.log_names(&command, conversation.is_some())?;
        let (dirty, as_of) = *lock(&self.dirty);
        let start = CommandStart {
            step: command.step,
            attempt: command.attempt,
            argv: command.argv.clone(),
            shell: command.shell,
            env: command.env.clone(),
            cwd: command.cwd.clone(),
            git: GitState { head: git::head(&self.root), dirty, as_of },
            logs: logs.clone(),
            plugins: command.plugins,
            with: command.with,
            profile: command.profile,
            start: Instant::now(),
        };
        let id = self.log().start(start)?;
        let env = command.env.iter().map(|(name, value)| (name.clone(), text_of(value)));
        let stderr = logs.last().cloned().unwrap_or_default();
        let launch = Launch {
            argv: command.argv.iter().map(OsString::from).collect(),
            env: env.collect(),
            cwd: self.root.join(&command.cwd),
            stdout: match (&conversation, logs.as_slice()) {
                (None, [stdout, ..]) => Stdout::File(self.bundle.file(stdout)),
                _ => Stdout::Caller,
            },
            stderr: self.bundle.file(&stderr),
            time: command.limits.time(),
            memory: command.limits.memory_bytes,
        };
        let ended = self.supervise(launch, conversation, cancel);
        let end = CommandEnd {
            outcome: ended.outcome,
            claim: ended.claim.clone(),
            exit_code: ended.exit_code,
            signal: ended.signal,
            peak_rss_bytes: ended.peak_rss_bytes,
            seconds: ended.seconds,
            end: ended.end,
        };
        self.log().end(id, end)?;
        if let Some(reason) = &ended.unwritten {
            return Err(EvidenceError::at(self.bundle.path(), "a command's output is lost in", reason));
        }
        Ok(Launched { id, ended, logs })
    }

    fn supervise(&self, launch: Launch, conversation: Option<Conversation<'_>>, cancel: &Cancel) -> Ended {
        let mut process = match Process::start(launch) {
            Ok(process) => process,
            Err(error) => {
                return Ended {
                    outcome: Outcome::Failed,
                    claim: error.to_string(),
                    exit_code: None,
                    signal: None,
                    end: Instant::now(),
                    seconds: 0.0,
                    peak_rss_bytes: None,
                    cut: Vec::new(),
                    unwritten: None,
                };
            }
        };
        let (mouth, ears) = process.pipes().unzip();
        let mouth = Mouth(Mutex::new(mouth));
        let gone = cancel.inner();
        let mut ended = std::thread::scope(|scope| {
            let mut farewell = Vec::new();
            if let (Some(conversation), Some(ears)) = (conversation, ears) {
                let (mouth, gone) = (&mouth, &gone);
                farewell = conversation.farewell;
                scope.spawn(move || (conversation.hold)(mouth, ears, gone));
            }
            let ended = process.watch(cancel, &|| mouth.interject(&farewell));
            gone.set();
            ended
        });
        if ended.outcome == Outcome::Cancelled && !self.cancel.is_set() {
            "ended by the runner: the plugin that asked for it has ended".clone_into(&mut ended.claim);
        }
        ended
    }

    fn log_names(&self, command: &Command, conversation: bool) -> Result<Vec<String>, EvidenceError> {
        let stem = if command.step == RUNNER_STEP {
            format!("logs/runner-{}", self.log().next_id())
        } else {
            format!("logs/{}-{}", command.step, command.attempt)
        };
        let free = |suffix: &str| {
            let name = format!("{stem}{suffix}.log");
            if self.bundle.has(&name) { format!("{stem}.{}{suffix}.log", self.log().next_id()) } else { name }
        };
        let names = match (&command.stdout, conversation) {
            // The host sends what its plugin prints to its own standard error.
            (_, true) => vec![free("")],
            (Some(stdout), false) => {
                let beside = stdout.strip_suffix(".stdout.log").map(|stem| format!("{stem}.stderr.log"));
                vec![stdout.clone(), beside.unwrap_or_else(|| free(".stderr"))]
            }
            (None, false) => vec![free(".stdout"), free(".stderr")],
        };
        for name in &names {
            if let Some(parent) =
                Path::new(name).parent().and_then(Path::to_str).filter(|parent| !parent.is_empty())
            {
                self.bundle.directory(parent)?;
            }
        }
        Ok(names)
    }

    /// Asks git for the state of the repository. The answer goes with every later command.
    pub fn ask_git(&self) -> Result<GitRecord, EvidenceError> {
        let mut record = GitRecord { head: git::head(&self.root), ..GitRecord::default() };
        let Some(top) = git::root_above(&self.root) else {
            record.reason = Some("the project is not in a git repository".to_owned());
            return Ok(record);
        };
        let argv = ["git", "status", "--porcelain=v1", "-z", "--untracked-files=all"].map(str::to_owned);
        let mut command = Command::new(RUNNER_STEP, 1, argv.to_vec());
        // Evidence-only: git must not refresh its index.
        command.env.insert("GIT_OPTIONAL_LOCKS".to_owned(), "0".into());
        command.limits.time_s = Some(Duration::from_mins(1).as_secs_f64());
        let asked = Instant::now();
        let launched = self.run(command)?;
        if launched.ended.outcome == Outcome::Ok {
            let log = launched.logs.first().cloned().unwrap_or_default();
            let path = self.bundle.file(&log);
            let output =
                std::fs::read(&path).map_err(|error| EvidenceError::at(&path, "cannot read", error))?;
            // Git names files from the top of the repository, wherever below it the project is.
            let bundles = self.bundle.path().parent().and_then(|parent| parent.strip_prefix(&top).ok());
            let changed = changed_files(&output, bundles);
            record.changed_files = Some(changed);
            record.dirty = Some(changed > 0);
            *lock(&self.dirty) = (record.dirty, Some(asked));
        } else {
            record.reason = Some(format!("git status: {}", launched.ended.claim));
        }
        Ok(record)
    }

    fn log(&self) -> std::sync::MutexGuard<'_, CommandLog> {
        lock(&self.commands)
    }
}

/// How many files an answer of `git status --porcelain=v1 -z` tells of. What lies below `bundles` (from the
/// top of the repository) is not counted: bundles, this one and those beside it, are no changes of the project.
fn changed_files(output: &[u8], bundles: Option<&Path>) -> u64 {
    // Every path starts with the empty one: with bundles at the top itself, all files would be left out.
    let bundles = bundles.filter(|bundles| !bundles.as_os_str().is_empty());
    let own =
        |name: &[u8]| bundles.is_some_and(|bundles| Path::new(OsStr::from_bytes(name)).starts_with(bundles));
    let mut fields = output.split(|byte| *byte == 0).filter(|field| !field.is_empty());
    let mut changed = 0;
    while let Some(field) = fields.next() {
        // Two letters and a blank, then the name.
        let (state, name) = field.split_at(field.len().min(3));
        // The name that it was moved or copied from is a field of its own, not another file.
        let from =
            if state.iter().any(|letter| matches!(letter, b'R' | b'C')) { fields.next() } else { None };
        if !own(name) || from.is_some_and(|from| state.contains(&b'R') && !own(from)) {
            changed += 1;
        }
    }
    changed
}

/// A poisoned lock means that another thread panicked between two writes; the data itself is whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_is_one_change_and_bundles_are_none() {
        let bundles = Some(Path::new("sub/reports"));
        let count = |output: &str| changed_files(output.as_bytes(), bundles);
        assert_eq!(count(""), 0);
        assert_eq!(count(" M a\0?? b c\0"), 2);
        assert_eq!(count("R  a long new name\0a long old name\0 M b\0"), 2);
        assert_eq!(count("C  new\0old\0 R moved\0by intent to add\0"), 2);
        assert_eq!(count("?? sub/reports/20260101T000000Z/plan.json\0?? sub/reports2/x\0"), 1);
        assert_eq!(count("R  sub/reports/x\0sub/reports/y\0"), 0);
        assert_eq!(count("R  sub/reports/x\0src/y\0"), 1, "the project lacks a file now");
        assert_eq!(changed_files(b"?? reports/x\0", None), 1);
        assert_eq!(changed_files(b" M src/x\0", Some(Path::new(""))), 1, "bundles at the top hide nothing");
    }
}
