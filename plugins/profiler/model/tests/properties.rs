//! Random trees of events, and random profiles through our own speedscope file.
//!
//! A tree is built with its figures known, written as a trace, and counted back. Events that overlap at random must keep
//! their own duration, and no nanosecond may count twice.

use std::collections::BTreeMap;

use profile_model::{Frame, Function, Hotspots, Kind, Profile, Stack, Thread, Unit, read, speedscope};
use proptest::prelude::*;

/// An event, the gap before it, its own time after its children, and the children.
#[derive(Clone, Debug)]
struct Call {
    name: u8,
    before: u64,
    own: u64,
    children: Vec<Call>,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let leaf = (0_u8..5, 0_u64..4, 1_u64..2000).prop_map(|(name, before, own)| Call {
        name,
        before,
        own,
        children: Vec::new(),
    });
    let call = leaf.prop_recursive(5, 40, 4, |inner| {
        (0_u8..5, 0_u64..4, 0_u64..2000, prop::collection::vec(inner, 1..4))
            .prop_map(|(name, before, own, children)| Call { name, before, own, children })
    });
    prop::collection::vec(call, 0..4)
}

/// What the construction says of each name.
#[derive(Default)]
struct Expected {
    events: Vec<String>,
    rows: BTreeMap<String, (u64, u64, u64)>,
    total: u64,
}

impl Expected {
    /// Gives the end of the call.
    fn call(&mut self, call: &Call, from: u64, callers: &mut Vec<u8>, thread: usize) -> u64 {
        let start = from + call.before;
        let recursive = callers.contains(&call.name);
        callers.push(call.name);
        // Gaps before children are the caller's own time.
        let mut own = call.own;
        let mut now = start;
        for child in &call.children {
            own += child.before;
            now = self.call(child, now, callers, thread);
        }
        callers.pop();
        let end = now + call.own;
        let row = self.rows.entry(format!("f{}", call.name)).or_default();
        row.1 += own;
        row.2 += 1;
        if !recursive {
            row.0 += end - start;
        }
        if callers.is_empty() {
            self.total += end - start;
        }
        let micros = |nanos: u64| format!("{}.{:03}", nanos / 1000, nanos % 1000);
        self.events.push(format!(
            r#"{{"ph":"X","name":"f{}","pid":1,"tid":{thread},"ts":{},"dur":{}}}"#,
            call.name,
            micros(start),
            micros(end - start)
        ));
        end
    }
}

