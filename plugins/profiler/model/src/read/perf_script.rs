//! The text of `perf script`: [`PerfScript`].
//!
//! A sample is a line `command pid [cpu] time: period event:`, then one line a frame (`address symbol+0x1f (object)`,
//! innermost first; below it the source line with `-F +srcline`), then an empty line. Without call chains the frame
//! stands on the first line. Called by [`crate::read`]. Weights are samples, not periods: one event is kept, the first.

use std::collections::HashMap;

use crate::profile::{Profile, Unit};
use crate::python;
use crate::read::builder::{Builder, head};
use crate::read::input::Input;
use crate::read::place::{self, Known};
use crate::read::problem::Stop;

pub(crate) struct PerfScript {
    builder: Builder,
    threads: HashMap<(i64, String), usize>,
    event: Option<String>,
    other_events: u64,
    without_stack: u64,
    single: u64,
    from: f64,
    to: f64,
    /// The sample that is being read: its thread, and the frames, innermost first.
    sample: Option<usize>,
    frames: Vec<Printed>,
}

/// A frame's line and the one below it.
struct Printed {
    symbol: String,
    object: String,
    source: Option<(String, u32)>,
}

/// The first line of a sample.
#[derive(Debug, PartialEq)]
pub(crate) struct Header<'a> {
    command: &'a str,
    tid: i64,
    time: Option<f64>,
    event: &'a str,
    rest: &'a str,
}

impl PerfScript {
    pub(crate) fn new() -> Self {
        Self {
            builder: Builder::new(),
            threads: HashMap::new(),
            event: None,
            other_events: 0,
            without_stack: 0,
            single: 0,
            from: f64::INFINITY,
            to: f64::NEG_INFINITY,
            sample: None,
            frames: Vec::new(),
        }
    }

    pub(crate) fn read(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        loop {
            let Some(line) = input.line()? else {
                self.end_sample();
                return Ok(());
            };
            let length = line.len();
            let text = String::from_utf8_lossy(line).into_owned();
            let text = text.trim_end();
            if text.is_empty() {
                self.end_sample();
            } else if text.starts_with('#') {
                // perf's own header
            } else if let Some(header) = (!text.starts_with(char::is_whitespace) || self.sample.is_none())
                .then(|| header(text))
                .flatten()
            {
                self.end_sample();
                self.begin_sample(&header);
            } else if let Some((symbol, object)) = printed_frame(text) {
                self.frames.push(Printed { symbol, object, source: None });
            } else if let Some(source) = source_line(text)
                && let Some(frame) = self.frames.last_mut()
            {
                frame.source = Some(source);
            } else if self.frames.is_empty() && self.sample.is_none() {
                let shown: String = text.chars().take(60).collect();
                let message = format!(
                    "not a line of `perf script`: expected `command pid time: event:`, found `{shown}`; other fields \
                     (`-F`) cannot be read"
                );
                return Err(input.problem_back(length, message));
            }
            // Anything else below a frame: `??:0` and the like.
        }
    }

    fn begin_sample(&mut self, header: &Header<'_>) {
        let first = self.event.get_or_insert_with(|| header.event.to_owned());
        if first != header.event {
            self.other_events += 1;
            // Its frames are read and forgotten.
            self.sample = Some(usize::MAX);
            return;
        }
        if let Some(time) = header.time {
            (self.from, self.to) = (self.from.min(time), self.to.max(time));
        }
        let key = (header.tid, header.command.to_owned());
        let builder = &mut self.builder;
        let thread = self.threads.entry(key).or_insert_with(|| builder.thread(header.tid, header.command));
        let thread = *thread;
        self.sample = Some(thread);
        if let Some((symbol, object)) = printed_frame(header.rest) {
            self.frames.push(Printed { symbol, object, source: None });
        }
    }

    fn end_sample(&mut self) {
        let frames = std::mem::take(&mut self.frames);
        let Some(thread) = self.sample.take().filter(|thread| *thread != usize::MAX) else { return };
        if frames.is_empty() {
            self.without_stack += 1;
            return;
        }
        self.single += u64::from(frames.len() == 1);
        let ids: Vec<u32> = frames.iter().rev().map(|frame| frame.intern(&mut self.builder)).collect();
        let node = self.builder.stack(ids);
        self.builder.add(thread, node, 1);
    }

    pub(crate) fn finish(self, file: &str) -> (Profile, Vec<String>) {
        let mut warnings = self.builder.warnings();
        let event = self.event.unwrap_or_default();
        if self.other_events > 0 {
            let count = self.other_events;
            warnings.push(format!("only the event {event} is kept; {count} samples of others were left out"));
        }
        if self.without_stack > 0 {
            warnings.push(format!("{} samples have no frame and were left out", self.without_stack));
        }
        let mut head = head(
            &format!("perf {event}"),
            &format!("the text of `perf script`, read from {file}"),
            Unit::Samples,
        );
        head.seconds = (self.from < self.to).then_some(self.to - self.from);
        head.single = Some(self.single);
        (self.builder.finish(head), warnings)
    }
}

impl Printed {
    fn intern(&self, builder: &mut Builder) -> u32 {
        let (file, line) =
            self.source.as_ref().map_or((None, None), |(file, line)| (Some(file.as_str()), Some(*line)));
        let mut known = Known { name: &self.symbol, module: &self.object, file, line, first_line: None };
        // The perf trampoline of Python 3.12: `py::run:/p/simulator.py`.
        if let Some((name, file)) = self.symbol.strip_prefix("py::").and_then(|rest| rest.split_once(':'))
            && python::is_python(file)
        {
            known = Known { name, file: Some(file), ..known };
        }
        place::intern(builder, &known)
    }
}

