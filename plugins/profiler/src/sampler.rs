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

use crate::activity::Activity;
use crate::config::SourceChoice;
use crate::cost::Rate;
use crate::maps::Maps;
use crate::perf::PerfSource;
use crate::recording::Recording;
use crate::sample::SampleSource;
use crate::threads::{self, Clocks};
use crate::timer::TimerSource;
use crate::unwind::Unwinder;

/// How often new threads are looked for, where that is necessary.
const SCAN: Duration = Duration::from_millis(10);
/// The longest time between two drains: each wakes a thread on a processor that the kernel uses.
const DRAIN: Duration = Duration::from_millis(50);

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
    begin: u64,
    marks: Vec<u64>,
    clocks: Clocks,
    kind: SourceKind,
    reason: String,
    rate: Rate,
}

/// An ended profile: addresses and counts.
pub struct Sampled {
    pub(crate) recording: Recording,
    /// Who recorded it.
    pub(crate) source: String,
    pub(crate) reason: String,
    pub(crate) seconds: f64,
    pub(crate) rate: Rate,
    /// When sampling began and when each measured iteration ended, in nanoseconds of the samples' clock.
    pub(crate) begin: u64,
    pub(crate) marks: Vec<u64>,
    /// Where the addresses lie; `None` stands for this process as it is.
    pub(crate) maps: Option<Maps>,
    /// What the threads did on processors, or why that is not known.
    pub(crate) activity: Result<Vec<Activity>, String>,
    /// What a reader must be told: files that changed, and the like.
    pub(crate) notes: Vec<String>,
}

/// So many iterations are marked; a mark is 8 bytes.
const MAX_MARKS: usize = 1 << 20;

type Opened = (Box<dyn SampleSource>, SourceKind, String);

impl Sampler {
    /// Begins to sample every thread of the process at `hz` samples per second of processor time.
    ///
    /// # Errors
    /// When the asked source (for `auto`: both) is refused; the text says by what and what helps.
    pub fn start(hz: u32, choice: SourceChoice) -> Result<Self, SourceError> {
        Self::start_at(Rate::unlimited(hz), choice)
    }

