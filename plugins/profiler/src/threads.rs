//! The threads of this process as the kernel lists them under `/proc/self/task`, what they did on processors, the
//! processors, and the time.
//!
//! Called by the samplers, which observe every thread but their own. Reads only.
#![expect(unsafe_code, reason = "the clock that the kernel stamps its records with")]

use std::collections::BTreeMap;
use std::io;

use crate::activity::Activity;

/// Nanoseconds of `CLOCK_MONOTONIC`. Async-signal-safe.
pub(crate) fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is valid for the call, and the clock exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The processors that are switched on, by number.
pub(crate) fn processors() -> Vec<i32> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let found = ranges(text.trim());
    if found.is_empty() { vec![0] } else { found }
}

/// `0-3,6` as numbers.
fn ranges(text: &str) -> Vec<i32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<i32>().ok()?..=last.parse::<i32>().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

/// The thread ids, in no order. A thread may have ended by the time its id is used.
pub(crate) fn list() -> io::Result<Vec<i32>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir("/proc/self/task")? {
        if let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The name of a thread; empty when it has ended.
pub(crate) fn name(id: i32) -> String {
    std::fs::read_to_string(format!("/proc/self/task/{id}/comm"))
        .map_or_else(|_| String::new(), |name| name.trim_end().to_owned())
}

/// What the kernel has counted of a thread so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counted {
    /// Nanoseconds on a processor.
    on: u64,
    /// How often it gave the processor up, because it had to wait.
    waited: u64,
    /// How often the processor was taken from it.
    preempted: u64,
}

impl Counted {
    fn of(tid: i32) -> Option<Self> {
        let text = |file: &str| std::fs::read_to_string(format!("/proc/self/task/{tid}/{file}")).ok();
        let on = text("schedstat")?.split(' ').next()?.parse().ok()?;
        let status = text("status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        Some(Self {
            on,
            waited: field("voluntary_ctxt_switches:")?,
            preempted: field("nonvoluntary_ctxt_switches:")?,
        })
    }
}

/// What the threads of this process have done on processors since [`Clocks::start`]; a thread that has ended in
/// between is not in it.
#[derive(Debug)]
pub(crate) struct Clocks {
    started: u64,
    before: BTreeMap<i32, Counted>,
}

impl Clocks {
    /// Begins.
    pub(crate) fn start() -> Self {
        let threads = list().unwrap_or_default();
        let before = threads.into_iter().filter_map(|tid| Some((tid, Counted::of(tid)?))).collect();
        Self { started: monotonic(), before }
    }

    /// What was done until now, by thread.
    ///
    /// # Errors
    /// Why nothing is known.
    pub(crate) fn read(&self) -> Result<Vec<Activity>, String> {
        let wall = monotonic().saturating_sub(self.started);
        let process = name(std::process::id().cast_signed());
        let mut found = Vec::new();
        for tid in list().map_err(|error| format!("/proc/self/task: {error}"))? {
            let Some(now) = Counted::of(tid) else { continue };
            let before = self.before.get(&tid).copied().unwrap_or_default();
            let on = now.on.saturating_sub(before.on);
            found.push(Activity {
                tid,
                image: 0,
                pid: std::process::id().cast_signed(),
                process: process.clone(),
                thread: name(tid),
                on,
                off: wall.saturating_sub(on),
                waited: now.waited.saturating_sub(before.waited),
                preempted: now.preempted.saturating_sub(before.preempted),
            });
        }
        if found.is_empty() {
            return Err("this kernel has no /proc/self/task/*/schedstat".to_owned());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_read_from_ranges() {
        assert_eq!(ranges("0-3,6"), [0, 1, 2, 3, 6]);
        assert_eq!(ranges("0"), [0]);
        assert_eq!(ranges(""), [0_i32; 0]);
    }

    #[test]
    fn a_thread_that_sleeps_is_off_the_processor_and_one_that_works_is_on_it() {
        let clocks = Clocks::start();
        // Both threads live until they were looked at.
        let looked = std::sync::Barrier::new(3);
        let (sleeper, worker, found) = std::thread::scope(|scope| {
            let (sender, told) = std::sync::mpsc::channel();
            let (first, second) = (sender.clone(), sender);
            let looked = &looked;
            scope.spawn(move || {
                first.send((true, own())).unwrap();
                looked.wait();
            });
            scope.spawn(move || {
                while Counted::of(own()).unwrap().on < 60_000_000 {
                    std::hint::black_box((0..100_000_u64).sum::<u64>());
                }
                second.send((false, own())).unwrap();
                looked.wait();
            });
            let told: Vec<(bool, i32)> = told.into_iter().take(2).collect();
            let found = clocks.read().unwrap();
            looked.wait();
            let of = |sleeps| told.iter().find(|(is, _)| *is == sleeps).unwrap().1;
            (of(true), of(false), found)
        });
        let of = |tid| found.iter().find(|activity| activity.tid == tid).unwrap();
        assert!(of(worker).on >= 50_000_000, "{:?}", of(worker));
        assert!(of(sleeper).on < 40_000_000 && of(sleeper).off > 40_000_000, "{:?}", of(sleeper));
        assert!(of(sleeper).waited > 0);
    }

    fn own() -> i32 {
        std::fs::read_link("/proc/thread-self")
            .unwrap()
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    }
}
