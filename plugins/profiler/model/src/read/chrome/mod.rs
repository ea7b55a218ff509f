//! Chrome traces: [`ChromeTrace`], the JSON of `chrome://tracing` that the PyTorch profiler writes, too.
//!
//! The format is Google's "Trace Event Format": an object with `traceEvents`, or a bare array whose end may be
//! missing. Kept are complete events (`X`) and pairs (`B`, `E`), 16 bytes each, and names of processes and threads
//! (`M`); counters, flows, instants and objects are passed over unread. What encloses what follows from time alone,
//! thread by thread ([`nest`]). Called by [`crate::read`]; never holds the file.

mod names;
mod nest;
mod time;
mod track;

use std::collections::HashMap;

use crate::profile::{Profile, Unit};
use crate::read::builder::{Builder, head};
use crate::read::json::{Json, Shape};
use crate::read::problem::Stop;
use names::Names;
use track::{Event, Id, TrackKey, Tracks};

/// Events that were not counted, by reason.
#[derive(Default)]
struct LeftOut {
    negative: u64,
    without_time: u64,
    without_duration: u64,
    ends_alone: u64,
}

/// An event as far as it was read.
#[derive(Default)]
struct Raw {
    phase: u8,
    pid: Id,
    tid: Id,
    start: Option<i64>,
    duration: Option<i64>,
    has_duration: bool,
    label: Option<String>,
}

/// Events by thread.
#[derive(Default)]
pub(crate) struct ChromeTrace {
    names: Names,
    tracks: Tracks,
    /// Begin and end of each measured iteration, and the thread that says so.
    steps: Vec<(i64, i64)>,
    stepper: Option<u32>,
    process_names: HashMap<Id, String>,
    thread_names: HashMap<(Id, Id), String>,
    left_out: LeftOut,
    warnings: Vec<String>,
    name: Vec<u8>,
    category: Vec<u8>,
}

impl ChromeTrace {
    /// All events of an array whose `[` was taken; `bare` where the file is nothing else.
    pub(crate) fn events(&mut self, json: &mut Json<'_>, bare: bool) -> Result<(), Stop> {
        let mut first = true;
        loop {
            if bare && json.peek()?.is_none() {
                self.warnings.push(UNCLOSED.to_owned());
                return Ok(());
            }
            if !json.element(first)? {
                return Ok(());
            }
            first = false;
            if bare && json.peek()?.is_none() {
                self.warnings.push(UNCLOSED.to_owned());
                return Ok(());
            }
            match json.shape("the list of events")? {
                Shape::Object => {
                    json.input.take(1);
                    self.event(json)?;
                }
                _ => json.skip()?,
            }
        }
    }

    fn event(&mut self, json: &mut Json<'_>) -> Result<(), Stop> {
        let mut raw = Raw::default();
        self.name.clear();
        self.category.clear();
        let mut first = true;
        while let Some(key) = json.key(first)? {
            first = false;
            let member = Member::of(key);
            json.colon()?;
            match member {
                Member::Phase => {
                    if json.shape("an event")? == Shape::Text {
                        raw.phase = json.string()?.first().copied().unwrap_or_default();
                    } else {
                        json.skip()?;
                    }
                    if !matches!(raw.phase, b'X' | b'B' | b'E' | b'M') {
                        return json.leave();
                    }
                }
                Member::Name => text_into(json, &mut self.name)?,
                Member::Category => text_into(json, &mut self.category)?,
                Member::Pid => raw.pid = self.id(json)?,
                Member::Tid => raw.tid = self.id(json)?,
                Member::Start => raw.start = json.number(time::nanoseconds)?,
                Member::Duration => {
                    raw.duration = json.number(time::nanoseconds)?;
                    raw.has_duration = true;
                }
                // The phase comes first in most files; where it does not, any event may be a name.
                Member::Arguments if matches!(raw.phase, 0 | b'M') => raw.label = label(json)?,
                Member::Arguments | Member::Other => json.skip()?,
            }
        }
        self.keep(raw);
        Ok(())
    }

    fn id(&mut self, json: &mut Json<'_>) -> Result<Id, Stop> {
        match json.shape("an event")? {
            Shape::Text => {
                let text = json.string()?;
                Ok(self.tracks.text_id(text))
            }
            Shape::Scalar => Ok(time::whole(json.scalar()?).map_or(Id::None, Id::Number)),
            _ => json.skip().map(|()| Id::None),
        }
    }

    fn keep(&mut self, raw: Raw) {
        if raw.phase == b'M' {
            match (&self.name[..], raw.label) {
                (b"process_name", Some(label)) => drop(self.process_names.insert(raw.pid, label)),
                (b"thread_name", Some(label)) => drop(self.thread_names.insert((raw.pid, raw.tid), label)),
                _ => {}
            }
            return;
        }
        // The profiler's own span, from before its first event to after its last.
        if !matches!(raw.phase, b'X' | b'B' | b'E') || self.category == b"Trace" {
            return;
        }
        let Some(start) = raw.start else {
            self.left_out.without_time += 1;
            return;
        };
        let device = names::is_device(&self.category);
        let track = self.tracks.of(TrackKey { pid: raw.pid, tid: raw.tid, device });
        if raw.phase == b'E' {
            match self.tracks.end(track, start) {
                Ok(true) => {}
                Ok(false) => self.left_out.negative += 1,
                Err(track::NothingOpen) => self.left_out.ends_alone += 1,
            }
            return;
        }
        let step = names::is_step(&self.name);
        let name = self.names.id(&mut self.name, &self.category);
        if raw.phase == b'B' {
            self.tracks.begin(track, start, name);
            return;
        }
        match (raw.duration, raw.has_duration) {
            (Some(duration), _) if duration >= 0 => {
                self.tracks.add(track, start, duration, name);
                if step && self.category == b"user_annotation" && *self.stepper.get_or_insert(track) == track
                {
                    self.steps.push((start, start.saturating_add(duration)));
                }
            }
            (Some(_), _) => self.left_out.negative += 1,
            (None, true) => self.left_out.without_time += 1,
            (None, false) => self.left_out.without_duration += 1,
        }
    }

