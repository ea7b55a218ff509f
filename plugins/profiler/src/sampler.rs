//! Runs a source on its own thread from start to stop: [`Sampler`].
//!
//! Started and stopped by the plugin. The thread drains the source, walks the stacks and looks for new threads;
//! it observes every thread but itself. Dropping a sampler stops it. It must never outlive the profile: a timer
//! that fires into a finished profile would cost the kernel time for nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::config::SourceChoice;
use crate::perf::PerfSource;
use crate::recording::Recording;
use crate::sample::SampleSource;
use crate::threads;
use crate::timer::TimerSource;
use crate::unwind::Unwinder;

/// How often new threads are looked for, and the longest time between two drains.
const SCAN: Duration = Duration::from_millis(10);

/// The source that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// `perf_event_open` on the processor clock.
    Perf,
    /// POSIX timers and SIGPROF.
    Timer,
}

impl SourceKind {
    /// How evidence names it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Perf => "perf_event_open cpu-clock",
            Self::Timer => "interval timer",
        }
    }
}

/// Why no source could be opened.
#[derive(Debug)]
pub struct SourceError(String);

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceError {}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    samples: AtomicU64,
}

/// A running profile.
pub struct Sampler {
    thread: Option<JoinHandle<Recording>>,
    shared: Arc<Shared>,
    started: Instant,
    kind: SourceKind,
    reason: String,
}

/// An ended profile: addresses and counts.
pub struct Sampled {
    pub(crate) recording: Recording,
    pub(crate) kind: SourceKind,
    pub(crate) reason: String,
    pub(crate) seconds: f64,
}

type Opened = (Box<dyn SampleSource>, SourceKind, String);

impl Sampler {
    /// Begins to sample every thread of the process at `hz` samples per second of processor time.
    ///
    /// # Errors
    /// When the asked source (for `auto`: both) is refused; the text says by what and what helps.
    pub fn start(hz: u32, choice: SourceChoice) -> Result<Self, SourceError> {
        Self::start_with(hz, choice, |hz| Ok(Box::new(PerfSource::open(hz)?)))
    }

    fn start_with(
        hz: u32,
        choice: SourceChoice,
        perf: impl FnOnce(u32) -> io::Result<Box<dyn SampleSource>>,
    ) -> Result<Self, SourceError> {
        let unwinder = Unwinder::new(); // before the source: loading tables is not the kernel's time
        let (source, kind, reason) = open(hz, choice, perf)?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("profiler".into())
            .spawn(move || gather(source, unwinder, &theirs))
            .map_err(|error| SourceError(format!("cannot start the profiler's thread: {error}")))?;
        Ok(Self { thread: Some(thread), shared, started: Instant::now(), kind, reason })
    }

    /// Samples stored so far.
    pub fn samples(&self) -> u64 {
        self.shared.samples.load(Ordering::Relaxed)
    }

    /// The source in use, and why it is that one.
    pub fn source(&self) -> (SourceKind, &str) {
        (self.kind, &self.reason)
    }

    /// Ends sampling and waits for the last samples.
    ///
    /// # Errors
    /// When the profiler's thread panicked.
    pub fn stop(mut self) -> Result<Sampled, SourceError> {
        let seconds = self.started.elapsed().as_secs_f64();
        let recording = self.join().ok_or_else(|| SourceError("the profiler's thread panicked".into()))?;
        Ok(Sampled { recording, kind: self.kind, reason: std::mem::take(&mut self.reason), seconds })
    }

    fn join(&mut self) -> Option<Recording> {
        let thread = self.thread.take()?;
        self.shared.stop.store(true, Ordering::Release);
        thread.thread().unpark();
        thread.join().ok()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.join();
    }
}

impl Sampled {
    /// Samples stored.
    pub fn samples(&self) -> u64 {
        self.recording.samples
    }

    /// Samples that were due and could not be stored.
    pub fn lost(&self) -> u64 {
        self.recording.lost
    }
}

fn open(
    hz: u32,
    choice: SourceChoice,
    perf: impl FnOnce(u32) -> io::Result<Box<dyn SampleSource>>,
) -> Result<Opened, SourceError> {
    let timer = || TimerSource::open(hz).map(|source| Box::new(source) as Box<dyn SampleSource>);
    match choice {
        SourceChoice::Timer => match timer() {
            Ok(source) => Ok((source, SourceKind::Timer, "asked for by `source: timer`".into())),
            Err(error) => Err(SourceError(format!("the interval timer cannot be used: {error}"))),
        },
        SourceChoice::Perf => match perf(hz) {
            Ok(source) => Ok((source, SourceKind::Perf, "asked for by `source: perf`".into())),
            Err(error) => Err(SourceError(format!(
                "{}; lower kernel.perf_event_paranoid to 2, grant CAP_PERFMON, or use `source: auto`",
                refusal(&error)
            ))),
        },
        SourceChoice::Auto => match perf(hz) {
            Ok(source) => Ok((source, SourceKind::Perf, "perf_event_open is permitted".into())),
            Err(error) => match timer() {
                Ok(source) => Ok((source, SourceKind::Timer, refusal(&error))),
                Err(second) => Err(SourceError(format!(
                    "{}, and the interval timer cannot be used: {second}",
                    refusal(&error)
                ))),
            },
        },
    }
}

