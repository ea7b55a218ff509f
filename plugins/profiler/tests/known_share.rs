//! Programs whose profile is known beforehand, sampled by both sources: shares, inlined calls, callers of libm,
//! threads that begin late.
//!
//! Each test profiles its own process, so they take turns under [`TURN`].

#![expect(
    clippy::unwrap_used,
    clippy::inline_always,
    reason = "a test program; the inlined function is what it is about"
)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use profile_model::{Hotspots, Kind, Operation, Profile};
use profiler::{Sampler, SourceChoice, SourceKind};

static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Line of the expression in [`mix`].
const MIX_LINE: u32 = line!() + 4;

#[inline(always)]
fn mix(state: u64, step: u64) -> u64 {
    state.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) ^ step
}

#[inline(never)]
fn heavy(rounds: u64) -> u64 {
    let mut state = 1;
    let mut step = 0;
    while step < black_box(rounds) {
        state = mix(state, step);
        step += 1;
    }
    black_box(state)
}

#[inline(never)]
fn light(rounds: u64) -> u64 {
    let mut state = 7;
    let mut step = 3;
    while step < black_box(rounds) {
        state = mix(state, step);
        step += 1;
    }
    black_box(state)
}

#[inline(never)]
fn sines(rounds: u64) -> f64 {
    let mut sum = 0.0;
    let mut angle = 0.1_f64;
    for _ in 0..rounds {
        sum += black_box(angle).sin() + black_box(angle).cos();
        angle += 0.37;
    }
    black_box(sum)
}

/// Processor seconds of the calling thread. Samples are taken of processor time, so the truth must be too: on a busy
/// machine wall time is something else.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

/// Processor seconds spent in `heavy` and in `light` by one thread.
#[inline(never)]
fn three_to_one(enough: &AtomicBool) -> (f64, f64) {
    let (mut in_heavy, mut in_light) = (0.0, 0.0);
    while !enough.load(Ordering::Relaxed) {
        let start = processor_seconds();
        heavy(3 * 400_000);
        let between = processor_seconds();
        light(400_000);
        in_heavy += between - start;
        in_light += processor_seconds() - between;
    }
    (in_heavy, in_light)
}

/// Waits until the sampler has `wanted` samples; a machine that cannot deliver them in time fails the test.
fn wait_for(sampler: &Sampler, wanted: u64) {
    let start = Instant::now();
    while sampler.samples() < wanted {
        assert!(start.elapsed() < Duration::from_mins(1), "only {} samples", sampler.samples());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn resolve(sampler: Sampler, hz: u32) -> Profile {
    let root = env!("CARGO_MANIFEST_DIR").trim_end_matches("/plugins/profiler");
    profiler::resolve(sampler.stop().unwrap(), hz, 1, root.to_owned())
}

fn row<'a>(hotspots: &'a Hotspots, name: &str) -> &'a Operation {
    let wanted = format!("known_share::{name}");
    hotspots.operations.iter().find(|row| row.function == wanted).unwrap_or_else(|| {
        let names: Vec<_> = hotspots.operations.iter().map(|row| &row.function).take(20).collect();
        panic!("{wanted} is not among {names:?}")
    })
}

