//! The ranking: [`Hotspots`], written as `hotspots.json`.
//!
//! Functions by inclusive weight (the function is anywhere on the stack; counted once, however often it recurs)
//! and by self weight (it is the innermost frame), and the hottest source lines. Percentages are of the whole
//! profile. Made by the plugin from a [`Profile`]; pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Serialize;

use crate::origin::Kind;
use crate::profile::{Profile, Unit};

/// Source lines kept in `lines`.
const LINES: usize = 100;

/// The content of `hotspots.json`, version 2 (version 1 counted samples only).
#[derive(Clone, Debug, Serialize)]
pub struct Hotspots {
    /// Of this format.
    pub version: u32,
    /// Who recorded it: `perf_event_open cpu-clock`, `interval timer`, `Chrome trace`, ...
    pub source: String,
    /// Why that source.
    pub source_reason: String,
    /// What `total`, `inclusive` and `self` count.
    pub unit: Unit,
    /// Samples asked for, per second of processor time and thread; `null` for a trace of events.
    pub hz: Option<u32>,
    /// Wall time covered, in seconds; `null` where the file does not say.
    pub seconds: Option<f64>,
    /// The whole of the profile, in `unit`.
    pub total: u64,
    /// Samples that were due and could not be stored; `null` where the file does not say.
    pub lost: Option<u64>,
    /// Share of samples whose stack ends before its outermost frame, in percent; `null` as above.
    pub cut_off_percent: Option<f64>,
    /// Share of samples whose stack is a single address, in percent; `null` as above.
    pub single_frame_percent: Option<f64>,
    /// Threads that were seen on a processor.
    pub threads: Vec<ThreadRow>,
    /// Measured iterations; `null` where nobody counted.
    pub iterations: Option<u64>,
    /// By inclusive samples.
    pub operations: Vec<Operation>,
    /// Indices into `operations`, by self samples; those without any are left out.
    pub by_self: Vec<usize>,
    /// The hottest source lines by self samples.
    pub lines: Vec<LineRow>,
}

/// A thread and its samples.
#[derive(Clone, Debug, Serialize)]
pub struct ThreadRow {
    /// The kernel's id.
    pub tid: i64,
    /// Its name.
    pub name: String,
    /// Its part of `total`.
    pub total: u64,
}

/// A function.
#[derive(Clone, Debug, Serialize)]
pub struct Operation {
    /// Demangled name.
    pub function: String,
    /// Source file of the hottest line.
    pub file: Option<String>,
    /// The line of the function with most inclusive samples: a loop, or a call in it.
    pub line: Option<u32>,
    /// Line of the function's first instruction, where it was seen as a function of its own.
    pub first_line: Option<u32>,
    /// File name of the object.
    pub module: String,
    /// Whose code it is.
    pub kind: Kind,
    /// With the function on the stack, in `unit`.
    pub inclusive: u64,
    /// The same in percent of the total.
    pub inclusive_percent: f64,
    /// With the function innermost, in `unit`.
    #[serde(rename = "self")]
    pub own: u64,
    /// The same in percent of the total.
    pub self_percent: f64,
    /// How often it was called; `null` where calls are not counted (samples).
    pub calls: Option<u64>,
}

/// A source line.
#[derive(Clone, Debug, Serialize)]
pub struct LineRow {
    /// Source file.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// The function it was innermost in.
    pub function: String,
    /// With the line innermost, in `unit`.
    #[serde(rename = "self")]
    pub own: u64,
    /// The same in percent of the total.
    pub self_percent: f64,
}

type Line = (Option<Rc<str>>, Option<u32>);

/// Counts of one function.
#[derive(Clone, Default)]
struct Tally {
    inclusive: u64,
    own: u64,
    lines: HashMap<Line, u64>,
}