/// The refusal in the system's words, with the setting that is usually behind it.
fn refusal(error: &io::Error) -> String {
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")
        .map_or_else(|_| "unreadable".to_owned(), |text| text.trim().to_owned());
    format!("perf_event_open was refused: {error} (kernel.perf_event_paranoid is {paranoid})")
}

/// The profiler's thread.
fn gather(mut source: Box<dyn SampleSource>, mut unwinder: Unwinder, shared: &Shared) -> Recording {
    let own = own_thread();
    let mut recording = Recording::default();
    let mut stack = Vec::new();
    let mut scanned = Instant::now();
    loop {
        // Read first: what arrived before the stop is drained after it.
        let stop = shared.stop.load(Ordering::Acquire);
        if stop {
            source.end();
        }
        source.drain(&mut |sample| {
            if Some(sample.tid) != own {
                let ending = unwinder.walk(sample, &mut stack);
                recording.add(sample.tid, &stack, ending, threads::name);
            }
        });
        shared.samples.store(recording.samples, Ordering::Relaxed);
        if stop {
            recording.lost = source.lost();
            return recording;
        }
        if let Some(own) = own
            && scanned.elapsed() >= SCAN
        {
            source.scan(own);
            scanned = Instant::now();
        }
        std::thread::park_timeout(source.interval().clamp(Duration::from_millis(1), SCAN));
    }
}

/// The id of the calling thread; `/proc/thread-self` links to `<pid>/task/<tid>`.
fn own_thread() -> Option<i32> {
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(_hz: u32) -> io::Result<Box<dyn SampleSource>> {
        Err(io::Error::from_raw_os_error(libc::EACCES))
    }

    #[test]
    fn a_refused_perf_is_an_error_with_the_way_out_when_it_was_asked_for() {
        let error = Sampler::start_with(99, SourceChoice::Perf, refused).err().unwrap().to_string();
        assert!(error.starts_with("perf_event_open was refused: Permission denied (os error 13)"), "{error}");
        assert!(error.ends_with("or use `source: auto`"), "{error}");
    }

    #[test]
    fn auto_falls_back_to_the_timer_and_says_why() {
        let _turn = crate::timer::TURN.lock().unwrap();
        let sampler = Sampler::start_with(99, SourceChoice::Auto, refused).unwrap();
        let (kind, reason) = sampler.source();
        assert_eq!(kind, SourceKind::Timer);
        assert!(
            reason.starts_with("perf_event_open was refused: Permission denied (os error 13)"),
            "{reason}"
        );
        assert!(reason.contains("kernel.perf_event_paranoid is "), "{reason}");
    }

    /// A source with one sample and five lost, of the thread that drains it or of another.
    struct Scripted {
        foreign: bool,
    }

    impl SampleSource for Scripted {
        fn scan(&mut self, _own: i32) {}

        fn drain(&mut self, sink: &mut dyn FnMut(&crate::sample::RawSample<'_>)) {
            let tid = if self.foreign { 1 } else { own_thread().unwrap() };
            let registers =
                crate::sample::Registers { ip: refused as *const () as u64, ..Default::default() };
            sink(&crate::sample::RawSample { tid, registers, window: &[], chain: &[] });
        }

        fn end(&mut self) {}

        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }

        fn lost(&self) -> u64 {
            5
        }
    }

    #[test]
    fn what_the_source_lost_and_what_was_cut_off_reaches_the_recording() {
        let start = |foreign| {
            Sampler::start_with(99, SourceChoice::Perf, |_| Ok(Box::new(Scripted { foreign }))).unwrap()
        };
        let sampled = start(true).stop().unwrap();
        let recording = &sampled.recording;
        assert!(recording.samples > 0);
        assert_eq!(recording.lost, 5);
        // Neither stack bytes nor a chain: one frame, cut off.
        assert_eq!((recording.single, recording.cut_off), (recording.samples, recording.samples));
        assert_eq!(start(false).stop().unwrap().samples(), 0, "the profiler's own thread is left out");
    }
}
