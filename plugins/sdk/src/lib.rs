//! Write a runner plugin in safe Rust.
//!
//! Choose a role ([`Kernel`], [`Profiler`], [`Capture`] or [`Ledger`]), implement its trait, and export it.
//! This is a whole working plugin (`crate-type = ["cdylib"]` in its `Cargo.toml`):
//!
//! ```
//! use runner_plugin::{Error, Finish, Host, Iteration, Kernel, Metrics, Prepared};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     terms: u64,
//! }
//!
//! struct Harmonic {
//!     terms: u64,
//!     sum: f64,
//! }
//!
//! impl Kernel for Harmonic {
//!     type Config = Config;
//!
//!     fn create(_host: &Host, config: Config) -> Result<Self, Error> {
//!         Ok(Self { terms: config.terms, sum: 0.0 })
//!     }
//!
//!     fn prepare(&mut self, _host: &Host) -> Result<Prepared, Error> {
//!         Ok(Prepared { warmup: 1, iterations: 3, device: "cpu".into() })
//!     }
//!
//!     fn iterate(&mut self, _host: &Host, _iteration: Iteration) -> Result<(), Error> {
//!         self.sum = (1..=self.terms).map(|n| 1.0 / n as f64).sum();
//!         Ok(())
//!     }
//!
//!     fn finish(&mut self, _host: &Host, finish: &Finish) -> Result<Metrics, Error> {
//!         Ok(Metrics::new().with("sum", self.sum, "1").with_list("seconds", &finish.seconds, "s"))
//!     }
//! }
//!
//! runner_plugin::export! {
//!     kernel: Harmonic,
//!     name: "harmonic",
//!     summary: "Adds the first terms of the harmonic series",
//!     schema: r#"{
//!         "type": "object",
//!         "properties": { "terms": { "type": "integer", "minimum": 1 } },
//!         "required": ["terms"],
//!         "additionalProperties": false
//!     }"#,
//! }
//! # fn main() {}
//! ```
//!
//! The SDK never imports the host: everything a plugin may do to the world goes through [`Host`].
#![allow(unsafe_code, reason = "the guarded edge between safe plugins and the C ABI")]
#![warn(missing_docs)]

mod error;
mod export;
mod ffi;
mod host;
mod role;

pub use error::{Error, ErrorKind};
pub use host::{Artifact, Host, Level, Program, ProgramOutput};
pub use role::{
    Capture, Edit, EditRequest, Finish, Iteration, Kernel, Ledger, Metric, Metrics, Prepared, Profiler,
    Progress, Splice, Target,
};

/// What the [`export!`] macro expands to. Not for direct use.
#[doc(hidden)]
pub mod private {
    pub use crate::export::{plain, section_bytes, table};
    pub use crate::ffi::{capture, kernel, ledger, profiler};
    pub use runner_plugin_abi as abi;
}
