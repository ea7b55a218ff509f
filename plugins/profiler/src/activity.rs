//! What a thread did on processors: [`Activity`], and [`Switches`], which adds it up from the kernel's records.
//!
//! Of another program's threads the switches are recorded; of this process's own threads the kernel's counters are
//! read (`threads.rs`). Pure.

use std::collections::{BTreeMap, HashMap};

use crate::perf::Switch;

/// A thread's time. A thread that became another program (exec) is two of them, with two `image`s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) tid: i32,
    /// Tells programs apart that one thread was in turn.
    pub(crate) image: u32,
    pub(crate) pid: i32,
    /// The name of its process.
    pub(crate) process: String,
    /// Its own name.
    pub(crate) thread: String,
    /// Nanoseconds on a processor.
    pub(crate) on: u64,
    /// Nanoseconds of its life off processors: waiting, or ready and not let on.
    pub(crate) off: u64,
    /// How often it gave the processor up, because it had to wait.
    pub(crate) waited: u64,
    /// How often the processor was taken from it.
    pub(crate) preempted: u64,
}

/// A thread as one program.
type Key = (i32, u32);

#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    born: u64,
    /// Since when it is on a processor.
    since: Option<u64>,
    on: u64,
    waited: u64,
    preempted: u64,
    ended: Option<u64>,
}

/// Time of threads, from the records of their switches, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    clocks: BTreeMap<Key, Clock>,
    /// Which program each living thread is.
    current: HashMap<i32, u32>,
    /// Switches seen; without any the kernel records none.
    seen: u64,
}

impl Switches {
    /// A thread begins: `running` after an exec, waiting for its first turn after a fork.
    pub(crate) fn begin(&mut self, tid: i32, image: u32, time: u64, running: bool) {
        self.end(tid, time);
        self.current.insert(tid, image);
        let clock = Clock { born: time, since: running.then_some(time), ..Clock::default() };
        self.clocks.insert((tid, image), clock);
    }

    /// A thread ends.
    pub(crate) fn end(&mut self, tid: i32, time: u64) {
        let Some(image) = self.current.remove(&tid) else { return };
        if let Some(clock) = self.clocks.get_mut(&(tid, image)) {
            clock.on += clock.since.take().map_or(0, |since| time.saturating_sub(since));
            clock.ended = Some(time);
        }
    }

    /// A thread is switched.
    pub(crate) fn switch(&mut self, tid: i32, time: u64, to: Switch) {
        self.seen += 1;
        let Some(image) = self.current.get(&tid) else { return };
        let Some(clock) = self.clocks.get_mut(&(tid, *image)) else { return };
        match to {
            Switch::On => clock.since = Some(time),
            Switch::Waits => clock.waited += 1,
            Switch::Preempted => clock.preempted += 1,
        }
        if to != Switch::On {
            clock.on += clock.since.take().map_or(0, |since| time.saturating_sub(since));
        }
    }

    /// Whether the kernel has recorded any switch.
    pub(crate) fn any(&self) -> bool {
        self.seen > 0
    }

    /// All that was seen; `names` gives process, name of the process and of the thread.
    pub(crate) fn finish(
        mut self,
        time: u64,
        names: impl Fn(i32, u32) -> (i32, String, String),
    ) -> Vec<Activity> {
        for tid in self.current.keys().copied().collect::<Vec<_>>() {
            self.end(tid, time);
        }
        let one = |((tid, image), clock): (Key, Clock)| {
            let (pid, process, thread) = names(tid, image);
            let life = clock.ended.unwrap_or(time).saturating_sub(clock.born);
            Activity {
                tid,
                image,
                pid,
                process,
                thread,
                on: clock.on,
                off: life.saturating_sub(clock.on),
                waited: clock.waited,
                preempted: clock.preempted,
            }
        };
        self.clocks.into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_on_and_off_processors_is_added_up_through_an_exec() {
        let mut switches = Switches::default();
        switches.begin(7, 0, 100, true);
        switches.switch(7, 130, Switch::Waits);
        switches.switch(7, 180, Switch::On);
        switches.switch(7, 200, Switch::Preempted);
        switches.switch(7, 210, Switch::On);
        switches.begin(7, 1, 220, true); // exec
        switches.switch(9, 221, Switch::On); // a thread that nobody knows
        switches.end(7, 250);
        switches.begin(8, 0, 240, false);
        let found = switches.finish(300, |tid, image| (tid, format!("p{image}"), "t".to_owned()));
        let short: Vec<_> = found
            .iter()
            .map(|one| (one.tid, one.process.as_str(), one.on, one.off, one.waited, one.preempted))
            .collect();
        assert_eq!(short, [(7, "p0", 60, 60, 1, 1), (7, "p1", 30, 0, 0, 0), (8, "p0", 0, 60, 0, 0)]);
    }
}
