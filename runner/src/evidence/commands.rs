//! [`CommandLog`]: every command of a run, in order, in `commands.jsonl` and (for people) `commands.txt`.
//!
//! A line is written before a command starts and another after it ended; each carries the digest of the line
//! before, so that none can be changed or left out unseen.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Instant;
use crate::evidence::{Bundle, EvidenceError, commands_text};
use crate::fs::{Digest, digest_bytes};
use crate::outcome::Outcome;

/// The state of the repository as it was known when a command started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitState {
    /// The commit of HEAD, read right before the command.
    pub head: Option<String>,
    /// Whether the tree had changes, as git said at `as_of`; `None` when git could not be asked.
    pub dirty: Option<bool>,
    /// When git was asked.
    pub as_of: Option<Instant>,
}

/// A plugin that a command loads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginId {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its file.
    pub sha256: Digest,
}

/// What is known before a command runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandStart {
    /// The step it belongs to; `(runner)` for the runner's own questions.
    pub step: String,
    /// The attempt of the step.
    pub attempt: u32,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether the workflow wrote a line for `sh -c`.
    #[serde(default)]
    pub shell: bool,
    /// Variables added to the environment.
    pub env: Map<String, Value>,
    /// The working directory relative to the project root.
    pub cwd: String,
    /// Where it may write besides the bundle and its temporary directory, as the workflow says it.
    #[serde(default)]
    pub writes: Vec<String>,
    /// Variables that lead it to its temporary directory; `env` weighs more.
    #[serde(default)]
    pub guard_env: Map<String, Value>,
    /// The repository.
    pub git: GitState,
    /// Where the output goes, relative to the bundle.
    pub logs: Vec<String>,
    /// The plugins that this command loads.
    #[serde(default)]
    pub plugins: Vec<PluginId>,
    /// The plugin's configuration.
    #[serde(default)]
    pub with: Option<Value>,
    /// The configuration of the profiler beside it.
    #[serde(default)]
    pub profile: Option<Value>,
    /// When it started.
    pub start: Instant,
}

/// What is known after a command ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandEnd {
    /// How it ended.
    pub outcome: Outcome,
    /// The source of the claim.
    pub claim: String,
    /// The exit code, when it exited.
    pub exit_code: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
    /// The largest resident memory, in bytes.
    pub peak_rss_bytes: Option<u64>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Processes that it left running, and that were killed: name and number.
    #[serde(default)]
    pub left_behind: Vec<String>,
    /// When it ended.
    pub end: Instant,
}

/// A command as it stands in the log: without an end when it never came to one.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandRecord {
    /// Its number, counted from 1 in order of start.
    pub id: u64,
    /// What was known before.
    pub start: CommandStart,
    /// What was known after.
    pub end: Option<CommandEnd>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: u64,
    prev: Digest,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum What {
    Started(Box<CommandStart>),
    Ended(CommandEnd),
    /// Its output was set aside, to make room for another attempt.
    Moved {
        logs: Vec<String>,
    },
}

/// The log of one run.
#[derive(Debug)]
pub struct CommandLog {
    bundle: Bundle,
    head: Digest,
    records: Vec<CommandRecord>,
    /// Where in `commands.txt` the entry of each command begins, in bytes.
    entries: Vec<usize>,
    /// How many bytes it has.
    length: usize,
}

impl CommandLog {
    /// The names of its two files.
    pub const FILES: [&str; 2] = ["commands.jsonl", "commands.txt"];

    /// Begins the log of a new bundle.
    pub fn create(bundle: &Bundle) -> Result<Self, EvidenceError> {
        bundle.append(Self::FILES[0], b"")?;
        let mut log = Self::of(bundle, Digest::zero(), Vec::new());
        log.write_text(0)?;
        Ok(log)
    }

    fn of(bundle: &Bundle, head: Digest, records: Vec<CommandRecord>) -> Self {
        Self { bundle: bundle.clone(), head, records, entries: Vec::new(), length: 0 }
    }

    /// Goes on with the log of a run that has stopped. What a kill left of a last line is cut off first (or
    /// given its line end, when only that is missing); the text says what was done.
    pub fn go_on(bundle: &Bundle) -> Result<(Self, Option<String>), EvidenceError> {
        let path = bundle.file("commands.jsonl");
        let wrong = |error: &dyn std::fmt::Display| EvidenceError::at(&path, "cannot go on with", error);
        let bytes = std::fs::read(&path).map_err(|error| wrong(&error))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let tail = &bytes[whole..];
        let only_its_end_is_missing = serde_json::from_slice::<Line>(tail).is_ok();
        let kept = if only_its_end_is_missing { &bytes[..] } else { &bytes[..whole] };
        let text = std::str::from_utf8(kept).map_err(|error| wrong(&error))?;
        let (head, broken) = Self::follow(text);
        if let Some(first) = broken.first() {
            return Err(wrong(first));
        }
        let records = Self::read(text).map_err(|error| wrong(&error))?;
        let mut told = None;
        if only_its_end_is_missing {
            bundle.put(Self::FILES[0], format!("{text}\n").as_bytes())?;
            told = Some("the last line of `commands.jsonl` had no line end; it was added".to_owned());
        } else if !tail.is_empty() {
            bundle.put(Self::FILES[0], text.as_bytes())?;
            let count = tail.len();
            told = Some(format!(
                "the last line of `commands.jsonl` was torn; its {count} bytes were cut off before the run went on"
            ));
        }
        let mut log = Self::of(bundle, head, records);
        log.write_text(0)?;
        Ok((log, told))
    }

