//! The profile for a viewer: [`speedscope`], written as `profile.speedscope.json`.
//!
//! The file format of <https://www.speedscope.app/file-format-schema.json>: one `sampled` profile for each
//! thread over shared frames, in the order of sampling. A sample's weight is the time between two samples, so
//! the axis is processor time. The member `runner` holds what the format cannot say ([`OwnPart`]); it comes last, so
//! that a file that is cut is still a speedscope file to our reader. Made by the plugin from a [`Profile`]; pure.

use serde_json::{Value, json};

use crate::own::OwnPart;
use crate::profile::{Profile, Thread, Unit};

/// The whole document.
pub fn speedscope(profile: &Profile, name: &str) -> Value {
    let frames: Vec<Value> = profile
        .frames
        .iter()
        .map(|frame| {
            let function = &profile.functions[frame.function as usize];
            let mut value = json!({ "name": function.name });
            if let Some(file) = &frame.file {
                value["file"] = json!(**file);
            }
            if let Some(line) = frame.line {
                value["line"] = json!(line);
            }
            value
        })
        .collect();
    let mut threads: Vec<&Thread> = profile.threads.iter().collect();
    threads.sort_by_key(|thread| std::cmp::Reverse(thread.weight)); // a viewer opens the first
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("runner-profiler@", env!("CARGO_PKG_VERSION")),
        "name": name,
        "activeProfileIndex": 0,
        "shared": { "frames": frames },
        "profiles": threads.iter().map(|thread| one_thread(profile, thread)).collect::<Vec<_>>(),
        "runner": OwnPart::of(profile),
    })
}

fn one_thread(profile: &Profile, thread: &Thread) -> Value {
    // Speedscope's units: seconds of processor time for samples, where the rate is known.
    let (scale, unit) = match (profile.unit, profile.hz) {
        (Unit::Samples, Some(hz)) => (1.0 / f64::from(hz), "seconds"),
        (Unit::Nanoseconds, _) => (1.0, "nanoseconds"),
        (Unit::Bytes, _) => (1.0, "bytes"),
        (Unit::Samples | Unit::Count, _) => (1.0, "none"),
    };
    let mut samples: Vec<Vec<u32>> = Vec::with_capacity(thread.runs.len());
    let mut weights: Vec<f64> = Vec::with_capacity(thread.runs.len());
    let mut total = 0;
    for (stack, count) in &thread.runs {
        // Outermost first.
        samples.push(profile.stacks[*stack as usize].frames.iter().rev().copied().collect());
        weights.push(f64::from(*count) * scale);
        total += u64::from(*count);
    }
    json!({
        "type": "sampled",
        "name": format!("{} ({})", thread.name, thread.tid),
        "unit": unit,
        "startValue": 0,
        "endValue": total as f64 * scale,
        "samples": samples,
        "weights": weights,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::example::profile;

    #[test]
    fn each_thread_is_a_sampled_profile_over_shared_frames() {
        let profile = profile(&[(&[("main", 1), ("f", 3)], 999), (&[("main", 1)], 1)]);
        let value = speedscope(&profile, "kernel");
        let thread = &value["profiles"][0];
        assert_eq!(thread["type"], "sampled");
        assert_eq!(thread["name"], "main (42)");
        assert_eq!(thread["weights"][0], 1.0);
        let samples = thread["samples"].as_array().unwrap();
        let weights = thread["weights"].as_array().unwrap();
        assert_eq!(samples.len(), weights.len());
        let sum: f64 = weights.iter().filter_map(Value::as_f64).sum();
        assert!((sum - thread["endValue"].as_f64().unwrap()).abs() < 1e-9);
        // Outermost first, every index in range, names as in the stack.
        let frames = value["shared"]["frames"].as_array().unwrap();
        let names: Vec<_> = samples[0]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| frames[index.as_u64().unwrap() as usize]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["main", "f"]);
        assert_eq!((&frames[0]["file"], &frames[0]["line"]), (&json!("src/k.rs"), &json!(3)));
    }
}
