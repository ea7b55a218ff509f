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

use super::bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The most bytes that are kept of one stream of one command, unless its limits say otherwise.
pub const OUTPUT_LIMIT: u64 = 64 << 20;
/// What a log gives back of a disk that it filled, in bytes: the runner must still be able to say so.
const RESERVE: u64 = 256 << 10;
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
    /// Begins to carry at most `limit` bytes of `stream` into `file`.
    pub fn start(name: &'static str, stream: OwnedFd, file: File, limit: u64) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let thread = std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || carry(stream, file, limit, &flag))?;
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
fn carry(stream: OwnedFd, mut file: File, limit: u64, ended: &AtomicBool) -> io::Result<bool> {
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
        let room = (limit - kept).min(count as u64) as usize;
        if unwritten.is_none() {
            unwritten = file.write_all(&buffer[..room]).err();
            if unwritten.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull) {
                make_room(&file);
            }
        }
        kept += room as u64;
        if room < count && !cut {
            cut = true;
            let note = format!("\n[runner: cut here, the limit of {} was reached]\n", bytes(limit));
            let _ = file.write_all(note.as_bytes());
        }
    }
    unwritten.map_or(Ok(cut), Err)
}

/// Gives back the end of a log that filled the disk.
fn make_room(file: &File) {
    // What cannot be given back is missing anyway; the error that matters is the one of the log.
    let _ = file.metadata().and_then(|log| file.set_len(log.len().saturating_sub(RESERVE)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek;

    /// Carries `text` into `file`, as a program's output that ends.
    fn carried(text: &[u8], file: File, limit: u64) -> io::Result<bool> {
        let (reader, mut writer) = io::pipe()?;
        let text = text.to_vec();
        let program = std::thread::spawn(move || writer.write_all(&text));
        let carried = carry(reader.into(), file, limit, &AtomicBool::new(false));
        program.join().expect("no panic").expect("everything is read, whatever becomes of it");
        carried
    }

    #[test]
    fn a_stream_is_cut_at_its_limit_and_says_so() {
        for (limit, cut) in [(5, true), (10, false), (11, false)] {
            let mut file = tempfile::tempfile().expect("a file");
            let twin = file.try_clone().expect("a twin");
            assert_eq!(carried(b"0123456789", twin, limit).expect("written"), cut);
            file.rewind().expect("rewound");
            let mut log = String::new();
            file.read_to_string(&mut log).expect("text");
            let note =
                if cut { "01234\n[runner: cut here, the limit of 5 B was reached]\n" } else { "0123456789" };
            assert_eq!(log, note);
        }
    }

    #[test]
    fn a_full_disk_is_told_and_the_program_is_read_to_its_end() {
        let full = File::options().write(true).open("/dev/full").expect("a device that is always full");
        let error = carried(&vec![b'x'; 1 << 20], full, u64::MAX).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
