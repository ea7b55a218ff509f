//! The `runner` library: everything behind the thin binary.
//!
//! The modules are layers; one may use only those that stand below it (a test holds that):
//! `cli`, `run`, `preflight`, `audit`, `verify`, `report`, `ledger`, `client`, `launch`, `evidence`, `process`,
//! `guard`, `event`, `outcome`, `plan`, `catalog`, `draft`, `spec`, and at the bottom `shell`, `diagnostic`, `exit_code`, `git`,
//! `fs`, `clock`.

pub mod audit;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod clock;
pub mod diagnostic;
pub mod draft;
pub mod event;
pub mod evidence;
pub mod exit_code;
pub mod fs;
pub mod git;
pub mod guard;
pub mod launch;
pub mod ledger;
pub mod outcome;
pub mod plan;
pub mod preflight;
pub mod process;
pub mod report;
pub mod run;
pub mod shell;
pub mod spec;
pub mod verify;
