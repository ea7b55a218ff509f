//! Measures what sampling costs the sampled: medians of equal iterations with and without a running sampler.
//!
//! `cargo run --release -p profiler --example overhead -- [hz] [rounds] [perf|timer] [threads] [budget]`. Blocks of
//! five iterations alternate, so that a drift of the machine meets both sides. Two figures: the wall time of an
//! iteration, and the processor time of its threads, which other programs on the machine disturb less. `budget` is
//! the configuration's `overhead` in percent; without it the rate is `hz`. The figures in
//! `docs/architecture/profiler.md` come from here; those of the real kernel come from `overhead.sh`.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use profiler::{Rate, Sampler, SourceChoice};

const BLOCK: usize = 5;

/// Times of iterations in seconds.
#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    processor: Vec<f64>,
}

/// The workload of one thread, arithmetic and libm. Returns the processor seconds that it took.
#[inline(never)]
fn work() -> f64 {
    let start = processor_seconds();
    let mut sum = 0.0_f64;
    for index in 0..4_000_000_u32 {
        let angle = f64::from(index) * 1e-3;
        sum += (angle.sin() * 1.5).mul_add(0.25, angle.sqrt());
    }
    black_box(sum);
    processor_seconds() - start
}

/// Of the calling thread: the first field of `schedstat`, in nanoseconds. Zero where the kernel has none.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
}

impl Times {
    fn block(&mut self, threads: usize) {
        for _ in 0..BLOCK {
            let start = Instant::now();
            let processor: f64 = std::thread::scope(|scope| {
                let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
                let own = work();
                own + others.into_iter().filter_map(|other| other.join().ok()).sum::<f64>()
            });
            self.wall.push(start.elapsed().as_secs_f64());
            self.processor.push(processor);
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
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
    let rate = match arguments.next() {
        Some(budget) => Rate::within(hz, budget.parse()?),
        None => Rate::unlimited(hz),
    };
    let (mut plain, mut profiled, mut samples, mut lost) = (Times::default(), Times::default(), 0, 0);
    let mut resolved = (0, 0.0);
    Times::default().block(threads);
    for _ in 0..rounds {
        plain.block(threads);
        let running = Sampler::start_at(rate.clone(), source)?;
        profiled.block(threads);
        let ended = running.stop()?;
        samples += ended.samples();
        lost += ended.lost();
        let start = Instant::now();
        let named = ended.samples();
        profiler::resolve(ended, rate.hz, None, String::new());
        resolved = (named, start.elapsed().as_secs_f64());
    }
    let (wall, processor) = (median(&plain.wall), median(&plain.processor));
    writeln!(
        std::io::stdout(),
        "{source:?} {} Hz (asked {hz}, a sample costs {:?} us, {:?} of them for reading and walking), {threads} threads: wall {:.2} ms x {:.4}, processor {:.2} ms x {:.4}; \
         {:.0} samples per processor second, {lost} lost; {} samples were named in {:.0} ms",
        rate.hz,
        rate.cost_us,
        rate.handling_us,
        wall * 1e3,
        median(&profiled.wall) / wall,
        processor * 1e3,
        median(&profiled.processor) / processor,
        samples as f64 / profiled.processor.iter().sum::<f64>(),
        resolved.0,
        resolved.1 * 1e3,
    )?;
    Ok(())
}
