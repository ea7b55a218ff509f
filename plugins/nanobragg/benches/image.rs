//! Times the image beside a fill of a buffer of the same size and beside the scalar variant on the same threads.
//!
//! Ratios say more than seconds: memory and clock of the machine are in both. Each figure is the least of many
//! runs, and what is compared is timed in turn, so that other work on the machine disturbs both or neither. The
//! agreement with the scalar variant is printed beside it, because a fast wrong image is worth nothing. Run by
//! `cargo bench -p nanobragg`; words after `--` choose tables (`sizes`, `instructions`, `loops`;
//! `quick`, which comes only when it is asked for). It judges
//! nothing, the tests do.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]

use std::hint::black_box;
use std::time::Instant;

use nanobragg::check::Check;
use nanobragg::config::{Config, Variant};
use nanobragg::image::Image;
use nanobragg::isa::Isa;
use nanobragg::real::Real;
use nanobragg::sample::Sample;
use nanobragg::scene::Scene;
use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSliceMut;
use rayon::{ThreadPool, ThreadPoolBuilder};
use runner_plugin::Error;

/// Rounds in which everything that is compared is run once.
const ROUNDS: usize = 25;
/// Longest time for one row of a table, in seconds.
const PATIENCE: f64 = 20.0;

fn main() -> Result<(), Error> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let one = pool(1)?;
    let all = pool(0)?;
    let many = |cells| Config { cells, ..Config::benchmark(4096) };
    if is_wanted("sizes") {
        println!("sizes: N = 5 by the polynomial, N = 5 by the quotient for any N; `{}`", Isa::best().name());
        heading();
        for size in [1024, 2048, 4096, 8192] {
            for pool in [&one, &all] {
                let scene = Scene::uniform(&Config { size, ..many(5) })?;
                row::<f32>("N = 5, float32", &scene, pool, Isa::best(), false)?;
                row::<f32>("any N, float32", &scene, pool, Isa::best(), true)?;
                row::<f64>("N = 5, float64", &scene, pool, Isa::best(), false)?;
                row::<f64>("any N, float64", &scene, pool, Isa::best(), true)?;
            }
        }
    }
    if wanted.iter().any(|word| word == "quick") {
        println!("quick: 4096, two threads, nothing compared with scalar");
        let scene = Scene::uniform(&many(5))?;
        quick(&scene, &all)?;
    }
    if is_wanted("instructions") {
        println!("instructions: the benchmark's scene");
        heading();
        let scene = Scene::uniform(&many(5))?;
        for isa in Isa::all() {
            row::<f32>(&format!("{}, float32", isa.name()), &scene, &all, isa, false)?;
            row::<f32>(&format!("{}, any N", isa.name()), &scene, &all, isa, true)?;
            row::<f64>(&format!("{}, float64", isa.name()), &scene, &all, isa, false)?;
            row::<f64>(&format!("{}, any N, float64", isa.name()), &scene, &all, isa, true)?;
        }
    }
    if is_wanted("loops") {
        println!("loops: 1024 x 1024 with the loops on; time a pixel and term");
        heading();
        for (name, config) in loops() {
            let scene = Scene::uniform(&config)?;
            for pool in [&one, &all] {
                row::<f32>(&format!("{name}, float32"), &scene, pool, Isa::best(), false)?;
            }
            row::<f64>(&format!("{name}, float64"), &scene, &all, Isa::best(), false)?;
        }
    }
    Ok(())
}

/// The four single loops in turn, many times: medians and their ratios, which noise disturbs least.
fn quick(scene: &Scene, pool: &ThreadPool) -> Result<(), Error> {
    pool.install(|| {
        let mut few = Image::<f32>::vectorized(scene, Isa::best(), false)?;
        let mut any = Image::<f32>::vectorized(scene, Isa::best(), true)?;
        let mut few_double = Image::<f64>::vectorized(scene, Isa::best(), false)?;
        let mut any_double = Image::<f64>::vectorized(scene, Isa::best(), true)?;
        let mut times: [Vec<f64>; 4] = Default::default();
        for _ in 0..4 * ROUNDS {
            times[0].push(seconds(|| few.compute(|| false))?);
            times[1].push(seconds(|| any.compute(|| false))?);
            times[2].push(seconds(|| few_double.compute(|| false))?);
            times[3].push(seconds(|| any_double.compute(|| false))?);
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            (times[0] * 1e3, times[times.len() / 2] * 1e3)
        };
        let [few, any, few_double, any_double] = times.each_mut().map(median);
        println!(
            "  N = 5: float32 {few:.2?} ms, float64 {few_double:.2?} ms, ratio of medians {:.2}",
            few_double.1 / few.1
        );
        println!(
            "  any N: float32 {any:.2?} ms, float64 {any_double:.2?} ms, ratio of medians {:.2}",
            any_double.1 / any.1
        );
        Ok(())
    })
}

