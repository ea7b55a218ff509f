//! What the unit tests share: profiles and inventories by hand, with shares that are known by construction.
//!
//! A stack is written outermost first as `function file:line`; without `:line` only the function is known.

mod forms;
mod parts;
mod shares;

use std::collections::BTreeMap;
use std::rc::Rc;

use hot_loops_model::{HotLoop, HotLoops};
use loop_inventory_model::Inventory;
use profile_model::{Frame, Function, Profile, Stack, Thread, Unit, origin};
use serde_json::{Value, json};

use crate::correlate::{Correlation, Origin};

/// A profile of one thread. `main src/k.rs:3` is a frame with a line, `run src/k.py@7` one of which only the
/// function and its first line are known, `memcpy` one without a source.
pub(crate) fn profile(stacks: &[(&[&str], u64)]) -> Profile {
    let mut functions: Vec<Function> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut made = Vec::new();
    for (stack, weight) in stacks {
        let mut ids = Vec::new();
        for word in stack.iter().rev() {
            let (name, place) =
                word.split_once(' ').map_or((*word, None), |(name, place)| (name, Some(place)));
            let (file, line, first) = match place.map(|place| (place, place.rsplit_once([':', '@']))) {
                None => (None, None, None),
                Some((place, Some((file, number)))) => {
                    let number = number.parse().expect("a line");
                    let is_line = !place.contains('@');
                    (Some(file), is_line.then_some(number), (!is_line).then_some(number))
                }
                Some((place, None)) => (Some(place), None, None),
            };
            let is_it = |other: &Function| other.name == name && other.first_line == first;
            let function = functions.iter().position(is_it).unwrap_or_else(|| {
                let object = if file.is_some() { "libk.so" } else { "libc.so.6" };
                functions.push(Function {
                    name: name.to_owned(),
                    module: object.to_owned(),
                    kind: origin::kind(name, file, object),
                    first_line: first,
                    calls: None,
                });
                functions.len() - 1
            });
            let frame = Frame { function: function as u32, file: file.map(Rc::from), line };
            let id = frames.iter().position(|other| *other == frame).unwrap_or_else(|| {
                frames.push(frame);
                frames.len() - 1
            });
            ids.push(id as u32);
        }
        made.push(Stack { frames: ids, weight: *weight });
    }
    let total = made.iter().map(|stack| stack.weight).sum();
    Profile {
        source: "by hand".into(),
        source_reason: "a test".into(),
        unit: Unit::Samples,
        hz: Some(999),
        seconds: Some(1.0),
        iterations: None,
        total,
        lost: Some(0),
        cut_off: Some(0),
        single: Some(0),
        functions,
        frames,
        stacks: made,
        threads: vec![Thread { tid: 1, name: "main".into(), weight: total, runs: Vec::new() }],
        slices: Vec::new(),
    }
}

/// A loop: module, first line, last line, function, function's line.
pub(crate) fn a_loop(module: &str, lines: (u64, u64), function: &str, function_line: u64) -> Value {
    json!({
        "module": module, "line": lines.0, "col_offset": lines.0, "loop_type": "for",
        "loop_header": format!("for i in {}", lines.0), "iteration_hint": "", "language": "python",
        "id": format!("{module}:{function}:{}", lines.0), "end_line": lines.1,
        "function": function, "function_line": function_line
    })
}

pub(crate) fn inventory(loops: &[Value]) -> Inventory {
    let json = json!({
        "scan_timestamp": "2026-01-02T03:04:05Z", "package_path": "src", "total_loops": loops.len(),
        "hot_loops_count": 0, "all_loops": loops, "hot_loops": []
    });
    Inventory::read(json.to_string().as_bytes()).expect("an inventory")
}

pub(crate) fn correlate(profile: &Profile, inventory: &Inventory) -> Correlation {
    correlate_with(profile, inventory, &[])
}

pub(crate) fn correlate_with(
    profile: &Profile,
    inventory: &Inventory,
    files: &[(&str, &str)],
) -> Correlation {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let origin = Origin { profile: "p.json", inventory: "i.json", threshold_percent: 1.0 };
    Correlation::of(profile, inventory, origin, |module| {
        files.get(module).map(|text| (*text).to_owned()).ok_or_else(|| "no such file".to_owned())
    })
}

/// The row of the loop on a line.
pub(crate) fn on(hot: &HotLoops, line: u64) -> &HotLoop {
    hot.loops.iter().find(|row| row.r#loop.line == line).expect("the loop was seen")
}
