//! Profiles that other programs wrote: [`read`], which gives a [`ReadProfile`].
//!
//! One file a format, chosen by what the first bytes are ([`detect`]), gzip unwrapped first. Each reader goes once
//! through its file in chunks and fills a `Builder`, whose calls become a [`Profile`]. Called by plugins that read a
//! trace a harness wrote. Never loads a whole file, never fails for what stands behind the place of a mistake: what was
//! read up to there is kept.
//!
//! To add a format: a file with a type that has `read` and `finish`, a case in `detect`, one in [`Format`], one here.

mod builder;
mod chrome;
mod collapsed;
mod detect;
mod input;
mod json;
mod perf_script;
mod place;
mod pprof;
mod problem;
mod protobuf;
mod skip;
mod speedscope;

use std::io::Read;

use crate::profile::Profile;
use detect::Detected;
use input::Input;
use json::{Json, Shape};
use problem::Stop;
pub use problem::{Place, ReadError, ReadProblem};

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The JSON of `chrome://tracing`, of the PyTorch profiler and others.
    ChromeTrace,
    /// <https://www.speedscope.app>; py-spy's, and our own.
    Speedscope,
    /// `a;b;c 12`.
    Collapsed,
    /// The protobuf of Go's tools.
    Pprof,
    /// The text that `perf script` prints.
    PerfScript,
}

/// A profile from a file, and how far it can be trusted.
#[derive(Clone, Debug)]
pub struct ReadProfile {
    /// What the file was.
    pub format: Format,
    /// All that could be read of it.
    pub profile: Profile,
    /// Why the file could not be read to its end; what stands behind the place is missing in `profile`.
    pub problem: Option<ReadProblem>,
    /// What is odd in it, and what was left out, a sentence each.
    pub warnings: Vec<String>,
}

/// Wrapped more often, it is no profile.
const WRAPPINGS: usize = 2;

/// Reads a profile of any [`Format`], in one pass, with memory in proportion to what is kept of it (about 16 bytes an
/// event of a trace, and each distinct stack once).
///
/// `name` is how messages call the file. The source may be anything; it is read in chunks of 256 KiB, so it needs no
/// buffer of its own.
///
/// # Errors
///
/// The file is of another kind, or nothing with a weight stands before its first mistake.
pub fn read(source: impl Read, name: &str) -> Result<ReadProfile, ReadError> {
    let mut input = Input::new(Box::new(source), name);
    for _ in 0..=WRAPPINGS {
        match detect::detect(input.head()) {
            Detected::Gzip => {
                let unpacked = flate2::read::MultiGzDecoder::new(input.into_source());
                input = Input::new(Box::new(unpacked), name);
                input.unpacked = true;
            }
            Detected::Empty => return Err(empty(input)),
            Detected::Other(what) => {
                input.text = false;
                return Err(error(input.problem(what)));
            }
            Detected::Json => return json_file(input, name),
            Detected::Pprof => {
                input.text = false;
                let mut pprof = pprof::Pprof::default();
                let stop = pprof.read(&mut input).err();
                return done(Format::Pprof, pprof.finish(name), stop);
            }
            Detected::PerfScript => {
                let mut script = perf_script::PerfScript::new();
                let stop = script.read(&mut input).err();
                return done(Format::PerfScript, script.finish(name), stop);
            }
            Detected::Collapsed => {
                let mut collapsed = collapsed::Collapsed::new();
                let stop = collapsed.read(&mut input).err();
                return done(Format::Collapsed, collapsed.finish(name), stop);
            }
        }
    }
    Err(error(input.problem("compressed again and again: unpack it first")))
}

fn error(stop: Stop) -> ReadError {
    ReadError { problem: *stop.0 }
}

fn empty(mut input: Input<'_>) -> ReadError {
    // A failure of the source may be why there is nothing.
    let nothing = loop {
        let blank = input.ahead().len();
        input.take(blank);
        match input.more() {
            Ok(true) => {}
            Ok(false) => break input.problem("the file is empty, or has nothing but comments"),
            Err(stop) => break stop,
        }
    };
    error(nothing)
}

fn done(
    format: Format,
    (profile, warnings): (Profile, Vec<String>),
    stop: Option<Stop>,
) -> Result<ReadProfile, ReadError> {
    match stop {
        Some(stop) if profile.total == 0 => Err(error(stop)),
        stop => Ok(ReadProfile { format, profile, problem: stop.map(|stop| *stop.0), warnings }),
    }
}

/// A trace or a speedscope file: the members tell.
fn json_file(mut input: Input<'_>, name: &str) -> Result<ReadProfile, ReadError> {
    if input.ahead().starts_with(b"\xef\xbb\xbf") {
        input.take(3);
    }
    let mut json = Json::new(input);
    let mut trace = chrome::ChromeTrace::default();
    let mut speedscope = speedscope::Speedscope::default();
    let mut members = Members::default();
    match members_of(&mut json, &mut trace, &mut speedscope, &mut members) {
        Ok(()) if !members.is_trace && !speedscope.seen => {
            Err(error(json.input.problem_at_start(members.explanation())))
        }
        result if members.is_trace => done(Format::ChromeTrace, trace.finish(name), result.err()),
        result => done(Format::Speedscope, speedscope.finish(name), result.err()),
    }
}

/// What a JSON file has.
#[derive(Default)]
struct Members {
    is_trace: bool,
    seen: Vec<String>,
}

/// Names of members in the explanation.
const SHOWN: usize = 8;

fn members_of(
    json: &mut Json<'_>,
    trace: &mut chrome::ChromeTrace,
    speedscope: &mut speedscope::Speedscope,
    members: &mut Members,
) -> Result<(), Stop> {
    if json.shape("the file")? == Shape::Array {
        json.input.take(1);
        members.is_trace = true;
        return trace.events(json, true);
    }
    json.expect(b'{', "the file")?;
    let mut first = true;
    while let Some(key) = json.key(first)? {
        first = false;
        let key = String::from_utf8_lossy(key).into_owned();
        json.colon()?;
        if key == "traceEvents" {
            members.is_trace = true;
            if json.enter(b'[')? {
                trace.events(json, false)?;
            }
        } else if members.is_trace || !speedscope.member(json, &key)? {
            json.skip()?;
        }
        if members.seen.len() < SHOWN {
            members.seen.push(key);
        }
    }
    Ok(())
}

impl Members {
    fn explanation(&self) -> String {
        let has = |keys: &[&str]| keys.iter().all(|key| self.seen.iter().any(|seen| seen == key));
        let way = if has(&["meta", "threads"]) {
            "it looks like a profile of the Firefox Profiler: export it as collapsed stacks or pprof"
        } else if has(&["nodes", "startTime"]) {
            "it looks like a .cpuprofile of V8: open it in speedscope and export it from there"
        } else if has(&["operations", "by_self"]) {
            "it looks like our own hotspots.json, which is a result: give profile.speedscope.json beside it"
        } else {
            "a Chrome trace has `traceEvents`, a speedscope file `profiles` and `shared`"
        };
        format!("JSON, but no profile that can be read, members `{}`: {way}", self.seen.join("`, `"))
    }
}