    /// Nests the events of each thread, and says what was left out.
    pub(crate) fn finish(mut self, file: &str) -> (Profile, Vec<String>) {
        let unclosed = self.tracks.close();
        if self.tracks.is_empty() {
            self.warnings.push("the trace has no event with a duration".to_owned());
        }
        self.steps.sort_unstable();
        // Steps of one thread follow each other; a broken file's are cut where the next begins.
        for index in 1..self.steps.len() {
            self.steps[index - 1].1 = self.steps[index - 1].1.min(self.steps[index].0);
        }
        let mut builder = Builder::new();
        let frames = self.names.frames(&mut builder);
        let (mut overlaps, mut from, mut to) = (0, i64::MAX, i64::MIN);
        let titles = self.titles();
        for (track, (tid, title)) in titles.into_iter().enumerate() {
            let thread = builder.thread(tid, title);
            let mut nest = nest::Nest::new(&mut builder, thread, &frames, &self.steps);
            for Event { start, duration, name } in self.tracks.sorted(track) {
                let end = start.saturating_add(duration);
                (from, to) = (from.min(start), to.max(end));
                nest.event(start, end, name);
            }
            overlaps += nest.finish();
        }
        let what =
            if self.names.are_torch() { "a trace of the PyTorch profiler" } else { "a trace of events" };
        let mut head = head("Chrome trace", &format!("{what}, read from {file}"), Unit::Nanoseconds);
        head.seconds = (from <= to).then(|| to.saturating_sub(from) as f64 / 1e9);
        head.iterations = (!self.steps.is_empty()).then_some(self.steps.len() as u64);
        self.warn(unclosed, overlaps);
        self.warnings.extend(builder.warnings());
        (builder.finish(head), self.warnings)
    }

    fn warn(&mut self, unclosed: u64, overlaps: u64) {
        let LeftOut { negative, without_time, without_duration, ends_alone } = self.left_out;
        let told = [
            (negative, "events with a negative duration were left out"),
            (without_time, "events whose time is missing or no number were left out"),
            (without_duration, "complete events (`X`) without a duration were left out"),
            (ends_alone, "ends (`E`) without a beginning were left out"),
            (unclosed, "begun events (`B`) never ended; they count up to the last time of their thread"),
            (
                overlaps,
                "events end after the event they began in; they count as called by it up to its end, and \
                        on their own after it",
            ),
        ];
        self.warnings.extend(
            told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
    }

    /// Id and name of each thread; names that are there twice get their ids.
    fn titles(&self) -> Vec<(i64, String)> {
        let keys: Vec<TrackKey> = self.tracks.keys();
        let processes: std::collections::HashSet<Id> = keys.iter().map(|key| key.pid).collect();
        let mut titles: Vec<String> = Vec::with_capacity(keys.len());
        for key in &keys {
            let (pid, tid) = (self.tracks.shown(key.pid), self.tracks.shown(key.tid));
            let mut title = self
                .thread_names
                .get(&(key.pid, key.tid))
                .cloned()
                .unwrap_or_else(|| format!("thread {tid}"));
            if processes.len() > 1 {
                let process = self.process_names.get(&key.pid).cloned().unwrap_or_default();
                let process = if key.device { format!("device {pid}") } else { format!("{process} {pid}") };
                title = format!("{}: {title}", process.trim_start());
            }
            if titles.contains(&title) {
                title = format!("{title} (pid {pid}, tid {tid}{})", if key.device { ", device" } else { "" });
            }
            titles.push(title);
        }
        let ids = keys.iter().zip(1..).map(|(key, number)| match key.tid {
            Id::Number(tid) => tid,
            Id::Text(_) | Id::None => -number,
        });
        ids.zip(titles).collect()
    }
}

const UNCLOSED: &str =
    "the list of events is not closed; the format allows that, and events may be missing at its end";

/// A member of an event that means something here.
#[derive(Clone, Copy)]
enum Member {
    Phase,
    Name,
    Category,
    Pid,
    Tid,
    Start,
    Duration,
    Arguments,
    Other,
}

impl Member {
    #[inline]
    fn of(key: &[u8]) -> Self {
        match key {
            b"ph" => Self::Phase,
            b"name" => Self::Name,
            b"cat" => Self::Category,
            b"pid" => Self::Pid,
            b"tid" => Self::Tid,
            b"ts" => Self::Start,
            b"dur" => Self::Duration,
            b"args" => Self::Arguments,
            _ => Self::Other,
        }
    }
}

#[inline]
fn text_into(json: &mut Json<'_>, into: &mut Vec<u8>) -> Result<(), Stop> {
    into.clear();
    if json.shape("an event")? != Shape::Text {
        return json.skip();
    }
    into.extend_from_slice(json.string()?);
    Ok(())
}

/// The `name` in the arguments of an event.
fn label(json: &mut Json<'_>) -> Result<Option<String>, Stop> {
    let mut label = None;
    if json.enter(b'{')? {
        let mut first = true;
        while let Some(key) = json.key(first)? {
            first = false;
            let wanted = key == b"name";
            json.colon()?;
            if wanted {
                label = json.text()?;
            } else {
                json.skip()?;
            }
        }
    }
    Ok(label)
}