    /// The same at a rate that was chosen for its cost. The interval timer, whose cost is another, takes the rate
    /// that was asked for.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_at(rate: Rate, choice: SourceChoice) -> Result<Self, SourceError> {
        Self::start_with(rate, choice, |hz, own| Ok(Box::new(PerfSource::open(hz, own)?)))
    }

    fn start_with(
        mut rate: Rate,
        choice: SourceChoice,
        perf: impl FnOnce(u32, i32) -> io::Result<Box<dyn SampleSource>> + Send + 'static,
    ) -> Result<Self, SourceError> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let (sender, opened) = std::sync::mpsc::channel();
        let asked = rate.clone();
        // The thread opens the source itself: what it starts out with belongs to nobody's measurement, and
        // threads that the kernel starts later inherit their events from threads that are observed, which this
        // one is not.
        let thread = std::thread::Builder::new()
            .name("profiler".into())
            .spawn(move || {
                let unwinder = Unwinder::new(); // before the source: loading tables is not the kernel's time
                let own = own_thread().unwrap_or(0);
                match open(&asked, choice, own, perf) {
                    Ok((source, kind, reason)) => {
                        let _ = sender.send(Ok((kind, reason)));
                        gather(source, unwinder, own, &theirs)
                    }
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        Recording::default()
                    }
                }
            })
            .map_err(|error| SourceError(format!("cannot start the profiler's thread: {error}")))?;
        let (kind, reason) =
            opened.recv().map_err(|_| SourceError("the profiler's thread panicked".into()))??;
        if kind == SourceKind::Timer {
            rate = Rate {
                hz: rate.asked,
                cost_us: None,
                handling_us: None,
                unmeasured: Some("the cost of the interval timer is not measured".to_owned()),
                ..rate
            };
        }
        let clocks = Clocks::start();
        let begin = threads::monotonic();
        Ok(Self {
            thread: Some(thread),
            shared,
            started: Instant::now(),
            begin,
            marks: Vec::new(),
            clocks,
            kind,
            reason,
            rate,
        })
    }

    /// Marks the end of a measured iteration.
    pub fn mark(&mut self) {
        if self.marks.len() < MAX_MARKS {
            self.marks.push(threads::monotonic());
        }
    }

    /// The rate in use.
    pub fn rate(&self) -> &Rate {
        &self.rate
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
        let activity = self.clocks.read();
        let recording = self.join().ok_or_else(|| SourceError("the profiler's thread panicked".into()))?;
        Ok(Sampled {
            recording,
            source: self.kind.title().to_owned(),
            reason: std::mem::take(&mut self.reason),
            seconds,
            rate: self.rate.clone(),
            begin: self.begin,
            marks: if self.marks.len() < MAX_MARKS { std::mem::take(&mut self.marks) } else { Vec::new() },
            maps: None,
            activity,
            notes: Vec::new(),
        })
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
    rate: &Rate,
    choice: SourceChoice,
    own: i32,
    perf: impl FnOnce(u32, i32) -> io::Result<Box<dyn SampleSource>>,
) -> Result<Opened, SourceError> {
    let timer = || TimerSource::open(rate.asked, own).map(|source| Box::new(source) as Box<dyn SampleSource>);
    let perf = || perf(rate.hz, own);
    match choice {
        SourceChoice::Timer => match timer() {
            Ok(source) => Ok((source, SourceKind::Timer, "asked for by `source: timer`".into())),
            Err(error) => Err(SourceError(format!("the interval timer cannot be used: {error}"))),
        },
        SourceChoice::Perf => match perf() {
            Ok(source) => Ok((source, SourceKind::Perf, "asked for by `source: perf`".into())),
            Err(error) => Err(SourceError(format!(
                "{}; lower kernel.perf_event_paranoid to 2, grant CAP_PERFMON, or use `source: auto`",
                refusal(&error)
            ))),
        },
        SourceChoice::Auto => match perf() {
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
pub(crate) fn refusal(error: &io::Error) -> String {
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")
        .map_or_else(|_| "unreadable".to_owned(), |text| text.trim().to_owned());
    format!("perf_event_open was refused: {error} (kernel.perf_event_paranoid is {paranoid})")
}

/// The profiler's thread.
fn gather(mut source: Box<dyn SampleSource>, mut unwinder: Unwinder, own: i32, shared: &Shared) -> Recording {
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
            if sample.tid != own {
                let ending = unwinder.walk(sample, &mut stack);
                recording.add((sample.tid, 0), sample.time, &stack, ending, threads::name);
            }
        });
        shared.samples.store(recording.samples, Ordering::Relaxed);
        if stop {
            recording.lost = source.lost();
            return recording;
        }
        let mut pause = source.interval().clamp(Duration::from_millis(1), DRAIN);
        if source.must_scan() {
            if scanned.elapsed() >= SCAN {
                source.scan(own);
                scanned = Instant::now();
            }
            pause = pause.min(SCAN);
        }
        std::thread::park_timeout(pause);
    }
}

/// The id of the calling thread; `/proc/thread-self` links to `<pid>/task/<tid>`.
fn own_thread() -> Option<i32> {
    std::fs::read_link("/proc/thread-self").ok()?.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(_hz: u32, _own: i32) -> io::Result<Box<dyn SampleSource>> {
        Err(io::Error::from_raw_os_error(libc::EACCES))
    }

    #[test]
    fn a_refused_perf_is_an_error_with_the_way_out_when_it_was_asked_for() {
        let error =
            Sampler::start_with(Rate::unlimited(99), SourceChoice::Perf, refused).err().unwrap().to_string();
        assert!(error.starts_with("perf_event_open was refused: Permission denied (os error 13)"), "{error}");
        assert!(error.ends_with("or use `source: auto`"), "{error}");
    }

    #[test]
    fn auto_falls_back_to_the_timer_and_says_why() {
        let _turn = crate::timer::TURN.lock().unwrap();
        let sampler = Sampler::start_with(Rate::unlimited(99), SourceChoice::Auto, refused).unwrap();
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
                crate::sample::Registers { ip: own_thread as *const () as u64, ..Default::default() };
            sink(&crate::sample::RawSample { tid, time: 7, registers, window: &[], chain: &[] });
        }

        fn end(&mut self) {}

        fn interval(&self) -> Duration {
            Duration::from_millis(1)
        }

        fn must_scan(&self) -> bool {
            true
        }

        fn lost(&self) -> u64 {
            5
        }
    }

    #[test]
    fn what_the_source_lost_and_what_was_cut_off_reaches_the_recording() {
        let start = |foreign| {
            let scripted = move |_, _| Ok(Box::new(Scripted { foreign }) as Box<dyn SampleSource>);
            Sampler::start_with(Rate::unlimited(99), SourceChoice::Perf, scripted).unwrap()
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
