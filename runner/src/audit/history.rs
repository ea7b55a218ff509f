//! [`History`]: when git first saw the files of a tree.
//!
//! Asks git once for a whole tree, with everything turned off that a repository could make git start. Where
//! git is missing, or knows nothing of the files, nothing is known; that is no mistake.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::git;
use crate::guard::Guard;
use crate::launch::Scratch;
use crate::outcome::Outcome;
use crate::process::{Cancel, Launch, OUTPUT_LIMIT, Process, Stdout, Wire};

/// How long git may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// When files of a repository were committed for the first time.
#[derive(Debug, Default)]
pub struct History {
    /// Path from the top of the repository to seconds since 1970.
    first: BTreeMap<String, i64>,
}

impl History {
    /// What git knows of the files below a directory.
    pub fn below(directory: &Path) -> Self {
        let Some(root) = git::root_above(directory) else { return Self::default() };
        asked(&root, directory).unwrap_or_default()
    }

    /// When the first file below `directory` (from the top of the repository) was committed.
    pub fn first_below(&self, directory: &str) -> Option<i64> {
        let prefix = format!("{directory}/");
        let files = self.first.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        files.map(|(_, seconds)| *seconds).min()
    }

    fn of(output: &str) -> Self {
        let (mut first, mut commit) = (BTreeMap::new(), None);
        // Newest first: the last one that is seen of a file is the oldest.
        for field in output.split(['\0', '\n']).filter(|field| !field.is_empty()) {
            if let Some(time) = field.strip_prefix('\u{1}') {
                commit = time.trim().parse::<i64>().ok();
            } else if let Some(seconds) = commit {
                let known = first.entry(field.to_owned()).or_insert(seconds);
                *known = seconds.min(*known);
            }
        }
        Self { first }
    }
}

fn asked(root: &Path, directory: &Path) -> Option<History> {
    let scratch = Scratch::new().ok()?;
    let (answer, complaints) = (scratch.path().join("answer"), scratch.path().join("complaints"));
    let fixed = [
        "git",
        "--no-pager",
        "-c",
        "log.showSignature=false",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "diff.external=",
        "log",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--diff-filter=A",
        "--name-only",
        "-z",
        "--format=%x01%ct",
        "--",
    ];
    let mut argv: Vec<std::ffi::OsString> = fixed.map(Into::into).to_vec();
    argv.push(directory.into());
    let env = [("GIT_OPTIONAL_LOCKS", "0"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_LITERAL_PATHSPECS", "1")];
    let launch = Launch {
        argv,
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        cwd: root.to_owned(),
        stdout: Stdout::File(answer.clone()),
        stderr: complaints,
        time: Some(PATIENCE),
        memory: None,
        guard: Guard {
            writes: vec![scratch.path()],
            project: root.to_owned(),
            detect_only: false,
            unseen: true,
        },
        output: OUTPUT_LIMIT,
        hidden: Arc::default(),
        wire: Wire::None,
    };
    let ended = Process::start(launch).ok()?.watch(&Cancel::default(), &|| false);
    if ended.outcome != Outcome::Ok {
        return None;
    }
    Some(History::of(&String::from_utf8_lossy(&std::fs::read(&answer).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_commit_of_a_file_counts() {
        let output = "\u{1}300\0\nr/b/x\0\u{1}200\0\nr/a/y\0r/a/z\0\u{1}100\0\nr/a/y\0";
        let history = History::of(output);
        assert_eq!(history.first_below("r/a"), Some(100));
        assert_eq!(history.first_below("r/b"), Some(300));
        assert_eq!(history.first_below("r"), Some(100));
        assert_eq!(history.first_below("r/c"), None);
    }
}
