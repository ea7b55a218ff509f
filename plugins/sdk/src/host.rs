//! [`Host`]: everything that a plugin may do to the world, as safe methods over the host's table.
//!
//! A plugin runs programs, opens artifacts, logs, reports progress and reads files only through it, so that
//! `commands.txt` is complete and artifacts stay in the bundle.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;

use runner_plugin_abi::{Buf, HostTable, Status};
use serde::{Deserialize, Serialize};

use crate::ffi::{borrow, take_buf};
use crate::{Error, ErrorKind};

/// The host of this plugin instance.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    table: *const HostTable,
}

// SAFETY: the table outlives every instance, is immutable, and the host allows `log`, `progress` and
// `cancelled` from any thread; the other methods take the calling thread's turn under the host's own lock.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Kept as a *surprise* in the summary.
    Warning = 2,
    /// Worth reading.
    Info = 3,
    /// For the plugin's author.
    Debug = 4,
}

/// A program to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables added to the environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Ends the program after so many seconds; `None` leaves it to the step's own limit.
    #[serde(default)]
    pub timeout_s: Option<f64>,
}

/// How a program ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramOutput {
    /// `ok`, `failed`, `signal`, `timeout`, `oom` or `cancelled`.
    pub outcome: String,
    /// The exit code, when it exited.
    pub exit_code: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
    /// What it printed (lossy UTF-8; the log has the bytes), at most 1 MiB.
    pub stdout: String,
    /// The same for standard error.
    pub stderr: String,
}

/// An artifact that is being written; a buffered [`Write`].
#[derive(Debug)]
pub struct Artifact {
    file: std::io::BufWriter<File>,
}

impl Artifact {
    /// Writes what is buffered and reports an error that a drop would swallow.
    pub fn finish(mut self) -> Result<(), Error> {
        Ok(self.file.flush()?)
    }
}

impl Write for Artifact {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Host {
    /// # Safety
    /// `table` must point to a host table of this major version that outlives the plugin instance.
    pub(crate) unsafe fn new(table: *const HostTable) -> Option<Self> {
        (!table.is_null()).then_some(Self { table })
    }

    fn table(&self) -> &HostTable {
        // SAFETY: `new` demands a valid table that outlives the instance.
        unsafe { &*self.table }
    }

    /// Writes one line to the run's log.
    pub fn log(&self, level: Level, message: &str) {
        if let Some(log) = self.table().log {
            // SAFETY: the string is borrowed for the call.
            unsafe { log(self.table().ctx, level as u32, borrow(message)) }
        }
    }

    /// Reports progress: `done` of `total` (0 when unknown) `what`.
    pub fn progress(&self, done: u64, total: u64, what: &str) {
        if let Some(progress) = self.table().progress {
            // SAFETY: the string is borrowed for the call.
            unsafe { progress(self.table().ctx, done, total, borrow(what)) }
        }
    }

    /// Whether the run was cancelled: ask it now and then in a long loop, and return
    /// [`ErrorKind::Cancelled`].
    pub fn cancelled(&self) -> bool {
        // SAFETY: no arguments but the host's own context.
        self.table().cancelled.is_some_and(|cancelled| unsafe { cancelled(self.table().ctx) } != 0)
    }

    /// Creates the artifact `path` (relative, inside the bundle) for writing.
    pub fn artifact(&self, path: &str) -> Result<Artifact, Error> {
        let open = self.table().artifact.ok_or_else(|| unsupported("artifact"))?;
        let mut fd: c_int = -1;
        let mut error = Buf::EMPTY;
        // SAFETY: the out-pointers are valid for the call.
        let status = unsafe { open(self.table().ctx, borrow(path), &raw mut fd, &raw mut error) };
        answer(status, error)?;
        // SAFETY: on success the host hands over an open descriptor that nobody else owns.
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(Artifact { file: std::io::BufWriter::with_capacity(1 << 20, file) })
    }

    /// Writes a whole artifact.
    pub fn write_artifact(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut artifact = self.artifact(path)?;
        artifact.write_all(bytes)?;
        artifact.finish()
    }

    /// Reads a whole file; a relative path counts from the project root.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let read = self.table().read.ok_or_else(|| unsupported("read"))?;
        let mut out = Buf::EMPTY;
        // SAFETY: the out-pointer is valid for the call.
        let status = unsafe { read(self.table().ctx, borrow(path), &raw mut out) };
        answer(status, out)
    }

    /// Runs a program to its end. An error means that it could not be started; a program that ran and
    /// failed is an `Ok` whose [`ProgramOutput::outcome`] says so.
    pub fn run(&self, program: &Program) -> Result<ProgramOutput, Error> {
        let run = self.table().run.ok_or_else(|| unsupported("run"))?;
        let request = serde_json::to_string(program)?;
        let mut out = Buf::EMPTY;
        // SAFETY: the out-pointer is valid for the call.
        let status = unsafe { run(self.table().ctx, borrow(&request), &raw mut out) };
        Ok(serde_json::from_slice(&answer(status, out)?)?)
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this host does not offer `{what}`"))
}

fn answer(status: Status, buf: Buf) -> Result<Vec<u8>, Error> {
    // SAFETY: the host handed the buffer over.
    let bytes = unsafe { take_buf(buf) };
    if status == Status::OK {
        return Ok(bytes);
    }
    Err(Error::new(ErrorKind::of(status), String::from_utf8_lossy(&bytes)))
}
