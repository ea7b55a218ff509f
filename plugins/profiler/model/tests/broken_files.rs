//! Files that are cut, broken or of another kind: what was read is kept, and the message says where and what to do.
//!
//! Files are cut at every byte, and bytes are turned over: no reader may panic, hang, or take memory without a bound. A
//! source that fails in the middle is one of them.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{self, Read, Write};

use profile_model::{Hotspots, flamegraph, read, speedscope};

const TORCH: &[u8] = include_bytes!("fixtures/torch_small.json");
const FILES: [(&str, &[u8]); 5] = [
    ("torch_small.json", TORCH),
    ("pyspy.speedscope.json", include_bytes!("fixtures/pyspy.speedscope.json")),
    ("evented.speedscope.json", include_bytes!("fixtures/evented.speedscope.json")),
    ("stacks.txt", include_bytes!("fixtures/stacks.txt")),
    ("perf_script.txt", include_bytes!("fixtures/perf_script.txt")),
];

fn message(bytes: &[u8]) -> String {
    read(bytes, "file").unwrap_err().to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Whatever comes out can be ranked, drawn and written.
fn usable(bytes: &[u8], name: &str) {
    match read(bytes, name) {
        Ok(read) => {
            let sum: u64 = read.profile.stacks.iter().map(|stack| stack.weight).sum();
            assert_eq!(sum, read.profile.total);
            let hotspots = Hotspots::of(&read.profile);
            assert!(hotspots.operations.iter().all(|row| row.inclusive <= read.profile.total));
            assert!(read.problem.is_none_or(|problem| problem.place.offset <= bytes.len() as u64));
        }
        Err(error) => assert!(error.problem.place.offset <= bytes.len() as u64, "{error}"),
    }
}

#[test]
fn every_prefix_of_a_file_is_a_profile_or_an_error_with_a_place() {
    for (name, bytes) in FILES {
        for length in 0..bytes.len() {
            usable(&bytes[..length], name);
        }
    }
}

#[test]
fn a_byte_that_turned_over_never_panics() {
    for (name, bytes) in FILES {
        for place in (0..bytes.len()).step_by(11) {
            for byte in [0, b'"', b'}', 0xff] {
                let mut broken = bytes.to_vec();
                broken[place] = byte;
                usable(&broken, name);
            }
        }
    }
}

#[test]
fn a_trace_that_is_cut_in_the_middle_still_gives_a_ranking() {
    let read = read(&TORCH[..TORCH.len() * 3 / 5], "trace.json").unwrap();
    assert!(read.problem.as_ref().unwrap().message.contains("it is cut"), "{:?}", read.problem);
    let rows = Hotspots::of(&read.profile).operations;
    assert!(rows.iter().any(|row| row.function == "aten::mul" && row.own > 0));
    assert!(flamegraph(&read.profile, "cut").contains("aten::mul"));
}

#[test]
fn a_compressed_file_that_is_cut_keeps_what_could_be_unpacked() {
    let packed = gzip(TORCH);
    assert_eq!(read(&packed[..], "t.gz").unwrap().profile, read(TORCH, "t.gz").unwrap().profile);
    let cut = read(&packed[..packed.len() - 200], "t.gz").unwrap();
    let problem = cut.problem.unwrap();
    assert!(problem.place.unpacked && problem.to_string().contains("of the unpacked content"), "{problem}");
    assert!(cut.profile.total > 0);
    let two_layers = gzip(&gzip(TORCH));
    assert!(read(&two_layers[..], "t.gz.gz").is_ok());
}

#[test]
fn a_source_that_fails_is_told_with_the_bytes_that_came() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let half = &TORCH[..TORCH.len() / 2];
    let broken = read(half.chain(Fails), "trace.json").unwrap();
    let problem = broken.problem.unwrap();
    assert_eq!(problem.place.offset, half.len() as u64);
    assert_eq!(problem.message, "cannot be read further: the disk is gone");
    assert!(read(Fails, "trace.json").unwrap_err().to_string().contains("the disk is gone"));
}

#[test]
fn files_of_another_kind_are_told_by_name_and_with_a_way_out() {
    assert!(message(b"").contains("the file is empty"));
    assert!(message(b" \n\n").contains("the file is empty"));
    assert!(message(b"PERFILE2........").contains("convert it with `perf script"));
    assert!(message(b"\x89PNG\r\n\x1a\n").contains("PNG picture"));
    assert!(message(b"SQLite format 3\0...").contains("SQLite"));
    assert!(message(b"\xfb\xa8\x02").contains("cProfile"));
    assert!(message(b"\x28\xb5\x2f\xfd....").contains("zstd -d"));
    assert!(message(b"hello\nworld\n").contains("neither JSON"));
    assert!(message(br#"{"meta": {}, "libs": [], "threads": []}"#).contains("Firefox Profiler"));
    assert!(
        message(br#"{"version": 2, "operations": [], "by_self": []}"#).contains("profile.speedscope.json")
    );
    assert!(message(br#"{"a": 1}"#).contains("members `a`"));
}

#[test]
fn a_mistake_in_text_is_told_with_line_and_column() {
    let broken = read(&b"a;b 3\na;c 4\noops\na;d 5\n"[..], "stacks.txt").unwrap();
    assert_eq!(broken.profile.total, 7);
    let problem = broken.problem.unwrap();
    assert_eq!((problem.place.offset, problem.place.line), (12, Some((3, 1))));
    let wrong = message(b"{\"traceEvents\": [}");
    assert_eq!(wrong, "file:1:18: not JSON: expected a value in the list of events, found `}` (byte 17)");
}

#[test]
fn deep_stacks_and_huge_weights_are_bounded() {
    let deep = format!("{} 1\n", vec!["f"; 100_000].join(";"));
    let read_deep = read(deep.as_bytes(), "deep.txt").unwrap();
    assert!(read_deep.warnings[0].contains("deeper than"), "{:?}", read_deep.warnings);
    assert!(flamegraph(&read_deep.profile, "deep").is_ascii());
    let huge = format!("a {0}\nb {0}\n", u64::MAX);
    let huge = read(huge.as_bytes(), "huge.txt").unwrap();
    assert_eq!(huge.profile.total, u64::MAX);
    assert_eq!(Hotspots::of(&huge.profile).operations.len(), 1);
    assert!(speedscope(&huge.profile, "huge").is_object());
    let nested = format!("{{\"x\": {}", "[".repeat(1_000_000));
    assert!(message(nested.as_bytes()).contains("it is cut"));
}
