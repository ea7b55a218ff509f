//! A profile as weighted stacks, whoever recorded it: [`Profile`], its ranking ([`Hotspots`]) and its exports.
//!
//! Used by the profiler plugin, which samples, and by the plugins that read profiles ([`read()`]). It is a crate of its own
//! because every plugin exports the same symbol, so that no plugin can link another. Never looks at a
//! process, never opens a file: a reader is given its source.

mod flamegraph;
mod folded;
mod hotspots;
mod markup;
pub mod origin;
mod own;
mod profile;
mod python;
mod read;
mod speedscope;

pub use flamegraph::flamegraph;
pub use folded::folded;
pub use hotspots::{Hotspots, LineRow, Operation, ThreadRow};
pub use markup::escape;
pub use origin::Kind;
pub use profile::{Frame, Function, Profile, Stack, Thread, Unit};
pub use read::{Format, Place, ReadError, ReadProblem, ReadProfile, read};
pub use speedscope::speedscope;
