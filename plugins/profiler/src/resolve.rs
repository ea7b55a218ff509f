//! From a recording to a profile: [`resolve`] gives every address its name.
//!
//! Called once, by the plugin, after the stop. Slow work (debug information is read here), outside every
//! measurement.

use std::collections::{BTreeMap, HashMap};

use profile_model::{Profile, Stack, Thread, Unit};

use crate::maps::Maps;
use crate::sampler::Sampled;
use crate::symbols::Symbols;

/// Names everything. Paths below `root` are shown relative to it.
pub fn resolve(ended: Sampled, hz: u32, iterations: impl Into<Option<u64>>, root: String) -> Profile {
    let Sampled { recording, source, reason, seconds, begin, marks, maps, .. } = ended;
    let raw_slices = recording.slices(begin, &marks).unwrap_or_default();
    let (samples, lost) = (recording.samples, recording.lost);
    let (cut_off, single) = (recording.cut_off, recording.single);
    let (raw_stacks, raw_threads) = recording.into_parts();
    let mut symbols = Symbols::new(maps.unwrap_or_else(|| Maps::read().unwrap_or_default()), root);
    // Which names may be shortened to one is known only when all are known.
    for (addresses, _) in &raw_stacks {
        symbols.stack(addresses);
    }
    let names = symbols.shorten();
    let mut stacks: Vec<Stack> = Vec::new();
    // Addresses of one line give equal stacks once they are named.
    let mut ids: HashMap<Vec<u32>, u32> = HashMap::new();
    let mut renamed = Vec::with_capacity(raw_stacks.len());
    for (addresses, count) in raw_stacks {
        let frames = names.stack(&addresses);
        let id = *ids.entry(frames).or_insert_with_key(|frames| {
            stacks.push(Stack { frames: frames.clone(), weight: 0 });
            stacks.len() as u32 - 1
        });
        stacks[id as usize].weight += count;
        renamed.push(id);
    }
    let threads = raw_threads
        .into_iter()
        .map(|((tid, _), thread)| Thread {
            tid: i64::from(tid),
            name: thread.name,
            weight: thread.samples,
            runs: thread.runs.into_iter().map(|(id, count)| (renamed[id as usize], count)).collect(),
        })
        .collect();
    Profile {
        source,
        source_reason: reason,
        unit: Unit::Samples,
        hz: Some(hz),
        seconds: Some(seconds),
        iterations: iterations.into(),
        total: samples,
        lost: Some(lost),
        cut_off: Some(cut_off),
        single: Some(single),
        functions: names.functions,
        frames: names.frames,
        stacks,
        threads,
        slices: raw_slices
            .into_iter()
            .map(|slice| {
                let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
                for (id, count) in slice {
                    *sums.entry(renamed[id as usize]).or_default() += count;
                }
                sums.into_iter().collect()
            })
            .collect(),
    }
}