impl Hotspots {
    /// Ranks.
    pub fn of(profile: &Profile) -> Self {
        let (tallies, own_lines) = tally(profile);
        let mut order: Vec<usize> = (0..tallies.len()).filter(|id| tallies[*id].inclusive > 0).collect();
        // Ties: the one that does more itself, then by name, so that equal profiles give equal files.
        order.sort_by_key(|id| {
            let tally = &tallies[*id];
            (Reverse(tally.inclusive), Reverse(tally.own), &profile.functions[*id].name, *id)
        });
        let operations: Vec<_> = order.iter().map(|id| operation(profile, *id, &tallies[*id])).collect();
        let mut by_self: Vec<usize> =
            (0..operations.len()).filter(|index| operations[*index].own > 0).collect();
        by_self.sort_by_key(|index| Reverse(operations[*index].own)); // stable: ties as above
        Self {
            version: 2,
            source: profile.source.clone(),
            source_reason: profile.source_reason.clone(),
            unit: profile.unit,
            hz: profile.hz,
            seconds: profile.seconds,
            total: profile.total,
            lost: profile.lost,
            cut_off_percent: profile.cut_off.map(|samples| profile.percent(samples)),
            single_frame_percent: profile.single.map(|samples| profile.percent(samples)),
            threads: profile
                .threads
                .iter()
                .map(|thread| ThreadRow { tid: thread.tid, name: thread.name.clone(), total: thread.weight })
                .collect(),
            iterations: profile.iterations,
            operations,
            by_self,
            lines: lines(profile, own_lines),
        }
    }
}

impl Hotspots {
    /// The rows that a summary shows: the first `count` of the kernel's own, and others only to fill up. The
    /// first rows of the whole ranking are always the same dozen frames of thread start and thread pool.
    pub fn head(&self, count: usize) -> Vec<&Operation> {
        let (kernel, others): (Vec<_>, Vec<_>) =
            self.operations.iter().partition(|row| row.kind == Kind::Kernel);
        kernel.into_iter().chain(others).take(count).collect()
    }
}

type OwnLines = HashMap<(Line, u32), u64>;

fn tally(profile: &Profile) -> (Vec<Tally>, OwnLines) {
    let mut tallies = vec![Tally::default(); profile.functions.len()];
    let mut own_lines = OwnLines::new();
    // The number of the last stack that counted a function or frame: recursion counts once.
    let mut function_seen = vec![usize::MAX; profile.functions.len()];
    let mut frame_seen = vec![usize::MAX; profile.frames.len()];
    for (number, stack) in profile.stacks.iter().enumerate() {
        for id in &stack.frames {
            let frame = &profile.frames[*id as usize];
            let tally = &mut tallies[frame.function as usize];
            if std::mem::replace(&mut function_seen[frame.function as usize], number) != number {
                tally.inclusive += stack.weight;
            }
            if std::mem::replace(&mut frame_seen[*id as usize], number) != number {
                *tally.lines.entry((frame.file.clone(), frame.line)).or_default() += stack.weight;
            }
        }
        if let Some(innermost) = stack.frames.first() {
            let frame = &profile.frames[*innermost as usize];
            tallies[frame.function as usize].own += stack.weight;
            let line = (frame.file.clone(), frame.line);
            *own_lines.entry((line, frame.function)).or_default() += stack.weight;
        }
    }
    (tallies, own_lines)
}

fn operation(profile: &Profile, id: usize, tally: &Tally) -> Operation {
    let function = &profile.functions[id];
    let hottest = tally.lines.iter().max_by_key(|(line, samples)| (**samples, Reverse(*line)));
    let (file, line) = hottest.map(|(line, _)| line.clone()).unwrap_or_default();
    Operation {
        function: function.name.clone(),
        file: file.as_deref().map(str::to_owned),
        line,
        first_line: function.first_line,
        module: function.module.clone(),
        kind: function.kind,
        inclusive: tally.inclusive,
        inclusive_percent: profile.percent(tally.inclusive),
        own: tally.own,
        self_percent: profile.percent(tally.own),
        calls: function.calls,
    }
}

