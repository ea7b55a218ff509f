//! [`Launcher`]: starts a program and writes it down, before and after. Steps, the plugin host, git and what
//! plugins ask for go through it, so that no command of a run is missing from the evidence, and none runs
//! without its guard.

mod git_files;
mod places;
mod reads;
mod scratch;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Instant;
use crate::evidence::{
    AttemptedRecord, Bundle, CommandEnd, CommandLog, CommandStart, EvidenceError, GitRecord, GitState,
    InputsRecord, PluginId,
};
use crate::fs::{Digest, display_relative};
use crate::git;
use crate::guard::{Guard, Observed};
use crate::outcome::Outcome;
use crate::plan::ResolvedLimits;
use crate::process::{Cancel, Ended, Launch, OUTPUT_LIMIT, Process, Stdout, Wire, adopt_orphans, reconsider};

pub use git_files::GitFiles;
use places::Places;
pub use reads::is_hidden;
use reads::{Declared, Reads};
pub use scratch::Scratch;

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
    /// Where else it may write, as the workflow says it.
    pub writes: Vec<String>,
    /// What of the project it is meant to read, as patterns.
    pub reads: Vec<String>,
    /// Its temporary directory; `None`: one of its own.
    pub scratch: Option<Scratch>,
    /// The file for standard output, relative to the bundle; `None`: `logs/<step>-<attempt>...`.
    pub stdout: Option<String>,
    /// The plugins it loads and the configuration of the first.
    pub plugins: Vec<PluginId>,
    /// The configuration of the plugin.
    pub with: Option<Value>,
    /// The configuration of the profiler.
    pub profile: Option<Value>,
    /// Its end of a socket to or from a profiler.
    pub wire: Wire,
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
            writes: Vec::new(),
            reads: Vec::new(),
            scratch: None,
            stdout: None,
            plugins: Vec::new(),
            with: None,
            profile: None,
            wire: Wire::None,
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
    /// Writes that it tried outside of its places.
    pub attempts: Vec<AttemptedRecord>,
}

/// Starts programs and writes them down.
#[derive(Debug)]
pub struct Launcher {
    root: PathBuf,
    /// The root and the bundle's directory without symbolic links.
    real: (PathBuf, PathBuf),
    bundle: Bundle,
    commands: Mutex<CommandLog>,
    cancel: Cancel,
    detect_only: bool,
    dirty: Mutex<(Option<bool>, Option<Instant>)>,
    reads: Mutex<Reads>,
    /// What is known to be read by everybody: plugins, input bundles.
    known: Vec<PathBuf>,
    /// A temporary directory that the last program left empty.
    spare: Mutex<Option<Scratch>>,
}

