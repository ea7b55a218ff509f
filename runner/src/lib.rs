//! The `runner` library: everything behind the thin binary.

pub mod catalog;
pub mod clock;
pub mod diagnostic;
pub mod exit_code;
pub mod fs;
pub mod git;
pub mod event;
pub mod evidence;
pub mod launch;
pub mod outcome;
pub mod plan;
pub mod process;
pub mod spec;
