//! A profile with names: [`Profile`], what every reader makes and every exporter reads.
//!
//! Stacks with weights: samples of a sampler, or time of a trace of events. Exporters are pure functions of it.
//! Made by the profiler plugin from a recording, and by this crate's readers from files.

use std::rc::Rc;

use crate::origin::Kind;

/// What the weight of a stack counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Samples; equally spaced in processor time.
    Samples,
    /// Nanoseconds, from the begin and end of events.
    Nanoseconds,
    /// Bytes: a profile of memory.
    Bytes,
    /// Something else that is counted.
    Count,
}

impl Unit {
    /// How a text names it: `samples`, `ns`, `B`, `counts`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Nanoseconds => "ns",
            Self::Bytes => "B",
            Self::Count => "counts",
        }
    }
}

/// What was recorded, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Who recorded it: `perf_event_open cpu-clock`, `interval timer`, `Chrome trace`, ...
    pub source: String,
    /// Why that source, or what it was read from.
    pub source_reason: String,
    /// What the weights count.
    pub unit: Unit,
    /// Samples asked for, per second of processor time and thread; `None` for a trace of events.
    pub hz: Option<u32>,
    /// Wall time covered in seconds; `None` where the file does not say.
    pub seconds: Option<f64>,
    /// Measured iterations in that time; `None` where nobody counted.
    pub iterations: Option<u64>,
    /// Weight of all stacks together.
    pub total: u64,
    /// Samples that were due and could not be stored; `None` where the file does not say.
    pub lost: Option<u64>,
    /// Samples whose stack ended before its outermost frame; `None` as above.
    pub cut_off: Option<u64>,
    /// Samples whose stack is one address; `None` as above.
    pub single: Option<u64>,
    /// Functions by index.
    pub functions: Vec<Function>,
    /// Frames by index.
    pub frames: Vec<Frame>,
    /// Stacks by index; no two are equal.
    pub stacks: Vec<Stack>,
    /// Threads, by id.
    pub threads: Vec<Thread>,
    /// For each measured iteration, in order, the stacks seen in it (index and weight); empty where nobody
    /// marked the iterations.
    pub slices: Vec<Vec<(u32, u64)>>,
}

/// A function, as one row of the ranking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Demangled name without the hash and without long generic arguments.
    pub name: String,
    /// File name of the object it was compiled into; of a trace, its category.
    pub module: String,
    /// Whose code it is.
    pub kind: Kind,
    /// Line of its first instruction or of its definition; unknown where it was only seen inlined.
    pub first_line: Option<u32>,
    /// How often it was called; `None` where calls are not counted (samples).
    pub calls: Option<u64>,
}

/// A place in a function: what a stack is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Index of the function.
    pub function: u32,
    /// Source file as shown, when known.
    pub file: Option<Rc<str>>,
    /// The line that was executed in it, counted from 1; `None` where only the function is known.
    pub line: Option<u32>,
}

/// A stack and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// Indices of frames, innermost first, inlined ones included.
    pub frames: Vec<u32>,
    /// Weight of exactly this stack (self weight of its innermost frame), in all threads.
    pub weight: u64,
}

/// A thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The kernel's id, or the file's.
    pub tid: i64,
    /// Its name.
    pub name: String,
    /// Weight of its stacks.
    pub weight: u64,
    /// Index of a stack and its weight, in the order of time; may end early in a very long profile, and is
    /// empty where the file has no order.
    pub runs: Vec<(u32, u32)>,
}

impl Profile {
    /// The function of a frame.
    pub fn function_of(&self, frame: u32) -> &Function {
        &self.functions[self.frames[frame as usize].function as usize]
    }

    /// A share of the total in percent, rounded to hundredths; 0 in an empty profile.
    pub fn percent(&self, weight: u64) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        (weight as f64 / self.total as f64 * 10_000.0).round() / 100.0
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
                    functions.push(Function {
                        name: (*name).to_owned(),
                        module,
                        kind,
                        first_line: Some(1),
                        calls: None,
                    });
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
            made.push(Stack { frames: ids, weight: *samples });
        }
        let samples: u64 = made.iter().map(|stack| stack.weight).sum();
        let runs = made.iter().enumerate().map(|(id, stack)| (id as u32, stack.weight as u32)).collect();
        Profile {
            source: "perf_event_open cpu-clock".into(),
            source_reason: "perf_event_open is permitted".into(),
            unit: Unit::Samples,
            hz: Some(999),
            seconds: Some(1.5),
            iterations: Some(3),
            total: samples,
            lost: Some(2),
            cut_off: Some(0),
            single: Some(0),
            functions,
            frames,
            stacks: made,
            threads: vec![Thread { tid: 42, name: "main".into(), weight: samples, runs }],
            slices: Vec::new(),
        }
    }
}
