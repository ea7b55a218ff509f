//! The source `timer`: a POSIX timer on each thread's processor clock whose SIGPROF goes to that very thread.
//! Main type: [`TimerSource`].
//!
//! Opened by the sampler where `perf_event_open` is refused or when asked for. The handler (see `slots.rs`)
//! stays installed for the life of the process once it was needed: a signal that is still on its way when the
//! timers are gone must not meet the default action, which ends the process.
#![expect(unsafe_code, reason = "system calls and a signal handler")]

mod slots;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::sample::{RawSample, SampleSource};
use crate::threads;
use slots::{COUNT, Slots};

/// A timer of one thread, deleted on drop.
struct Timer(libc::timer_t);

// SAFETY: a timer id belongs to the process; any thread may use it.
unsafe impl Send for Timer {}

impl Timer {
    /// Starts a timer on the processor clock of thread `tid`.
    fn start(tid: i32, hz: u32) -> io::Result<Self> {
        // The kernel's encoding of a thread's own clock (CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED), as in
        // pthread_getcpuclockid(3), which wants a pthread_t that we do not have.
        let clock = (!tid << 3) | 6;
        // SAFETY: an all-zero sigevent is valid.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGPROF;
        event.sigev_notify_thread_id = tid;
        let mut id: libc::timer_t = std::ptr::null_mut();
        // SAFETY: both pointers are valid for the call.
        if unsafe { libc::timer_create(clock, &raw mut event, &raw mut id) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let timer = Self(id);
        let period = 1_000_000_000 / i64::from(hz);
        let period = libc::timespec { tv_sec: period / 1_000_000_000, tv_nsec: period % 1_000_000_000 };
        let setting = libc::itimerspec { it_interval: period, it_value: period };
        // SAFETY: the timer was just made; the setting is valid for the call.
        if unsafe { libc::timer_settime(timer.0, 0, &raw const setting, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: made by `start`, deleted once.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// Samples of all threads through SIGPROF. At most one exists in a process.
pub(crate) struct TimerSource {
    hz: u32,
    timers: BTreeMap<i32, Timer>,
    slots: &'static Slots,
    ended: bool,
}

impl TimerSource {
    /// Observes every thread that exists now, but not `own`.
    ///
    /// # Errors
    /// When SIGPROF already has a handler, when another `TimerSource` exists, or when the kernel refuses a
    /// timer.
    pub(crate) fn open(hz: u32, own: i32) -> io::Result<Self> {
        let slots = Slots::take()?;
        let mut source = Self { hz, timers: BTreeMap::new(), slots, ended: false };
        for tid in threads::list()?.into_iter().filter(|tid| *tid != own) {
            source.observe(tid)?;
        }
        Ok(source)
    }

    fn observe(&mut self, tid: i32) -> io::Result<()> {
        match Timer::start(tid, self.hz) {
            Ok(timer) => {
                self.timers.insert(tid, timer);
                Ok(())
            }
            // How the kernel says that the thread has ended.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) && threads::name(tid).is_empty() => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl SampleSource for TimerSource {
    fn scan(&mut self, own: i32) {
        let Ok(alive) = threads::list() else { return };
        self.timers.retain(|tid, _| alive.contains(tid));
        for tid in alive {
            if tid != own && !self.timers.contains_key(&tid) && !self.ended {
                // As for perf: a late thread that is refused is missing from the thread list.
                let _ = self.observe(tid);
            }
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(&RawSample<'_>)) {
        self.slots.drain(sink);
    }

    fn end(&mut self) {
        self.ended = true;
        self.timers.clear();
    }

    fn interval(&self) -> Duration {
        let samples_per_second = self.hz * self.timers.len().max(1) as u32;
        Duration::from_secs(COUNT as u64 / 4) / samples_per_second
    }

    fn must_scan(&self) -> bool {
        true
    }

    fn lost(&self) -> u64 {
        self.slots.dropped()
    }
}

impl Drop for TimerSource {
    fn drop(&mut self) {
        self.timers.clear();
        self.slots.give_back();
    }
}

/// The tests that use the process's one timer source take turns.
#[cfg(test)]
pub(crate) static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_and_the_fastest_rate_are_accepted() {
        let _turn = TURN.lock().unwrap();
        // 1 Hz is a period of exactly one second: a tv_nsec of 1e9 would be refused with EINVAL.
        for hz in [1, 10_000] {
            let source = TimerSource::open(hz, 0).unwrap();
            assert!(!source.timers.is_empty());
        }
    }
}