/// Where programs are started, and how they are guarded.
#[derive(Debug)]
pub struct Surroundings {
    /// The project root.
    pub root: PathBuf,
    /// Files and directories that programs of the run are expected to read: plugins, input bundles.
    pub known: Vec<PathBuf>,
    /// Whether writes elsewhere are told, not prevented.
    pub detect_only: bool,
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
    /// A launcher for a bundle whose commands so far are in `log`, and whose steps have read `inputs`.
    pub fn new(
        surroundings: Surroundings,
        bundle: &Bundle,
        log: CommandLog,
        inputs: Option<InputsRecord>,
        cancel: Cancel,
    ) -> Result<Self, EvidenceError> {
        adopt_orphans()
            .map_err(|error| EvidenceError::at(bundle.path(), "cannot adopt orphans for", error))?;
        let Surroundings { root, known, detect_only } = surroundings;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Self {
            real: (real(&root), real(bundle.path())),
            root,
            bundle: bundle.clone(),
            commands: Mutex::new(log),
            cancel,
            detect_only,
            dirty: Mutex::new((None, None)),
            reads: Mutex::new(Reads::going_on(inputs)),
            known,
            spare: Mutex::new(None),
        })
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
        self.bundle.secrets().learn(&command.env);
        let logs = self.log_names(&command, conversation.is_some())?;
        let of_a_step = command.step != RUNNER_STEP;
        let (dirty, as_of) = *lock(&self.dirty);
        let unusable =
            |error| EvidenceError::at(self.bundle.path(), "no place to write for a command of", error);
        let scratch = command.scratch.clone().or_else(|| lock(&self.spare).take());
        let scratch = scratch.map_or_else(Scratch::new, Ok).map_err(unusable)?;
        let places = Places::prepare(&self.root, &command.writes).map_err(unusable)?;
        let declared = self.declared(&command);
        let (project, bundle) = &self.real;
        let mut env = scratch.environment(&self.root, places.paths());
        let start = CommandStart {
            step: command.step.clone(),
            attempt: command.attempt,
            argv: command.argv.clone(),
            shell: command.shell,
            env: command.env.clone(),
            cwd: command.cwd.clone(),
            writes: command.writes.clone(),
            guard_env: env.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            git: GitState { head: git::head(&self.root), dirty, as_of },
            logs: logs.clone(),
            plugins: command.plugins,
            with: command.with,
            profile: command.profile,
            start: Instant::now(),
        };
        let id = self.log().start(start)?;
        // What the step sets itself comes last, and wins.
        env.extend(command.env.iter().map(|(name, value)| (name.clone(), text_of(value))));
        let mut writes = vec![bundle.clone(), scratch.path()];
        writes.extend_from_slice(places.paths());
        let stderr = logs.last().cloned().unwrap_or_default();
        let launch = Launch {
            argv: command.argv.iter().map(OsString::from).collect(),
            env,
            cwd: self.root.join(&command.cwd),
            stdout: match (&conversation, logs.as_slice()) {
                (None, [stdout, ..]) => Stdout::File(self.bundle.file(stdout)),
                _ => Stdout::Caller,
            },
            stderr: self.bundle.file(&stderr),
            time: command.limits.time(),
            memory: command.limits.memory_bytes,
            // What git reads is no input of a step.
            guard: Guard {
                writes,
                project: project.clone(),
                detect_only: self.detect_only,
                unseen: !of_a_step,
            },
            hidden: self.bundle.secrets().hidden(),
            output: command.limits.output_bytes.unwrap_or(OUTPUT_LIMIT),
            wire: command.wire,
        };
        let mut ended = self.supervise(launch, conversation, cancel);
        places.tidy();
        let observed = std::mem::take(&mut ended.observed);
        // What git prints are the names of files.
        if of_a_step {
            reconsider(&mut ended, &logs, |log| self.bundle.file(log));
        }
        let end = CommandEnd {
            outcome: ended.outcome,
            claim: ended.claim.clone(),
            exit_code: ended.exit_code,
            signal: ended.signal,
            peak_rss_bytes: ended.peak_rss_bytes,
            seconds: ended.seconds,
            left_behind: ended.left_behind.clone(),
            end: ended.end,
        };
        let recorded = self.log().end(id, end);
        *lock(&self.spare) = scratch.unused();
        if of_a_step {
            lock(&self.reads).add(project, &command.step, &observed, &declared);
        }
        // The first that could not be written is named, also when the same full disk took the record too.
        if let Some(reason) = &ended.unwritten {
            return Err(EvidenceError::at(self.bundle.path(), "a command's output is lost in", reason));
        }
        recorded?;
        Ok(Launched { id, ended, logs, attempts: self.attempts(&observed) })
    }

    /// What the workflow names of what a command may read.
    fn declared(&self, command: &Command) -> Declared {
        let cwd = self.root.join(&command.cwd);
        // A directory among the arguments does not declare everything below it.
        let named = command.argv.iter().filter_map(|word| cwd.join(word).canonicalize().ok());
        let mut paths: Vec<PathBuf> = named.filter(|path| path.is_file()).collect();
        paths.extend(self.known.iter().cloned());
        let root = glob::Pattern::escape(&self.root.to_string_lossy());
        let pattern = |read: &String| {
            let below = if read.ends_with('/') { format!("{read}**") } else { read.clone() };
            glob::Pattern::new(&format!("{root}/{below}")).ok()
        };
        Declared { paths, patterns: command.reads.iter().filter_map(pattern).collect() }
    }

    fn attempts(&self, observed: &Observed) -> Vec<AttemptedRecord> {
        let one = |(attempted, times): (&crate::guard::Attempted, &u64)| AttemptedRecord {
            verb: attempted.verb.clone(),
            path: display_relative(&attempted.path, &self.root),
            times: *times,
        };
        observed.attempts.iter().map(one).collect()
    }

    /// What is known to be read until now.
    pub fn inputs(&self) -> InputsRecord {
        lock(&self.reads).record()
    }

    /// Replaces `inputs.json` by what is known to be read until now.
    pub fn write_inputs(&self) -> Result<(), EvidenceError> {
        self.bundle.write_json("inputs.json", &self.inputs())
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
                    observed: Observed::default(),
                    left_behind: Vec::new(),
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
            if let Cow::Owned(clean) = self.bundle.secrets().text(name) {
                return Err(EvidenceError::at(
                    Path::new(&clean),
                    "cannot make the log",
                    "its name holds a secret",
                ));
            }
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
        let asked = Instant::now();
        match self.git_status(&["--untracked-files=all", "--ignored=matching"], &[])? {
            Ok(output) => {
                // Git names files from the top of the repository, wherever below it the project is.
                let bundles = self.bundle.path().parent().and_then(|parent| parent.strip_prefix(&top).ok());
                let files = GitFiles::read(&top, &output, bundles);
                record.changed_files = Some(files.changed());
                record.dirty = Some(files.changed() > 0);
                *lock(&self.dirty) = (record.dirty, Some(asked));
                lock(&self.reads).git = Some(Arc::new(files));
            }
            Err(reason) => record.reason = Some(reason),
        }
        Ok(record)
    }

    /// Asks git which of the files that it tracks in these places (absolute) differ from the commit now. The error is
    /// the reason why it did not say.
    pub fn ask_git_of(&self, top: &Path, places: &[PathBuf]) -> Result<GitFiles, String> {
        let answer = self.git_status(&["--untracked-files=no"], places).map_err(|error| error.to_string())?;
        Ok(GitFiles::read(top, &answer?, None))
    }

    fn git_status(
        &self,
        options: &[&str],
        places: &[PathBuf],
    ) -> Result<Result<Vec<u8>, String>, EvidenceError> {
        // A monitor of the user's would be started, and go on unrecorded.
        let quiet = ["git", "-c", "core.fsmonitor=false"];
        // The names of places are no patterns.
        let literal: &[&str] = if places.is_empty() { &[] } else { &["--literal-pathspecs"] };
        let status = ["status", "--porcelain=v1", "-z"];
        let words = quiet.iter().chain(literal).chain(&status).chain(options);
        let mut argv: Vec<String> = words.map(ToString::to_string).collect();
        if !places.is_empty() {
            argv.push("--".to_owned());
            argv.extend(places.iter().map(|place| place.display().to_string()));
        }
        let mut command = Command::new(RUNNER_STEP, 1, argv);
        command.limits.time_s = Some(Duration::from_mins(1).as_secs_f64());
        let launched = self.run(command)?;
        if launched.ended.outcome != Outcome::Ok {
            return Ok(Err(format!("git status: {}", launched.ended.claim)));
        }
        let log = launched.logs.first().cloned().unwrap_or_default();
        let path = self.bundle.file(&log);
        let output = std::fs::read(&path).map_err(|error| EvidenceError::at(&path, "cannot read", error))?;
        Ok(Ok(output))
    }

    /// What git said of the files of the repository; `None` when it could not be asked.
    pub fn git_files(&self) -> Option<Arc<GitFiles>> {
        lock(&self.reads).git.clone()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, CommandLog> {
        lock(&self.commands)
    }
}

/// A poisoned lock means that another thread panicked between two writes; the data itself is whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
