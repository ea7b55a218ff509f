//! What speedscope's format cannot say of a profile: [`OwnPart`], the member `runner` of our own files.
//!
//! Viewers pass over it; our reader uses it instead of the rest, so that writing and reading gives the same
//! [`Profile`]. Made by [`crate::speedscope()`], read by the reader of speedscope files. Never trusts an index.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::origin::Kind;
use crate::profile::{Frame, Function, Profile, Stack, Thread, Unit};

/// Of this form of the member.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct OwnPart {
    version: u32,
    source: String,
    source_reason: String,
    unit: Unit,
    hz: Option<u32>,
    /// In digits, as text: not every reader of JSON keeps the last bit of a number.
    seconds: Option<String>,
    iterations: Option<u64>,
    total: u64,
    lost: Option<u64>,
    cut_off: Option<u64>,
    single: Option<u64>,
    functions: Vec<OwnFunction>,
    files: Vec<String>,
    /// Function, file and line.
    frames: Vec<(u32, Option<u32>, Option<u32>)>,
    /// Weight and frames, innermost first.
    stacks: Vec<(u64, Vec<u32>)>,
    threads: Vec<OwnThread>,
    slices: Vec<Vec<(u32, u64)>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnFunction {
    name: String,
    module: String,
    kind: Kind,
    first_line: Option<u32>,
    calls: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnThread {
    tid: i64,
    name: String,
    weight: u64,
    runs: Vec<(u32, u32)>,
}

impl OwnPart {
    pub(crate) fn of(profile: &Profile) -> Self {
        let mut files: Vec<String> = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let frames = profile.frames.iter().map(|frame| {
            let file = frame.file.as_ref().map(|file| {
                *numbers.entry(file.clone()).or_insert_with(|| {
                    files.push(file.to_string());
                    files.len() as u32 - 1
                })
            });
            (frame.function, file, frame.line)
        });
        let frames = frames.collect();
        let functions = profile.functions.iter().cloned().map(|function| {
            let Function { name, module, kind, first_line, calls } = function;
            OwnFunction { name, module, kind, first_line, calls }
        });
        let threads = profile.threads.iter().cloned().map(|thread| {
            let Thread { tid, name, weight, runs } = thread;
            OwnThread { tid, name, weight, runs }
        });
        Self {
            version: VERSION,
            source: profile.source.clone(),
            source_reason: profile.source_reason.clone(),
            unit: profile.unit,
            hz: profile.hz,
            seconds: profile.seconds.map(|seconds| seconds.to_string()),
            iterations: profile.iterations,
            total: profile.total,
            lost: profile.lost,
            cut_off: profile.cut_off,
            single: profile.single,
            functions: functions.collect(),
            files,
            frames,
            stacks: profile.stacks.iter().map(|stack| (stack.weight, stack.frames.clone())).collect(),
            threads: threads.collect(),
            slices: profile.slices.clone(),
        }
    }

    /// The profile, or what does not fit together.
    pub(crate) fn profile(self) -> Result<Profile, String> {
        self.check()?;
        let files: Vec<Rc<str>> = self.files.iter().map(|file| file.as_str().into()).collect();
        let frame = |(function, file, line): &(u32, Option<u32>, Option<u32>)| Frame {
            function: *function,
            file: file.map(|file| files[file as usize].clone()),
            line: *line,
        };
        let functions = self.functions.into_iter().map(|function| {
            let OwnFunction { name, module, kind, first_line, calls } = function;
            Function { name, module, kind, first_line, calls }
        });
        let threads = self.threads.into_iter().map(|thread| {
            let OwnThread { tid, name, weight, runs } = thread;
            Thread { tid, name, weight, runs }
        });
        Ok(Profile {
            source: self.source,
            source_reason: self.source_reason,
            unit: self.unit,
            hz: self.hz,
            seconds: self.seconds.and_then(|seconds| seconds.parse().ok()),
            iterations: self.iterations,
            total: self.total,
            lost: self.lost,
            cut_off: self.cut_off,
            single: self.single,
            functions: functions.collect(),
            frames: self.frames.iter().map(frame).collect(),
            stacks: self.stacks.into_iter().map(|(weight, frames)| Stack { frames, weight }).collect(),
            threads: threads.collect(),
            slices: self.slices,
        })
    }

    /// Every index is below its table, and the stacks make up the total: who ranks a profile relies on it.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("its version is {}, not {VERSION}", self.version));
        }
        let below = |index: u32, table: usize| (index as usize) < table;
        let (stacks, frames) = (self.stacks.len(), self.frames.len());
        let frames_fit = self.frames.iter().all(|(function, file, _)| {
            below(*function, self.functions.len()) && file.is_none_or(|file| below(file, self.files.len()))
        });
        let stacks_fit = self.stacks.iter().flat_map(|(_, stack)| stack).all(|frame| below(*frame, frames));
        let runs_fit = self.threads.iter().flat_map(|thread| &thread.runs).all(|run| below(run.0, stacks));
        let slices_fit = self.slices.iter().flatten().all(|(stack, _)| below(*stack, stacks));
        let tables =
            [(frames_fit, "frames"), (stacks_fit, "stacks"), (runs_fit, "threads"), (slices_fit, "slices")];
        if let Some((_, table)) = tables.iter().find(|(fits, _)| !fits) {
            return Err(format!("an index in `{table}` is out of range"));
        }
        let sum = self.stacks.iter().try_fold(0_u64, |sum, (weight, _)| sum.checked_add(*weight));
        if sum != Some(self.total) {
            return Err(format!("its stacks do not make up its total of {}", self.total));
        }
        Ok(())
    }
}