/// `python3 12/13 [002] 123.456: 250000 cycles:u: ...`; the command may hold spaces.
pub(crate) fn header(text: &str) -> Option<Header<'_>> {
    // The time is the first word that ends with a colon and is a number.
    let mut tid = None;
    let mut command_end = 0;
    let mut at = 0;
    let mut words = text.split(' ').map(|word| {
        let start = at;
        at += word.len() + 1;
        (start, word)
    });
    for (start, word) in words.by_ref() {
        if word.is_empty() {
            continue;
        }
        if let Some(time) = word.strip_suffix(':') {
            let (time, after) = match time.parse::<f64>() {
                Ok(time) => (Some(time), start + word.len()),
                // Without times, the first such word is the event itself.
                Err(_) => (None, start),
            };
            let tid = tid?;
            let command = text[..command_end].trim();
            let (event, rest) = event(text[after..].trim_start())?;
            return (!command.is_empty()).then_some(Header { command, tid, time, event, rest });
        }
        let number = word.split('/').next_back().and_then(|number| number.parse::<i64>().ok());
        if let Some(number) = number
            && start > 0
            && (tid.is_none() || !text[command_end..start].contains('['))
            && !is_period(text, start)
        {
            tid = Some(number);
            command_end = start;
        }
    }
    None
}

/// A number with the event behind it, in a text without times.
fn is_period(text: &str, start: usize) -> bool {
    let mut after = text[start..].split_whitespace().skip(1);
    after.next().is_some_and(|word| word.ends_with(':') && word.trim_end_matches(':').parse::<f64>().is_err())
}

/// `250000 cycles:u: rest`.
fn event(text: &str) -> Option<(&str, &str)> {
    let text = match text.split_once(char::is_whitespace) {
        Some((period, rest)) if period.bytes().all(|byte| byte.is_ascii_digit()) => rest.trim_start(),
        _ => text,
    };
    let (event, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some((event.strip_suffix(':')?.trim_end_matches(':'), rest.trim_start()))
}

/// `7f12 symbol+0x1f (object)` as symbol and object; an unknown symbol is its object.
fn printed_frame(text: &str) -> Option<(String, String)> {
    let (address, rest) = text.trim_start().split_once(char::is_whitespace)?;
    if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let rest = rest.trim();
    // The object's name may hold blanks, but is the last thing in parentheses: `([kernel.kallsyms])`, `(deleted)`.
    let (symbol, object) =
        rest.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).unwrap_or_else(|| {
            let object = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            object.map_or((rest, ""), |object| ("[unknown]", object))
        });
    let symbol = match symbol.rsplit_once("+0x") {
        Some((name, offset)) if offset.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => symbol,
    };
    let symbol = if symbol == "[unknown]" && !object.is_empty() && object != "[unknown]" {
        format!("[{}]", object.rsplit('/').next().unwrap_or_default().trim_matches(['[', ']']))
    } else {
        symbol.to_owned()
    };
    Some((symbol, if object == "inlined" { String::new() } else { object.to_owned() }))
}

/// `simulator.c:120`, below a frame.
fn source_line(text: &str) -> Option<(String, u32)> {
    let (file, line) = text.trim().rsplit_once(':')?;
    let line = line.split(' ').next()?;
    (!file.is_empty() && file != "??").then_some((file.to_owned(), place::line_number(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_sample_is_understood_in_its_common_forms() {
        let of =
            |text| header(text).map(|found| (found.command, found.tid, found.time, found.event, found.rest));
        assert_eq!(
            of("python3 12/13 [002]   123.5:     250000 cpu-clock:pppH: "),
            Some(("python3", 13, Some(123.5), "cpu-clock:pppH", ""))
        );
        assert_eq!(
            of("Web Content 7 99.25: cycles:  ffff0 f+0x4 (/bin/a)"),
            Some(("Web Content", 7, Some(99.25), "cycles", "ffff0 f+0x4 (/bin/a)"))
        );
        assert_eq!(of("pool 1 42 [000] 1.0: 1 cycles:u:"), Some(("pool 1", 42, Some(1.0), "cycles:u", "")));
        assert_eq!(of("a.out 42 1000 cycles:u:"), Some(("a.out", 42, None, "cycles:u", "")));
        assert_eq!(of("    7f12 main+0x10 (/bin/a)"), None);
        assert_eq!(of("a;b;c 12"), None);
    }

    #[test]
    fn frames_lose_their_offset_and_keep_their_object() {
        let of = |text: &str| printed_frame(text).map(|(symbol, object)| format!("{symbol}|{object}"));
        assert_eq!(of("\t 7f12 f(int, char)+0x1f (/lib/libm.so.6)").unwrap(), "f(int, char)|/lib/libm.so.6");
        assert_eq!(
            of(" ffffffff81 do_syscall_64 ([kernel.kallsyms])").unwrap(),
            "do_syscall_64|[kernel.kallsyms]"
        );
        assert_eq!(of(" 7f12 [unknown] (/opt/a b/libx.so)").unwrap(), "[libx.so]|/opt/a b/libx.so");
        assert_eq!(of(" 7f12 g (inlined)").unwrap(), "g|");
        assert_eq!(of("  main.c:12"), None);
        assert_eq!(source_line("  main.c:12"), Some(("main.c".to_owned(), 12)));
    }
}
