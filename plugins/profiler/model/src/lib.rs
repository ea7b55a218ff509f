//! A profile as weighted stacks, whoever recorded it: [`Profile`], its ranking ([`Hotspots`]) and its exports.
//!
//! Used by the profiler plugin, which samples, and by the plugins that read profiles. It is a crate of its own
//! because every plugin exports the same symbol, so that no plugin can link another. Pure: never looks at a
//! process, never opens a file.

mod flamegraph;
mod folded;
mod hotspots;
pub mod origin;
mod profile;
mod speedscope;

pub use flamegraph::flamegraph;
pub use folded::folded;
pub use hotspots::{Hotspots, LineRow, Operation, ThreadRow};
pub use origin::Kind;
pub use profile::{Frame, Function, Profile, Stack, Thread, Unit};
pub use speedscope::speedscope;
