//! [`Pump`]: carries a program's output into its log file, as bytes, up to a limit.
//!
//! A program that prints without end must not fill the disk: beyond the limit its output is read and thrown
//! away, and the log says so in its last line.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The most bytes that are kept of one stream of one command.
pub const OUTPUT_LIMIT: u64 = 64 << 20;
/// How long a stream may stay open after its program ended: somebody else may hold it.
pub const LINGER: Duration = Duration::from_millis(500);
/// How long a look at a stream may take.
pub const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A stream on its way into a file.
#[derive(Debug)]
pub struct Pump {
    name: &'static str,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<bool>>,
}

impl Pump {
    /// Begins to carry `stream` into `file`.
    pub fn start(name: &'static str, stream: OwnedFd, file: File) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || carry(stream, file, &flag))?;
        Ok(Self { name, ended, thread })
    }

    /// Waits for the end of the stream, but not long: the program is gone. Returns the stream's name, and
    /// whether it was cut at the limit; an error when its log could not be written.
    pub fn finish(self) -> (&'static str, io::Result<bool>) {
        self.ended.store(true, Ordering::Relaxed);
        let carried =
            self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the log's thread panicked")));
        (self.name, carried)
    }
}

/// Whether there is something to read, or the end, within `time`.
pub fn readable(stream: &impl AsFd, time: &Timespec) -> io::Result<bool> {
    match poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(time)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether anything was thrown away. What cannot be written is read all the same: a full disk must
/// not stop the program in the middle of a measurement; the error is told at the end.
fn carry(stream: OwnedFd, mut file: File, ended: &AtomicBool) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 16];
    let mut kept = 0;
    let mut cut = false;
    let mut unwritten = None;
    let mut deadline = None;
    let mut stream = File::from(stream);
    loop {
        if ended.load(Ordering::Relaxed) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + LINGER);
            if Instant::now() > deadline {
                break;
            }
        }
        if !readable(&stream, &LOOK)? {
            continue;
        }
        let count = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let room = (OUTPUT_LIMIT - kept).min(count as u64) as usize;
        if unwritten.is_none() {
            unwritten = file.write_all(&buffer[..room]).err();
        }

        kept += room as u64;
        if room < count && !cut {
            cut = true;
            let note = format!("\n[runner: cut here, the limit of {} MiB was reached]\n", OUTPUT_LIMIT >> 20);
            let _ = file.write_all(note.as_bytes());
        }
    }
    unwritten.map_or(Ok(cut), Err)
}