proptest! {
    #[test]
    fn random_trees_of_events_are_counted_as_they_were_built(
        threads in prop::collection::vec(calls(), 1..3),
        order in any::<prop::sample::Index>(),
    ) {
        let mut expected = Expected::default();
        for (thread, calls) in threads.iter().enumerate() {
            let mut now = 1_700_000_000_000_000_000;
            for call in calls {
                now = expected.call(call, now, &mut Vec::new(), thread);
            }
        }
        // Children stand before their callers; any other order must do, too, but equal times need the callers first.
        expected.events.reverse();
        let cut = if expected.events.is_empty() { 0 } else { order.index(expected.events.len()) };
        let mut moved = expected.events.clone();
        moved.rotate_left(cut);
        for events in [&expected.events, &moved] {
            let text = format!("[{}]", events.join(",\n"));
            let read = read(text.as_bytes(), "t").unwrap();
            prop_assert_eq!(read.profile.total, expected.total);
            prop_assert!(!read.warnings.iter().any(|warning| warning.contains("end after")));
            let sum: u64 = Hotspots::of(&read.profile).operations.iter().map(|row| row.own).sum();
            prop_assert_eq!(sum, expected.total);
        }
        let text = format!("[{}]", expected.events.join(","));
        let rows = Hotspots::of(&read(text.as_bytes(), "t").unwrap().profile).operations;
        let rows: BTreeMap<_, _> =
            rows.into_iter().map(|row| (row.function, (row.inclusive, row.own, row.calls.unwrap()))).collect();
        let expected: BTreeMap<_, _> = expected.rows.into_iter().filter(|(_, row)| row.0 > 0).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn overlapping_events_keep_their_own_duration_and_each_nanosecond_counts_once(
        events in prop::collection::vec((0_u64..60, 1_u64..30), 1..40)
    ) {
        let text: Vec<String> = events.iter().zip(0..).map(|((start, duration), name)| {
            format!(r#"{{"ph":"X","name":"e{name}","pid":1,"tid":1,"ts":{start},"dur":{duration}}}"#)
        }).collect();
        let read = read(format!("[{}]", text.join(",")).as_bytes(), "t.json").expect("a trace");
        let covered = (0..100).filter(|at| {
            events.iter().any(|(start, duration)| (*start..start + duration).contains(at))
        });
        prop_assert_eq!(read.profile.total, covered.count() as u64 * 1000);
        let rows = Hotspots::of(&read.profile).operations;
        for ((_, duration), name) in events.iter().zip(0..) {
            let row = rows.iter().find(|row| row.function == format!("e{name}"));
            prop_assert_eq!(row.map(|row| row.inclusive), Some(duration * 1000));
        }
    }

    #[test]
    fn a_profile_survives_our_own_speedscope_file(profile in profiles()) {
        let bytes = serde_json::to_vec(&speedscope(&profile, "p")).unwrap();
        let read = read(&bytes[..], "p").unwrap();
        prop_assert_eq!(read.problem, None);
        prop_assert_eq!(read.warnings, Vec::<String>::new());
        prop_assert_eq!(read.profile, profile);
    }
}

fn some<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(strategy)
}

fn profiles() -> impl Strategy<Value = Profile> {
    let unit =
        prop_oneof![Just(Unit::Samples), Just(Unit::Nanoseconds), Just(Unit::Bytes), Just(Unit::Count)];
    let kind = prop_oneof![Just(Kind::Kernel), Just(Kind::Runtime), Just(Kind::Glue)];
    let function = (".{0,8}", "[a-z.]{0,5}", kind, some(any::<u32>()), some(any::<u64>())).prop_map(
        |(name, module, kind, first_line, calls)| Function { name, module, kind, first_line, calls },
    );
    let frame = (0_u32..3, some("[a-c]{1,2}"), some(any::<u32>()));
    let stack = (prop::collection::vec(0_u32..4, 0..6), 0..u64::MAX / 8);
    let run = (0_u32..3, any::<u32>());
    let thread = (any::<i64>(), ".{0,6}", any::<u64>(), prop::collection::vec(run, 0..5))
        .prop_map(|(tid, name, weight, runs)| Thread { tid, name, weight, runs });
    let slices = prop::collection::vec(prop::collection::vec((0_u32..3, any::<u64>()), 0..3), 0..3);
    let head = (
        unit,
        some(any::<u32>()),
        some(prop::num::f64::NORMAL),
        some(any::<u64>()),
        some(any::<u64>()),
        ".{0,9}",
    );
    let tables = (
        prop::collection::vec(function, 3),
        prop::collection::vec(frame, 4),
        prop::collection::vec(stack, 3),
        prop::collection::vec(thread, 0..3),
        slices,
    );
    (head, tables).prop_map(|((unit, hz, seconds, iterations, lost, source), tables)| {
        let (functions, frames, stacks, threads, slices) = tables;
        let stacks: Vec<_> = stacks.into_iter().map(|(frames, weight)| Stack { frames, weight }).collect();
        Profile {
            source,
            source_reason: "made at random".to_owned(),
            unit,
            hz: hz.map(|hz| hz.max(1)),
            seconds,
            iterations,
            total: stacks.iter().map(|stack| stack.weight).sum(),
            lost,
            cut_off: iterations,
            single: lost,
            functions,
            frames: frames
                .into_iter()
                .map(|(function, file, line)| Frame {
                    function,
                    file: file.map(|file| file.as_str().into()),
                    line,
                })
                .collect(),
            stacks,
            threads,
            slices,
        }
    })
}
