//! speedscope files: [`Speedscope`], `sampled` and `evented` profiles over shared frames.
//!
//! <https://www.speedscope.app/file-format-schema.json>; py-spy writes it, and so do we, with a member `runner` that
//! holds what the format cannot say ([`OwnPart`]): where it is there, it alone is read. Called by [`crate::read`].
//! The members may come in any order, so stacks are kept as numbers of frames until the end.

use std::collections::HashMap;

use crate::own::OwnPart;
use crate::profile::{Profile, Unit};
use crate::read::builder::{Builder, ROOT, head};
use crate::read::json::{Json, Shape, parsed};
use crate::read::place::{self, Known};
use crate::read::problem::Stop;

#[derive(Default)]
struct SharedFrame {
    name: String,
    file: Option<String>,
    line: Option<u32>,
}

/// One of the profiles, with the stacks as nodes of [`Speedscope::nodes`].
#[derive(Default)]
struct One {
    name: String,
    unit: String,
    start: Option<f64>,
    end: Option<f64>,
    samples: Vec<u32>,
    weights: Vec<f64>,
    /// Stack and time of an evented profile.
    spans: Vec<(u32, f64)>,
    overlaps: u64,
    left_open: usize,
    /// Read to its end.
    whole: bool,
}

#[derive(Default)]
pub(crate) struct Speedscope {
    name: Option<String>,
    exporter: Option<String>,
    frames: Vec<SharedFrame>,
    profiles: Vec<One>,
    /// Parent and frame, and the number of each; the first is the empty stack.
    nodes: Vec<(u32, u32)>,
    node_ids: HashMap<(u32, u32), u32>,
    own: Option<Profile>,
    warnings: Vec<String>,
    /// A member that only such a file has was seen.
    pub(crate) seen: bool,
}

