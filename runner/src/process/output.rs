//! [`Pump`]: carries a program's output into its log files, as bytes, up to a limit. One thread for all streams:
//! starting a second one costs more than most programs print.
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

use super::{Redactor, bytes};
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
pub struct Stream {
    name: &'static str,
    from: File,
    log: Log,
    open: bool,
}

/// The name of a stream, and whether it was cut at its limit; an error when its log could not be written.
pub type Carried = (&'static str, io::Result<bool>);

impl Stream {
    /// At most `limit` bytes of `from` shall go into `file`.
    pub fn new(name: &'static str, from: OwnedFd, file: File, limit: u64, redactor: Redactor) -> Self {
        Self { name, from: from.into(), log: Log::new(file, limit, redactor), open: true }
    }

    /// Takes what is there to be read.
    fn take(&mut self, buffer: &mut [u8]) {
        match self.from.read(buffer) {
            Ok(0) => self.open = false,
            Ok(count) => self.log.take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.open = false;
                self.log.unwritten.get_or_insert(error);
            }
        }
    }
}

/// The streams of one program.
#[derive(Debug)]
pub struct Pump {
    names: Vec<&'static str>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Carried>>,
}

impl Pump {
    /// Begins to carry.
    pub fn start(streams: Vec<Stream>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let names = streams.iter().map(|stream| stream.name).collect();
        let thread =
            std::thread::Builder::new().name("logs".to_owned()).spawn(move || carry(streams, &flag))?;
        Ok(Self { names, ended, thread })
    }

    /// Waits for the end of the streams, but not long: the program is gone.
    pub fn finish(self) -> Vec<Carried> {
        self.ended.store(true, Ordering::Relaxed);
        let Self { names, thread, .. } = self;
        thread.join().unwrap_or_else(|_| {
            let panicked = |name| (name, Err(io::Error::other("the log's thread panicked")));
            names.into_iter().map(panicked).collect()
        })
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

/// A log that is being written.
struct Log {
    file: File,
    /// How many more bytes are kept.
    room: u64,
    limit: u64,
    cut: bool,
    unwritten: Option<io::Error>,
    redactor: Redactor,
    clean: Vec<u8>,
}

impl Log {
    fn new(file: File, limit: u64, redactor: Redactor) -> Self {
        Self { file, room: limit, limit, cut: false, unwritten: None, redactor, clean: Vec::new() }
    }

    /// Takes what was read. Beyond the limit and after an error it is thrown away: a full disk must not stop
    /// the program in the middle of a measurement; the error is told at the end.
    fn take(&mut self, bytes: &[u8]) {
        self.clean.clear();
        // Writing into memory cannot fail.
        let _ = self.redactor.pass(bytes, &mut self.clean);
        self.write();
    }

    /// Writes what the redactor let through.
    fn write(&mut self) {
        let keep = self.room.min(self.clean.len() as u64) as usize;
        if self.unwritten.is_none() {
            self.unwritten = self.file.write_all(&self.clean[..keep]).err();
            if self.unwritten.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::StorageFull) {
                make_room(&self.file);
            }
        }
        self.room -= keep as u64;
        if keep < self.clean.len() && !self.cut {
            self.cut = true;
            let note = format!("\n[runner: cut here, the limit of {} was reached]\n", bytes(self.limit));
            let _ = self.file.write_all(note.as_bytes());
        }
    }

    /// Whether anything was cut; an error when the log could not be written.
    fn finish(mut self) -> io::Result<bool> {
        self.clean.clear();
        let _ = self.redactor.finish(&mut self.clean);
        self.write();
        self.unwritten.map_or(Ok(self.cut), Err)
    }
}

/// Carries until all streams are at their end, or the program is and nobody else closes them.
fn carry(mut streams: Vec<Stream>, ended: &AtomicBool) -> Vec<Carried> {
    let mut buffer = vec![0; 1 << 16];
    let mut deadline = None;
    while streams.iter().any(|stream| stream.open) {
        if ended.load(Ordering::Relaxed) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + LINGER);
            if Instant::now() > deadline {
                break;
            }
        }
        for index in ready(&streams) {
            streams[index].take(&mut buffer);
        }
    }
    streams.into_iter().map(|stream| (stream.name, stream.log.finish())).collect()
}

/// Which of the open streams have something to read, or their end; none of them after [`LOOK`].
fn ready(streams: &[Stream]) -> Vec<usize> {
    let open: Vec<usize> = (0..streams.len()).filter(|index| streams[*index].open).collect();
    let mut looks: Vec<PollFd<'_>> =
        open.iter().map(|index| PollFd::new(&streams[*index].from, PollFlags::IN)).collect();
    // Interrupted or timed out: nothing is marked, and the caller comes back.
    let _ = poll(&mut looks, Some(&LOOK));
    open.into_iter()
        .zip(&looks)
        .filter(|(_, look)| !look.revents().is_empty())
        .map(|(index, _)| index)
        .collect()
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
        let redactor = Redactor::new(Arc::default(), crate::process::Instead::Mark);
        let stream = Stream::new("stdout", reader.into(), file, limit, redactor);
        let mut carried = carry(vec![stream], &AtomicBool::new(false));
        program.join().expect("no panic").expect("everything is read, whatever becomes of it");
        carried.pop().expect("one stream").1
    }

    #[test]
    fn two_streams_go_into_two_files_and_one_may_end_long_before_the_other() {
        let mut files = [tempfile::tempfile().expect("a file"), tempfile::tempfile().expect("a file")];
        let mut writers = Vec::new();
        let mut streams = Vec::new();
        for (name, file) in ["stderr", "stdout"].into_iter().zip(&files) {
            let (reader, writer) = io::pipe().expect("a pipe");
            let redactor = Redactor::new(Arc::default(), crate::process::Instead::Mark);
            let file = file.try_clone().expect("a twin");
            streams.push(Stream::new(name, reader.into(), file, 5, redactor));
            writers.push(writer);
        }
        let pump = Pump::start(streams).expect("a thread");
        let mut stdout = writers.pop().expect("two");
        writers[0].write_all(b"abc").expect("read");
        drop(writers);
        for part in ["012", "345", "678"] {
            std::thread::sleep(Duration::from_millis(2));
            stdout.write_all(part.as_bytes()).expect("read");
        }
        drop(stdout);
        let cut: Vec<(&str, bool)> =
            pump.finish().into_iter().map(|(name, cut)| (name, cut.expect("written"))).collect();
        assert_eq!(cut, [("stderr", false), ("stdout", true)]);
        let texts = files.each_mut().map(|file| {
            let mut text = String::new();
            file.rewind().expect("rewound");
            file.read_to_string(&mut text).expect("text");
            text
        });
        assert_eq!(texts[0], "abc");
        assert!(texts[1].starts_with("01234\n[runner: cut here"), "{}", texts[1]);
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
