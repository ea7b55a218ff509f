//! What a source yields: [`RawSample`], and the trait [`SampleSource`] that both sources implement.
//!
//! A source copies registers and stack bytes while the thread is stopped and does nothing else there; walking
//! and naming come later, on the sampler's own thread.

use std::time::Duration;

/// The registers that a stack walk needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers {
    /// Instruction pointer.
    pub(crate) ip: u64,
    /// Stack pointer.
    pub(crate) sp: u64,
    /// Frame pointer (rbp, x29).
    pub(crate) fp: u64,
    /// Link register; 0 on x86-64, which has none.
    pub(crate) lr: u64,
}

/// One interruption of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSample<'a> {
    /// The thread.
    pub(crate) tid: i32,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub(crate) time: u64,
    /// Its registers.
    pub(crate) registers: Registers,
    /// The stack bytes from `registers.sp` upwards, as many as were copied.
    pub(crate) window: &'a [u8],
    /// Return addresses that the kernel found along the frame pointers, innermost first; empty when the source
    /// has none.
    pub(crate) chain: &'a [u64],
}

/// A place where samples come from. Owned by the sampler's thread, which calls everything.
pub(crate) trait SampleSource: Send {
    /// Observes threads that are new since the last call, never the thread `own`.
    fn scan(&mut self, own: i32);
    /// Whether threads that begin later have to be looked for by [`Self::scan`].
    fn must_scan(&self) -> bool;
    /// Hands over what has gathered.
    fn drain(&mut self, sink: &mut dyn FnMut(&RawSample<'_>));
    /// Stops taking samples; those already taken can still be drained.
    fn end(&mut self);
    /// How long samples may gather before [`Self::drain`] is due, at a quarter of the room there is.
    fn interval(&self) -> Duration;
    /// Samples that were due and could not be stored.
    fn lost(&self) -> u64;
}