/// Scenes that run each loop, and a word for each.
fn loops() -> Vec<(&'static str, Config)> {
    let base = Config { oversample: 1, ..Config::benchmark(1024) };
    let phi = |phi_steps| Config { phi_steps, osc_deg: Some(2.0), ..base.clone() };
    vec![
        ("phi 10", phi(10)),
        ("phi 100", phi(100)),
        ("phi 10, N = 30", Config { cells: 30, ..phi(10) }),
        ("dispersion 5", Config { dispersion_percent: 1.0, dispersion_steps: 5, ..base.clone() }),
        ("sub-pixels 3 x 3", Config { oversample: 3, ..base.clone() }),
        (
            "phi 10, disp 5, 2 x 2",
            Config { dispersion_percent: 1.0, dispersion_steps: 5, oversample: 2, ..phi(10) },
        ),
        ("mosaic 20", Config { mosaic_deg: 1.0, mosaic_domains: 20, ..base.clone() }),
        ("phi 10, gauss", Config { shape: nanobragg::config::Shape::Gauss, ..phi(10) }),
        ("phi 10, round", Config { shape: nanobragg::config::Shape::Round, ..phi(10) }),
        ("phi 10, omega each", Config { oversample_omega: true, ..phi(10) }),
    ]
}

fn pool(threads: usize) -> Result<ThreadPool, Error> {
    let built = ThreadPoolBuilder::new().num_threads(threads).build();
    built.map_err(|error| Error::failed(format!("the threads could not be started: {error}")))
}

fn heading() {
    println!(
        "{:>5} {:<30} {:>7} {:>6} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "size",
        "what",
        "threads",
        "terms",
        "ms",
        "/ fill",
        "scalar /",
        "fill ms",
        "ns/term",
        "1-corr",
        "ratio-1",
        "worst"
    );
}

fn row<T: Real>(name: &str, scene: &Scene, pool: &ThreadPool, isa: Isa, any: bool) -> Result<(), Error> {
    pool.install(|| {
        let mut image = Image::<T>::vectorized(scene, isa, any)?;
        let mut buffer = vec![T::ONE; scene.size * scene.size];
        let terms = scene.steps() * u64::from(scene.layers());
        // The scalar variant is slow: a part of its rows, once a round, until patience ends.
        let part = Scene { size: scene.size, ..scene.clone() };
        let mut scalar = Image::<T>::allocate(&part, Variant::Scalar)?;
        let (mut fastest, mut fill, mut slow) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        let start = Instant::now();
        image.compute(|| false)?;
        for round in 0..ROUNDS {
            let value = T::from_f64(round as f64);
            fill = fill.min(seconds(|| {
                buffer.par_chunks_mut(32 * scene.size).for_each(|block| block.fill(value));
                black_box(&mut buffer);
                Ok(())
            })?);
            fastest = fastest.min(seconds(|| image.compute(|| false))?);
            black_box(&image);
            if start.elapsed().as_secs_f64() < PATIENCE && (round < 2 || slow < 0.5) {
                slow = slow.min(seconds(|| scalar.compute(|| false))?);
            } else if start.elapsed().as_secs_f64() > PATIENCE {
                break;
            }
        }
        let pixels = image.pixels();
        let sample = Sample::new(scene.size, 65_536);
        let check =
            Check::new(scene, Variant::Vectorized, &sample, |row, column| pixels[(row, column)].to_f64());
        println!(
            "{:>5} {name:<30} {:>7} {terms:>6} {:>10.3} {:>9.2} {:>9.2} {:>9.3} {:>9.3} {:>9.1e} {:>9.1e} {:>9.1e}",
            scene.size,
            rayon::current_num_threads(),
            fastest * 1e3,
            fastest / fill,
            slow / fastest,
            fill * 1e3,
            fastest * 1e9 / (scene.size * scene.size) as f64 / terms as f64,
            1.0 - check.correlation,
            check.sum_ratio - 1.0,
            check.max_difference,
        );
        Ok(())
    })
}

fn seconds(work: impl FnOnce() -> Result<(), Error>) -> Result<f64, Error> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}
