//! Measures what sampling costs the sampled: medians of equal iterations with and without a running sampler.
//!
//! `cargo run --release -p profiler --example overhead -- [hz] [rounds] [perf|timer] [threads]`. Blocks of five
//! iterations alternate, so that a drift of the machine meets both sides. The figures in
//! `docs/architecture/profiler.md` come from here.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use profiler::{Sampler, SourceChoice};

const BLOCK: usize = 5;

/// The workload of one thread: arithmetic and libm, a tenth of a second or so.
#[inline(never)]
fn work() -> f64 {
    let mut sum = 0.0_f64;
    for index in 0..4_000_000_u32 {
        let angle = f64::from(index) * 1e-3;
        sum += (angle.sin() * 1.5).mul_add(0.25, angle.sqrt());
    }
    black_box(sum)
}

fn iteration(threads: usize) -> f64 {
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let hz = arguments.next().map_or(Ok(999), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let source = match arguments.next().as_deref() {
        Some("timer") => SourceChoice::Timer,
        _ => SourceChoice::Perf,
    };
    let threads = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let (mut plain, mut profiled, mut samples, mut lost) = (Vec::new(), Vec::new(), 0, 0);
    iteration(threads);
    for _ in 0..rounds {
        plain.extend(std::iter::repeat_with(|| iteration(threads)).take(BLOCK));
        let sampler = Sampler::start(hz, source)?;
        profiled.extend(std::iter::repeat_with(|| iteration(threads)).take(BLOCK));
        let sampled = sampler.stop()?;
        samples += sampled.samples();
        lost += sampled.lost();
    }
    let seconds: f64 = profiled.iter().sum();
    let (plain, profiled) = (median(plain), median(profiled));
    writeln!(
        std::io::stdout(),
        "{source:?} {hz} Hz, {threads} threads: plain {:.3} ms, profiled {:.3} ms, ratio {:.4}; \
         {:.0} samples/s, {lost} lost",
        plain * 1e3,
        profiled * 1e3,
        profiled / plain,
        samples as f64 / seconds,
    )?;
    Ok(())
}
