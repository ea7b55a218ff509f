//! Chrome traces: figures of the fixture, which an independent script counted, and the traps of the format.
//!
//! Traps: pairs of begin and end, events that overlap, missing and negative times, steps of the PyTorch profiler, ids
//! that are texts. What cannot be counted must be in a warning with its number.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;

use profile_model::{Format, Hotspots, Kind, Profile, ReadProfile, Unit, read};

const TORCH: &str = include_str!("fixtures/torch_small.json");
/// What `fixtures/rank_trace.py` says of it.
const COUNTED: &str = include_str!("fixtures/torch_small.tsv");

fn trace(text: &str) -> ReadProfile {
    read(text.as_bytes(), "trace.json").unwrap()
}

/// Inclusive, self and calls by name.
fn figures(profile: &Profile) -> BTreeMap<String, (u64, u64, u64)> {
    let rows = Hotspots::of(profile).operations;
    rows.into_iter().map(|row| (row.function, (row.inclusive, row.own, row.calls.unwrap()))).collect()
}

fn event(name: &str, start: f64, duration: f64) -> String {
    format!(r#"{{"ph":"X","name":"{name}","pid":1,"tid":1,"ts":{start},"dur":{duration}}}"#)
}

fn warned(read: &ReadProfile, words: &str) -> bool {
    read.warnings.iter().any(|warning| warning.contains(words))
}

#[test]
fn inclusive_self_and_calls_are_those_of_an_independent_count() {
    let read = trace(TORCH);
    assert_eq!((read.format, &read.problem, &read.warnings), (Format::ChromeTrace, &None, &Vec::new()));
    let rows = Hotspots::of(&read.profile).operations.into_iter().map(|row| {
        let name = row.file.map_or(row.function.clone(), |file| {
            format!("{file}({}): {}", row.first_line.unwrap(), row.function)
        });
        format!("{}\t{}\t{}\t{}\t{name}", row.inclusive, row.own, row.calls.unwrap(), row.module)
    });
    let mut rows: Vec<String> = rows.collect();
    let mut counted: Vec<&str> = COUNTED.lines().skip(1).collect();
    rows.sort();
    counted.sort_unstable();
    assert_eq!(rows, counted);
    assert_eq!(format!("# total {} ns", read.profile.total), COUNTED.lines().next().unwrap());
}

#[test]
fn python_functions_have_file_and_first_line_and_whose_they_are() {
    let profile = trace(TORCH).profile;
    let function = |name: &str| profile.functions.iter().find(|function| function.name == name).unwrap();
    assert_eq!((function("run").first_line, function("run").kind), (Some(701), Kind::Kernel));
    assert_eq!(function("_bootstrap").kind, Kind::Runtime);
    assert_eq!(function("_fn").kind, Kind::Runtime);
    assert_eq!(function("aten::mul").kind, Kind::Kernel);
    assert_eq!(function("cudaLaunchKernel").kind, Kind::Runtime);
    assert_eq!(function("ProfilerStep#*").kind, Kind::Glue);
    let row = Hotspots::of(&profile).operations.into_iter().find(|row| row.function == "run").unwrap();
    assert_eq!(
        (row.file.as_deref(), row.line, row.first_line),
        (Some("nanobrag/simulator.py"), None, Some(701))
    );
    assert!(
        profile.functions.iter().any(|function| function.name == "<built-in method mul of Tensor object>")
    );
}

#[test]
fn steps_of_the_profiler_are_iterations_and_a_device_is_a_thread_of_its_own() {
    let profile = trace(TORCH).profile;
    assert_eq!(
        (profile.iterations, profile.unit, profile.seconds),
        (Some(2), Unit::Nanoseconds, Some(0.002))
    );
    let names: Vec<_> = profile.threads.iter().map(|thread| thread.name.as_str()).collect();
    assert_eq!(names, ["device 0: stream 7", "python 4242: main", "python 4242: thread 4243"]);
    // Each iteration has 900 us of the main thread and what the other threads did meanwhile: the first 900 us of the
    // second thread and 500 us of the device, the second 550 us of the second thread.
    let sums: Vec<u64> =
        profile.slices.iter().map(|slice| slice.iter().map(|(_, weight)| weight).sum()).collect();
    assert_eq!(sums, [900_000 + 900_000 + 500_000, 900_000 + 550_000]);
}

#[test]
fn pairs_of_begin_and_end_count_as_complete_events_do() {
    let pairs = r#"[{"ph":"B","name":"a","pid":1,"tid":1,"ts":0},{"ph":"B","name":"b","pid":1,"tid":1,"ts":0},
        {"ph":"C","name":"memory","pid":1,"ts":1,"args":{"x":5}},
        {"ph":"E","pid":1,"tid":1,"ts":10},{"ph":"E","pid":1,"tid":1,"ts":"10"},
        {"ph":"B","name":"c","pid":1,"tid":1,"ts":12},{"ph":"E","name":"c","pid":1,"tid":1,"ts":15.5}]"#;
    let read = trace(pairs);
    let expected = [("a", (10_000, 0, 1)), ("b", (10_000, 10_000, 1)), ("c", (3500, 3500, 1))];
    assert_eq!(figures(&read.profile), expected.map(|(name, row)| (name.to_owned(), row)).into());
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
}

