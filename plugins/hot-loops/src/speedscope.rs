//! Reads `profile.speedscope.json`: [`read`]. Evented profiles are refused by name.
//!
//! Called by the input. Weights in seconds become samples where all of them are multiples of the smallest.

use std::collections::HashMap;
use std::rc::Rc;

use profile_model::{Frame, Function, Profile, Stack, Thread, Unit, origin};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    shared: Shared,
    profiles: Vec<OneThread>,
}

#[derive(Deserialize)]
struct Shared {
    frames: Vec<RawFrame>,
}

#[derive(Deserialize)]
struct RawFrame {
    name: String,
    file: Option<String>,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct OneThread {
    r#type: String,
    name: String,
    samples: Vec<Vec<u32>>,
    weights: Vec<f64>,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Profile, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut functions: Vec<Function> = Vec::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut frames = Vec::new();
    for raw in file.shared.frames {
        let function = *known.entry(raw.name.clone()).or_insert_with(|| {
            functions.push(Function {
                kind: origin::kind(&raw.name, raw.file.as_deref(), ""),
                name: raw.name.clone(),
                module: String::new(),
                first_line: None,
                calls: None,
            });
            functions.len() as u32 - 1
        });
        frames.push(Frame { function, file: raw.file.map(Rc::from), line: raw.line });
    }
    let weights =
        || file.profiles.iter().flat_map(|one| &one.weights).copied().filter(|weight| *weight > 0.0);
    let smallest = weights().fold(f64::INFINITY, f64::min);
    let mut stacks: Vec<Stack> = Vec::new();
    let mut ids: HashMap<Vec<u32>, usize> = HashMap::new();
    let mut threads = Vec::new();
    for (one, tid) in file.profiles.iter().zip(0_i64..) {
        if one.r#type != "sampled" {
            return Err(format!("a profile of type `{}`: only `sampled` is read", one.r#type));
        }
        let mut total = 0;
        for (sample, weight) in one.samples.iter().zip(&one.weights) {
            if let Some(wrong) = sample.iter().find(|frame| **frame as usize >= frames.len()) {
                return Err(format!("a sample names frame {wrong} of {}", frames.len()));
            }
            let stack: Vec<u32> = sample.iter().rev().copied().collect();
            let weight = (weight / smallest).round() as u64;
            let id = *ids.entry(stack.clone()).or_insert_with(|| {
                stacks.push(Stack { frames: stack, weight: 0 });
                stacks.len() - 1
            });
            stacks[id].weight += weight;
            total += weight;
        }
        threads.push(Thread { tid, name: one.name.clone(), weight: total, runs: Vec::new() });
    }
    Ok(Profile {
        source: "speedscope".to_owned(),
        source_reason: "read from a file".to_owned(),
        unit: Unit::Samples,
        hz: smallest.is_finite().then(|| (1.0 / smallest).round() as u32),
        seconds: None,
        iterations: None,
        total: stacks.iter().map(|stack| stack.weight).sum(),
        lost: None,
        cut_off: None,
        single: None,
        functions,
        frames,
        stacks,
        threads,
        slices: Vec::new(),
    })
}
