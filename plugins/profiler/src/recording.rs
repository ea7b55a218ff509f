//! What was sampled, before any name is known: [`Recording`].
//!
//! Filled by the sampler's thread. Equal stacks are stored once, so that an hour of samples of the same loops
//! stays small; a thread's order of stacks is kept as runs, up to [`MAX_RUNS`] in all, beyond which only
//! counts grow. It must never look at the process itself.

use std::collections::{BTreeMap, HashMap};

use crate::unwind::Ending;

/// Runs kept of all threads together: 32 MiB.
const MAX_RUNS: usize = 4 << 20;

/// A thread, and which of the programs that it was in turn: an exec makes another of it.
pub(crate) type ThreadKey = (i32, u32);

/// Stacks, counts and threads of one profile.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    index: HashMap<Box<[u64]>, u32>,
    counts: Vec<u64>,
    threads: BTreeMap<ThreadKey, ThreadRecording>,
    runs: usize,
    /// When each sample was taken, and its stack; empty once there were too many.
    times: Vec<(u64, u32)>,
    /// Samples stored.
    pub(crate) samples: u64,
    /// Samples that were due and could not be stored.
    pub(crate) lost: u64,
    /// Samples whose stack ended before its outermost frame.
    pub(crate) cut_off: u64,
    /// Samples with one address only.
    pub(crate) single: u64,
}

/// The samples of one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadRecording {
    /// The thread's name, as it was at the first sample.
    pub(crate) name: String,
    /// Number of samples.
    pub(crate) samples: u64,
    /// Stack and how often it was seen in a row, in the order of sampling.
    pub(crate) runs: Vec<(u32, u32)>,
}

/// A stack of addresses, innermost first, and how often it was seen.
pub(crate) type CountedStack = (Box<[u64]>, u64);

impl Recording {
    /// Stores a sample. `name` is asked for once for each thread.
    pub(crate) fn add(
        &mut self,
        thread: ThreadKey,
        time: u64,
        stack: &[u64],
        ending: Ending,
        name: impl FnOnce(i32) -> String,
    ) {
        self.samples += 1;
        self.single += u64::from(stack.len() == 1);
        self.cut_off += u64::from(ending == Ending::CutOff);
        let id = if let Some(id) = self.index.get(stack) {
            *id
        } else {
            let id = self.counts.len() as u32;
            self.index.insert(stack.into(), id);
            self.counts.push(0);
            id
        };
        self.counts[id as usize] += 1;
        if self.times.len() as u64 + 1 == self.samples && self.times.len() < MAX_RUNS {
            self.times.push((time, id));
        }
        let thread = self
            .threads
            .entry(thread)
            .or_insert_with(|| ThreadRecording { name: name(thread.0), ..ThreadRecording::default() });
        thread.samples += 1;
        match thread.runs.last_mut() {
            Some((stack, count)) if *stack == id && *count < u32::MAX => *count += 1,
            _ if self.runs < MAX_RUNS => {
                thread.runs.push((id, 1));
                self.runs += 1;
            }
            _ => {}
        }
    }

    /// The stacks (and their number) seen between two marks, for each mark the stretch that it ends. `None` when
    /// there were too many samples to keep the time of each.
    pub(crate) fn slices(&self, begin: u64, marks: &[u64]) -> Option<Vec<BTreeMap<u32, u64>>> {
        if self.times.len() as u64 != self.samples {
            return None;
        }
        let mut slices = vec![BTreeMap::new(); marks.len()];
        for (time, stack) in &self.times {
            let slice = marks.partition_point(|mark| mark < time);
            if *time >= begin && slice < marks.len() {
                *slices[slice].entry(*stack).or_default() += 1;
            }
        }
        Some(slices)
    }

    /// The stacks in the order of their ids, and the threads by id.
    pub(crate) fn into_parts(self) -> (Vec<CountedStack>, BTreeMap<ThreadKey, ThreadRecording>) {
        let mut stacks: Vec<CountedStack> = vec![Default::default(); self.counts.len()];
        for (stack, id) in self.index {
            stacks[id as usize] = (stack, self.counts[id as usize]);
        }
        (stacks, self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_are_stored_once_and_runs_keep_the_order() {
        let mut recording = Recording::default();
        for (tid, stack) in [(7, &[1, 2][..]), (7, &[1, 2]), (8, &[3]), (7, &[3]), (7, &[1, 2])] {
            recording.add((tid, 0), 5, stack, Ending::Root, |tid| format!("t{tid}"));
        }
        recording.add((8, 0), 5, &[9], Ending::CutOff, |_| panic!("the name is asked for once"));
        assert_eq!((recording.samples, recording.single, recording.cut_off), (6, 3, 1));
        let (stacks, threads) = recording.into_parts();
        assert_eq!(stacks, [([1, 2].into(), 3), ([3].into(), 2), ([9].into(), 1)]);
        assert_eq!(threads[&(7, 0)].runs, [(0, 2), (1, 1), (0, 1)]);
        assert_eq!((threads[&(8, 0)].name.as_str(), threads[&(8, 0)].samples), ("t8", 2));
    }

    #[test]
    fn a_sample_belongs_to_the_slice_whose_mark_follows_it() {
        let mut recording = Recording::default();
        for (time, stack) in [(5, 1), (10, 1), (20, 1), (21, 2), (30, 2), (31, 3)] {
            recording.add((7, 0), time, &[stack], Ending::Root, |_| String::new());
        }
        let slices = recording.slices(10, &[20, 30]).unwrap();
        let slices: Vec<Vec<_>> = slices.into_iter().map(|slice| slice.into_iter().collect()).collect();
        assert_eq!(
            slices,
            [vec![(0, 2)], vec![(1, 2)]],
            "before the begin and after the last mark is nobody's"
        );
        recording.times.pop();
        assert!(recording.slices(10, &[20, 30]).is_none(), "no slices rather than wrong ones");
    }
}
