//! [`Pump`]: carries a program's output into its log file, as bytes, up to a limit.
//!
//! A program that prints without end must not fill the disk: beyond the limit its output is read and thrown
//! away, and the log says so in its last line.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The most bytes that are kept of one stream of one command.
pub const OUTPUT_LIMIT: u64 = 64 << 20;
/// How long a stream may stay open after its program ended: somebody else may hold it.
const LINGER: Duration = Duration::from_millis(500);
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A stream on its way into a file.
#[derive(Debug)]
pub struct Pump {
    name: &'static str,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<bool>,
}

impl Pump {
    /// Begins to carry `stream` into the file at `path`.
    pub fn start(name: &'static str, stream: OwnedFd, path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || carry(stream, file, &flag))?;
        Ok(Self { name, ended, thread })
    }

    /// Waits for the end of the stream, but not long: the program is gone. Returns the stream's name when it
    /// was cut.
    pub fn finish(self) -> Option<&'static str> {
        self.ended.store(true, Ordering::Relaxed);
        let cut = self.thread.join().unwrap_or(true);
        cut.then_some(self.name)
    }
}

/// Returns whether anything was thrown away.
fn carry(stream: OwnedFd, mut file: File, ended: &AtomicBool) -> bool {
    let mut buffer = vec![0; 1 << 16];
    let mut kept = 0;
    let mut cut = false;
    let mut deadline = None;
    let mut stream = File::from(stream);
    loop {
        if ended.load(Ordering::Relaxed) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + LINGER);
            if Instant::now() > deadline {
                break;
            }
        }
        let borrowed = stream.as_fd();
        match poll(&mut [PollFd::new(&borrowed, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => break,
        }
        let count = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let room = (OUTPUT_LIMIT - kept).min(count as u64) as usize;
        // A log that cannot be written (a full disk) must not stop the program; it is reported as cut.
        cut |= file.write_all(&buffer[..room]).is_err();
        kept += room as u64;
        if room < count && !cut {
            cut = true;
            let note = format!("\n[runner: cut here, the limit of {} MiB was reached]\n", OUTPUT_LIMIT >> 20);
            let _ = file.write_all(note.as_bytes());
        }
    }
    cut
}
