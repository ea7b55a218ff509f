//! The long options that a tool names in its own `--help`: [`Helps`].
//!
//! This is the only check that starts a program, and `run` never does it: `validate` and `plan` ask. Only tools of
//! the list here are asked, whose `--help` is known to print and end, and only those that lie outside of the
//! project. A program that ignored the question would do its work, and that may be the measured one. It runs
//! in an empty directory, confined to that, without input, for at most two seconds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use regex::Regex;

use super::python::Options;
use super::site::Site;
use super::words::Word;
use crate::guard::Guard;
use crate::outcome::Outcome;
use crate::process::{Cancel, Launch, Process, Stdout};

/// How long a tool has to print its help.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much of it is read, in bytes.
const MOST: u64 = 1 << 20;

/// Tools that print all their long options, and take the beginning of one for the whole, as GNU tools do.
const TOOLS: [&str; 16] = [
    "make",
    "ls",
    "cp",
    "mkdir",
    "sort",
    "head",
    "tail",
    "wc",
    "du",
    "df",
    "stat",
    "date",
    "diff",
    "nproc",
    "lscpu",
    "hyperfine",
];
/// Commands of cargo whose arguments before `--` are all cargo's own.
const OF_CARGO: [&str; 8] = ["build", "test", "bench", "check", "doc", "metadata", "tree", "fetch"];
/// What cargo knows and does not list.
const HIDDEN: [&str; 4] = ["--all", "--unit-graph", "--out-dir", "--config"];

static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"--[a-z0-9][a-z0-9-]*[a-z0-9]").ok());

/// What tools answered, so that each is asked once.
#[derive(Debug, Default)]
pub(super) struct Helps {
    answers: BTreeMap<Vec<String>, Option<Options>>,
}

/// A question to a tool.
#[derive(Debug)]
pub(super) struct Answer<'h> {
    /// The tool, as it is asked: `cargo test`.
    pub tool: String,
    /// The question: `cargo test -h`.
    pub question: String,
    /// What it knows.
    pub options: &'h Options,
}

impl Helps {
    /// The options of a program that is called with these arguments; `None` when it is not asked, or does not
    /// answer as it should.
    pub fn of(&mut self, site: &Site<'_>, word: &Word, arguments: &[Word]) -> Option<Answer<'_>> {
        let name = word.known()?;
        let mut argv = vec![name.to_owned()];
        if name == "cargo" {
            argv.extend(
                arguments.iter().find(|word| !word.text.starts_with(['-', '+']))?.known().map(str::to_owned),
            );
            if !OF_CARGO.contains(&argv.get(1)?.as_str()) {
                return None;
            }
            argv.push("-h".to_owned());
        } else if TOOLS.contains(&name) {
            argv.push("--help".to_owned());
        } else {
            return None;
        }
        let program = site.program(name)?.canonicalize().ok()?;
        if program.starts_with(site.root)
            || !arguments.iter().any(|word| word.text.len() > 2 && word.text.starts_with("--"))
        {
            return None;
        }
        let question = argv.join(" ");
        let tool = argv[..argv.len() - 1].join(" ");
        let answer = self.answers.entry(argv).or_insert_with_key(|argv| ask(argv, site.path.list()));
        Some(Answer { tool, question, options: answer.as_ref()? })
    }
}

fn ask(argv: &[String], path: Option<&std::ffi::OsStr>) -> Option<Options> {
    let place = tempfile::tempdir().ok()?;
    let directory = place.path().canonicalize().ok()?;
    let text = output(argv, path, &directory)?;
    let mut known: Vec<String> =
        OPTION.as_ref()?.find_iter(&text).map(|found| found.as_str().to_owned()).collect();
    // Who does not even name `--help` (a small replacement of the tool) names the others no better.
    if !known.iter().any(|option| option == "--help") {
        return None;
    }
    let cargo = argv[0] == "cargo";
    known.extend(HIDDEN.iter().filter(|_| cargo).map(|option| (*option).to_owned()));
    known.sort();
    known.dedup();
    let abbreviations = !cargo && argv[0] != "hyperfine";
    Some(Options {
        known,
        flags: Vec::new(),
        abbreviations,
        greedy: false,
        subcommands: false,
        file: PathBuf::new(),
        line: 0,
    })
}

/// What a tool prints, in an empty directory.
fn output(argv: &[String], path: Option<&std::ffi::OsStr>, directory: &Path) -> Option<String> {
    let mut env = vec![("LC_ALL".to_owned(), "C".to_owned())];
    env.extend(path.and_then(|path| Some(("PATH".to_owned(), path.to_str()?.to_owned()))));
    let stdout = directory.join("stdout");
    let launch = Launch {
        wire: crate::process::Wire::None,
        argv: argv.iter().map(Into::into).collect(),
        env,
        cwd: directory.to_owned(),
        stdout: Stdout::File(stdout.clone()),
        stderr: directory.join("stderr"),
        time: Some(PATIENCE),
        memory: None,
        guard: Guard {
            writes: vec![directory.to_owned()],
            project: directory.to_owned(),
            detect_only: false,
            unseen: false,
        },
        output: MOST,
        hidden: Arc::default(),
    };
    let ended = Process::start(launch).ok()?.watch(&Cancel::default(), &|| false);
    (ended.outcome == Outcome::Ok).then(|| std::fs::read_to_string(stdout).ok()).flatten()
}
