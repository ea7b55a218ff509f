//! The mark of a runner: a variable in the environment of its programs, and so of all that they start.
//!
//! A daemon leaves its group, its session and its parents, but hardly ever its environment. When a runner was killed
//! and could end nobody itself, its server finds them by that. In a runner inside a step the mark of the outer one
//! stays before its own. The temporary directories of the programs have it in their names.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable: the marks of all runners around a program, the outermost first, with `/` between them.
pub(super) const VARIABLE: &str = "RUNNER_RUN";

/// How long is tried: what forks faster than it can be killed is not hunted for ever.
const ENOUGH: Duration = Duration::from_secs(5);
/// What has been killed takes a moment to go.
const SOON: Duration = Duration::from_millis(2);

/// This runner's own mark: 32 digits that nobody can guess.
static OWN: LazyLock<String> = LazyLock::new(|| {
    let half = || RandomState::new().hash_one(VARIABLE);
    format!("{:016x}{:016x}", half(), half())
});

/// This runner's own mark.
pub(super) fn own() -> String {
    OWN.clone()
}

/// How the names of its programs' temporary directories begin.
pub fn directory_prefix() -> String {
    prefix(&OWN)
}

fn prefix(mark: &str) -> String {
    format!("runner-{}-", mark.get(..16).unwrap_or(mark))
}

/// The value for its programs; `outer` is that of its own environment.
pub(super) fn with(outer: Option<OsString>) -> OsString {
    let mut value = outer.unwrap_or_default();
    if !value.is_empty() {
        value.push("/");
    }
    value.push(&*OWN);
    value
}

/// Ends every process of this user that has the mark.
pub(super) fn end_all(mark: &str) {
    let begin = Instant::now();
    while begin.elapsed() < ENOUGH {
        let marked: Vec<Pid> = processes().filter(|pid| has(*pid, mark)).collect();
        if marked.is_empty() {
            return;
        }
        for pid in marked {
            // It may be gone by now.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(SOON);
    }
}

/// Removes the temporary directories of the programs.
pub(super) fn remove_directories(mark: &str) {
    let prefix = prefix(mark);
    let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)) {
        // What cannot be removed is only in the way.
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw)
}

/// Of a process that ended, and of one of another user, nothing can be read.
fn has(pid: Pid, mark: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    let variables = environment.split(|byte| *byte == 0);
    let mut values =
        variables.filter_map(|variable| variable.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="));
    values.any(|value| value.split(|byte| *byte == b'/').any(|one| one == mark.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_mark_is_found_among_those_of_outer_runners_and_by_nothing_less() {
        assert_eq!(OWN.len(), 32);
        assert_eq!(with(None), OsStr::new(&*OWN));
        let inner = with(Some("outer".into()));
        assert_eq!(inner.as_bytes(), format!("outer/{}", *OWN).as_bytes());
        let me = rustix::process::getpid();
        assert!(processes().any(|pid| pid == me));
        assert!(!has(me, &OWN), "a test has no mark, nor has the runner itself");
    }
}