    /// Writes down that a command is about to start; returns its number.
    pub fn start(&mut self, start: CommandStart) -> Result<u64, EvidenceError> {
        let id = self.records.len() as u64 + 1;
        let mut start = self.clean(start)?;
        start.argv = self.bundle.secrets().argv(start.argv);
        self.append(id, What::Started(Box::new(start.clone())))?;
        self.records.push(CommandRecord { id, start, end: None });
        self.write_text(self.records.len() - 1)?;
        Ok(id)
    }

    /// Writes down how a command ended.
    pub fn end(&mut self, id: u64, end: CommandEnd) -> Result<(), EvidenceError> {
        let end = self.clean(end)?;
        self.append(id, What::Ended(end.clone()))?;
        let Some(at) = self.place_of(id) else { return Ok(()) };
        self.records[at].end = Some(end);
        self.write_text(at)
    }

    /// Writes down that the output of a command has another name now.
    pub fn moved(&mut self, id: u64, from: &str, to: &str) -> Result<(), EvidenceError> {
        let Some(at) = self.place_of(id) else { return Ok(()) };
        let logs = &mut self.records[at].start.logs;
        let Some(log) = logs.iter_mut().find(|log| *log == from) else { return Ok(()) };
        to.clone_into(log);
        let logs = logs.clone();
        self.append(id, What::Moved { logs })?;
        self.write_text(at)
    }

    fn place_of(&self, id: u64) -> Option<usize> {
        self.records.iter().rposition(|record| record.id == id)
    }

    /// The number that the next command gets.
    pub fn next_id(&self) -> u64 {
        self.records.len() as u64 + 1
    }

    /// The digest of the last line: the head of the chain.
    pub fn head(&self) -> &Digest {
        &self.head
    }

    /// The records in memory are the clean ones: `commands.txt` is made from them, and must follow from the file.
    fn clean<T: Serialize + DeserializeOwned>(&self, record: T) -> Result<T, EvidenceError> {
        let path = self.bundle.file("commands.jsonl");
        self.bundle.secrets().record(record).map_err(|error| EvidenceError::at(&path, "cannot write", error))
    }

    fn append(&mut self, id: u64, what: What) -> Result<(), EvidenceError> {
        let path = self.bundle.file(Self::FILES[0]);
        let line = Line { id, prev: self.head.clone(), what };
        let mut text =
            serde_json::to_vec(&line).map_err(|error| EvidenceError::at(&path, "cannot write", error))?;
        self.head = digest_bytes(&text);
        text.push(b'\n');
        self.bundle.append(Self::FILES[0], &text)
    }

    /// Brings `commands.txt` up to date from the entry of the record at `from` on. It can be made again from
    /// `commands.jsonl` at any time, and is when a run goes on; so only its end is written anew.
    fn write_text(&mut self, from: usize) -> Result<(), EvidenceError> {
        let at = self.entries.get(from).copied().unwrap_or(self.length);
        self.entries.truncate(from);
        let mut end =
            if at == 0 { commands_text::heading(self.bundle.stamp().as_str()) } else { String::new() };
        for record in &self.records[from..] {
            self.entries.push(at + end.len());
            end.push_str(&commands_text::entry(record));
        }
        self.length = at + end.len();
        self.bundle.write_end(Self::FILES[1], at, end.as_bytes())
    }

    /// Follows the chain of a log. Returns its head, and what breaks it.
    pub fn follow(text: &str) -> (Digest, Vec<String>) {
        let mut head = Digest::zero();
        let mut broken = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            match serde_json::from_str::<Line>(line) {
                Ok(parsed) if parsed.prev == head => {}
                Ok(_) => broken.push(format!("line {number} does not follow from the line before")),
                Err(error) => broken.push(format!("line {number} is not understood: {error}")),
            }
            head = digest_bytes(line.as_bytes());
        }
        (head, broken)
    }

    /// `commands.txt` as it follows from the records.
    pub fn text(stamp: &str, records: &[CommandRecord]) -> String {
        commands_text::render(stamp, records)
    }

    /// Reads the log of a bundle back. A last line that was cut off by a crash is left out.
    pub fn read(text: &str) -> Result<Vec<CommandRecord>, String> {
        let mut records: Vec<CommandRecord> = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let parsed: Line = match serde_json::from_str(line) {
                Ok(parsed) => parsed,
                Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => break,
                Err(error) => return Err(format!("line {}: {error}", index + 1)),
            };
            match parsed.what {
                What::Started(start) => {
                    records.push(CommandRecord { id: parsed.id, start: *start, end: None });
                }
                What::Ended(end) => {
                    if let Some(record) = records.iter_mut().find(|record| record.id == parsed.id) {
                        record.end = Some(end);
                    }
                }
                What::Moved { logs } => {
                    if let Some(record) = records.iter_mut().find(|record| record.id == parsed.id) {
                        record.start.logs = logs;
                    }
                }
            }
        }
        Ok(records)
    }
}
