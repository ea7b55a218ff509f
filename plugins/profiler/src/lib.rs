//! The profiler plugin: samples the measured iterations of a kernel in the kernel's own process, or the program of
//! a `run:` step with all that it starts, and ranks functions and source lines.
//!
//! ```text
//! Config -> Rate -> Sampler (PerfSource | TimerSource -> Unwinder) ---+
//!                   Watch (the program's own events -> Processes) ----+-> Recording -> Profile -> Hotspots, ...
//!                   trace (a file that the program wrote) ------------------------------^
//! ```
//!
//! [`ProfilerPlugin`] is what the host drives; the rest can be used as a library, as this crate's tests and its
//! overhead example do. Everything after the recording is pure. See `docs/architecture/profiler.md`.

mod activity;
mod config;
mod cost;
mod function_table;
mod maps;
mod merge;
mod perf;
mod plugin;
mod program;
mod recording;
mod report;
mod resolve;
mod sample;
mod sampler;
mod short_name;
mod symbols;
mod threads;
mod timer;
mod trace;
mod unwind;

pub use config::{Config, Overhead, SourceChoice};
pub use cost::Rate;
pub use plugin::ProfilerPlugin;
pub use resolve::resolve;
pub use sampler::{Sampled, Sampler, SourceError, SourceKind};

runner_plugin::export! {
    profiler: ProfilerPlugin,
    name: "profiler",
    summary: "Samples call stacks of a kernel or a program and ranks functions and source lines",
    schema: include_str!("../schema.json"),
}
