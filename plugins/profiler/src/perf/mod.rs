//! The source `perf`: one `perf_event_open` event with its own ring for each thread. Main type: [`PerfSource`].
//!
//! Opened by the sampler. The kernel's software clock is used, not a hardware counter, because it is there in
//! every virtual machine, and kernel mode is excluded because `perf_event_paranoid` 2, the usual setting, then
//! allows it without privilege.

mod event;
mod record;
mod ring;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::sample::{RawSample, SampleSource};
use crate::threads;
use event::Event;

/// Stack bytes that accompany each sample: enough to leave a function without frame pointer (libm, memcpy) and
/// to cross the frame of its caller.
pub(crate) const WINDOW: u32 = 8 << 10;

/// An event and whether its thread was found to have ended.
struct Observed {
    event: Event,
    gone: bool,
}

/// Samples of all threads through `perf_event_open`.
pub(crate) struct PerfSource {
    hz: u32,
    events: BTreeMap<i32, Observed>,
    bytes: Vec<u8>,
    lost: u64,
    ended: bool,
}

impl PerfSource {
    /// Observes every thread that exists now.
    ///
    /// # Errors
    /// The error of the first refused event, unless the thread had ended.
    pub(crate) fn open(hz: u32) -> io::Result<Self> {
        let mut source = Self { hz, events: BTreeMap::new(), bytes: Vec::new(), lost: 0, ended: false };
        for tid in threads::list()? {
            source.observe(tid)?;
        }
        Ok(source)
    }

    fn observe(&mut self, tid: i32) -> io::Result<()> {
        match Event::open(tid, self.hz) {
            Ok(event) => {
                self.events.insert(tid, Observed { event, gone: false });
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl SampleSource for PerfSource {
    fn scan(&mut self, own: i32) {
        let Ok(alive) = threads::list() else { return };
        // An ended thread's ring is drained once more before it goes: a kernel that starts threads all the time
        // must not use up the descriptors.
        self.events
            .retain(|tid, observed| alive.contains(tid) || !std::mem::replace(&mut observed.gone, true));
        for tid in alive {
            if tid != own && !self.events.contains_key(&tid) && !self.ended {
                // The threads of the start are observed; a late one that is refused (no descriptors left)
                // is missing from the profile's thread list, which is where the reader sees it.
                let _ = self.observe(tid);
            }
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&RawSample<'_>)) {
        for observed in self.events.values() {
            self.bytes.clear();
            observed.event.ring().read(&mut self.bytes);
            self.lost += record::parse(&self.bytes, sink);
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.events.values().for_each(|observed| observed.event.disable());
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(15) / self.hz // a ring holds 60 samples
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}
