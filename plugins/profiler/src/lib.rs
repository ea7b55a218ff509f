//! The profiler plugin: samples the measured iterations of a kernel in the kernel's own process and ranks its
//! functions and source lines.
//!
//! ```text
//! Config -> Sampler (PerfSource | TimerSource -> Unwinder) -> Recording -> Profile -> Hotspots, flame graph, ...
//! ```
//!
//! [`ProfilerPlugin`] is what the host drives; the rest can be used as a library, as this crate's tests and its
//! overhead example do. Everything after the recording is pure. See `docs/architecture/profiler.md`.

mod config;
mod function_table;
mod maps;
mod merge;
mod perf;
mod plugin;
mod recording;
mod resolve;
mod sample;
mod sampler;
mod short_name;
mod symbols;
mod threads;
mod timer;
mod unwind;

pub use config::{Config, SourceChoice};
pub use plugin::ProfilerPlugin;
pub use resolve::resolve;
pub use sampler::{Sampled, Sampler, SourceError, SourceKind};

runner_plugin::export! {
    profiler: ProfilerPlugin,
    name: "profiler",
    summary: "Samples call stacks of the measured iterations and ranks functions and source lines",
    schema: include_str!("../schema.json"),
}
