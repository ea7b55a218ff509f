//! [`ResumeRecord`]: how a run was taken up again; `resumed` in `state.json`. Also [`process_mark`], which
//! tells whether the process that a state names is still that process.
//!
//! Written by `run::resume`, read by the summary and by `runner status`. Must never claim what was not seen:
//! an attempt that a kill cut off has no end, no duration and no outcome.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::evidence::RunState;
use crate::fs::Digest;

/// One taking up of a run that had stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRecord {
    /// When.
    pub at: Instant,
    /// Why, in the user's words.
    pub note: Option<String>,
    /// How the run stood: `killed interrupted blocked broken complete` (complete, but not sealed).
    pub from: String,
    /// Why it stood so.
    pub reason: Option<String>,
    /// The digest of the manifest that was set aside; `None` when the bundle was not sealed.
    pub manifest_sha256: Option<Digest>,
    /// The name under which that manifest is kept.
    pub manifest: Option<String>,
    /// The attempt that a kill cut off.
    pub unfinished: Option<Unfinished>,
    /// Steps that were done, and stay.
    pub kept: Vec<String>,
    /// The ledger's attempt that was written before (or may have been, when the kill came right then), when
    /// this resumption makes another one.
    pub entered: Option<u64>,
}

/// An attempt that a kill cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Its step.
    pub step: String,
    /// Its number.
    pub attempt: u32,
    /// What it left behind, where it lies now.
    pub files: Vec<String>,
}

/// What tells a process from a later one with the same number: the boot, and the tick at which it started.
/// `None` when there is no such process.
pub fn process_mark(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and brackets; the fields behind it do not. The start is field 22, and the
    // state is field 3: a dead process that nobody looked at yet does nothing any more.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    let tick = fields.nth(18)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{} {tick}", boot.trim()))
}

impl RunState {
    /// Whether the process that wrote this still runs.
    pub fn is_alive(&self) -> bool {
        match &self.process {
            Some(mark) => process_mark(self.pid).as_ref() == Some(mark),
            // Written by a runner that kept no mark: then only the name can tell.
            None => std::fs::read_to_string(format!("/proc/{}/comm", self.pid))
                .is_ok_and(|name| name.trim() == "runner"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_mark_and_no_process_has_none() {
        let own = process_mark(std::process::id());
        assert!(own.is_some());
        assert_eq!(own, process_mark(std::process::id()));
        assert_ne!(own, process_mark(1));
        assert_eq!(process_mark(u32::MAX), None);
    }
}
