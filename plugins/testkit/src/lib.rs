//! Tests a plugin library through the real ABI, in the test's own process.
//!
//! [`Testkit`] loads the library as the runner's host does and drives it with the same code, against a
//! temporary root and bundle; programs are answered by a closure. An integration test (a file under
//! `tests/`) of the plugin's own package finds the library with [`built_library`]; a plugin in C is compiled
//! with [`compile_c`]. [`schema_refuses`] asks a config schema, so that a test can hold it against the type.
//!
//! ```no_run
//! use runner_plugin_testkit::{Testkit, built_library};
//!
//! let kit = Testkit::load(built_library("harmonic"))?;
//! let result = kit.kernel(serde_json::json!({ "terms": 1000 }))?;
//! assert_eq!(result.seconds.len(), 3);
//! assert!(kit.logs().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A plugin that crashes ends the test process: such tests start the runner itself.

mod built_library;
mod c_compiler;
mod config_schema;
mod memory_peer;
mod testkit;

pub use built_library::built_library;
pub use c_compiler::{compile_c, include_dir};
pub use config_schema::schema_refuses;
pub use runner_plugin_host::Cancellation;
pub use runner_plugin_host::protocol::{Failure, FailureKind, FromHost, KernelResult};
pub use testkit::{ProgressLine, Testkit};

/// The Rust examples of the guide are compiled as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/plugins.md")]
struct Guide;
