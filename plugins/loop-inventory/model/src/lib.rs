//! The loops of a code base: [`Inventory`] reads and writes `loop_inventory.json` and finds [`Loop`]s by place;
//! [`Classification`] reads a Markdown table in which people classified loops, and [`classify`] joins the two.
//!
//! Used by the plugin `loop-inventory`, which scans sources, and by whoever relates a profile to loops. It is a
//! crate of its own because every plugin exports the same symbol, so that nobody can link one; the parsers
//! of the scanner stay in the plugin. Never opens a file.

#![warn(missing_docs)]

mod claim;
mod classification;
mod find;
mod id;
mod inventory;
mod join;
mod loops;
mod stale;

pub use claim::Claim;
pub use classification::{Classification, Row};
pub use find::NoModule;
pub use id::number;
pub use inventory::{Contradiction, Counts, Inventory, Problem, ProblemKind, ReadError};
pub use join::classify;
pub use loops::{Class, Kind, Loop};
pub use stale::stale;