fn shares_are_right(choice: SourceChoice, workers: usize, wanted: u64) {
    let _turn = turn();
    let enough = AtomicBool::new(false);
    let begin = std::sync::Barrier::new(workers + 1);
    let (profile, times) = std::thread::scope(|scope| {
        let work = || {
            begin.wait();
            three_to_one(&enough)
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let sampler = Sampler::start(999, choice).unwrap();
        begin.wait();
        wait_for(&sampler, wanted);
        let profile = resolve(sampler, 999);
        enough.store(true, Ordering::Relaxed);
        let times: Vec<_> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
        (profile, times)
    });
    let in_heavy: f64 = times.iter().map(|time| time.0).sum();
    let in_light: f64 = times.iter().map(|time| time.1).sum();
    let truth = 100.0 * in_heavy / (in_heavy + in_light);
    assert!((60.0..90.0).contains(&truth), "the workload itself is off: {truth}");

    let hotspots = Hotspots::of(&profile);
    let (heavy, light) = (row(&hotspots, "heavy"), row(&hotspots, "light"));
    let share = 100.0 * heavy.inclusive as f64 / (heavy.inclusive + light.inclusive) as f64;
    // Four standard errors of a share of 3/4, and a point for what is not chance.
    let tolerance = 1.0 + 4.0 * 100.0 * (0.75 * 0.25 / wanted as f64).sqrt();
    assert!((share - truth).abs() < tolerance, "sampled {share}, measured {truth}, tolerance {tolerance}");
    let covered = heavy.inclusive_percent + light.inclusive_percent;
    assert!(covered > 90.0, "heavy and light cover {covered} % only");
    let caller = row(&hotspots, "three_to_one");
    assert!(caller.inclusive_percent > 90.0 && caller.self_percent < 10.0, "{caller:?}");
    assert_eq!(
        (heavy.kind, heavy.file.as_deref()),
        (Kind::Kernel, Some("plugins/profiler/tests/known_share.rs"))
    );
    let busy = hotspots.threads.iter().filter(|thread| thread.total > wanted / 10).count();
    assert_eq!(busy, workers, "{:?}", hotspots.threads);
    assert_eq!(hotspots.threads.iter().map(|thread| thread.total).sum::<u64>(), hotspots.total);

    // The function that exists inlined only is a frame of its own, between its line and its caller.
    let mix = row(&hotspots, "mix");
    assert_eq!(mix.line, Some(MIX_LINE), "{mix:?}");
    assert!(mix.inclusive > 0 && mix.inclusive <= heavy.inclusive + light.inclusive);
    assert_eq!(mix.first_line, None);
}

#[test]
fn perf_finds_a_share_of_three_to_one_on_one_thread() {
    shares_are_right(SourceChoice::Auto, 1, 1200);
}

#[test]
fn perf_finds_a_share_of_three_to_one_on_two_threads() {
    shares_are_right(SourceChoice::Auto, 2, 1200);
}

#[test]
fn the_timer_finds_a_share_of_three_to_one_on_one_thread() {
    shares_are_right(SourceChoice::Timer, 1, 300);
}

#[test]
fn the_timer_finds_a_share_of_three_to_one_on_two_threads() {
    shares_are_right(SourceChoice::Timer, 2, 500);
}

#[test]
fn each_iteration_has_a_slice_with_its_own_stacks() {
    let _turn = turn();
    for choice in [SourceChoice::Auto, SourceChoice::Timer] {
        let mut sampler = Sampler::start(999, choice).unwrap();
        // Iterations of two kinds in turn, each of 100 ms of processor time.
        for index in 0..6 {
            let start = processor_seconds();
            while processor_seconds() - start < 0.1 {
                if index % 2 == 0 {
                    heavy(400_000)
                } else {
                    light(400_000)
                };
            }
            sampler.mark();
        }
        heavy(40_000_000); // after the last mark: in no slice
        let profile = resolve(sampler, 999);
        assert_eq!(profile.slices.len(), 6);
        let of = |slice: &[(u32, u64)], name: &str| -> u64 {
            let wanted = format!("known_share::{name}");
            let has = |stack: u32| {
                let frames = &profile.stacks[stack as usize].frames;
                frames.iter().any(|frame| profile.function_of(*frame).name == wanted)
            };
            slice.iter().filter(|(stack, _)| has(*stack)).map(|(_, weight)| weight).sum()
        };
        for (index, slice) in profile.slices.iter().enumerate() {
            let (in_heavy, in_light) = (of(slice, "heavy"), of(slice, "light"));
            let (own, other) = if index % 2 == 0 { (in_heavy, in_light) } else { (in_light, in_heavy) };
            // One sample may be taken before its iteration's mark and dated after it.
            assert!(own >= 5 && other <= 1, "{choice:?}, iteration {index}: {own} and {other}");
        }
        let sliced: u64 = profile.slices.iter().flatten().map(|(_, weight)| weight).sum();
        assert!(sliced < profile.total, "what came after the last iteration is in no slice");
    }
}

/// libm keeps no frame pointers: a plain frame-pointer chain would leave out `sines`, its caller.
fn the_caller_of_libm_is_there(choice: SourceChoice, wanted: u64) {
    let _turn = turn();
    let enough = AtomicBool::new(false);
    let profile = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                sines(100_000);
            }
        });
        let sampler = Sampler::start(999, choice).unwrap();
        wait_for(&sampler, wanted);
        enough.store(true, Ordering::Relaxed);
        resolve(sampler, 999)
    });
    let hotspots = Hotspots::of(&profile);
    let sines = row(&hotspots, "sines");
    assert!(sines.inclusive_percent > 97.0, "{sines:?}");
    let in_libm: f64 = hotspots
        .operations
        .iter()
        .filter(|row| row.module.starts_with("libm") && row.kind == Kind::Runtime)
        .map(|row| row.self_percent)
        .sum();
    assert!(in_libm > 10.0, "only {in_libm} % in libm: the test does not test what it says");
    assert!(
        hotspots.single_frame_percent.is_some_and(|percent| percent < 3.0),
        "{:?}",
        hotspots.single_frame_percent
    );
}

