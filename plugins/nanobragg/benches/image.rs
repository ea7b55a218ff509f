//! Times the image at the sizes of the benchmark, beside a fill of a buffer of the same size.
//!
//! The ratio says more than the seconds: memory and clock of the machine are in both. The agreement with the
//! scalar path is printed beside it, because a fast wrong image is worth nothing. Run by
//! `cargo bench -p nanobragg`; it judges nothing, the tests do.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::hint::black_box;
use std::time::Instant;

use nanobragg::check::Check;
use nanobragg::config::Config;
use nanobragg::experiment::Experiment;
use nanobragg::image::Image;
use nanobragg::real::Real;
use nanobragg::sample::Sample;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;

const RUNS: usize = 15;

fn main() -> Result<(), runner_plugin::Error> {
    println!("{} threads, median of {RUNS}", rayon::current_num_threads());
    for size in [1024, 2048, 4096] {
        measure::<f32>("float32", size)?;
        measure::<f64>("float64", size)?;
    }
    Ok(())
}

fn measure<T: Real>(dtype: &str, size: u64) -> Result<(), runner_plugin::Error> {
    let experiment = Experiment::new(&Config::benchmark(size));
    let mut image = Image::<T>::allocate(&experiment)?;
    let mut buffer = vec![T::ONE; experiment.size * experiment.size];
    let mut run = 0;
    let fill = median_seconds(|| {
        run += 1;
        let value = T::from_f64(f64::from(run));
        buffer.par_chunks_mut(32 * experiment.size).for_each(|block| block.fill(value));
        black_box(&mut buffer);
        Ok(())
    })?;
    let compute = median_seconds(|| {
        image.compute(|| false)?;
        black_box(&image);
        Ok(())
    })?;
    let pixels = image.pixels();
    let sample = Sample::new(experiment.size, 65_536);
    let check = Check::new(&experiment, &sample, |row, column| pixels[(row, column)].to_f64());
    println!(
        "{size:>5} {dtype}: {:>8.3} ms, fill {:>7.3} ms, ratio {:>6.2}, {:.2} ns/px; \
         1 - correlation {:.1e}, sum ratio - 1 {:.1e}, greatest difference {:.1e}",
        compute * 1e3,
        fill * 1e3,
        compute / fill,
        compute * 1e9 / (size * size) as f64,
        1.0 - check.correlation,
        check.sum_ratio - 1.0,
        check.max_difference,
    );
    Ok(())
}

fn median_seconds(
    mut run: impl FnMut() -> Result<(), runner_plugin::Error>,
) -> Result<f64, runner_plugin::Error> {
    run()?;
    let mut seconds = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}
