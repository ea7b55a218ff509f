//! What the proof costs: two looks at a repository of 10,000 files and their comparison, beside one plain walk
//! that only lists the same files.
//!
//! `cargo bench -p runner --bench snapshot`. Medians of 15 interleaved rounds; the ratio is what to compare.

use std::path::Path;
use std::time::{Duration, Instant};

use runner::fs::files_below;
use runner::guard::Snapshot;

const FILES: usize = 10_000;
const ROUNDS: usize = 15;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path();
    for index in 0..FILES {
        let above = root.join(format!("d{}/e{}", index % 100, index % 10));
        std::fs::create_dir_all(&above).expect("made");
        std::fs::File::create(above.join(format!("f{index}"))).expect("made");
    }
    let (mut proofs, mut walks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        proofs.push(timed(|| proof(root)));
        walks.push(timed(|| drop(files_below(root).expect("a list"))));
    }
    let (proof, walk) = (median(proofs), median(walks));
    #[expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
    {
        println!(
            "{FILES} files: before + after + comparison {proof:.1} ms, one plain walk {walk:.1} ms, ratio {:.1}",
            proof / walk
        );
    }
}

fn proof(root: &Path) {
    let before = Snapshot::take(root, &[]).expect("before");
    let after = Snapshot::take(root, &[]).expect("after");
    assert!(before.differences(&after).is_empty());
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