#[test]
fn perf_keeps_the_caller_of_a_function_without_frame_pointer() {
    the_caller_of_libm_is_there(SourceChoice::Auto, 400);
}

#[test]
fn the_timer_keeps_the_caller_of_a_function_without_frame_pointer() {
    the_caller_of_libm_is_there(SourceChoice::Timer, 150);
}

#[test]
fn a_thread_that_begins_after_the_start_is_sampled() {
    for choice in [SourceChoice::Auto, SourceChoice::Timer] {
        let _turn = turn();
        let sampler = Sampler::start(999, choice).unwrap();
        let enough = AtomicBool::new(false);
        let profile = std::thread::scope(|scope| {
            let late = || {
                while !enough.load(Ordering::Relaxed) {
                    heavy(100_000);
                }
            };
            std::thread::Builder::new().name("late".into()).spawn_scoped(scope, late).unwrap();
            wait_for(&sampler, 50);
            enough.store(true, Ordering::Relaxed);
            resolve(sampler, 999)
        });
        let late =
            profile.threads.iter().find(|thread| thread.name == "late").map_or(0, |thread| thread.weight);
        assert!(
            late > 25,
            "{choice:?}: {:?}",
            profile.threads.iter().map(|t| (&t.name, t.weight)).collect::<Vec<_>>()
        );
        assert!(profile.threads.iter().all(|thread| thread.name != "profiler"), "it samples itself");
    }
}

#[test]
fn auto_uses_perf_where_it_is_permitted_and_says_why_where_it_is_not() {
    let _turn = turn();
    let perf = Sampler::start(99, SourceChoice::Perf).map(|sampler| sampler.source().0);
    let auto = Sampler::start(99, SourceChoice::Auto).unwrap();
    let (kind, reason) = auto.source();
    match perf {
        Ok(_) => assert_eq!((kind, reason), (SourceKind::Perf, "perf_event_open is permitted")),
        Err(error) => {
            assert_eq!(kind, SourceKind::Timer);
            assert!(reason.starts_with("perf_event_open was refused: "), "{reason}");
            assert!(error.to_string().starts_with(reason), "{error}");
        }
    }
}

#[test]
fn a_second_timer_profile_is_refused_while_one_runs_and_possible_afterwards() {
    let _turn = turn();
    let first = Sampler::start(99, SourceChoice::Timer).unwrap();
    let second = Sampler::start(99, SourceChoice::Timer).err().unwrap().to_string();
    assert_eq!(second, "the interval timer cannot be used: a timer profile is already running");
    first.stop().unwrap();
    Sampler::start(99, SourceChoice::Timer).unwrap().stop().unwrap();
}
