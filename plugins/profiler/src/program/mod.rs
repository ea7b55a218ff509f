//! Watches a program of a `run:` step from its first instruction, with all that it starts: [`Watch`].
//!
//! ```text
//! opening (events, through the program's own process) -> rings -> records in the order of time -> Processes
//! ```
//!
//! Started by the plugin's `attach` and stopped after the program's end. There is one ring for each processor;
//! the records of all must be brought into one order, because a process may be forked on one processor and mapped
//! into on another. Where the kernel refuses, there is no other way to look into a foreign process: the profile
//! then says why it is empty.

mod objects;
mod opening;
mod processes;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cost::Rate;
use crate::perf::{Event, parse, time_and_size};
use crate::sampler::{Sampled, refusal};
use crate::threads;
use opening::NotOpened;
use processes::Processes;

/// How evidence names it.
const TITLE: &str = "perf_event_open cpu-clock, from the first instruction";
/// A record is written a little after it has got its time.
const SLACK: u64 = 2_000_000;
/// How long records may gather.
const DRAIN: Duration = Duration::from_millis(40);

/// A watch over one program.
pub(crate) struct Watch {
    thread: JoinHandle<Result<Sampled, String>>,
    stop: Arc<AtomicBool>,
}

impl Watch {
    /// Begins; returns at once, while a thread waits for the program's process to appear at the other end.
    pub(crate) fn start(socket: OwnedFd, rate: Rate) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("profiler".into()).spawn(move || watch(socket, rate, &told))?;
        Ok(Self { thread, stop })
    }

    /// Ends: the program has ended.
    ///
    /// # Errors
    /// Why there is no profile, in words.
    pub(crate) fn stop(self) -> Result<Sampled, String> {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_else(|_| Err("the profiler's thread panicked".to_owned()))
    }
}

/// The profiler's thread.
fn watch(socket: OwnedFd, rate: Rate, stop: &AtomicBool) -> Result<Sampled, String> {
    let events = opening::open(socket, rate.hz).map_err(|reason| match reason {
        NotOpened::Refused(error) => refusal(&error),
        NotOpened::Gone => "the program was not started".to_owned(),
    })?;
    let begin = threads::monotonic();
    let mut processes = Processes::new();
    let mut merge = Merge::default();
    loop {
        // Read first: what arrived before the stop is drained after it.
        let last = stop.load(Ordering::Acquire);
        if last {
            events.iter().for_each(Event::disable);
        }
        merge.drain(&events, &mut processes, last);
        if last {
            break;
        }
        let interval = Duration::from_secs(20) / rate.hz; // the smaller rings hold 60 samples
        std::thread::park_timeout(interval.clamp(Duration::from_millis(1), DRAIN));
    }
    let seconds = threads::monotonic().saturating_sub(begin) as f64 * 1e-9;
    let finished = processes.finish(merge.lost);
    let mut notes = finished.notes;
    if finished.processes == 0 {
        notes.push("the program never began: nothing was executed".to_owned());
    }
    let reason = match finished.processes {
        1 => "the program opened the events on itself; it was one process".to_owned(),
        several => {
            let sampled = finished.activity.as_ref().map_or(0, |activity| processes::count(activity));
            let processes = several.max(sampled as u64);
            format!(
                "the program opened the events on itself; they were inherited by its {processes} processes"
            )
        }
    };
    Ok(Sampled {
        recording: finished.recording,
        source: TITLE.to_owned(),
        reason,
        seconds,
        rate,
        begin,
        marks: Vec::new(),
        maps: Some(finished.maps),
        activity: finished.activity,
        notes,
    })
}

/// Brings the records of several rings into the order of time.
#[derive(Default)]
struct Merge {
    /// Whole records that are not yet passed on.
    bytes: Vec<u8>,
    lost: u64,
}

impl Merge {
    /// Reads all rings, and passes on what nothing earlier can follow any more: whatever was recorded before the
    /// reading began is in hand once all rings were read.
    fn drain(&mut self, events: &[Event], processes: &mut Processes, last: bool) {
        let until = if last { u64::MAX } else { threads::monotonic().saturating_sub(SLACK) };
        for ring in events.iter().filter_map(Event::ring) {
            ring.read(&mut self.bytes);
        }
        self.pass_on(until, &mut |record| processes.take(record));
    }

    fn pass_on(&mut self, until: u64, sink: &mut dyn FnMut(crate::perf::Record<'_>)) {
        let mut records: Vec<(u64, usize, usize)> = Vec::new();
        let mut at = 0;
        while let Some((time, size)) = time_and_size(&self.bytes[at..]) {
            records.push((time, at, size));
            at += size;
        }
        records.sort_by_key(|(time, at, _)| (*time, *at));
        let due = records.partition_point(|(time, _, _)| *time <= until);
        for (_, at, size) in &records[..due] {
            self.lost += parse(&self.bytes[*at..at + size], sink);
        }
        let mut rest = Vec::with_capacity(records[due..].iter().map(|(_, _, size)| size).sum());
        // As they came: records of one ring with one time keep their order.
        let mut left: Vec<_> = records[due..].to_vec();
        left.sort_by_key(|(_, at, _)| *at);
        for (_, at, size) in left {
            rest.extend_from_slice(&self.bytes[at..at + size]);
        }
        self.bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A switch of thread `tid` at `time`.
    fn switch(tid: u32, time: u64) -> Vec<u8> {
        let mut bytes = 14_u32.to_ne_bytes().to_vec();
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(24_u16.to_ne_bytes());
        bytes.extend(tid.to_ne_bytes());
        bytes.extend(tid.to_ne_bytes());
        bytes.extend(time.to_ne_bytes());
        bytes
    }

    #[test]
    fn records_of_two_rings_are_passed_on_in_the_order_of_time_and_no_sooner_than_it_is_certain() {
        let mut merge = Merge::default();
        let mut seen = Vec::new();
        let mut times = |merge: &mut Merge, until| {
            let mut now = Vec::new();
            merge.pass_on(until, &mut |record| match record {
                crate::perf::Record::Switch { tid, time, .. } => now.push((tid, time)),
                other => panic!("{other:?}"),
            });
            seen.push(now);
        };
        // One ring, then the other.
        merge.bytes.extend([switch(1, 10), switch(1, 30), switch(1, 50)].concat());
        merge.bytes.extend([switch(2, 20), switch(2, 40)].concat());
        times(&mut merge, 35);
        merge.bytes.extend(switch(2, 36));
        times(&mut merge, u64::MAX);
        assert_eq!(seen, [vec![(1, 10), (2, 20), (1, 30)], vec![(2, 36), (2, 40), (1, 50)]]);
        assert_eq!((merge.bytes.len(), merge.lost), (0, 0));
    }
}
