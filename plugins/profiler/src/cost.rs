//! What one sample costs on this machine, and the rate that a budget allows: [`Rate`].
//!
//! On a virtual machine a timer's interrupt may cost 30 microseconds, on bare metal one or two; 999 samples a
//! second are then 3 % or 0.2 % of the time that is to be measured. So the cost is measured, in some 50 ms before
//! the measured iterations, with the very events of the profile, and the rate is lowered until the budget holds.
//! Called by the sampler and the watch when they start. It must never lower a rate silently: the evidence has
//! both rates and the cost.
#![expect(unsafe_code, reason = "the clock of a thread's processor time")]

use std::hint::black_box;
use std::io;

use crate::perf::{PerfSource, Record, parse};
use crate::recording::Recording;
use crate::unwind::Unwinder;

/// The rate at which the cost is measured, in samples per second.
const TRIAL_HZ: u32 = 4000;
/// Blocks of work, with and without samples in turn; the fastest of each kind count, because whatever else the
/// machine does makes a block slower, never faster.
const BLOCKS: usize = 8;
/// Processor time of a block, in seconds.
const BLOCK: f64 = 0.003;
/// Share of the budget that the samples may take. The rest is for what is not measured here: waking the
/// profiler's thread, and caches that it uses.
const SHARE: f64 = 0.5;

/// Samples per second of processor time and thread: asked for, and taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// As the configuration says.
    pub asked: u32,
    /// As it is; at most `asked`.
    pub hz: u32,
    /// The budget in percent of the processor time; `None` when there is none.
    pub budget: Option<f64>,
    /// Measured cost of a sample in microseconds; `None` when it was not measured.
    pub cost_us: Option<f64>,
    /// The part of it that the profiler's own thread takes, in microseconds.
    pub handling_us: Option<f64>,
    /// Why the cost was not measured.
    pub unmeasured: Option<String>,
}

impl Rate {
    /// The asked rate, whatever it costs.
    pub fn unlimited(asked: u32) -> Self {
        Self {
            asked,
            hz: asked,
            budget: None,
            cost_us: None,
            handling_us: None,
            unmeasured: Some("no budget was set".to_owned()),
        }
    }

    /// The highest rate up to `asked` that stays within `budget` percent of the processor time.
    pub fn within(asked: u32, budget: f64) -> Self {
        match measure() {
            Ok((interrupt, handling)) => Self {
                handling_us: Some(microseconds(handling)),
                ..Self::at_cost(asked, budget, interrupt + handling)
            },
            Err(error) => Self {
                budget: Some(budget),
                unmeasured: Some(format!("the cost of a sample could not be measured: {error}")),
                ..Self::unlimited(asked)
            },
        }
    }

    fn at_cost(asked: u32, budget: f64, seconds: f64) -> Self {
        let affordable = SHARE * budget / 100.0 / seconds.max(1e-9);
        let hz = affordable.floor().clamp(1.0, f64::from(asked)) as u32;
        let cost_us = Some(microseconds(seconds));
        Self { asked, hz, budget: Some(budget), cost_us, handling_us: None, unmeasured: None }
    }

    /// In words, when it was lowered.
    pub fn lowered(&self) -> Option<String> {
        let (cost, budget) = self.cost_us.zip(self.budget)?;
        (self.hz < self.asked).then(|| {
            format!(
                "sampled at {} Hz instead of {}: a sample costs {cost} us here, and profiling may cost {budget} % \
                 (`overhead`)",
                self.hz, self.asked
            )
        })
    }
}

/// In hundredths.
fn microseconds(seconds: f64) -> f64 {
    (seconds * 1e8).round() / 100.0
}

/// Seconds that one sample costs: the interruption, and what the profiler's thread does with it.
///
/// # Errors
/// When perf is refused, or no sample came.
fn measure() -> io::Result<(f64, f64)> {
    let trial = |hz| PerfSource::of_this_thread(hz);
    let event = trial(TRIAL_HZ).or_else(|_| trial(999))?;
    let mut unwinder = Unwinder::new();
    let rounds = calibrate();
    let (mut plain, mut disturbed) = (f64::INFINITY, f64::INFINITY);
    let (mut samples, mut handling) = (0_u64, 0.0);
    let (mut bytes, mut stack, mut recording) = (Vec::new(), Vec::new(), Recording::default());
    for block in 0..BLOCKS {
        plain = plain.min(work(rounds));
        event.enable()?;
        disturbed = disturbed.min(work(rounds));
        event.disable();
        let begin = processor_seconds();
        bytes.clear();
        event.ring().into_iter().for_each(|ring| ring.read(&mut bytes));
        let before = samples;
        parse(&bytes, &mut |record| {
            if let Record::Sample { sample, .. } = record {
                let ending = unwinder.walk(sample, &mut stack);
                recording.add((sample.tid, 0), sample.time, &stack, ending, |_| String::new());
                samples += 1;
            }
        });
        if block == 0 {
            // The caches are filled now.
            samples = before;
        } else {
            handling += processor_seconds() - begin;
        }
    }
    if samples == 0 {
        return Err(io::Error::other("no sample came"));
    }
    let each_block = samples as f64 / (BLOCKS - 1) as f64;
    Ok(((disturbed - plain).max(0.0) / each_block, handling / samples as f64))
}

/// How many rounds of work make a block.
fn calibrate() -> u64 {
    let mut rounds = 1 << 16;
    loop {
        let seconds = work(rounds);
        if seconds > BLOCK / 4.0 || rounds > 1 << 40 {
            return (rounds as f64 * BLOCK / seconds.max(1e-6)) as u64;
        }
        rounds *= 2;
    }
}

/// Arithmetic that depends on itself; returns the processor time that it took, in seconds.
#[inline(never)]
fn work(rounds: u64) -> f64 {
    let begin = processor_seconds();
    let mut state = black_box(1_u64);
    for round in 0..rounds {
        state = state.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) ^ round;
    }
    black_box(state);
    processor_seconds() - begin
}

/// Of the calling thread.
fn processor_seconds() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is valid for the call, and the clock exists everywhere.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_what_the_budget_allows_and_never_more_than_was_asked() {
        let dear = Rate::at_cost(999, 2.0, 30.01e-6);
        assert_eq!((dear.hz, dear.asked, dear.cost_us), (333, 999, Some(30.01)));
        assert_eq!(
            dear.lowered().unwrap(),
            "sampled at 333 Hz instead of 999: a sample costs 30.01 us here, and profiling may cost 2 % (`overhead`)"
        );
        let cheap = Rate::at_cost(999, 2.0, 2e-6);
        assert_eq!((cheap.hz, cheap.lowered()), (999, None));
        assert_eq!(Rate::at_cost(999, 0.001, 30e-6).hz, 1, "no rate at all would be no profile");
    }

    #[test]
    fn the_cost_of_a_sample_is_measured_where_perf_is_permitted() {
        match measure() {
            Ok((interrupt, handling)) => {
                let seconds = interrupt + handling;
                assert!((1e-8..1e-2).contains(&seconds), "{seconds} s");
            }
            Err(error) => assert!(PerfSource::of_this_thread(999).is_err(), "{error}"),
        }
    }
}
