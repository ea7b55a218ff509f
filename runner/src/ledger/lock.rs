//! [`Lock`]: one run at a time writes the ledger of a project.
//!
//! The lock is taken on the project's root directory itself, so that it leaves no file behind, goes away with
//! its process, and is the same for every ledger and plan of the project.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// The lock; it is released when dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holding the file is what holds the lock")] File);

impl Lock {
    /// Waits for the lock. `waiting` is called once when somebody else has it; `give_up` ends the wait.
    pub fn acquire(root: &Path, waiting: impl FnOnce(), give_up: impl Fn() -> bool) -> io::Result<Self> {
        let directory = File::open(root)?;
        let mut waiting = Some(waiting);
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(Self(directory)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            if give_up() {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "interrupted while waiting for the ledger",
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
