//! What the record of reads costs: a program that opens 5,000 different files, started by the runner's own
//! process module with its guard, beside the same program started without one.
//!
//! `cargo bench -p runner --bench reads`. Medians of 9 interleaved rounds; the ratio is what to compare.

use std::path::Path;
use std::time::{Duration, Instant};

use runner::guard::Guard;
use runner::process::{Cancel, Launch, OUTPUT_LIMIT, Process, Stdout};

const FILES: usize = 5_000;
const ROUNDS: usize = 9;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path();
    let files = root.join("files");
    std::fs::create_dir(&files).expect("made");
    for index in 0..FILES {
        std::fs::File::create(files.join(format!("f{index}"))).expect("made");
    }
    let (mut guarded, mut plain) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        guarded.push(timed(|| with_guard(root, round)));
        plain.push(timed(|| without(root)));
    }
    let (guarded, plain) = (median(guarded), median(plain));
    #[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
    {
        println!(
            "grep through {FILES} files: guarded {guarded:.1} ms, plain {plain:.1} ms, {:.1} us for each open, ratio {:.2}",
            (guarded - plain) * 1e3 / FILES as f64,
            guarded / plain
        );
    }
}

const ARGV: [&str; 4] = ["grep", "-r", "nothing", "files"];

fn with_guard(root: &Path, round: usize) {
    let launch = Launch {
        argv: ARGV.iter().map(Into::into).collect(),
        env: Vec::new(),
        cwd: root.to_owned(),
        stdout: Stdout::File(root.join(format!("out{round}"))),
        stderr: root.join(format!("err{round}")),
        time: None,
        memory: None,
        output: OUTPUT_LIMIT,
        hidden: std::sync::Arc::default(),
        wire: runner::process::Wire::None,
        guard: Guard { writes: Vec::new(), project: root.to_owned(), detect_only: false, unseen: false },
    };
    let ended = Process::start(launch).expect("it starts").watch(&Cancel::default(), &|| false);
    assert!(ended.observed.files.len() >= FILES, "{} files were seen", ended.observed.files.len());
}

#[expect(clippy::disallowed_methods, reason = "the alternative to the process module is what is measured")]
fn without(root: &Path) {
    let status = std::process::Command::new(ARGV[0])
        .args(&ARGV[1..])
        .current_dir(root)
        .stdout(std::process::Stdio::null())
        .status();
    assert_eq!(status.expect("it starts").code(), Some(1));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
