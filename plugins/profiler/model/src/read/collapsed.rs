//! Collapsed stacks: [`Collapsed`], one line a stack, `outermost;...;innermost 12`.
//!
//! What `stackcollapse-perf.pl`, `py-spy record --format raw`, async-profiler and our own `stacks.folded` write.
//! Called by [`crate::read`]. A line that is none is told with its place; those before it are kept.

use crate::profile::{Profile, Unit};
use crate::read::builder::{Builder, head};
use crate::read::input::Input;
use crate::read::place;
use crate::read::problem::Stop;

pub(crate) struct Collapsed {
    builder: Builder,
    thread: usize,
    zero: u64,
}

impl Collapsed {
    pub(crate) fn new() -> Self {
        let mut builder = Builder::new();
        let thread = builder.thread(0, "all");
        Self { builder, thread, zero: 0 }
    }

    pub(crate) fn read(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        loop {
            let Some(line) = input.line()? else { return Ok(()) };
            let text = String::from_utf8_lossy(line);
            let length = line.len();
            let text = text.trim_end();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let Some((stack, weight)) = split(text) else {
                let shown: String = text.chars().take(60).collect();
                let message = format!(
                    "not a collapsed stack: expected `a;b;c 12`, a count at the end of the line, found `{shown}`"
                );
                return Err(input.problem_back(length, message));
            };
            if weight == 0 {
                self.zero += 1;
            }
            let frames: Vec<u32> = stack
                .split(';')
                .map(|name| place::intern(&mut self.builder, &place::frame(name.trim())))
                .collect();
            let node = self.builder.stack(frames);
            self.builder.add(self.thread, node, weight);
        }
    }

    pub(crate) fn finish(self, file: &str) -> (Profile, Vec<String>) {
        let mut warnings = self.builder.warnings();
        if self.zero > 0 {
            warnings.push(format!("{} stacks have the count 0", self.zero));
        }
        let head = head("collapsed stacks", &format!("read from {file}"), Unit::Samples);
        let mut profile = self.builder.finish(head);
        for thread in &mut profile.threads {
            thread.runs.clear(); // lines have no order in time
        }
        (profile, warnings)
    }
}

/// Stack and count.
pub(crate) fn split(line: &str) -> Option<(&str, u64)> {
    let (stack, count) = line.trim_end().rsplit_once([' ', '\t'])?;
    let count = count.parse::<u64>().ok().or_else(|| {
        // Some writers scale their counts.
        let count: f64 = count.parse().ok()?;
        (0.0..1.8e19).contains(&count).then(|| count.round() as u64)
    })?;
    let stack = stack.trim_end();
    (!stack.is_empty()).then_some((stack, count))
}