#[test]
fn an_event_that_outlives_the_one_it_began_in_is_split_and_told() {
    let read = trace(&format!("[{},{}]", event("a", 0.0, 10.0), event("b", 4.0, 10.0)));
    let rows = figures(&read.profile);
    assert_eq!((rows["a"], rows["b"]), ((10_000, 4000, 1), (10_000, 10_000, 1)));
    assert_eq!(read.profile.total, 14_000);
    assert!(warned(&read, "1 events end after the event they began in"), "{:?}", read.warnings);
    let again = trace(&format!("[{},{}]", event("b", 4.0, 10.0), event("a", 0.0, 10.0)));
    assert_eq!(figures(&again.profile), rows, "whatever the order of the file");
}

#[test]
fn thousands_of_overlapping_events_cost_linear_work_and_no_time_is_lost() {
    // Each outlives all before it: 2048 of 20,000 can be open at once, and 1000 are where an event is shorter.
    for (duration, told) in [(1e6, "calls lie deeper than 2048"), (1000.0, "lack frames between")] {
        let events: Vec<String> =
            (0..20_000).map(|n| event(&format!("e{n}"), f64::from(n), duration)).collect();
        let read = trace(&format!("[{}]", events.join(",")));
        let whole = ((19_999.0 + duration) * 1000.0) as u64;
        assert_eq!(read.profile.total, whole, "every nanosecond belongs to somebody");
        let rows = figures(&read.profile);
        assert_eq!(rows["e77"].1, 1000, "innermost until the next began");
        assert_eq!(rows["e19999"].1, (duration * 1000.0) as u64);
        // Frames on all stacks: their number is the work and the memory.
        let frames: usize = read.profile.stacks.iter().map(|stack| stack.frames.len()).sum();
        assert!(frames < 200 * 20_000, "{frames} frames");
        assert!(warned(&read, told), "{:?}", read.warnings);
        assert!(warned(&read, "19999 events end after"), "{:?}", read.warnings);
    }
}

#[test]
fn recursion_counts_once_and_long_events_are_exact() {
    let minute = 60e6;
    let text =
        format!("[{},{},{}]", event("f", 0.0, minute), event("f", 1.0, minute - 2.0), event("f", 2.0, 1.0));
    assert_eq!(figures(&trace(&text).profile)["f"], (60_000_000_000, 60_000_000_000, 3));
}

#[test]
fn what_cannot_be_counted_is_left_out_and_told() {
    let text = r#"{"traceEvents": [
        {"ph":"X","name":"negative","pid":1,"tid":1,"ts":0,"dur":-1}, {"ph":"X","name":"nan","pid":1,"tid":1,"ts":NaN,"dur":1},
        {"ph":"X","name":"endless","pid":1,"tid":1,"ts":0,"dur":Infinity}, {"ph":"X","name":"half","pid":1,"tid":1,"ts":0},
        {"ph":"E","pid":1,"tid":1,"ts":5}, {"ph":"B","name":"open","pid":1,"tid":1,"ts":6}, null, 7, "x",
        {"ph":"X","name":"good","pid":1,"tid":1,"ts":7,"dur":2}, {"ph":{"a":[1]},"name":"odd"}, {}]}"#;
    let read = trace(text);
    let rows = figures(&read.profile);
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["good", "open"]);
    assert_eq!(rows["open"], (3000, 1000, 1));
    for words in [
        "1 events with a negative duration",
        "2 events whose time is missing or no number",
        "1 complete events (`X`) without a duration",
        "1 ends (`E`) without a beginning",
        "1 begun events (`B`) never ended",
    ] {
        assert!(warned(&read, words), "{words}: {:?}", read.warnings);
    }
}

#[test]
fn a_bare_array_without_its_end_is_whole_and_an_object_without_it_is_cut() {
    let open = trace(&format!("[{},\n{},\n", event("a", 0.0, 2.0), event("b", 0.5, 1.0)));
    assert!(open.problem.is_none() && warned(&open, "not closed"));
    assert_eq!(figures(&open.profile).len(), 2);
    let cut = trace(&format!("{{\"traceEvents\": [{},\n{{\"ph\":\"X\", \"na", event("a", 0.0, 2.0)));
    assert_eq!(figures(&cut.profile)["a"], (2000, 2000, 1));
    let problem = cut.problem.unwrap().to_string();
    assert_eq!(problem, "trace.json:2:15: the file ends inside a string: it is cut (byte 85)");
}

#[test]
fn threads_of_one_name_stay_apart_and_ids_may_be_texts() {
    let text = r#"[{"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"w"}},
        {"args":{"name":"w"},"name":"thread_name","pid":1,"tid":"x","ph":"M"},
        {"ph":"X","name":"a","pid":1,"tid":1,"ts":0,"dur":1},{"ph":"X","name":"b","pid":1,"tid":"x","ts":0,"dur":1}]"#;
    let threads = trace(text).profile.threads;
    let names: Vec<_> = threads.iter().map(|thread| (thread.tid, thread.name.as_str())).collect();
    assert_eq!(names, [(-2, "w (pid 1, tid x)"), (1, "w")]);
}
