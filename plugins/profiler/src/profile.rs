//! A finished profile with names: [`Profile`], what every exporter reads.
//!
//! Made by [`Profile::resolve`] from a recording. Exporters are pure functions of it; none of them may look at
//! the process.

use std::collections::HashMap;

use crate::sampler::{Sampled, SourceKind};
use crate::symbols::{Frame, Function, Symbols};

/// What was sampled, and how.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The source.
    pub source: SourceKind,
    /// Why that source.
    pub source_reason: String,
    /// Samples asked for, per second of processor time and thread.
    pub hz: u32,
    /// Wall time from start to stop in seconds.
    pub seconds: f64,
    /// Measured iterations in that time.
    pub iterations: u64,
    /// Samples in the profile.
    pub samples: u64,
    /// Samples that were due and could not be stored.
    pub lost: u64,
    /// Samples whose stack ended before its outermost frame.
    pub cut_off: u64,
    /// Samples whose stack is one address.
    pub single: u64,
    /// Functions by index.
    pub functions: Vec<Function>,
    /// Frames by index.
    pub frames: Vec<Frame>,
    /// Stacks by index; no two are equal.
    pub stacks: Vec<Stack>,
    /// Threads that were seen on a processor, by id.
    pub threads: Vec<Thread>,
}

/// A stack and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Indices of frames, innermost first, inlined ones included.
    pub frames: Vec<u32>,
    /// Samples with this stack, in all threads.
    pub samples: u64,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's id.
    pub tid: i32,
    /// Its name.
    pub name: String,
    /// Samples of it.
    pub samples: u64,
    /// Index of a stack and how often in a row, in the order of sampling; may end early in a very long profile.
    pub runs: Vec<(u32, u32)>,
}

impl Profile {
    /// Names everything. Paths below `root` are shown relative to it.
    pub fn resolve(ended: Sampled, hz: u32, iterations: u64, root: String) -> Self {
        let Sampled { recording, kind, reason, seconds } = ended;
        let (samples, lost) = (recording.samples, recording.lost);
        let (cut_off, single) = (recording.cut_off, recording.single);
        let (raw_stacks, raw_threads) = recording.into_parts();
        let mut symbols = Symbols::new(root);
        // Which names may be shortened to one is known only when all are known.
        for (addresses, _) in &raw_stacks {
            symbols.stack(addresses);
        }
        let names = symbols.shorten();
        let mut stacks: Vec<Stack> = Vec::new();
        // Addresses of one line give equal stacks once they are named.
        let mut ids: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut renamed = Vec::with_capacity(raw_stacks.len());
        for (addresses, count) in raw_stacks {
            let frames = names.stack(&addresses);
            let id = *ids.entry(frames).or_insert_with_key(|frames| {
                stacks.push(Stack { frames: frames.clone(), samples: 0 });
                stacks.len() as u32 - 1
            });
            stacks[id as usize].samples += count;
            renamed.push(id);
        }
        let threads = raw_threads
            .into_iter()
            .map(|(tid, thread)| Thread {
                tid,
                name: thread.name,
                samples: thread.samples,
                runs: thread.runs.into_iter().map(|(id, count)| (renamed[id as usize], count)).collect(),
            })
            .collect();
        Self {
            source: kind,
            source_reason: reason,
            hz,
            seconds,
            iterations,
            samples,
            lost,
            cut_off,
            single,
            functions: names.functions,
            frames: names.frames,
            stacks,
            threads,
        }
    }

    /// The function of a frame.
    pub(crate) fn function_of(&self, frame: u32) -> &Function {
        &self.functions[self.frames[frame as usize].function as usize]
    }

    /// A share of all samples in percent, rounded to hundredths; 0 in an empty profile.
    pub(crate) fn percent(&self, samples: u64) -> f64 {
        if self.samples == 0 {
            return 0.0;
        }
        (samples as f64 / self.samples as f64 * 10_000.0).round() / 100.0
    }
}

#[cfg(test)]
pub(crate) mod example {
    //! A small profile made by hand, for the tests of the exporters.

    use super::*;
    use crate::origin::Kind;

    /// Stacks from functions, outermost first, each `(name, line)`, with their counts. One thread.
    pub(crate) fn profile(stacks: &[(&[(&str, u32)], u64)]) -> Profile {
        let mut functions: Vec<Function> = Vec::new();
        let mut frames: Vec<Frame> = Vec::new();
        let mut made = Vec::new();
        for (stack, samples) in stacks {
            let mut ids = Vec::new();
            for (name, line) in stack.iter().rev() {
                let position = functions.iter().position(|function| function.name == *name);
                let function = position.unwrap_or_else(|| {
                    let kind = if name.starts_with("std::") { Kind::Runtime } else { Kind::Kernel };
                    let module = "libkernel.so".to_owned();
                    functions.push(Function { name: (*name).to_owned(), module, kind, first_line: Some(1) });
                    functions.len() - 1
                });
                let frame =
                    Frame { function: function as u32, file: Some("src/k.rs".into()), line: Some(*line) };
                let position = frames.iter().position(|other| *other == frame).unwrap_or_else(|| {
                    frames.push(frame);
                    frames.len() - 1
                });
                ids.push(position as u32);
            }
            made.push(Stack { frames: ids, samples: *samples });
        }
        let samples = made.iter().map(|stack| stack.samples).sum();
        let runs = made.iter().enumerate().map(|(id, stack)| (id as u32, stack.samples as u32)).collect();
        Profile {
            source: SourceKind::Perf,
            source_reason: "perf_event_open is permitted".into(),
            hz: 999,
            seconds: 1.5,
            iterations: 3,
            samples,
            lost: 2,
            cut_off: 0,
            single: 0,
            functions,
            frames,
            stacks: made,
            threads: vec![Thread { tid: 42, name: "main".into(), samples, runs }],
        }
    }
}
