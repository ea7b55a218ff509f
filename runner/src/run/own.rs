//! [`OwnDigest`]: the digest of the runner's own program, which stands in the manifest.
//!
//! It takes longer than everything else at the beginning of a small run, so a thread makes it while the runner
//! waits for others: for git before the steps, for the disk after them. Never while a step runs: nothing else may
//! run beside a measurement. The program that runs cannot be changed, only its name can be given to another file;
//! it is opened once, so the digest is that of the beginning whenever it is made.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::fs::{Digest, FileDigest};

/// The digest on its way.
#[derive(Debug)]
pub(super) struct OwnDigest(Stage);

#[derive(Debug)]
enum Stage {
    Working { pause: Arc<AtomicBool>, thread: JoinHandle<io::Result<FileDigest>> },
    Paused(io::Result<FileDigest>),
}

impl OwnDigest {
    /// Opens the program and begins.
    pub(super) fn begin() -> Self {
        let mut own = Self(Stage::Paused(FileDigest::open(Path::new("/proc/self/exe"))));
        own.go_on();
        own
    }

    /// Goes on in a thread of its own.
    pub(super) fn go_on(&mut self) {
        let mut digest = match std::mem::replace(&mut self.0, Stage::Paused(Err(lost()))) {
            Stage::Paused(Ok(digest)) => digest,
            other => {
                self.0 = other;
                return;
            }
        };
        let pause = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&pause);
        let thread = std::thread::spawn(move || digest.go_on(&flag).map(|()| digest));
        self.0 = Stage::Working { pause, thread };
    }

    /// Stops within a fraction of a millisecond.
    pub(super) fn pause(&mut self) {
        if let Stage::Working { pause, .. } = &self.0 {
            pause.store(true, Ordering::Relaxed);
            self.join();
        }
    }

    /// The digest.
    pub(super) fn finish(&mut self) -> io::Result<Digest> {
        self.join();
        let Stage::Paused(part) = &mut self.0 else { return Err(lost()) };
        let (sha256, _) = std::mem::replace(part, Err(lost()))?.finish()?;
        Ok(sha256)
    }

    fn join(&mut self) {
        let stage = std::mem::replace(&mut self.0, Stage::Paused(Err(lost())));
        self.0 = match stage {
            Stage::Working { thread, .. } => Stage::Paused(thread.join().unwrap_or_else(|_| Err(lost()))),
            paused @ Stage::Paused(_) => paused,
        };
    }
}

/// Nobody sees this but after a panic in the thread.
fn lost() -> io::Error {
    io::Error::other("the thread that read it panicked")
}
