//! speedscope, collapsed stacks, `perf script` and pprof: what is understood of each.
//!
//! Small files as the tools write them, with figures that can be added up by hand; what a format does not say must be
//! absent, and never 0.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use profile_model::{Format, Hotspots, Kind, Operation, ReadProfile, Unit, read};

fn from(bytes: &[u8]) -> ReadProfile {
    let read = read(bytes, "file").unwrap();
    assert_eq!(read.problem, None);
    read
}

fn row(read: &ReadProfile, function: &str) -> Operation {
    let rows = Hotspots::of(&read.profile).operations;
    rows.into_iter().find(|row| row.function == function).unwrap()
}

#[test]
fn a_file_of_py_spy_keeps_executed_lines_and_time() {
    let read = from(include_bytes!("fixtures/pyspy.speedscope.json"));
    assert_eq!((read.format, read.profile.unit), (Format::Speedscope, Unit::Nanoseconds));
    assert_eq!((read.profile.total, read.profile.seconds), (40_000_000, Some(0.04)));
    let run = row(&read, "run");
    assert_eq!(
        (run.inclusive, run.own, run.line, run.kind),
        (40_000_000, 30_000_000, Some(733), Kind::Kernel)
    );
    assert_eq!((row(&read, "wait").own, row(&read, "wait").kind), (10_000_000, Kind::Runtime));
    assert_eq!(read.profile.threads[0].name, "Thread 4242 \"MainThread\"");
}

#[test]
fn opened_and_closed_frames_give_self_time() {
    let read = from(include_bytes!("fixtures/evented.speedscope.json"));
    assert_eq!((row(&read, "main").inclusive, row(&read, "main").own), (100_000, 50_500));
    let inner = row(&read, "inner");
    assert_eq!((inner.own, inner.file.as_deref(), inner.line), (49_500, Some("a.c"), Some(7)));
    assert_eq!((read.profile.threads[0].tid, read.profile.threads[0].name.as_str()), (42, "worker"));
}

#[test]
fn collapsed_stacks_have_places_where_they_are_printed() {
    let read = from(include_bytes!("fixtures/stacks.txt"));
    assert_eq!((read.format, read.profile.unit, read.profile.total), (Format::Collapsed, Unit::Samples, 14));
    let run = row(&read, "run");
    assert_eq!((run.own, run.line, run.file.as_deref()), (12, Some(733), Some("nanobrag/simulator.py")));
    assert_eq!(row(&read, "do_syscall_64_[k]").kind, Kind::Runtime);
}

#[test]
fn our_own_collapsed_stacks_are_read_back() {
    let read_once = from(include_bytes!("fixtures/stacks.txt"));
    let written = profile_model::folded(&read_once.profile);
    let again = from(written.as_bytes());
    assert_eq!(profile_model::folded(&again.profile), written);
}

#[test]
fn perf_script_gives_threads_objects_and_source_lines() {
    let read = from(include_bytes!("fixtures/perf_script.txt"));
    let profile = &read.profile;
    assert_eq!((read.format, profile.total, profile.seconds), (Format::PerfScript, 3, Some(1.0)));
    assert_eq!((profile.source.as_str(), profile.single), ("perf cpu-clock:pppH", Some(1)));
    let threads: Vec<_> =
        profile.threads.iter().map(|thread| (thread.tid, thread.name.as_str(), thread.weight)).collect();
    assert_eq!(threads, [(77, "Web Content", 1), (4243, "python3", 2)]);
    let hot = row(&read, "interpolate");
    assert_eq!((hot.own, hot.module.as_str(), hot.file.as_deref()), (2, "libkernel.so", Some("kernel.c")));
    assert_eq!(
        (row(&read, "run").inclusive, row(&read, "run").file.as_deref()),
        (2, Some("/p/simulator.py"))
    );
    assert_eq!(row(&read, "do_syscall_64").kind, Kind::Runtime);
    assert_eq!(row(&read, "[libkernel.so]").inclusive, 2);
    assert!(read.warnings[0].contains("1 samples of others"), "{:?}", read.warnings);
}

/// Writes protobuf, for the tests.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }
}

/// Two stacks: `main` calls `outer`, into which `inner` was inlined.
fn pprof() -> Vec<u8> {
    let of = Message::default;
    let strings = [
        "",
        "samples",
        "count",
        "cpu",
        "nanoseconds",
        "main",
        "outer",
        "inner",
        "k.go",
        "/bin/app",
        "runtime.mcall",
    ];
    let profile = of()
        .message(1, &of().number(1, 1).number(2, 2))
        .message(1, &of().number(1, 3).number(2, 4))
        .message(2, &of().bytes(1, &[2, 1]).bytes(2, &[3, 0x80, 0x80, 0x01]))
        .message(2, &of().number(1, 1).number(2, 1).number(2, 1000))
        .message(2, &of().number(1, 3).number(2, 1).number(2, 7))
        .message(3, &of().number(1, 1).number(5, 9))
        .message(4, &of().number(1, 1).number(2, 1).message(4, &of().number(1, 1).number(2, 10)))
        .message(
            4,
            &of()
                .number(1, 2)
                .number(2, 1)
                .message(4, &of().number(1, 3).number(2, 33))
                .message(4, &of().number(1, 2).number(2, 22)),
        )
        .message(4, &of().number(1, 3).number(3, 0x1234))
        .message(5, &of().number(1, 1).number(2, 5).number(4, 8).number(5, 9))
        .message(5, &of().number(1, 2).number(2, 6).number(4, 8))
        .message(5, &of().number(1, 3).number(2, 7).number(4, 8));
    let profile = strings.iter().fold(profile, |profile, text| profile.bytes(6, text.as_bytes()));
    profile.number(10, 2_000_000_000).0
}

#[test]
fn pprof_prefers_processor_time_and_unfolds_inlined_calls() {
    let read = from(&pprof());
    assert_eq!(
        (read.format, read.profile.unit, read.profile.total),
        (Format::Pprof, Unit::Nanoseconds, 17_391)
    );
    assert_eq!(read.profile.seconds, Some(2.0));
    let inner = row(&read, "inner");
    assert_eq!((inner.own, inner.line, inner.module.as_str()), (16_384, Some(33), "app"));
    assert_eq!((row(&read, "outer").own, row(&read, "outer").inclusive), (0, 16_384));
    assert_eq!((row(&read, "main").inclusive, row(&read, "main").first_line), (17_384, Some(9)));
    assert_eq!(row(&read, "0x1234").own, 7);
    assert!(read.warnings[0].contains("cpu/nanoseconds, one of samples, cpu"), "{:?}", read.warnings);
}

#[test]
fn every_prefix_of_a_pprof_file_is_a_profile_or_an_error_with_a_place() {
    let whole = pprof();
    for length in 0..whole.len() {
        match read(&whole[..length], "cut.pprof") {
            Ok(read) => assert!(read.profile.total > 0 || read.problem.is_none()),
            Err(error) => assert!(error.problem.place.offset <= length as u64, "{error}"),
        }
    }
}
