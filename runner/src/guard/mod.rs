//! What a program may write, and what it is seen to read: [`Guard`].
//!
//! Every program that the runner starts is guarded; the runner's own questions are only confined. [`Guard::prepare`] makes, before the fork, a
//! Landlock ruleset (writes only below a few places) and a seccomp filter whose notifications tell which files
//! are opened and which writes are tried; [`ChildGuard::enter`] puts both on between fork and exec; a [`Watcher`]
//! thread listens. [`Snapshot`] is the proof afterwards, which does not depend on either.
//!
//! Used by `process`. Knows nothing of steps or bundles, and never decides what a finding means.

mod call;
mod filter;
mod landlock;
mod snapshot;
mod system;
mod watcher;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use snapshot::{Change, Difference, Snapshot};
pub use system::{adopt_orphans, open_events_for, socket_pair};
pub use watcher::Watcher;

/// What a program is held to.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Files and directories that it may write, and everything below them; absolute, without symbolic links.
    pub writes: Vec<PathBuf>,
    /// The project, whose files are listed one by one wherever it lies; absolute, without symbolic links.
    pub project: PathBuf,
    /// Whether writes elsewhere are only told, not prevented.
    pub detect_only: bool,
    /// Whether nobody asks what it does: it is confined, and not seen.
    pub unseen: bool,
}

/// How writes were kept inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// The kernel prevented them.
    Enforced,
    /// Only the comparison of before and after shows them.
    DetectOnly,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The process that was the first to read it, by the name that it gives itself.
    pub by: String,
}

/// Something that was tried outside of the allowed places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempted {
    /// What: `write`, `remove`, `rename`, `change the mode of`, ...
    pub verb: String,
    /// The file.
    pub path: PathBuf,
}

/// What a program and its descendants were seen to do.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Files opened for reading or executed that existed, without symbolic links; those of the system and
    /// those that it may write are only counted.
    pub files: BTreeMap<PathBuf, Read>,
    /// How many different files of the system were opened: below `/usr`, `/lib`, `/etc`, `/proc` and so on.
    pub system: u64,
    /// How many different files were opened for reading where it may write.
    pub own: u64,
    /// Writes tried outside of the allowed places, with their number.
    pub attempts: BTreeMap<Attempted, u64>,
    /// Why not everything was seen; `None` when it was.
    pub incomplete: Option<String>,
}

/// Both halves of a guard, made before the fork.
#[derive(Debug)]
pub struct Prepared {
    /// For the child.
    pub child: ChildGuard,
    /// For the runner; `None` when nobody asks, an error when nothing can be watched, and why.
    pub watcher: Option<Result<Watcher, String>>,
}

/// What the child puts on between fork and exec. Only system calls that are safe there; no allocation.
#[derive(Debug)]
pub struct ChildGuard {
    ruleset: Option<OwnedFd>,
    filter: Vec<libc::sock_filter>,
    socket: Option<OwnedFd>,
    pass: u64,
}

impl Guard {
    /// Makes the guard of one program.
    pub fn prepare(&self) -> io::Result<Prepared> {
        let ruleset = if self.detect_only { None } else { landlock::ruleset(&self.writes)? };
        let enforced = ruleset.is_some();
        if self.unseen {
            return Ok(Prepared { child: ChildGuard::of(ruleset, None, 0), watcher: None });
        }
        let (watcher, socket) = match system::socket_pair() {
            Ok((ours, childs)) => {
                let watcher = Watcher::start(ours, self.clone(), enforced);
                let socket = watcher.is_ok().then_some(childs);
                (watcher.map_err(|error| error.to_string()), socket)
            }
            Err(error) => (Err(error.to_string()), None),
        };
        let pass = RandomState::new().hash_one("pass");
        Ok(Prepared { child: ChildGuard::of(ruleset, socket, pass), watcher: Some(watcher) })
    }
}

impl ChildGuard {
    /// A guard from what [`ChildGuard::descriptors`] and [`ChildGuard::pass`] told, in another process.
    pub fn of(ruleset: Option<OwnedFd>, socket: Option<OwnedFd>, pass: u64) -> Self {
        let filter = if socket.is_some() { filter::program(pass) } else { Vec::new() };
        Self { ruleset, filter, socket, pass }
    }

    /// The sixth argument of the `execve` that begins the program, and is not watched. No other process knows it.
    pub fn pass(&self) -> u64 {
        self.pass
    }

    /// The ruleset, and the socket for the listener.
    pub fn descriptors(&self) -> (Option<BorrowedFd<'_>>, Option<BorrowedFd<'_>>) {
        (self.ruleset.as_ref().map(AsFd::as_fd), self.socket.as_ref().map(AsFd::as_fd))
    }

    /// Confines the calling process for good. Called between fork and exec.
    pub fn enter(&self) -> io::Result<()> {
        system::no_new_privileges()?;
        if let Some(ruleset) = &self.ruleset {
            system::restrict_self(ruleset.as_raw_fd())?;
        }
        if let Some(socket) = self.socket.as_ref().map(AsRawFd::as_raw_fd) {
            self.listen(socket);
        }
        Ok(())
    }

    /// A kernel that does not let itself be watched is no reason not to run: the runner is told the error.
    fn listen(&self, socket: RawFd) {
        system::send_listener(socket, &system::install_filter(&self.filter));
    }
}

/// What is said of a run as a whole. The same for all of its programs: it depends on the kernel alone.
pub fn confinement(detect_only: bool) -> (Confinement, String) {
    if detect_only {
        return (Confinement::DetectOnly, "asked for with --detect-only".to_owned());
    }
    match landlock::abi() {
        Ok(abi) if abi >= landlock::WHOLE => (Confinement::Enforced, format!("Landlock ABI {abi}")),
        Ok(abi) => (
            Confinement::Enforced,
            format!("Landlock ABI {abi}, which does not know truncate(2); that is only detected"),
        ),
        Err(error) => (Confinement::DetectOnly, format!("this kernel offers no Landlock: {error}")),
    }
}
