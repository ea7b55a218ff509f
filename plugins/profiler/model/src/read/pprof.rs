//! pprof: [`Pprof`], the protobuf `profile.proto` of Go, gperftools and many others.
//!
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>. Samples are kept as they come; tables of
//! locations, functions and strings may follow them. The sample type is processor time where there is one, else the
//! count of samples, else the first. Called by [`crate::read`]; the few messages are decoded by hand ([`Message`]).

use std::collections::HashMap;

use crate::profile::{Profile, Unit};
use crate::read::builder::{Builder, head};
use crate::read::input::Input;
use crate::read::place::{self, Known};
use crate::read::problem::Stop;
use crate::read::protobuf::{Field, Message, next_field};

#[derive(Default)]
struct ValueType {
    kind: u64,
    unit: u64,
}

#[derive(Default)]
struct Location {
    mapping: u64,
    address: u64,
    /// Function and line, innermost first.
    lines: Vec<(u64, i64)>,
}

#[derive(Default)]
struct Function {
    name: u64,
    file: u64,
    start_line: i64,
}

#[derive(Default)]
struct Sample {
    /// Innermost first.
    locations: Vec<u64>,
    values: Vec<i64>,
}

#[derive(Default)]
pub(crate) struct Pprof {
    types: Vec<ValueType>,
    samples: Vec<Sample>,
    mappings: HashMap<u64, u64>,
    locations: HashMap<u64, Location>,
    functions: HashMap<u64, Function>,
    strings: Vec<String>,
    nanoseconds: i64,
    default_type: u64,
}

impl Pprof {
    pub(crate) fn read(&mut self, input: &mut Input<'_>) -> Result<(), Stop> {
        while let Some((number, field)) = next_field(input)? {
            let understood = match field {
                Field::Bytes(length) => {
                    let done = self.field(number, Message::new(&input.ahead()[..length]));
                    if done.is_some() {
                        input.take(length);
                    }
                    done.is_some()
                }
                Field::Number(value) => {
                    match number {
                        10 => self.nanoseconds = value.cast_signed(),
                        14 => self.default_type = value,
                        _ => {}
                    }
                    true
                }
            };
            if !understood {
                return Err(input.problem(format!("the message in field {number} of the profile is broken")));
            }
        }
        Ok(())
    }

    /// A message of the profile; `None` where it is broken.
    fn field(&mut self, number: u64, mut message: Message<'_>) -> Option<()> {
        match number {
            1 => {
                let mut value_type = ValueType::default();
                while let Some((field, value)) = message.next()? {
                    match field {
                        1 => value_type.kind = value.number()?,
                        2 => value_type.unit = value.number()?,
                        _ => {}
                    }
                }
                self.types.push(value_type);
            }
            2 => self.samples.push(sample(message)?),
            3 => {
                let (mut id, mut file) = (0, 0);
                while let Some((field, value)) = message.next()? {
                    match field {
                        1 => id = value.number()?,
                        5 => file = value.number()?,
                        _ => {}
                    }
                }
                self.mappings.insert(id, file);
            }
            4 => {
                let (mut id, mut location) = (0, Location::default());
                while let Some((field, value)) = message.next()? {
                    match field {
                        1 => id = value.number()?,
                        2 => location.mapping = value.number()?,
                        3 => location.address = value.number()?,
                        4 => location.lines.push(line(value.message()?)?),
                        _ => {}
                    }
                }
                self.locations.insert(id, location);
            }
            5 => {
                let (mut id, mut function) = (0, Function::default());
                while let Some((field, value)) = message.next()? {
                    match field {
                        1 => id = value.number()?,
                        2 => function.name = value.number()?,
                        4 => function.file = value.number()?,
                        5 => function.start_line = value.number()?.cast_signed(),
                        _ => {}
                    }
                }
                self.functions.insert(id, function);
            }
            6 => self.strings.push(String::from_utf8_lossy(message.bytes()).into_owned()),
            _ => {}
        }
        Some(())
    }

    fn string(&self, index: u64) -> &str {
        self.strings.get(index as usize).map_or("", String::as_str)
    }

    /// Which value of a sample is its weight, and its name.
    fn chosen(&self) -> (usize, String, Unit, u64) {
        let named: Vec<_> =
            self.types.iter().map(|value| (self.string(value.kind), self.string(value.unit))).collect();
        let position = |wanted: &dyn Fn(&(&str, &str)) -> bool| named.iter().position(wanted);
        let default = (self.default_type > 0).then(|| self.string(self.default_type));
        let chosen = position(&|(kind, unit)| *kind == "cpu" && time_scale(unit).is_some())
            .or_else(|| position(&|(kind, _)| default == Some(*kind)))
            .or_else(|| position(&|(kind, _)| *kind == "samples"))
            .unwrap_or(0);
        let (kind, unit) = named.get(chosen).copied().unwrap_or(("", ""));
        let (of, scale) = match (kind, unit) {
            (_, unit) if time_scale(unit).is_some() => (Unit::Nanoseconds, time_scale(unit).unwrap_or(1)),
            (_, "bytes") => (Unit::Bytes, 1),
            ("samples", _) => (Unit::Samples, 1),
            _ => (Unit::Count, 1),
        };
        (chosen, format!("{kind}/{unit}"), of, scale)
    }