fn lines(profile: &Profile, own_lines: OwnLines) -> Vec<LineRow> {
    let mut rows: Vec<LineRow> = own_lines
        .into_iter()
        .filter_map(|(((file, line), function), samples)| {
            Some(LineRow {
                file: file?.as_ref().to_owned(),
                line: line?,
                function: profile.functions[function as usize].name.clone(),
                own: samples,
                self_percent: profile.percent(samples),
            })
        })
        .collect();
    rows.sort_by(|a, b| {
        let samples = b.own.cmp(&a.own);
        samples.then_with(|| (&a.file, a.line, &a.function).cmp(&(&b.file, b.line, &b.function)))
    });
    rows.truncate(LINES);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::example::profile;

    fn row<'a>(hotspots: &'a Hotspots, function: &str) -> &'a Operation {
        hotspots.operations.iter().find(|row| row.function == function).unwrap()
    }

    #[test]
    fn inclusive_and_own_are_told_apart() {
        let hotspots = Hotspots::of(&profile(&[
            (&[("main", 1), ("outer", 10), ("inner", 20)], 60),
            (&[("main", 1), ("outer", 11)], 30),
            (&[("main", 2)], 10),
        ]));
        let names: Vec<_> = hotspots.operations.iter().map(|row| row.function.as_str()).collect();
        assert_eq!(names, ["main", "outer", "inner"]);
        let outer = row(&hotspots, "outer");
        assert_eq!((outer.inclusive, outer.own), (90, 30));
        assert_eq!((outer.inclusive_percent, outer.self_percent), (90.0, 30.0));
        assert_eq!(outer.line, Some(10)); // hotter than line 11
        assert_eq!(hotspots.by_self, [2, 1, 0]);
        assert_eq!((hotspots.lines[0].line, hotspots.lines[0].own), (20, 60));
    }

    #[test]
    fn a_function_that_calls_itself_counts_once_a_sample() {
        let hotspots = Hotspots::of(&profile(&[(&[("fib", 5), ("fib", 5), ("fib", 6), ("fib", 5)], 40)]));
        let fib = row(&hotspots, "fib");
        assert_eq!((fib.inclusive, fib.own, fib.line), (40, 40, Some(5)));
        assert!((fib.inclusive_percent - 100.0).abs() < 0.01);
    }

    #[test]
    fn the_head_shows_the_kernel_first_and_fills_up_with_the_rest() {
        let hotspots =
            Hotspots::of(&profile(&[(&[("std::start", 1), ("outer", 1), ("inner", 1), ("std::add", 1)], 5)]));
        let names = |count| hotspots.head(count).iter().map(|row| row.function.clone()).collect::<Vec<_>>();
        assert_eq!(hotspots.operations[0].function, "std::add");
        assert_eq!(names(2), ["inner", "outer"]);
        assert_eq!(names(9), ["inner", "outer", "std::add", "std::start"]);
    }

    #[test]
    fn an_empty_profile_has_no_rows_and_no_shares() {
        let hotspots = Hotspots::of(&profile(&[]));
        assert!(hotspots.operations.is_empty() && hotspots.lines.is_empty());
        assert!(hotspots.single_frame_percent.unwrap().abs() < 0.01);
    }

    #[test]
    fn the_file_says_what_was_asked_for() {
        let value = serde_json::to_value(Hotspots::of(&profile(&[(&[("std::a", 1)], 1)]))).unwrap();
        assert_eq!(value["version"], 2);
        assert_eq!(value["source"], "perf_event_open cpu-clock");
        assert_eq!((&value["lost"], &value["iterations"]), (&2.into(), &3.into()));
        assert_eq!(value["operations"][0]["kind"], "runtime");
        assert_eq!(value["operations"][0]["file"], "src/k.rs");
        assert_eq!(value["threads"][0]["name"], "main");
    }
}
