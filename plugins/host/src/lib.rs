//! Loads plugin libraries and drives them, in a child process of the runner.
//!
//! The runner starts itself again as `runner plugin-host`, which calls [`serve`]. Everything foreign is
//! loaded here and only here: a crash, an exit or a hang of a plugin is a wait status for the runner.
//! [`protocol`] holds the types of the conversation, which the runner's client shares; [`manifest`] reads
//! what a library says about itself without running it.
//!
//! [`drive`] does the work and talks to a [`Peer`]: the runner behind two pipes, or a test's memory.

mod artifact;
mod buffer;
mod cancellation;
mod capture;
mod drive;
mod instance;
mod kernel;
mod ledger;
mod library;
pub mod manifest;
mod orphan;
mod peer;
mod program;
pub mod protocol;
mod serve;
mod table;
mod wire;

pub use cancellation::Cancellation;
pub use drive::drive;
pub use peer::Peer;
pub use serve::{serve, serve_with_grace};
