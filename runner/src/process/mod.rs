//! The one way to start a program. Commands of steps, the plugin host, git, and what plugins ask for all go
//! through [`Process`]; that is why `commands.txt` can be complete.
//!
//! [`Process::start`] starts a program in a process group of its own; [`Process::watch`] stays with it until
//! the end: limits, cancellation, peak memory, output, exit. Nothing here knows of bundles or steps.

mod allocator;
mod cancel;
mod fork_server;
mod kills;
mod memory;
mod orphans;
mod output;
mod redactor;
mod wait;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

pub use allocator::{reconsider, told_of};
pub use cancel::Cancel;
pub use fork_server::{directory_prefix, prepare};
pub use orphans::adopt as adopt_orphans;
pub use output::{LINGER, LOOK, OUTPUT_LIMIT, readable};
pub use redactor::{Hidden, Instead, Redactor};

use crate::clock::Instant;
use crate::guard::{Guard, Observed, Watcher};
use crate::outcome::Outcome;
use kills::Kills;
use output::{Pump, Stream};
use wait::Status;

/// How long a program has to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How often memory, time and cancellation are looked at.
const TICK: Duration = Duration::from_millis(10);
/// After how many looks the memory of descendants that left the tree is added up again.
const ADOPTED_EVERY: u32 = 16;

/// A program to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program and its arguments; not empty.
    pub argv: Vec<OsString>,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Where standard output goes.
    pub stdout: Stdout,
    /// The file that takes standard error.
    pub stderr: PathBuf,
    /// Wall time.
    pub time: Option<Duration>,
    /// Bytes of resident memory of the process tree.
    pub memory: Option<u64>,
    /// Where it may write, and what is watched of it.
    pub guard: Guard,
    /// Bytes that are kept of each output stream.
    pub output: u64,
    /// What must not stand in the logs.
    pub hidden: Arc<Vec<Hidden>>,
    /// Its end of a socket to or from a profiler.
    pub wire: Wire,
}

/// A socket between a profiler's host and a program, one end for each. The runner keeps no copy of an end once
/// the process that it is for has started: each side must see that the other is gone.
#[derive(Clone, Debug, Default)]
pub enum Wire {
    /// None.
    #[default]
    None,
    /// The profiler's end: the process inherits it under the same number.
    Profiler(Arc<OwnedFd>),
    /// The program's end: between fork and exec the process opens events on itself for the profiler.
    Program(Arc<OwnedFd>),
}

/// Where standard output goes.
#[derive(Clone, Debug)]
pub enum Stdout {
    /// Into this file.
    File(PathBuf),
    /// To the caller, who also gets the program's standard input.
    Caller,
}

