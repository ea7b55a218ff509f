//! The source `perf`: `perf_event_open` events on the threads of this process. Main type: [`PerfSource`].
//!
//! Opened by the sampler, on the sampler's own thread, which is left out. The kernel's software clock is used, not
//! a hardware counter, because it is there in every virtual machine, and kernel mode is excluded because
//! `perf_event_paranoid` 2, the usual setting, then allows it without privilege.

mod attributes;
mod event;
mod record;
mod ring;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::sample::{RawSample, SampleSource};
use crate::threads;
pub(crate) use attributes::Attributes;
use event::ANYWHERE;
pub(crate) use event::Event;
pub(crate) use record::{FileId, Record, Switch, parse, time_and_size};

/// Stack bytes that accompany each sample: enough to leave a function without frame pointer (libm, memcpy) and
/// to cross the frame of its caller.
pub(crate) const WINDOW: u32 = 8 << 10;

/// Bytes of a ring's data: 60 samples, which is 60 ms at the default rate. With its header page it is also what an
/// unprivileged user may lock for each processor (`perf_event_mlock_kb`, 516 KiB). Where that is refused: 7 samples.
const RINGS: [usize; 2] = [512 << 10, 64 << 10];
/// With more events than this (threads times processors), each thread gets one event on any processor.
const MOST_EVENTS: usize = 512;

/// Samples of all threads through `perf_event_open`.
pub(crate) struct PerfSource {
    hz: u32,
    events: Events,
    bytes: Vec<u8>,
    lost: u64,
    ended: bool,
}

/// How the threads are observed.
enum Events {
    /// One event for each thread and processor, one ring for each processor. Threads that begin later inherit
    /// theirs, from their first instruction on.
    Inherited(Vec<Event>),
    /// One event and one ring for each thread; later threads have to be found.
    Found(BTreeMap<i32, Observed>),
}

/// An event and whether its thread was found to have ended.
struct Observed {
    event: Event,
    gone: bool,
}

impl PerfSource {
    /// Observes every thread that exists now, but not `own`.
    ///
    /// # Errors
    /// The error of the first refused event, unless the thread had ended.
    pub(crate) fn open(hz: u32, own: i32) -> io::Result<Self> {
        let threads: Vec<i32> = threads::list()?.into_iter().filter(|tid| *tid != own).collect();
        let processors = threads::processors();
        let few = threads.len() * processors.len() <= MOST_EVENTS;
        let events = if few && let Ok(events) = inherited(hz, &threads, &processors) {
            Events::Inherited(events)
        } else {
            let mut found = BTreeMap::new();
            for tid in threads {
                observe(hz, tid, &mut found)?;
            }
            Events::Found(found)
        };
        Ok(Self { hz, events, bytes: Vec::new(), lost: 0, ended: false })
    }

    /// Observes the calling thread alone, at a rate of its own; for measuring what that costs.
    pub(crate) fn of_this_thread(hz: u32) -> io::Result<Event> {
        let mut event = Event::open(&Attributes::of_thread(hz), 0, ANYWHERE)?;
        event.map(&RINGS)?;
        Ok(event)
    }
}

fn inherited(hz: u32, threads: &[i32], processors: &[i32]) -> io::Result<Vec<Event>> {
    let attributes = Attributes::of_thread_and_its_children(hz);
    let mut events: Vec<Event> = Vec::with_capacity(threads.len() * processors.len());
    for processor in processors {
        let first = events.len();
        for tid in threads {
            let mut event = match Event::open(&attributes, *tid, *processor) {
                Ok(event) => event,
                // An ended thread; a processor that was switched off meanwhile.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODEV)) => continue,
                Err(error) => return Err(error),
            };
            match events.get(first) {
                None => event.map(&RINGS)?,
                Some(other) => event.write_into(other)?,
            }
            events.push(event);
        }
    }
    events.iter().try_for_each(Event::enable)?;
    Ok(events)
}

fn observe(hz: u32, tid: i32, found: &mut BTreeMap<i32, Observed>) -> io::Result<()> {
    let mut event = match Event::open(&Attributes::of_thread(hz), tid, ANYWHERE) {
        Ok(event) => event,
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(()),
        Err(error) => return Err(error),
    };
    event.map(&RINGS)?;
    event.enable()?;
    found.insert(tid, Observed { event, gone: false });
    Ok(())
}

impl SampleSource for PerfSource {
    fn scan(&mut self, own: i32) {
        let Events::Found(found) = &mut self.events else { return };
        let Ok(alive) = threads::list() else { return };
        // An ended thread's ring is drained once more before it goes: a kernel that starts threads all the time
        // must not use up the descriptors.
        found.retain(|tid, observed| alive.contains(tid) || !std::mem::replace(&mut observed.gone, true));
        for tid in alive {
            if tid != own && !found.contains_key(&tid) && !self.ended {
                // The threads of the start are observed; a late one that is refused (no descriptors left)
                // is missing from the profile's thread list, which is where the reader sees it.
                let _ = observe(self.hz, tid, found);
            }
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&RawSample<'_>)) {
        let (bytes, lost) = (&mut self.bytes, &mut self.lost);
        for ring in self.events.iter().filter_map(Event::ring) {
            bytes.clear();
            ring.read(bytes);
            *lost += parse(bytes, &mut |record| {
                if let Record::Sample { sample, .. } = record {
                    sink(sample);
                }
            });
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.events.iter().for_each(Event::disable);
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(20) / self.hz // a ring holds 60 samples
    }

    fn must_scan(&self) -> bool {
        matches!(self.events, Events::Found(_))
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}

impl Events {
    fn iter(&self) -> Box<dyn Iterator<Item = &Event> + '_> {
        match self {
            Self::Inherited(events) => Box::new(events.iter()),
            Self::Found(found) => Box::new(found.values().map(|observed| &observed.event)),
        }
    }
}