    pub(crate) fn finish(self, file: &str) -> (Profile, Vec<String>) {
        let (chosen, title, unit, scale) = self.chosen();
        let mut builder = Builder::new();
        let thread = builder.thread(0, "all");
        let mut frames: HashMap<u64, Vec<u32>> = HashMap::new();
        let (mut negative, mut unknown) = (0_u64, 0_u64);
        for sample in &self.samples {
            let Ok(weight) = u64::try_from(sample.values.get(chosen).copied().unwrap_or(0)) else {
                negative += 1; // the difference of two profiles
                continue;
            };
            let mut node = crate::read::builder::ROOT;
            for id in sample.locations.iter().rev() {
                let known = frames.entry(*id).or_insert_with(|| {
                    unknown += u64::from(!self.locations.contains_key(id));
                    self.frames_of(&mut builder, *id)
                });
                node = known.iter().fold(node, |node, frame| builder.child(node, *frame));
            }
            builder.add(thread, node, weight.saturating_mul(scale));
        }
        let mut warnings = builder.warnings();
        let told = [
            (negative, "samples with a negative value were left out: is it the difference of two profiles?"),
            (unknown, "locations are used that the file does not have; they stand as their number"),
        ];
        warnings.extend(
            told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        if self.types.len() > 1 {
            let others: Vec<_> = self.types.iter().map(|value| self.string(value.kind)).collect();
            warnings.push(format!("the weight is {title}, one of {}", others.join(", ")));
        }
        let mut head = head("pprof", &format!("{title}, read from {file}"), unit);
        head.seconds = (self.nanoseconds > 0).then_some(self.nanoseconds as f64 / 1e9);
        let mut profile = builder.finish(head);
        for thread in &mut profile.threads {
            thread.runs.clear(); // samples have no order in time
        }
        (profile, warnings)
    }

    /// The frames of a location, outermost first: inlined calls are inside.
    fn frames_of(&self, builder: &mut Builder, id: u64) -> Vec<u32> {
        let location = self.locations.get(&id);
        let module = location
            .and_then(|location| self.mappings.get(&location.mapping))
            .map_or("", |file| self.string(*file));
        let named = location.map_or(&[][..], |location| &location.lines);
        let mut frames: Vec<u32> = Vec::with_capacity(named.len());
        for (function, line) in named.iter().rev() {
            let function = self.functions.get(function);
            let name = function.map_or("", |function| self.string(function.name));
            let file = function.map(|function| self.string(function.file)).filter(|file| !file.is_empty());
            let first_line = function.and_then(|function| u32::try_from(function.start_line).ok());
            let known = Known {
                name: if name.is_empty() { "[unknown]" } else { name },
                module,
                file,
                line: u32::try_from(*line).ok().filter(|line| *line > 0),
                first_line: first_line.filter(|line| *line > 0),
            };
            frames.push(place::intern(builder, &known));
        }
        if frames.is_empty() {
            let name = location
                .map_or_else(|| format!("location {id}"), |location| format!("{:#x}", location.address));
            frames.push(place::intern(builder, &Known { name: &name, module, ..Known::default() }));
        }
        frames
    }
}

fn time_scale(unit: &str) -> Option<u64> {
    match unit {
        "nanoseconds" => Some(1),
        "microseconds" => Some(1000),
        "milliseconds" => Some(1_000_000),
        "seconds" => Some(1_000_000_000),
        _ => None,
    }
}

fn sample(mut message: Message<'_>) -> Option<Sample> {
    let mut sample = Sample::default();
    while let Some((field, value)) = message.next()? {
        match field {
            1 => value.numbers(|location| sample.locations.push(location))?,
            2 => value.numbers(|value| sample.values.push(value.cast_signed()))?,
            _ => {}
        }
    }
    Some(sample)
}

fn line(mut message: Message<'_>) -> Option<(u64, i64)> {
    let (mut function, mut line) = (0, 0);
    while let Some((field, value)) = message.next()? {
        match field {
            1 => function = value.number()?,
            2 => line = value.number()?.cast_signed(),
            _ => {}
        }
    }
    Some((function, line))
}