impl Speedscope {
    /// A top-level member; false where it is none of this format, and nothing was read.
    pub(crate) fn member(&mut self, json: &mut Json<'_>, key: &str) -> Result<bool, Stop> {
        match key {
            "name" => self.name = json.text()?,
            "exporter" => self.exporter = json.text()?,
            "shared" => {
                self.seen = true;
                self.shared(json)?;
            }
            "profiles" => {
                self.seen = true;
                if self.nodes.is_empty() {
                    self.nodes.push((ROOT, 0));
                }
                if json.enter(b'[')? {
                    let mut first = true;
                    while json.element(first)? {
                        first = false;
                        self.profile(json)?;
                    }
                }
            }
            "runner" => {
                let mut bytes = Vec::new();
                json.raw(&mut bytes)?;
                let own = serde_json::from_slice::<OwnPart>(&bytes).map_err(|error| error.to_string());
                match own.and_then(OwnPart::profile) {
                    Ok(own) => self.own = Some(own),
                    Err(error) => self.warnings.push(format!(
                        "the member `runner` is not used, and the rest read as any speedscope file: {error}"
                    )),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn shared(&mut self, json: &mut Json<'_>) -> Result<(), Stop> {
        if !json.enter(b'{')? {
            return Ok(());
        }
        let mut first = true;
        while let Some(key) = json.key(first)? {
            first = false;
            let wanted = key == b"frames";
            json.colon()?;
            if !wanted || !json.enter(b'[')? {
                if !wanted {
                    json.skip()?;
                }
                continue;
            }
            let mut first = true;
            while json.element(first)? {
                first = false;
                let frame = shared_frame(json)?;
                self.frames.push(frame);
            }
        }
        Ok(())
    }

    fn profile(&mut self, json: &mut Json<'_>) -> Result<(), Stop> {
        if !json.enter(b'{')? {
            return Ok(());
        }
        self.profiles.push(One::default());
        let at = self.profiles.len() - 1;
        let mut first = true;
        while let Some(key) = json.key(first)? {
            first = false;
            let key = String::from_utf8_lossy(key).into_owned();
            json.colon()?;
            match key.as_str() {
                "name" => self.profiles[at].name = json.text()?.unwrap_or_default(),
                "unit" => self.profiles[at].unit = json.text()?.unwrap_or_default(),
                "startValue" => self.profiles[at].start = json.number(parsed)?,
                "endValue" => self.profiles[at].end = json.number(parsed)?,
                "samples" => self.samples(json, at)?,
                "weights" => self.weights(json, at)?,
                "events" => self.events(json, at)?,
                _ => json.skip()?,
            }
        }
        self.profiles[at].whole = true;
        Ok(())
    }

    fn node(&mut self, parent: u32, frame: u32) -> u32 {
        let new = self.nodes.len() as u32;
        let id = *self.node_ids.entry((parent, frame)).or_insert(new);
        if id == new {
            self.nodes.push((parent, frame));
        }
        id
    }

    fn samples(&mut self, json: &mut Json<'_>, at: usize) -> Result<(), Stop> {
        if !json.enter(b'[')? {
            return Ok(());
        }
        let mut first = true;
        while json.element(first)? {
            first = false;
            let mut node = ROOT;
            if json.enter(b'[')? {
                let mut first = true;
                while json.element(first)? {
                    first = false;
                    match json.number(parsed::<u32>)? {
                        Some(frame) => node = self.node(node, frame),
                        None => {
                            return Err(json
                                .input
                                .problem("a sample holds something that is no number of a frame"));
                        }
                    }
                }
            }
            self.profiles[at].samples.push(node);
        }
        Ok(())
    }

    fn weights(&mut self, json: &mut Json<'_>, at: usize) -> Result<(), Stop> {
        if !json.enter(b'[')? {
            return Ok(());
        }
        let mut first = true;
        while json.element(first)? {
            first = false;
            let weight = json.number(parsed::<f64>)?.unwrap_or(f64::NAN);
            self.profiles[at].weights.push(weight);
        }
        Ok(())
    }

    /// Opened (`O`) and closed (`C`) frames, in the order of time.
    fn events(&mut self, json: &mut Json<'_>, at: usize) -> Result<(), Stop> {
        if !json.enter(b'[')? {
            return Ok(());
        }
        let mut open: Vec<(u32, u32)> = Vec::new();
        let mut since: Option<f64> = None;
        let mut first = true;
        while json.element(first)? {
            first = false;
            let Some((opens, frame, time)) = opening(json)? else {
                return Err(json.input.problem("an event without `type`, `frame` or `at`"));
            };
            if let (Some((node, _)), Some(since)) = (open.last(), since) {
                self.profiles[at].spans.push((*node, time - since));
            }
            since = Some(time);
            if opens {
                let node = self.node(open.last().map_or(ROOT, |(node, _)| *node), frame);
                open.push((node, frame));
            } else if let Some(place) = open.iter().rposition(|(_, other)| *other == frame) {
                if place + 1 < open.len() {
                    self.profiles[at].overlaps += 1;
                    let above: Vec<u32> = open.drain(place..).skip(1).map(|(_, frame)| frame).collect();
                    for frame in above {
                        let node = self.node(open.last().map_or(ROOT, |(node, _)| *node), frame);
                        open.push((node, frame));
                    }
                } else {
                    open.pop();
                }
            } else {
                self.profiles[at].overlaps += 1;
            }
        }
        self.profiles[at].left_open = open.len();
        Ok(())
    }

    /// The profile, and what is odd in it.
    pub(crate) fn finish(self, file: &str) -> (Profile, Vec<String>) {
        if let Some(own) = self.own {
            return (own, self.warnings);
        }
        let (unit, scale) = unit_of(&self.profiles);
        let mut builder = Builder::new();
        let mut warnings = self.warnings;
        let mut unknown = 0_u64;
        let mut frames: HashMap<u32, u32> = HashMap::new();
        let mut nodes: Vec<u32> = Vec::with_capacity(self.nodes.len());
        for (place, (parent, frame)) in self.nodes.iter().enumerate() {
            if place == 0 {
                nodes.push(ROOT);
                continue;
            }
            let frame = *frames.entry(*frame).or_insert_with(|| {
                let shared = self.frames.get(*frame as usize);
                unknown += u64::from(shared.is_none());
                let number = format!("frame {frame}");
                let known = shared.map_or(Known { name: &number, ..Known::default() }, SharedFrame::known);
                place::intern(&mut builder, &known)
            });
            nodes.push(builder.child(nodes[*parent as usize], frame));
        }
        let (mut wrong, mut overlaps, mut open, mut other_units) = (0_u64, 0, 0, 0_u64);
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for one in &self.profiles {
            if unit_of(std::slice::from_ref(one)) != (unit, scale) {
                other_units += 1;
                continue;
            }
            let (tid, name) = thread_name(&one.name);
            let thread = builder.thread(tid, name);
            // A sample without a weight weighs 1, but not where the file ends before the weights.
            let unweighted = if one.weights.is_empty() && one.whole { one.samples.len() } else { 0 };
            let weights = one.weights.iter().copied().chain(std::iter::repeat_n(1.0, unweighted));
            let sampled = one.samples.iter().copied().zip(weights);
            for (node, weight) in sampled.chain(one.spans.iter().copied()) {
                if !(weight >= 0.0 && weight.is_finite()) {
                    wrong += 1;
                    continue;
                }
                builder.add(thread, nodes[node as usize], (weight * scale).round() as u64);
            }
            overlaps += one.overlaps;
            open += one.left_open;
            (from, to) = (from.min(one.start.unwrap_or(from)), to.max(one.end.unwrap_or(to)));
        }
        let told = [
            (wrong, "weights that are negative or no number were left out"),
            (unknown, "frames are used that `shared` does not have; they stand as their number"),
            (overlaps, "frames are closed out of order"),
            (open as u64, "frames are never closed"),
            (other_units, "profiles in another unit than the first were left out"),
        ];
        warnings.extend(
            told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        warnings.extend(builder.warnings());
        let by = self.exporter.map_or(String::new(), |exporter| format!(" of {exporter}"));
        let mut head = head("speedscope", &format!("a speedscope file{by}, read from {file}"), unit);
        head.seconds = (unit == Unit::Nanoseconds && from <= to).then(|| (to - from) * scale / 1e9);
        (builder.finish(head), warnings)
    }
}

impl SharedFrame {
    fn known(&self) -> Known<'_> {
        match &self.file {
            Some(file) => Known { name: &self.name, file: Some(file), line: self.line, ..Known::default() },
            None => place::frame(&self.name),
        }
    }
}

/// Unit of the first, and what one of its values is in it.
fn unit_of(profiles: &[One]) -> (Unit, f64) {
    match profiles.first().map_or("", |one| one.unit.as_str()) {
        "seconds" => (Unit::Nanoseconds, 1e9),
        "milliseconds" => (Unit::Nanoseconds, 1e6),
        "microseconds" => (Unit::Nanoseconds, 1e3),
        "nanoseconds" => (Unit::Nanoseconds, 1.0),
        "bytes" => (Unit::Bytes, 1.0),
        _ => (Unit::Samples, 1.0),
    }
}

/// `worker (42)` is our own form; a thread without a number is 0.
fn thread_name(text: &str) -> (i64, &str) {
    let numbered = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
    numbered.and_then(|(name, tid)| Some((tid.parse().ok()?, name))).unwrap_or((0, text))
}

fn shared_frame(json: &mut Json<'_>) -> Result<SharedFrame, Stop> {
    let mut frame = SharedFrame::default();
    if !json.enter(b'{')? {
        return Ok(frame);
    }
    let mut first = true;
    while let Some(key) = json.key(first)? {
        first = false;
        let key = match key {
            b"name" => 1,
            b"file" => 2,
            b"line" => 3,
            _ => 0,
        };
        json.colon()?;
        match key {
            1 => frame.name = json.text()?.unwrap_or_default(),
            2 => frame.file = json.text()?,
            3 => frame.line = json.number(parsed)?.filter(|line| *line > 0),
            _ => json.skip()?,
        }
    }
    Ok(frame)
}

fn opening(json: &mut Json<'_>) -> Result<Option<(bool, u32, f64)>, Stop> {
    let (mut opens, mut frame, mut at) = (None, None, None);
    if !json.enter(b'{')? {
        return Ok(None);
    }
    let mut first = true;
    while let Some(key) = json.key(first)? {
        first = false;
        let key = match key {
            b"type" => 1,
            b"frame" => 2,
            b"at" => 3,
            _ => 0,
        };
        json.colon()?;
        match key {
            1 if json.shape("an event")? == Shape::Text => opens = Some(json.string()? == b"O"),
            2 => frame = json.number(parsed)?,
            3 => at = json.number(parsed)?,
            _ => json.skip()?,
        }
    }
    Ok(opens.zip(frame).zip(at).map(|((opens, frame), at)| (opens, frame, at)))
}