/// A program that could not be started.
#[derive(Debug)]
pub struct StartError {
    program: String,
    source: io::Error,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` could not be started: {}", self.program, self.source)
    }
}

impl std::error::Error for StartError {}

/// How a program ended, and how that is known.
#[derive(Clone, Debug)]
pub struct Ended {
    /// `ok`, `failed`, `signal`, `timeout`, `oom` or `cancelled`.
    pub outcome: Outcome,
    /// The source of the claim: what was seen.
    pub claim: String,
    /// The exit code, when it exited.
    pub exit_code: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
    /// When it ended.
    pub end: Instant,
    /// Wall time in seconds, from a clock that is never set back.
    pub seconds: f64,
    /// The largest resident memory seen, in bytes; `None` when nothing was.
    pub peak_rss_bytes: Option<u64>,
    /// Streams that were cut at the output limit.
    pub cut: Vec<&'static str>,
    /// A stream whose log could not be written, and why.
    pub unwritten: Option<String>,
    /// What it and its descendants were seen to do.
    pub observed: Observed,
    /// Processes that it left running, and that were killed.
    pub left_behind: Vec<String>,
}

/// A program that is running.
#[derive(Debug)]
pub struct Process {
    group: Pid,
    /// Those of a program that was started with [`Stdout::Caller`].
    pipes: Option<(ChildStdin, ChildStdout)>,
    launch: Launch,
    started: std::time::Instant,
    /// The orphans that were there before a program that a profiler watches: the profiler's.
    before: Option<Vec<Pid>>,
    pump: Pump,
    watcher: Option<Result<Watcher, String>>,
    kills: Kills,
}

/// Why we killed it.
enum Verdict {
    Timeout,
    Memory(u64),
    Cancelled,
}

impl Process {
    /// Starts a program.
    pub fn start(launch: Launch) -> Result<Self, StartError> {
        let program =
            launch.argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
        Self::spawn(launch).map_err(|source| StartError { program, source })
    }

    fn spawn(mut launch: Launch) -> io::Result<Self> {
        let wire = std::mem::take(&mut launch.wire);
        let guard = launch.guard.prepare()?;
        let before = matches!(wire, Wire::Program(_)).then(orphans::list);
        let (delay, tell) = match wire {
            Wire::Program(_) => io::pipe().map(|(delay, tell)| (Some(delay), Some(tell)))?,
            Wire::None | Wire::Profiler(_) => (None, None),
        };
        // The logs first: a program whose output cannot be kept is not started at all.
        let log = |path: &Path| {
            let opened = File::options().write(true).create_new(true).open(path);
            opened.map_err(|error| {
                io::Error::new(error.kind(), format!("its log `{}`: {error}", path.display()))
            })
        };
        let stderr_log = log(&launch.stderr)?;
        let stdout_log = match &launch.stdout {
            Stdout::File(path) => Some(log(path)?),
            Stdout::Caller => None,
        };
        let (stdin, to_stdin) = match launch.stdout {
            Stdout::File(_) => (File::open("/dev/null")?.into(), None),
            Stdout::Caller => io::pipe().map(|(reader, writer)| (OwnedFd::from(reader), Some(writer)))?,
        };
        let (stdout, to_stdout) = io::pipe()?;
        let (stderr, to_stderr) = io::pipe()?;
        let redactor = || Redactor::new(Arc::clone(&launch.hidden), Instead::Mark);
        let stream =
            |name, from: io::PipeReader, log| Stream::new(name, from.into(), log, launch.output, redactor());
        let mut streams = vec![stream("stderr", stderr, stderr_log)];
        let mut pipes = None;
        match (to_stdin, stdout_log) {
            (Some(stdin), _) => pipes = Some((OwnedFd::from(stdin).into(), OwnedFd::from(stdout).into())),
            (None, Some(log)) => streams.push(stream("stdout", stdout, log)),
            (None, None) => {}
        }
        let pump = Pump::start(streams)?;
        let environment = fork_server::environment(&launch.env);
        let file = fork_server::find(&launch.argv, &environment, &launch.cwd)?;
        if let Some(Ok(watcher)) = &guard.watcher {
            watcher.begins(launch.cwd.join(&file));
        }
        let mut kills = Kills::so_far();
        let starting = orphans::Starting::now();
        let since = std::time::Instant::now();
        let begun = fork_server::begin(&fork_server::Program {
            file: &file,
            argv: &launch.argv,
            environment: &environment,
            cwd: &launch.cwd,
            streams: [stdin, to_stdout.into(), to_stderr.into()],
            guard: guard.child,
            wire,
            tell,
        });
        // What was lent for the start is closed by now: the program alone can tell of its listener, and that it is gone.
        kills.and_of_the_system();
        let group = begun?.started()?;
        starting.done(group);
        let started = since + delay.map_or(Duration::ZERO, told_delay);
        Ok(Self { group, pipes, launch, started, before, pump, watcher: guard.watcher, kills })
    }

    /// The pipes to a program that was started with [`Stdout::Caller`].
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        self.pipes.take()
    }

    /// Stays with the program until it and its group are gone. `ask` is how a program that listens is told
    /// to stop; it returns whether that could be said. Other programs get SIGTERM.
    pub fn watch(mut self, cancel: &Cancel, ask: &dyn Fn() -> bool) -> Ended {
        let exit = wait::Exit::of(self.group);
        let mut peak = 0;
        let mut verdict: Option<(Verdict, std::time::Instant)> = None;
        let mut killed = false;
        let mut ticks = 0_u32;
        let mut adopted = 0;
        while !exit.ended(TICK) {
            // Descendants that left the tree are looked for less often: that takes longer.
            if ticks.is_multiple_of(ADOPTED_EVERY) {
                let mut orphans = orphans::list();
                orphans.retain(|orphan| !self.before.as_ref().is_some_and(|before| before.contains(orphan)));
                adopted = orphans.into_iter().map(memory::tree_rss).sum();
            }
            ticks += 1;
            let tree = memory::tree_rss(self.group) + adopted;
            peak = peak.max(tree);
            match &verdict {
                None => {
                    let found = self.judge(tree, cancel);
                    if let Some(found) = found {
                        // Memory is taken back at once; the other two may tidy up.
                        if matches!(found, Verdict::Memory(_)) {
                            self.signal(Signal::KILL);
                        } else if !ask() {
                            self.signal(Signal::TERM);
                        }
                        verdict = Some((found, std::time::Instant::now()));
                    }
                }
                Some((_, since)) if !killed && since.elapsed() > GRACE => {
                    killed = true;
                    self.signal(Signal::KILL);
                }
                Some(_) => {}
            }
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let end = Instant::now();
        // Whatever it left behind must not run beside the next measurement. The group's number is still its
        // own, because it was not reaped yet.
        let left_behind = orphans::end_all(self.group, self.before.as_deref());
        self.signal(Signal::KILL);
        let (status, usage) = exit.reap();
        orphans::ended(self.group);
        let peak = peak.max(usage);
        let (outcome, claim) = self.classify(status, verdict.as_ref().map(|(verdict, _)| verdict), peak);
        let observed = self.watcher.take().map_or_else(Observed::default, |watcher| match watcher {
            Ok(watcher) => watcher.finish(),
            Err(error) => Observed { incomplete: Some(error), ..Observed::default() },
        });
        let mut cut = Vec::new();
        let mut unwritten = None;
        for (name, carried) in self.pump.finish() {
            match carried {
                Ok(true) => cut.push(name),
                Ok(false) => {}
                Err(error) => unwritten = Some(format!("its {name} could not be kept: {error}")),
            }
        }
        let (exit_code, signal) = match status {
            Status::Exited(code) => (Some(code), None),
            Status::Signalled(signal) => (None, Some(signal)),
            Status::Unknown => (None, None),
        };
        Ended {
            outcome,
            claim,
            exit_code,
            signal,
            end,
            seconds,
            peak_rss_bytes: (peak > 0).then_some(peak),
            cut,
            unwritten,
            observed,
            left_behind,
        }
    }

    fn judge(&self, tree: u64, cancel: &Cancel) -> Option<Verdict> {
        if cancel.is_set() {
            return Some(Verdict::Cancelled);
        }
        if self.launch.memory.is_some_and(|limit| tree > limit) {
            return Some(Verdict::Memory(tree));
        }
        let over = self.launch.time.is_some_and(|limit| self.started.elapsed() > limit);
        over.then_some(Verdict::Timeout)
    }

    fn signal(&self, signal: Signal) {
        // The group may be gone already; that is what was wanted.
        let _ = kill_process_group(self.group, signal);
    }

    fn classify(&self, status: Status, verdict: Option<&Verdict>, peak: u64) -> (Outcome, String) {
        match verdict {
            Some(Verdict::Timeout) => {
                let limit = self.launch.time.unwrap_or_default().as_secs_f64();
                return (
                    Outcome::Timeout,
                    format!("ended by the runner: longer than limits.time ({limit} s)"),
                );
            }
            Some(Verdict::Memory(seen)) => {
                let limit = self.launch.memory.unwrap_or_default();
                let claim = format!(
                    "ended by the runner: {} of resident memory, more than limits.memory ({})",
                    bytes(*seen),
                    bytes(limit)
                );
                return (Outcome::Oom, claim);
            }
            Some(Verdict::Cancelled) => {
                return (Outcome::Cancelled, "ended by the runner: interrupted".to_owned());
            }
            None => {}
        }
        if let Some(limit) = self.launch.memory.filter(|limit| peak > *limit) {
            let claim = format!(
                "its peak resident memory was {}, more than limits.memory ({})",
                bytes(peak),
                bytes(limit)
            );
            return (Outcome::Oom, claim);
        }
        if let Some(claim) = self.kills.claim(status) {
            return (Outcome::Oom, claim);
        }
        match status {
            Status::Exited(0) => (Outcome::Ok, "exit status 0".to_owned()),
            Status::Exited(code) => (Outcome::Failed, format!("exit status {code}")),
            Status::Signalled(signal) => (Outcome::Signal, wait::signal_name(signal)),
            Status::Unknown => (Outcome::Failed, "its wait status could not be read".to_owned()),
        }
    }
}

/// How long a child that has begun its program was at a profiler's service before: none of the program's time.
fn told_delay(mut delay: PipeReader) -> Duration {
    let mut nanoseconds = [0; 8];
    // A child that was killed before it could say so has no program's time at all.
    let told = delay.read_exact(&mut nanoseconds).is_ok();
    Duration::from_nanos(if told { u64::from_ne_bytes(nanoseconds) } else { 0 })
}

/// An amount of memory for people: `12.3 MiB`.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}
